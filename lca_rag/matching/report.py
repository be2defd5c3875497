"""A workbook of matches: what was matched, what was not, and where the data sets come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lca_rag.matching.matcher import Candidate, LineMatch
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The data set of a row."""

    id: str
    name: str
    database: str
    version: str
    place: str | None
    year: int | None
    type: str | None
    licence: str | None
    factor: float | None
    unit: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line's verdict, flat."""

    line: str
    description: str
    amount: float | None
    unit: str | None
    matched: bool
    confidence: float
    best: Source | None
    """The first candidate, also where none is taken."""


def write_workbook(matches: Sequence[LineMatch], path: str | Path) -> None:
    """Write an XLSX file with the sheets "matches", "gaps" and "sources".

    Args:
        matches: Verdicts of a matcher.
        path: Where to write; a file that is there is replaced.
    """
    write_rows([_row(match) for match in matches], path)


def write_rows(rows: Sequence[Row], path: str | Path) -> None:
    """Write flat verdicts as `write_workbook` does.

    Text that a spreadsheet could run as a formula is written as text.

    Args:
        rows: One per line.
        path: Where to write; a file that is there is replaced.
    """
    from openpyxl import Workbook

    book = Workbook()
    first = book.active
    if first is not None:
        book.remove(first)
    for name, header, cells in (
        ("matches", _MATCHES, _matches(rows)),
        ("gaps", _GAPS, _gaps(rows)),
        ("sources", _SOURCES, _sources(rows)),
    ):
        sheet = book.create_sheet(name)
        sheet.append(header)
        for row in cells:
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


def _row(match: LineMatch) -> Row:
    line = match.line
    return Row(
        line=line.line,
        description=line.description,
        amount=line.amount,
        unit=line.unit,
        matched=match.decision == "match",
        confidence=match.confidence,
        best=_source(match.candidates[0]) if match.candidates else None,
    )


def _source(candidate: Candidate) -> Source:
    record = candidate.record
    return Source(
        id=record.id,
        name=str(record.name),
        database=record.database,
        version=record.version,
        place=record.place.code if record.place else None,
        year=record.period.reference_year or record.period.start,
        type=record.data_type,
        licence=record.licence.type or record.licence.restrictions.join(" "),
        factor=candidate.unit.factor,
        unit=candidate.unit.unit,
        reasons=candidate.reasons,
    )


def _matches(rows: Iterable[Row]) -> Iterable[tuple[Cell, ...]]:
    for row in rows:
        if not row.matched or row.best is None:
            continue
        best = row.best
        known = row.amount is not None and best.factor is not None
        yield (
            row.line,
            row.description,
            row.amount,
            row.unit,
            best.name,
            row.confidence,
            best.factor,
            (row.amount or 0.0) * (best.factor or 0.0) if known else None,
            best.unit,
            best.place,
            "; ".join(best.reasons),
            best.id,
        )


def _gaps(rows: Iterable[Row]) -> Iterable[tuple[Cell, ...]]:
    for row in rows:
        if row.matched:
            continue
        near = row.best
        yield (
            row.line,
            row.description,
            row.amount,
            row.unit,
            row.confidence,
            near.name if near else None,
            "; ".join(near.reasons) if near else "nothing in the index is near",
            near.id if near else None,
        )


def _sources(rows: Iterable[Row]) -> Iterable[tuple[Cell, ...]]:
    used: dict[str, tuple[Source, list[str]]] = {}
    for row in rows:
        if row.matched and row.best is not None:
            used.setdefault(row.best.id, (row.best, []))[1].append(row.line)
    for source, lines in used.values():
        yield (
            source.id,
            source.name,
            source.database,
            source.version,
            source.place,
            source.year,
            source.type,
            source.licence,
            ", ".join(lines),
        )
