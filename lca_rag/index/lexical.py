"""Lexical search over fields, in every language, with statistics per database.

The score is BM25F (Robertson, Zaragoza & Taylor 2004, doi:10.1145/1031171.1031181): term
frequencies of the fields are normalised by field length, weighed and added before they saturate.
Every database has a segment of its own with its own lengths; document frequencies are added over
the segments that a search may see, so that what it may not see cannot move a score.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lca_rag.index.words import Spelling, tokenize

if TYPE_CHECKING:
    Floats = NDArray[np.float32]
    Ints = NDArray[np.int32]

FIELDS = (
    "name",
    "synonyms",
    "classes",
    "identifiers",
    "place",
    "description",
    "technology",
    "exchanges",
    "other",
)
"""The fields of `render.search_fields`, in the order in which they are stored."""

DEFAULT_WEIGHTS: Mapping[str, float] = {
    "name": 3.0,
    "synonyms": 2.0,
    "classes": 1.0,
    "identifiers": 3.0,
    "place": 1.0,
    "description": 1.0,
    "technology": 0.7,
    "exchanges": 0.4,
    "other": 0.3,
}
K1 = 1.2
B = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Postings of one database. Immutable once built; arrays may be memory-mapped."""

    size: int
    """Number of records."""
    terms: Mapping[str, int]
    """Term to its row."""
    starts: NDArray[np.int64]
    """Offsets into `records` and `values`, shape (fields, terms + 1)."""
    records: Ints
    """Local record number of each posting."""
    values: Floats
    """Term frequency of each posting, divided by the length factor of its field."""
    frequency: Ints
    """In how many records each term stands, shape (terms,)."""
    lengths: Ints
    """Number of tokens per record and field, shape (records, fields)."""

    @classmethod
    def build(cls, records: Iterable[Mapping[str, str]]) -> Segment:
        """Index the `search_fields` of records, in order; record `i` becomes local number `i`."""
        builder = _Builder()
        for fields in records:
            builder.add(fields)
        return builder.finish()

    def save(self, folder: Path) -> None:
        """Write to `folder`, which appears whole or not at all."""
        part = folder.with_name(f"{folder.name}.part-{os.getpid()}")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        np.save(part / "starts.npy", self.starts)
        np.save(part / "records.npy", self.records)
        np.save(part / "values.npy", self.values)
        np.save(part / "frequency.npy", self.frequency)
        np.save(part / "lengths.npy", self.lengths)
        meta = {"size": self.size, "fields": FIELDS, "terms": list(self.terms)}
        (part / "terms.json").write_text(json.dumps(meta, ensure_ascii=False), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)

    @classmethod
    def load(cls, folder: Path) -> Segment:
        """Open a saved segment; postings are mapped, not read."""
        meta = json.loads((folder / "terms.json").read_text(encoding="utf-8"))
        if tuple(meta["fields"]) != FIELDS:
            raise ValueError(
                f"{folder}: lexical segment of another field list; run `lca-rag repair`"
            )
        # As plain arrays over the mapped files: slicing a `memmap` itself costs ten times as much.
        arrays = (np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in _ARRAYS)
        return cls(meta["size"], {term: i for i, term in enumerate(meta["terms"])}, *arrays)

    def postings(self, column: int, term: str) -> tuple[Ints, Floats]:
        """Records and normalised frequencies of `term` in one field; empty if it is not there."""
        row = self.terms.get(term)
        if row is None:
            return self.records[:0], self.values[:0]
        start, end = self.starts[column, row], self.starts[column, row + 1]
        return self.records[start:end], self.values[start:end]


_ARRAYS = ("starts", "records", "values", "frequency", "lengths")


class _Builder:
    """Collects counts per field and turns them into postings."""

    def __init__(self) -> None:
        self.terms: dict[str, int] = {}
        self.size = 0
        self.rows: list[list[int]] = [[] for _ in FIELDS]
        self.records: list[list[int]] = [[] for _ in FIELDS]
        self.counts: list[list[int]] = [[] for _ in FIELDS]
        self.lengths: list[list[int]] = [[] for _ in FIELDS]
        self.frequency: Counter[int] = Counter()

    def add(self, fields: Mapping[str, str]) -> None:
        seen: set[int] = set()
        for column, name in enumerate(FIELDS):
            counts = Counter(tokenize(fields.get(name, "")))
            self.lengths[column].append(sum(counts.values()))
            for term, count in counts.items():
                row = self.terms.setdefault(term, len(self.terms))
                seen.add(row)
                self.rows[column].append(row)
                self.records[column].append(self.size)
                self.counts[column].append(count)
        self.frequency.update(seen)
        self.size += 1

    def finish(self) -> Segment:
        number = len(self.terms)
        starts = np.zeros((len(FIELDS), number + 1), dtype=np.int64)
        records, values, offset = [], [], 0
        for column in range(len(FIELDS)):
            rows = np.asarray(self.rows[column], dtype=np.int32)
            order = np.argsort(rows, kind="stable")
            members = np.asarray(self.records[column], dtype=np.int32)[order]
            lengths = np.asarray(self.lengths[column], dtype=np.float32)
            filled = lengths[lengths > 0]
            mean = float(filled.mean()) if filled.size else 1.0
            counts = np.asarray(self.counts[column], dtype=np.float32)[order]
            records.append(members)
            values.append(counts / (1 - B + B * lengths[members] / mean))
            starts[column, 1:] = np.cumsum(np.bincount(rows, minlength=number)[:number])
            starts[column] += offset
            offset += len(rows)
        frequency = np.zeros(number, dtype=np.int32)
        for row, count in self.frequency.items():
            frequency[row] = count
        return Segment(
            self.size,
            self.terms,
            starts,
            np.concatenate(records).astype(np.int32),
            np.concatenate(values).astype(np.float32),
            frequency,
            np.asarray(self.lengths, dtype=np.int32).T.copy(),
        )


@dataclass(eq=False)
class Lexical:
    """Segments side by side, over the positions of one snapshot."""

    segments: Mapping[str, tuple[Segment, NDArray[np.int64]]]
    """By database: the segment, and the position of each of its records."""
    size: int
    """Number of positions."""
    _spelling: Spelling | None = field(default=None, repr=False)

    def scores(
        self,
        query: str,
        *,
        weights: Mapping[str, float] | None = None,
        databases: Sequence[str] | None = None,
    ) -> Floats:
        """BM25F of every position for a query, shape (size,); 0 means that no term occurs.

        Args:
            query: Words in any language. Words that no record holds are read as their nearest
                spelling, at a discount.
            weights: Weight per field; `DEFAULT_WEIGHTS` if `None`. A missing field weighs nothing.
            databases: The databases whose records and statistics count; all if `None`.
        """
        chosen = self._chosen(databases)
        weigh = DEFAULT_WEIGHTS if weights is None else weights
        columns = [(i, weigh[name]) for i, name in enumerate(FIELDS) if weigh.get(name)]
        scores = np.zeros(self.size, dtype=np.float32)
        for term, share in self.query_terms(query, databases).items():
            idf = self._idf(term, chosen) * share
            for segment, positions in chosen:
                if term not in segment.terms:
                    continue
                total = np.zeros(segment.size, dtype=np.float32)
                for column, weight in columns:
                    records, values = segment.postings(column, term)
                    total[records] += weight * values
                hit = np.flatnonzero(total)
                scores[positions[hit]] += idf * (K1 + 1) * total[hit] / (K1 + total[hit])
        return scores

    def coverage(
        self, query: str, positions: NDArray[np.int64], *, databases: Sequence[str] | None = None
    ) -> tuple[Floats, Floats]:
        """How much of a query each field of some records holds, and the reverse.

        Args:
            query: Words in any language.
            positions: The records asked about, shape (m,).
            databases: As for `scores`.

        Returns:
            Two arrays of shape (m, fields + 1), all values in [0, 1]; the last column is of all
            fields together. First the share of the query's weight (inverse document frequency)
            that the field holds; then the share of the field's tokens that the query names.
        """
        chosen = self._chosen(databases)
        held = np.zeros((len(positions), len(FIELDS) + 1), dtype=np.float32)
        named = np.zeros_like(held)
        tokens = np.ones_like(held)
        whole = 0.0
        for term, share in self.query_terms(query, databases).items():
            weight = self._idf(term, chosen) * share
            whole += weight
            for segment, members in chosen:
                rows, locals_ = _members(members, positions)
                found = _found(segment, term, locals_)
                held[rows, :-1] += weight * found
                held[rows, -1] += weight * found.any(axis=1)
                named[rows, :-1] += found
        for segment, members in chosen:
            rows, locals_ = _members(members, positions)
            tokens[rows, :-1] = np.maximum(segment.lengths[locals_], 1)
        named[:, -1] = named[:, :-1].sum(axis=1)
        tokens[:, -1] = np.maximum(tokens[:, :-1].sum(axis=1), 1)
        return held / max(whole, 1e-9), np.minimum(named / tokens, 1)

    def lengths(self, positions: NDArray[np.int64]) -> Ints:
        """Number of tokens of some records in each field, shape (m, fields)."""
        lengths = np.zeros((len(positions), len(FIELDS)), dtype=np.int32)
        for segment, members in self.segments.values():
            rows, locals_ = _members(members, positions)
            lengths[rows] = segment.lengths[locals_]
        return lengths

    def query_terms(self, query: str, databases: Sequence[str] | None = None) -> dict[str, float]:
        """The terms that a query is searched by, with the weight of each in (0, 1].

        A term that occurs nowhere is replaced by the known spellings one edit away.
        """
        chosen = self._chosen(databases)
        terms: dict[str, float] = {}
        for term in tokenize(query):
            if any(term in segment.terms for segment, _ in chosen):
                terms[term] = 1.0
            else:
                for near in self._near(term, chosen):
                    terms.setdefault(near, 0.7)
        return terms

    def _chosen(self, databases: Sequence[str] | None) -> list[tuple[Segment, NDArray[np.int64]]]:
        names = self.segments if databases is None else databases
        return [self.segments[name] for name in names if name in self.segments]

    def _idf(self, term: str, chosen: Sequence[tuple[Segment, NDArray[np.int64]]]) -> float:
        size = sum(segment.size for segment, _ in chosen)
        known = [(segment, segment.terms.get(term)) for segment, _ in chosen]
        count = sum(int(segment.frequency[row]) for segment, row in known if row is not None)
        return math.log(1 + (size - count + 0.5) / (count + 0.5))

    def _near(
        self, term: str, chosen: Sequence[tuple[Segment, NDArray[np.int64]]]
    ) -> tuple[str, ...]:
        """Known spellings one edit from `term`, the most frequent three; none for short words."""
        if self._spelling is None:
            segments = (segment for segment, _ in self.segments.values())
            self._spelling = Spelling({term for segment in segments for term in segment.terms})
        allowed = [
            near
            for near in self._spelling.near(term)
            if any(near in segment.terms for segment, _ in chosen)
        ]
        return tuple(sorted(allowed, key=lambda near: (self._idf(near, chosen), near))[:3])


def _members(
    members: NDArray[np.int64], positions: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which of `positions` are in a segment (rows), and their local numbers there."""
    if not len(members):
        return positions[:0], positions[:0]
    local = np.minimum(np.searchsorted(members, positions), len(members) - 1)
    rows = np.flatnonzero(members[local] == positions)
    return rows, local[rows]


def _found(segment: Segment, term: str, records: NDArray[np.int64]) -> NDArray[np.bool_]:
    """In which fields of some records a term stands, shape (records, fields)."""
    found = np.zeros((len(records), len(FIELDS)), dtype=np.bool_)
    for column in range(len(FIELDS)):
        members, _ = segment.postings(column, term)
        if len(members):
            at = np.minimum(np.searchsorted(members, records), len(members) - 1)
            found[:, column] = members[at] == records
    return found
