"""The flow resolver on 1,000 perturbed flows and on 200 that are not there (seed 520).

Recipe. Flows: the elementary flows of the shared TianGong ILCD archive (EF 3.1 nomenclature). The
index holds all flows of that archive, products too, less 200 elementary flows drawn first. From the
rest, 200 flows are drawn for each way of asking, always with the flow's own compartment:

1. synonym: one of the listed synonyms, class words ("organic") left out;
2. CAS: the flow's number, padded to ten digits or without any padding, by turns;
3. typos: its name (eight letters at least) with two slips: a letter dropped, doubled, swapped with
   its neighbour or replaced, at different places, digits left alone;
4. reordered: the words of its name (two at least) in another order, with a unit added;
5. US LCI: the name that an elementary US LCI flow (either release) of the same CAS number bears,
   other than its own name, for flows that are the only one of their number in their compartment
   (US LCI's "Water" cannot tell EF's river water from its ground water). There are fewer than 200
   such pairs; all are asked.

The 200 removed flows are asked in the same five ways, 40 each where they allow it. Right means that
the first flow is the drawn one; a tie counts as right only if it is resolved by the list's first
entry, and is counted apart. Abstention means that no flow is named (`none`).

    PYTHONPATH=. python benchmarks/flows_resolve.py ../shared/data
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

from lca_rag.flows import FlowResolver
from lca_rag.flows.naming import label
from lca_rag.identifiers import normal_cas
from lca_rag.readers import read
from lca_rag.record import Record

SEED = 520
WAYS = ("synonym", "cas", "typos", "reordered", "us_lci")
Ask = tuple[str, str | None]
"""Text and CAS number."""


def path_of(record: Record) -> tuple[str, ...]:
    return record.classifications[0].path


def name_of(record: Record) -> str:
    return str(record.name)


class Perturber:
    def __init__(self, flows: list[Record], foreign: list[Record], dice: random.Random) -> None:
        self.dice = dice
        shared: dict[str, set[str]] = defaultdict(set)
        for record in flows:
            for synonym in self.listed(record):
                shared[label(synonym).key].add(label(name_of(record)).key)
        self.generic = {key for key, owners in shared.items() if len(owners) > 12}
        self.same_number = Counter(
            (normal_cas(record.flow.cas), path_of(record))
            for record in flows
            if record.flow and record.classifications
        )
        self.wordings: dict[str, set[str]] = defaultdict(set)
        for record in foreign:
            number = normal_cas(record.flow.cas) if record.flow else None
            if number and record.flow and record.flow.kind == "elementary":
                self.wordings[number].add(name_of(record))

    @staticmethod
    def listed(record: Record) -> list[str]:
        words = [part for text in record.synonyms.all() for part in re.split("[;；]", text)]
        return [word.strip() for word in words if len(label(word).key) > 2]

    def synonym(self, record: Record) -> Ask | None:
        own = label(name_of(record)).key
        usable = [
            word
            for word in self.listed(record)
            if label(word).key not in self.generic and label(word).key != own
        ]
        return (self.dice.choice(usable), None) if usable else None

    def cas(self, record: Record) -> Ask | None:
        number = normal_cas(record.flow.cas) if record.flow else None
        if number is None:
            return None
        return "", number.rjust(12, "0") if self.dice.random() < 0.5 else number

    def typos(self, record: Record) -> Ask | None:
        name = name_of(record)
        places = [i for i in range(1, len(name) - 1) if name[i : i + 2].isalpha()]
        if sum(sign.isalpha() for sign in name) < 8 or len(places) < 4:
            return None
        signs = list(name)
        first, second = sorted(self.dice.sample(places, 2), reverse=True)
        for place in (first, second if first - second > 1 else max(1, second - 1)):
            slip = self.dice.randrange(4)
            if slip == 0:
                del signs[place]
            elif slip == 1:
                signs.insert(place, signs[place])
            elif slip == 2:
                signs[place], signs[place + 1] = signs[place + 1], signs[place]
            else:
                signs[place] = self.dice.choice("abcdefghijklmnopqrstuvwxyz")
        return "".join(signs), None

    def reordered(self, record: Record) -> Ask | None:
        words = name_of(record).split()
        if len(words) < 2:
            return None
        order = words[:]
        while order == words:
            self.dice.shuffle(order)
            if len(set(words)) == 1:
                return None
        return f"{' '.join(order)} {self.dice.choice(['kg', '[kg]', '(kg)', 'in kg'])}", None

    def us_lci(self, record: Record) -> Ask | None:
        number = normal_cas(record.flow.cas) if record.flow else None
        own = label(name_of(record))
        usable = sorted(
            name
            for name in self.wordings.get(number or "", ())
            if label(name).key != own.key and not label(name).marks.conflict(own.marks)
        )
        if not usable or self.same_number[number, path_of(record)] > 1:
            return None
        return self.dice.choice(usable), None


def ask(resolver: FlowResolver, record: Record, way: Ask) -> tuple[str, str | None]:
    text, number = way
    found = resolver.resolve(text, cas=number, compartment=path_of(record), kind="elementary")
    return found.decision, found.matches[0].record.uuid if found.matches else None


def draw(
    resolver: FlowResolver, kept: list[Record], perturber: Perturber, show: bool
) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Ask 200 times in each way; the counts asked, right and tied."""
    asked, right, ties = Counter[str](), Counter[str](), Counter[str]()
    for name in WAYS:
        for record in perturber.dice.sample(kept, len(kept)):
            way: Ask | None = getattr(perturber, name)(record)
            if way is None:
                continue
            decision, uuid = ask(resolver, record, way)
            asked[name] += 1
            right[name] += uuid == record.uuid
            ties[name] += decision == "tie"
            if show and uuid != record.uuid:
                print(f"{name}: {way} -> {decision} {uuid}; wanted {name_of(record)}")
            if asked[name] == 200:
                break
    return asked, right, ties


def absent(
    resolver: FlowResolver, removed: list[Record], perturber: Perturber, show: bool
) -> tuple[int, int]:
    """How many removed flows were asked for, and for how many nothing was named."""
    total = silent = 0
    for position, record in enumerate(removed):
        order = [WAYS[(position + shift) % len(WAYS)] for shift in range(len(WAYS))]
        ways = (getattr(perturber, name)(record) for name in order)
        way = next((way for way in ways if way is not None), None)
        if way is None:
            continue
        decision, uuid = ask(resolver, record, way)
        total += 1
        silent += decision == "none"
        if show and decision != "none":
            print(f"false: {way} -> {decision} {uuid}; removed {name_of(record)}")
    return total, silent


def main(data: Path, show: bool) -> None:
    everything = [r for r in read(data / "tiangong-ilcd", on_skip=lambda skip: None) if r.flow]
    elementary = [
        r for r in everything if r.flow and r.flow.kind == "elementary" and r.classifications
    ]
    elementary.sort(key=lambda record: record.uuid)
    foreign = [
        record
        for name in ("uslci-fy17-jsonld-v1", "uslci-2024-jsonld-v2")
        for record in read(data / name, on_skip=lambda skip: None)
        if record.flow
    ]
    perturber = Perturber(everything, foreign, random.Random(SEED))
    removed = perturber.dice.sample(elementary, 200)
    gone = {record.id for record in removed}
    resolver = FlowResolver([record for record in everything if record.id not in gone])
    kept = [record for record in elementary if record.id not in gone]
    start = time.perf_counter()
    asked, right, ties = draw(resolver, kept, perturber, show)
    seconds = time.perf_counter() - start
    print("way        asked right ties")
    for name in WAYS:
        print(f"{name:10} {asked[name]:5} {right[name] / max(1, asked[name]):5.3f} {ties[name]:4}")
    print(f"top-1 {right.total() / asked.total():.4f} of {asked.total()}; ties {ties.total()}")
    total, silent = absent(resolver, removed, perturber, show)
    print(f"abstention {silent / total:.4f} of {total} removed flows")
    print(f"{1000 * seconds / asked.total():.2f} ms a question, {len(resolver.flows)} flows")


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--misses" in sys.argv)
