"""The loss for documents that several queries share.

The objective is in-batch ranking both ways, as `MultipleNegativesSymmetricRankingLoss` has it, but
a row holds one document with all its queries, so that a document is encoded once a step instead of
once a query. Documents of the same duplicate group are taken out of one another's negatives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_NEVER = -1e4
"""A logit that no softmax notices, also in half precision."""


class SharedDocumentLoss(nn.Module):  # type: ignore[misc]
    """Ranking loss over rows of `queries` query columns, one document, and mined negatives.

    Labels carry, per row: the pass over the data, the number of queries that are real (a document
    with fewer fills up with repeats), the group of the document, the groups of the negatives.

    Gradients are cached (Gao et al. 2021, arXiv:2101.06983): vectors are computed without a graph,
    the loss gives the gradient of each, and every chunk is then encoded again with a graph, one at
    a time. Memory is that of one chunk, whatever the batch.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        *,
        queries: int,
        temperature: float,
        chunk_tokens: int,
        matryoshka: Sequence[int] = (),
    ) -> None:
        """Keep what a step needs.

        Args:
            model: The model in training; the trainer may wrap it.
            queries: Number of query columns.
            temperature: Divisor of the cosine.
            chunk_tokens: Tokens encoded at once, padding included.
            matryoshka: Leading dimensions that are trained beside the full vector.
        """
        super().__init__()
        self.model = model
        self.queries = queries
        self.temperature = temperature
        self.chunk_tokens = chunk_tokens
        self.matryoshka = tuple(matryoshka)

    def forward(self, features: Iterable[Mapping[str, Tensor]], labels: Tensor) -> Tensor:
        """The mean loss of one batch; its `backward` fills the gradients of the model."""
        columns = list(features)
        rows = torch.arange(len(labels), device=labels.device)
        keep = [rows[labels[:, 1] > column] for column in range(self.queries)]
        texts = [
            text
            for column, kept in zip(columns, keep, strict=False)
            for text in _texts(column, kept)
        ]
        count = len(texts)
        texts += [text for column in columns[self.queries :] for text in _texts(column, rows)]
        group = torch.cat([labels[:, place] for place in range(2, labels.shape[1])])
        chunks = _chunks(texts, self.chunk_tokens)
        states: list[Tensor] = []
        parts: list[Tensor] = []
        with torch.no_grad():
            for chunk in chunks:
                states.append(torch.get_rng_state())
                parts.append(self._encode([texts[index] for index in chunk]))
        order = torch.tensor([index for chunk in chunks for index in chunk], device=labels.device)
        vectors = torch.zeros_like(torch.cat(parts)).index_copy(0, order, torch.cat(parts))
        vectors.requires_grad_(torch.is_grad_enabled())
        loss = self._compare(vectors[:count], vectors[count:], torch.cat(keep), group)
        if not torch.is_grad_enabled():
            return loss
        (gradient,) = torch.autograd.grad(loss, vectors)
        return _Cached.apply(
            loss.detach().requires_grad_(),
            lambda factor: self._backward(texts, chunks, states, gradient * factor),
        )

    def _compare(self, queries: Tensor, documents: Tensor, owner: Tensor, group: Tensor) -> Tensor:
        sizes = (queries.shape[1], *self.matryoshka)
        losses = [
            _symmetric(queries, documents, owner, group, self.temperature, size) for size in sizes
        ]
        return torch.stack(losses).mean()

    def _backward(
        self,
        texts: Sequence[tuple[Tensor, Tensor]],
        chunks: Sequence[Sequence[int]],
        states: Sequence[Tensor],
        gradient: Tensor,
    ) -> None:
        """Encode every chunk once more, now with a graph, and send its gradient through."""
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            for chunk, state in zip(chunks, states, strict=True):
                torch.set_rng_state(state)  # the same dropout as in the first pass
                vectors = self._encode([texts[index] for index in chunk])
                vectors.backward(gradient[torch.tensor(chunk, device=gradient.device)])

    def _encode(self, part: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        length = max(len(ids) for ids, _ in part)
        inputs: dict[str, Any] = {
            "input_ids": torch.stack([_padded(ids, length) for ids, _ in part]),
            "attention_mask": torch.stack([_padded(mask, length) for _, mask in part]),
        }
        vectors: Tensor = self.model(inputs)["sentence_embedding"]
        return vectors.float()


class _Cached(torch.autograd.Function):  # type: ignore[misc]
    """A loss whose gradient is computed by a call, when and if it is asked for."""

    @staticmethod
    def forward(ctx: Any, loss: Tensor, call: Callable[[Tensor], None]) -> Tensor:  # noqa: ANN401
        ctx.call = call
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, None]:  # noqa: ANN401
        ctx.call(grads[0])
        return None, None


def _texts(column: Mapping[str, Tensor], rows: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Token ids and mask of the texts in some rows of a column, without padding."""
    for row in rows.tolist():
        mask = column["attention_mask"][row]
        kept = mask.bool()
        yield column["input_ids"][row][kept], mask[kept]


def _chunks(texts: Sequence[tuple[Tensor, Tensor]], tokens: int) -> list[list[int]]:
    """Numbers of texts of similar length, as many as make `tokens` with their padding."""
    order = sorted(range(len(texts)), key=lambda index: len(texts[index][0]), reverse=True)
    chunks: list[list[int]] = []
    for index in order:
        if chunks and len(texts[chunks[-1][0]][0]) * (len(chunks[-1]) + 1) <= tokens:
            chunks[-1].append(index)
        else:
            chunks.append([index])
    return chunks


def _padded(value: Tensor, length: int) -> Tensor:
    return functional.pad(value, (0, length - len(value)))


def _symmetric(
    queries: Tensor, documents: Tensor, owner: Tensor, group: Tensor, temperature: float, size: int
) -> Tensor:
    """Two parts query to document, one part document to query."""
    asked = functional.normalize(queries[:, :size], dim=-1)
    told = functional.normalize(documents[:, :size], dim=-1)
    logits = asked @ told.T / temperature
    rows = torch.arange(len(owner), device=owner.device)
    alike = group[owner][:, None] == group[None, :]
    own = functional.one_hot(owner, len(told)).bool()
    logits = logits.masked_fill(alike & ~own, _NEVER)
    forward = functional.cross_entropy(logits, owner)
    # Backward: each own query of a document against all foreign ones.
    count = int(owner.max()) + 1
    foreign = logits[:, :count].T.masked_fill(own[:, :count].T, _NEVER).logsumexp(dim=1)
    matched = logits[rows, owner]
    backward = (torch.logaddexp(matched, foreign[owner]) - matched).mean()
    return (2.0 * forward + backward) / 3.0
