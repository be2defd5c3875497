"""SimaPro CSV as blocks of sections of rows, whatever its separator, encoding and age.

Current exports declare separator and decimal form in `{...}` lines, hold unit before amount and
end each block with `End`. Those of SimaPro 7 are tabbed, hold amount before unit, put metadata on
the heading's own line and have no `End`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

Row = list[str]

_NO_HEADING = ""
LINE_BREAK = "\x7f"
"""How SimaPro writes a line break within a cell."""

_SEPARATORS = {"semicolon": ";", "comma": ",", "tab": "\t", ";": ";", ",": ",", "\\t": "\t"}
_AMOUNT_COMMA = re.compile(r"(?<=[;\t])-?\d+,\d+(?=[;\t\r\n])")
_AMOUNT_POINT = re.compile(r"(?<=[;\t])-?\d+\.\d+(?=[;\t\r\n])")
_SHOWN = 1 << 18
"""Characters in which an undeclared separator and decimal sign are looked for."""
_HEADER = re.compile(r"\{([^}]*)\}")
_OPEN_QUOTE_LINES = 500
_BLOCKS = frozenset(
    (
        "process",
        "product stage",
        "method",
        "system description",
        "literature reference",
        "quantities",
        "units",
        "raw materials",
        "airborne emissions",
        "waterborne emissions",
        "final waste flows",
        "emissions to soil",
        "non material emissions",
        "social issues",
        "economic issues",
        "database input parameters",
        "database calculated parameters",
        "project input parameters",
        "project calculated parameters",
    )
)
_LISTS = _BLOCKS - frozenset(
    ("process", "product stage", "method", "system description", "literature reference")
)
_SINGULAR = {
    "non material emission": "non material emissions",
    "social issue": "social issues",
    "economic issue": "economic issues",
    "final waste flow": "final waste flows",
    "literature reference": "literature references",
    "airborne emission": "airborne emissions",
    "waterborne emission": "waterborne emissions",
    "product": "products",
    "avoided product": "avoided products",
    "material/fuel": "materials/fuels",
    "waste treatments": "waste treatment",
}
_SECTIONS = frozenset(
    (
        *("platformid", "category type", "process identifier", "type", "process name", "status"),
        *("time period", "geography", "technology", "representativeness", "cut off rules"),
        *("multiple output allocation", "substitution allocation", "waste treatment allocation"),
        *("capital goods", "boundary with nature", "infrastructure", "date", "record"),
        *("generator", "external documents", "literature references", "collection method"),
        *("data treatment", "verification", "comment", "allocation rules", "system description"),
        *("products", "avoided products", "resources", "materials/fuels", "electricity/heat"),
        *("emissions to air", "emissions to water", "emissions to soil", "final waste flows"),
        *("non material emissions", "social issues", "economic issues", "waste to treatment"),
        *("waste treatment", "waste scenario", "separated waste", "remaining waste"),
        *("input parameters", "calculated parameters"),
        *("materials/assemblies", "processes", "assembly", "reference assembly", "reuses"),
        *("waste scenarios", "disassemblies", "disposal scenarios", "additional life cycles"),
        *("subassemblies", "waste/disposal scenario"),
        *("name", "version", "category", "use damage assessment", "use normalization"),
        *("use weighting", "use addition", "weighting unit", "impact category", "substances"),
        *("damage category", "impact categories", "normalization-weighting set"),
        *("normalization", "weighting", "description", "documentation link"),
    )
)


_PROSE = frozenset(
    (
        *("collection method", "data treatment", "verification", "comment", "allocation rules"),
        *("system description", "description"),
    )
)


@dataclass(slots=True)
class Dialect:
    """How a file is written."""

    separator: str = ";"
    decimal: str = "."
    old: bool = False
    """Whether it is of the age of SimaPro 7: amount before unit, metadata beside its heading."""
    header: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Block:
    """One block: sections in file order, since methods repeat them."""

    kind: str
    line: int
    sections: list[tuple[str, list[Row]]] = field(default_factory=list[tuple[str, list[Row]]])

    _named: dict[str, list[Row]] | None = None

    def rows(self, section: str) -> list[Row]:
        """The rows of all sections of a name; ask only once the block is whole."""
        if self._named is None:
            self._named = {}
            for name, rows in self.sections:
                self._named.setdefault(name, []).extend(rows)
        return self._named.get(section, [])

    def text(self, section: str) -> str | None:
        """The cells of a section as text, one line per row."""
        lines = ("; ".join(cell for cell in row if cell) for row in self.rows(section))
        joined = "\n".join(line for line in lines if line)
        return joined.replace(LINE_BREAK, "\n").strip() or None


def decoded(data: bytes) -> str:
    """The text; UTF-8 where it is valid, else Windows-1252, which SimaPro writes."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def dialect_of(text: str) -> Dialect:
    """The dialect that the header declares, or that the first lines show."""
    found = Dialect()
    head = text[:8000].splitlines()[:60]
    for line in head:
        if match := _HEADER.match(line.lstrip('"')):
            key, _, value = match[1].partition(":")
            found.header[key.strip().lower()] = value.strip()
    separator = found.header.get("csv separator", "").lower()
    if separator in _SEPARATORS:
        found.separator = _SEPARATORS[separator]
    else:
        found.old = any(line.startswith("Project\t") for line in head[:4])
        shown = "\n".join(head) if not found.header else text[:_SHOWN]
        found.separator = "\t" if shown.count("\t") > shown.count(";") else ";"
    found.decimal = found.header.get("decimal separator") or _decimal_of(text[:_SHOWN])
    return found


def _decimal_of(text: str) -> str:
    """The decimal sign of the amounts, where the header does not declare it."""
    commas = sum(1 for _ in _AMOUNT_COMMA.finditer(text))
    return "," if commas > sum(1 for _ in _AMOUNT_POINT.finditer(text)) else "."


_BLANK = [""]


def blocks(text: str, dialect: Dialect) -> Iterator[Block]:
    """The blocks of a file, one after another."""
    block: Block | None = None
    blank = True
    for line, row in _rows(text, dialect.separator):
        if row == _BLANK:
            blank = blank or block is not None
            continue
        cells = list(map(str.strip, row))
        alone = not any(cells[1:])
        heading = cells[0].casefold() if alone or dialect.old else _NO_HEADING
        if alone and heading == "end" and (blank or not _in_prose(block)):
            if block is not None:
                yield block
            block, blank = None, True
        elif alone and heading in _BLOCKS and _may_start(block, heading, dialect):
            if block is not None:
                yield block
            block, blank = _opened(heading, line), True
        elif block is not None:
            if alone and not heading:
                blank = True
                continue
            _add(block, cells, heading, blank and alone, dialect)
            blank = False
    if block is not None:
        yield block


def _in_prose(block: Block | None) -> bool:
    """Whether the last section is prose, which may hold the word "End" by itself."""
    return block is not None and bool(block.sections) and block.sections[-1][0] in _PROSE


def _may_start(block: Block | None, heading: str, dialect: Dialect) -> bool:
    return block is None or (dialect.old and heading == "process")


def _opened(kind: str, line: int) -> Block:
    block = Block(kind, line)
    if kind in _LISTS:
        block.sections.append((kind, []))
    return block


def _add(block: Block, cells: Row, heading: str, may_head: bool, dialect: Dialect) -> None:
    """Add a row; one that stands alone after a blank one is the heading of a section."""
    if block.kind in _LISTS:
        block.sections[-1][1].append(cells)
        return
    heading = _SINGULAR.get(heading, heading)
    if dialect.old and heading in _SECTIONS:
        block.sections.append((heading, [cells[1:]] if any(cells[1:]) else []))
    elif may_head and heading and not dialect.old:
        block.sections.append((heading, []))  # also one that is not known: it is counted
    elif block.sections:
        block.sections[-1][1].append(cells)


def _rows(text: str, separator: str) -> Iterator[tuple[int, Row]]:
    """Rows with their line numbers; a quoted cell may run over lines, a stray quote may not."""
    lines = enumerate(io.StringIO(text, newline=None), 1)
    for number, line in lines:
        line = line.rstrip("\r\n")
        if '"' not in line:
            yield number, line.split(separator)
            continue
        parts = [line]
        if _is_open(line, separator):
            for _, more in lines:
                parts.append(more.rstrip("\r\n"))
                if more.count('"') % 2 or len(parts) > _OPEN_QUOTE_LINES:
                    break
        yield from _quoted(parts, number, separator)


def _is_open(line: str, separator: str) -> bool:
    """Whether a quote that begins a cell is not closed on this line."""
    begins = line.startswith('"') or f'{separator}"' in line
    return begins and line.count('"') % 2 == 1


def _quoted(parts: list[str], number: int, separator: str) -> Iterator[tuple[int, Row]]:
    joined = "\n".join(parts)
    if joined.count('"') % 2 == 0:
        try:
            row = next(csv.reader([joined.replace("\n", LINE_BREAK)], delimiter=separator), [""])
        except csv.Error:
            row = joined.replace("\n", LINE_BREAK).split(separator)
        yield number, row
        return
    for offset, line in enumerate(parts):
        yield number + offset, line.split(separator)
