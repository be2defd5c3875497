"""Citations of data sets as BibTeX, CSL-JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from typing import Literal

from lca_rag.answer.lexicon import is_chinese
from lca_rag.answer.phrases import plain_name
from lca_rag.answer.result import Citation
from lca_rag.record import Record

__all__ = ["Form", "cite", "export"]

Form = Literal["bibtex", "csl-json", "csv"]
_COLUMNS = (
    "number",
    "id",
    "database",
    "uuid",
    "version",
    "name",
    "place",
    "year",
    "owner",
    "licence",
)
_ESCAPES = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_ESCAPES |= {sign: "\\" + sign for sign in "{}%#$&_"}


def cite(number: int, record: Record) -> Citation:
    """The citation of a record under a number."""
    period, chinese = record.period, plain_name(record, "zh")
    return Citation(
        number=number,
        id=record.id,
        uuid=record.uuid,
        version=record.version,
        name=plain_name(record, "en") or record.uuid,
        database=record.database,
        place=record.place.code if record.place else None,
        year=period.reference_year if period.reference_year is not None else period.start,
        owner=record.licence.owner.join("; "),
        licence=record.licence.type or record.licence.restrictions.join("; "),
        name_zh=chinese if is_chinese(chinese) else None,
    )


def export(citations: Iterable[Citation], form: Form) -> str:
    """The citations as one file.

    Args:
        citations: As an answer holds them.
        form: "bibtex", "csl-json" or "csv".
    """
    found = list(citations)
    if form == "bibtex":
        return "\n".join(map(_bibtex, found))
    if form == "csl-json":
        return (
            json.dumps([_csl(citation) for citation in found], ensure_ascii=False, indent=2) + "\n"
        )
    return _csv(found)


def _bibtex(citation: Citation) -> str:
    note = [f"Data set {citation.uuid}"]
    if citation.place:
        note.append(f"place {citation.place}")
    if citation.licence:
        note.append(f"licence: {_line(citation.licence)}")
    fields = {
        "title": citation.name,
        "author": citation.owner,
        "year": None if citation.year is None else str(citation.year),
        "howpublished": f"Database {citation.database}",
        "version": citation.version,
        "note": ", ".join(note),
    }
    key = re.sub(r"[^A-Za-z0-9]+", "-", f"{citation.database}-{citation.uuid}").strip("-")
    rows = [
        f"  {name} = {{{'{' + _escaped(value) + '}' if name == 'author' else _escaped(value)}}},"
        for name, value in fields.items()
        if value
    ]
    return "\n".join((f"@misc{{{key},", *rows, "}", ""))


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(sign, sign) for sign in _line(text))


def _line(text: str) -> str:
    return " ".join(text.split())


def _csl(citation: Citation) -> dict[str, object]:
    item: dict[str, object] = {
        "id": citation.id,
        "type": "dataset",
        "title": citation.name,
        "container-title": citation.database,
        "version": citation.version,
        "number": citation.uuid,
    }
    if citation.year is not None:
        item["issued"] = {"date-parts": [[citation.year]]}
    if citation.owner:
        item["author"] = [{"literal": _line(citation.owner)}]
    if citation.place:
        item["event-place"] = citation.place
    if citation.licence:
        item["note"] = f"Licence: {_line(citation.licence)}"
    return item


def _csv(citations: list[Citation]) -> str:
    """Cells that a spreadsheet would run as a formula are quoted with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for citation in citations:
        writer.writerow([_cell(getattr(citation, column)) for column in _COLUMNS])
    return out.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else _line(str(value))
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t") else text
