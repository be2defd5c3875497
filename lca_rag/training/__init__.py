"""Training: recipes by name, a run that can be resumed, and an export that is proved.

from lca_rag.training import read_examples, train
train(read_examples(Path("pairs.jsonl")), "base-model", Path("run"), preset="modern")
"""

from __future__ import annotations

from lca_rag.training.card import RunCard
from lca_rag.training.derive import derived_queries
from lca_rag.training.examples import Example, data_hash, read_examples, write_examples
from lca_rag.training.export import export
from lca_rag.training.negatives import mine
from lca_rag.training.presets import CARD, MINI, MODERN, PRESETS, Preset
from lca_rag.training.trainer import Trained, train
from lca_rag.training.vocabulary import VocabularyReport, prune_vocabulary

__all__ = [
    "CARD",
    "MINI",
    "MODERN",
    "PRESETS",
    "Example",
    "Preset",
    "RunCard",
    "Trained",
    "VocabularyReport",
    "data_hash",
    "derived_queries",
    "export",
    "mine",
    "prune_vocabulary",
    "read_examples",
    "train",
    "write_examples",
]
