"""The measures of the field, calculated by ir-measures (pytrec_eval under it).

What is decided here is only what those leave open:

- A query without an answer counts as zero in every measure; it is never left out of a mean.
- A run is a ranking. Records with equal scores stand in the order in which the system returned
  them; our own systems put them in ascending order of their ids. (trec_eval orders ties by
  descending id, others by position in memory; so that all measures see one order, each is given
  the rank and not the score.)
- Relevance has grades; a grade above zero is relevant. With several relevant records (duplicate
  groups), NDCG is against the ideal order of all of them, recall is the share of them that is
  found, MAP and precision count each; MRR looks at the first alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lca_rag.errors import MissingExtra, QueryError

Run = Mapping[str, Sequence[tuple[str, float]]]
"""Per query id: record ids with scores, best first."""

Qrels = Mapping[str, Mapping[str, int]]
"""Per query id: gain by record id."""

CUTS = (1, 5, 10, 50, 100)
NAMES = ("NDCG", "Recall", "Precision", "MAP", "MRR")
"""Names as the model card's tables have them."""

_FIELD_NAMES = {"NDCG": "nDCG", "Recall": "R", "Precision": "P", "MAP": "AP", "MRR": "RR"}


def all_measures(cuts: Iterable[int] = CUTS) -> tuple[str, ...]:
    """Every measure at every cut, as in `"NDCG@10"`."""
    return tuple(f"{name}@{cut}" for cut in cuts for name in NAMES)


def measure(
    run: Run, qrels: Qrels, measures: Sequence[str] = all_measures()
) -> dict[str, NDArray[np.float64]]:
    """Values per query in the order of `qrels`, by measure.

    Raises:
        QueryError: If a measure is unknown, a query is not judged, or a ranking is no ranking.
        MissingExtra: If ir-measures is not installed.
    """
    try:
        import ir_measures
    except ImportError as exc:
        raise MissingExtra("eval", "evaluation") from exc
    known = {_parsed(name): name for name in measures}
    _check(run, qrels)
    judged = [
        ir_measures.Qrel(query, record, gain)
        for query, gains in qrels.items()
        for record, gain in gains.items()
    ]
    ranked = [
        ir_measures.ScoredDoc(query, record, -float(rank))
        for query, hits in run.items()
        for rank, (record, _) in enumerate(hits)
    ]
    place = {query: index for index, query in enumerate(qrels)}
    values = {name: np.zeros(len(place)) for name in measures}
    for metric in ir_measures.iter_calc(list(known), judged, ranked):
        values[known[metric.measure]][place[metric.query_id]] = metric.value
    return values


def _parsed(name: str) -> Any:  # noqa: ANN401
    import ir_measures

    head, _, cut = name.partition("@")
    if head not in _FIELD_NAMES or not cut.isdecimal() or int(cut) < 1:
        raise QueryError(f"no measure {name!r}; there are {', '.join(NAMES)}, each as in 'NDCG@10'")
    return ir_measures.parse_measure(f"{_FIELD_NAMES[head]}@{cut}")


def _check(run: Run, qrels: Qrels) -> None:
    if not qrels:
        raise QueryError("nothing is judged; give at least one query with a relevant record")
    for query, hits in run.items():
        if query not in qrels:
            raise QueryError(f"the run answers query {query!r}, which is not judged")
        records = [record for record, _ in hits]
        if len(set(records)) < len(records):
            raise QueryError(f"the run names a record twice for query {query!r}")
        if any(later > earlier for (_, earlier), (_, later) in pairwise(hits)):
            raise QueryError(f"the run for query {query!r} is not sorted by descending score")
