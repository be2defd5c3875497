"""What speaks for each candidate of a search: the feature matrix that `ranking` orders by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lca_rag.filters import Facets, Wishes, same_data_type, year_spans
from lca_rag.index.lexical import FIELDS
from lca_rag.index.words import tokenize
from lca_rag.places import relation
from lca_rag.ranking import FEATURES, ranks

if TYPE_CHECKING:
    from lca_rag.index.lexical import Lexical

    Floats = NDArray[np.float32]
    Positions = NDArray[np.int64]

_IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+-\d+-\d")
_PROCESS = re.compile(
    r"\b(process(es)?|production|manufactur\w+|generation|operation|plant|treatment|made|making|"
    r"unit process|at plant|inputs?|consumption)\b|生产|制造|过程|工艺|发电",
    re.IGNORECASE,
)
_FLOW = re.compile(
    r"\b(flows?|elementary|substance|cas|compound|product flow|waste flow|chemical)\b|流|物质",
    re.IGNORECASE,
)
_EMISSION = re.compile(
    r"\b(emissions?|emitted|released?|discharged?|elementary|cas|resource|"
    r"(to|into|in) (the )?(\w+ )?(air|water|soil|river|sea|ocean|atmosphere))\b"
    r"|排放|大气|水体|土壤",
    re.IGNORECASE,
)

_REST = 5
"""Steps that the rest of the world counts for: one more than the world is ever away."""


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """What the two sides of a search say.

    Attributes:
        dense: Cosine of every position, shape (n,).
        lexical: BM25F of every position, shape (n,); 0 is no hit.
        dense_best: Positions that the dense side brings, best first.
        lexical_best: Positions that the lexical side brings, best first.
    """

    dense: Floats
    lexical: Floats
    dense_best: Positions
    lexical_best: Positions

    @property
    def candidates(self) -> Positions:
        """Positions that either side brings, ascending."""
        return np.union1d(self.dense_best, self.lexical_best)


def best(scores: Floats, mask: NDArray[np.bool_], count: int, *, positive: bool) -> Positions:
    """The `count` best positions inside a mask, best first; ties by position.

    Args:
        scores: Shape (n,), higher is better.
        mask: Shape (n,), which positions may be taken.
        count: At most how many.
        positive: Whether a score of 0 or less is no hit.
    """
    allowed = mask & (scores > 0) if positive else mask
    inside = np.flatnonzero(allowed)
    values = scores[inside]
    if len(inside) > count:
        # Everything as good as the last one taken stays in, so that ties are cut by position.
        limit = np.partition(values, len(values) - count)[len(values) - count]
        inside = inside[values >= limit]
        values = scores[inside]
    return inside[np.argsort(-values, kind="stable")][:count]


def feature_matrix(
    question: str,
    sides: Sides,
    facets: Facets,
    wishes: Wishes,
    *,
    databases: Sequence[str] | None = None,
) -> Floats:
    """Features of the candidates of `sides`, shape (candidates, features), as `FEATURES`.

    Args:
        question: The words of the search.
        sides: What the two sides brought.
        facets: The columns of the snapshot.
        wishes: What else is asked.
        databases: The databases whose statistics count; all if `None`.
    """
    chosen, lexical = sides.candidates, facets.snapshot.lexical
    columns: dict[str, Floats] = {}
    dense, words = sides.dense[chosen], sides.lexical[chosen]
    columns["dense"] = dense
    columns["dense_gap"] = dense - np.float32(dense.max(initial=-1.0))
    columns["dense_rank"] = ranks(sides.dense, sides.dense_best, chosen)
    columns["lexical"] = words / np.float32(20)
    columns["lexical_gap"] = words / np.float32(max(float(words.max(initial=0.0)), 1e-6))
    columns["lexical_rank"] = ranks(sides.lexical, sides.lexical_best, chosen)
    held, named = lexical.coverage(question, chosen, databases=databases)
    for column, name in enumerate(FIELDS):
        columns[f"asked_in_{name}"] = held[:, column]
    columns["asked_anywhere"] = held[:, -1]
    for column, name in ((0, "name"), (1, "synonyms"), (2, "classes"), (-1, "anywhere")):
        key = "named_anywhere" if name == "anywhere" else f"named_in_{name}"
        columns[key] = named[:, column]
    columns["identifier"] = _identifier(question, lexical, chosen)
    columns.update(_kinds(question, facets, chosen))
    columns.update(_wished(wishes, facets, chosen))
    columns.update(_lengths(lexical, chosen))
    return np.column_stack([columns[name] for name in FEATURES]).astype(np.float32)


def _identifier(question: str, lexical: Lexical, chosen: Positions) -> Floats:
    """1 for a candidate that bears an identifier which the question names."""
    tokens = [token for token in tokenize(question) if _IDENTIFIER.fullmatch(token)]
    if not tokens:
        return np.zeros(len(chosen), dtype=np.float32)
    held, _ = lexical.coverage(" ".join(tokens), chosen)
    return (held[:, FIELDS.index("identifiers")] > 0).astype(np.float32)


def _kinds(question: str, facets: Facets, chosen: Positions) -> dict[str, Floats]:
    process = facets.where("kind", lambda value: value == "process")[chosen].astype(np.float32)
    elementary = facets.where("data_type", lambda value: "elementary" in value.lower())
    natural = elementary[chosen].astype(np.float32)
    return {
        "process": process,
        "elementary": natural,
        "process_asked": process * bool(_PROCESS.search(question)),
        "flow_asked": (1 - process) * bool(_FLOW.search(question)),
        "emission_asked": natural * bool(_EMISSION.search(question)),
    }


def _wished(wishes: Wishes, facets: Facets, chosen: Positions) -> dict[str, Floats]:
    nothing = np.zeros(len(chosen), dtype=np.float32)
    found = dict.fromkeys(
        ("place_same", "place_wider", "place_other", "year_near", "year_far", "wishes"), nothing
    )
    if wishes.place is not None:
        values, codes = facets.numbered("place")
        steps = np.array([_place_steps(wishes.place, value) for value in values], np.float32)
        found["place_same"], found["place_wider"], found["place_other"] = steps[codes[chosen]].T
    if wishes.years is not None:
        gaps = year_gaps(wishes.years, facets)[chosen]
        known = ~np.isnan(gaps)
        found["year_near"] = np.where(known, 0.9**gaps, 0).astype(np.float32)
        found["year_far"] = np.where(known, np.minimum(gaps, 20) / 20, 0).astype(np.float32)
    met = nothing.copy()
    for name in ("data_type", "system_model", "allocation", "classification"):
        asked = getattr(wishes, name)
        if asked is not None:
            met = met + _meets(name, str(asked), facets)[chosen]
    found["wishes"] = met
    return found


def _meets(name: str, asked: str, facets: Facets) -> NDArray[np.bool_]:
    if name == "data_type":
        return facets.where(name, lambda value: same_data_type(asked, value))
    column = "classes" if name == "classification" else name
    return facets.where(column, lambda value: asked.casefold() in value.casefold())


def _place_steps(asked: str, got: str | None) -> tuple[float, float, float]:
    """Same, wider (less with each step) and any other known place, as three numbers."""
    if got is None:
        return 0.0, 0.0, 0.0
    found = relation(asked, got)
    if found.kind == "same":
        return 1.0, 0.0, 0.0
    if found.kind == "wider":
        return 0.0, 0.8**found.steps, 0.0
    if found.kind == "rest":
        # It names no country, so it serves less well than the whole world.
        return 0.0, 0.8**_REST, 0.0
    if found.kind == "narrower":
        return 0.0, 0.5, 0.0
    return 0.0, 0.0, 0.0 if found.kind == "unknown" else 1.0


def year_gaps(asked: tuple[int, int], facets: Facets) -> NDArray[np.float64]:
    """Years between what is asked and what each record covers: 0 if they meet, NaN if unknown."""
    first, last = year_spans(facets.snapshot)
    return np.maximum(np.maximum(first - asked[1], asked[0] - last), 0)


def _lengths(lexical: Lexical, chosen: Positions) -> dict[str, Floats]:
    lengths = lexical.lengths(chosen)
    return {
        "name_length": np.minimum(lengths[:, 0] / 40, 2).astype(np.float32),
        "text_length": (np.log1p(lengths.sum(axis=1)) / 8).astype(np.float32),
    }
