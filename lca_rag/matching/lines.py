"""Bills of materials: lines from CSV or XLSX, with the columns found by what they are called."""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lca_rag.errors import ReadError, UnitError
from lca_rag.matching.amounts import Sign, column_sign
from lca_rag.matching.amounts import number as read_number
from lca_rag.units import Factor, parse

_log = logging.getLogger(__name__)
_NAMED = 10
"""Lines that a warning names; further ones are counted."""
_COLUMNS: Mapping[str, str] = {
    "line": r"line[_ ]?(id|no|number)?|pos(ition)?\.?|item[_ ]?(no|number)|id|nr\.?|no\.?|#|序号|"
    r"行号",
    "description": r"description|material|item|product|name|bezeichnung|beschreibung|artikel|"
    r"descripci[oó]n|désignation|désignation|物料|物料名称|名称|描述|品名|component|part",
    "amount": r"quantity|qty\.?|amount|menge|anzahl|cantidad|quantité|数量|用量|value",
    "unit": r"unit|uom|u\.?o\.?m\.?|einheit|unidad|unité|单位|计量单位",
    "place": r"place|location|country|region|origin|supplier country|land|herkunft|pa[ií]s|pays|"
    r"产地|国家|地区|地点|来源",
    "note": r"notes?|remarks?|comments?|bemerkung|anmerkung|notas?|备注|说明|specification|spec",
}
_FACT = re.compile(
    r"(?P<number>\d[\d.,]*)\s*(?P<above>kg|g|t|lb|lbs|short ton|m2|m3|L|l|MJ|kWh)\s*"
    r"(?:net\s+)?(?P<of>/|per\s+|each|net each)\s*(?P<below>[A-Za-z0-9 ]+)?",
    re.IGNORECASE,
)
_EQUALS = re.compile(
    r"(?P<unit>[A-Za-z]{1,8})\s*=\s*(?P<number>\d[\d.,]*)\s*(?P<above>[A-Za-z][A-Za-z0-9 ]*)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BomLine:
    """One line of a bill of materials."""

    line: str
    description: str
    amount: float | None = None
    unit: str | None = None
    place: str | None = None
    note: str | None = None

    def facts(self) -> dict[str, Factor]:
        """Densities and masses per piece that the line itself states, by what they are."""
        found: dict[str, Factor] = {}
        text = f"{self.description}; {self.note or ''}"
        for match in _FACT.finditer(text):
            below = (match["below"] or self.unit or "").strip() if match["of"] else ""
            if match["of"].lower() in ("each", "net each") or not match["below"]:
                below = self.unit or ""
            fact = _fact(match["number"], match["above"], below, self.unit)
            if fact is not None:
                name = "density" if re.search(r"m3|l\b|gal", below, re.IGNORECASE) else "factor"
                found.setdefault(name, fact)
        for match in _EQUALS.finditer(text):
            fact = _fact(match["number"], match["above"], match["unit"], self.unit)
            if fact is not None:
                found.setdefault("factor", fact)
        return found


def _fact(number: str, above: str, below: str, unit: str | None) -> Factor | None:
    """A ratio whose lower unit is the line's, or a volume; anything else is no fact of the line."""
    value = read_number(number)
    below = below.strip()
    if value is None or not below:
        return None
    words = below.split()
    for candidate in (below, words[0]):
        try:
            parse(candidate), parse(above)
        except UnitError:
            continue
        return value, f"{above}/{candidate}"
    if unit and unit.casefold() == words[0].casefold():
        return value, f"{above}/{unit}"
    return None


def read_lines(path: str | Path) -> list[BomLine]:
    """The lines of a bill of materials.

    Args:
        path: A CSV (comma, semicolon or tab; UTF-8, GB18030 or Windows-1252) or XLSX file with a
            header row. Columns are recognised by their names in several languages; a description
            is needed, all else may be missing. A CSV parted by semicolons has decimal commas
            unless its amounts show otherwise. Amounts that are no numbers are left out with a
            warning that names their lines.

    Raises:
        ReadError: If the file cannot be read, has no column that describes things, or no lines.
    """
    file = Path(path)
    if not file.is_file():
        raise ReadError(f"{file}: there is no such file", path=str(file))
    if file.suffix.lower() in (".xlsx", ".xlsm"):
        return lines_of(_xlsx(file), str(file))
    table, delimiter = _csv(file)
    return lines_of(table, str(file), decimal="," if delimiter == ";" else ".")


def lines_of(table: Sequence[Sequence[str]], label: str, *, decimal: Sign = ".") -> list[BomLine]:
    """The lines of a table whose first row that names a description column is its header.

    Args:
        table: Rows of cells.
        label: What to call the table in messages.
        decimal: The decimal sign of amounts such as "1,234" where no other amount shows it.

    Raises:
        ReadError: If no row of the first twenty names such a column, or no line follows it.
    """
    for number, row in enumerate(table[:20]):
        columns = _columns(row)
        if "description" in columns:
            return _body(table[number + 1 :], columns, label, decimal)
    raise ReadError(
        f"{label}: no column describes the lines; name one 'description', 'material' or '物料名称'",
        path=label,
    )


def _columns(header: Sequence[str]) -> dict[str, int]:
    """Which column holds what; a name that fits two kinds goes to the first."""
    found: dict[str, int] = {}
    for position, cell in enumerate(header):
        name = cell.strip().strip("*:").casefold()
        for kind, pattern in _COLUMNS.items():
            if kind not in found and re.fullmatch(pattern, name):
                found[kind] = position
                break
    return found


def _body(
    rows: Sequence[Sequence[str]], columns: Mapping[str, int], label: str, decimal: Sign
) -> list[BomLine]:
    """The lines under a header; amounts that were not read are warned of once, by line."""
    place = columns.get("amount")
    texts = [row[place] if place is not None and place < len(row) else "" for row in rows]
    sign = column_sign((text for text in texts if not isinstance(text, _Number)), decimal)
    found: list[BomLine] = []
    unread: list[str] = []
    for position, (row, text) in enumerate(zip(rows, texts, strict=True), start=1):
        amount = read_number(text, "." if isinstance(text, _Number) else sign)
        line = _line(row, columns, position, amount)
        if line is None:
            continue
        found.append(line)
        if amount is None and text.strip():
            unread.append(f"line {line.line} ({text.strip()[:40]!r})")
    if not found:
        raise ReadError(
            f"{label}: no lines under the header; add a row with a description", path=label
        )
    if unread:
        more = f" and {len(unread) - _NAMED} more" if len(unread) > _NAMED else ""
        named = ", ".join(unread[:_NAMED])
        _log.warning(
            "%s: %d amounts are no numbers and were left out: %s%s",
            label,
            len(unread),
            named,
            more,
        )
    return found


def _line(
    row: Sequence[str], columns: Mapping[str, int], number: int, amount: float | None
) -> BomLine | None:
    cells = {
        kind: row[position].strip() for kind, position in columns.items() if position < len(row)
    }
    if not cells.get("description"):
        return None
    return BomLine(
        line=cells.get("line") or str(number),
        description=cells["description"],
        amount=amount,
        unit=cells.get("unit") or None,
        place=cells.get("place") or None,
        note=cells.get("note") or None,
    )


def _csv(file: Path) -> tuple[list[list[str]], str]:
    """The rows, and what parts their cells."""
    data = file.read_bytes()
    for encoding in ("utf-8-sig", "gb18030", "cp1252"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise ReadError(f"{file}: the text is in no encoding known here; save it as UTF-8")
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    try:
        rows = [list(row) for row in csv.reader(io.StringIO(text), delimiter=delimiter)]
    except csv.Error as error:
        raise ReadError(f"{file}: {error}; save it again as CSV", path=str(file)) from error
    return rows, delimiter


def _xlsx(file: Path) -> list[list[str]]:
    from zipfile import BadZipFile

    from openpyxl import load_workbook

    try:
        book = load_workbook(file, read_only=True, data_only=True)
    except (BadZipFile, OSError, KeyError, ValueError) as error:
        raise ReadError(f"{file}: this is no XLSX workbook", path=str(file)) from error
    rows: list[list[str]] = []
    for sheet in book.worksheets:
        cells = [_cells(row) for row in sheet.iter_rows(values_only=True)]
        if any("description" in _columns(row) for row in cells[:20]):
            rows = cells
            break
    book.close()
    return rows


def _cells(row: Iterable[object]) -> list[str]:
    return [_written(cell) for cell in row]


class _Number(str):
    """A cell that the workbook holds as a number: a point in it is the decimal sign, always."""

    __slots__ = ()


def _written(cell: object) -> str:
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _Number(cell)
    return "" if cell is None else str(cell)
