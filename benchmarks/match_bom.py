"""The matcher on the bill-of-materials benchmark, calibrated in five folds, and fitting its model.

The 562 processes of US LCI FY17 are indexed; the label columns are kept from the matcher. In each
fold the models and the threshold are fitted on four fifths of the lines and tried on the fifth
(lines go to folds by their number modulo 5). The threshold is the lowest at which at most 8 % of
the fitting lines without a match would be matched.

    PYTHONPATH=. python benchmarks/match_bom.py ../shared --model MODEL_PATH [--fit OUT.json]

The vocabulary (`lca_rag/matching/terms.tsv`) was written with these lines in view, so the figures
are those of known wordings; lines of another make will be harder.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lca_rag.encoders import load_encoder
from lca_rag.index import Index
from lca_rag.matching.features import FEATURES, unit_fit
from lca_rag.matching.lines import BomLine, lines_of
from lca_rag.matching.matcher import Matcher, Pool, confidence_row
from lca_rag.matching.model import (
    CONFIDENCE_FEATURES,
    Logistic,
    MatchModel,
    fit_choice,
    fit_logistic,
)
from lca_rag.readers import read
from lca_rag.retriever import Retriever

FALSE_MATCHES = 0.08
RIDGE = 0.5


@dataclass(frozen=True)
class Labelled:
    line: BomLine
    expected: tuple[str, ...]
    unit_ok: str
    pool: Pool

    @property
    def gains(self) -> NDArray[np.float64]:
        """1 for the best data set, less for the later ones of the list, 0 for all others."""
        places = {uuid: 1 / (1 + number) for number, uuid in enumerate(self.expected)}
        return np.array([places.get(item.uuid, 0.0) for item in self.pool.subjects])

    @property
    def labels(self) -> NDArray[np.float64]:
        return np.array([float(item.uuid in self.expected) for item in self.pool.subjects])


def labelled(matcher: Matcher, path: Path) -> list[Labelled]:
    with path.open(encoding="utf-8", newline="") as stream:
        table = list(csv.reader(stream))
    inputs = [row[:6] for row in table]
    lines = lines_of(inputs, path.name)
    pools = matcher.pools(lines)
    return [
        Labelled(line, tuple(part for part in row[6].split(";") if part), row[8], pool)
        for line, row, pool in zip(lines, table[1:], pools, strict=True)
    ]


def fit(data: list[Labelled]) -> MatchModel:
    """Ranking and confidence on some lines, with the threshold that keeps false matches down."""
    chosen = [item for item in data if item.labels.any() and not item.labels.all()]
    ranking = fit_choice(
        [item.pool.table for item in chosen],
        [item.gains for item in chosen],
        FEATURES,
        ridge=RIDGE,
    )
    tops = np.array([confidence_row(item.pool, ranking.score(item.pool.table)) for item in data])
    hits = np.array([float(first(ranking, item) in item.expected) for item in data])
    sure = fit_logistic(tops, hits, CONFIDENCE_FEATURES, ridge=0.3)
    chances = sure.probability(tops)
    none = np.sort(chances[[not item.expected for item in data]])[::-1]
    allowed = int(FALSE_MATCHES * len(none))
    threshold = float(np.clip((none[allowed] + none[max(0, allowed - 1)]) / 2, 0.2, 0.9))
    return MatchModel(ranking, sure, threshold, f"{len(data)} lines of bom/dev.csv")


def first(ranking: Logistic, item: Labelled) -> str:
    return item.pool.subjects[int(np.argmax(ranking.score(item.pool.table)))].uuid


def report(
    data: list[Labelled], chances: NDArray[np.float64], tops: list[str], taken: list[bool]
) -> None:
    matchable = [i for i, item in enumerate(data) if item.expected]
    none = [i for i, item in enumerate(data) if not item.expected]
    hit = [tops[i] in data[i].expected for i in range(len(data))]
    pool = [bool(item.labels.any()) for item in data]
    print(f"lines {len(data)}, matchable {len(matchable)}, candidates hold one {sum(pool)}")
    print(f"top-1 on matchable lines: {np.mean([hit[i] for i in matchable]):.3f}")
    order = np.argsort(-chances, kind="stable")
    print("coverage  precision (of all lines, surest first)")
    for share in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        chosen = order[: round(share * len(data))]
        print(f"  {share:4.0%}     {np.mean([hit[i] for i in chosen]):.3f}")
    by_match = sorted(matchable, key=lambda i: -chances[i])
    for share in (0.5, 0.8):
        chosen_lines = by_match[: round(share * len(by_match))]
        precision = np.mean([hit[i] for i in chosen_lines])
        print(f"precision at {share:.0%} of the matchable lines: {precision:.3f}")
    false = np.mean([taken[i] for i in none])
    answered = np.mean([taken[i] for i in matchable])
    right = sum(hit[i] for i in range(len(data)) if taken[i])
    print(
        f"at the threshold: false matches {false:.3f} of lines without one, answered {answered:.3f}"
        f" of the matchable, precision {right / max(1, sum(taken)):.3f}"
    )
    for goal in (0.7, 0.8, 0.9):
        cut = sorted((chances[i] for i in matchable), reverse=True)[int(goal * len(matchable)) - 1]
        rate = np.mean([chances[i] >= cut for i in none])
        print(f"where {goal:.0%} of the matchable are answered, false matches are {rate:.3f}")
    bins = np.clip((chances * 5).astype(int), 0, 4)
    for number in range(5):
        inside = np.flatnonzero(bins == number)
        if len(inside):
            print(
                f"  confidence {number / 5:.1f} and more: {len(inside):3} lines, mean "
                f"{chances[inside].mean():.2f}, right {np.mean([hit[i] for i in inside]):.2f}"
            )
    fits = {"same": "yes", "convert": "convert", "factor": "convert", "mismatch": "mismatch"}
    agreed = []
    for i in matchable:
        if hit[i] and tops[i] == data[i].expected[0]:
            item = next(s for s in data[i].pool.subjects if s.uuid == tops[i])
            agreed.append(fits[unit_fit(data[i].pool.asked, item).kind] == data[i].unit_ok)
    print(f"unit verdict agrees on {np.mean(agreed):.3f} of {len(agreed)} lines")


def show_misses(
    data: list[Labelled], chances: NDArray[np.float64], tops: list[str], taken: list[bool]
) -> None:
    names = {s.uuid: s.name for item in data for s in item.pool.subjects}
    for i, item in enumerate(data):
        missed = bool(item.expected) and tops[i] not in item.expected
        if missed or (not item.expected and taken[i]):
            wanted = names.get(item.expected[0], "another") if item.expected else "none"
            print(
                f"{item.line.line} {item.line.description} | {item.line.place} | "
                f"got {names[tops[i]]} ({chances[i]:.2f}) | wanted {wanted}"
            )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", type=Path)
    parser.add_argument("--model", default=None)
    parser.add_argument("--query-prompt", default=None)
    parser.add_argument("--bom", type=Path, default=None)
    parser.add_argument("--fit", type=Path, default=None)
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--index", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = options.index or Path(folder) / "index"
        index = Index.open(
            place, encoder=load_encoder(options.model, query_prompt=options.query_prompt)
        )
        records = (
            record
            for record in read(
                options.shared / "data" / "uslci-fy17-jsonld-v1",
                database="uslci",
                on_skip=lambda s: None,
            )
            if record.kind == "process"
        )
        index.sync(records)
        matcher = Matcher(Retriever(index), model=_EMPTY)
        data = labelled(matcher, options.bom or options.shared / "benchmark" / "bom" / "dev.csv")
        index.close()
    chances = np.zeros(len(data))
    tops = [""] * len(data)
    taken = [False] * len(data)
    for fold in range(5):
        model = fit([item for i, item in enumerate(data) if i % 5 != fold])
        for i, item in enumerate(data):
            if i % 5 == fold:
                scores = model.ranking.score(item.pool.table)
                chances[i] = model.confidence.probability(confidence_row(item.pool, scores)[None])[
                    0
                ]
                tops[i] = first(model.ranking, item)
                taken[i] = bool(chances[i] >= model.threshold)
    report(data, chances, tops, taken)
    if options.misses:
        show_misses(data, chances, tops, taken)
    if options.fit:
        whole = fit(data)
        options.fit.write_text(whole.to_json() + "\n", encoding="utf-8")
        print(f"wrote {options.fit}, threshold {whole.threshold:.3f}")
        for name, weight in zip(whole.ranking.names, whole.ranking.weights, strict=True):
            print(f"  {name:20} {weight:7.3f}")


_EMPTY = MatchModel(
    Logistic(FEATURES, np.zeros(len(FEATURES)), 0.0),
    Logistic(CONFIDENCE_FEATURES, np.zeros(len(CONFIDENCE_FEATURES)), 0.0),
    0.5,
    "nothing",
)

if __name__ == "__main__":
    main()
