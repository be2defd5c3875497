"""What a reader or a language model is shown: identity, licence, facts, and amounts with units.

Everything that comes from a source is made inert: it can neither open a heading, a table, a link
or an image, nor pose as one of our labels.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from lca_rag.places import find_place
from lca_rag.record import Direction, Exchange, Record, Text
from lca_rag.render.search import FILLER

__all__ = ["evidence"]

NOT_STATED = "not stated"
_UNSHOWN = "Data generation"
"""Label of a detail that mostly holds people's e-mail addresses."""
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_SPECIAL = re.compile(r"\\|`|\||<|\*{2,}|_{2,}|&(?=#?\w+;)|\](?=[(\[:])")
"""What starts HTML, code, a table cell, bold text (our labels), an entity, or ends a link text."""
_OPENING = re.compile(r"#{1,6}(?=\s|$)|[-+](?=\s|$)|[-=]+$|>|~~~|\d+[.)](?=\s)")
"""What would open a heading, a list, a quotation or a fence at the start of a line."""
_ENTITIES = {"<": "&lt;", "&": "&amp;"}


def evidence(record: Record, *, limit: int | None = None) -> str:
    """The record as Markdown, with every amount beside its unit.

    Args:
        record: What to show.
        limit: Largest number of rows per table; what is left out is counted. `None` shows all.
    """
    return "\n".join(_lines(record, limit)).strip() + "\n"


def _lines(record: Record, limit: int | None) -> Iterator[str]:
    yield f"# {_inline(str(record.name)) or _inline(record.uuid)}"
    yield ""
    yield from _facts(_identity(record))
    yield from _facts(_scope(record))
    if record.flow is not None:
        yield from _flow_properties(record)
    yield from _prose(_descriptions(record))
    yield from _inventory(record, "input", limit)
    yield from _inventory(record, "output", limit)
    yield from _results(record, limit)
    yield from _prose(item for item in record.details if item[0] != _UNSHOWN)
    yield from _references(record)


def _identity(record: Record) -> Iterator[tuple[str, str | None]]:
    licence = record.licence
    yield "Record", f"`{record.id.replace('`', '')}`"
    kind = record.flow.kind + " flow" if record.flow is not None else record.kind
    said = record.data_type is None or record.data_type.lower() == kind
    yield "Kind", kind if said else f"{kind}, {_inline(record.data_type)}"
    yield "Licence", _inline(licence.type) if licence.type else NOT_STATED
    if licence.copyright is not None:
        yield "Copyright", "yes" if licence.copyright else "no"
    yield "Access restrictions", _joined(licence.restrictions)
    yield "Owner", _joined(licence.owner)


def _scope(record: Record) -> Iterator[tuple[str, str | None]]:
    for exchange in record.reference_exchanges:
        yield (
            f"Reference flow ({exchange.direction})",
            f"{_flow_name(exchange)}, {_amount(exchange)}",
        )
    yield "Functional unit", _joined(record.functional_unit)
    yield "Reference type", _inline(record.reference_type or "")
    yield from _place(record)
    yield "Period", "; ".join(_period(record))
    for item in record.classifications:
        path = " > ".join(map(_inline, item.path))
        yield "Classification", f"{path} ({_inline(item.system)})" if item.system else path
    others = [text for text in record.name.base.all() if text not in record.name.base.preferred()]
    yield "Other names", "; ".join(map(_inline, others))
    yield "Synonyms", _joined(record.synonyms)
    yield "Method principle", _inline(record.method_principle or "")
    yield "Method approaches", "; ".join(map(_inline, record.method_approaches))
    yield "System model", _inline(record.system_model or "")
    if record.flow is not None:
        yield "CAS number", _inline(record.flow.cas or "")
        yield "EC number", _inline(record.flow.ec or "")
        yield "Formula", _inline(record.flow.formula or "")
        yield "Location of supply", _inline(record.flow.supply or "")
    if record.kind != "text":
        for label, value in record.extras:
            yield label, _inline(value)


def _place(record: Record) -> Iterator[tuple[str, str | None]]:
    place = record.place
    if place is not None:
        code, name = _inline(place.code), _inline(place.name or _spelled_out(place.code))
        yield "Place", f"{code} ({name})" if name and name != code else code
        yield "Parts of the place", ", ".join(map(_inline, place.parts))
        yield "Geography", _joined(place.description)


def _spelled_out(code: str) -> str:
    area = find_place(code)
    return area.name if area is not None else ""


def _period(record: Record) -> Iterator[str]:
    period = record.period
    if period.reference_year is not None:
        yield f"reference year {period.reference_year}"
    if period.start is not None or period.end is not None:
        yield f"{period.start or '?'} to {period.end or '?'}"
    if period.valid_until is not None:
        yield f"valid until {period.valid_until}"
    if period.description:
        yield _joined(period.description)


def _flow_properties(record: Record) -> Iterator[str]:
    facts = record.flow
    if facts is None or not facts.properties:
        return
    rows = [
        (
            _joined(item.name) or NOT_STATED,
            number(item.mean),
            _inline(item.unit or "") or NOT_STATED,
            "reference property" if item.reference else "",
        )
        for item in facts.properties
    ]
    yield from _table(
        "Flow properties per reference amount", ("Property", "Amount", "Unit", "Note"), rows, None
    )


def _inventory(record: Record, direction: Direction, limit: int | None) -> Iterator[str]:
    """One table; the unit that most rows have comes first, amounts fall within a unit."""
    found = [item for item in record.exchanges if item.direction == direction]
    counts = Counter(item.unit for item in found)
    found.sort(key=lambda item: _order(item, counts))
    rows = [
        (
            _flow_name(item),
            number(item.amount),
            _inline(item.unit or "") or NOT_STATED,
            " > ".join(map(_inline, item.category)),
            "; ".join(_notes(item)),
        )
        for item in found
    ]
    heading = ("Flow", "Amount", "Unit", "Category", "Notes")
    yield from _table("Inputs" if direction == "input" else "Outputs", heading, rows, limit)


def _order(item: Exchange, counts: Counter[str | None]) -> tuple[bool, int, str, float]:
    size = math.inf if item.amount is None else -item.amount
    return (not item.reference, -counts[item.unit], item.unit or "\uffff", size)


def _notes(item: Exchange) -> Iterator[str]:
    if item.reference:
        yield "reference flow"
    if item.avoided:
        yield "avoided product"
    if item.allocation is not None:
        yield f"allocation share {number(item.allocation)}"
    if item.location:
        yield f"location {_inline(item.location)}"
    if item.cas:
        yield f"CAS {_inline(item.cas)}"
    if item.provider:
        yield f"provider {_inline(item.provider)}"
    if comment := _joined(item.comment):
        yield comment


def _results(record: Record, limit: int | None) -> Iterator[str]:
    rows = [
        (
            _joined(item.indicator) or NOT_STATED,
            _inline(item.method or ""),
            _inline(item.module or ""),
            number(item.amount),
            _inline(item.unit or "") or NOT_STATED,
        )
        for item in record.results
    ]
    if record.kind == "method":
        heading = ("Flow", "Direction", "Place", "Amount", "Unit")
        yield from _table("Characterisation factors", heading, rows, limit)
    else:
        heading = ("Indicator", "Method", "Module", "Amount", "Unit")
        yield from _table("Results", heading, rows, limit)


def _references(record: Record) -> Iterator[str]:
    rows = [
        (_inline(item.role), _joined(item.name) or NOT_STATED, _inline(item.uuid or ""))
        for item in record.references
    ]
    yield from _table("References", ("Role", "Name", "UUID"), rows, None)


def _facts(pairs: Iterable[tuple[str, str | None]]) -> Iterator[str]:
    yield from (f"- **{_inline(label)}:** {value}" for label, value in pairs if value)
    yield ""


def _descriptions(record: Record) -> Iterator[tuple[str, Text]]:
    yield "Description", record.comment
    yield "Technology", record.technology
    yield "Applicability", record.applicability


def _prose(sections: Iterable[tuple[str, Text]]) -> Iterator[str]:
    """Headings over quoted text; fillers, and what was said before, are left out."""
    said: set[str] = set()
    for label, words in sections:
        text = words.join()
        if text and text not in said and text.lower() not in FILLER:
            said.add(text)
            yield from (f"## {_inline(label)}", "", *_quoted(text), "")


def _quoted(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield f"> {_inline(line)}".rstrip()


def _table(
    title: str, heading: Sequence[str], rows: Sequence[Sequence[str]], limit: int | None
) -> Iterator[str]:
    """A table without the columns that no row fills."""
    if not rows:
        return
    used = [i for i, _ in enumerate(heading) if any(row[i] for row in rows)]
    yield from (f"## {title}", "")
    yield "| " + " | ".join(heading[i] for i in used) + " |"
    yield "|" + " --- |" * len(used)
    for row in rows[:limit]:
        yield "| " + " | ".join(row[i] for i in used) + " |"
    if limit is not None and len(rows) > limit:
        yield from ("", f"{len(rows) - limit} further rows are not shown.")
    yield ""


def _flow_name(item: Exchange) -> str:
    return _joined(item.flow) or _inline(item.flow_ref or item.flow_uuid or f"flow {item.id}")


def _amount(item: Exchange) -> str:
    if item.amount is None:
        return f"amount {NOT_STATED}"
    return f"{number(item.amount)} {_inline(item.unit) if item.unit else f'(unit {NOT_STATED})'}"


def number(value: float | None) -> str:
    """The shortest decimal that is exactly this amount; words where there is none."""
    if value is None:
        return NOT_STATED
    return repr(float(value)).removesuffix(".0")


def _joined(words: Text) -> str:
    return "; ".join(map(_inline, words.preferred()))


def _inline(text: str | None) -> str:
    """Text of a source on one line, with nothing in it that Markdown or HTML would act on."""
    line = _SPECIAL.sub(_inert, _UNSEEN.sub("", " ".join((text or "").split())))
    opening = _OPENING.match(line)
    if opening is None:
        return line
    end = opening.end() - 1
    return f"{line[:end]}\\{line[end:]}" if line[0].isdigit() else f"\\{line}"


def _inert(found: re.Match[str]) -> str:
    return "".join(_ENTITIES.get(character, "\\" + character) for character in found[0])
