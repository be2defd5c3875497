"""What of a record is compared to find its doubles: words, exchanges, place and years."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lca_rag.errors import UnitError
from lca_rag.places import names as place_names
from lca_rag.record import Exchange, Record
from lca_rag.units import convert, dimension

Hashes = NDArray[np.uint64]

_WORD = re.compile(r"[^\W_]+")
_HAN = re.compile(r"[\u3400-\u9fff]")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_USUAL = [
    "kg",
    "MJ",
    "m3",
    "m2",
    "m",
    "h",
    "t*km",
    "p*km",
    "v*km",
    "m2*a",
    "m3*a",
    "kBq",
    "Item(s)",
]
"""The unit in which amounts of each dimension are compared, as most databases state them."""
_PRIME = np.uint64((1 << 31) - 1)
_PERMUTATIONS = 32
_DICE = np.random.default_rng(520)
_A = _DICE.integers(1, (1 << 31) - 1, _PERMUTATIONS, dtype=np.uint64)[:, None]
_B = _DICE.integers(0, (1 << 31) - 1, _PERMUTATIONS, dtype=np.uint64)[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """One record, as far as doubles are concerned."""

    id: str
    key: str
    database: str
    uuid: str
    version: str
    kind: str
    name: str
    stem: str
    """Name without the record's place and without years."""
    name_words: frozenset[str]
    digits: tuple[str, ...]
    """Numbers in the stem; another size is another product."""
    place: str | None
    years: tuple[int | None, int | None]
    words: Hashes
    """Sorted hashes of the words of name, comment and technology."""
    flows: Hashes
    """Sorted hashes of flow and direction of every exchange."""
    amounts: dict[int, float]
    """Amount by the hash of flow and direction, in usual units, relative to the reference flow."""
    word_prints: Hashes
    """Least hashes of the words, shape (32,); alike for texts that are alike."""
    flow_prints: Hashes


def sketch(record: Record) -> Sketch:
    """What is compared of a record."""
    name = str(record.name)
    stem = _stem(name, record.place.code if record.place else None)
    prose = " ".join((name, *record.comment.all(), *record.technology.all()))
    words = _hashes(_tokens(prose))
    amounts = _amounts(record.exchanges)
    flows = np.array(sorted(amounts), dtype=np.uint64)
    period = record.period
    first = period.start if period.start is not None else period.reference_year
    return Sketch(
        id=record.id,
        key=record.key,
        database=record.database,
        uuid=record.uuid,
        version=record.version,
        kind=record.kind,
        name=name,
        stem=stem,
        name_words=frozenset(_tokens(stem)),
        digits=tuple(sorted(re.findall(r"\d+", stem))),
        place=record.place.code if record.place else None,
        years=(first, period.end if period.end is not None else period.valid_until),
        words=words,
        flows=flows,
        amounts=amounts,
        word_prints=_prints(words),
        flow_prints=_prints(flows),
    )


def overlap(one: Hashes, other: Hashes) -> float:
    """Share of common members in all members (Jaccard), in [0, 1]; 0 if both are empty."""
    if not len(one) or not len(other):
        return 0.0
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)


def same_amounts(one: Sketch, other: Sketch) -> float:
    """Share of all exchanges that both hold in the same amount (within 1 %), in [0, 1]."""
    union = one.amounts.keys() | other.amounts.keys()
    if not union:
        return 0.0
    equal = sum(
        abs(one.amounts[flow] - other.amounts[flow])
        <= 0.01 * max(abs(one.amounts[flow]), abs(other.amounts[flow]))
        for flow in one.amounts.keys() & other.amounts.keys()
    )
    return equal / len(union)


def bands(prints: Hashes, rows: int = 4) -> list[bytes]:
    """Keys under which alike records meet; each takes `rows` of the least hashes."""
    return [prints[i : i + rows].tobytes() for i in range(0, len(prints), rows)]


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    for word in _WORD.findall(text.casefold()):
        if _HAN.search(word):
            found.extend(word[i : i + 2] for i in range(max(1, len(word) - 1)))
        else:
            found.append(word)
    return found


def _stem(name: str, place: str | None) -> str:
    text = _YEAR.sub(" ", name)
    if place is not None:
        text = _place_pattern(place).sub(" ", text)
    return " ".join(_tokens(text))


@lru_cache(maxsize=4096)
def _place_pattern(place: str) -> re.Pattern[str]:
    """Every way to write a place, long ones first; Latin names only as whole words."""
    written = sorted(place_names(place), key=len, reverse=True)
    return re.compile(
        "|".join(
            re.escape(name) if _HAN.search(name) else rf"(?<!\w){re.escape(name)}(?!\w)"
            for name in written
            if name
        )
    )


@lru_cache(maxsize=400_000)
def _hash(word: str) -> int:
    return zlib.crc32(word.encode()) % int(_PRIME)


def _hashes(words: Iterable[str]) -> Hashes:
    return np.unique(np.fromiter((_hash(word) for word in words), dtype=np.uint64))


def _prints(members: Hashes) -> Hashes:
    """Least hash of the members under each of 32 permutations (MinHash).

    Source: Broder 1997, doi:10.1109/SEQUEN.1997.666900.
    """
    if not len(members):
        return np.zeros(0, dtype=np.uint64)
    least: Hashes = ((_A * members[None, :] + _B) % _PRIME).min(axis=1)
    return least


@lru_cache(maxsize=4096)
def _factor(unit: str | None) -> float:
    """What an amount in `unit` is multiplied with to stand in the usual unit of its dimension.

    1 MJ is not 1 kWh, and 1 t is 1000 kg. A unit that is unknown or not stated stays as it is.
    """
    if not unit:
        return 1.0
    try:
        usual = _usual().get(dimension(unit))
        return convert(1.0, unit, usual) if usual is not None else 1.0
    except UnitError:
        return 1.0


@lru_cache(maxsize=1)
def _usual() -> dict[str, str]:
    return {dimension(unit): unit for unit in _USUAL}


def _amounts(exchanges: Sequence[Exchange]) -> dict[int, float]:
    reference = next(
        (item.amount * _factor(item.unit) for item in exchanges if item.reference and item.amount),
        None,
    )
    scale = abs(reference) if reference else 1.0
    amounts: dict[int, float] = {}
    for item in exchanges:
        name = item.flow.join(" ") or item.flow_uuid or item.flow_ref or ""
        place = "/".join(item.category)
        flow = _hash(f"{item.direction} {' '.join(_tokens(name))} {place.casefold()}")
        amounts[flow] = amounts.get(flow, 0.0) + (item.amount or 0.0) * _factor(item.unit) / scale
    return amounts
