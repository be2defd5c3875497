"""SimaPro's substance lists as flows, and its LCIA methods as one record per impact category."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lca_rag.readers.prose import Mender, derived_uuid, interned, is_uuid
from lca_rag.readers.simapro_blocks import LINE_BREAK, Block, Row
from lca_rag.readers.simapro_records import SimaProFile
from lca_rag.record import (
    NO_TEXT,
    NO_VERSION,
    Classification,
    FlowFacts,
    FlowProperty,
    ImpactResult,
    Name,
    Record,
    Text,
)

COMPARTMENTS = {
    "raw materials": "resource",
    "airborne emissions": "air",
    "waterborne emissions": "water",
    "emissions to soil": "soil",
    "final waste flows": "final waste",
    "non material emissions": "non-material",
    "social issues": "social",
    "economic issues": "economic",
}
"""Substance lists, and the compartment that their substances belong to."""

_FORMULA = re.compile(r"Formula: *(\S+)")


def cas_numbers(block: Block) -> Iterator[tuple[tuple[str, str], str]]:
    """CAS number by compartment and substance."""
    compartment = COMPARTMENTS[block.kind]
    for row in block.rows(block.kind):
        if len(row) > 2 and (cas := interned(row[2])):
            yield (compartment, row[0]), cas


def flow_records(block: Block, file: SimaProFile) -> Iterator[Record]:
    """One flow for each row: name, unit, CAS number, comment, platform id."""
    compartment = COMPARTMENTS[block.kind]
    for row in block.rows(block.kind):
        if row[0]:
            yield _flow(row + [""] * (5 - len(row)), compartment, file)


def _flow(row: Row, compartment: str, file: SimaProFile) -> Record:
    mender = Mender()
    name, unit, cas, comment, platform = row[:5]
    comment = comment.replace(LINE_BREAK, "\n")
    formula = _FORMULA.search(comment)
    waste = compartment == "final waste"
    return Record(
        database=file.database,
        uuid=platform.lower()
        if is_uuid(platform)
        else derived_uuid("simapro", "flow", compartment, name, unit),
        kind="flow",
        name=Name(base=Text.of(name, "")),
        classifications=(Classification(system="SimaPro", path=(compartment,)),),
        comment=mender.text(comment),
        data_type="Waste flow" if waste else "Elementary flow",
        flow=FlowFacts(
            kind="waste" if waste else "elementary",
            cas=mender.clean(cas),
            formula=formula[1] if formula else None,
            properties=(FlowProperty(name=NO_TEXT, mean=1.0, unit=interned(unit), reference=True),),
        ),
        provenance=mender.provenance(file.path, "simapro"),
    )


def method_records(block: Block, file: SimaProFile) -> Iterator[Record]:
    """One record for each impact category of a method, with its characterisation factors."""
    method = block.text("name") or "method without a name"
    version = ".".join(cell for row in block.rows("version") for cell in row if cell)
    category: Row | None = None
    for section, rows in block.sections:
        if section == "impact category":
            category = rows[0] if rows else None
        elif section == "substances" and category is not None:
            yield _method(block, method, version, category, rows, file)
            category = None


def _method(
    block: Block, method: str, version: str, category: Row, rows: list[Row], file: SimaProFile
) -> Record:
    mender = Mender()
    name = category[0]
    unit = interned(category[1]) if len(category) > 1 else None
    return Record(
        database=file.database,
        uuid=derived_uuid("simapro", "method", method, name),
        version=version or NO_VERSION,
        kind="method",
        name=Name(base=Text.of(name, "")),
        classifications=(Classification(system="SimaPro", path=(method,)),),
        comment=mender.text(block.text("comment")),
        data_type="LCIA method",
        results=tuple(_factor(row, method, unit, file, mender) for row in rows if len(row) > 5),
        extras=(("Method", method), *((("Reference unit", unit),) if unit else ())),
        provenance=mender.provenance(file.path, "simapro"),
    )


def _factor(
    row: Row, method: str, unit: str | None, file: SimaProFile, mender: Mender
) -> ImpactResult:
    """Compartment, subcompartment, substance, CAS number, factor, unit of the substance."""
    compartment, part, substance, _, amount, flow_unit = row[:6]
    levels = (substance, compartment, "" if part == "(unspecified)" else part)
    return ImpactResult(
        indicator=Text.of(", ".join(level for level in levels if level), ""),
        method=method,
        amount=mender.number(file.numbers.plain(amount)),
        unit=f"{unit}/{flow_unit}" if unit and flow_unit else unit,
    )
