"""Texts to token ids of bounded length, and to batches of little padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from lca_rag.errors import EncoderError

__all__ = ["Tokenizer", "batches", "shared_out"]

TokenArray = NDArray[np.int64]
_PROBES = ("steel", "wind power")
"""Texts of different last words: a last token that they share was added by the tokenizer."""


@dataclass(slots=True)
class Tokenizer:
    """A model's tokenizer, cutting long texts so that the final special token stays."""

    inner: PreTrainedTokenizerBase
    final: int | None
    """Id of the token that ends every text, or `None` if the tokenizer adds none."""

    @classmethod
    def of(cls, inner: PreTrainedTokenizerBase, name: str) -> Tokenizer:
        """Look at what a tokenizer puts at the end of a text.

        Raises:
            EncoderError: If the tokenizer is not of the `tokenizers` library.
        """
        if not getattr(inner, "is_fast", False):
            raise EncoderError(f"the tokenizer of {name} has no fast form (tokenizer.json)")
        backend = inner.backend_tokenizer
        backend.no_truncation()
        backend.no_padding()  # some tokenizer.json files pad to a fixed length
        ends = {backend.encode(text).ids[-1] for text in _PROBES}
        return cls(inner, ends.pop() if len(ends) == 1 else None)

    def encode(self, texts: Sequence[str], max_length: int) -> tuple[list[TokenArray], int]:
        """Ids of each text, special tokens included, and how many texts were cut.

        Not for two threads at a time: the cut is a state of the tokenizer.
        """
        backend = self.inner.backend_tokenizer
        backend.no_padding()
        backend.enable_truncation(max_length, direction=self.inner.truncation_side)
        rows: list[TokenArray] = []
        cut = 0
        for encoding in backend.encode_batch_fast(list(texts)):
            ids = np.array(encoding.ids, dtype=np.int64)
            if len(ids) > max_length or encoding.overflowing:
                ids = ids[:max_length]
                cut += 1
                if self.final is not None and self.inner.truncation_side == "right":
                    # A tokenizer that appends its end token as text loses it here; last-token
                    # pooling would then read the state of any word.
                    ids[-1] = self.final
            rows.append(ids if len(ids) else self._nothing())
        return rows, cut

    def _nothing(self) -> TokenArray:
        """What stands for a text without a token."""
        if self.final is None:
            raise EncoderError(
                "an empty text has no vector in this model, whose tokenizer adds no special token"
            )
        return np.array([self.final], dtype=np.int64)

    def pad(self, rows: Sequence[TokenArray]) -> tuple[TokenArray, TokenArray]:
        """Ids and mask of equal length, padded on the side that the model wants."""
        width = max(len(row) for row in rows)
        pad = self.inner.pad_token_id
        ids = np.full((len(rows), width), 0 if pad is None else pad, dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        left = self.inner.padding_side == "left"
        for row, (target, seen) in zip(rows, zip(ids, mask, strict=True), strict=True):
            place = slice(width - len(row), width) if left else slice(0, len(row))
            target[place] = row
            seen[place] = 1
        return ids, mask


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions of texts in batches of at most `budget` tokens with padding, longest first.

    Texts of like length come together, so that little is padded; a text longer than the budget is
    a batch of its own.
    """
    order = sorted(range(len(lengths)), key=lambda position: -lengths[position])
    batch: list[int] = []
    for position in order:
        if batch and (len(batch) + 1) * lengths[batch[0]] > budget:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


def shared_out(plan: list[list[int]], cores: int) -> list[list[int]]:
    """The plan with its last batches cut smaller, so that the cores end together.

    Batches cost about the same; where their number is no multiple of the cores, those that are
    left over are dealt out anew, a part for each core.
    """
    over = len(plan) % cores
    if len(plan) < cores or not over:
        return plan
    rest = [position for batch in plan[-over:] for position in batch]
    parts = [rest[core::cores] for core in range(cores)]
    return [*plan[:-over], *(part for part in parts if part)]
