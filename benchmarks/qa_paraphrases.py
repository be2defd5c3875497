"""Do answers hold in wordings that nobody has seen? Questions made from records by frames.

    python -m benchmarks.qa_paraphrases --index-dir DIR [--count 4] [--seed 520] [--type T ...] [-v]

`qa_paraphrases.tsv` holds fifteen frames by type of question and language; each is filled from
random records of TianGong and US LCI, whose names and flows are said as people say them (parts
turned round, fillers dropped, formulas for names). What is expected is read from the record, and
a question is only made where its words fit that record and no other. The table per frame is printed
with `--frames`.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.qa_dev import founded, near, open_index
from benchmarks.qa_sayings import ABSENT, Named, Saying
from lca_rag.answer import Answer, Answerer
from lca_rag.answer.amounts import converted, written
from lca_rag.index import Index
from lca_rag.record import Exchange, Record
from lca_rag.retriever import Retriever

FRAMES = Path(__file__).with_suffix(".tsv")
TARGETS = {"kg": ("g", "t", "mg"), "MJ": ("kWh", "GJ"), "kWh": ("MJ", "GJ"), "m3": ("l",)}
SPOKEN = {
    "g": ("grams", "克"),
    "t": ("tonnes", "吨"),
    "mg": ("mg", "毫克"),
    "kWh": ("kWh", "千瓦时"),
    "MJ": ("megajoules", "兆焦"),
    "GJ": ("GJ", "吉焦"),
    "l": ("litres", "升"),
    "kg": ("kg", "千克"),
    "m3": ("cubic metres", "立方米"),
    "t*km": ("tonne-kilometres", "吨公里"),
}
TITLE = re.compile(r"“[^”]*” \([^()]*\)")
"""What a quoted data set is called; its year and place answer no question by themselves."""


@dataclass(frozen=True)
class Frame:
    """One way to ask."""

    number: int
    kind: str
    language: str
    text: str


@dataclass(frozen=True)
class Asked:
    """A question with what is expected of its answer."""

    text: str
    records: frozenset[str] = frozenset()
    values: tuple[tuple[float, str], ...] = ()
    words: tuple[str, ...] = ()
    """One of them must be said."""
    declined: bool = False
    share: float = 1.0
    """Of the records to be cited, and of the cited ones to be among them."""

    def met(self, answer: Answer) -> tuple[bool, bool]:
        """Whether the records are cited, and whether the rest is there."""
        cited = {citation.uuid for citation in answer.citations}
        hit = len(cited & self.records)
        record = hit >= self.share * len(self.records)
        if self.share < 1:
            record = record and hit >= self.share * len(cited) and not answer.abstained
        if self.declined:
            return record, answer.abstained
        said = " ".join(TITLE.sub(" ", answer.text).split())
        values = all(near(answer.text, v, u, 6e-4 * abs(v)) for v, u in self.values)
        words = not self.words or any(word.lower() in said.lower() for word in self.words)
        return record, values and words and not answer.abstained


def frames() -> Iterator[Frame]:
    """All frames, numbered within their type and language."""
    counted: Counter[tuple[str, str]] = Counter()
    for line in FRAMES.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            kind, language, text = line.split("\t")
            counted[kind, language] += 1
            yield Frame(counted[kind, language], kind, language, text)


@dataclass
class Maker:
    """Fills frames from the records of one corpus."""

    said: Saying
    records: list[Record]
    draw: random.Random

    def ask(self, frame: Frame) -> Asked:
        """A question in this frame; records are drawn until one serves."""
        make = MAKERS.get(frame.kind, Maker.fact)
        for _ in range(5000):
            asked = make(self, frame, self.draw.choice(self.records))
            if asked is not None:
                return asked
        raise SystemExit(f"no record of this corpus serves the type {frame.kind!r}")

    def fill(self, frame: Frame, **words: str) -> str:
        """The frame with its slots filled."""
        text = frame.text
        for slot, word in words.items():
            text = text.replace("{" + slot + "}", word)
        return text[0].upper() + text[1:] if text.isascii() and text[0].islower() else text

    def basis(self, record: Record, language: str) -> tuple[str, str] | None:
        """Reference amount, and the same after "per"; `None` where there is none to say."""
        (reference, *more) = record.reference_exchanges or (None,)
        if reference is None or more or not reference.amount or reference.unit not in SPOKEN:
            return None
        said = SPOKEN[reference.unit][language == "zh"]
        amount = written(reference.amount)
        ref = f"{amount}{said}" if language == "zh" else f"{amount} {reference.unit}"
        per = reference.unit if reference.amount == 1 else ref
        return ref, f"per {per}"

    def figure(self, frame: Frame, record: Record, flow: str | None = None) -> Asked | None:
        """An input, an emission, or either in another unit; with `flow`, one that is not there."""
        name, basis = (
            self.said.name(record, frame.language, self.draw),
            self.basis(record, frame.language),
        )
        if name is None or basis is None:
            return None
        words = {"name": name, "ref": basis[0], "basis": basis[1]}
        uuids = frozenset((record.uuid,))
        if flow is not None:
            return Asked(self.fill(frame, flow=flow, **words), uuids, declined=True)
        row = self.row(record, frame)
        if row is None or row[0].amount is None or row[0].unit is None:
            return None
        (exchange, called), value, unit = row, row[0].amount, row[0].unit
        if frame.kind == "convert":
            unit = self.draw.choice(TARGETS.get(unit, (unit,)))
            other = converted(value, exchange.unit, unit)
            if other is None or unit == exchange.unit or not 1e-4 < abs(other) < 1e9:
                return None
            words["unit"], value = SPOKEN[unit][frame.language == "zh"], other
        return Asked(self.fill(frame, flow=called, **words), uuids, ((value, unit),))

    def row(self, record: Record, frame: Frame) -> tuple[Exchange, str] | None:
        """A row that one can ask for, and what to call it."""
        rows = [
            exchange
            for exchange in record.exchanges
            if not exchange.reference
            and exchange.amount
            and exchange.unit in SPOKEN
            and (frame.kind != "input" or exchange.direction == "input")
            and (
                frame.kind != "emission"
                or (exchange.direction, exchange.flow_kind) == ("output", "elementary")
            )
        ]
        if not rows:
            return None
        exchange = self.draw.choice(rows)
        called = self.said.flow(exchange, record, frame.language, self.draw)
        return None if called is None else (exchange, called)

    def absent_figure(self, frame: Frame, record: Record) -> Asked | None:
        """A substance that the record does not have."""
        english, chinese = self.draw.choice(ABSENT["flow"])
        if re.search(rf"\b{english}|{chinese}", repr(record), re.IGNORECASE):
            return None
        return self.figure(frame, record, chinese if frame.language == "zh" else english)

    def absent(self, frame: Frame, record: Record) -> Asked | None:
        """A product that no record has."""
        english, chinese = self.draw.choice(ABSENT["product"])
        if self.said.anywhere(english, chinese):
            return None
        word = chinese if frame.language == "zh" else english
        return Asked(self.fill(frame, word=word), declined=True)

    def impact(self, frame: Frame, record: Record) -> Asked | None:
        """An impact result, of a data set that holds none."""
        if record.results:
            return None
        return self.figure(frame, record, "")

    def reference(self, frame: Frame, record: Record) -> Asked | None:
        """The reference flow."""
        name = self.said.name(record, frame.language, self.draw)
        if name is None or self.basis(record, "en") is None:
            return None
        reference = record.reference_exchanges[0]
        value = (reference.amount or 0.0, reference.unit or "")
        return Asked(self.fill(frame, name=name), frozenset((record.uuid,)), (value,))

    def fact(self, frame: Frame, record: Record) -> Asked | None:
        """A field of the data set."""
        name = self.said.name(record, frame.language, self.draw)
        stated = tuple(
            " ".join(text.split())[:60].strip(" .。") for text in FACTS[frame.kind](record) if text
        )
        if name is None or not stated:
            return None
        return Asked(self.fill(frame, name=name), frozenset((record.uuid,)), words=stated)

    def list(self, frame: Frame, record: Record) -> Asked | None:
        """Every record that bears a word."""
        word = self.said.head(record, frame.language)
        if word is None:
            return None
        found = self.said.bearing(word)
        if not 2 <= len(found) <= 8:
            return None
        uuids = frozenset(record.uuid for record in found)
        return Asked(self.fill(frame, word=word), uuids, share=0.5)

    def compare(self, frame: Frame, record: Record) -> Asked | None:
        """One flow in two records of like names."""
        word = self.said.head(record, frame.language)
        row = self.row(record, frame)
        if word is None or row is None:
            return None
        kin = [other for other in self.said.bearing(word) if other is not record]
        for other in self.draw.sample(kin, min(4, len(kin))):
            names = [self.said.name(r, frame.language, self.draw) for r in (record, other)]
            same = [e for e in other.exchanges if e.flow == row[0].flow and e.unit == row[0].unit]
            if None in names or len(same) != 1 or not same[0].amount:
                continue
            if self.said.flow(same[0], other, frame.language, self.draw) is None:
                continue
            values = tuple((e.amount or 0.0, e.unit or "") for e in (row[0], same[0]))
            text = self.fill(frame, flow=row[1], name=names[0] or "", other=names[1] or "")
            return Asked(text, frozenset((record.uuid, other.uuid)), values)
        return None


MAKERS: dict[str, Callable[[Maker, Frame, Record], Asked | None]] = {
    "input": Maker.figure,
    "emission": Maker.figure,
    "convert": Maker.figure,
    "absent-figure": Maker.absent_figure,
    "absent": Maker.absent,
    "impact": Maker.impact,
    "reference": Maker.reference,
    "list": Maker.list,
    "compare": Maker.compare,
}
FACTS: dict[str, Callable[[Record], tuple[str | None, ...]]] = {
    "year": lambda r: (str(r.period.reference_year or ""),),
    "owner": lambda r: r.licence.owner.all(),
    "licence": lambda r: (r.licence.type,),
    "version": lambda r: (r.version,),
    "uuid": lambda r: (r.uuid,),
    "place": lambda r: (r.place.code if r.place else None,),
    "technology": lambda r: r.technology.all(),
}
"""The field, in every language; "" or `None` where the record does not state it."""
CORPORA = {
    "en": ("uslci", "tiangong"),
    "zh": ("tiangong", "tiangong", "uslci"),
}
"""Where the questions in a language are from, in turn."""


def questions(said: dict[str, Named], count: int, seed: int) -> Iterator[tuple[str, Frame, Asked]]:
    """The corpus, the frame and the question, the same for every run with a seed."""
    for frame in frames():
        draw = random.Random(f"{seed} {frame.kind} {frame.language} {frame.number}")
        corpora = CORPORA[frame.language]
        if frame.kind in ("licence", "owner"):  # US LCI states them nowhere or seldom
            corpora = ("tiangong",)
        for turn in range(count):
            corpus = corpora[(turn + frame.number) % len(corpora)]
            named = said[corpus]
            yield corpus, frame, Maker(named.saying, named.records, draw).ask(frame)


def named(index: Index) -> Named:
    """The process records of an index with what people call them."""
    snapshot = index.snapshot()
    places = [n for n, kind in enumerate(snapshot.column("kind")) if kind == "process"]
    records = snapshot.records(places)
    return Named(records, Saying(records))


def main() -> None:
    """Ask everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index-dir", type=Path, required=True)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--count", type=int, default=4, help="questions a frame")
    parser.add_argument("--seed", type=int, default=520)
    parser.add_argument("--type", nargs="*", help="only these types")
    parser.add_argument("--language", choices=("en", "zh"))
    parser.add_argument("--frames", action="store_true", help="print the table per frame")
    parser.add_argument("-v", action="store_true", help="print what failed")
    told = parser.parse_args()
    indexes = {c: open_index(c, told.index_dir, told.model, None) for c in ("uslci", "tiangong")}
    answerers = {corpus: Answerer(Retriever(index)) for corpus, index in indexes.items()}
    counted: dict[tuple[str, str, int], Counter[str]] = defaultdict(Counter)
    texts = {(f.kind, f.language, f.number): f.text for f in frames()}
    begun, unfounded = time.perf_counter(), 0
    said = {corpus: named(index) for corpus, index in indexes.items()}
    for corpus, frame, asked in questions(said, told.count, told.seed):
        if (told.type and frame.kind not in told.type) or (
            told.language and frame.language != told.language
        ):
            continue
        answer = answerers[corpus].ask(asked.text)
        record, rest = asked.met(answer)
        found = [indexes[corpus].get(citation.id) for citation in answer.citations]
        lost = founded(answer, asked.text, [r for r in found if r is not None])
        unfounded += len(lost)
        tally = counted[frame.kind, frame.language, frame.number]
        tally.update(n=1, record=int(record), rest=int(rest), both=int(record and rest))
        if told.v and (not (record and rest) or lost):
            print(f"-- {frame.kind} {frame.language} {frame.number} {corpus}: {asked.text}")
            print(f"   wants {sorted(asked.records)} {asked.values or asked.words!r} {lost or ''}")
            print("   " + answer.text.replace("\n", "\n   "))
    for index in indexes.values():
        index.close()
    show(counted, texts if told.frames else {})
    print(f"numbers in no cited record: {unfounded}; {time.perf_counter() - begun:.0f} s in all")


def show(
    counted: dict[tuple[str, str, int], Counter[str]], texts: dict[tuple[str, str, int], str]
) -> None:
    """Shares by type and language, and by frame where texts are given."""
    print(f"{'type':15}{'language':>9}{'n':>6}{'record':>9}{'answer':>9}{'both':>9}")
    groups: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for (kind, language, _), tally in counted.items():
        groups[kind, language] += tally
        groups["all", language] += tally
        groups["all", "both"] += tally
    for (kind, language), tally in sorted(groups.items()):
        shares = "".join(f"{tally[c] / tally['n']:>9.1%}" for c in ("record", "rest", "both"))
        print(f"{kind:15}{language:>9}{tally['n']:>6}{shares}")
    for key, text in texts.items():
        if key in counted:
            tally = counted[key]
            print(f"{tally['both']}/{tally['n']}\t{key[0]}\t{key[1]}\t{text}")


if __name__ == "__main__":
    main()
