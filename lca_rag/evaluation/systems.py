"""What can be compared: encoders, plain BM25, fusions, and any search."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from lca_rag.errors import MissingExtra, QueryError

if TYPE_CHECKING:
    from lca_rag.encoders import Encoder, FloatArray
    from lca_rag.evaluation.benchmark import Query
    from lca_rag.evaluation.measures import Run
    from lca_rag.record import Hit


class System(Protocol):
    """Answers queries with a ranking of records."""

    @property
    def name(self) -> str:
        """What the system is called in tables."""
        ...

    def run(self, queries: Sequence[Query], depth: int) -> Run:
        """The best `depth` records for every query, best first."""
        ...


class EncoderSystem:
    """Inner products of an encoder's vectors, all of them, no approximation."""

    def __init__(
        self,
        encoder: Encoder,
        texts: Mapping[str, str],
        *,
        name: str | None = None,
        vectors: FloatArray | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Keep the encoder and what it searches.

        Args:
            encoder: Local or remote.
            texts: Embedding text by record id.
            name: Name in tables; by default the encoder's.
            vectors: Rows for `texts` that exist already, as from the same model with another query
                prompt.
            progress: Called with how many more documents are encoded.
        """
        self.encoder = encoder
        self.name = name or encoder.name
        self._ids = np.array(list(texts))
        self._texts = list(texts.values())
        self._vectors = vectors
        self._progress = progress

    @property
    def vectors(self) -> FloatArray:
        """One row per record; encoded at first use."""
        if self._vectors is None:
            self._vectors = self.encoder.encode_documents(self._texts, progress=self._progress)
        return self._vectors

    def run(self, queries: Sequence[Query], depth: int) -> Run:
        """The best `depth` records for every query."""
        asked = self.encoder.encode_queries([query.text for query in queries])
        return {
            query.id: _ranked(scores, self._ids, depth)
            for query, scores in zip(queries, asked @ self.vectors.T, strict=True)
        }


class Bm25System:
    """Plain BM25 over the embedding text: bm25s with its defaults and English stems."""

    def __init__(self, texts: Mapping[str, str], *, name: str = "BM25") -> None:
        """Index the texts."""
        try:
            import bm25s
            import Stemmer
        except ImportError as exc:
            raise MissingExtra("eval", "the BM25 baseline") from exc
        # On import bm25s lets itself talk at DEBUG; what is shown is for the application to say.
        logging.getLogger("bm25s").setLevel(logging.NOTSET)
        self.name = name
        self._ids = np.array(list(texts))
        self._stemmer = Stemmer.Stemmer("english")
        self._split = bm25s.tokenize
        self._index = bm25s.BM25()
        self._index.index(
            bm25s.tokenize(
                list(texts.values()), stopwords="en", stemmer=self._stemmer, show_progress=False
            ),
            show_progress=False,
        )

    def run(self, queries: Sequence[Query], depth: int) -> Run:
        """The best `depth` records that share a word with the query."""
        found: dict[str, list[tuple[str, float]]] = {}
        for query in queries:
            words = self._split(
                query.text,
                stopwords="en",
                stemmer=self._stemmer,
                return_ids=False,
                show_progress=False,
            )[0]
            known = [word for word in words if word in self._index.vocab_dict]
            scores = self._index.get_scores(known) if known else np.zeros(len(self._ids))
            hits = _ranked(np.asarray(scores, dtype=np.float32), self._ids, depth)
            found[query.id] = [hit for hit in hits if hit[1] > 0]
        return found


class SearchSystem:
    """Anything that searches as our `Retriever` does."""

    def __init__(
        self,
        name: str,
        search: Callable[[str, int], Sequence[Hit]],
        *,
        identify: Callable[[Hit], str] = lambda hit: hit.record.uuid,
    ) -> None:
        """Keep the search.

        Args:
            name: Name in tables.
            search: From query text and depth to hits, best first.
            identify: From a hit to the id that the judgements use.
        """
        self.name = name
        self._search = search
        self._identify = identify

    def run(self, queries: Sequence[Query], depth: int) -> Run:
        """The best `depth` records for every query; of several versions the best one counts."""
        found: dict[str, list[tuple[str, float]]] = {}
        for query in queries:
            hits: dict[str, float] = {}
            for hit in self._search(query.text, depth):
                hits.setdefault(self._identify(hit), hit.score)
            found[query.id] = list(hits.items())
        return found


class FusedSystem:
    """Reciprocal rank fusion of systems (Cormack et al. 2009, doi:10.1145/1571941.1572114)."""

    def __init__(
        self,
        systems: Sequence[System],
        *,
        name: str | None = None,
        weights: Sequence[float] | None = None,
        k: float = 10.0,
    ) -> None:
        """Keep what to fuse.

        Args:
            systems: At least two systems.
            name: Name in tables; by default made of their names.
            weights: One per system; equal by default.
            k: Constant added to each rank.
        """
        if len(systems) < 2:
            raise QueryError("a fusion needs at least two systems")
        self.name = name or f"hybrid({' + '.join(system.name for system in systems)})"
        self._systems = tuple(systems)
        self._weights = tuple(weights or [1.0 / len(systems)] * len(systems))
        if len(self._weights) != len(systems):
            raise QueryError(f"{len(systems)} systems but {len(self._weights)} weights")
        self._k = k

    def run(self, queries: Sequence[Query], depth: int) -> Run:
        """The best `depth` records of the fused rankings."""
        runs = [system.run(queries, depth) for system in self._systems]
        found: dict[str, list[tuple[str, float]]] = {}
        for query in queries:
            scores: dict[str, float] = {}
            for run, weight in zip(runs, self._weights, strict=True):
                for rank, (record, _) in enumerate(run.get(query.id, ()), start=1):
                    scores[record] = scores.get(record, 0.0) + weight / (self._k + rank)
            ordered = sorted(scores.items(), key=lambda hit: (-hit[1], hit[0]))
            found[query.id] = ordered[:depth]
        return found


def _ranked(
    scores: NDArray[np.float32], ids: NDArray[np.str_], depth: int
) -> list[tuple[str, float]]:
    """The best `depth` ids by score; equal scores by ascending id, also at the cut."""
    if depth < len(scores):
        edge = np.partition(scores, len(scores) - depth)[len(scores) - depth]
        candidates = np.flatnonzero(scores >= edge)
    else:
        candidates = np.arange(len(scores))
    order = np.lexsort((ids[candidates], -scores[candidates]))[:depth]
    return [(str(ids[index]), float(scores[index])) for index in candidates[order]]
