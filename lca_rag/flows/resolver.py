"""From a name, a number or a phrase to the flow it means, one careful step after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from lca_rag.errors import QueryError
from lca_rag.flows.compartments import Compartment, fits, of_record
from lca_rag.flows.compartments import compartment as read_compartment
from lca_rag.flows.compartments import known as known_compartments
from lca_rag.flows.naming import edits, label, spellings, swapped_stem
from lca_rag.flows.tables import NameTables, charged_key, substances
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
        self._tables = NameTables(self.flows)
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
        elsewhere: list[FlowMatch] = []
        resource = None if asked is None else asked.resource
        for step, numbers, reason in self._steps(text, cas, ec, formula, uuid, resource=resource):
            if elsewhere and step != "name":
                return self._same_substance(elsewhere, asked, text, kind, near)
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
            if found and step in ("uuid", "cas", "ec"):
                # The substance is known and does not occur in this compartment: other names
                # would only lead away from it.
                break
            if step == "name":  # its other readings may still fit ("Methane, fossil": methane)
                elsewhere.extend(found)
        return Resolution("none", (), tuple(near.values()))

    def _same_substance(
        self,
        elsewhere: Sequence[FlowMatch],
        asked: Compartment | None,
        text: str,
        kind: FlowKind | None,
        near: dict[int, FlowMatch],
    ) -> Resolution:
        """What bears, in the compartment asked for, the CAS number of a name known elsewhere.

        Nomenclatures call one substance "water" here and "water vapour" there.
        """
        known = {
            value: str(match.record.name)
            for match in elsewhere
            if match.record.flow
            for value in cas_numbers(match.record.flow.cas)
        }
        found = [
            self._match(number, "cas", f"CAS number {value}, which {name!r} bears", asked)
            for value, name in known.items()
            for number in self._agreeing(self._tables.cas.get(value, ()), text)
            if kind is None or self._kind(number) == kind
        ]
        fitting, _ = self._split(found, asked, text)
        if fitting:
            return _decided(fitting, tuple(near.values()))
        return Resolution("none", (), tuple(near.values()))

    def _steps(
        self,
        text: str,
        cas: str | None,
        ec: str | None,
        formula: str | None,
        uuid: str | None,
        *,
        resource: bool | None,
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
        readings = spellings(text, resource=resource) if text.strip() else ()
        yield from self._ions(readings, text)
        for reading in readings:
            item = label(reading)
            yield "name", self._agreeing(tables.name.get(item.key, ()), text), f"name {reading!r}"
        for reading in readings:
            listed = self._undisputed(reading, tables.synonym.get(charged_key(label(reading)), ()))
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

    def _ions(
        self, readings: Sequence[str], text: str
    ) -> Iterator[tuple[Step, Iterable[int], str]]:
        """For "Nickel, ion", the ion of nickel if only one charge of it is held."""
        if not label(text).marks.ion or label(text).marks.charge is not None:
            return
        for reading in readings:
            charged = self._tables.ions.get(label(reading).key, ())
            if len({self._marks[number].charge for number in charged}) == 1:
                yield "words", charged, f"the ion of {reading!r}"

    def _undisputed(self, reading: str, listed: Sequence[int]) -> Sequence[int]:
        """Flows that list a synonym, without those of another substance than it names.

        Lists of synonyms are generous: fluorine's may hold "hydrofluoric acid". Where our own
        table knows the number of a name and a flow bears it, the others do not answer for it.
        """
        read = label(reading)
        # Cobalt's "Co2+" is not the table's "CO2".
        known = set() if read.marks.charge else set(substances().get(read.key, ()))
        if not known or not any(value in self._tables.cas for value in known):
            return listed
        return [
            number
            for number in listed
            if (facts := self.flows[number].flow) and known & set(cas_numbers(facts.cas))
        ]

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
            for candidate in self._tables.similar(item.key, 60):
                other = self._tables.keys[candidate]
                if item.digits != other.digits:
                    continue
                distance = edits(item.key, other.key, allowed)
                swapped = distance < 2 and swapped_stem(item.key, other.key)
                if distance <= allowed and not swapped:
                    best[distance].extend(self._agreeing(self._tables.owners[candidate], text))
        for distance in sorted(best):
            words = "one slip" if distance == 1 else f"{distance} slips"
            yield "fuzzy", best[distance], f"a name {words} of the finger away"
            return

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


def _allowed_slips(length: int) -> int:
    if length < 5:
        return 0
    return 1 if length < 7 else 2 if length < 10 else 3 if length < 20 else 4
