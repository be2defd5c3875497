"""A small encoder of the real model's architecture, made from nothing but LCA text.

`new_student` makes a Qwen3 decoder with last-token pooling and a byte-level tokenizer trained on
the texts; `seed_tokens` starts each token where a trained encoder puts it; `distil` teaches the
student that encoder's vectors (narrowed to its width by `narrow`) or, where the widths differ, its
similarities. `train` then fine-tunes it like any other base.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sentence_transformers.base.sampler import DefaultBatchSampler
from torch import Generator, Tensor, nn
from torch.nn import functional

from lca_rag.errors import EncoderError
from lca_rag.training.callbacks import Narrator
from lca_rag.training.memory import has_bf16, keep_freed_memory

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from lca_rag.encoders import FloatArray

END = "<|endoftext|>"
"""Token that closes every text, whose state becomes the vector."""


def new_student(
    texts: Iterable[str],
    output: Path,
    *,
    vocabulary: int = 8_000,
    width: int = 256,
    layers: int = 4,
    heads: int = 4,
    max_length: int = 256,
    query_prompt: str = "query: ",
    seed: int = 520,
) -> int:
    """Write an untrained student to `output`; its number of parameters.

    Raises:
        EncoderError: If the width does not divide by the number of heads.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import Qwen3Config, Qwen3Model

    if width % heads:
        raise EncoderError(f"width {width} does not divide by {heads} heads")
    inner = output / "transformer"
    size = _write_tokenizer(texts, inner, vocabulary, max_length)
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=size,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=max(1, heads // 2),
        head_dim=width // heads,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        use_cache=False,
        pad_token_id=0,
        eos_token_id=0,
        bos_token_id=None,
    )
    body = Qwen3Model(config)
    body.save_pretrained(inner)
    word = Transformer(str(inner), max_seq_length=max_length)
    pooling = Pooling(width, pooling_mode="lasttoken", include_prompt=True)
    model = SentenceTransformer(modules=[word, pooling, Normalize()], device="cpu")
    model.prompts = {"query": query_prompt, "document": ""}
    model.save(str(output), create_model_card=False)
    return sum(parameter.numel() for parameter in body.parameters())


def _write_tokenizer(texts: Iterable[str], folder: Path, vocabulary: int, length: int) -> int:
    """A byte-level BPE tokenizer, which loses no character; digits stand alone."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from tokenizers.processors import TemplateProcessing
    from tokenizers.trainers import BpeTrainer

    from lca_rag.training.vocabulary import UNREAD

    tokenizer = Tokenizer(models.BPE())
    drops = [normalizers.Replace(Regex(pattern), "") for pattern in UNREAD]
    tokenizer.normalizer = normalizers.Sequence([*drops, normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, tokenizer.token_to_id(END))]
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": length,
        "eos_token": END,
        "pad_token": END,
        "padding_side": "left",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
    return int(tokenizer.get_vocab_size())


def narrow(vectors: FloatArray, width: int) -> tuple[FloatArray, FloatArray]:
    """Unit vectors in the `width` directions that keep most of their similarities.

    Returns them together with the matrix that narrows any further vector of the same encoder.
    """
    gram = vectors.T.astype(np.float64) @ vectors
    _, directions = np.linalg.eigh(gram)
    matrix = np.ascontiguousarray(directions[:, ::-1][:, :width], dtype=np.float32)
    return _unit(vectors @ matrix), matrix


def _unit(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def seed_tokens(
    student: Path, encode: Callable[[list[str]], FloatArray], *, scale: float = 0.05
) -> int:
    """Give every token of the student the vector of its own text; the number of tokens given one.

    Args:
        student: Directory that `new_student` wrote.
        encode: Vectors of texts, of the student's width.
        scale: Root mean square of an entry.

    Raises:
        EncoderError: If the vectors have another width than the student.
    """
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(student), device="cpu")
    table = model[0].model.get_input_embeddings().weight
    texts = {number: model.tokenizer.decode([number]).strip() for number in range(len(table))}
    # Half a character, a blank and the closing token say nothing: they stay as they were drawn.
    told = {n: text for n, text in texts.items() if text and "\ufffd" not in text and text != END}
    vectors = _unit(encode(list(told.values())))
    if vectors.shape[1] != table.shape[1]:
        raise EncoderError(f"vectors of {vectors.shape[1]} for a student of {table.shape[1]}")
    with torch.no_grad():
        rows = torch.from_numpy(vectors) * scale * vectors.shape[1] ** 0.5
        table[list(told)] = rows.to(table.dtype)
    model.save(str(student), create_model_card=False)
    return len(told)


class ByLength(DefaultBatchSampler):  # type: ignore[misc]
    """Batches of texts of like length, in an order drawn anew for every epoch."""

    def __init__(
        self,
        dataset: Any,  # noqa: ANN401
        batch_size: int,
        drop_last: bool,
        valid_label_columns: list[str] | None = None,
        generator: Generator | None = None,
        seed: int = 0,
    ) -> None:
        """Measure every text; the arguments are those that the trainer passes."""
        super().__init__(dataset, batch_size, drop_last, valid_label_columns, generator, seed)
        self._lengths = [len(text) for text in dataset["text"]]

    def __iter__(self) -> Iterator[list[int]]:
        """Batches of row numbers."""
        draw = random.Random(self.seed * 1000 + self.epoch)  # noqa: S311
        # Lengths are blurred, so that the company that a text keeps changes with the epochs.
        lengths = [length * draw.uniform(0.8, 1.25) for length in self._lengths]
        order = sorted(range(len(lengths)), key=lengths.__getitem__)
        size = self.batch_size
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        whole = [batch for batch in batches if len(batch) == size or not self.drop_last]
        draw.shuffle(whole)
        return iter(whole)


class SimilarityLoss(nn.Module):  # type: ignore[misc]
    """Makes the similarities within a batch those of a teacher, whatever the dimensions.

    Where the dimensions are the same, every vector is drawn to the teacher's too.
    """

    def __init__(self, model: SentenceTransformer, temperature: float = 0.05) -> None:
        """Keep the student; the labels of a batch are the teacher's unit vectors."""
        super().__init__()
        self.model = model
        self.temperature = temperature

    def forward(self, features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """Kullback-Leibler divergence of the student's neighbours from the teacher's."""
        (column,) = features
        own = self.model(column)["sentence_embedding"].float()
        teacher = _neighbours(labels.float(), self.temperature)
        student = _neighbours(own, self.temperature)
        apart = functional.kl_div(student, teacher, log_target=True, reduction="batchmean")
        if own.shape[1] != labels.shape[1]:
            return apart
        return apart + 5.0 * (1.0 - functional.cosine_similarity(own, labels.float()).mean())


def _neighbours(vectors: Tensor, temperature: float) -> Tensor:
    """Log-probabilities of every other text of the batch, by similarity."""
    logits = vectors @ vectors.T / temperature
    return functional.log_softmax(logits.fill_diagonal_(-1e4), dim=-1)


def distil(
    student: Path,
    texts: Sequence[str],
    vectors: FloatArray,
    output: Path,
    *,
    epochs: int = 1,
    batch: int = 128,
    learning_rate: float = 1e-3,
    max_length: int = 128,
    seed: int = 520,
    progress: Callable[[int, int, float], None] | None = None,
) -> None:
    """Teach the student at `student` the similarities of `vectors` and write it to `output`.

    Args:
        student: Directory that `new_student` wrote.
        texts: Texts as the student is to read them, query prompts included.
        vectors: The teacher's unit vectors, one row per text; of the student's width to be
            learnt themselves (then a batch holds texts of like length), else by their similarities.
        output: Directory to write.
        epochs: Passes over the texts.
        batch: Texts compared with one another.
        learning_rate: Highest rate of a cosine schedule.
        max_length: Tokens read in training.
        seed: Seed of the order.
        progress: Called with step, number of steps and loss.
    """
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )

    if len(texts) != len(vectors):
        raise EncoderError(f"{len(texts)} texts but {len(vectors)} vectors to learn from")
    keep_freed_memory()
    options: dict[str, Any] = {"attn_implementation": "eager"}
    model = SentenceTransformer(str(student), device="cpu", model_kwargs=options)
    served = model.max_seq_length
    model.max_seq_length = max_length
    same_width = model.get_embedding_dimension() == vectors.shape[1]
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(output / "checkpoints"),
        per_device_train_batch_size=batch,
        num_train_epochs=epochs,
        learning_rate=learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=0.1,
        seed=seed,
        use_cpu=True,
        bf16=has_bf16(),
        batch_sampler=ByLength if same_width else "batch_sampler",
        save_strategy="no",
        logging_steps=10,
        disable_tqdm=True,
        report_to="none",
        dataloader_drop_last=True,
        dataloader_pin_memory=False,
    )
    trainer = SentenceTransformerTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict({"text": list(texts), "label": vectors.tolist()}),
        loss=SimilarityLoss(model),
        callbacks=[Narrator(progress)] if progress else [],
    )
    trainer.train()
    # The trainer leaves its bfloat16 context around the model.
    model = trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    model.max_seq_length = served
    model.save(str(output), create_model_card=False)
