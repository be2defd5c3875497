"""Do the checks catch corrupted answers, and leave true ones alone?

1,000 true answers are made from records by a fixed seed, half in the words of the extractive
answerer, half in words as a language model might choose. Each is then corrupted by one of six
recipes in turn. A corrupted answer counts as caught if any claim of it fails its check; a true one
as flagged if any does.

    python -m benchmarks.qa_corrupt [--count 1000] [--seed 520] [PACKAGE ...]

Packages default to the demo database and, where they lie beside the project, the two corpora of
the question benchmark.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lca_rag import demo
from lca_rag.answer.amounts import converted, known_unit, written
from lca_rag.answer.checks import verify
from lca_rag.answer.extract import say_rows
from lca_rag.answer.figures import Figure, flow_name
from lca_rag.answer.phrases import amount_of, basis_of, title
from lca_rag.answer.question import understand
from lca_rag.answer.result import Draft
from lca_rag.readers import read
from lca_rag.record import Exchange, Record

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
CORPORA = (
    SHARED / "uslci-fy17-jsonld-v1" / "uslci_fy17_jsonld_shared.zip",
    SHARED / "tiangong-ilcd" / "tiangong_ilcd_shared.zip",
)
QUESTIONS = (
    "How much is it per kg?",
    "How much is it?",
    "How many grams per tonne?",
    "In MJ, per kWh?",
    "每吨多少千克？",
)
FREE = (
    "According to {title} [1], the {side} of {flow} is {amount} for {basis}.",
    "{flow} ({side}): {amount} per {basis} [1].",
    "The data set {title} lists {amount} of {flow} as {side}, per {basis} [1].",
    "Per {basis}, {amount} of {flow} is booked as {side} [1].",
)
UNITS = {
    "kg": ("g", "t", "lb", "mg"),
    "t": ("kg", "g"),
    "MJ": ("kWh", "GJ", "kJ"),
    "kWh": ("MJ", "MWh", "GJ"),
    "l": ("m3", "gal", "kg"),
    "m3": ("l", "kg", "ft3"),
    "t*km": ("kg*km", "p*km"),
    "m2": ("ha", "m3"),
}


@dataclass(frozen=True)
class Case:
    """A true answer: its text, evidence, and the row it quotes."""

    text: str
    records: tuple[Record, Record]
    exchange: Exchange


def usable(exchange: Exchange) -> bool:
    """Rows that a reader would quote: a figure with a unit that can be computed with."""
    return bool(
        not exchange.reference
        and exchange.amount
        and math.isfinite(exchange.amount)
        and exchange.flow
        and known_unit(exchange.unit)
    )


def cases(records: list[Record], count: int, rng: random.Random) -> Iterator[Case]:
    """True answers, extractive and free in turn."""
    fitting = [r for r in records if basis_of(r, "en") and any(map(usable, r.exchanges))]
    for number in range(count):
        record = rng.choice(fitting)
        other = rng.choice(fitting)
        while other.id == record.id:
            other = rng.choice(fitting)
        exchange = rng.choice([e for e in record.exchanges if usable(e)])
        if number % 2:
            words = {
                "title": title(record, "en"),
                "side": exchange.direction,
                "flow": flow_name(exchange),
                "amount": amount_of(exchange),
                "basis": basis_of(record, "en"),
            }
            text = rng.choice(FREE).format(**words)
        else:
            draft = Draft("figure")
            question = understand(rng.choice(QUESTIONS))
            say_rows(draft, question, [Figure(record, exchange, 1.0)])
            text = draft.numbered((record,))
        yield Case(text, (record, other), exchange)


def span(case: Case) -> tuple[int, int]:
    """Where the quoted amount stands: the last time, since a name may hold the same number."""
    amount = amount_of(case.exchange)
    at = case.text.rfind(f" {amount}") + 1
    if at == 0:
        at = case.text.find(amount)
    return at, at + len(amount)


def digit(case: Case, rng: random.Random) -> str:
    """One significant digit of the amount is another one."""
    start, _ = span(case)
    number = written(case.exchange.amount or 0.0)
    body = number.partition("e")[0]
    places = [i for i, sign in enumerate(body) if sign.isdigit() and body[: i + 1].strip("-0.")]
    place = rng.choice(places)
    sign = rng.choice([d for d in "0123456789" if d != body[place]])
    if place == 0 and sign == "0":
        sign = "9" if body[0] != "9" else "8"
    at = start + place
    return case.text[:at] + sign + case.text[at + 1 :]


def unit(case: Case, rng: random.Random) -> str:
    """The amount bears another unit."""
    _, end = span(case)
    own = case.exchange.unit or ""
    swapped = rng.choice(UNITS.get(own, ("kg", "MJ")))
    if swapped == own:
        swapped = "kWh"
    return case.text[: end - len(own)] + swapped + case.text[end:]


def decimal(case: Case, rng: random.Random) -> str:
    """The decimal point is moved."""
    start, end = span(case)
    moved = (case.exchange.amount or 0.0) * rng.choice((0.01, 0.1, 10, 100, 1000))
    return f"{case.text[:start]}{written(moved)} {case.exchange.unit}{case.text[end:]}"


def citation(case: Case, rng: random.Random) -> str:
    """Another record of the evidence is cited, which has no such figure."""
    return case.text.replace("[1]", "[2]")


def identifier(case: Case, rng: random.Random) -> str:
    """A data set is named that does not exist."""
    made = uuid.UUID(int=rng.getrandbits(128), version=4)
    return f"{case.text}\nSee also data set {made} [1]."


def sentence(case: Case, rng: random.Random) -> str:
    """A sentence with an invented figure is added."""
    flows = [e for e in case.records[0].exchanges if usable(e)]
    row = rng.choice(flows)
    amount = (row.amount or 1.0) * rng.uniform(1.15, 7.5)
    basis = basis_of(case.records[0], "en")
    return (
        f"{case.text}\nIts {row.direction} of {flow_name(row)} is {amount:.4g} {row.unit} "
        f"per {basis} [1]."
    )


RECIPES: tuple[Callable[[Case, random.Random], str], ...] = (
    digit,
    unit,
    decimal,
    citation,
    identifier,
    sentence,
)


def same_figure(case: Case) -> bool:
    """Whether the other record holds the same figure, so that swapping the citation is no lie."""
    wanted = case.exchange.amount or 0.0
    for exchange in case.records[1].exchanges:
        value = converted(exchange.amount or 0.0, exchange.unit, case.exchange.unit or "")
        if value is not None and math.isclose(value, wanted, rel_tol=1e-4):
            return True
    return False


def fails(text: str, records: tuple[Record, Record]) -> list[str]:
    """The claims that fail."""
    return [f"{f.check.claim}: {f.check.reason}" for f in verify(text, records) if f.fails]


def main() -> None:
    """Run both sides and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", nargs="*", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=520)
    parser.add_argument("--show", type=int, default=5, help="failures to print on each side")
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    packages = asked.packages or [demo.path(), *(path for path in CORPORA if path.exists())]
    records = [
        record
        for package in packages
        for record in read(package, on_skip=lambda skip: None)
        if record.kind == "process"
    ]
    begun = time.perf_counter()
    flagged, missed = [], []
    caught: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for number, case in enumerate(cases(records, asked.count, rng)):
        found = fails(case.text, case.records)
        if found:
            flagged.append((case.text, found))
        recipe = RECIPES[number % len(RECIPES)]
        if recipe is citation and same_figure(case):
            recipe = digit
        lie = recipe(case, rng)
        if lie == case.text:
            raise SystemExit(f"recipe {recipe.__name__} changed nothing in {case.text!r}")
        total[recipe.__name__] += 1
        if fails(lie, case.records):
            caught[recipe.__name__] += 1
        else:
            missed.append((recipe.__name__, case.text, lie))
    for text, found in flagged[: asked.show]:
        print("FLAGGED", re.sub(r"\s+", " ", text), found)
    for name, text, lie in missed[: asked.show]:
        print("MISSED", name, "|", re.sub(r"\s+", " ", text), "|", re.sub(r"\s+", " ", lie))
    print(
        json.dumps(
            {
                "records": len(records),
                "true": asked.count,
                "flagged": len(flagged),
                "corrupted": sum(total.values()),
                "caught": sum(caught.values()),
                "by_recipe": {name: f"{caught[name]}/{total[name]}" for name in total},
                "seconds": round(time.perf_counter() - begun, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
