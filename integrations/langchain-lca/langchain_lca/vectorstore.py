"""An lca-rag index as a LangChain vector store: data sets and free texts side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Self

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.indexing import InMemoryRecordManager
from langchain_core.vectorstores import VectorStore
from langchain_core.vectorstores.utils import maximal_marginal_relevance

from langchain_lca.documents import content_key, hit_document, record_document, record_metadata
from langchain_lca.embeddings import LCAEmbeddings
from langchain_lca.filters import column_tests, metadata_test
from lca_rag import Hit, Index, Record, Retriever
from lca_rag.index import host_metadata, record_text
from lca_rag.record import NO_VERSION
from lca_rag.scope import ColumnTest

Filter = dict[str, Any] | Callable[[Document], bool]
"""Metadata that must be equal or meet a condition as in the host's Chroma store (`$gte`, `$in`,
`$and` …), or a test of each document; applied before the cut to `k`."""


class LCAVectorStore(VectorStore):
    """A vector store over an lca-rag index.

    It searches the data sets that `lca-rag index` wrote, and holds arbitrary documents of any
    embedding dimension beside or instead of them. Every score is a cosine: higher is better.

    Setup:
        ```bash
        pip install langchain-lca
        ```

    Instantiate:
        ```python
        from langchain_lca import LCAEmbeddings, LCAVectorStore

        store = LCAVectorStore("my.lca", LCAEmbeddings())
        ```

    Search:
        ```python
        store.similarity_search("steel sheet", k=3, filter={"place": "DE"})
        ```
    """

    def __init__(
        self, index: Index | str | Path, embedding: Embeddings, *, database: str = "texts"
    ) -> None:
        """Keep the index, opened if a place is given.

        Args:
            index: An open index, or the folder of one, made if it is not there.
            embedding: Embeds questions and new documents.
            database: Where new documents go.

        Raises:
            TypeError: If there is no embedding; none is chosen on the quiet.
        """
        if not isinstance(embedding, Embeddings):
            raise TypeError(
                f"embedding must be LangChain embeddings such as LCAEmbeddings(), not {embedding!r}"
            )
        encoder = embedding.loaded if isinstance(embedding, LCAEmbeddings) else None
        opened = index if isinstance(index, Index) else Index.open(index, encoder=encoder)
        self.index: Index = opened
        self.embedding = embedding
        self.database = database
        self._retriever = Retriever(opened)  # keeps the columns of a state from search to search

    @property
    def embeddings(self) -> Embeddings:
        """What embeds questions and documents."""
        return self.embedding

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        index: Index | str | Path | None = None,
        **kwargs: Any,
    ) -> Self:
        """A store with these texts; in a temporary folder if no index is named."""
        store = cls(mkdtemp(suffix=".lca") if index is None else index, embedding, **kwargs)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Embed and store texts; known ids are replaced.

        Args:
            texts: What to store.
            metadatas: JSON-able metadata of each text.
            ids: Their ids; one that is `None`, or all by default, is made of text and metadata, so
                that a second run adds nothing.
            kwargs: Of the host; not used.

        Returns:
            The ids, in the order of the texts.

        Raises:
            ValueError: If there are more or fewer metadata or ids than texts.
        """
        given = list(texts)
        for what, listed in (("metadatas", metadatas), ("ids", ids)):
            if listed is not None and len(listed) != len(given):
                raise ValueError(f"{len(listed)} {what} for {len(given)} texts; give one for each")
        if not given:
            return []
        facts = metadatas or [{} for _ in given]
        # `from_documents` of the host passes `None` for a document without id beside one with.
        named: list[str | None] = [None for _ in given] if ids is None else [*ids]
        ids = [
            name or content_key(text, fact)
            for name, text, fact in zip(named, given, facts, strict=True)
        ]
        vectors = np.asarray(self.embedding.embed_documents(given), dtype=np.float32)
        stored = self.index.add_texts(
            given, vectors=vectors, ids=ids, metadatas=metadatas, database=self.database
        )
        return [self._host_id(name) for name in stored]

    def add_documents(self, documents: list[Document], **kwargs: Any) -> list[str]:
        """Store documents under their own ids; one without id is known by its content."""
        ids: list[str] | None = kwargs.pop("ids", None)
        if ids is None and any(document.id for document in documents):
            ids = [d.id or content_key(d.page_content, d.metadata) for d in documents]
        texts = [document.page_content for document in documents]
        metadatas = [document.metadata for document in documents]
        return self.add_texts(texts, metadatas, ids=ids, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        """Refuse: an open index belongs to its process."""
        raise TypeError(
            "LCAVectorStore holds an open index and cannot be pickled; pass on its folder, and "
            "open it there with LCAVectorStore(folder, embedding)"
        )

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:
        """Remove documents or data sets by id; unknown ids are ignored.

        Raises:
            ValueError: If no ids are given; a store is not emptied by omission.
        """
        if ids is None:
            raise ValueError("name the ids to delete; without them nothing is removed")
        self.index.delete([name for id in ids for name in self._record_ids(id)])
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """The documents with these ids that exist."""
        found = (self.index.get(name) for id in ids for name in self._record_ids(id)[:1])
        return [self._document(record) for record in found if record is not None]

    def record_manager(self, source_id_key: str = "source") -> InMemoryRecordManager:
        """What `langchain_core.indexing.index` must know of this store, read from the store itself.

        It cannot be lost or belong to another store or model, as a record manager of its own can.

        Args:
            source_id_key: The metadata key that `index` is given.
        """
        manager = InMemoryRecordManager(f"{self.index.folder}/{self.database}")
        snapshot = self.index.snapshot()
        held = snapshot.records(snapshot.databases.get(self.database, range(0)))
        documents = [self._document(record) for record in held]
        sources = [str(document.metadata.get(source_id_key, "")) for document in documents]
        manager.update([str(document.id) for document in documents], group_ids=sources)
        return manager

    def similarity_search(
        self, query: str, k: int = 4, filter: Filter | None = None, **kwargs: Any
    ) -> list[Document]:
        """The `k` documents nearest to a question, best first."""
        return [found for found, _ in self.similarity_search_with_score(query, k, filter, **kwargs)]

    def similarity_search_with_score(
        self, query: str, k: int = 4, filter: Filter | None = None, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """The same, each with its cosine: a similarity, higher is better."""
        hits = self._hits(query, self.embedding.embed_query(query), k, filter, **kwargs)
        return [(self._document(hit.record, hit), hit.score) for hit in hits]

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, filter: Filter | None = None, **kwargs: Any
    ) -> list[Document]:
        """The `k` documents nearest to a unit vector."""
        hits = self._hits("vector", embedding, k, filter, **kwargs)
        return [self._document(hit.record, hit) for hit in hits]

    def max_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Filter | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        """`k` of the `fetch_k` nearest documents, chosen to differ from each other."""
        vector = self.embedding.embed_query(query)
        return self._diverse(query, vector, k, fetch_k, lambda_mult, filter, **kwargs)

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Filter | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        """The same for a vector of a question."""
        return self._diverse("vector", embedding, k, fetch_k, lambda_mult, filter, **kwargs)

    async def amax_marginal_relevance_search_by_vector(
        self, *args: Any, **kwargs: Any
    ) -> list[Document]:
        """As the sync twin, on a thread of its own."""
        return await asyncio.to_thread(
            self.max_marginal_relevance_search_by_vector, *args, **kwargs
        )

    def _diverse(
        self,
        query: str,
        vector: list[float],
        k: int,
        fetch_k: int,
        lambda_mult: float,
        filter: Filter | None,
        **kwargs: Any,
    ) -> list[Document]:
        hits = self._hits(query, vector, max(k, fetch_k), filter, **kwargs)
        snapshot = self.index.snapshot()
        placed = [(hit, snapshot.position(hit.record.id)) for hit in hits]
        # Another process may have removed a hit since it was found.
        there = [(hit, snapshot.matrix[place]) for hit, place in placed if place is not None]
        if not there:
            return []
        chosen = maximal_marginal_relevance(
            np.asarray(vector, dtype=np.float32), [row.tolist() for _, row in there], lambda_mult, k
        )
        return [self._document(there[i][0].record, there[i][0]) for i in chosen]

    async def asimilarity_search_with_score(
        self, *args: Any, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """As the sync twin, on a thread of its own."""
        return await asyncio.to_thread(self.similarity_search_with_score, *args, **kwargs)

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        """Relevance in [0, 1] is the cosine itself, with opposite meanings at 0."""
        return lambda cosine: min(max(cosine, 0.0), 1.0)

    def _hits(
        self, query: str, vector: list[float], k: int, filter: Filter | None, **wishes: Any
    ) -> list[Hit]:
        return self._retriever.search(
            query.strip() or "vector",
            k=k,
            mode="dense",
            vector=np.asarray(vector, dtype=np.float32),
            where=None if filter is None else self._test(filter),
            **wishes,
        )

    def _test(self, filter: Filter) -> Callable[[Record], bool]:
        """Whether a record's document passes a filter."""
        if callable(filter):
            return lambda record: filter(self._document(record))
        passes = metadata_test(filter)
        return ColumnTest(
            lambda record: passes(
                host_metadata(record) if record.kind == "text" else record_metadata(record)
            ),
            column_tests(filter),
        )

    def _document(self, record: Record, hit: Hit | None = None) -> Document:
        """A free text with its own metadata as it came, a data set as evidence."""
        if record.kind != "text":
            return record_document(record) if hit is None else hit_document(hit)
        return Document(
            id=self._host_id(record.id),
            page_content=record_text(record),
            metadata=host_metadata(record),
        )

    def _record_ids(self, id: str) -> list[str]:
        """What an id of a host may be called in the index."""
        found = map(self.index.get, (f"{self.database}/{id}@{NO_VERSION}", id))
        return list(dict.fromkeys(record.id for record in found if record is not None))

    def _host_id(self, record_id: str) -> str:
        """The id that the host gave, for a free text of this store."""
        prefix, suffix = f"{self.database}/", f"@{NO_VERSION}"
        if record_id.startswith(prefix) and record_id.endswith(suffix):
            return record_id.removeprefix(prefix).removesuffix(suffix)
        return record_id
