"""The table of places: facts from four TSV files, turned into areas that can be compared.

Every area has an extent, a set of atoms (countries, or subdivisions where those are known) held as
the bits of one integer. Wider and narrower are then set inclusion, so the ladder can hold no cycle.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal, cast

AreaKind = Literal[
    "city", "part", "subdivision", "grid", "country", "region", "group", "world", "rest"
]

_LEVELS: Mapping[AreaKind, int] = {
    "city": 0,
    "part": 0,
    "subdivision": 1,
    "grid": 1,
    "country": 2,
    "region": 3,
    "group": 3,
    "world": 4,
    "rest": 4,
}
_CROSS_BORDER_GRID = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """One place that data sets are made for."""

    code: str
    """Our canonical code ("CN-SC", "RER")."""
    kind: AreaKind
    level: int
    """Rung of the ladder: 0 city, 1 subdivision or grid, 2 country, 3 region, 4 world."""
    name: str
    chinese: str
    aliases: tuple[str, ...] = ()
    """Further codes and names ("SC-CN", "四川省")."""
    extent: int = 0
    """Atoms that the area covers, one bit each; 0 for the rest of the world."""
    partial: bool = False
    """Whether the area is less than its extent (a city inside its province)."""
    without: int = 0
    """Atoms that the name leaves out on purpose ("Europe without Switzerland")."""

    @property
    def names(self) -> tuple[str, ...]:
        """Code, English name, Chinese name and every alias, without repetition."""
        return tuple(dict.fromkeys((self.code, self.name, self.chinese, *self.aliases)))

    def holds(self, other: Area) -> bool:
        """Whether this area is wider than `other` and covers all of it."""
        if self.partial or not other.extent or other.extent & ~self.extent:
            return False
        return self.extent != other.extent or other.partial


@dataclass(frozen=True, slots=True)
class Table:
    """All areas, and the ways to look them up."""

    areas: tuple[Area, ...]
    by_code: Mapping[str, Area]
    """Canonical codes and code-like aliases, as written."""
    by_name: Mapping[str, tuple[Area, ...]]
    """Folded names and codes; several areas may share one name ("georgia")."""


def fold(text: str) -> str:
    """`text` in lower case, without accents, with single blanks, "&" as "and"."""
    plain = unicodedata.normalize("NFKD", text.replace("’", "'").replace("&", " and "))
    kept = "".join(character for character in plain if not unicodedata.combining(character))
    return re.sub(r"\s+", " ", re.sub(r"\s*\+\s*", "+", kept)).strip().casefold()


def _rows(name: str) -> Iterator[list[str]]:
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


def _aliases(cell: str) -> tuple[str, ...]:
    return tuple(alias for alias in cell.split(";") if alias)


def _atoms() -> tuple[dict[str, int], dict[str, set[str]]]:
    """Extent of every country and subdivision, and the countries of each M49 sub-region."""
    children: dict[str, list[str]] = defaultdict(list)
    for code, country, *_ in _rows("subdivisions.tsv"):
        children[country].append(code)
    extents: dict[str, int] = {}
    regions: dict[str, set[str]] = defaultdict(set)
    bit = 1
    for code, _, region, *_ in _rows("countries.tsv"):
        regions[region].add(code)
        extents[code] = 0
        for atom in children.get(code) or [code]:
            extents[atom] = bit
            extents[code] |= bit
            bit <<= 1
    return extents, regions


def _region_extents(extents: dict[str, int], m49: Mapping[str, set[str]]) -> None:
    """Add the extents of all regions and grids; members may be regions further down the file."""
    members = {code: cells for code, _, cells, *_ in _rows("regions.tsv")}

    def resolve(code: str) -> int:
        if code in extents:
            return extents[code]
        extent = 0
        for member in members[code].split():
            if member.startswith("M49:"):
                extent |= sum(extents[country] for country in m49[member[4:]])
            else:
                extent |= resolve(member)
        extents[code] = extent
        return extent

    extents["GLO"] = sum({extents[row[0]] for row in _rows("countries.tsv")})
    for code in members:
        resolve(code)


def _areas(extents: Mapping[str, int]) -> Iterator[Area]:
    for code, alpha3, _, name, chinese, aliases in _rows("countries.tsv"):
        yield Area(
            code=code,
            kind="country",
            level=_LEVELS["country"],
            name=name,
            chinese=chinese,
            aliases=(alpha3, *_aliases(aliases)),
            extent=extents[code],
        )
    for code, _, name, chinese, aliases in _rows("subdivisions.tsv"):
        yield Area(
            code=code,
            kind="subdivision",
            level=_LEVELS["subdivision"],
            name=name,
            chinese=chinese,
            aliases=_aliases(aliases),
            extent=extents[code],
        )
    for code, parent, name, chinese, aliases in _rows("cities.tsv"):
        yield Area(
            code=code,
            kind="city",
            level=_LEVELS["city"],
            name=name,
            chinese=chinese,
            aliases=_aliases(aliases),
            extent=extents[parent],
            partial=True,
        )
    countries = [extents[row[0]] for row in _rows("countries.tsv")]
    for code, word, _, name, chinese, aliases in _rows("regions.tsv"):
        kind = cast("AreaKind", word)
        extent = extents[code]
        crosses = kind == "grid" and sum(bool(extent & country) for country in countries) > 1
        yield Area(
            code=code,
            kind=kind,
            level=_CROSS_BORDER_GRID if crosses else _LEVELS[kind],
            name=name,
            chinese=chinese,
            aliases=_aliases(aliases),
            extent=extent,
            partial=kind == "part",
        )


_CODE = re.compile(r"[A-Z0-9][A-Z0-9&+.-]*")


@lru_cache(maxsize=1)
def table() -> Table:
    """The table, read once."""
    extents, m49 = _atoms()
    _region_extents(extents, m49)
    areas = tuple(_areas(extents))
    by_code = {area.code: area for area in areas}
    by_name: dict[str, list[Area]] = defaultdict(list)
    for area in areas:
        for name in area.names:
            if _CODE.fullmatch(name):
                by_code.setdefault(name, area)
            if area not in by_name[fold(name)]:
                by_name[fold(name)].append(area)
    ordered = {
        name: tuple(sorted(found, key=lambda area: (-area.level, area.kind == "rest")))
        for name, found in by_name.items()
    }
    return Table(areas, by_code, ordered)
