"""A workbook of matches: what was matched, what was not, and where the data sets come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from lca_rag.matching.matcher import LineMatch
from lca_rag.matching.memory import guarded

Cell = str | float | None

_MATCHES = (
    "line",
    "description",
    "amount",
    "unit",
    "data set",
    "confidence",
    "factor",
    "data set amount",
    "data set unit",
    "place",
    "reasons",
    "id",
)
_GAPS = ("line", "description", "amount", "unit", "confidence", "nearest", "why not", "id")
_SOURCES = ("id", "name", "database", "version", "place", "year", "type", "licence", "lines")


def write_workbook(matches: Sequence[LineMatch], path: str | Path) -> None:
    """Write an XLSX file with the sheets "matches", "gaps" and "sources".

    Text that a spreadsheet could run as a formula is written as text.

    Args:
        matches: Verdicts of a matcher.
        path: Where to write; a file that is there is replaced.
    """
    from openpyxl import Workbook

    book = Workbook()
    first = book.active
    if first is not None:
        book.remove(first)
    for name, header, rows in (
        ("matches", _MATCHES, _matches(matches)),
        ("gaps", _GAPS, _gaps(matches)),
        ("sources", _SOURCES, _sources(matches)),
    ):
        sheet = book.create_sheet(name)
        sheet.append(header)
        for row in rows:
            sheet.append([_cell(value) for value in row])
        sheet.freeze_panes = "A2"
        for position, title in enumerate(header, start=1):
            letter = sheet.cell(row=1, column=position).column_letter
            sheet.column_dimensions[letter].width = 48 if title in _WIDE else 14
    target = Path(path)
    partial = target.with_name(f"{target.name}.partial")
    book.save(partial)
    partial.replace(target)


_WIDE = frozenset({"description", "data set", "reasons", "nearest", "why not", "name", "id"})


def _cell(value: Cell) -> Cell:
    if not isinstance(value, str):
        return value
    # Control signs are not allowed in XLSX; records of strangers hold some.
    return guarded("".join(sign for sign in value if sign >= " " or sign in "\n\t"))


def _matches(matches: Iterable[LineMatch]) -> Iterable[tuple[Cell, ...]]:
    for match in matches:
        if match.decision != "match":
            continue
        line, best = match.line, match.candidates[0]
        factor = best.unit.factor
        scaled = line.amount * factor if line.amount is not None and factor is not None else None
        yield (
            line.line,
            line.description,
            line.amount,
            line.unit,
            str(best.record.name),
            match.confidence,
            factor,
            scaled,
            best.unit.unit,
            best.record.place.code if best.record.place else None,
            "; ".join(best.reasons),
            best.record.id,
        )


def _gaps(matches: Iterable[LineMatch]) -> Iterable[tuple[Cell, ...]]:
    for match in matches:
        if match.decision == "match":
            continue
        line = match.line
        near = match.candidates[0] if match.candidates else None
        yield (
            line.line,
            line.description,
            line.amount,
            line.unit,
            match.confidence,
            str(near.record.name) if near else None,
            "; ".join(near.reasons) if near else "nothing in the index is near",
            near.record.id if near else None,
        )


def _sources(matches: Iterable[LineMatch]) -> Iterable[tuple[Cell, ...]]:
    used: dict[str, tuple[LineMatch, list[str]]] = {}
    for match in matches:
        if match.decision == "match":
            used.setdefault(match.candidates[0].record.id, (match, []))[1].append(match.line.line)
    for id, (match, lines) in used.items():
        record = match.candidates[0].record
        year = record.period.reference_year or record.period.start
        yield (
            id,
            str(record.name),
            record.database,
            record.version,
            record.place.code if record.place else None,
            year,
            record.data_type,
            record.licence.type or record.licence.restrictions.join(" "),
            ", ".join(lines),
        )
