"""The retriever of lca-rag as a LlamaIndex retriever."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Literal

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import NodeWithScore, QueryBundle

from lca_rag import Encoder, Hit, Index, Retriever, load_encoder
from llama_index_lca.nodes import hit_node

Mode = Literal["hybrid", "dense", "lexical"]


class LCARetriever(BaseRetriever):
    """Finds LCA data sets by meaning, words and identifiers, and says why each one is there.

    Example:
        ```python
        from llama_index_lca import LCARetriever

        retriever = LCARetriever.from_index("my.lca", similarity_top_k=5, place="DE")
        nodes = retriever.retrieve("hot rolled steel sheet")
        ```
    """

    def __init__(
        self,
        retriever: Retriever,
        *,
        similarity_top_k: int = 10,
        kind: str | None = None,
        place: str | None = None,
        year: int | tuple[int, int] | None = None,
        database: str | tuple[str, ...] | None = None,
        data_type: str | None = None,
        system_model: str | None = None,
        allocation: str | None = None,
        classification: str | None = None,
        strict: bool = False,
        all_versions: bool = False,
        mode: Mode = "hybrid",
        rights: frozenset[str] | None = None,
        pedigree_weight: float = 0.0,
        **kwargs: Any,
    ) -> None:
        """Keep the wishes; see `lca_rag.Retriever.search` for what they mean."""
        super().__init__(**kwargs)
        self.retriever = retriever
        self.pedigree_weight = pedigree_weight
        self.similarity_top_k = similarity_top_k
        self.mode: Mode = mode
        self.all_versions = all_versions
        self.wishes: dict[str, Any] = {
            "kind": kind,
            "place": place,
            "year": year,
            "database": database,
            "data_type": data_type,
            "system_model": system_model,
            "allocation": allocation,
            "classification": classification,
            "strict": strict,
            "rights": rights,
        }

    @classmethod
    def from_index(
        cls, location: str | Path, *, model: str | Encoder | None = None, **settings: Any
    ) -> LCARetriever:
        """A retriever over an index on disk or on a Chroma server.

        Args:
            location: What `lca-rag index --index` was given.
            model: The encoder that made it, or its name.
            settings: Arguments of the constructor.
        """
        encoder = load_encoder(model) if model is None or isinstance(model, str) else model
        return cls(Retriever(Index.open(location, encoder=encoder, create=False)), **settings)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        # The bundle's own embedding is not used: it may be of another model.
        hits = self.retriever.search(
            query_bundle.query_str,
            k=self.similarity_top_k,
            mode=self.mode,
            all_versions=self.all_versions,
            pedigree_weight=self.pedigree_weight,
            **self.wishes,
        )
        return [hit_node(hit) for hit in hits]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


class Observed:
    """The searches of an answer, each seen by the host's events and callbacks as a retrieval."""

    def __init__(self, retriever: Retriever, callback_manager: CallbackManager) -> None:
        """Keep what is searched, and who is told."""
        self.retriever = retriever
        self.callback_manager = callback_manager

    def search(self, query: str, **wishes: Any) -> list[Hit]:
        """As `Retriever.search`."""
        one = _Search(self.retriever, wishes, self.callback_manager)
        one.retrieve(query)
        return one.hits


class _Search(BaseRetriever):
    """One search with its wishes."""

    def __init__(
        self, retriever: Retriever, wishes: dict[str, Any], callback_manager: CallbackManager
    ) -> None:
        super().__init__(callback_manager=callback_manager)
        self.retriever = retriever
        self.wishes = wishes
        self.hits: list[Hit] = []

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        self.hits = self.retriever.search(query_bundle.query_str, **self.wishes)
        return [hit_node(hit) for hit in self.hits]
