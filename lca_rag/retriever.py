"""Question and wishes in, hits with reasons out."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from lca_rag.errors import QueryError
from lca_rag.filters import Facets, Wishes
from lca_rag.namesakes import by_wishes
from lca_rag.pedigree import pedigree, weigh
from lca_rag.ranking import Ranker, ranker_for
from lca_rag.reasons import movers
from lca_rag.record import Hit, Record
from lca_rag.scope import ColumnTest, Scope, Test, cosines_of, nearest, nearest_by_chroma, passing
from lca_rag.signals import Sides, best, feature_matrix
from lca_rag.telling import among_namesakes, shown, told

if TYPE_CHECKING:
    from lca_rag.encoders import FloatArray
    from lca_rag.index import Index

Mode = Literal["hybrid", "dense", "lexical"]
DenseMode = Literal["auto", "exact", "chroma"]

DEPTH = 100
"""How many candidates each side brings at least; more where more hits are asked for."""
EXACT_LIMIT = 100_000
"""Above so many records the dense side asks a Chroma server, unless a filter leaves fewer."""
_CERTAIN, _SPREAD = 60.0, 4.0
"""Ranker's score of a record that the question names by UUID; scores per unit of log-odds."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


class Retriever:
    """Searches an index. Safe to share by threads; always sees the last committed state."""

    def __init__(
        self, index: Index, *, ranker: Ranker | None = None, dense: DenseMode = "auto"
    ) -> None:
        """Keep what to search.

        Args:
            index: An open index.
            ranker: Orders the hits of a hybrid search; by default the one fitted for the encoder.
            dense: How vectors are compared: "exact" (a matrix product), "chroma" (approximate), or
                "auto": exact, but for more than `EXACT_LIMIT` records that pass the filters of an
                index on a server; an embedded Chroma belongs to the writer alone.
        """
        self.index = index
        self.ranker = ranker
        self.dense = dense
        self._facets: Facets | None = None

    def search(
        self,
        query: str,
        *,
        k: int = 10,
        kind: str | None = None,
        place: str | None = None,
        year: int | tuple[int, int] | None = None,
        database: str | Sequence[str] | None = None,
        data_type: str | None = None,
        system_model: str | None = None,
        allocation: str | None = None,
        classification: str | None = None,
        strict: bool = False,
        all_versions: bool = False,
        mode: Mode = "hybrid",
        rights: Collection[str] | None = None,
        vector: FloatArray | None = None,
        where: Callable[[Record], bool] | None = None,
        pedigree_weight: float = 0.0,
    ) -> list[Hit]:
        """The `k` best records for a question, best first; each says why it is there.

        `kind` and `database` always filter. The other wishes rank and are explained; with `strict`
        they filter, before anything is cut to `k`.

        Args:
            query: The question, in any language; identifiers are recognised.
            k: At most how many hits, at least 1.
            kind: "process", "flow", "model", "method" or "text".
            place: Code or name of a place ("DE", "Germany", "中国").
            year: A year, or first and last year of a range.
            database: Name or names of databases.
            data_type: "unit", "aggregated", "market", or words of the source's own term.
            system_model: Words of the system model.
            allocation: Words of the allocation or modelling principle.
            classification: Words or a code of the classification.
            strict: Whether every wish must be met.
            all_versions: Whether superseded versions are searched too.
            mode: "hybrid", or one side alone.
            rights: Databases that the searcher may see; `None` for all.
            vector: Unit vector of the question, shape (d,), to save encoding it.
            where: A test of each record, for one side alone; records are tried best first until
                `k` pass, so nothing is lost. A `lca_rag.scope.ColumnTest` reads few of them.
            pedigree_weight: Share of data quality (`lca_rag.pedigree`: time, geography and
                technology against what was asked) in the score of a hybrid search, in [0, 1].
                A record that the query names by UUID stays first.

        Returns:
            Hits whose `score` is higher for better: with "hybrid" the ranker's estimate in (0, 1),
            with "dense" the cosine, with "lexical" BM25F. Scores compare within one search.

        Raises:
            QueryError: If a wish cannot be understood, or the query is empty.
        """
        if k < 1:
            raise QueryError(f"k is {k}; ask for at least one hit")
        if not query.strip():
            raise QueryError("the query is empty; say what to look for")
        if where is not None and mode == "hybrid":
            raise QueryError("a test of records needs mode='dense' or mode='lexical'")
        _check_weight(pedigree_weight, mode)
        wishes = Wishes(
            kind=kind,
            place=place,
            year=year,
            database=database if database is None or isinstance(database, str) else tuple(database),
            data_type=data_type,
            system_model=system_model,
            allocation=allocation,
            classification=classification,
        )
        scope = self._scope(wishes, strict=strict, all_versions=all_versions, rights=rights)
        if isinstance(where, ColumnTest):
            np.logical_and(scope.mask, where.mask(scope.facets), out=scope.mask)
        if mode == "lexical":
            return self._by_words(query, k, scope, where)
        if vector is None:
            vector = self._encode(query)
        if mode == "dense":
            return self._by_meaning(query, k, scope, vector, where)
        return self._by_both(query, k, scope, vector, pedigree_weight)

    def similar(
        self,
        id: str,
        *,
        k: int = 10,
        kind: str | None = None,
        place: str | None = None,
        year: int | tuple[int, int] | None = None,
        database: str | Sequence[str] | None = None,
        strict: bool = False,
        rights: Collection[str] | None = None,
    ) -> list[Hit]:
        """Records like a given one, best first; `score` is the cosine of their document vectors.

        Args:
            id: `{database}/{uuid}@{version}`, or without version for the newest.
            k: At most how many hits.
            kind: As for `search`; the wishes below too.
            place: See `search`.
            year: See `search`.
            database: See `search`.
            strict: See `search`.
            rights: See `search`.

        Raises:
            QueryError: If there is no such record among those that the searcher may see.
        """
        wishes = Wishes(
            kind=kind,
            place=place,
            year=year,
            database=database if database is None or isinstance(database, str) else tuple(database),
        )
        scope = self._scope(wishes, strict=strict, all_versions=False, rights=rights)
        record = self.index.get(id)
        position = None if record is None else scope.snapshot.position(record.id)
        hidden = record is None or (rights is not None and record.database not in rights)
        if record is None or position is None or hidden:
            raise QueryError(f"no record {id!r} in this index")
        scope.mask[position] = False
        vector = np.asarray(scope.snapshot.matrix[position])
        return self._by_meaning(str(record.name), k, scope, vector)

    def sides(self, query: str, vector: FloatArray, *, depth: int = DEPTH) -> tuple[Sides, Facets]:
        """What both sides say to a question without wishes; what rankers are fitted on."""
        scope = self._scope(Wishes(), strict=False, all_versions=False, rights=None)
        return self._sides(query, vector, scope, depth), scope.facets

    def _encode(self, query: str) -> FloatArray:
        encoder = self.index.encoder
        if encoder is None:
            raise QueryError(
                "this index was opened without an encoder; search with mode='lexical', or open it "
                "with the encoder that made it"
            )
        vectors: FloatArray = encoder.encode_queries([query])
        return np.asarray(vectors[0])

    def _scope(
        self,
        wishes: Wishes,
        *,
        strict: bool,
        all_versions: bool,
        rights: Collection[str] | None,
    ) -> Scope:
        facets = self._current_facets()
        filtering = wishes if strict else wishes.only("kind", "database")
        allowed = None if rights is None else frozenset(rights)
        mask = facets.kept_mask(filtering, rights=allowed, newest=not all_versions)
        names = (wishes.database,) if isinstance(wishes.database, str) else wishes.database
        visible = [
            name
            for name in facets.snapshot.lexical.segments
            if (allowed is None or name in allowed) and (names is None or name in names)
        ]
        return Scope(facets, mask.copy(), tuple(visible), wishes)

    def _current_facets(self) -> Facets:
        snapshot = self.index.snapshot()
        # Read once and returned as read: another thread may put the facets of a newer state there.
        facets = self._facets
        if facets is None or facets.snapshot is not snapshot:
            facets = self._facets = Facets(snapshot)
        return facets

    def _by_words(self, query: str, k: int, scope: Scope, where: Test | None = None) -> list[Hit]:
        scores = scope.snapshot.lexical.scores(query, databases=scope.databases)
        count = k if where is None else len(scores)
        chosen = best(scores, scope.mask, count, positive=True)
        ranked = list(zip(chosen.tolist(), scores[chosen].tolist(), strict=True))
        return self._hits(query, scope, passing(scope.snapshot, ranked, k, where), "lexical")

    def _by_meaning(
        self, query: str, k: int, scope: Scope, vector: FloatArray, where: Test | None = None
    ) -> list[Hit]:
        if where is None and self._asks_chroma(scope):
            ranked = nearest_by_chroma(vector, k, scope)
        else:
            count = k if where is None else len(scope.snapshot.ids)
            ranked = nearest(vector, count, scope)
        return self._hits(query, scope, passing(scope.snapshot, ranked, k, where), "dense")

    def _by_both(
        self, query: str, k: int, scope: Scope, vector: FloatArray, weight: float
    ) -> list[Hit]:
        sides = self._sides(query, vector, scope, max(DEPTH, 2 * k))
        candidates = sides.candidates
        if not len(candidates):
            return []
        matrix = feature_matrix(query, sides, scope.facets, scope.wishes, databases=scope.databases)
        ranker = self.ranker or ranker_for(self.index.fingerprint)
        parts = ranker.contributions(matrix)
        scores = parts.sum(axis=1)
        scores -= scores.mean()
        plain = scores
        scores = by_wishes(plain, parts, scope.facets, candidates, scope.wishes)
        gained = scores - plain
        named = self._named(query, scope, candidates)
        scores[named] = _CERTAIN
        relevance = 1 / (1 + np.exp(-scores / _SPREAD))
        weighed: dict[int, tuple[float, str]] = {}
        if weight > 0:
            rows = np.flatnonzero(~named)
            weighed = self._weighed(query, scope, candidates, relevance, rows, weight)
            for row, (score, _) in weighed.items():  # 1 at most, so `_CERTAIN` stays first
                scores[row] = score
        order = np.argsort(-scores, kind="stable")[:k]
        relative = parts - parts.mean(axis=0)
        records = scope.snapshot.records(candidates[order].tolist())
        hits = []
        for record, row in zip(records, order.tolist(), strict=True):
            values = shown(
                matrix[row], relative[row], sides, candidates[row], namesakes=float(gained[row])
            )
            moved = {name[5:]: value for name, value in values.items() if name.startswith("gave_")}
            sentences = [*told(record, query, scope.wishes, values, weight > 0), movers(moved)]
            if "namesakes" in moved:
                sentences.append(among_namesakes(moved["namesakes"]))
            score = float(relevance[row])
            if row in weighed:
                values["relevance"] = score
                score, sentence = weighed[row]
                sentences.append(sentence)
            hits.append(Hit(record=record, score=score, reasons=tuple(sentences), features=values))
        return hits

    def _weighed(
        self,
        query: str,
        scope: Scope,
        candidates: NDArray[np.int64],
        relevance: NDArray[np.float32],
        rows: NDArray[np.int64],
        weight: float,
    ) -> dict[int, tuple[float, str]]:
        """Score and sentence by row, with data quality weighed in."""
        records = scope.snapshot.records(candidates[rows].tolist())
        return {
            row: weigh(pedigree(record, query, scope.wishes), float(relevance[row]), weight)
            for row, record in zip(rows.tolist(), records, strict=True)
        }

    def _sides(self, query: str, vector: FloatArray, scope: Scope, depth: int) -> Sides:
        snapshot = scope.snapshot
        lexical = snapshot.lexical.scores(query, databases=scope.databases)
        words = best(lexical, scope.mask, depth, positive=True)
        named = np.flatnonzero(scope.mask)[self._named(query, scope, np.flatnonzero(scope.mask))]
        if self._asks_chroma(scope):
            found = nearest_by_chroma(vector, depth, scope)
            meaning = np.array([position for position, _ in found], dtype=np.int64)
            cosines = np.full(len(snapshot.ids), -1.0, dtype=np.float32)
            both = np.union1d(np.union1d(meaning, words), named)
            cosines[both] = snapshot.matrix[both] @ vector
        else:
            cosines = cosines_of(snapshot, vector)
            meaning = best(cosines, scope.mask, depth, positive=False)
        words = np.concatenate([words, np.setdiff1d(named, words)])
        return Sides(cosines, lexical, meaning, words)

    def _named(self, query: str, scope: Scope, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of some positions bear a UUID that the query names."""
        wanted = {match.lower() for match in _UUID.findall(query)}
        if not wanted:
            return np.zeros(len(positions), dtype=np.bool_)
        return scope.facets.where("uuid", lambda value: value.lower() in wanted)[positions]

    def _asks_chroma(self, scope: Scope) -> bool:
        if self.dense == "auto":
            return self.index.on_server and int(scope.mask.sum()) > EXACT_LIMIT
        return self.dense == "chroma"

    def _hits(
        self, query: str, scope: Scope, found: Sequence[tuple[Record, float]], side: str
    ) -> list[Hit]:
        """Hits of one side alone, in the order given."""
        return [
            Hit(
                record=record,
                score=score,
                reasons=told(record, query, scope.wishes, {side: score}),
                features={side: score},
            )
            for record, score in found
        ]


def _check_weight(weight: float, mode: Mode) -> None:
    """Refuse a weight of data quality that cannot be meant."""
    if not 0 <= weight <= 1:
        raise QueryError(f"pedigree_weight is {weight}; give a share from 0 to 1")
    if weight > 0 and mode != "hybrid":
        raise QueryError(f"pedigree_weight needs mode='hybrid'; mode {mode!r} is one side alone")
