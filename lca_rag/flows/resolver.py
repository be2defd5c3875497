"""From a name, a number or a phrase to the flow it means, one careful step after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from lca_rag.errors import QueryError
from lca_rag.flows.compartments import Compartment, fits, of_record
from lca_rag.flows.compartments import compartment as read_compartment
from lca_rag.flows.compartments import known as known_compartments
from lca_rag.flows.naming import Label, edits, label, spellings, swapped_stem
from lca_rag.identifiers import cas_numbers, ec_numbers, hill, identifiers
from lca_rag.record import FlowKind, Record

if TYPE_CHECKING:
    from lca_rag.encoders import Encoder, FloatArray

Step = Literal["uuid", "cas", "ec", "formula", "name", "synonym", "words", "fuzzy", "dense"]
Decision = Literal["match", "tie", "none"]

_CONFIDENCE: dict[Step, float] = {
    "uuid": 1.0,
    "cas": 0.98,
    "ec": 0.97,
    "name": 0.97,
    "synonym": 0.94,
    "words": 0.92,
    "formula": 0.85,
    "fuzzy": 0.8,
    "dense": 0.5,
}
_GENERIC = 12
"""A synonym that so many substances share ("organic") names none of them."""
_DENSE_SURE = 0.9
"""Cosine from which meaning alone is taken for a match."""


@dataclass(frozen=True, slots=True)
class FlowMatch:
    """A flow that may be meant."""

    record: Record
    step: Step
    """By what it was found."""
    score: float
    """Confidence in [0, 1]; higher is better."""
    compartment: str | None
    """"same", "wider" or "other" against the compartment asked for; `None` if none was asked."""
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a question for a flow led to."""

    decision: Decision
    """`tie`: several flows fit equally and all are shown; `none`: nothing fits."""
    matches: tuple[FlowMatch, ...]
    """The flow, or the tied flows."""
    near: tuple[FlowMatch, ...] = ()
    """Flows that do not fit and may help: other compartments, other origins, similar names."""

    @property
    def best(self) -> FlowMatch | None:
        """The match, or `None` where there is none or a tie."""
        return self.matches[0] if self.decision == "match" else None


@dataclass(slots=True)
class _Tables:
    """Flow numbers by what names them."""

    uuid: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    cas: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    ec: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    formula: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    name: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    synonym: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    words: dict[tuple[str, ...], list[int]] = field(default_factory=lambda: defaultdict(list))


class FlowResolver:
    """Finds flows among given ones. Build it once, ask it often; safe to share by threads."""

    def __init__(self, flows: Iterable[Record], *, encoder: Encoder | None = None) -> None:
        """Take the flows and note what names them.

        Args:
            flows: Records of kind "flow"; others are passed over.
            encoder: For the last step, by meaning; left out if `None`.
        """
        self.flows: Sequence[Record] = [record for record in flows if record.flow is not None]
        self._places = [of_record(record) for record in self.flows]
        self._marks = [label(str(record.name)).marks for record in self.flows]
        self._tables = _Tables()
        self._keys: list[Label] = []
        self._owners: list[list[int]] = []
        self._fill()
        self._grams = _grams([item.key for item in self._keys])
        self._sizes = np.array([max(1, len(item.key)) for item in self._keys], dtype=np.float32)
        self._encoder = encoder
        self._vectors = self._encode()

    def resolve(
        self,
        text: str = "",
        *,
        cas: str | None = None,
        ec: str | None = None,
        formula: str | None = None,
        uuid: str | None = None,
        compartment: str | tuple[str, ...] | None = None,
        kind: FlowKind | None = None,
    ) -> Resolution:
        """The flow that is meant.

        Args:
            text: A name, a phrase or an identifier.
            cas: CAS number, padded or not.
            ec: EC number.
            formula: Molecular formula.
            uuid: UUID of the flow.
            compartment: Words or path of the compartment ("air", "Emissions to fresh water").
            kind: "elementary", "product" or "waste" to leave out the others.

        Raises:
            QueryError: If the words name no compartment that is known.
        """
        asked = None if compartment is None else _asked(compartment)
        near: dict[int, FlowMatch] = {}
        for step, numbers, reason in self._steps(text, cas, ec, formula, uuid):
            found = [
                self._match(number, step, reason, asked)
                for number in dict.fromkeys(numbers)
                if kind is None or self._kind(number) == kind
            ]
            fitting, rest = self._split(found, asked, text)
            for match in rest:
                near.setdefault(id(match.record), match)
            if fitting:
                return _decided(fitting, tuple(near.values()))
            if found and step in ("uuid", "cas", "ec", "name"):
                # The substance is known and does not occur in this compartment: other names
                # would only lead away from it.
                return Resolution("none", (), tuple(near.values()))
        return Resolution("none", (), tuple(near.values()))

    def _fill(self) -> None:
        owners: dict[str, list[int]] = defaultdict(list)
        labels: dict[str, Label] = {}
        for number, record in enumerate(self.flows):
            facts = record.flow
            if facts is None:
                continue
            self._tables.uuid[record.uuid.lower()].append(number)
            for value in cas_numbers(facts.cas):
                self._tables.cas[value].append(number)
            for value in ec_numbers(facts.ec):
                self._tables.ec[value].append(number)
            written = hill(facts.formula)
            if written:
                self._tables.formula[written].append(number)
            for table, item in self._labels(record):
                table[item.key if table is self._tables.name else _charged(item)].append(number)
                self._tables.words[item.bag].append(number)
                owners[item.key].append(number)
                labels.setdefault(item.key, item)
        self._tables.words.pop((), None)
        for key, numbers in list(self._tables.synonym.items()):
            if len({str(self.flows[number].name).casefold() for number in numbers}) > _GENERIC:
                del self._tables.synonym[key]
                owners.pop(key.partition("+")[0], None)
        self._keys = [labels[key] for key in owners]
        self._owners = list(owners.values())

    def _labels(self, record: Record) -> Iterator[tuple[dict[str, list[int]], Label]]:
        for text in (str(record.name), *record.name.base.all()):
            yield self._tables.name, label(text)
        for text in record.synonyms.all():
            for synonym in text.replace("；", ";").split(";"):
                item = label(synonym)
                if len(item.key) > 1:
                    yield self._tables.synonym, item

    def _steps(
        self, text: str, cas: str | None, ec: str | None, formula: str | None, uuid: str | None
    ) -> Iterator[tuple[Step, Iterable[int], str]]:
        """What each step finds, the surest first; later steps are only worked out when asked."""
        named = identifiers(text)
        tables = self._tables
        for value in ((uuid,) if uuid else ()) + named.uuids:
            yield "uuid", tables.uuid.get(value.lower(), ()), f"UUID {value}"
        for value in cas_numbers(cas) + named.cas:
            yield "cas", tables.cas.get(value, ()), f"CAS number {value}"
        for value in ec_numbers(ec) + named.ec:
            yield "ec", tables.ec.get(value, ()), f"EC number {value}"
        readings = spellings(text) if text.strip() else ()
        for reading in readings:
            item = label(reading)
            yield "name", self._agreeing(tables.name.get(item.key, ()), text), f"name {reading!r}"
        for reading in readings:
            listed = tables.synonym.get(_charged(label(reading)), ())
            found = self._agreeing(listed, text) or self._of_origin(listed, text)
            yield "synonym", found, f"synonym {reading!r}"
        for reading in readings:
            for value in substances().get(label(reading).key, ()):
                found = self._of_origin(tables.cas.get(value, ()), text)
                yield "synonym", found, f"CAS number {value}, which {reading!r} bears"
        whole = hill(formula or text)
        if whole:
            yield "formula", tables.formula.get(whole, ()), f"formula {whole}"
        if text.strip():
            found = self._agreeing(tables.words.get(label(text).bag, ()), text)
            yield "words", found, "the same words in another order"
            yield from self._fuzzy(readings, text)
            yield from self._dense(text)

    def _agreeing(self, numbers: Iterable[int], text: str) -> list[int]:
        marks = label(text).marks
        return [number for number in numbers if not marks.conflict(self._marks[number])]

    def _of_origin(self, numbers: Iterable[int], text: str) -> list[int]:
        """As `_agreeing` for names that the source itself lists: only the origin must agree."""
        origin = label(text).marks.origin
        return [
            number
            for number in numbers
            if origin is None or self._marks[number].origin in (None, origin)
        ]

    def _fuzzy(
        self, readings: Sequence[str], text: str
    ) -> Iterator[tuple[Step, Iterable[int], str]]:
        """Flows whose name or synonym is a few slips of the finger away."""
        best: dict[int, list[int]] = defaultdict(list)
        for reading in readings:
            item = label(reading)
            allowed = _allowed_slips(len(item.key))
            if not allowed:
                continue
            for candidate in self._similar(item.key, 60):
                other = self._keys[candidate]
                if item.digits != other.digits:
                    continue
                distance = edits(item.key, other.key, allowed)
                swapped = distance < 2 and swapped_stem(item.key, other.key)
                if distance <= allowed and not swapped:
                    best[distance].extend(self._agreeing(self._owners[candidate], text))
        for distance in sorted(best):
            words = "one slip" if distance == 1 else f"{distance} slips"
            yield "fuzzy", best[distance], f"a name {words} of the finger away"
            return

    def _similar(self, key: str, count: int) -> list[int]:
        """Numbers of the keys that share most pairs of signs with `key` (Dice)."""
        shared = np.zeros(len(self._keys), dtype=np.float32)
        pairs = _pairs(key)
        for pair in pairs:
            holders = self._grams.get(pair)
            if holders is not None:
                shared[holders] += 1
        scores = 2 * shared / (len(pairs) + self._sizes)
        order = np.argpartition(-scores, min(count, len(scores) - 1))[:count]
        return [int(number) for number in order if scores[number] > 0.25]

    def _dense(self, text: str) -> Iterator[tuple[Step, Iterable[int], str]]:
        if self._encoder is None or self._vectors is None:
            return
        cosines = self._vectors @ self._encoder.encode_queries([text])[0]
        order = np.argsort(-cosines)[:10]
        for number in self._agreeing([int(position) for position in order], text):
            cosine = float(cosines[number])
            yield "dense", [number], f"similar meaning (cosine {cosine:.2f})"
            if cosine < _DENSE_SURE:
                return

    def _encode(self) -> FloatArray | None:
        if self._encoder is None or not self.flows:
            return None
        return self._encoder.encode_documents([str(record.name) for record in self.flows])

    def _kind(self, number: int) -> FlowKind | None:
        facts = self.flows[number].flow
        return facts.kind if facts else None

    def _match(self, number: int, step: Step, reason: str, asked: Compartment | None) -> FlowMatch:
        record, place = self.flows[number], self._places[number]
        fit = None if asked is None else fits(asked, place) or "no"
        reasons = [f"found by {reason}"]
        if asked is not None and fit != "same":
            reasons.append(f"asked {asked}, got {place or 'no compartment'}")
        return FlowMatch(record, step, _CONFIDENCE[step], fit, tuple(reasons))

    def _split(
        self, found: Sequence[FlowMatch], asked: Compartment | None, text: str
    ) -> tuple[list[FlowMatch], list[FlowMatch]]:
        """Matches that fit the compartment, and those that do not."""
        fitting = [match for match in found if asked is None or match.compartment == "same"]
        fitting = [match for match in fitting if match.step != "dense" or _sure(match)]
        fitting = self._by_origin(fitting, text)
        taken = {id(match) for match in fitting}
        return fitting, [match for match in found if id(match) not in taken]

    def _by_origin(self, found: list[FlowMatch], text: str) -> list[FlowMatch]:
        """Without an origin in the question, a flow without one comes before fossil or biogenic.

        Only within one compartment and substance: carbon dioxide taken from the air does not stand
        for the emissions of it, nor cobalt for what shares a short form with it.
        """
        if label(text).marks.origin is not None or not text.strip():
            return found
        plain = [
            (of_record(match.record), set(label(str(match.record.name)).bag))
            for match in found
            if label(str(match.record.name)).marks.origin is None
        ]
        return [match for match in found if not _served(match.record, plain)]


def _asked(words: str | tuple[str, ...]) -> Compartment:
    """The compartment that a question names; the path of a flow may be one without a medium."""
    found = read_compartment(words)
    if isinstance(words, str) and found.medium is None and not found.resource:
        raise QueryError(
            f"no compartment is known as {words!r}; name one of {', '.join(known_compartments())}"
        )
    return found


def _sure(match: FlowMatch) -> bool:
    return float(match.reasons[0].rsplit(" ", 1)[1].rstrip(")")) >= _DENSE_SURE


def _charged(item: Label) -> str:
    """The key of a synonym with its charge: cobalt's "Co(2+)" is not carbon dioxide's "CO2"."""
    charge = item.marks.charge
    return item.key if charge is None else f"{item.key}+{charge}"


def _served(record: Record, plain: Sequence[tuple[Compartment | None, set[str]]]) -> bool:
    """Whether a flow of an origin has a plain one of its substance and compartment beside it."""
    own = label(str(record.name))
    if own.marks.origin is None:
        return False
    place = of_record(record)
    return any(place == other and words <= set(own.bag) for other, words in plain)


def _decided(fitting: Sequence[FlowMatch], near: tuple[FlowMatch, ...]) -> Resolution:
    """A match if the flows found are one; the versions of one flow are one."""
    keys = {match.record.uuid for match in fitting}
    ordered = tuple(sorted(fitting, key=lambda match: match.record.version, reverse=True))
    return Resolution("match" if len(keys) == 1 else "tie", ordered, near)


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


def _allowed_slips(length: int) -> int:
    if length < 5:
        return 0
    return 1 if length < 7 else 2 if length < 10 else 3 if length < 20 else 4


def _pairs(key: str) -> set[str]:
    padded = f"^{key}$"
    return {padded[i : i + 2] for i in range(len(padded) - 1)}


def _grams(keys: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    holders: dict[str, list[int]] = defaultdict(list)
    for number, key in enumerate(keys):
        for pair in _pairs(key):
            holders[pair].append(number)
    return {pair: np.array(numbers, dtype=np.int64) for pair, numbers in holders.items()}
