"""Rerank documents by the LCA model's own similarity, or by any cross-encoder."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from langchain_core.callbacks import Callbacks
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import ConfigDict, Field

from langchain_lca.embeddings import LCAEmbeddings


@runtime_checkable
class CrossEncoder(Protocol):
    """What scores pairs of question and text (`sentence_transformers.CrossEncoder` does)."""

    def predict(self, pairs: list[tuple[str, str]]) -> Any:
        """One score per pair, higher for better."""
        ...


class LCAReranker(BaseDocumentCompressor):
    """Orders documents by similarity to the question and keeps the best.

    The score stands in `metadata["rerank_score"]`, higher is better: the cosine of the model, or
    what the cross-encoder says, the host's own (`BaseCrossEncoder`) or one of
    sentence-transformers. The model was trained on `content="embedding"`; it reranks what a
    retriever shows, so give the retriever that content where the order matters more than figures.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    embeddings: LCAEmbeddings = Field(default_factory=LCAEmbeddings)
    cross_encoder: CrossEncoder | BaseCrossEncoder | None = Field(default=None, exclude=True)
    top_n: int = Field(default=5, gt=0)

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks = None
    ) -> list[Document]:
        """The `top_n` documents that fit the question best, best first."""
        if not documents:
            return []
        texts = [document.page_content for document in documents]
        scores = self._scores(query, texts)
        order = sorted(range(len(texts)), key=lambda i: -scores[i])[: self.top_n]
        return [
            documents[i].model_copy(
                update={"metadata": documents[i].metadata | {"rerank_score": scores[i]}}
            )
            for i in order
        ]

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks = None
    ) -> list[Document]:
        """As `compress_documents`, on a thread of its own."""
        return await asyncio.to_thread(self.compress_documents, documents, query, callbacks)

    def _scores(self, query: str, texts: list[str]) -> list[float]:
        if self.cross_encoder is not None:
            pairs = [(query, text) for text in texts]
            ask = (
                self.cross_encoder.score
                if isinstance(self.cross_encoder, BaseCrossEncoder)
                else self.cross_encoder.predict
            )
            predicted = ask(pairs)
            return [float(score) for score in predicted]
        encoder = self.embeddings.loaded
        cosines = encoder.encode_documents(texts) @ encoder.encode_queries([query])[0]
        return [float(score) for score in cosines]
