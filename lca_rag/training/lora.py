"""Low-rank adapters: put on before training, merged into the weights after it, and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lca_rag.errors import EncoderError, MissingExtra

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_PROBES = ("steel production, electric arc furnace", "methane emission to air", "电力生产")
_TOLERANCE = 1e-4
"""Largest difference of a unit vector's component that merging in float32 may make."""


def add_adapters(model: SentenceTransformer, rank: int) -> None:
    """Freeze the weights of `model` and put trainable adapters on its linear layers."""
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as exc:
        raise MissingExtra("train", "LoRA") from exc
    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="FEATURE_EXTRACTION",
    )
    _put(model, get_peft_model(_inner(model), config))


def has_adapters(model: SentenceTransformer) -> bool:
    """Whether `add_adapters` was here."""
    return hasattr(_inner(model), "merge_and_unload")


def merge_adapters(model: SentenceTransformer) -> SentenceTransformer:
    """The same model with its adapters merged into plain weights.

    Raises:
        EncoderError: If the merged model gives other vectors than the one with adapters.
    """
    model.eval()
    before = model.encode(list(_PROBES), normalize_embeddings=True)
    _put(model, _inner(model).merge_and_unload())
    after = model.encode(list(_PROBES), normalize_embeddings=True)
    worst = float(np.abs(before - after).max())
    if worst > _TOLERANCE:
        raise EncoderError(
            f"merging the adapters moved the vectors by {worst:.2g}; keep the checkpoint and "
            "merge in a wider number format"
        )
    return model


def _inner(model: SentenceTransformer) -> Any:  # noqa: ANN401
    return model[0].model


def _put(model: SentenceTransformer, inner: Any) -> None:  # noqa: ANN401
    model[0].model = inner
