"""Which examples share a batch, and as what rows."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from sentence_transformers.base.sampler import DefaultBatchSampler
from torch import Generator

from lca_rag.errors import QueryError
from lca_rag.training.examples import Example
from lca_rag.training.presets import Preset

PASS, REAL, GROUP = 0, 1, 2
"""Positions in a row's label: pass over the data, number of real queries, first group."""


def rows(examples: Sequence[Example], preset: Preset) -> dict[str, list[Any]]:
    """The columns of the training set, in the order that the loss expects.

    Rows of shared documents are drawn anew for every epoch (other queries where there are more
    than fit, other negatives), so all epochs stand in the set one after the other and the trainer
    passes over it once.
    """
    numbers = {group: index for index, group in enumerate(sorted(_groups(examples)))}
    if preset.loss == "shared":
        return _shared(examples, preset, numbers)
    table = _empty(preset)
    draw = random.Random(preset.seed)  # noqa: S311
    for example in examples:
        for query in example.queries:
            _append(table, example, [query], examples, preset, numbers, 0, draw)
    if not preset.distinct_groups:
        del table["label"]
    return table


def _shared(
    examples: Sequence[Example], preset: Preset, numbers: dict[str, int]
) -> dict[str, list[Any]]:
    table = _empty(preset)
    for epoch in range(preset.epochs):
        draw = random.Random(preset.seed * 1000 + epoch)  # noqa: S311
        for example in examples:
            if draw.random() >= example.weight:
                continue
            queries = list(example.queries)
            if len(queries) > preset.queries:
                queries = draw.sample(queries, preset.queries)
            _append(table, example, queries, examples, preset, numbers, epoch, draw)
    return table


def _empty(preset: Preset) -> dict[str, list[Any]]:
    count = preset.queries if preset.loss == "shared" else 1
    names = [f"query{index}" for index in range(count)] if count > 1 else ["query"]
    negatives = [f"negative{index}" for index in range(preset.negatives)]
    return {name: [] for name in (*names, "document", *negatives, "label")}


def _append(
    table: dict[str, list[Any]],
    example: Example,
    queries: list[str],
    examples: Sequence[Example],
    preset: Preset,
    numbers: dict[str, int],
    epoch: int,
    draw: random.Random,
) -> None:
    columns = [name for name in table if name.startswith("query")]
    for index, name in enumerate(columns):
        table[name].append(queries[index % len(queries)])
    table["document"].append(example.document)
    label = [epoch, len(queries), numbers[example.group]]
    mined = list(example.negatives)
    draw.shuffle(mined)
    for index in range(preset.negatives):
        group, text = mined[index] if index < len(mined) else _stranger(example, examples, draw)
        table[f"negative{index}"].append(text)
        label.append(numbers[group])
    table["label"].append(label)


def _stranger(
    example: Example, examples: Sequence[Example], draw: random.Random
) -> tuple[str, str]:
    """A document of another group, for an example without enough mined negatives."""
    for _ in range(100):
        other = draw.choice(examples)
        if other.group != example.group:
            return other.group, other.document
    raise QueryError(
        f"no document outside the group of {example.id!r} could be drawn as a negative; "
        "train with negatives=0 or give documents of more groups"
    )


def _groups(examples: Sequence[Example]) -> set[str]:
    return {e.group for e in examples} | {group for e in examples for group, _ in e.negatives}


class DistinctGroups(DefaultBatchSampler):  # type: ignore[misc]
    """Batches in which no document meets another one of its group, pass after pass.

    The order follows from the seed and the epoch alone, so a resumed run sees the same batches.
    What does not fit into a batch waits for the next one; the remainder of a pass is dropped when
    it is smaller than half a batch.
    """

    def __init__(
        self,
        dataset: Any,  # noqa: ANN401
        batch_size: int,
        drop_last: bool,
        valid_label_columns: list[str] | None = None,
        generator: Generator | None = None,
        seed: int = 0,
    ) -> None:
        """Read the groups of every row; the arguments are those that the trainer passes."""
        super().__init__(dataset, batch_size, drop_last, valid_label_columns, generator, seed)
        self._labels: list[list[int]] = list(dataset["label"])
        self._planned: tuple[int, list[list[int]]] | None = None

    def __iter__(self) -> Iterator[list[int]]:
        """Batches of row numbers."""
        return iter(self._plan())

    def __len__(self) -> int:
        """Number of batches in this epoch."""
        return len(self._plan())

    def _plan(self) -> list[list[int]]:
        if self._planned is None or self._planned[0] != self.epoch:
            self._planned = (
                self.epoch,
                plan(self._labels, self.batch_size, self.seed + self.epoch),
            )
        return self._planned[1]


def plan(labels: Sequence[Sequence[int]], size: int, seed: int) -> list[list[int]]:
    """Batches of at most `size` rows whose documents and negatives are of distinct groups."""
    batches: list[list[int]] = []
    for number in sorted({label[PASS] for label in labels}):
        order = [row for row, label in enumerate(labels) if label[PASS] == number]
        random.Random(seed * 1000 + number).shuffle(order)  # noqa: S311
        batches += _fill(order, labels, size)
    return batches


def _fill(order: list[int], labels: Sequence[Sequence[int]], size: int) -> list[list[int]]:
    batches: list[list[int]] = []
    waiting = order
    while waiting:
        batch, documents, others, later = list[int](), set[int](), set[int](), list[int]()
        for row in waiting:
            group, *negatives = labels[row][GROUP:]
            foreign = {negative for negative in negatives if negative != group}
            clash = group in documents or group in others or foreign & documents
            if len(batch) == size or clash:
                later.append(row)
                continue
            batch.append(row)
            documents.add(group)
            others |= foreign
        if len(batch) >= size / 2 or not batches:
            batches.append(batch)
        waiting = later
    return batches
