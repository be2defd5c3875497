"""Write a trained model in the layout that it is served in, and prove that it loads as it was.

The layout is that of the model card: `modules.json` (Transformer, Pooling, Normalize), the prompts
in `config_sentence_transformers.json`, half-precision safetensors, tokenizer files, `README.md`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lca_rag.errors import EncoderError, QueryError
from lca_rag.training.card import RunCard
from lca_rag.training.readme import model_card

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_PROBES = (
    "query: electric arc furnace steel, China",
    "# Methane\n\n**Entity:** Flow\n**CAS:** 74-82-8\n**Data Set Type:** Elementary flow",
    "2-hydroxy-3-naphthoic acid, 92-70-6, kWh/m2, 电力生产",
)
_SMALLEST_COSINE = 0.9999
"""Between the model in memory and the one written in half precision."""


def export(
    model: SentenceTransformer,
    output: Path,
    *,
    max_length: int,
    query_prompt: str,
    precision: str = "bfloat16",
    card: RunCard | None = None,
    measured: Mapping[str, object] | None = None,
) -> None:
    """Write `model` to `output` and reload it.

    Args:
        model: A model whose last module normalises, or gets a normalising module here.
        output: Directory to write; an older export is replaced.
        max_length: Tokens that the served model reads.
        query_prompt: Prompt of the query route; documents get the empty one.
        precision: "bfloat16", "float16" or "float32".
        card: The run that made the weights.
        measured: Figures by name for the model card.

    Raises:
        QueryError: If there is no such precision.
        EncoderError: If the written model gives other vectors than the one in memory.
    """
    import torch
    from sentence_transformers.sentence_transformer.modules import Normalize

    kinds = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}
    if precision not in kinds:
        raise QueryError(f"no number format {precision!r}; there are {', '.join(kinds)}")
    if not isinstance(model[-1], Normalize):
        model.append(Normalize())
    model.eval()
    model.max_seq_length = max_length
    model.prompts = {"query": query_prompt, "document": ""}
    model.default_prompt_name = None
    before = model.encode(list(_PROBES), convert_to_numpy=True, batch_size=1)
    kind = model[0].model.dtype
    model.to(kinds[precision])
    scratch = output.with_name(output.name + ".new")
    shutil.rmtree(scratch, ignore_errors=True)
    model.save(str(scratch), create_model_card=False)
    model.to(kind)
    _settle(scratch, max_length, precision)
    (scratch / "README.md").write_text(model_card(scratch, card, measured or {}), "utf-8")
    check_reload(scratch, before)
    shutil.rmtree(output, ignore_errors=True)
    scratch.replace(output)


def _settle(directory: Path, max_length: int, precision: str) -> None:
    """What the library leaves to chance: claimed length, stray padding, the format computed in."""
    if precision == "float16":
        # Half floats are for storing: few CPUs compute in them. Loading widens them by this entry.
        path = directory / "config.json"
        config = json.loads(path.read_text("utf-8"))
        config.pop("torch_dtype", None)
        path.write_text(json.dumps(config | {"dtype": "float32"}, indent=2) + "\n", "utf-8")
    path = directory / "tokenizer_config.json"
    settings = json.loads(path.read_text("utf-8"))
    path.write_text(
        json.dumps(settings | {"model_max_length": max_length}, indent=2) + "\n", "utf-8"
    )
    path = directory / "tokenizer.json"
    state = json.loads(path.read_text("utf-8")) | {"truncation": None, "padding": None}
    path.write_text(json.dumps(state, ensure_ascii=False), "utf-8")


def check_reload(directory: Path, before: np.ndarray) -> None:
    """Load the model in `directory` afresh and compare the vectors of the probes.

    Raises:
        EncoderError: If a cosine is below 0.9999.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    fresh = SentenceTransformer(str(directory), device="cpu", model_kwargs={"dtype": torch.float32})
    after = fresh.encode(list(_PROBES), convert_to_numpy=True, batch_size=1)
    unit = [vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (before, after)]
    worst = float((unit[0] * unit[1]).sum(axis=1).min())
    if worst < _SMALLEST_COSINE:
        raise EncoderError(
            f"{directory}: the written model gives other vectors (cosine {worst:.5f}); "
            "export in a wider number format"
        )
