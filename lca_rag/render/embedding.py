"""The text that the encoder was trained on, byte for byte, for records of any format.

The template is that of the TIDAS SDK's English Markdown, its oddities included: which blank lines
belong to which block, that product flows show no classification, and that amounts have no unit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from lca_rag.record import COMPARTMENTS, Direction, Exchange, Record, Text

__all__ = ["embedding_text"]

LISTED = 10
"""Exchanges listed per direction."""
_ENTITIES = {
    "process": "Process",
    "flow": "Flow",
    "model": "Life Cycle Model",
    "method": "LCIA Method",
}


def embedding_text(record: Record) -> str:
    """The document text of a record for the encoder; a free text is itself.

    Source: tidas-sdk 0.1.4, `to_markdown(lang="en")`, whose output is the reference.
    """
    if record.kind == "text":
        return "".join(record.comment.all())
    blocks = _flow if record.kind == "flow" else _process
    return "\n".join(_spaced(blocks(record))).rstrip("\n")


def _spaced(lines: Iterable[str]) -> Iterator[str]:
    """The lines, with a blank one before each heading that lacks it."""
    last = ""
    for line in lines:
        if line.startswith("## ") and last:
            yield ""
        yield line
        last = line


def _process(record: Record) -> Iterator[str]:
    place, period = record.place, record.period
    yield from _head(record)
    yield from _labelled("Location", place.code if place else None)
    yield from _reference(record)
    path = record.classifications[0].path if record.classifications else ()
    yield from _block(_labelled("Classification", " > ".join(path)))
    yield from _block(_labelled("Functional Unit", record.functional_unit.join()))
    yield from _section("Description", record.comment.join())
    years = " | ".join(
        f"{label}: {value}"
        for label, value in (
            ("Reference Year", period.reference_year),
            ("Valid Until", period.valid_until),
        )
        if value is not None
    )
    yield from _section("Time Coverage", years, period.description.join(), between="\n")
    yield from _section("Geography", _geography(record).join())
    yield from _section("Technology", record.applicability.join(), record.technology.join())
    yield from _section(
        "Methodology",
        *_labelled("Data Set Type", record.data_type),
        *_labelled("LCI Method Principle", record.method_principle),
        between="\n",
    )
    yield from _section("Main Inputs", *_largest(record, "input"), between="\n")
    yield from _section("Main Outputs", *_largest(record, "output"), between="\n")


def _flow(record: Record) -> Iterator[str]:
    facts = record.flow
    properties = facts.properties if facts else ()
    yield from _head(record)
    reference = next((item for item in properties if item.reference), None)
    if reference is not None:
        yield from _labelled("Reference Property", reference.name.join(" | "))
        yield from _labelled("Property Mean", _number(reference.mean))
    yield from _labelled("Data Set Type", record.data_type)
    if facts is not None:
        yield from _labelled("CAS", facts.cas)
        yield from _labelled("EC Number", facts.ec)
    yield from _block(_labelled("Classification", " > ".join(_compartments(record))))
    yield from _block(_labelled("Synonyms", record.synonyms.join()))
    yield from _section("Description", record.comment.join())
    supply = facts.supply if facts else None
    yield from _section("Geography", *_labelled("Location of Supply", supply))
    yield from _section("Technology", record.applicability.join())
    listed = (_listed(item.name.join(" | "), item.mean) for item in properties)
    yield from _section("Flow Properties", *listed, between="\n")


def _head(record: Record) -> Iterator[str]:
    name = record.name
    parts = (" | ".join(part.preferred()) for part in (name.base, name.mix, name.treatment))
    yield "# " + " | ".join(filter(None, parts))
    yield ""
    yield f"**Entity:** {_ENTITIES[record.kind]}"
    yield f"**UUID:** `{record.uuid}`"
    yield f"**Version:** {record.version}"


def _reference(record: Record) -> Iterator[str]:
    """Name and amount of the reference flow, unless the source states several."""
    found = record.reference_exchanges
    if record.references_stated > 1 or len(found) != 1:
        return
    yield from _block(
        (
            *_labelled("Reference Flow", found[0].flow.join(" | ")),
            *_labelled("Amount", _number(found[0].amount)),
        )
    )


def _largest(record: Record, direction: Direction) -> Iterator[str]:
    """The largest exchanges of a direction; missing amounts sort below negative ones."""
    found = [item for item in record.exchanges if item.direction == direction]
    found.sort(key=_descending)
    for item in found[:LISTED]:
        yield _listed(item.flow.join(" | ") or f"Flow {item.id}", item.amount)


def _descending(item: Exchange) -> float:
    return math.inf if item.amount is None else -item.amount


def _compartments(record: Record) -> tuple[str, ...]:
    """The compartment path; classes of product flows were not in the trained text."""
    for item in record.classifications:
        if (item.system or "").startswith(COMPARTMENTS):
            return item.path
    elementary = record.flow is not None and record.flow.kind == "elementary"
    return record.classifications[0].path if elementary and record.classifications else ()


def _geography(record: Record) -> Text:
    if record.place is not None:
        return record.place.description
    return next((words for label, words in record.details if label == "Geography"), Text())


def _labelled(label: str, value: str | None) -> Iterator[str]:
    if value:
        yield f"**{label}:** {value}"


def _block(lines: Iterable[str]) -> Iterator[str]:
    """Lines and a blank one, or nothing."""
    found = tuple(lines)
    if found:
        yield from found
        yield ""


def _section(title: str, *parts: str | None, between: str = "\n\n") -> Iterator[str]:
    """A heading over the parts that say something, or nothing."""
    found = between.join(part for part in parts if part)
    if found:
        yield from (f"## {title}", "", found, "")


def _listed(name: str | None, amount: float | None) -> str:
    return f"- {name or ''}: {_number(amount) or ''}"


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"
