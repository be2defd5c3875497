"""The encoder of lca-rag as LangChain embeddings."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Literal, Self

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.stores import BaseStore
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from lca_rag import Encoder, load_encoder
from lca_rag.encoders import MODEL_VARIABLE, FloatArray
from lca_rag.encoders.local import checked_texts


class LCAEmbeddings(BaseModel, Embeddings):
    """Embeddings whose queries and documents are prompted as the model was trained.

    Setup:
        ```bash
        pip install langchain-lca
        ```

    Key init args:
        model: "mini" (bundled), a model directory, a hub id such as `BIaoo/lca-qwen3-embedding`,
            or the URL of an OpenAI-compatible endpoint, `http://host/v1#model`.
        query_prompt: Put before each query instead of the model's own prompt; `""` for none.

    Instantiate:
        ```python
        from langchain_lca import LCAEmbeddings

        embeddings = LCAEmbeddings(model="mini")
        ```

    Embed single text:
        ```python
        vector = embeddings.embed_query("electricity from hard coal, China")
        ```

    Embed multiple texts:
        ```python
        vectors = embeddings.embed_documents(["# Steel sheet", "# Cement clinker"])
        ```

    Async:
        ```python
        vector = await embeddings.aembed_query("electricity from hard coal, China")
        ```

    Newlines stay, white space at the ends goes, rows have unit length. The model loads on first
    use and is never pickled.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())

    model: str | None = Field(default_factory=lambda: os.environ.get(MODEL_VARIABLE))
    """Which encoder; by default what `LCA_RAG_MODEL` says, else "mini"."""
    query_prompt: str | None = None
    revision: str | None = None
    device: str | None = None
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    max_length: int = Field(default=1024, gt=0)
    truncate_dim: int | None = Field(default=None, gt=0)
    encoder: Encoder | None = Field(default=None, exclude=True)
    """A ready encoder, instead of the settings above."""
    cache: BaseStore[str, bytes] | None = Field(default=None, exclude=True)
    """Where vectors are kept, by model, role and text; any byte store of the host."""

    _loaded: Encoder | None = PrivateAttr(default=None)

    @classmethod
    def from_encoder(cls, encoder: Encoder) -> Self:
        """Embeddings around an encoder that is loaded already."""
        return cls(model=encoder.name, encoder=encoder)

    def __getstate__(self) -> dict[Any, Any]:
        """Everything but the loaded model and the cache."""
        state = dict(super().__getstate__())
        state["__dict__"] = state["__dict__"] | {"cache": None}
        state["__pydantic_private__"] = {"_loaded": None}
        return state

    @property
    def loaded(self) -> Encoder:
        """The encoder, loaded if it was not yet.

        Raises:
            EncoderError: If the model cannot be found or used.
        """
        if self.encoder is not None:
            return self.encoder
        if self._loaded is None:
            self._loaded = load_encoder(
                self.model,
                query_prompt=self.query_prompt,
                revision=self.revision,
                device=self.device,
                precision=self.precision,
                max_length=self.max_length,
                truncate_dim=self.truncate_dim,
            )
        return self._loaded

    @property
    def fingerprint(self) -> str:
        """Short digest of what decides a document vector; use it as the namespace of caches."""
        return self.loaded.fingerprint.key

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Unit vectors of documents, without prompt."""
        return self._cached("document", texts, self.loaded.encode_documents)

    def embed_query(self, text: str) -> list[float]:
        """Unit vector of a question, with the model's query prompt."""
        return self._cached("query", [text], self.loaded.encode_queries)[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """As `embed_documents`, on a thread of its own."""
        return await asyncio.to_thread(self.embed_documents, texts)

    async def aembed_query(self, text: str) -> list[float]:
        """As `embed_query`, on a thread of its own."""
        return await asyncio.to_thread(self.embed_query, text)

    def _cached(
        self, role: str, texts: list[str], encode: Callable[[list[str]], FloatArray]
    ) -> list[list[float]]:
        """The vectors of a role, those that are not in the cache encoded and put there."""
        if self.cache is None:
            rows: list[list[float]] = encode(texts).tolist()
            return rows
        prompt = getattr(self.loaded, "query_prompt", None) if role == "query" else None
        space = f"{self.fingerprint}:{role}:{prompt}"
        keys = [sha256(f"{space}:{text}".encode()).hexdigest() for text in checked_texts(texts)]
        known = dict(zip(keys, self.cache.mget(keys), strict=True))
        missing = {key: text for key, text in zip(keys, texts, strict=True) if known[key] is None}
        if missing:
            made = encode(list(missing.values())).astype(np.float32)
            fresh = {key: row.tobytes() for key, row in zip(missing, made, strict=True)}
            self.cache.mset(list(fresh.items()))
            known |= fresh
        return [np.frombuffer(known[key] or b"", dtype=np.float32).tolist() for key in keys]
