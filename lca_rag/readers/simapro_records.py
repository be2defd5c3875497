"""SimaPro processes and product stages as records.

A process with several products stays one record with several reference flows, each with its share:
one data set is one record in every format, and its identifier names the block. The products are
found through their exchanges.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from lca_rag.readers.name_places import PLACE_FROM_NAME, place_in_name
from lca_rag.readers.prose import Mender, derived_uuid, interned, is_uuid
from lca_rag.readers.simapro_blocks import LINE_BREAK, Block, Row
from lca_rag.readers.simapro_exchanges import EXCHANGES, REFERENCES, Cells, exchanges_of
from lca_rag.readers.simapro_numbers import Numbers
from lca_rag.record import (
    Classification,
    Exchange,
    Name,
    Period,
    Place,
    Record,
    Reference,
    Text,
)

_TYPES = {
    "unit process": "Unit process, single operation",
    "system": "LCI result",
}
_DETAILS = {
    "collection method": "Data collection",
    "data treatment": "Treatment",
    "verification": "Review",
    "allocation rules": "Allocation",
    "cut off rules": "Cut-off",
    "representativeness": "Representativeness",
    "capital goods": "Capital goods",
    "boundary with nature": "Boundary with nature",
    "system description": "System description",
}
_EXTRAS = {
    "process identifier": "Process identifier",
    "category type": "Category type",
    "type": "Type",
    "status": "Status",
    "date": "Date",
    "geography": "Geography",
    "multiple output allocation": "Multiple output allocation",
    "substitution allocation": "Substitution allocation",
    "waste treatment allocation": "Waste treatment allocation",
}
_REFERENCES = {
    "record": "data entry",
    "generator": "data generator",
    "literature references": "data source",
    "external documents": "data source",
}
_MAPPED = frozenset((*_DETAILS, *_EXTRAS, *_REFERENCES, *REFERENCES, *EXCHANGES)) | {
    "platformid",
    "process name",
    "name",
    "time period",
    "geography",
    "technology",
    "infrastructure",
    "comment",
}
_SPAN = re.compile(r"(\d{4})\s*(?:-|to|and|–)\s*(\d{4})")
_FROM = re.compile(r"(\d{4}) and (?:after|later)|(?:after|since|from) (\d{4})", re.IGNORECASE)
_UNTIL = re.compile(r"(\d{4}) and (?:before|earlier)|before (\d{4})", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d{2}")
_NO_PLACE = ("Mixed data", "Unspecified", "Unknown")
NO_BRACES = "header of no known SimaPro version"


@dataclass(slots=True)
class SimaProFile:
    """What the blocks of one file share."""

    database: str
    path: str
    numbers: Numbers
    old: bool
    project: str | None = None
    repair: str | None = None
    """What had to be mended to read the file at all."""
    cas: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """CAS number by compartment and substance."""


def process_record(block: Block, file: SimaProFile) -> Record:
    """A process block."""
    mender = Mender()
    if file.repair:
        mender.note(file.repair)
    numbers = file.numbers.with_parameters(
        ((row[0], _cell(row, 1)) for row in block.rows("input parameters")),
        ((row[0], _cell(row, 1)) for row in block.rows("calculated parameters")),
    )
    exchanges = exchanges_of(block, Cells(numbers, file.old, mender, file.cas))
    products = [exchange for exchange in exchanges if exchange.reference]
    name, synonyms = _names(block, products)
    kind = (block.text("type") or "").casefold()
    return Record(
        database=file.database,
        uuid=_uuid(block, name, file),
        kind="process" if block.kind == "process" else "model",
        name=Name(base=Text.of(name, "")),
        synonyms=Text.of("; ".join(synonyms), ""),
        classifications=_classes(block, file.old),
        place=_place(block, (name, *synonyms), mender),
        period=_period(block, mender),
        comment=mender.text(block.text("comment")),
        technology=mender.text(block.text("technology")),
        reference_type="Reference flow(s)" if products else None,
        references_stated=len(products),
        data_type=_TYPES.get(kind),
        system_model=_system_model(name),
        exchanges=exchanges,
        references=_references(block, mender),
        details=tuple(
            (label, text)
            for section, label in _DETAILS.items()
            if (text := mender.text(block.text(section)))
        ),
        extras=_extras(block, file, mender),
        provenance=mender.provenance(file.path, "simapro"),
    )


def unmapped(block: Block) -> list[str]:
    """Sections with content that no record field holds."""
    return [name for name, rows in block.sections if rows and name not in _MAPPED]


def is_nameless(block: Block) -> bool:
    """Whether a block names neither itself nor a product."""
    return not (block.text("process name") or any(block.rows(name) for name in REFERENCES))


def _names(block: Block, products: list[Exchange]) -> tuple[str | None, list[str]]:
    """Name and further names: SimaPro lists a process under its product where it has no name."""
    found = [str(text) for product in products for text in product.flow.all()]
    if name := interned(block.text("process name")):
        found.insert(0, name)
    found = list(dict.fromkeys(found))
    return (found[0] if found else None), found[1:]


def _uuid(block: Block, name: str | None, file: SimaProFile) -> str:
    platform = (block.text("platformid") or "").lower()
    if is_uuid(platform):
        return platform
    identifier = block.text("process identifier") or file.project or ""
    return derived_uuid("simapro", block.kind, identifier, name or "")


def _classes(block: Block, old: bool) -> tuple[Classification, ...]:
    """The category tree that SimaPro keeps beside each product."""
    found: dict[tuple[str, ...], None] = {}
    for section, columns in REFERENCES.items():
        position = columns.index("category")
        for row in block.rows(section):
            path = tuple(part.strip() for part in _cell(row, position).split("\\") if part.strip())
            if path:
                found[path] = None
    return tuple(Classification(system="SimaPro", path=path) for path in found)


def _place(block: Block, names: Iterable[str | None], mender: Mender) -> Place | None:
    """SimaPro has no location field: codes live in names, `Geography` is a word of a list."""
    region = mender.text(block.text("geography"))
    codes = (code for name in names if name and (code := place_in_name(name)))
    if code := next(codes, None):
        mender.note(PLACE_FROM_NAME)
        return Place(code=code, description=region)
    if not region or region.all()[0] in _NO_PLACE:
        return None
    return Place(code=region.all()[0])


def _period(block: Block, mender: Mender) -> Period:
    text = mender.text(block.text("time period"))
    start, end = _years(text.all()[0]) if text else (None, None)
    year = start if start is not None else end
    return Period(reference_year=year, valid_until=end, start=start, end=end, description=text)


def _years(text: str) -> tuple[int | None, int | None]:
    """First and last year of an entry of SimaPro's list ("2010 and after"), or of a single year."""
    if span := _SPAN.search(text):
        return int(span[1]), int(span[2])
    if found := _FROM.search(text):
        return int(found[1] or found[2]), None
    if found := _UNTIL.search(text):
        return None, int(found[1] or found[2])
    if found := _YEAR.fullmatch(text.strip()):
        return int(found[0]), int(found[0])
    return None, None


def _system_model(name: str | None) -> str | None:
    """The system model at the end of an ecoinvent name in SimaPro."""
    parts = [part.strip() for part in (name or "").split("|")]
    if len(parts) < 3:
        return None
    model = parts[-1].removesuffix(", U").removesuffix(", S")
    return model or None


def _references(block: Block, mender: Mender) -> tuple[Reference, ...]:
    found: list[Reference] = []
    for section, role in _REFERENCES.items():
        for row in block.rows(section):
            text = mender.text(_cell(row, 0).replace(LINE_BREAK, "\n"))
            if text:
                found.append(Reference(role=role, name=text))
    return tuple(found)


def _extras(block: Block, file: SimaProFile, mender: Mender) -> tuple[tuple[str, str], ...]:
    found = [(label, mender.clean(block.text(name))) for name, label in _EXTRAS.items()]
    found.append(("Project", file.project))
    if (block.text("infrastructure") or "").casefold() == "yes":
        found.append(("Infrastructure", "true"))
    return tuple((label, text) for label, text in found if text)


def _cell(row: Row, position: int) -> str:
    return row[position] if position < len(row) else ""
