"""From a name to a model in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from lca_rag.encoders.fingerprint import weights_digest
from lca_rag.encoders.local import FloatArray, Precision
from lca_rag.errors import EncoderError


@dataclass(slots=True)
class LoadedModel:
    """A model with everything that decides its vectors."""

    model: SentenceTransformer
    weights: str
    query_prompt: str
    document_prompt: str
    pooling: str
    dimension: int
    max_length: int
    lock: threading.Lock = field(default_factory=threading.Lock)

    def encode(
        self, texts: list[str], progress: Callable[[int], None] | None
    ) -> tuple[FloatArray, int]:
        """Vectors, and how many texts were cut."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32), 0
        with self.lock:
            vectors = self.model.encode(
                texts, prompt="", normalize_embeddings=True, show_progress_bar=False
            )
        if progress is not None:
            progress(len(texts))
        return np.asarray(vectors, dtype=np.float32)[:, : self.dimension], 0


def load_model(
    source: str,
    *,
    revision: str | None,
    device: str | None,
    precision: Precision,
    max_length: int,
    truncate_dim: int | None,
    query_prompt: str | None,
) -> LoadedModel:
    """Read a model."""
    model = SentenceTransformer(
        source,
        revision=revision,
        device=device,
        trust_remote_code=False,
        model_kwargs={"dtype": torch.float32 if precision == "auto" else getattr(torch, precision)},
        truncate_dim=truncate_dim,
    )
    model.max_seq_length = min(max_length, model.max_seq_length or max_length)
    prompt = query_prompt if query_prompt is not None else model.prompts.get("query")
    if prompt is None:
        raise EncoderError(f"{source!r} names no query prompt; give one, or '' for none")
    pooling = ", ".join(type(part).__name__ for part in list(model)[1:])
    return LoadedModel(
        model=model,
        weights=weights_digest(list(Path(source).glob("*.safetensors"))),
        query_prompt=prompt,
        document_prompt=model.prompts.get("document") or "",
        pooling=pooling,
        dimension=truncate_dim or model.get_embedding_dimension(),
        max_length=model.max_seq_length,
    )
