"""Records as tables: CSV, XLSX and Parquet.

Text that a spreadsheet would run as a formula is made harmless: data sets come from anywhere.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lca_rag.errors import MissingExtra
from lca_rag.export.report import ExportReport
from lca_rag.record import Record, Text

if TYPE_CHECKING:
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

Rows = Literal["records", "exchanges", "results"]
Value = str | float | int | bool | None
Row = tuple[Value, ...]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_CELL_CHARACTERS = 32_767
_CUT = "text cut to the length of a spreadsheet cell"
_BATCH = 5_000

_RECORD = (
    *("id", "database", "uuid", "version", "kind", "name", "synonyms", "place", "place_name"),
    *("reference_year", "valid_until", "start", "end", "classification", "class_codes"),
    *("reference_flow", "reference_amount", "reference_unit", "functional_unit", "data_type"),
    *("system_model", "allocation", "flow_kind", "cas", "ec", "formula", "exchanges", "results"),
    *("licence", "owner", "comment", "technology", "source"),
)
_EXCHANGE = (
    *("record", "exchange", "direction", "reference", "flow", "flow_uuid", "amount", "unit"),
    *("flow_property", "flow_kind", "category", "cas", "location", "provider", "avoided"),
    *("allocation", "comment"),
)
_RESULT = ("record", "indicator", "method", "uuid", "amount", "unit", "module")
_NUMBERS = frozenset(("reference_amount", "amount", "allocation_share"))
_WHOLE = frozenset(("reference_year", "valid_until", "start", "end", "exchanges", "results"))
_FLAGS = frozenset(("reference", "avoided"))


def write_csv(records: Iterable[Record], path: Path, report: ExportReport, rows: Rows) -> None:
    """A CSV table in UTF-8 with a byte order mark, by which spreadsheets know it."""
    columns, make = _TABLES[rows]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for record in records:
            report.written[record.kind] += 1
            writer.writerows(map(_harmless, row) for row in make(record))


def write_xlsx(records: Iterable[Record], path: Path, report: ExportReport) -> None:
    """A workbook of three sheets: records, exchanges and results."""
    from openpyxl import Workbook  # late: slow to import, and few exports are workbooks

    book = Workbook(write_only=True)
    sheets = {name: book.create_sheet(name) for name in _TABLES}
    for name, sheet in sheets.items():
        sheet.append(list(_TABLES[name][0]))
    for record in records:
        report.written[record.kind] += 1
        for name, sheet in sheets.items():
            for row in _TABLES[name][1](record):
                sheet.append([_cell(sheet, value, report) for value in row])
    book.save(path)


def write_parquet(records: Iterable[Record], path: Path, report: ExportReport, rows: Rows) -> None:
    """A Parquet file, written batch by batch.

    Raises:
        MissingExtra: If pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as exc:
        raise MissingExtra("scale", "writing Parquet") from exc
    columns, make = _TABLES[rows]
    kinds = {
        **dict.fromkeys(_NUMBERS, pyarrow.float64()),
        **dict.fromkeys(_WHOLE, pyarrow.int64()),
        **dict.fromkeys(_FLAGS, pyarrow.bool_()),
    }
    if rows == "exchanges":
        kinds["allocation"] = pyarrow.float64()
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.string())) for name in columns])
    lines = _counted(records, make, report)
    with parquet.ParquetWriter(path, schema) as writer:
        while batch := list(islice(lines, _BATCH)):
            values = dict(zip(columns, map(list, zip(*batch, strict=True)), strict=True))
            writer.write_table(pyarrow.table(values, schema=schema))


def _counted(
    records: Iterable[Record], make: Callable[[Record], Iterator[Row]], report: ExportReport
) -> Iterator[Row]:
    for record in records:
        report.written[record.kind] += 1
        yield from make(record)


def _record_row(record: Record) -> Iterator[Row]:
    place, period, facts = record.place, record.period, record.flow
    reference = next(iter(record.reference_exchanges), None)
    yield (
        *(record.id, record.database, record.uuid, record.version, record.kind),
        *(str(record.name) or None, record.synonyms.join("; ")),
        *(place.code if place else None, place.name if place else None),
        *(period.reference_year, period.valid_until, period.start, period.end),
        " | ".join(" > ".join(item.path) for item in record.classifications) or None,
        " | ".join(" > ".join(item.codes) for item in record.classifications if item.codes) or None,
        reference.flow.join("; ") if reference else None,
        reference.amount if reference else None,
        reference.unit if reference else None,
        *(record.functional_unit.join("; "), record.data_type, record.system_model),
        "; ".join(record.method_approaches) or None,
        facts.kind if facts else None,
        *((facts.cas, facts.ec, facts.formula) if facts else (None, None, None)),
        *(len(record.exchanges), len(record.results)),
        record.licence.type or record.licence.restrictions.join("; "),
        record.licence.owner.join("; "),
        *(record.comment.join(), record.technology.join()),
        record.provenance.path if record.provenance else None,
    )


def _exchange_rows(record: Record) -> Iterator[Row]:
    for item in record.exchanges:
        yield (
            *(record.id, item.id, item.direction, item.reference, _words(item.flow)),
            *(item.flow_uuid or item.flow_ref, item.amount, item.unit, item.flow_property),
            *(item.flow_kind, " > ".join(item.category) or None, item.cas, item.location),
            *(item.provider, item.avoided, item.allocation, _words(item.comment)),
        )


def _result_rows(record: Record) -> Iterator[Row]:
    for item in record.results:
        yield (
            *(record.id, _words(item.indicator), item.method, item.uuid),
            *(item.amount, item.unit, item.module),
        )


_TABLES: dict[Rows, tuple[tuple[str, ...], Callable[[Record], Iterator[Row]]]] = {
    "records": (_RECORD, _record_row),
    "exchanges": (_EXCHANGE, _exchange_rows),
    "results": (_RESULT, _result_rows),
}


def _words(text: Text) -> str | None:
    return text.join("; ")


def _harmless(value: Value) -> Value:
    """A value for CSV; text that begins like a formula gets an apostrophe, as OWASP advises."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _cell(sheet: WriteOnlyWorksheet, value: Value, report: ExportReport) -> object:
    """A value for XLSX, where text is stored as text whatever it begins with."""
    if not isinstance(value, str):
        return value
    from openpyxl.cell import WriteOnlyCell

    text = _ILLEGAL.sub("", value)
    if len(text) > _CELL_CHARACTERS:
        report.left_out[_CUT] += 1
        text = text[: _CELL_CHARACTERS - 1] + "…"
    cell = WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"
    return cell
