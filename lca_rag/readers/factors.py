"""Tables of emission factors, CSV or XLSX: one factor a row, its unit kept with its meaning.

A factor is a record of what it is for, with the reference unit as its reference flow and the
number as a result. Money is a unit like any other ("2022 USD, purchaser price"), a share of one
gas is no total, and margins are not mixed.
"""

from __future__ import annotations

import csv
import re
import warnings
import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import partial
from io import BytesIO, StringIO
from itertools import islice
from typing import TYPE_CHECKING
from zipfile import BadZipFile

from lca_rag.errors import ReadError
from lca_rag.readers.archives import open_zip
from lca_rag.readers.context import Package, ReadContext
from lca_rag.readers.factor_columns import PRESETS, FactorColumns, Match, plain_column
from lca_rag.readers.prose import Mender, derived_uuid, member_path
from lca_rag.readers.simapro_blocks import decoded
from lca_rag.record import (
    NO_VERSION,
    Classification,
    Exchange,
    ImpactResult,
    Name,
    Period,
    Place,
    Record,
    Reference,
    Text,
)

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

_ZIP = b"PK\x03\x04"
_WORKBOOK_FAULTS = (
    *(AttributeError, BadZipFile, EOFError, LookupError, NotImplementedError, OSError),
    *(RuntimeError, SyntaxError, TypeError, ValueError, zlib.error),
)
"""What openpyxl raises on workbooks that are damaged; it wraps none of it."""
_OFFICE = (b"[Content_Types].xml", b"xl/")
_HEADER_ROWS = 60
_TABLES = (".csv", ".tsv")
_VERSION = re.compile(r"[vV](\d+(?:\.\d+)+)")
_OF_GAS = re.compile(r"\bof ([A-Z][A-Za-z0-9]*)\b")
_THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_PER_UNIT = re.compile(r"\s+per unit$")
NO_VALUE = "factor row without a value"
PRESET_INSTEAD = "table read by a preset, since it has no column of the declared mapping"

Row = Sequence[str]


class FactorReader:
    """Reads the tables that its column mappings fit; the first that fits is taken.

    A declared mapping comes before the presets: a table with its activity or its numbers is meant
    by it, and is told if it lacks a column, even where a preset would read it in another sense.
    """

    format = "factors"

    def __init__(
        self, presets: Sequence[FactorColumns] = PRESETS, *, declared: FactorColumns | None = None
    ) -> None:
        """Keep the column mappings; one that is declared comes first, and takes any table."""
        self._declared = declared
        self._presets = tuple(presets)

    def recognise(self, name: str, head: bytes) -> bool:
        """Whether a header row that a mapping fits is near the top; XLSX is opened to see."""
        if head.startswith(_ZIP):
            return any(part in head for part in _OFFICE)
        if b"\x00" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
            return False
        try:
            rows = list(islice(_delimited(decoded(head)), _HEADER_ROWS))
        except csv.Error:
            return False
        if self._declared and name.lower().endswith(_TABLES):
            return True  # so that a mapping that does not fit is told
        return any(map(self._match, rows))

    def read(
        self, package: Package, names: Sequence[str], context: ReadContext
    ) -> Iterator[Record]:
        """One record for each row with a value."""
        for name in names:
            path = member_path(package, name)
            try:
                data = package.read(name)
                if data.startswith(_ZIP):
                    yield from self._sheets(data, path, context)
                else:
                    yield from self._text(decoded(data), path, context)
            except (ReadError, csv.Error) as exc:
                context.skip(path, str(exc))

    def _text(self, text: str, path: str, context: ReadContext) -> Iterator[Record]:
        # Where the semicolon separates cells, the comma is the decimal sign.
        decimal = "," if _delimiter(text) == ";" else "."
        if not (yield from self._table(_delimited(text), path, context, decimal)):
            context.skip(path, self._unfit(_delimited(text)))

    def _sheets(self, data: bytes, path: str, context: ReadContext) -> Iterator[Record]:
        """The tables of every sheet of a workbook."""
        from openpyxl import load_workbook  # late: slow to import, and few sources are workbooks

        open_zip(BytesIO(data), path, len(data)).close()  # refuses bombs
        found = False
        tops: list[Row] = []
        with warnings.catch_warnings():
            # Validation lists, styles and other finery of a sheet are of no concern here.
            warnings.simplefilter("ignore", UserWarning)
            try:
                book = load_workbook(BytesIO(data), read_only=True, data_only=True)
            except _WORKBOOK_FAULTS as exc:
                raise ReadError(f"the workbook cannot be opened: {exc}") from exc
        for sheet in book.worksheets:
            if (yield from self._table(_rows(sheet), f"{path}!{sheet.title}", context, ".")):
                found = True
            elif self._declared:
                tops += islice(_rows(sheet), _HEADER_ROWS)
        book.close()
        if not found:
            context.skip(path, self._unfit(tops, "no sheet has a header row"))

    def _table(
        self, rows: Iterable[Row], path: str, context: ReadContext, decimal: str
    ) -> Generator[Record, None, bool]:
        """The records below the first header that a mapping fits; returns whether one did."""
        match: Match | None = None
        for number, row in enumerate(rows, 1):
            if match is not None:
                if any(row):
                    yield from factor_records(match, row, f"{path}#{number}", context, decimal)
                continue
            match = self._match(row)
            if match is None and number > _HEADER_ROWS:
                return False
            if match is not None and self._declared not in (None, match.columns):
                context.report.repaired[PRESET_INSTEAD] += 1
        return match is not None

    def _match(self, row: Row) -> Match | None:
        declared = self._declared
        if declared is not None and not declared.missing(row, every=True):
            return declared.match(row)
        if declared is not None and declared.touches(row):
            return None
        found = (preset.match(row) for preset in self._presets)
        return next((match for match in found if match is not None), None)

    def _unfit(self, rows: Iterable[Row], what: str = "no header row") -> str:
        """Why a table is not read: with a declared mapping, the column that is not there."""
        tops = [row for row in islice(rows, _HEADER_ROWS) if any(row)]
        if self._declared is None or not tops:
            return f"{what} that a column mapping fits was found"
        lacking = partial(self._declared.missing, every=True)
        # The row that lacks least is the header; of several, the one with most columns.
        header = min(tops, key=lambda row: (len(lacking(row)), -sum(map(bool, row))))
        wanted = ", ".join(repr(plain_column(column)) for column in lacking(header))
        there = ", ".join(repr(" ".join(cell.split())) for cell in header if cell.strip())
        return f"the column mapping names {wanted}, which no header has; its columns are {there}"


def _rows(sheet: Worksheet) -> Iterator[Row]:
    """The cells of a sheet as text; a sheet is parsed while it is read."""
    try:
        forget = getattr(sheet, "reset_dimensions", None)
        if forget is not None:
            forget()  # some writers state a size that is not true, and rows would be cut to it
        for row in sheet.iter_rows(values_only=True):
            yield tuple(map(_cell_text, row))
    except _WORKBOOK_FAULTS as exc:
        raise ReadError(f"sheet {sheet.title!r} cannot be read: {exc}") from exc


def factor_records(
    match: Match, row: Row, path: str, context: ReadContext, decimal: str = "."
) -> Iterator[Record]:
    """The record of one row, if it has a value; `decimal` is the decimal sign of the table."""
    columns = match.columns
    mender = Mender()
    activity = tuple(cell for i in match.activity if (cell := _cell(row, i)))
    gas = _cell(row, match.gas)
    unit = _PER_UNIT.sub("", _cell(row, match.unit)) or columns.unit_text or ""
    gas = gas or (found[1] if (found := _OF_GAS.search(unit)) else "")
    gas = "" if gas.casefold() in (total.casefold() for total in columns.total) else gas
    per = _cell(row, match.per) or unit.partition("/")[2]
    results = _results(match, row, gas, unit, per, decimal, mender)
    if not activity or not results:
        context.report.ignored[NO_VALUE] += 1
        return
    scope, code = _cell(row, match.scope), _cell(row, match.code)
    name = ", ".join(activity)
    label = f"{gas} only, not the total of all greenhouse gases" if gas else ""
    yield Record(
        database=context.database,
        uuid=derived_uuid(
            # A place of the row's own, where the table has such a column, tells it from others.
            *("factors", columns.key, code, scope, *activity, per_key(per), gas),
            *filter(None, [_cell(row, match.place)]),
            # So does a year: a factor of 2021 does not supersede that of 2019, which stays the
            # one for what was used in 2019. The year of a whole table is its release (`_version`).
            *(f"year {year}" for year in [_cell(row, match.year)] if year),
        ),
        version=_version(match, path),
        kind="process",
        name=Name(base=Text.of(name, "en"), mix=Text.of(label, "en")),
        classifications=_classes(columns, activity, code),
        place=_place(match, row),
        period=_period(match, row, mender),
        comment=Text.of(f"Emission factor. {columns.title}.", "en"),
        functional_unit=Text.of(_reference_unit(per) if per else None, "en"),
        reference_type="Functional unit",
        references_stated=1,
        data_type="Emission factor",
        exchanges=(
            Exchange(
                id="1",
                flow=Text.of(name, "en"),
                direction="output",
                amount=1.0,
                unit=per or None,
                reference=True,
                flow_kind="product",
            ),
        ),
        results=results,
        references=tuple(
            Reference(role="data source", name=Text.of(source, ""))
            for source in (_cell(row, match.source), columns.title)
            if source
        ),
        extras=tuple(
            (label, value)
            for label, value in (
                ("Scope", scope),
                ("Gas", gas or "total of all greenhouse gases"),
                *((header, _cell(row, position)) for header, position in match.others),
            )
            if value
        ),
        provenance=mender.provenance(path, "factors"),
    )


def per_key(per: str) -> str:
    """The reference unit without its price year, so that releases are versions of one record."""
    return re.sub(r"\b(?:19|20)\d{2} (?=[A-Z]{3}\b)", "", per)


def _results(
    match: Match, row: Row, gas: str, unit: str, per: str, decimal: str, mender: Mender
) -> tuple[ImpactResult, ...]:
    full = unit if "/" in unit or not per else f"{unit}/{per}"
    found: list[ImpactResult] = []
    for position, meaning, _ in match.amounts:
        amount = mender.number(_pointed(_cell(row, position), decimal))
        if amount is not None:
            what = f"{gas}, {meaning}" if gas else f"All greenhouse gases, {meaning}"
            found.append(
                ImpactResult(
                    indicator=Text.of(what, "en"),
                    method=match.columns.title,
                    amount=amount,
                    unit=full,
                )
            )
    return tuple(found)


def _pointed(text: str, decimal: str) -> str:
    """A number with a decimal point and no marks between thousands."""
    if decimal == "," and text.rfind(".") <= text.rfind(","):
        return text.replace(".", "").replace(",", ".")
    # Also a point behind the last comma, which can be no mark between thousands.
    return text.replace(",", "") if _THOUSANDS.fullmatch(text) else text


def _reference_unit(per: str) -> str:
    """The reference unit in words; one that begins with a year reads badly after "1"."""
    return f"per {per}" if per[0].isdigit() else f"1 {per}"


def _classes(
    columns: FactorColumns, activity: tuple[str, ...], code: str
) -> tuple[Classification, ...]:
    if code:
        return (Classification(system=columns.code_system, path=activity[-1:], codes=(code,)),)
    return (Classification(system=columns.title, path=activity),)


def _place(match: Match, row: Row) -> Place | None:
    code = _cell(row, match.place) or match.columns.place_code
    return Place(code=code) if code else None


def _period(match: Match, row: Row, mender: Mender) -> Period:
    year = mender.year(_cell(row, match.year))
    year = year or next((year for _, _, year in match.amounts if year), None)
    return Period(reference_year=year)


def _version(match: Match, path: str) -> str:
    """The year of the table, or the version in its file name."""
    year = next((year for _, _, year in match.amounts if year), None)
    found = _VERSION.search(path.rpartition("/")[2])
    return str(year) if year else found[1] if found else NO_VERSION


def _delimiter(text: str) -> str:
    """The delimiter that the first lines hold most of."""
    return max(",;\t", key=text[:4096].count)


def _delimited(text: str) -> Iterator[Row]:
    return csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text))


def _cell(row: Row, position: int | None) -> str:
    return row[position].strip() if position is not None and position < len(row) else ""


def _cell_text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # XLSX keeps codes such as 111110 as floats
    return "" if value is None else str(value)


READER = FactorReader()
