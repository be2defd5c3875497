"""Find 500 planted doubles among near misses (seed 520), and 100,000 records against the clock.

Recipe. Base: the processes of the shared TianGong and US LCI FY17 archives with at least five
exchanges whose name, less digits, no other process bears and whose text is no natural double (no
other process shares 80 % of its words or of its flows), in the order of their ids. From them
500 originals are drawn and one double of each is added, by turns:

- copy: another database and UUID, all else equal;
- version: the next version, the comment extended by a sentence, one amount changed by 20 %;
- region: another country, in name and place, all amounts times a random number in [0.8, 1.2];
- year: ten years later, all amounts times a random number in [0.7, 1.1];
- text: another UUID and database, one word in ten of each language's comment dropped, other
  amounts, the name extended by one word;
- exchanges: a name and a comment of words drawn from other records, the same exchanges.

300 near misses are added, by turns: the same text with another number in the name and other
amounts; the same name and place with the exchanges of another record; the same flows with amounts
all halved, doubled or more, under a name and a comment drawn likewise. A pair that joins an
original and its double is right if the relation is the planted one too; every other pair that
touches an original, a double or a near miss is wrong.

    PYTHONPATH=. python benchmarks/duplicates_planted.py ../shared/data [--clock]
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from lca_rag.duplicates import Sketch, duplicate_pairs, groups, sketch
from lca_rag.duplicates.sketches import overlap
from lca_rag.readers import read
from lca_rag.record import Exchange, Name, Period, Place, Record, Text

SEED = 520
PLACES = ("DE", "FR", "BR", "IN", "JP", "ZA", "MX", "AU", "TR", "PL")


def named(record: Record, name: str) -> Record:
    return replace(record, name=Name(base=Text.of(name)))


def scaled(record: Record, factor: Callable[[], float]) -> tuple[Exchange, ...]:
    return tuple(
        item
        if item.reference
        else replace(item, amount=None if item.amount is None else item.amount * factor())
        for item in record.exchanges
    )


class Planter:
    def __init__(self, base: list[Record], dice: random.Random) -> None:
        self.base, self.dice, self.count = base, dice, 0

        self.words = sorted(
            {
                word
                for record in base
                for word in (record.comment.join() or "").split()
                if word.isalpha() and len(word) > 4
            }
        )

    def thinned(self, text: str) -> str:
        return " ".join(word for word in text.split() if self.dice.random() >= 0.1) or text

    def drawn(self, count: int) -> str:
        return " ".join(self.dice.sample(self.words, count))

    def uuid(self) -> str:
        self.count += 1
        return f"520{self.count:05d}-0000-4000-8000-000000000000"

    def other(self, record: Record) -> Record:
        while True:
            found = self.dice.choice(self.base)
            if found.id != record.id:
                return found

    def copy(self, record: Record) -> Record:
        return replace(record, database="elsewhere", uuid=self.uuid())

    def version(self, record: Record) -> Record:
        items = list(record.exchanges)
        place = self.dice.randrange(len(items))
        items[place] = replace(items[place], amount=(items[place].amount or 1.0) * 1.2)
        comment = Text.of((record.comment.join() or "") + " Revised after review.")
        return replace(record, version="99.00.000", comment=comment, exchanges=tuple(items))

    def region(self, record: Record) -> Record:
        old = record.place.code if record.place else None
        new = self.dice.choice([place for place in PLACES if place != old])
        moved = replace(
            record,
            uuid=self.uuid(),
            place=Place(code=new),
            exchanges=scaled(record, lambda: self.dice.uniform(0.8, 1.2)),
        )
        return named(moved, f"{record.name}, {new}")

    def year(self, record: Record) -> Record:
        year = (record.period.reference_year or record.period.start or 2005) + 10
        moved = replace(
            record,
            uuid=self.uuid(),
            period=Period(reference_year=year),
            exchanges=scaled(record, lambda: self.dice.uniform(0.7, 1.1)),
        )
        return named(moved, f"{record.name}, {year}")

    def text(self, record: Record) -> Record:
        kept = tuple((tag, self.thinned(text)) for tag, text in record.comment.entries)
        moved = replace(
            record,
            database="elsewhere",
            uuid=self.uuid(),
            comment=Text(kept),
            exchanges=scaled(record, lambda: self.dice.uniform(0.3, 3)),
        )
        return named(moved, f"{record.name} process")

    def exchanges(self, record: Record) -> Record:
        return replace(
            record,
            uuid=self.uuid(),
            name=Name(base=Text.of(self.drawn(5))),
            comment=Text.of(self.drawn(30)),
            technology=Text(),
        )

    def other_size(self, record: Record) -> Record:
        size = self.dice.randrange(10, 99)
        moved = replace(
            record, uuid=self.uuid(), exchanges=scaled(record, lambda: self.dice.uniform(0.2, 5))
        )
        return named(moved, f"{record.name} {size} mm")

    def other_technology(self, record: Record) -> Record:
        other = self.other(record)
        return replace(
            record, uuid=self.uuid(), exchanges=scaled(other, lambda: self.dice.uniform(0.2, 5))
        )

    def other_amounts(self, record: Record) -> Record:
        moved = replace(
            record,
            uuid=self.uuid(),
            comment=Text.of(self.drawn(30)),
            technology=Text(),
            exchanges=scaled(record, lambda: self.dice.choice([0.2, 0.5, 2.0, 4.0])),
        )
        return named(moved, self.drawn(5))


def lonely(records: list[Record]) -> list[Record]:
    """Records that no other one doubles by nature, judged without the code under test's rules."""
    sketches = [sketch(record) for record in records]
    names = Counter(re.sub(r"[\d\W]", "", str(record.name).lower()) for record in records)
    words: dict[int, list[int]] = {}
    for number, item in enumerate(sketches):
        for word in item.words.tolist():
            words.setdefault(word, []).append(number)
    flows: dict[int, list[int]] = {}
    for number, item in enumerate(sketches):
        for flow in item.flows.tolist():
            flows.setdefault(flow, []).append(number)
    return [
        record
        for number, record in enumerate(records)
        if names[re.sub(r"[\d\W]", "", str(record.name).lower())] == 1
        and len(record.exchanges) >= 5
        and _nearest(sketches, number, "words", words) < 0.8
        and _nearest(sketches, number, "flows", flows) < 0.8
    ]


def _nearest(
    sketches: list[Sketch], number: int, field: str, holders: dict[int, list[int]]
) -> float:
    own = getattr(sketches[number], field)
    shared: Counter[int] = Counter()
    for member in own.tolist():
        if len(holders[member]) < 400:
            shared.update(holders[member])
    del shared[number]
    return max(
        (overlap(own, getattr(sketches[near], field)) for near, _ in shared.most_common(20)),
        default=0.0,
    )


def planted(data: Path) -> None:
    processes = [
        record
        for name in ("tiangong-ilcd", "uslci-fy17-jsonld-v1")
        for record in read(data / name, on_skip=lambda skip: None)
        if record.kind == "process"
    ]
    base = lonely(sorted(processes, key=lambda record: record.id))
    dice = random.Random(SEED)
    planter = Planter(base, dice)
    relations = ("copy", "version", "region", "year", "text", "exchanges")
    misses = ("other_size", "other_technology", "other_amounts")
    originals = dice.sample(base, 500)
    wanted: dict[frozenset[str], str] = {}
    added: list[Record] = []
    for position, record in enumerate(originals):
        relation = relations[position % len(relations)]
        double = getattr(planter, relation)(record)
        added.append(double)
        wanted[frozenset((record.id, double.id))] = relation
    for position in range(300):
        record = dice.choice(base)
        added.append(getattr(planter, misses[position % len(misses)])(record))
    touched = {record.id for record in added} | {record.id for record in originals}
    everything = [*processes, *added]
    start = time.perf_counter()
    pairs = duplicate_pairs([sketch(record) for record in everything])
    seconds = time.perf_counter() - start
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for pair in pairs:
        ids = frozenset((pair.first, pair.second))
        if not ids & touched:
            continue
        if wanted.get(ids) == pair.relation:
            right[pair.relation] += 1
        else:
            wrong[f"{pair.relation} for {wanted.get(ids, 'nothing')}"] += 1
            if "--misses" in sys.argv:
                print(pair)
    print(f"{len(processes)} processes, {len(base)} lonely, {len(added)} added, {seconds:.1f} s")
    for relation in relations:
        total = sum(1 for value in wanted.values() if value == relation)
        print(f"{relation:10} {right[relation]:4} of {total}")
    print(f"recall {right.total() / len(wanted):.4f}")
    print(f"precision {right.total() / max(1, right.total() + wrong.total()):.4f}")
    print(f"wrong: {dict(wrong)}")
    print(f"natural pairs beside them: {len(pairs) - right.total() - wrong.total()}")


def clock(data: Path) -> None:
    """100,000 records made from the shared processes, with made-up vectors."""
    processes = [
        record
        for record in read(data / "tiangong-ilcd", on_skip=lambda skip: None)
        if record.kind == "process"
    ]
    dice = random.Random(SEED)
    numbers = np.random.default_rng(SEED)
    records = []
    for number in range(100_000):
        record = dice.choice(processes)
        if number % 20:
            words = (record.comment.join() or "").split()
            dice.shuffle(words)
            text = " ".join([*words[: len(words) // 3], f"plant{number}", f"site{number % 977}"])
            record = replace(
                named(record, f"{record.name} {number}"),
                comment=Text.of(text),
                exchanges=scaled(record, lambda: dice.uniform(0.5, 2)),
            )
        records.append(replace(record, uuid=f"{number:08d}-0000-4000-8000-000000000000"))
    vectors = numbers.standard_normal((100_000, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    start = time.perf_counter()
    sketches = [sketch(record) for record in records]
    middle = time.perf_counter()
    pairs = duplicate_pairs(sketches, vectors)
    found = groups(pairs)
    end = time.perf_counter()
    print(
        f"100,000 records: sketches {middle - start:.1f} s, pairs {end - middle:.1f} s, "
        f"together {end - start:.1f} s; {len(pairs)} pairs, {len(found)} groups"
    )


if __name__ == "__main__":
    (clock if "--clock" in sys.argv else planted)(Path(sys.argv[1]))
