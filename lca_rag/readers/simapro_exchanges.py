"""The exchange rows of SimaPro, section by section."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lca_rag.readers.prose import Mender, interned, is_uuid
from lca_rag.readers.simapro_blocks import LINE_BREAK, Block, Row
from lca_rag.readers.simapro_numbers import Numbers
from lca_rag.record import Direction, Exchange, FlowKind, Text

_PRODUCT = ("name", "unit", "amount", "allocation", "waste type", "category", "comment", "id")
_STAGE = ("name", "unit", "amount", "category", "comment")
_WASTE = ("name", "unit", "amount", "waste type", "category", "comment", "id")
_TECHNOSPHERE = ("name", "unit", "amount", "distribution", "sd", "min", "max", "comment", "id")
_SUBSTANCE = ("name", "compartment", *_TECHNOSPHERE[1:])
_SHARE = ("name", "waste type", "amount", "comment")

REFERENCES: Mapping[str, tuple[str, ...]] = {
    "products": _PRODUCT,
    "waste treatment": _WASTE,
    "waste scenario": _WASTE,
}
"""Sections that hold what a block is about, with their columns."""


@dataclass(frozen=True, slots=True)
class _Section:
    direction: Direction
    kind: FlowKind
    columns: tuple[str, ...]
    compartment: str | None = None
    avoided: bool = False


EXCHANGES: Mapping[str, _Section] = {
    "avoided products": _Section("output", "product", _TECHNOSPHERE, avoided=True),
    "resources": _Section("input", "elementary", _SUBSTANCE, "resource"),
    "materials/fuels": _Section("input", "product", _TECHNOSPHERE),
    "electricity/heat": _Section("input", "product", _TECHNOSPHERE),
    "emissions to air": _Section("output", "elementary", _SUBSTANCE, "air"),
    "emissions to water": _Section("output", "elementary", _SUBSTANCE, "water"),
    "emissions to soil": _Section("output", "elementary", _SUBSTANCE, "soil"),
    "final waste flows": _Section("output", "waste", _SUBSTANCE, "final waste"),
    "non material emissions": _Section("output", "elementary", _SUBSTANCE, "non-material"),
    "social issues": _Section("output", "elementary", _SUBSTANCE, "social"),
    "economic issues": _Section("output", "elementary", _SUBSTANCE, "economic"),
    "waste to treatment": _Section("output", "waste", _TECHNOSPHERE),
    "separated waste": _Section("output", "waste", _SHARE),
    "remaining waste": _Section("output", "waste", _SHARE),
    "materials/assemblies": _Section("input", "product", _TECHNOSPHERE),
    "processes": _Section("input", "product", _TECHNOSPHERE),
    "assembly": _Section("input", "product", _TECHNOSPHERE),
    "reference assembly": _Section("input", "product", _TECHNOSPHERE),
    "subassemblies": _Section("input", "product", _TECHNOSPHERE),
    "disassemblies": _Section("input", "product", _TECHNOSPHERE),
    "reuses": _Section("input", "product", _TECHNOSPHERE),
    "additional life cycles": _Section("input", "product", _TECHNOSPHERE),
    "waste scenarios": _Section("output", "waste", _TECHNOSPHERE),
    "waste/disposal scenario": _Section("output", "waste", _TECHNOSPHERE),
    "disposal scenarios": _Section("output", "waste", _TECHNOSPHERE),
}
"""Sections that hold the other exchanges."""

COMPUTED = "amount computed from an expression"
NOT_COMPUTED = "expression that cannot be computed, amount left out"


@dataclass(frozen=True, slots=True)
class Cells:
    """Reads the cells of a row by column name."""

    numbers: Numbers
    old: bool
    mender: Mender
    cas: Mapping[tuple[str, str], str]

    def columns(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        """The columns in the order of the file's age: SimaPro 7 wrote amount before unit."""
        if not self.old or "unit" not in columns:
            return columns
        swap = {"unit": "amount", "amount": "unit"}
        return tuple(swap.get(column, column) for column in columns)

    def amount(self, text: str) -> float | None:
        """A number or the value of an expression; nothing for nothing."""
        if not text:
            return None
        number = self.numbers.plain(text)
        if number is not None:
            return number
        number = self.numbers.computed(text)
        self.mender.note(NOT_COMPUTED if number is None else COMPUTED)
        return number

    def text(self, value: str) -> Text:
        """A cell as prose, with its line breaks."""
        return self.mender.text(value.replace(LINE_BREAK, "\n"))


def exchanges_of(block: Block, cells: Cells) -> tuple[Exchange, ...]:
    """All exchanges of a block, what it is about first, numbered in file order."""
    found: list[Exchange] = []
    for section, columns in REFERENCES.items():
        if block.kind == "product stage":
            columns = _STAGE
        for values in _read(block, section, cells.columns(columns), cells):
            found.append(_reference(values, str(len(found) + 1), section, cells))
    for section, about in EXCHANGES.items():
        for values in _read(block, section, cells.columns(about.columns), cells):
            found.append(_exchange(values, str(len(found) + 1), about, cells))
    return tuple(found)


def _read(
    block: Block, section: str, columns: tuple[str, ...], cells: Cells
) -> list[dict[str, str]]:
    """Rows by column name; a row without a name goes on with the comment of the one before."""
    found: list[dict[str, str]] = []
    for row in block.rows(section):
        if not row[0]:
            if found and (more := " ".join(cell for cell in row if cell)):
                found[-1]["comment"] = f"{found[-1].get('comment', '')}\n{more}".strip()
            continue
        found.append(dict(zip(columns, _padded(row, len(columns)), strict=True)))
    return found


def _padded(row: Row, length: int) -> Row:
    return row[:length] + [""] * (length - len(row))


def _reference(values: dict[str, str], number: str, section: str, cells: Cells) -> Exchange:
    """A product, or the waste that a treatment takes in."""
    waste = section != "products"
    share = cells.amount(values.get("allocation", ""))
    path = tuple(part.strip() for part in values["category"].split("\\") if part.strip())
    return Exchange(
        id=number,
        flow=Text.of(values["name"], ""),
        flow_uuid=_platform(values),
        direction="input" if waste else "output",
        amount=cells.amount(values["amount"]),
        unit=interned(values["unit"]),
        reference=True,
        flow_kind="waste" if waste else "product",
        category=path,
        comment=cells.text(values.get("comment", "")),
        allocation=None if share is None else share / 100,
    )


def _exchange(values: dict[str, str], number: str, about: _Section, cells: Cells) -> Exchange:
    compartment = about.compartment
    part = interned(values.get("compartment", ""))
    path = tuple(level for level in (compartment, part) if level and level != "(unspecified)")
    return Exchange(
        id=number,
        flow=Text.of(values["name"], ""),
        flow_uuid=_platform(values),
        direction=about.direction,
        amount=cells.amount(values["amount"]),
        unit=interned(values.get("unit", "%")),  # shares of a waste scenario are percentages
        flow_kind=about.kind,
        category=path,
        cas=cells.cas.get((compartment or "", values["name"])),
        comment=cells.text(values.get("comment", "")),
        avoided=about.avoided,
    )


def _platform(values: dict[str, str]) -> str | None:
    found = values.get("id", "").lower()
    return found if is_uuid(found) else None
