"""From what a file or a user writes to an area."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from lca_rag.places.table import Area, fold, table

_WITHOUT = re.compile(
    r"^(?P<base>.+?),?\s*(?:\bwithout\b|\bw/o\b|\bexcluding\b|\bexcl\.|\bexcept\b|不含|不包括)"
    r"\s*(?P<left_out>.+?)[)）]?$",
    re.IGNORECASE,
)
_WITHOUT_CHINESE = re.compile(r"^除(?P<left_out>.+?)(?:以外|之外|外)的?(?P<base>.+)$")
_LIST = re.compile(r"\s*(?:,|\+|&|、|和|\band\b)\s*", re.IGNORECASE)
_BRACKETS = re.compile(r"\s*[(（\[][^)）\]]*[)）\]]")

# ecoinvent's codes for some provinces of China collide with ISO 3166-2, where they mean another.
_ECOINVENT: Mapping[str, str] = {
    "CN-HA": "CN-HI",
    "CN-HB": "CN-HE",
    "CN-HE": "CN-HA",
    "CN-HU": "CN-HB",
}


@lru_cache(maxsize=4096)
def find_places(text: str) -> tuple[Area, ...]:
    """Every area that `text` can mean, the largest first; empty if it is unknown.

    Args:
        text: A code ("SC-CN", "RER", "DEU"), a name in English or Chinese, several names from
            small to large ("Texas, US"), or an area less others ("Europe without Switzerland").
    """
    wanted = text.strip().strip("{}[]").strip()
    if not wanted:
        return ()
    known = table()
    if wanted in known.by_code:
        return (known.by_code[wanted],)
    found = known.by_name.get(fold(wanted))
    if found:
        return found
    less = _less(wanted)
    if less is not None:
        return (less,)
    return _chain(wanted)


def find_place(text: str, *, database: str | None = None) -> Area | None:
    """The area that `text` means, or `None` if it is unknown or could be several of one size.

    Args:
        text: As in `find_places`. "Georgia" is the country, "Georgia, US" the state.
        database: Where the code was found; ecoinvent's province codes differ from ISO 3166-2.
    """
    if database is not None and database.startswith("ecoinvent"):
        text = _ECOINVENT.get(text.strip(), text)
    found = find_places(text)
    if not found or (len(found) > 1 and found[0].level == found[1].level):
        return None
    return found[0]


def names(code: str) -> tuple[str, ...]:
    """Code, English, Chinese and further names of a place; only `code` itself if it is unknown."""
    area = find_place(code)
    if area is None:
        return (code,)
    return tuple(dict.fromkeys((code, *area.names)))


def _less(text: str) -> Area | None:
    """An area less others, or `None` if `text` is no such phrase."""
    match = _WITHOUT.match(text) or _WITHOUT_CHINESE.match(text)
    if match is None:
        return None
    base = find_place(match["base"])
    left_out = [find_place(word) for word in _LIST.split(match["left_out"]) if word]
    if base is None or not left_out:
        return None
    gone = 0
    for area in left_out:
        if area is None:
            return None
        gone |= area.extent & base.extent
    if not gone or gone == base.extent:
        return None
    # A country less a subdivision stands on the rung of a grid, below its country.
    return replace(
        base,
        code=text,
        name=text,
        chinese=text,
        aliases=(),
        kind="region" if base.level > 2 else "grid",
        level=min(3, base.level) if base.level > 2 else 1,
        extent=base.extent & ~gone,
        without=gone,
    )


def _chain(text: str) -> tuple[Area, ...]:
    """Areas for "Atlanta, Georgia, US" or "安徽 (Anhui), China": the smallest that fits."""
    bare = _BRACKETS.sub("", text).strip()
    parts = [part.strip() for part in re.split(r"[,，/;]", bare) if part.strip()]
    if bare == text and len(parts) < 2:
        return ()
    if len(parts) == 1:
        return find_places(parts[0])
    choices = [found for part in parts if (found := find_places(part))]
    for candidates in sorted(choices, key=lambda found: min(area.level for area in found)):
        others = [found for found in choices if found is not candidates]
        fitting = tuple(
            area
            for area in candidates
            if all(any(wide == area or wide.holds(area) for wide in found) for found in others)
        )
        if fitting:
            return fitting
    return ()
