"""The loss that a recipe asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sentence_transformers.sentence_transformer import losses

from lca_rag.training.losses import SharedDocumentLoss
from lca_rag.training.presets import Preset

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def loss_for(model: SentenceTransformer, recipe: Preset) -> Any:  # noqa: ANN401
    """The loss module, with Matryoshka dimensions where the recipe has them."""
    if recipe.loss == "shared":
        return SharedDocumentLoss(
            model,
            queries=recipe.queries,
            temperature=recipe.temperature,
            chunk_tokens=recipe.chunk * recipe.max_length,
            matryoshka=recipe.matryoshka,
        )
    scale = 1.0 / recipe.temperature
    if recipe.loss == "ranking":
        inner = losses.MultipleNegativesRankingLoss(model, scale=scale)
    else:
        inner = losses.CachedMultipleNegativesRankingLoss(
            model, scale=scale, mini_batch_size=recipe.chunk
        )
    if not recipe.matryoshka:
        return inner
    # sentence-transformers 6 calls it otherwise and warns about the name that 5 has.
    named = getattr(model, "get_embedding_dimension", None)
    full = named() if named else model.get_sentence_embedding_dimension()
    return losses.MatryoshkaLoss(model, inner, [full, *recipe.matryoshka])
