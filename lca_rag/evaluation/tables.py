"""The model card's two tables, and a Markdown report around them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lca_rag.evaluation.measures import NAMES
from lca_rag.evaluation.report import Figure, Report

TABLE_CUTS = (10, 100)
"""Cuts of the card's two tables."""


def rows(report: Report, cut: int, scheme: str = "exact") -> list[list[str]]:
    """Header and one row per system: value, interval, relative gain and p of every measure."""
    measured = [f"{name}@{cut}" for name in NAMES]
    measured = [name for name in measured if name in report.results[0].figures]
    table = [["system", *measured]]
    for system in report.systems:
        figures = report.result(system, scheme).figures
        table.append([system, *(_cell(figures[name]) for name in measured)])
    table += [[system, *["not run"] * len(measured)] for system in report.not_run]
    return table


def _cell(figure: Figure) -> str:
    low, high = figure.interval
    text = f"{figure.value:.4f} [{low:.4f}, {high:.4f}]"
    if figure.gain is None:
        return text
    text += f" {figure.gain:+.1%}"
    if figure.p is not None:
        text += " p<0.001" if figure.p < 0.001 else f" p={figure.p:.3f}"
    return text


def markdown(report: Report, pictures: Sequence[Path] = ()) -> str:
    """The whole report as Markdown."""
    corpus = "" if report.corpus is None else f", {report.corpus:,} records"
    lines = [
        f"# {report.name}",
        "",
        f"{len(report.queries):,} queries{corpus}. Means over all queries, an unanswered one as "
        "zero; in brackets the 95 % bootstrap interval; then the relative gain over the first "
        "system and the p-value of a paired randomisation test against it.",
    ]
    said = {"exact": "the exact record", "group": "any record of its duplicate group"}
    for scheme in report.schemes:
        for cut in TABLE_CUTS:
            table = rows(report, cut, scheme)
            if len(table[0]) > 1:
                lines += [
                    "",
                    f"## @{cut}, relevant is {said.get(scheme, scheme)}",
                    "",
                    *_pipe(table),
                ]
    lines += ["", f"## {report.headline} by type of query", "", *_pipe(_types(report))]
    lines += ["", *(f"- not run: {name} ({why})" for name, why in report.not_run.items())]
    lines += [f"![{picture.stem}]({picture.name})" for picture in pictures]
    return "\n".join(lines).rstrip() + "\n"


def _types(report: Report) -> list[list[str]]:
    values = report.by_type()
    names = sorted(next(iter(values.values())))
    return [
        ["system", *names],
        *([system, *(f"{found[name]:.3f}" for name in names)] for system, found in values.items()),
    ]


def _pipe(table: Sequence[Sequence[str]]) -> list[str]:
    head, *body = (" | ".join(cell.replace("|", "\\|") for cell in row) for row in table)
    return [f"| {head} |", "|" + "---|" * len(table[0]), *(f"| {row} |" for row in body)]
