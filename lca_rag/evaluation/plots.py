"""Three pictures: measures by system, recall by depth, NDCG@10 by type of query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lca_rag.errors import MissingExtra
from lca_rag.evaluation.measures import CUTS
from lca_rag.evaluation.report import Report

_BARS = ("NDCG@10", "Recall@10", "MRR@10", "Recall@100")


def draw(report: Report, directory: Path) -> list[Path]:
    """Write the pictures as SVG; their paths.

    Raises:
        MissingExtra: If matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise MissingExtra("eval", "drawing") from exc
    paths: list[Path] = []
    for name, fill in (("measures", _bars), ("recall", _recall), ("types", _types)):
        figure = Figure(figsize=(9, 4.5), layout="constrained")
        FigureCanvasSVG(figure)
        fill(figure.subplots(), report)
        path = directory / f"{name}.svg"
        # No date in the file, so that an unchanged picture is an unchanged file.
        figure.savefig(path, format="svg", metadata={"Date": None})
        paths.append(path)
    return paths


def _bars(axes: Any, report: Report) -> None:  # noqa: ANN401
    shown = [name for name in _BARS if name in report.results[0].figures]
    width = 0.8 / len(report.systems)
    for index, system in enumerate(report.systems):
        figures = [report.figure(system, name) for name in shown]
        values = np.array([figure.value for figure in figures])
        spread = np.abs(np.array([figure.interval for figure in figures]) - values[:, None]).T
        places = np.arange(len(shown)) + (index - (len(report.systems) - 1) / 2) * width
        axes.bar(places, values, width, yerr=spread, label=system, error_kw={"elinewidth": 0.7})
    axes.set_xticks(np.arange(len(shown)), shown)
    axes.set_ylim(0, 1)
    axes.set_title(f"{report.name}: means and 95 % intervals")
    axes.legend(fontsize="small")


def _recall(axes: Any, report: Report) -> None:  # noqa: ANN401
    cuts = [cut for cut in CUTS if f"Recall@{cut}" in report.results[0].figures]
    for system in report.systems:
        values = [report.figure(system, f"Recall@{cut}").value for cut in cuts]
        axes.plot(cuts, values, marker="o", markersize=3, label=system)
    axes.set_xscale("log")
    axes.set_xticks(cuts, [str(cut) for cut in cuts])
    axes.set_ylim(0, 1)
    axes.set_xlabel("hits looked at")
    axes.set_ylabel("recall")
    axes.set_title(f"{report.name}: recall by depth")
    axes.legend(fontsize="small")


def _types(axes: Any, report: Report) -> None:  # noqa: ANN401
    values = report.by_type()
    names = sorted(next(iter(values.values())))
    width = 0.8 / len(values)
    for index, (system, found) in enumerate(values.items()):
        places = np.arange(len(names)) + (index - (len(values) - 1) / 2) * width
        axes.bar(places, [found[name] for name in names], width, label=system)
    axes.set_xticks(np.arange(len(names)), names, rotation=30, ha="right")
    axes.set_ylim(0, 1)
    axes.set_title(f"{report.name}: {report.headline} by type of query")
    axes.legend(fontsize="small")
