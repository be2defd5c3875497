"""A retriever over a list of records, by words alone: answers can be tested without an index."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from lca_rag.index.lexical import Lexical, Segment
from lca_rag.record import Hit, Record
from lca_rag.render import search_fields


class LexicalRetriever:
    """BM25F over `search_fields`; honours kind, database and rights."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = list(records)
        segment = Segment.build([search_fields(record) for record in self.records])
        positions = np.arange(len(self.records))
        self.lexical = Lexical({"all": (segment, positions)}, len(self.records))
        self.asked: list[dict[str, object]] = []

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
        mode: str = "hybrid",
        rights: Collection[str] | None = None,
    ) -> list[Hit]:
        self.asked.append({"query": query, "place": place, "year": year, "strict": strict})
        names = (database,) if isinstance(database, str) else database
        scores = self.lexical.scores(query)
        hits = [
            Hit(record=record, score=float(score))
            for record, score in zip(self.records, scores, strict=True)
            if score > 0
            and (kind is None or record.kind == kind)
            and (names is None or record.database in names)
            and (rights is None or record.database in rights)
        ]
        return sorted(hits, key=lambda hit: -hit.score)[:k]
