"""What names the flows of an index: numbers, names, synonyms and near spellings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from lca_rag.flows.naming import Label, label, without_charge
from lca_rag.identifiers import cas_numbers, ec_numbers, hill
from lca_rag.record import Record

_GENERIC = 12
"""A synonym that so many substances share ("organic") names none of them."""


class NameTables:
    """Numbers of flows (their places in the sequence given) by what names them.

    Attributes:
        name: By the key of a name.
        synonym: By the key of a listed synonym, with its charge.
        words: By the sorted words of a name or synonym.
        ions: Of "nickel (ii)" and the like, by the key of the element.
        keys: Every name and synonym made comparable.
        owners: The flows of each of `keys`.
    """

    def __init__(self, flows: Sequence[Record]) -> None:
        """Note what names each flow."""
        self.uuid: dict[str, list[int]] = defaultdict(list)
        self.cas: dict[str, list[int]] = defaultdict(list)
        self.ec: dict[str, list[int]] = defaultdict(list)
        self.formula: dict[str, list[int]] = defaultdict(list)
        self.name: dict[str, list[int]] = defaultdict(list)
        self.synonym: dict[str, list[int]] = defaultdict(list)
        self.words: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self.ions: dict[str, list[int]] = defaultdict(list)
        self.keys: list[Label] = []
        self.owners: list[list[int]] = []
        self._flows = flows
        self._fill()
        self._grams = _grams([item.key for item in self.keys])
        self._sizes = np.array([max(1, len(item.key)) for item in self.keys], dtype=np.float32)

    def similar(self, key: str, count: int) -> list[int]:
        """Numbers of the keys that share most pairs of signs with `key` (Dice)."""
        shared = np.zeros(len(self.keys), dtype=np.float32)
        pairs = _pairs(key)
        for pair in pairs:
            holders = self._grams.get(pair)
            if holders is not None:
                shared[holders] += 1
        scores = 2 * shared / (len(pairs) + self._sizes)
        order = np.argpartition(-scores, min(count, len(scores) - 1))[:count]
        return [int(number) for number in order if scores[number] > 0.25]

    def _fill(self) -> None:
        owners: dict[str, list[int]] = defaultdict(list)
        labels: dict[str, Label] = {}
        for number, record in enumerate(self._flows):
            facts = record.flow
            if facts is None:
                continue
            self.uuid[record.uuid.lower()].append(number)
            for value in cas_numbers(facts.cas):
                self.cas[value].append(number)
            for value in ec_numbers(facts.ec):
                self.ec[value].append(number)
            written = hill(facts.formula)
            if written:
                self.formula[written].append(number)
            bare = without_charge(str(record.name))
            if bare is not None and facts.kind == "elementary":
                self.ions[label(bare).key].append(number)
            for table, item in self._labels(record):
                table[item.key if table is self.name else charged_key(item)].append(number)
                self.words[item.bag].append(number)
                owners[item.key].append(number)
                labels.setdefault(item.key, item)
        self.words.pop((), None)
        for key, numbers in list(self.synonym.items()):
            if len({str(self._flows[number].name).casefold() for number in numbers}) > _GENERIC:
                del self.synonym[key]
                owners.pop(key.partition("+")[0], None)
        self.keys = [labels[key] for key in owners]
        self.owners = list(owners.values())

    def _labels(self, record: Record) -> Iterator[tuple[dict[str, list[int]], Label]]:
        for text in (str(record.name), *record.name.base.all()):
            yield self.name, label(text)
        for text in record.synonyms.all():
            for synonym in text.replace("；", ";").split(";"):
                item = label(synonym)
                if len(item.key) > 1:
                    yield self.synonym, item


def charged_key(item: Label) -> str:
    """The key of a synonym with its charge: cobalt's "Co(2+)" is not carbon dioxide's "CO2"."""
    charge = item.marks.charge
    return item.key if charge is None else f"{item.key}+{charge}"


@lru_cache(maxsize=1)
def substances() -> Mapping[str, tuple[str, ...]]:
    """CAS numbers by the key of every common name of our own table."""
    found: dict[str, list[str]] = defaultdict(list)
    text = files(__package__).joinpath("substances.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            number, _, names = line.partition("\t")
            for name in names.split("|"):
                found[label(name).key].append(number)
    return {key: tuple(numbers) for key, numbers in found.items()}


def _pairs(key: str) -> set[str]:
    padded = f"^{key}$"
    return {padded[i : i + 2] for i in range(len(padded) - 1)}


def _grams(keys: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    holders: dict[str, list[int]] = defaultdict(list)
    for number, key in enumerate(keys):
        for pair in _pairs(key):
            holders[pair].append(number)
    return {pair: np.array(numbers, dtype=np.int64) for pair, numbers in holders.items()}
