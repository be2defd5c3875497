"""Recipes by name.

`card` is the recipe of the model card behind this project. `modern` changes what its analysis and
ours found wanting: it trains with the prompt that is served, uses large batches by gradient
caching, keeps near-identical documents out of one another's negatives, and adds mined negatives.
`mini` is `modern` for two CPU cores: all queries of a record share one encoding of its document,
which is where nearly all the time goes (five queries of 15 tokens, one document of 200).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal

from lca_rag.errors import QueryError


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Everything that decides a training run apart from data and base model."""

    name: str
    loss: Literal["ranking", "cached", "shared"]
    """In-batch negatives; the same with cached gradients; the same with shared documents."""
    batch: int
    """Pairs a step, or documents a step where they are shared."""
    epochs: int
    learning_rate: float
    warmup: float = 0.1
    """Share of the steps over which the learning rate rises."""
    schedule: Literal["linear", "cosine"] = "linear"
    weight_decay: float = 0.01
    max_length: int
    """Tokens read in training."""
    served_length: int | None = None
    """Tokens read by the exported model; `None` for the same as in training."""
    temperature: float = 0.05
    query_prompt: str | None = ""
    """Prompt put before queries in training; `None` for the one that the base model serves."""
    distinct_groups: bool = False
    """Whether a batch may hold only one document of a group."""
    negatives: int = 0
    """Mined negatives per row."""
    queries: int = 1
    """Queries a row where documents are shared."""
    chunk: int = 32
    """Documents of full length encoded at once within a step."""
    dropout: float | None = None
    """Overrides the dropout of the base model."""
    matryoshka: tuple[int, ...] = ()
    """Leading dimensions that must work alone."""
    lora_rank: int = 0
    """Rank of low-rank adapters; 0 trains all weights."""
    seed: int = 520

    def with_(self, **changes: object) -> Preset:
        """This recipe with some values replaced.

        Raises:
            QueryError: If a name is no value of a recipe.
        """
        unknown = sorted(set(changes) - set(asdict(self)))
        if unknown:
            raise QueryError(f"a recipe has no {unknown[0]!r}; it has {', '.join(asdict(self))}")
        return replace(self, **changes)  # type: ignore[arg-type]


CARD = Preset(name="card", loss="ranking", batch=8, epochs=2, learning_rate=1e-5, max_length=1024)

MODERN = Preset(
    name="modern",
    loss="cached",
    batch=256,
    epochs=3,
    learning_rate=1e-4,
    schedule="cosine",
    max_length=256,
    query_prompt=None,
    distinct_groups=True,
    negatives=1,
)

MINI = MODERN.with_(
    name="mini",
    loss="shared",
    batch=128,
    epochs=5,
    learning_rate=2e-4,
    max_length=160,
    served_length=256,
    queries=4,
    negatives=0,
    chunk=16,
    # Masks cost more than the matrix products on a CPU, and one pass over so few documents a
    # minute does not overfit; measured, see benchmarks/RESULTS.md.
    dropout=0.0,
)

PRESETS = {preset.name: preset for preset in (CARD, MODERN, MINI)}
"""The recipes that `train(preset=...)` knows by name."""
