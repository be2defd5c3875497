"""Why a hit stands where it does, in sentences that can be checked against the record."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from lca_rag.filters import Wishes, same_data_type
from lca_rag.index.words import tokenize
from lca_rag.places import relation
from lca_rag.record import Period, Record

_MOVERS = 3
"""How many features are named as having moved a hit."""


def reasons(
    record: Record, question: str, wishes: Wishes, features: Mapping[str, float]
) -> tuple[str, ...]:
    """True sentences on a hit, the most telling first.

    Args:
        record: The record found.
        question: The words of the search.
        wishes: What else was asked.
        features: Raw values by feature name; "dense" is the cosine, if the dense side was asked.
    """
    found = [*_words(record, question), *_meaning(features), *_wishes(record, wishes)]
    return tuple(found)


def _words(record: Record, question: str) -> list[str]:
    numbers, spoken = _asked(question)
    sentences = []
    if record.uuid.lower() in question.lower():
        sentences.append(f"bears the UUID asked for, {record.uuid}")
    if record.flow and record.flow.cas and numbers & set(tokenize(record.flow.cas)):
        sentences.append(f"bears the CAS number asked for, {record.flow.cas}")
    name = set(tokenize(str(record.name)))
    named = [word for word, tokens in spoken if tokens <= name]
    if named:
        sentences.append("name holds " + ", ".join(repr(word) for word in named[:6]))
    return sentences


@lru_cache(maxsize=64)
def _asked(question: str) -> tuple[frozenset[str], tuple[tuple[str, frozenset[str]], ...]]:
    """CAS-like tokens of a question, and its words as typed that carry something, with tokens.

    All hits of a search ask this of the same question.
    """
    numbers = frozenset(
        token for token in tokenize(question) if token.count("-") == 2 and token[0].isdigit()
    )
    spoken: dict[str, frozenset[str]] = {}
    for word in question.split():
        if tokenize(word):
            bare = word.strip("，。？?,.;:()（）\"'")
            spoken[bare] = frozenset(tokenize(bare))
    return numbers, tuple((word, tokens) for word, tokens in spoken.items() if tokens)


def _meaning(features: Mapping[str, float]) -> list[str]:
    dense = features.get("dense")
    return [] if dense is None else [f"similarity of meaning {dense:.2f}"]


def _wishes(record: Record, wishes: Wishes) -> list[str]:
    sentences = []
    if wishes.place is not None:
        sentences.append(place_reason(wishes.place, record))
    if wishes.years is not None:
        sentences.append(year_reason(wishes.years, record.period))
    if wishes.data_type is not None:
        sentences.append(_type_reason(wishes.data_type, record.data_type))
    for label, asked, values in _contained(record, wishes):
        if asked is not None:
            met = any(asked.casefold() in value.casefold() for value in values)
            known = "; ".join(values) or "not stated"
            sentences.append(f"{label} {asked!r} {'met' if met else f'not met: {known}'}")
    return sentences


def _contained(
    record: Record, wishes: Wishes
) -> tuple[tuple[str, str | None, tuple[str, ...]], ...]:
    classes = tuple(" / ".join((*item.path, *item.codes)) for item in record.classifications)
    model = (record.system_model,) if record.system_model else ()
    method = (record.method_principle,) if record.method_principle else ()
    return (
        ("system model", wishes.system_model, model),
        ("allocation", wishes.allocation, (*method, *record.method_approaches)),
        ("classification", wishes.classification, classes),
    )


def place_reason(asked: str, record: Record) -> str:
    """How a record's place stands to the place asked for."""
    if record.place is None:
        return f"asked {asked}, place not stated"
    return relation(asked, record.place.code).sentence


def year_reason(asked: tuple[int, int], period: Period) -> str:
    """How a record's years stand to the years asked for."""
    wish = str(asked[0]) if asked[0] == asked[1] else f"{asked[0]}-{asked[1]}"
    covered, gap = _covered(period), year_gap(asked, period)
    if covered is None or gap is None:
        return f"asked {wish}, year not stated"
    first, last = covered
    span = str(first) if first == last else f"{first}-{last}"
    if gap == 0:
        return f"asked {wish}, covers it ({span})"
    return f"asked {wish}, got {span}: {gap} year{'s' if gap > 1 else ''} apart"


def year_gap(asked: tuple[int, int], period: Period) -> int | None:
    """Years between what is asked and what a period covers; `None` if it states no year."""
    covered = _covered(period)
    if covered is None:
        return None
    return max(0, covered[0] - asked[1], asked[0] - covered[1])


def _covered(period: Period) -> tuple[int, int] | None:
    start = period.start if period.start is not None else period.reference_year
    end = period.end if period.end is not None else period.valid_until
    known = [year for year in (start, end) if year is not None]
    if not known:
        return None
    return known[0], max(known)


def _type_reason(asked: str, got: str | None) -> str:
    if got is None:
        return f"asked for {asked!r} data sets, type not stated"
    met = same_data_type(asked, got)
    return f"asked for {asked!r} data sets, {'is' if met else 'is not, but'} {got!r}"


def movers(parts: Mapping[str, float]) -> str:
    """The features that moved a hit most, with what each gave.

    Args:
        parts: What each feature gave, relative to the average candidate of the search.
    """
    strongest = sorted(parts.items(), key=lambda item: -abs(item[1]))[:_MOVERS]
    shown = ", ".join(f"{name} {value:+.2f}" for name, value in strongest if abs(value) >= 0.005)
    return f"moved by {shown}" if shown else "moved by nothing in particular"
