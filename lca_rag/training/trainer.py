"""`train`: from examples and a base model to a directory that can be served.

The work is the sentence-transformers trainer's; this room decides what it is given. Everything
about a run stands in `training.json` beside the model.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lca_rag.encoders import model_folder
from lca_rag.errors import EncoderError, MissingExtra, QueryError
from lca_rag.training.card import RunCard, write_run_card
from lca_rag.training.checkpoints import newest_checkpoint
from lca_rag.training.examples import Example, data_hash
from lca_rag.training.export import export
from lca_rag.training.memory import has_bf16, keep_freed_memory
from lca_rag.training.presets import PRESETS, Preset

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a training run left behind."""

    model: Path
    """Directory of the exported model."""
    card: RunCard
    losses: tuple[tuple[int, float], ...]
    """Pairs of step and mean loss since the last logged step."""


def train(
    examples: Sequence[Example],
    base: str | Path,
    output: Path,
    *,
    preset: str | Preset = "modern",
    resume: bool = True,
    checkpoint_steps: int = 50,
    max_steps: int | None = None,
    progress: Callable[[int, int, float], None] | None = None,
    precision: str = "bfloat16",
    measured: Mapping[str, object] | None = None,
) -> Trained:
    """Fine-tune `base` on `examples` and export the model to `output/model`.

    Args:
        examples: Documents with their queries.
        base: Directory or hub id of a sentence-transformers model, or "mini".
        output: Directory for checkpoints, the run card and the model.
        preset: A recipe, or the name of one of `PRESETS`.
        resume: Whether to go on from the newest whole checkpoint under `output` if there is one;
            it must come from the same data, base and recipe.
        checkpoint_steps: Steps between checkpoints.
        max_steps: Stop after so many steps in all (the schedule stays that of the whole run), as
            if the run had been interrupted: nothing is exported.
        progress: Called with step, number of steps and loss after each logged step.
        precision: Number format of the exported weights.
        measured: Figures for the model card.

    Raises:
        QueryError: If there is no such recipe, or nothing to train on.
        EncoderError: If the base is not to be had, or a checkpoint of another run is in the way.
        MissingExtra: If the packages of the extra `train` are not installed.
    """
    recipe = _recipe(preset)
    if not examples:
        raise QueryError("nothing to train on; give at least one document with a query")
    card = RunCard.of(recipe, str(base), data_hash(examples), examples)
    checkpoints = output / "checkpoints"
    _check_resumable(output, checkpoints, card, resume)
    write_run_card(card, output)
    keep_freed_memory()
    model = load_base(base, recipe)
    trainer = _trainer(model, examples, recipe, checkpoints, checkpoint_steps, max_steps, progress)
    newest = newest_checkpoint(checkpoints) if resume else None
    trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    # The trainer leaves its bfloat16 context around the model; what follows compares in float32.
    model = trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    losses = tuple(
        (int(entry["step"]), float(entry["loss"]))
        for entry in trainer.state.log_history
        if "loss" in entry
    )
    card = card.finished(losses, trainer.state.global_step)
    write_run_card(card, output)
    if max_steps is None:
        served = recipe.served_length or recipe.max_length
        export(
            merged(model),
            output / "model",
            max_length=served,
            precision=precision,
            query_prompt=query_prompt(model, recipe),
            card=card,
            measured=measured,
        )
    return Trained(model=output / "model", card=card, losses=losses)


def _recipe(preset: str | Preset) -> Preset:
    if isinstance(preset, Preset):
        return preset
    if preset not in PRESETS:
        raise QueryError(f"no recipe {preset!r}; there are {', '.join(PRESETS)}")
    return PRESETS[preset]


def _check_resumable(output: Path, checkpoints: Path, card: RunCard, resume: bool) -> None:
    if not any(checkpoints.glob("checkpoint-*")):
        return
    if not resume:
        raise EncoderError(f"{checkpoints} holds checkpoints; remove them or resume the run")
    differing = card.differences(RunCard.read(output))
    if differing:
        raise EncoderError(
            f"{checkpoints} belongs to a run with other {', '.join(differing)}; "
            "train into another directory"
        )


def load_base(base: str | Path, recipe: Preset) -> SentenceTransformer:
    """The base model, ready for training with `recipe`.

    Raises:
        EncoderError: If there is no such model, the hub cannot be reached, or it cannot be loaded.
    """
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as exc:  # pragma: no cover - a core dependency
        raise MissingExtra("train", "training") from exc
    import torch
    from safetensors import SafetensorError

    from lca_rag.encoders.loading import no_bars

    on_cpu = not torch.cuda.is_available()
    # On a CPU the fused attention falls back to a slow path as soon as weights are being trained.
    options = {"attn_implementation": "eager"} if on_cpu else {}
    folder = model_folder(str(base))
    try:
        with no_bars():
            model = SentenceTransformer(
                str(folder),
                model_kwargs=options | {"dtype": torch.float32},
                device="cpu" if on_cpu else None,
            )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as exc:
        raise EncoderError(f"the base model in {folder} cannot be loaded: {exc}") from exc
    limit = getattr(model[0].model.config, "max_position_embeddings", recipe.max_length)
    model.max_seq_length = min(recipe.max_length, int(limit))
    if recipe.dropout is not None:
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = recipe.dropout
    if recipe.lora_rank:
        from lca_rag.training.lora import add_adapters

        add_adapters(model, recipe.lora_rank)
    return model


def query_prompt(model: SentenceTransformer, recipe: Preset) -> str:
    """The prompt that queries are trained with."""
    if recipe.query_prompt is not None:
        return recipe.query_prompt
    return str((model.prompts or {}).get("query") or "")


def merged(model: SentenceTransformer) -> SentenceTransformer:
    """The model with adapters, if any, merged into its weights."""
    from lca_rag.training.lora import has_adapters, merge_adapters

    return merge_adapters(model) if has_adapters(model) else model


def _trainer(
    model: SentenceTransformer,
    examples: Sequence[Example],
    recipe: Preset,
    checkpoints: Path,
    checkpoint_steps: int,
    max_steps: int | None,
    progress: Callable[[int, int, float], None] | None,
) -> SentenceTransformerTrainer:
    try:
        from datasets import Dataset
        from sentence_transformers import (
            SentenceTransformerTrainer,
            SentenceTransformerTrainingArguments,
        )
    except ImportError as exc:
        raise MissingExtra("train", "training") from exc
    import torch
    from transformers import PrinterCallback

    from lca_rag.training.batches import DistinctGroups, rows
    from lca_rag.training.callbacks import Narrator, Stop
    from lca_rag.training.objective import loss_for

    table = rows(examples, recipe)
    asked = [name for name in table if name.startswith("query")]
    prompt = query_prompt(model, recipe)
    on_cpu = not torch.cuda.is_available()
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(checkpoints),
        per_device_train_batch_size=recipe.batch,
        num_train_epochs=1 if recipe.loss == "shared" else recipe.epochs,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=recipe.warmup,
        weight_decay=recipe.weight_decay,
        seed=recipe.seed,
        bf16=has_bf16(),
        use_cpu=on_cpu,
        prompts={name: prompt for name in asked} if prompt else None,
        batch_sampler=DistinctGroups if recipe.distinct_groups else "no_duplicates",
        save_strategy="steps",
        save_steps=checkpoint_steps,
        save_total_limit=2,
        logging_steps=5,
        logging_first_step=True,
        disable_tqdm=True,
        report_to="none",
        dataloader_pin_memory=not on_cpu,
    )
    callbacks: list[Any] = [Narrator(progress)] if progress else []
    if max_steps is not None:
        callbacks.append(Stop(max_steps))
    trainer = SentenceTransformerTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict(table),
        loss=loss_for(model, recipe),
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)  # it writes to stdout, which is for results
    return trainer
