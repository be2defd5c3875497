"""What every format becomes: frozen values that know no file format.

A `Record` is one data set. Absence is `None` or an empty tuple, never `""`; a missing amount is
`None`, never zero. Where the source was found and what had to be repaired is kept in
`Record.provenance`, which equality ignores: the same data set from two formats is one record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal, TypeVar, cast

Kind = Literal["process", "flow", "model", "method", "text"]
"""A process, a flow, a life cycle model, an LCIA method, or a free text of a host."""

Direction = Literal["input", "output"]
FlowKind = Literal["elementary", "product", "waste", "other"]

NO_VERSION = "00.00.000"
COMPARTMENTS = "Elementary flow categories"
"""System name of the compartment path of an elementary flow in ILCD."""
_SLUG = re.compile(r"[a-z0-9._-]+")
_Frozen = TypeVar("_Frozen", bound=type)


def _set_at_once(cls: _Frozen) -> _Frozen:
    """A frozen dataclass with slots that is made in half the time; nothing else of it changes.

    A frozen object sets each of its fields through `object.__setattr__`, which for an exchange
    costs more than reading it. So a new object is, until its fields are set, of a class that has
    the same slots and is not frozen. Fields must be for keywords only, with plain defaults.
    """
    own = fields(cast(Any, cls))
    names: dict[str, object] = {
        "open": type(f"_Open{cls.__name__}", (), {"__slots__": tuple(item.name for item in own)}),
        "closed": cls,
        "turn": object.__dict__["__class__"].__set__,
    }
    names |= {f"_{item.name}": item.default for item in own}
    said = ", ".join(
        item.name if item.default is MISSING else f"{item.name}=_{item.name}" for item in own
    )
    lines = [
        f"def __init__(self, *, {said}):",
        "    turn(self, open)",
        *(f"    self.{item.name} = {item.name}" for item in own),
        "    turn(self, closed)",
    ]
    # As `dataclasses` makes it: a loop over the fields would cost what this saves.
    exec("\n".join(lines), names)  # noqa: S102
    made = cast(Any, names["__init__"])
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = cast(Any, cls).__init__.__annotations__
    made.__module__ = cls.__module__
    setattr(cls, "__init__", made)  # noqa: B010 - mypy refuses the plain assignment
    return cls


@dataclass(frozen=True, slots=True)
class Text:
    """One statement in one or more languages, as tagged by the source.

    Tags can lie (Chinese under `en`); they are kept as they are, because the trained text was made
    from them.
    """

    entries: tuple[tuple[str, str], ...] = ()
    """Pairs of language tag (`""` if the source gives none) and stripped, non-empty text."""

    @classmethod
    def of(cls, text: str | None, language: str = "en") -> Text:
        """One entry, or an empty text if there is nothing to say."""
        stripped = (text or "").strip()
        return cls(((language, stripped),)) if stripped else NO_TEXT

    def __bool__(self) -> bool:
        """Whether anything is said."""
        return bool(self.entries)

    def all(self) -> tuple[str, ...]:
        """The texts of every language, in file order."""
        return tuple(text for _, text in self.entries)

    def preferred(self, language: str = "en") -> tuple[str, ...]:
        """Every entry tagged `language`; if there is none, every entry."""
        wanted = tuple(text for tag, text in self.entries if tag == language)
        return wanted or self.all()

    def join(self, separator: str = "\n\n", language: str = "en") -> str | None:
        """The preferred entries as one string, or `None` if nothing is said."""
        return separator.join(self.preferred(language)) or None


NO_TEXT = Text()


@_set_at_once
@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """The four parts of a name, as ILCD knows them; other formats fill `base` alone."""

    base: Text = NO_TEXT
    treatment: Text = NO_TEXT
    mix: Text = NO_TEXT
    functional: Text = NO_TEXT
    """Functional unit flow properties (processes) or flow properties (flows)."""

    def __str__(self) -> str:
        """The English name, parts joined by `"; "`."""
        parts = (self.base, self.treatment, self.mix, self.functional)
        return "; ".join(" | ".join(part.preferred()) for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """One path through one classification system, from the top down."""

    system: str | None = None
    path: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    """Class codes of the levels, or empty where the source has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a record is valid."""

    code: str
    """Code as the source writes it ("CN", "RER", "US-CA"); `places.py` understands it."""
    name: str | None = None
    description: Text = NO_TEXT
    """Restrictions or comments on the geography."""
    parts: tuple[str, ...] = ()
    """Codes of sub-locations."""


@_set_at_once
@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """When a record is valid. Years are calendar years; unknown is `None`."""

    reference_year: int | None = None
    valid_until: int | None = None
    start: int | None = None
    """First year of a from-to range."""
    end: int | None = None
    """Last year of a from-to range."""
    description: Text = NO_TEXT


@_set_at_once
@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """Who owns a record and what may be done with it."""

    type: str | None = None
    """Licence text or type as stated ("Free of charge for all users and uses")."""
    copyright: bool | None = None
    restrictions: Text = NO_TEXT
    owner: Text = NO_TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A pointer to a source, a contact or another record."""

    role: str
    """What it is to the record: "data source", "reviewer", "method", "included process" ..."""
    uuid: str | None = None
    name: Text = NO_TEXT


@_set_at_once
@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One flow into or out of a process."""

    id: str
    """The number or id that the data set gives this exchange."""
    flow: Text = NO_TEXT
    """Name of the flow; empty where the source has none."""
    flow_uuid: str | None = None
    flow_ref: str | None = None
    """The raw reference where it is no UUID (real files hold CAS numbers and words there)."""
    direction: Direction
    amount: float | None = None
    """Amount per reference amount of the process, in `unit`; `None` if the source leaves it out."""
    unit: str | None = None
    """Unit as the source names it; `None` if it cannot be resolved."""
    flow_property: str | None = None
    """The quantity that `unit` measures ("Mass")."""
    reference: bool = False
    flow_kind: FlowKind | None = None
    category: tuple[str, ...] = ()
    """Compartment path of an elementary flow, class path of a product, from the top down."""
    cas: str | None = None
    location: str | None = None
    comment: Text = NO_TEXT
    provider: str | None = None
    """UUID of the process that supplies this input, where the source binds one."""
    avoided: bool = False
    allocation: float | None = None
    """Share of the process's burdens that is allocated to this product, in [0, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowProperty:
    """How much of a quantity one reference amount of a flow holds."""

    name: Text
    mean: float | None = None
    unit: str | None = None
    reference: bool = False
    uuid: str | None = None


@_set_at_once
@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFacts:
    """What only a flow record knows."""

    kind: FlowKind = "other"
    cas: str | None = None
    """CAS number as the source writes it, padding and prose included."""
    ec: str | None = None
    formula: str | None = None
    properties: tuple[FlowProperty, ...] = ()
    supply: str | None = None
    """Location of supply."""


@_set_at_once
@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactResult:
    """One characterised result that a data set carries, or one factor of an LCIA method."""

    indicator: Text
    method: str | None = None
    uuid: str | None = None
    amount: float | None = None
    unit: str | None = None
    module: str | None = None
    """EPD module ("A1-A3"), or `None`."""


@_set_at_once
@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a record was found and what reading it took. Ignored by equality."""

    path: str
    """File, with the member after `!` for an archive."""
    format: str
    repairs: tuple[str, ...] = ()
    """Legal but odd data that was mended or read around, one phrase each."""


@_set_at_once
@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One data set, whatever format it came from."""

    database: str
    """Slug `[a-z0-9._-]+`, which may carry a release ("uslci-2024q2")."""
    uuid: str
    version: str = NO_VERSION
    kind: Kind
    name: Name
    synonyms: Text = NO_TEXT
    classifications: tuple[Classification, ...] = ()
    place: Place | None = None
    period: Period = Period()
    comment: Text = NO_TEXT
    technology: Text = NO_TEXT
    applicability: Text = NO_TEXT
    functional_unit: Text = NO_TEXT
    reference_type: str | None = None
    """How the quantitative reference is stated ("Reference flow(s)", "Functional unit")."""
    references_stated: int = 0
    """How many reference flows the source states; exchanges marked as such may be fewer."""
    data_type: str | None = None
    """Type of data set in the source's words ("Unit process, single operation", "Product flow")."""
    method_principle: str | None = None
    method_approaches: tuple[str, ...] = ()
    """Allocation and other LCI method approaches."""
    system_model: str | None = None
    exchanges: tuple[Exchange, ...] = ()
    flow: FlowFacts | None = None
    results: tuple[ImpactResult, ...] = ()
    licence: Licence = Licence()
    references: tuple[Reference, ...] = ()
    details: tuple[tuple[str, Text], ...] = ()
    """Further prose by label: "Sampling", "Cut-off", "Use advice", "Review", "Intended use" ..."""
    extras: tuple[tuple[str, str], ...] = ()
    """Further short facts by label, as strings, kept in the original wording."""
    provenance: Provenance | None = field(default=None, compare=False)

    @property
    def id(self) -> str:
        """`{database}/{uuid}@{version}`."""
        return f"{self.database}/{self.uuid}@{self.version}"

    @property
    def key(self) -> str:
        """`{database}/{uuid}`, which every version shares."""
        return f"{self.database}/{self.uuid}"

    @property
    def reference_exchanges(self) -> tuple[Exchange, ...]:
        """The exchanges that the process is related to."""
        return tuple(exchange for exchange in self.exchanges if exchange.reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A record found for a question."""

    record: Record
    score: float
    """Higher is better; comparable within one search only, unless the searcher says otherwise."""
    reasons: tuple[str, ...] = ()
    """True sentences on why the record stands here and which wishes it meets or bends."""
    features: Mapping[str, float] = field(default_factory=dict[str, float])
    """The numbers behind the order: "dense" (cosine), "lexical" (BM25), "exact" ..."""


def version_key(version: str) -> tuple[int, ...]:
    """A version as integers, so that 00.01.05 < 00.01.010; text without digits sorts first."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def database_slug(name: str) -> str:
    """`name` in lower case with everything outside `[a-z0-9._-]` turned into a hyphen.

    Raises:
        ValueError: If nothing is left.
    """
    slug = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-.")
    if not _SLUG.fullmatch(slug):
        raise ValueError(
            f"database name {name!r} holds no letter or digit; give one such as 'uslci'"
        )
    return slug
