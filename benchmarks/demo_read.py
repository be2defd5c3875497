"""The demo tables as flows, families of processes and inventories."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TABLES = Path(__file__).parent / "demo_tables"


@dataclass
class Flow:
    """One line of the flow table."""

    key: str
    name: str
    zh: str
    kind: str
    property: str
    path: tuple[str, ...]
    cas: str
    formula: str
    synonyms: str
    text: str


@dataclass
class Family:
    """Processes that share a technology."""

    reference: str
    name: str
    zh: str
    route: str
    mix: str
    amount: float
    data_type: str
    classes: tuple[str, ...]
    texts: dict[str, str] = field(default_factory=dict[str, str])
    rows: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]])
    """Direction and amount by flow key."""


def flows() -> dict[str, Flow]:
    """The flow table."""
    found = {}
    for line in (TABLES / "flows.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("|")]
        path = tuple(part.strip() for part in cells[5].split(">") if part.strip())
        key, name, zh, kind, measure, _, cas, formula, synonyms, text = cells
        found[key] = Flow(key, name, zh, kind, measure, path, cas, formula, synonyms, text)
    return found


def families() -> Iterator[tuple[Family, list[str]]]:
    """Every family with the cells of its variants."""
    for file in sorted(TABLES.glob("*.txt")):
        if file.name == "flows.txt":
            continue
        path = tuple[str, ...]()
        for block in re.split(r"(?m)^(?=[#%] )", file.read_text(encoding="utf-8")):
            if block.startswith("%"):
                path = tuple(part.strip() for part in block[2:].removeprefix("C:").split(">"))
            elif block.startswith("#"):
                yield _family(block.splitlines(), path)


def _family(lines: list[str], path: tuple[str, ...]) -> tuple[Family, list[str]]:
    cells = [cell.strip() for cell in lines[0].removeprefix("#").split("|")]
    reference, name, zh, route, mix, amount, data_type = cells
    family = Family(reference, name, zh, route, mix, float(amount), data_type, path)
    variants = []
    for line in lines[1:]:
        mark, _, rest = line.partition(" ")
        if mark == "@":
            variants.append(rest)
        elif mark in {"I:", "O:"}:
            for item in filter(str.strip, rest.split(",")):
                key, amount = item.split()
                family.rows[key] = ("Input" if mark == "I:" else "Output", float(amount))
        else:
            family.texts[mark.rstrip(":")] = rest.strip()
    return family, variants


def rows(family: Family, overrides: str, known: dict[str, Flow]) -> dict[str, tuple[str, float]]:
    """The inventory of a variant; `<x=` and `>x=` say which side a new flow is on."""
    inventory = dict(family.rows)
    for item in overrides.split():
        key, amount = item.lstrip("<>").split("=")
        kind = known[key].kind
        side = "Output" if kind in {"air", "water", "w"} else "Input"
        side = inventory[key][0] if key in inventory else side
        side = {"<": "Input", ">": "Output"}.get(item[0], side)
        inventory[key] = (side, float(amount))
    return {key: row for key, row in inventory.items() if row[1] != 0}
