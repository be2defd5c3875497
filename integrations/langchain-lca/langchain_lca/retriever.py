"""The retriever of lca-rag as a LangChain retriever."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Literal, Self

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever, LangSmithRetrieverParams
from pydantic import ConfigDict, Field

from langchain_lca.documents import Content, hit_document
from lca_rag import Encoder, Hit, Index, Retriever, load_encoder


class LCARetriever(BaseRetriever):
    """Finds LCA data sets by meaning, words and identifiers, and says why each one is there.

    Setup:
        ```bash
        pip install langchain-lca
        lca-rag index my_database.zip --index my.lca
        ```

    Key init args:
        retriever: A `lca_rag.Retriever`; or use `LCARetriever.from_index(path)`.
        k: How many documents.
        place, year, kind, database, data_type, system_model, allocation, classification: Wishes,
            as in `lca_rag.Retriever.search`; with `strict=True` they filter.

    Instantiate:
        ```python
        from langchain_lca import LCARetriever

        retriever = LCARetriever.from_index("my.lca", k=5, place="DE")
        ```

    Usage:
        ```python
        documents = retriever.invoke("hot rolled steel sheet", year=2020)
        ```

    Use within a chain:
        ```python
        from langchain_lca import create_lca_qa_chain

        chain = create_lca_qa_chain(retriever)
        chain.invoke("How much electricity does one kilogram of aluminium take?")
        ```
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    retriever: Retriever = Field(exclude=True)
    k: int = Field(default=10, gt=0)
    kind: str | None = None
    place: str | None = None
    year: int | tuple[int, int] | None = None
    database: str | tuple[str, ...] | None = None
    data_type: str | None = None
    system_model: str | None = None
    allocation: str | None = None
    classification: str | None = None
    strict: bool = False
    all_versions: bool = False
    """Whether superseded versions are searched too."""
    mode: Literal["hybrid", "dense", "lexical"] = "hybrid"
    rights: frozenset[str] | None = None
    """Databases that the searcher may see; all if `None`."""
    pedigree_weight: float = Field(default=0.0, ge=0, le=1)
    """Share of data quality in the ranking; see `lca_rag.Retriever.search`."""
    content: Content = "evidence"

    @classmethod
    def from_index(
        cls, location: str | Path, *, model: str | Encoder | None = None, **settings: Any
    ) -> Self:
        """A retriever over an index on disk or on a Chroma server.

        Args:
            location: What `lca-rag index --index` was given.
            model: The encoder that made it, or its name; see `LCAEmbeddings`.
            settings: Fields of the retriever.
        """
        encoder = load_encoder(model) if model is None or isinstance(model, str) else model
        index = Index.open(location, encoder=encoder, create=False)
        return cls(retriever=Retriever(index), **settings)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **wishes: Any
    ) -> list[Document]:
        return self._search(query, wishes)

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **wishes: Any
    ) -> list[Document]:
        return await asyncio.to_thread(self._search, query, wishes)

    def _search(self, query: str, wishes: dict[str, Any]) -> list[Document]:
        """Search with the fields of this retriever, and what one call asks instead."""
        unknown = wishes.keys() - _SEARCHED
        if unknown:
            known = ", ".join(sorted(_SEARCHED))
            raise TypeError(f"unknown search argument {sorted(unknown)[0]!r}; use {known}")
        hits = self.retriever.search(query, **(self.settings | wishes))
        return [hit_document(hit, self.content) for hit in hits]

    @property
    def settings(self) -> dict[str, Any]:
        """What the fields say of a search, as arguments of `lca_rag.Retriever.search`."""
        return {name: getattr(self, name) for name in _SEARCHED}

    def _get_ls_params(self, **kwargs: Any) -> LangSmithRetrieverParams:
        """What traces show of this retriever."""
        encoder = self.retriever.index.encoder
        return LangSmithRetrieverParams(
            ls_retriever_name="lca",
            ls_vector_store_provider="lca-rag",
            ls_embedding_provider="lca-rag",
            ls_embedding_model=encoder.name if encoder else "none",
        )


WISHES = (
    "kind",
    "place",
    "year",
    "database",
    "data_type",
    "system_model",
    "allocation",
    "classification",
    "strict",
    "rights",
)
"""Fields that say what is wished of the records, of a search and of an answer alike."""
_SEARCHED = frozenset({*WISHES, "k", "all_versions", "mode", "pedigree_weight"})


class Observed:
    """The searches of an answer, each seen by the host's callbacks and traces as a retriever's."""

    def __init__(self, retriever: LCARetriever) -> None:
        """Keep what is searched, and how its documents look."""
        self.searcher = _Search(
            retriever=retriever.retriever,
            content=retriever.content,
            tags=retriever.tags,
            metadata=retriever.metadata,
        )

    def search(self, query: str, **wishes: Any) -> list[Hit]:
        """As `lca_rag.Retriever.search`."""
        found: list[Hit] = []
        self.searcher.invoke(query, found=found, wishes=wishes)
        return found


class _Search(LCARetriever):
    """A search whose hits are wanted beside their documents."""

    def _search(self, query: str, wishes: dict[str, Any]) -> list[Document]:
        found: list[Hit] = wishes["found"]
        found += self.retriever.search(query, **wishes["wishes"])
        return [hit_document(hit, self.content) for hit in found]
