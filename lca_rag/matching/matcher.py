"""Lines of a bill of materials to data sets, or to an honest "no match"."""

from __future__ import annotations

import math
import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from lca_rag.matching.asked import Asked, understand
from lca_rag.matching.concepts import closeness, relatives
from lca_rag.matching.confidence import Pool, confidence
from lca_rag.matching.features import place_of, rows
from lca_rag.matching.lines import BomLine
from lca_rag.matching.memory import Memory
from lca_rag.matching.model import MatchModel, load_model
from lca_rag.matching.reasons import reasons
from lca_rag.matching.subjects import Subject, subject
from lca_rag.matching.unitfit import UnitFit, unit_fit
from lca_rag.matching.vocabulary import vocabulary
from lca_rag.record import Record

if TYPE_CHECKING:
    from lca_rag.encoders import FloatArray
    from lca_rag.index.snapshot import Snapshot
    from lca_rag.retriever import Retriever

_SEARCHED = 20
"""Hits of a search that are looked at for each line."""
_SHARED = 60
"""Data sets of the line's concept that are looked at beside them."""
_SHELVES = 4
"""Sets of rights whose shelves are kept."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A data set that may stand for a line."""

    record: Record
    confidence: float
    """Probability in [0, 1] that this data set is acceptable."""
    unit: UnitFit
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LineMatch:
    """The verdict on one line."""

    line: BomLine
    decision: Literal["match", "none"]
    confidence: float
    """Probability in [0, 1] that the first candidate is acceptable."""
    candidates: tuple[Candidate, ...]
    """Best first, also where none is taken."""
    remembered: bool = False
    """Whether a person confirmed this match earlier."""


@dataclass(frozen=True, slots=True, eq=False)
class _Shelf:
    """All data sets of one state of an index, sorted by what they are about."""

    generation: object
    subjects: tuple[Subject, ...]
    by_id: Mapping[str, int]
    by_concept: Mapping[str, tuple[int, ...]]
    weights: Mapping[str, float]


class Matcher:
    """Matches lines against the processes of an index. Safe to share by threads."""

    def __init__(
        self,
        retriever: Retriever,
        *,
        model: MatchModel | None = None,
        memory: Memory | None = None,
    ) -> None:
        """Keep what to match with.

        Args:
            retriever: Searches the index; its encoder gives the similarity of meaning.
            model: Fitted ranking and confidence; the shipped one by default.
            memory: Matches that a person confirmed; they are taken as they are.
        """
        self.retriever = retriever
        self.model = model or load_model()
        self.memory = memory
        self._shelves: dict[frozenset[str] | None, _Shelf] = {}
        self._lock = threading.Lock()

    def match(
        self,
        lines: Iterable[BomLine],
        *,
        k: int = 5,
        database: str | Sequence[str] | None = None,
        rights: Collection[str] | None = None,
    ) -> list[LineMatch]:
        """A verdict on each line, in their order.

        Args:
            lines: What was bought.
            k: At most how many candidates for a line.
            database: Only data sets of these databases.
            rights: Databases that the asker may see; `None` for all.
        """
        asked = [understand(line) for line in lines]
        pools = self.pools(asked, database=database, rights=rights)
        return [self._verdict(pool, k, rights) for pool in pools]

    def pools(
        self,
        asked: Sequence[Asked],
        *,
        database: str | Sequence[str] | None = None,
        rights: Collection[str] | None = None,
    ) -> list[Pool]:
        """The candidates of understood lines with their features; what models are fitted on."""
        names = (database,) if isinstance(database, str) else database
        vectors = self._encode([query for item in asked for query in _queries(item)])
        return [self._pool(item, names, rights, vectors) for item in asked]

    def subjects(self, rights: Collection[str] | None = None) -> tuple[Subject, ...]:
        """All data sets that an asker may see, as the matcher understands them."""
        return self._current(rights).subjects

    def _encode(self, queries: Sequence[str]) -> Mapping[str, FloatArray]:
        """Vectors of all queries in one go; none without an encoder."""
        encoder = self.retriever.index.encoder
        distinct = list(dict.fromkeys(queries))
        if encoder is None or not distinct:
            return {}
        return dict(zip(distinct, encoder.encode_queries(distinct), strict=True))

    def _pool(
        self,
        asked: Asked,
        names: Sequence[str] | None,
        rights: Collection[str] | None,
        vectors: Mapping[str, FloatArray],
    ) -> Pool:
        shelf = self._current(rights)
        cosines: dict[int, float] = {}
        for query in _queries(asked):
            for hit in self.retriever.search(
                query,
                k=_SEARCHED,
                kind="process",
                database=names,
                rights=rights,
                mode="hybrid" if vectors else "lexical",
                vector=vectors.get(query),
            ):
                number = shelf.by_id.get(hit.record.id)
                if number is not None:
                    dense = hit.features.get("dense", 0.0)
                    cosines[number] = max(dense, cosines.get(number, -1.0))
        chosen = list(cosines)
        seen = set(chosen)
        for number in self._about(asked, shelf):
            allowed = _allowed(shelf.subjects[number].id, names, rights)
            if number not in seen and allowed:
                seen.add(number)
                chosen.append(number)
        subjects = tuple(shelf.subjects[number] for number in chosen)
        # What no search found is at most as near as the farthest that one did.
        floor = min((cosine for cosine in cosines.values() if cosine > 0), default=0.0)
        own = [max(floor, cosines.get(number, 0.0)) for number in chosen]
        # Data sets of one thing differ by place and year, which vectors tell badly.
        alike: dict[str, float] = {}
        for number, cosine in zip(chosen, own, strict=True):
            for concept in shelf.subjects[number].concepts[:1]:
                alike[concept] = max(cosine, alike.get(concept, -1.0))
        wanted = asked.concepts[0] if asked.concepts else None
        meaning = [
            alike[wanted] if wanted and shelf.subjects[number].concepts[:1] == (wanted,) else cosine
            for number, cosine in zip(chosen, own, strict=True)
        ]
        table = rows(asked, subjects, meaning, shelf.weights)
        return Pool(asked, subjects, table, tuple(meaning), shelf.weights)

    def _about(self, asked: Asked, shelf: _Shelf) -> list[int]:
        """Data sets of the line's concept and its relatives, the closest first."""
        if not asked.concepts:
            return []
        want = asked.concepts[0]
        near = sorted(relatives(want), key=lambda got: -closeness(want, got))
        found = [number for concept in near for number in shelf.by_concept.get(concept, ())]

        def order(number: int) -> tuple[float, int]:
            place = place_of(asked, shelf.subjects[number])
            apart = place is not None and place.kind in ("sibling", "unrelated", "rest")
            return float(apart), place.steps if place else 0

        same = len(shelf.by_concept.get(want, ()))
        return [*sorted(found[:same], key=order)[:_SHARED], *found[same:][:_SHARED]]

    def _verdict(self, pool: Pool, k: int, rights: Collection[str] | None) -> LineMatch:
        line = pool.asked.line
        kept = self._remembered(line, rights)
        if not pool.subjects and kept is None:
            return LineMatch(line, "none", 0.0, ())
        scores = self.model.ranking.score(pool.table)
        order = np.argsort(-scores, kind="stable")[:k]
        sure = confidence(self.model, pool, scores)
        found = []
        for number in order:
            item = pool.subjects[int(number)]
            record = self.retriever.index.get(item.id)
            if record is None:
                continue
            # Further candidates are as sure as the first, less by the odds they lag behind.
            chance = sure * math.exp(float(scores[number] - scores[order[0]]))
            unit = unit_fit(pool.asked, item)
            told = reasons(pool.asked, item, unit)
            found.append(Candidate(record, round(chance, 4), unit, told))
        if kept is not None:
            others = [item for item in found if item.record.key != kept.record.key]
            return LineMatch(line, "match", 1.0, (kept, *others)[:k], remembered=True)
        decided: Literal["match", "none"] = "match" if sure >= self.model.threshold else "none"
        return LineMatch(line, decided, round(sure, 4), tuple(found))

    def _remembered(self, line: BomLine, rights: Collection[str] | None) -> Candidate | None:
        key = self.memory.recall(line) if self.memory is not None else None
        record = self.retriever.index.get(key) if key else None
        if record is None or not _allowed(record.id, None, rights):
            return None
        unit = unit_fit(understand(line), subject(record))
        return Candidate(record, 1.0, unit, ("confirmed earlier by a person", unit.sentence))

    def _current(self, rights: Collection[str] | None) -> _Shelf:
        """The shelf of what an asker may see: how rare a word is may not tell of anything else."""
        snapshot = self.retriever.index.snapshot()
        key = None if rights is None else frozenset(rights)
        with self._lock:
            shelf = self._shelves.pop(key, None)
            if shelf is None or shelf.generation is not snapshot:
                shelf = _shelve(snapshot, key)
            self._shelves[key] = shelf
            while len(self._shelves) > _SHELVES:
                del self._shelves[next(iter(self._shelves))]
            return shelf


def _queries(asked: Asked) -> list[str]:
    """The line's own words, and its concept in English for lines of other languages."""
    english = vocabulary().english
    found = [asked.line.description]
    if asked.concepts:
        found.append(english.get(asked.concepts[0], asked.concepts[0]))
    return found


def _allowed(id: str, names: Sequence[str] | None, rights: Collection[str] | None) -> bool:
    database = id.split("/", 1)[0]
    return (names is None or database in names) and (rights is None or database in rights)


def _shelve(snapshot: Snapshot, rights: frozenset[str] | None) -> _Shelf:
    """Look once at every newest process that may be seen."""
    kinds, newest = snapshot.column("kind"), snapshot.column("newest")
    databases = snapshot.column("database")
    positions = [
        number
        for number in range(len(snapshot))
        if kinds[number] == "process"
        and bool(newest[number])
        and (rights is None or databases[number] in rights)
    ]
    subjects = tuple(subject(record) for record in snapshot.records(positions))
    by_concept: dict[str, list[int]] = defaultdict(list)
    counts: Counter[str] = Counter()
    for number, item in enumerate(subjects):
        given = (product.concepts[0] for product in item.products if product.concepts)
        for concept in dict.fromkeys((*item.concepts[:1], *given)):
            by_concept[concept].append(number)
        counts.update(item.words)
    weights = {word: math.log(1 + len(subjects) / count) for word, count in counts.items()}
    return _Shelf(
        snapshot,
        subjects,
        {item.id: number for number, item in enumerate(subjects)},
        {concept: tuple(found) for concept, found in by_concept.items()},
        weights,
    )
