"""How two places relate, in steps and in words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from lca_rag.places.lookup import find_place
from lca_rag.places.table import Area, table

RelationKind = Literal["same", "wider", "narrower", "sibling", "rest", "unrelated", "unknown"]

_WORDS = ("no", "one", "two", "three", "four")
_OVERLAP = 0.2
"""Share of the smaller area from which two areas count as overlapping; Cyprus, which is in Europe
and in Asia for LCA, must not make the two continents neighbours."""


@dataclass(frozen=True, slots=True)
class Relation:
    """What a place that was found is to the place that was asked for."""

    kind: RelationKind
    """`sibling`: apart or overlapping, but inside one region; `rest`: RoW, or an area that leaves
    the asked place out by name."""
    steps: int
    """Rungs of the ladder between them; 0 for `same`, `rest`, `unrelated` and `unknown`."""
    sentence: str
    breadth: int = 0
    """How much wider or narrower within the steps (atoms of difference); less is closer."""


@lru_cache(maxsize=65536)
def relation(asked: str, got: str | None) -> Relation:
    """How `got` serves somebody who asked for `asked`, both as codes or names."""
    said = f"asked {asked.strip()}, got {got.strip()}" if got else f"asked {asked.strip()}"
    if not got or not got.strip():
        return Relation("unknown", 0, f"{said}: the data set states no place")
    wish, found = find_place(asked), find_place(got)
    if wish is None or found is None:
        text = asked if wish is None else got
        return Relation("unknown", 0, f"{said}: {text.strip()!r} is no place that is known here")
    if wish.code == found.code or (
        wish.extent == found.extent and wish.extent and not (wish.partial or found.partial)
    ):
        return Relation("same", 0, f"{said}: the same place")
    return _rest(wish, found, said) or _inclusion(wish, found, said) or _apart(wish, found, said)


def ladder(place: str) -> tuple[Area, ...]:
    """Every wider area of a place, nearest first; ends with GLO. Empty if it is unknown."""
    area = find_place(place)
    if area is None:
        return ()
    if area.kind == "rest":
        return (table().by_code["GLO"],)
    wider = [candidate for candidate in table().areas if candidate.holds(area)]
    wider.sort(key=lambda candidate: (_steps(area, candidate), candidate.extent.bit_count()))
    return tuple(wider)


def _steps(one: Area, other: Area) -> int:
    return max(1, abs(one.level - other.level))


def _count(steps: int) -> str:
    word = _WORDS[steps] if steps < len(_WORDS) else str(steps)
    return f"{word} step{'' if steps == 1 else 's'}"


def _rest(wish: Area, found: Area, said: str) -> Relation | None:
    """The relation where a remainder is involved."""
    if wish.without and wish.without & found.extent == found.extent:
        return Relation("rest", 0, f"{said}: what was asked for leaves {found.code} out")
    if found.without and found.without & wish.extent == wish.extent:
        return Relation("rest", 0, f"{said}: it leaves {wish.code} out")
    if "rest" not in (wish.kind, found.kind):
        return None
    if found.kind == "world":
        return Relation("wider", 1, f"{said}: one step wider")
    if wish.kind == "world":
        return Relation("narrower", 1, f"{said}: one step narrower")
    if found.kind == "rest":
        return Relation(
            "rest", 0, f"{said}: the rest of the world, which contains no named country"
        )
    return Relation("rest", 0, f"{said}: the rest of the world contains no named country")


def _inclusion(wish: Area, found: Area, said: str) -> Relation | None:
    steps = _steps(wish, found)
    breadth = (wish.extent ^ found.extent).bit_count()
    if found.holds(wish):
        return Relation("wider", steps, f"{said}: {_count(steps)} wider", breadth)
    if wish.holds(found):
        return Relation("narrower", steps, f"{said}: {_count(steps)} narrower", breadth)
    return None


def _apart(wish: Area, found: Area, said: str) -> Relation:
    shared = (wish.extent & found.extent).bit_count()
    smaller = min(wish.extent.bit_count(), found.extent.bit_count())
    whole = not (wish.partial and found.partial)
    common = _common(wish, found)
    up_and_down = _steps(wish, common) + _steps(found, common) if common else 2
    if whole and shared and shared >= _OVERLAP * smaller:
        return Relation("sibling", up_and_down, f"{said}: they overlap, neither holds the other")
    if common is None:
        return Relation("unrelated", 0, f"{said}: elsewhere, only GLO holds both")
    sentence = f"{said}: another place within {common.code}"
    if whole and shared:
        sentence += ", which shares a small part with it"
    return Relation("sibling", up_and_down, sentence)


def _common(wish: Area, found: Area) -> Area | None:
    """The smallest area below the world that holds both."""
    both = [
        area
        for area in table().areas
        if area.kind not in ("world", "group") and area.holds(wish) and area.holds(found)
    ]
    return min(both, key=lambda area: (area.level, area.extent.bit_count()), default=None)
