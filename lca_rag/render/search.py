"""The words of a record by field, in every language, for lexical search.

Amounts, owners and licences stay out: they would match questions that they do not answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

from lca_rag.places import names as place_names
from lca_rag.record import Place, Record, Text

__all__ = ["search_fields", "search_text"]

_SPACE = re.compile(r"\s+")
_PADDED_CAS = re.compile(r"\b0+(\d{2,7}-\d{2}-\d)\b")
FILLER = frozenset(("none", "无", "nan", "n/a", "-", "/"))
"""Prose that says nothing."""
_UNSEARCHED_DETAILS = frozenset(("Review", "Data generation"))
_SEARCHED_REFERENCES = frozenset(("data source", "documentation", "included process", "method"))
"""The others name people, bodies, file formats and pictures."""
_IDENTIFIERS = frozenset(("Identifier", "Registration number"))


def search_fields(record: Record) -> dict[str, str]:
    """The searched words by field; a field that says nothing is left out.

    Fields: "name", "synonyms", "classes", "identifiers", "place" (codes and spelled-out names),
    "description", "technology", "exchanges" (names of flows), "other".
    """
    fields: dict[str, Iterable[str]] = {
        "name": _words(
            record.name.base, record.name.treatment, record.name.mix, record.name.functional
        ),
        "synonyms": record.synonyms.all(),
        "classes": _classes(record),
        "identifiers": _identifiers(record),
        "place": _place(record),
        "description": _words(record.comment),
        "technology": _words(record.technology, record.applicability),
        "exchanges": _exchanges(record),
        "other": _other(record),
    }
    return {name: text for name, parts in fields.items() if (text := _joined(parts))}


def search_text(record: Record) -> str:
    """All searched words of a record, one line per field."""
    return "\n".join(search_fields(record).values())


def _joined(parts: Iterable[str]) -> str:
    """The parts without repetition, as one line in normal form C."""
    clean = dict.fromkeys(_SPACE.sub(" ", part).strip() for part in parts)
    return unicodedata.normalize("NFC", " ; ".join(part for part in clean if part))


def _words(*texts: Text) -> Iterator[str]:
    for text in texts:
        yield from text.all()


def _classes(record: Record) -> Iterator[str]:
    for item in record.classifications:
        yield from item.path
        yield from item.codes


def _identifiers(record: Record) -> Iterator[str]:
    yield record.uuid
    if record.flow is not None:
        for value in (record.flow.cas, record.flow.ec, record.flow.formula):
            if value:
                yield value
                yield from _PADDED_CAS.findall(value)
    yield from (value for label, value in record.extras if label in _IDENTIFIERS)


def _place(record: Record) -> Iterator[str]:
    if record.place is not None:
        yield from _place_words(record.place)
    if record.flow is not None and record.flow.supply:
        yield record.flow.supply


def _place_words(place: Place) -> Iterator[str]:
    for code in (place.code, *place.parts):
        yield from _names_of_place(code)
    if place.name:
        yield place.name
    yield from place.description.all()


@lru_cache(maxsize=4096)
def _names_of_place(code: str) -> tuple[str, ...]:
    return place_names(code)


def _exchanges(record: Record) -> Iterator[str]:
    """Names of flows; one name is said once, whatever the number of its exchanges."""
    for exchange in record.exchanges:
        yield from exchange.flow.all()
    if record.flow is not None:
        for item in record.flow.properties:
            yield from item.name.all()


def _other(record: Record) -> Iterator[str]:
    period = record.period
    for year in (period.reference_year, period.valid_until, period.start, period.end):
        if year is not None:
            yield str(year)
    yield from _words(period.description, record.functional_unit)
    for fact in (record.data_type, record.method_principle, record.system_model):
        if fact:
            yield fact
    yield from record.method_approaches
    for label, words in record.details:
        if label not in _UNSEARCHED_DETAILS:
            yield from (text for text in words.all() if text.lower() not in FILLER)
    for reference in record.references:
        if reference.role in _SEARCHED_REFERENCES:
            yield from reference.name.all()
    for result in record.results:
        yield from result.indicator.all()
