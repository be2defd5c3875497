"""The encoder of lca-rag as a LlamaIndex embedding."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from llama_index.core.bridge.pydantic import Field, PrivateAttr
from numpy.typing import NDArray

from lca_rag import Encoder, load_encoder
from lca_rag.encoders import MODEL_VARIABLE


class LCAEmbedding(BaseEmbedding):
    """An embedding whose queries and documents are prompted as the model was trained.

    Every setting that changes a vector is a public field, so that the cache keys of an ingestion
    pipeline see it; device and loaded weights are neither serialised nor pickled.

    Example:
        ```python
        from llama_index_lca import LCAEmbedding

        embedding = LCAEmbedding(model_name="mini")
        vector = embedding.get_query_embedding("electricity from hard coal, China")
        ```
    """

    model_name: str = Field(default="mini", description="Encoder: mini, path, hub id or URL")
    query_prompt: str | None = Field(default=None, description="Instead of the model's own")
    revision: str | None = Field(default=None, description="Branch, tag or commit on the hub")
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(default="auto")
    max_length: int = Field(default=1024, gt=0, description="Tokens after which a text is cut")
    truncate_dim: int | None = Field(default=None, gt=0)
    device: str | None = Field(default=None, exclude=True)
    embed_batch_size: int = Field(default=256, gt=0, le=2048)

    _encoder: Encoder | None = PrivateAttr(default=None)

    def __init__(self, model_name: str | None = None, **settings: Any) -> None:
        """Keep the settings; the model loads on first use.

        Args:
            model_name: By default what the environment variable `LCA_RAG_MODEL` says, else "mini".
            settings: The other fields.

        Raises:
            ValueError: If a cache is given: the host keys it by text alone, so that a query would
                get the vector of the same text as a document.
        """
        if settings.get("embeddings_cache") is not None:
            raise ValueError(
                "LCAEmbedding takes no embeddings_cache: the host's cache mixes queries and "
                "documents; cache documents in an ingestion pipeline instead"
            )
        chosen = model_name or os.environ.get(MODEL_VARIABLE) or "mini"
        super().__init__(model_name=chosen, **settings)

    @classmethod
    def from_encoder(cls, encoder: Encoder) -> Self:
        """An embedding around an encoder that is loaded already."""
        embedding = cls(model_name=encoder.name)
        embedding._encoder = encoder
        return embedding

    @classmethod
    def class_name(cls) -> str:
        """Name under which the host serialises this class."""
        return "LCAEmbedding"

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the loaded model."""
        state = dict(super().__getstate__())
        state["__pydantic_private__"] = {"_encoder": None}
        return state

    @property
    def loaded(self) -> Encoder:
        """The encoder, loaded if it was not yet."""
        if self._encoder is None:
            self._encoder = load_encoder(
                self.model_name,
                query_prompt=self.query_prompt,
                revision=self.revision,
                device=self.device,
                precision=self.precision,
                max_length=self.max_length,
                truncate_dim=self.truncate_dim,
            )
        return self._encoder

    def get_agg_embedding_from_queries(
        self, queries: list[str], agg_fn: Callable[..., Embedding] | None = None
    ) -> Embedding:
        """One vector of several questions: their mean, of unit length again."""
        return super().get_agg_embedding_from_queries(queries, agg_fn or _unit_mean)

    async def aget_agg_embedding_from_queries(
        self, queries: list[str], agg_fn: Callable[..., Embedding] | None = None
    ) -> Embedding:
        """As `get_agg_embedding_from_queries`, on a thread of its own."""
        return await super().aget_agg_embedding_from_queries(queries, agg_fn or _unit_mean)

    def _get_query_embedding(self, query: str) -> list[float]:
        row: list[float] = self.loaded.encode_queries([query])[0].tolist()
        return row

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._get_query_embedding, query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        rows: list[list[float]] = self.loaded.encode_documents(texts).tolist()
        return rows

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return await asyncio.to_thread(self._get_text_embedding, text)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(self._get_text_embeddings, texts)


def _unit_mean(embeddings: list[Embedding]) -> Embedding:
    """The direction between several; the host's own mean is shorter than one."""
    mean: NDArray[np.float64] = np.mean(embeddings, axis=0)
    unit: Embedding = (mean / np.linalg.norm(mean)).tolist()
    return unit
