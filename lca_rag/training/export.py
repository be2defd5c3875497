"""Write a trained model in the layout that it is served in, and prove that it loads as it was.

The layout is that of the model card: `modules.json` (Transformer, Pooling, Normalize), the prompts
in `config_sentence_transformers.json`, half-precision safetensors, tokenizer files, `README.md`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    readme = scratch / "README.md"
    readme.write_text(model_card(scratch, card, measured or {}), "utf-8")
    # Some versions of safetensors write files that only their owner may read.
    for weights in scratch.glob("*.safetensors"):
        weights.chmod(readme.stat().st_mode)
    check_reload(scratch, before)
    shutil.rmtree(output, ignore_errors=True)
    scratch.replace(output)


def _settle(directory: Path, max_length: int, precision: str) -> None:
    """Write the small files in the form that every sentence-transformers since 2.2 reads.

    Newer versions name modules and settings otherwise, which older ones cannot load; the model
    card of this project was written by 5.1. Also mended: what length the tokenizer claims, and
    padding that the last batch left in it.
    """
    pooling = _read(directory / "1_Pooling/config.json")
    mode = pooling.get("pooling_mode", "mean")
    modes = {name: name == mode for name in ("cls", "max", "mean", "lasttoken")}
    size = pooling.get("embedding_dimension", pooling.get("word_embedding_dimension"))
    older = {
        "word_embedding_dimension": size,
        "pooling_mode_cls_token": modes["cls"],
        "pooling_mode_max_tokens": modes["max"],
        "pooling_mode_mean_tokens": modes["mean"],
        "pooling_mode_lasttoken": modes["lasttoken"],
        "include_prompt": True,
    }
    _write(directory / "1_Pooling/config.json", older)
    modules = [
        module | {"type": "sentence_transformers.models." + module["type"].rsplit(".", 1)[-1]}
        for module in _read(directory / "modules.json")
    ]
    _write(directory / "modules.json", modules)
    _write(
        directory / "sentence_bert_config.json",
        {"max_seq_length": max_length, "do_lower_case": False},
    )
    settings = _read(directory / "tokenizer_config.json")
    for name in ("backend", "is_local", "local_files_only"):
        settings.pop(name, None)
    claimed = {"model_max_length": max_length, "tokenizer_class": "PreTrainedTokenizerFast"}
    _write(directory / "tokenizer_config.json", settings | claimed)
    state = _read(directory / "tokenizer.json") | {"truncation": None, "padding": None}
    text = json.dumps(state, ensure_ascii=False)
    (directory / "tokenizer.json").write_text(text, "utf-8")
    if precision == "float16":
        # Half floats are for storing: few CPUs compute in them. Loading widens them by this entry.
        config = _read(directory / "config.json")
        config.pop("torch_dtype", None)
        _write(directory / "config.json", config | {"dtype": "float32"})


def _read(path: Path) -> Any:  # noqa: ANN401
    return json.loads(path.read_text("utf-8"))


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", "utf-8")


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
