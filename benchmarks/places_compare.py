"""Compare our ladder with constructive_geometries, wherever both know the two places.

Run it in an environment of its own, because that package brings GPL code with it:

    python -m venv /tmp/cg && /tmp/cg/bin/pip install constructive_geometries
    PYTHONPATH=. /tmp/cg/bin/python benchmarks/places_compare.py
"""

from __future__ import annotations

import importlib
from collections import Counter
from typing import Any

from lca_rag.places import Area, find_place
from lca_rag.places.table import table


def name_of(key: str | tuple[str, str]) -> str:
    return key if isinstance(key, str) else key[1]


def main() -> None:
    geomatcher: Any = importlib.import_module("constructive_geometries").Geomatcher()
    keys = {name_of(key): key for key in geomatcher.topology}
    both: dict[str, tuple[Any, Area]] = {}
    for name, key in keys.items():
        area = find_place(name, database=None if isinstance(key, str) else "ecoinvent")
        if area is not None and area.kind in ("country", "subdivision"):
            both[name] = (key, area)
    regions = {
        name: (keys[name], area)
        for name in keys
        if (area := find_place(name, database="ecoinvent")) is not None
        and area.kind in ("country", "region", "grid", "world")
    }
    counts: Counter[str] = Counter()
    differences: list[str] = []
    for name, (key, area) in both.items():
        theirs = {name_of(wider) for wider in geomatcher.within(key, include_self=False)}
        for wide_name, (_, wide) in regions.items():
            if wide.code == area.code or wide.extent == area.extent:
                continue
            said, ours = wide_name in theirs, wide.holds(area)
            counts["agree" if said == ours else "differ"] += 1
            if said != ours:
                word = "only they say" if said else "only we say"
                differences.append(f"{word}: {name} in {wide_name}")
    unknown = sorted(name for name in keys if find_place(name, database="ecoinvent") is None)
    print(f"places known to both: {len(both)}, wider places: {len(regions)}")
    print(f"pairs: {counts.total()}, agree: {counts['agree']}, differ: {counts['differ']}")
    print(f"known to them alone: {len(unknown)}: {', '.join(unknown)}")
    print("\n".join(sorted(differences)))
    countries = [area for area in table().areas if area.kind == "country"]
    print(f"countries: {len(countries)}")


if __name__ == "__main__":
    main()
