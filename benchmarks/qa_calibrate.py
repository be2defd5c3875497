"""When to decline: the general thresholds, and those of one index. No development question is read.

    python -m benchmarks.qa_calibrate --index-dir DIR          # what GENERAL was fitted with
    python -m benchmarks.qa_calibrate --index INDEX [--save]   # the thresholds of one index

The first fits on `qa_own.jsonl` (questions of ours), each answerable one asked also with its
record and that record's near doubles hidden, and shows how thresholds carry over from one corpus to
the other and from an index's own made-up questions to ours. The second needs no labels: it asks
what a sample of the index's own records answers; `--save` writes `answers.json` into the index.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.qa_dev import open_index
from lca_rag.answer import Answerer
from lca_rag.answer.calibration import Case, calibrate, cases_of, fit_cases
from lca_rag.answer.thresholds import FILE, GENERAL, Thresholds
from lca_rag.index import Index
from lca_rag.operations import Workspace
from lca_rag.record import Record
from lca_rag.retriever import Retriever

OWN = Path(__file__).with_name("qa_own.jsonl")


def sample(index: Index, size: int) -> list[Record]:
    """Process records of an index, the same ones each time."""
    snapshot = index.snapshot()
    places = [n for n, kind in enumerate(snapshot.column("kind")) if kind == "process"]
    drawn = random.Random(520).sample(places, min(size, len(places)))
    return [snapshot.record(place) for place in sorted(drawn)]


def own_cases(answerer: Answerer, corpus: str) -> list[Case]:
    """The cases of our questions on one corpus."""
    lines = OWN.read_text(encoding="utf-8").splitlines()
    asked: list[dict[str, Any]] = [json.loads(line) for line in lines if line.strip()]
    return [
        case
        for question in asked
        if question["corpus"] == corpus
        for case in cases_of(
            answerer,
            question["question"],
            question["expected_records"] if question["answerable"] else (),
        )
    ]


def tell(name: str, enough: Thresholds, cases: dict[str, list[Case]]) -> None:
    """One line: mistakes on our questions, declined and answered wrongly, by corpus."""
    cells = []
    for corpus, rows in cases.items():
        wrong = [case for case in rows if case.mistaken(enough)]
        answerable = sum(bool(case.right) for case in rows)
        lost = sum(bool(case.right) for case in wrong)
        cells.append(
            f"{corpus}: {lost}/{answerable} lost, "
            f"{len(wrong) - lost}/{len(rows) - answerable} wrongly answered"
        )
    print(f"{name:34} {'; '.join(cells)}")


def general(folder: Path, model: str, size: int) -> None:
    """Fit on our questions; show how it carries over."""
    cases: dict[str, list[Case]] = {}
    by_index: dict[str, Thresholds] = {}
    for corpus in ("uslci", "tiangong"):
        with open_index(corpus, folder, model, None) as index:
            answerer = Answerer(Retriever(index))
            cases[corpus] = own_cases(answerer, corpus)
            by_index[corpus] = calibrate(answerer, sample(index, size))
    both = [case for rows in cases.values() for case in rows]
    fitted = fit_cases(both)
    tell("GENERAL as it is in the code", GENERAL, cases)
    tell("fitted on all of our questions", fitted, cases)
    for corpus, rows in cases.items():
        tell(f"fitted on our {corpus} questions", fit_cases(rows), cases)
    for corpus, enough in by_index.items():
        tell(f"calibrated by {corpus} itself", enough, cases)
    by_kind("GENERAL as it is in the code", GENERAL, both)
    by_kind("fitted on all of our questions", fitted, both)
    show("fitted on all of our questions", fitted)
    for corpus, enough in by_index.items():
        show(f"calibrated by {corpus} itself", enough)


def by_kind(name: str, enough: Thresholds, cases: Iterable[Case]) -> None:
    """Mistakes by kind of question."""
    rows = list(cases)
    asked = Counter((case.question.kind, bool(case.right)) for case in rows)
    wrong = Counter((c.question.kind, bool(c.right)) for c in rows if c.mistaken(enough))
    print(f"\n{name}: mistakes")
    for kind in sorted({case.question.kind for case in rows}):
        answer, decline = (f"{wrong[kind, to]}/{asked[kind, to]}" for to in (True, False))
        print(f"  {kind:10} lost {answer}, wrongly answered {decline}")


def show(name: str, enough: Thresholds) -> None:
    """The thresholds, one kind a line."""
    print(f"\n{name}")
    for kind, row in enough.by_kind.items():
        print(f"  {kind:10} {row.anywhere:.2f} {row.named:.2f} {row.lacking:.2f}")


def main() -> None:
    """Do what was asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index-dir", type=Path)
    parser.add_argument("--index", type=Path)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--size", type=int, default=60, help="records asked about")
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    if asked.index_dir is not None:
        general(asked.index_dir, asked.model, asked.size)
    elif asked.index is not None:
        with Workspace(asked.index) as workspace:
            enough = calibrate(workspace.answerer, sample(workspace.index, asked.size))
        show(str(asked.index), enough)
        if asked.save:
            enough.save(asked.index / FILE)
    else:
        parser.error("give --index-dir or --index")


if __name__ == "__main__":
    main()
