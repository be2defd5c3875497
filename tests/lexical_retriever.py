"""A retriever over a list of records, by words alone: answers can be tested without an index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from lca_rag.filters import SearchArguments
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
        mode: str = "hybrid",
        **wishes: Unpack[SearchArguments],
    ) -> list[Hit]:
        asked = {name: wishes.get(name) for name in ("place", "year")}
        self.asked.append({"query": query, **asked, "strict": wishes.get("strict", False)})
        kind, rights = wishes.get("kind"), wishes.get("rights")
        database = wishes.get("database")
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
