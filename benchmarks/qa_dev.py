"""Question answering without a language model, measured on the development questions.

    python -m benchmarks.qa_dev [QUESTIONS.jsonl] --index-dir DIR [--model M] [--lexical] [-v]

`DIR` gets one index per corpus (made on the first run). The rules of scoring are those of
`../shared/benchmark/qa/README.md`: the expected records are among the citations; every expected
value stands in the answer within its tolerance, in its unit or converted to it; unanswerable
questions are declined. Beside that every number of every answer is looked up a second time, by
means other than the answer room's own checks.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lca_rag.answer import Answer, Answerer
from lca_rag.encoders import load_encoder
from lca_rag.index import Index
from lca_rag.readers import read
from lca_rag.record import Record
from lca_rag.retriever import Retriever
from lca_rag.units import same_dimension

SHARED = Path(__file__).resolve().parents[2] / "shared"
CORPORA = {
    "uslci": SHARED / "data" / "uslci-fy17-jsonld-v1" / "uslci_fy17_jsonld_shared.zip",
    "tiangong": SHARED / "data" / "tiangong-ilcd" / "tiangong_ilcd_shared.zip",
}
QUESTIONS = SHARED / "benchmark" / "qa" / "dev.jsonl"
NUMBER = re.compile(r"(?<![\w.,])-?\d+(?:\.\d+)?(?:e-?\d+)?", re.IGNORECASE)
VALUES = ("figure", "reference", "convert")
UNITS = {"Item(s)": "item", "year": "a", "producers": "item"}


@dataclass
class Tally:
    """What was counted, by type of question."""

    asked: Counter[str] = field(default_factory=Counter[str])
    good: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    unfounded: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    seconds: list[float] = field(default_factory=list[float])

    def note(self, measure: str, kind: str, reached: bool) -> None:
        """Count one question under a measure."""
        self.good.setdefault(measure, Counter())[kind] += reached
        self.good.setdefault(f"n {measure}", Counter())[kind] += 1


class WordsOnly:
    """A retriever that never asks the encoder."""

    def __init__(self, retriever: Retriever) -> None:
        self.retriever = retriever

    def search(self, query: str, **wishes: Any) -> Any:
        return self.retriever.search(query, **(wishes | {"mode": "lexical"}))


def open_index(corpus: str, folder: Path, model: str, prompt: str | None) -> Index:
    """The index of a corpus, made if it is not there."""
    encoder = load_encoder(model, query_prompt=prompt)
    index = Index.open(folder / corpus, encoder=encoder)
    if not len(index.snapshot().ids):
        index.sync(read(CORPORA[corpus], database=corpus, on_skip=lambda skip: None))
    return index


def near(text: str, value: float, unit: str, tol: float) -> bool:
    """Whether the answer gives the value with a unit of its dimension beside it."""
    for match in NUMBER.finditer(text):
        if abs(float(match.group()) - value) > tol + 1e-12 * abs(value):
            continue
        after = text[match.end() : match.end() + 16].strip().split(" ")[0].rstrip(".,;。，")
        wanted = UNITS.get(unit, unit)
        if unit in ("year", "producers") or after.startswith(unit) or same(after, wanted):
            return True
    return False


def same(one: str, other: str) -> bool:
    return bool(one) and same_dimension(one, other)


def score(question: dict[str, Any], answer: Answer, tally: Tally) -> bool:
    """Count one answer; gives whether everything that was expected is there."""
    kind = question["type"]
    tally.asked[kind] += 1
    if not question["answerable"]:
        tally.note("abstained", kind, answer.abstained)
        return answer.abstained
    cited = {citation.uuid for citation in answer.citations}
    record = set(question["expected_records"]) <= cited
    values = all(
        near(answer.text, v["value"], v["unit"], v["tol"]) for v in question["expected_values"]
    )
    words = all(
        any(re.search(rf"(?<!\w){re.escape(w)}(?!\w)", answer.text, re.IGNORECASE) for w in choice)
        for choice in question.get("expected_text", ())
    )
    tally.note("record", kind, record)
    if question["expected_values"] or question.get("expected_text"):
        tally.note("value", kind, values and words)
    tally.note("answered", kind, not answer.abstained)
    return record and values and words and not answer.abstained


def founded(answer: Answer, question: str, records: list[Record]) -> list[str]:
    """Numbers of an answer that are in no cited record, by a look-up of its own.

    A number passes if it is an amount of a cited record times a round factor of units, times or
    over a reference amount; or if it stands in a cited record's words, or in the question; or if
    it is a sum or a ratio of amounts.
    """
    words = " ".join(repr(record) for record in records)
    amounts = [e.amount for r in records for e in r.exchanges if e.amount]
    amounts += [result.amount for r in records for result in r.results if result.amount]
    references = [e.amount for r in records for e in r.reference_exchanges if e.amount] or [1.0]
    factors = [10.0**n for n in range(-9, 10)]
    # MJ in a kWh, litres in a gallon, kilograms in a pound
    sizes = (3.6, 3.785411784, 0.45359237)
    factors += [f * size for f in factors for size in sizes] + [
        f / size for f in factors for size in sizes
    ]
    text = re.sub(r"\[\d+\]", " ", answer.text)
    missing = []
    for match in NUMBER.finditer(text):
        said = match.group()
        if re.search(rf"(?<![\d.]){re.escape(said)}(?![\d])", words) or said in question:
            continue
        value = float(said)
        scaled = (a * f / r for a in amounts for f in factors for r in (1.0, *references))
        if any(math.isclose(value, s, rel_tol=1e-4) for s in scaled):
            continue
        if any(math.isclose(value, a / b, rel_tol=1e-3) for a in amounts for b in amounts):
            continue
        missing.append(said)
    return missing


def show(tally: Tally) -> None:
    """The table, types apart, and the four figures that count."""
    measures = ("record", "value", "answered", "abstained")
    print(f"{'type':15}{'n':>4}" + "".join(f"{name:>12}" for name in measures))
    for kind in tally.asked:
        cells = []
        for name in measures:
            count = tally.good.get(f"n {name}", Counter())[kind]
            cells.append(f"{tally.good[name][kind]}/{count}" if count else "-")
        print(f"{kind:15}{tally.asked[kind]:>4}" + "".join(f"{cell:>12}" for cell in cells))

    def share(name: str, kinds: tuple[str, ...] | None = None) -> str:
        good, count = tally.good.get(name, Counter()), tally.good.get(f"n {name}", Counter())
        chosen = kinds or tuple(count)
        top, bottom = sum(good[k] for k in chosen), sum(count[k] for k in chosen)
        return f"{top}/{bottom} = {top / max(bottom, 1):.1%}"

    seconds = sorted(tally.seconds)
    print(f"expected record cited, answerable:      {share('record')}   (target 85 %)")
    print(f"value with unit, figure/reference/conv: {share('value', VALUES)}   (target 80 %)")
    print(f"abstains, unanswerable:                 {share('abstained')}   (target 85 %)")
    print(f"numbers in no cited record:             {len(tally.unfounded)}   (target 0)")
    print(f"answerable and answered:                {share('answered')}")
    print(f"seconds an answer: median {seconds[len(seconds) // 2]:.3f}, largest {seconds[-1]:.3f}")


def main() -> None:
    """Ask everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions", nargs="?", type=Path, default=QUESTIONS)
    parser.add_argument("--index-dir", type=Path, required=True)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--query-prompt", default=None)
    parser.add_argument("--lexical", action="store_true", help="search by words alone")
    parser.add_argument("--crossed", action="store_true", help="ask the other corpus")
    parser.add_argument("-v", action="store_true", help="print what failed")
    asked = parser.parse_args()
    lines = asked.questions.read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines if line.strip()]
    tally = Tally()
    for corpus in dict.fromkeys(q["corpus"] for q in questions):
        other = {"uslci": "tiangong", "tiangong": "uslci"}[corpus]
        used = other if asked.crossed else corpus
        with open_index(used, asked.index_dir, asked.model, asked.query_prompt) as index:
            retriever = Retriever(index)
            answerer = Answerer(WordsOnly(retriever) if asked.lexical else retriever)
            for question in (q for q in questions if q["corpus"] == corpus):
                begun = time.perf_counter()
                answer = answerer.ask(question["question"])
                tally.seconds.append(time.perf_counter() - begun)
                found = [index.get(citation.id) for citation in answer.citations]
                records = [record for record in found if record is not None]
                if asked.crossed:
                    question = question | {"answerable": False, "type": "crossed"}
                good = score(question, answer, tally)
                lost = founded(answer, question["question"], records)
                tally.unfounded += [(question["id"], number) for number in lost]
                if asked.v and (not good or lost):
                    print(
                        f"-- {question['id']} {question['question']}\n{answer.text}\n{lost or ''}"
                    )
    show(tally)


if __name__ == "__main__":
    main()
