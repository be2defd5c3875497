"""Pairs and groups of records that say the same, with the relation between them."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lca_rag.duplicates.sketches import Hashes, Sketch, bands, overlap, same_amounts, sketch
from lca_rag.places import recognise
from lca_rag.places import relation as place_relation
from lca_rag.record import Record

DuplicateRelation = Literal["copy", "version", "region", "year", "exchanges", "text"]

_SENTENCES: dict[DuplicateRelation, str] = {
    "copy": "the same data set in another format or database",
    "version": "another version of the same data set",
    "region": "the same process in another region",
    "year": "the same process for another time",
    "exchanges": "other words, the same exchanges",
    "text": "nearly the same words",
}
_CROWD = 40
"""A bucket with more members is compared along a chain only, so that time stays near linear."""
_SAME_TEXT, _SAME_EXCHANGES, _LIKE_EXCHANGES = 0.85, 0.95, 0.5
_SAME_VECTOR = 0.985
_TABLES, _BITS = 8, 18


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    """Two records that say the same in one sense."""

    first: str
    second: str
    relation: DuplicateRelation
    score: float
    """How sure, in [0, 1]."""
    reason: str


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Records that hang together by pairs."""

    ids: tuple[str, ...]
    relations: tuple[DuplicateRelation, ...]
    """Relations that occur in the group, the most frequent first."""
    pairs: tuple[DuplicatePair, ...]


def find_duplicates(
    records: Iterable[Record], vectors: NDArray[np.float32] | None = None
) -> list[DuplicateGroup]:
    """Groups of doubles, the largest first.

    Args:
        records: The records to compare, of any database.
        vectors: Their unit document vectors, shape (n, d), in the same order; they bring together
            texts of other words or languages. Without them words alone decide.
    """
    sketches = [sketch(record) for record in records]
    return groups(duplicate_pairs(sketches, vectors))


def duplicate_pairs(
    sketches: Sequence[Sketch], vectors: NDArray[np.float32] | None = None
) -> list[DuplicatePair]:
    """Every pair of doubles among sketches, as `find_duplicates`."""
    pairs = []
    for first, second in _candidates(sketches, vectors):
        cosine = None if vectors is None else float(vectors[first] @ vectors[second])
        pair = compare(sketches[first], sketches[second], cosine)
        if pair is not None:
            pairs.append(pair)
    return pairs


def groups(pairs: Iterable[DuplicatePair]) -> list[DuplicateGroup]:
    """Pairs put together into groups, the largest first."""
    parent: dict[str, str] = {}

    def root(id: str) -> str:
        parent.setdefault(id, id)
        while parent[id] != id:
            parent[id] = parent[parent[id]]
            id = parent[id]
        return id

    kept = list(pairs)
    for pair in kept:
        parent[root(pair.first)] = root(pair.second)
    members: dict[str, list[DuplicatePair]] = defaultdict(list)
    for pair in kept:
        members[root(pair.first)].append(pair)
    found = []
    for inside in members.values():
        ids = sorted({id for pair in inside for id in (pair.first, pair.second)})
        counts = Counter(pair.relation for pair in inside)
        found.append(
            DuplicateGroup(
                tuple(ids), tuple(name for name, _ in counts.most_common()), tuple(inside)
            )
        )
    return sorted(found, key=lambda group: (-len(group.ids), group.ids))


def compare(one: Sketch, other: Sketch, cosine: float | None = None) -> DuplicatePair | None:
    """The relation of two records, or `None` if neither doubles the other.

    Args:
        one: A record.
        other: Another one.
        cosine: Of their document vectors, if there are any.
    """
    if one.kind != other.kind or not _promising(one, other, cosine):
        return None
    words = overlap(one.words, other.words)
    amounts = same_amounts(one, other)
    alike = max(words, amounts)
    same_name = one.stem == other.stem
    found: tuple[DuplicateRelation, float] | None = None
    if one.uuid == other.uuid and one.database == other.database:
        found = ("version", 1.0)
    elif one.uuid == other.uuid:
        found = ("copy", 1.0)
    elif one.digits != other.digits:
        found = ("exchanges", amounts) if _same_exchanges(one, other, amounts) else None
    elif same_name:
        found = _same_name(one, other, words, amounts)
    elif _same_exchanges(one, other, amounts):
        found = ("exchanges", amounts)
    elif _same_words(one, other, words, cosine):
        found = ("text", max(alike, cosine or 0.0))
    if found is None:
        return None
    name, score = found
    if name in ("text", "exchanges") and _named_apart(one, other):
        name = "region"
    return DuplicatePair(
        one.id, other.id, name, round(min(1.0, score), 4), _reason(name, one, other)
    )


def _named_apart(one: Sketch, other: Sketch) -> bool:
    """Whether both names say a region, and not the same one.

    US LCI writes the place of its grid mixes into the name alone ("Electricity, at eGrid, CAMX").
    """
    here, there = named_places(one.name), named_places(other.name)
    return bool(here and there) and here != there


@lru_cache(maxsize=20_000)
def named_places(name: str) -> tuple[str, ...]:
    """Codes of the places that a name says for certain, in code point order."""
    return tuple(sorted({mention.areas[0].code for mention in recognise(name) if mention.certain}))


def _promising(one: Sketch, other: Sketch, cosine: float | None) -> bool:
    """A quick look at the least hashes, which estimate both overlaps within about 0.1."""
    return (
        one.uuid == other.uuid
        or one.stem == other.stem
        or _alike(one.word_prints, other.word_prints) >= _SAME_TEXT - 0.25
        or _alike(one.flow_prints, other.flow_prints) >= _SAME_EXCHANGES - 0.25
        or (cosine is not None and cosine >= _SAME_VECTOR)
    )


def _alike(one: Hashes, other: Hashes) -> float:
    return float(np.count_nonzero(one == other)) / len(one) if len(one) == len(other) > 0 else 0.0


def _same_name(
    one: Sketch, other: Sketch, words: float, amounts: float
) -> tuple[DuplicateRelation, float] | None:
    """Records of one name: the relation depends on place, time and what flows."""
    flows = overlap(one.flows, other.flows)
    # Two data sets of one name and quite other exchanges are other technologies.
    empty = not len(one.flows) or not len(other.flows)
    related = words >= _SAME_TEXT if empty else flows >= _LIKE_EXCHANGES
    if not related:
        return None
    if one.place != other.place:
        return "region", max(words, flows)
    if one.years != other.years:
        return "year", max(words, flows)
    if amounts >= _SAME_EXCHANGES or (empty and words >= 0.95):
        return "copy", max(words, amounts)
    return ("text", words) if words >= _SAME_TEXT else None


def _same_exchanges(one: Sketch, other: Sketch, amounts: float) -> bool:
    return min(len(one.amounts), len(other.amounts)) >= 3 and amounts >= _SAME_EXCHANGES


def _same_words(one: Sketch, other: Sketch, words: float, cosine: float | None) -> bool:
    names = len(one.name_words & other.name_words)
    shared = names / max(1, len(one.name_words | other.name_words))
    if cosine is not None and cosine >= _SAME_VECTOR and words >= 0.6:
        return shared >= 0.5
    return words >= _SAME_TEXT and shared >= 0.5


def _reason(name: DuplicateRelation, one: Sketch, other: Sketch) -> str:
    sentence = _SENTENCES[name]
    if name == "version":
        return f"{sentence}: {one.version} and {other.version}"
    if name == "copy" and one.database != other.database:
        return f"{sentence}: {one.database} and {other.database}"
    if name == "region":
        here, there = _regions(one, other)
        return f"{sentence}: {_places(here, there)}" if here and there else sentence
    if name == "year":
        return f"{sentence}: {_span(one.years)} and {_span(other.years)}"
    return sentence


def _regions(one: Sketch, other: Sketch) -> tuple[str | None, str | None]:
    """The regions that tell two records apart: their own places, else those of their names."""
    if one.place != other.place:
        return one.place, other.place
    here, there = set(named_places(one.name)), set(named_places(other.name))
    return ", ".join(sorted(here - there)) or None, ", ".join(sorted(there - here)) or None


def _places(one: str, other: str) -> str:
    """Both places, and which holds the other; neither of them was asked for."""
    kind = place_relation(one, other).kind
    held = {"wider": f", {other} holds {one}", "narrower": f", {one} holds {other}"}
    return f"{one} and {other}{held.get(kind, '')}"


def _span(years: tuple[int | None, int | None]) -> str:
    first, last = years
    if first is None and last is None:
        return "not stated"
    return f"{first or '?'}-{last}" if last and last != first else str(first or last)


def _candidates(
    sketches: Sequence[Sketch], vectors: NDArray[np.float32] | None
) -> Iterator[tuple[int, int]]:
    """Pairs worth a look, each once: records that share a bucket of some kind."""
    buckets: dict[object, list[int]] = defaultdict(list)
    for number, item in enumerate(sketches):
        buckets["uuid", item.uuid].append(number)
        buckets["stem", item.kind, item.stem].append(number)
        for position, band in enumerate(bands(item.word_prints)):
            buckets["words", item.kind, position, band].append(number)
        if len(item.flows) >= 3:
            for position, band in enumerate(bands(item.flow_prints)):
                buckets["flows", position, band].append(number)
    seen: set[int] = set()
    size = len(sketches)
    for members in itertools.chain(buckets.values(), _near(vectors)):
        for first, second in _pairs(members):
            code = first * size + second
            if code not in seen:
                seen.add(code)
                yield first, second


def _pairs(members: Sequence[int]) -> Iterator[tuple[int, int]]:
    if len(members) <= _CROWD:
        yield from itertools.combinations(members, 2)
        return
    for position, first in enumerate(members):
        for second in members[position + 1 : position + 4]:
            yield first, second


def _near(vectors: NDArray[np.float32] | None) -> Iterator[list[int]]:
    """Buckets of vectors on the same sides of random planes (Charikar 2002, STOC)."""
    if vectors is None or not len(vectors):
        return
    dice = np.random.default_rng(520)
    for _ in range(_TABLES):
        planes = dice.standard_normal((vectors.shape[1], _BITS)).astype(np.float32)
        codes = (vectors @ planes > 0) @ (1 << np.arange(_BITS))
        order = np.argsort(codes, kind="stable")
        edges = np.flatnonzero(np.diff(codes[order])) + 1
        for part in np.split(order, edges):
            if len(part) > 1:
                yield sorted(int(number) for number in part)
