"""An lca-rag index as a LlamaIndex vector store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.indices.query.embedding_utils import get_top_k_mmr_embeddings
from llama_index.core.schema import BaseNode, MetadataMode, TextNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    FilterCondition,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)
from llama_index.core.vector_stores.utils import (
    build_metadata_filter_fn,
    metadata_dict_to_node,
    node_to_metadata_dict,
)

from lca_rag import Hit, Index, Record, Retriever
from lca_rag.filters import Facets
from lca_rag.index import host_metadata, record_text
from lca_rag.record import NO_VERSION
from lca_rag.scope import ColumnTest
from llama_index_lca.nodes import hit_node, record_metadata, record_node

_NO_SOURCE = "None"
"""What the host writes as the source of a node that has none."""


class LCAVectorStore(BasePydanticVectorStore):
    """A vector store over an lca-rag index: data sets, and nodes of any kind beside them.

    Example:
        ```python
        from llama_index.core import VectorStoreIndex
        from llama_index_lca import LCAEmbedding, LCAVectorStore

        store = LCAVectorStore("my.lca")
        index = VectorStoreIndex.from_vector_store(store, embed_model=LCAEmbedding())
        ```

    Adding a node whose id is known replaces it. Similarities are cosines: higher is better.
    """

    stores_text: bool = True
    flat_metadata: bool = False
    is_embedding_query: bool = True
    database: str = "nodes"
    """Where nodes that are no data sets go."""

    _index: Index = PrivateAttr()
    _retriever: Retriever = PrivateAttr()

    def __init__(self, index: Index | str | Path, *, database: str = "nodes") -> None:
        """Keep the index, opened if a place is given."""
        super().__init__(database=database)  # type: ignore[call-arg]
        self._index = index if isinstance(index, Index) else Index.open(index)
        self._retriever = Retriever(self._index)  # keeps the columns of a state between searches

    @classmethod
    def class_name(cls) -> str:
        """Name under which the host serialises this class."""
        return "LCAVectorStore"

    def __getstate__(self) -> dict[str, Any]:
        """Refuse: the host would drop the open index with a warning, and fail at the first use."""
        raise TypeError(
            "LCAVectorStore holds an open index and cannot be pickled; pass on its folder, and "
            "open it there with LCAVectorStore(folder)"
        )

    @property
    def client(self) -> Index:
        """The lca-rag index."""
        return self._index

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Store nodes that carry embeddings; known ids are replaced."""
        if not nodes:
            return []
        self._index.add_texts(
            [node.get_content(MetadataMode.NONE) for node in nodes],
            vectors=np.asarray([node.get_embedding() for node in nodes], dtype=np.float32),
            ids=[node.node_id for node in nodes],
            metadatas=[node_to_metadata_dict(node, remove_text=True) for node in nodes],
            database=self.database,
        )
        return [node.node_id for node in nodes]

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """Remove every node that came from a document; a node without source is its own."""
        self._index.delete([r.id for r in self._records() if _source(r) == ref_doc_id])

    def delete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: Any,
    ) -> None:
        """Remove nodes by id, by metadata, or by both.

        Raises:
            ValueError: If neither is given; `clear` empties the store.
        """
        if node_ids is None and filters is None:
            raise ValueError("name node_ids or filters; use clear() to remove everything")
        self._index.delete([record.id for record, _ in self._found(node_ids, filters)])

    def clear(self) -> None:
        """Remove every node of this store; data sets stay."""
        self._index.delete([record.id for record in self._records()])

    def get_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """Nodes by id, by metadata, or by both."""
        return [node for _, node in self._found(node_ids, filters)]

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """The nodes nearest to a vector; every filter is applied before the cut.

        Without a vector, the first nodes that pass the query's filters. With mode "mmr" the nodes
        differ from each other: `mmr_threshold` weighs nearness (1) against difference (0), and
        `mmr_prefetch_k` or `mmr_prefetch_factor` (4) say of how many nearest they are chosen.

        Raises:
            ValueError: If the query has neither vector nor filter, or asks for another mode.
        """
        if query.mode not in (VectorStoreQueryMode.DEFAULT, VectorStoreQueryMode.MMR):
            raise ValueError(
                f"LCAVectorStore has no mode {query.mode.value!r}; LCARetriever searches by words "
                "and meaning together"
            )
        if query.query_embedding is None:
            return self._without_vector(query)
        if query.mode == VectorStoreQueryMode.MMR:
            return self._diverse(query, **kwargs)
        return self._result(self._hits(query, query.similarity_top_k, **kwargs))

    def _without_vector(self, query: VectorStoreQuery) -> VectorStoreQueryResult:
        test = self._test(query)
        if test is None:
            raise ValueError(
                "LCAVectorStore needs a query embedding, or filters to choose nodes by"
            )
        snapshot = self._index.snapshot()
        worth_reading = np.flatnonzero(test.mask(Facets(snapshot))).tolist()
        passing = filter(test, map(snapshot.record, worth_reading))
        nodes = [self._node(record) for record in islice(passing, query.similarity_top_k)]
        return VectorStoreQueryResult(nodes=nodes, ids=[node.node_id for node in nodes])

    def _diverse(
        self,
        query: VectorStoreQuery,
        *,
        mmr_threshold: float | None = None,
        mmr_prefetch_k: int | None = None,
        mmr_prefetch_factor: float | None = None,
        **kwargs: Any,
    ) -> VectorStoreQueryResult:
        """Maximal marginal relevance over the nearest nodes."""
        threshold = query.mmr_threshold if mmr_threshold is None else mmr_threshold
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValueError(f"mmr_threshold is {threshold}; it must lie between 0 and 1")
        if mmr_prefetch_k is not None and mmr_prefetch_factor is not None:
            raise ValueError("give mmr_prefetch_k or mmr_prefetch_factor, not both")
        wanted = query.similarity_top_k
        fetched = mmr_prefetch_k or int(wanted * (mmr_prefetch_factor or 4))
        hits = {hit.record.id: hit for hit in self._hits(query, max(wanted, fetched), **kwargs)}
        if not hits:
            return VectorStoreQueryResult(nodes=[], similarities=[], ids=[])
        snapshot = self._index.snapshot()
        positions = {name: snapshot.position(name) for name in hits}
        rows = {
            name: snapshot.matrix[at].tolist() for name, at in positions.items() if at is not None
        }
        _, chosen = get_top_k_mmr_embeddings(
            query.query_embedding or [],
            list(rows.values()),
            similarity_top_k=wanted,
            embedding_ids=list(rows),
            mmr_threshold=threshold,
        )
        return self._result([hits[name] for name in chosen])

    def _hits(self, query: VectorStoreQuery, k: int, **wishes: Any) -> list[Hit]:
        return self._retriever.search(
            query.query_str or "vector",
            k=k,
            mode="dense",
            vector=np.asarray(query.query_embedding, dtype=np.float32),
            where=self._test(query),
            **wishes,
        )

    def _result(self, hits: Sequence[Hit]) -> VectorStoreQueryResult:
        nodes = [self._node(hit.record, hit) for hit in hits]
        return VectorStoreQueryResult(
            nodes=nodes,
            similarities=[hit.score for hit in hits],
            ids=[node.node_id for node in nodes],
        )

    async def aquery(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """As `query`, on a thread of its own."""
        return await asyncio.to_thread(self.query, query, **kwargs)

    async def async_add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """As `add`, on a thread of its own."""
        return await asyncio.to_thread(self.add, nodes, **kwargs)

    async def adelete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """As `delete`, on a thread of its own."""
        await asyncio.to_thread(self.delete, ref_doc_id, **delete_kwargs)

    async def aget_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """As `get_nodes`, on a thread of its own."""
        return await asyncio.to_thread(self.get_nodes, node_ids, filters)

    async def adelete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: Any,
    ) -> None:
        """As `delete_nodes`, on a thread of its own."""
        await asyncio.to_thread(self.delete_nodes, node_ids, filters, **delete_kwargs)

    async def aclear(self) -> None:
        """As `clear`, on a thread of its own."""
        await asyncio.to_thread(self.clear)

    def _records(self) -> list[Record]:
        """The free texts of this store."""
        snapshot = self._index.snapshot()
        return snapshot.records(snapshot.databases.get(self.database, range(0)))

    def _test(self, query: VectorStoreQuery) -> ColumnTest | None:
        # `VectorStoreIndex` says "every node" by an empty list of `node_ids`. An empty list of
        # documents means none of them: it may say what somebody is allowed to see.
        filtered = query.filters is not None and bool(query.filters.filters)
        if not filtered and not query.node_ids and query.doc_ids is None:
            return None

        def passes(record: Record) -> bool:
            if record.kind == "text":
                node = self._node(record)
                id, source, metadata = node.node_id, node.ref_doc_id, node.metadata
            else:  # what its node would say, without the text
                id, source, metadata = record.id, record.id, record_metadata(record)
            wanted = not query.node_ids or id in query.node_ids
            from_document = query.doc_ids is None or source in query.doc_ids
            return wanted and from_document and _meets(metadata, query.filters)

        return ColumnTest(passes, _column_tests(query.filters))

    def _found(
        self, node_ids: list[str] | None, filters: MetadataFilters | None
    ) -> list[tuple[Record, BaseNode]]:
        """Records and their nodes: those asked for by id, else all nodes of this store."""
        if node_ids is None:
            records = self._records()
        else:
            named = (self._index.get(self._record_id(id)) or self._index.get(id) for id in node_ids)
            records = [record for record in named if record is not None]
        found = [(record, self._node(record)) for record in records]
        return [(record, node) for record, node in found if _meets(node.metadata, filters)]

    def _node(self, record: Record, hit: Hit | None = None) -> BaseNode:
        """A node as it was stored, or a data set as evidence."""
        if record.kind != "text":
            return record_node(record) if hit is None else hit_node(hit).node
        metadata = host_metadata(record)
        if "_node_content" in metadata:
            node = metadata_dict_to_node(metadata)
            node.set_content(record_text(record))
            return node
        return TextNode(id_=record.uuid, text=record_text(record), metadata=metadata)

    def _record_id(self, node_id: str) -> str:
        return f"{self.database}/{node_id}@{NO_VERSION}"


def _source(record: Record) -> str:
    """The document that a stored node came from, or the node itself."""
    source = host_metadata(record).get("ref_doc_id", _NO_SOURCE)
    return record.uuid if source == _NO_SOURCE else str(source)


def _meets(metadata: Mapping[str, Any], filters: MetadataFilters | None) -> bool:
    """Whether metadata pass a filter, groups within groups included."""
    if filters is None or not filters.filters:
        return True
    results = [
        _meets(metadata, item) if isinstance(item, MetadataFilters) else _passes(metadata, item)
        for item in filters.filters
    ]
    if filters.condition == FilterCondition.OR:
        return any(results)
    return not any(results) if filters.condition == FilterCondition.NOT else all(results)


def _passes(metadata: Mapping[str, Any], single: MetadataFilter) -> bool:
    """The host's own reading of one filter."""
    found = dict(metadata)
    return bool(
        build_metadata_filter_fn(lambda _: found, MetadataFilters(filters=[single]))("node")
    )


def _column_tests(filters: MetadataFilters | None) -> dict[str, Callable[[str], bool]]:
    """What a filter wants of the columns of an index, where it wants a value to be there."""
    tests: dict[str, Callable[[str], bool]] = {}
    if filters is None or filters.condition not in (None, FilterCondition.AND):
        return tests
    for item in filters.filters:
        if isinstance(item, MetadataFilters) or item.key not in _COLUMNS:
            continue
        if not _passes({item.key: ""}, item):
            tests[item.key] = partial(_value_passes, item)
    return tests


def _value_passes(single: MetadataFilter, value: str) -> bool:
    return _passes({single.key: value}, single)


_COLUMNS = ("kind", "database", "uuid", "version", "name", "place", "data_type")
"""Metadata of a data set that are columns of the index, under the same name."""
