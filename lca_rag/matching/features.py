"""What speaks for and against a data set as the match of a line, as numbers and as reasons."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lca_rag.errors import UnitError
from lca_rag.matching.concepts import Found, closeness, named, narrowed
from lca_rag.matching.lines import BomLine
from lca_rag.matching.subjects import (
    COMBUSTION,
    SEGMENT,
    Product,
    Subject,
    attributes,
    dice,
    letters,
    parts_of,
)
from lca_rag.matching.vocabulary import HAN, Vocabulary, vocabulary, words
from lca_rag.places import Relation, find_place, recognise, relation
from lca_rag.units import Factor, conversion, dimension

FEATURES = (
    "same concept",
    "concept by-product",
    "related concept",
    "other concept",
    "line unknown",
    "data set unknown",
    "unmet concepts",
    "head coverage",
    "meaning",
    "shared words",
    "best words",
    "same letters",
    "head word",
    "unexplained",
    "unit fits",
    "unit needs factor",
    "unit differs",
    "place fits",
    "place elsewhere",
    "grid elsewhere",
    "nearest place",
    "nearest grid",
    "burning differs",
    "recycling differs",
    "bio differs",
    "narrow use",
    "extra words",
    "recent",
)
"""Columns of a feature row; all in about [0, 1]."""

PART = "(part)"
"""Words for parts and vessels that say nothing of what they are made of."""
_SHAPES = frozenset(
    {"metal part", "packaging, other", "plastic, other", "insulation, other", "adhesive", "window"}
)
_UNFINISHED_WORDS = "raw green rough unfinished wet crude pressed"
UNFINISHED = frozenset(_UNFINISHED_WORDS.split())
"""Words of intermediate products, which nobody means who does not say so."""
_FORM_WORDS = (
    "granule granulate granulat pellet powder pulver flake chip sheet plate coil strip bar rod "
    "tube pipe profile film foil roll reel bag sack drum bulk grade quality liquid solid molten "
    "crushed ground fine coarse standard industrial technical commercial pure virgin natural "
    "black white clear cut length thick dia diameter size box bottle can bale ton stuck piece "
    "blech platte rohr profil rolle fass feuille tole barre plaque lamina chapa barra polvo "
    "lastra tubo new fresh techn technisch rein lose mm cm m gsm g kg l ml w kw v bar my um "
    "\u03bcm m2 m3 pc inch ft gauge ga psi ply"
)
_FORMS = frozenset(_FORM_WORDS.split())
"""Words of shape, packing and quality: they leave open what a thing is made of, and change
nothing about it."""
_BEFORE_MATTER_WORDS = (
    "of from for in with by at de du des d'un en di da del della aus von fur mit pour para con "
    "avec w per zu auf on to via"
)
_BEFORE_MATTER = frozenset(_BEFORE_MATTER_WORDS.split())
"""Words between the noun and what qualifies it: before them stands what is bought."""
_POWER_UNIT = re.compile(r"[kmgt]?wh")
_POWER = frozenset({"electricity"})
_COUNTRY = 2
"""Rung of a country on the ladder of places."""
_DIMENSIONS: Mapping[str, tuple[str, ...]] = {
    "transport": ("tkm", "p*km", "vkm"),
    "energy": ("MJ",),
}
_FILLER_WORDS = (
    "at plant the of and for in a an us ctr mill production average mix product from by to with "
    "per resin process processing kg t"
)
_FILLERS = frozenset(_FILLER_WORDS.split())


_SHORT: Mapping[str, tuple[str, ...]] = {
    "kd": ("dried", "dry", "kiln"),
    "s4s": ("planed", "surfaced", "planer"),
    "stearate": ("treated",),
    "um": ("micron",),
    "µm": ("micron",),
    "molded": ("molding",),
    "ftl": ("long", "haul", "combination"),
    "ltl": ("short", "haul"),
    "local": ("short", "haul"),
    "motorway": ("long", "haul"),
    "pipeline": ("processed",),
    "prepainted": ("coated",),
    "gravel": ("crushed",),
    "petrol": ("gasoline",),
}
"""Short forms and other spellings, to the words that inventories use."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A line, understood."""

    line: BomLine
    concepts: tuple[str, ...]
    """The first one is what is bought; the others qualify it."""
    words: frozenset[str]
    head: frozenset[str]
    """The last word before the first comma, where English, German and Chinese put the noun; the
    first one too, where French and Spanish do."""
    loose: frozenset[str]
    """Words before the first comma that belong to no concept: "oxide" where "zinc" is known."""
    told: int
    """How many words there are before the first comma, numbers and fillers left out."""
    letters: frozenset[str]
    """Threes of letters of what stands before the first comma."""
    place: str | None
    burned: bool
    recycled: bool
    bio: bool
    dimension: str | None
    facts: tuple[tuple[str, Factor], ...]


@dataclass(frozen=True, slots=True)
class UnitFit:
    """How the line's unit becomes the data set's."""

    kind: str
    """"same", "convert", "factor" (a factor of the line is needed and there), or "mismatch"."""
    factor: float | None
    """Reference amounts of the data set per unit of the line."""
    unit: str | None
    sentence: str
    product: Product | None


def understand(line: BomLine, table: Vocabulary | None = None) -> Asked:
    """What a line asks for, in the words of a vocabulary; the shipped one by default."""
    table = table or vocabulary()
    opening = SEGMENT.split(line.description, maxsplit=1)[0]
    heard = named(line.description, table)
    spoken = words(opening)
    found = _headed(heard, spoken)
    told = [word for word in spoken if not word[0].isdigit() and word not in _FILLERS | _FORMS]
    explained = {word for item in heard for word in spoken[item.first : item.last]}
    measured = _dimension(line.unit)
    if _POWER_UNIT.fullmatch((line.unit or "").casefold()) and not any(
        table.domains.get(concept) == "energy" for concept in found
    ):
        # "Site 4, night tariff" in kWh: nothing else is bought by the kilowatt-hour unnamed.
        found.insert(0, "electricity")
    ordered = sorted(dict.fromkeys(found), key=lambda name: _rank(name, measured, table))
    burned, recycled, bio = attributes(f"{line.description} {line.note or ''}")
    if burned:
        ordered.sort(key=lambda name: not name.startswith(COMBUSTION))
    place = line.place
    if not place:
        mentioned = [mention for mention in recognise(line.description) if mention.certain]
        place = mentioned[0].areas[0].code if mentioned else None
    known = find_place(place) if place else None
    return Asked(
        line=line,
        concepts=narrowed(ordered),
        words=_spread(parts_of(line.description)),
        head=_spread([*told[-1:], *told[:1]]),
        loose=frozenset(told) - explained,
        told=len(told),
        letters=letters(opening),
        place=known.code if known else None,
        burned=burned,
        recycled=recycled,
        bio=bio,
        dimension=measured,
        facts=tuple(line.facts().items()),
    )


def _headed(heard: Sequence[Found], spoken: Sequence[str]) -> list[str]:
    """Concepts with the head of the first phrase first: the last noun before any preposition."""
    end = next((at for at, word in enumerate(spoken) if at and word in _BEFORE_MATTER), len(spoken))
    inside = [item for item in heard if item.last <= end and not HAN.match(spoken[item.first])]
    last = inside[-1:]
    if last and any(item.concept.startswith(f"{last[0].concept} ") for item in heard):
        # "Wind power, electricity" is not about electricity at large.
        last = []
    ordered = [*last, *(item for item in heard if item not in last)]
    return [item.concept for item in ordered if item.concept != PART]


def _spread(found: Sequence[str]) -> frozenset[str]:
    """Words of a line, with what the trade's short forms stand for."""
    added = (word for short in found for word in _SHORT.get(short, ()))
    return frozenset((*found, *added)) - _FILLERS


def _dimension(unit: str | None) -> str | None:
    try:
        return dimension(unit) if unit else None
    except UnitError:
        return None


def _rank(concept: str, measured: str | None, table: Vocabulary) -> int:
    """Which of a line's concepts is what is bought; lower goes first.

    A unit of transport asks for transport first and one of energy for an energy carrier. A word
    for a shape, such as "valve" or "packaging", is what is bought only if no matter is named.
    """
    wanted = _measured_domain(measured)
    if wanted is not None and table.domains.get(concept) == wanted:
        return 0
    return 2 if concept in _SHAPES else 1


@lru_cache(maxsize=256)
def _measured_domain(measured: str | None) -> str | None:
    if measured is None:
        return None
    for domain, units in _DIMENSIONS.items():
        if measured in {dimension(unit) for unit in units}:
            return domain
    return None


def unit_fit(asked: Asked, subject: Subject) -> UnitFit:
    """How the line's unit fits the product of the data set that the line is about."""
    product = _product(asked, subject)
    unit = asked.line.unit
    if product is None or not product.unit or not unit:
        return UnitFit("mismatch", None, None, "no unit to compare", product)
    kind, factor, sentence = _fit(unit, product.unit, asked.facts)
    return UnitFit(kind, factor, product.unit, sentence, product)


@lru_cache(maxsize=20_000)
def _fit(
    unit: str, wanted: str, facts: tuple[tuple[str, Factor], ...]
) -> tuple[str, float | None, str]:
    try:
        found = conversion(1.0, unit, wanted, facts=dict(facts), standard_gas=True)
    except UnitError as error:
        return "mismatch", None, str(error)
    kind = "factor" if found.used else "same" if abs(found.amount - 1) < 1e-12 else "convert"
    return kind, found.amount, found.sentence


def _product(asked: Asked, subject: Subject) -> Product | None:
    """The product that the line is about; the reference flow where none is named better."""
    best: tuple[float, Product] | None = None
    for product in subject.products:
        score = max(
            (closeness(want, got) for want in asked.concepts[:1] for got in product.concepts[:1]),
            default=0.0,
        )
        score += 0.05 * product.reference
        if best is None or score > best[0]:
            best = (score, product)
    return best[1] if best else None


def place_of(asked: Asked, subject: Subject) -> Relation | None:
    """How the data set's place serves the line's; `None` if the line states none."""
    return None if asked.place is None else relation(asked.place, subject.place)


def rows(
    asked: Asked,
    subjects: Sequence[Subject],
    cosines: Sequence[float],
    weights: Mapping[str, float],
) -> NDArray[np.float64]:
    """Feature rows of candidates, shape (candidates, features).

    Args:
        asked: The line.
        subjects: The candidates.
        cosines: Cosine of each with the line; 0 where no encoder is at hand.
        weights: Rarity of each word among the data sets.
    """
    rarest = max(weights.values(), default=1.0)
    shares = [_shared(asked.words, subject.words, weights, rarest) for subject in subjects]
    top = max(shares, default=0.0)
    years = [subject.year for subject in subjects if subject.year]
    newest = max(years, default=0)
    table = np.zeros((len(subjects), len(FEATURES)))
    for number, subject in enumerate(subjects):
        values = {
            **_subject_values(asked, subject),
            **_attribute_values(asked, subject),
            **_place_values(asked, subject),
            "meaning": cosines[number],
            "shared words": shares[number],
            "best words": shares[number] / top if top else 0.0,
            "same letters": max(dice(asked.letters, held) for held in subject.letters),
            "unexplained": len(asked.loose - subject.words) / max(1, asked.told),
            "head word": float(bool(asked.head & subject.words)),
            "recent": 1 - min(20, newest - subject.year) / 20 if subject.year else 0.0,
        }
        table[number] = [values.get(name, 0.0) for name in FEATURES]
    if asked.place is not None:
        _mark_nearest(table, asked)
    return table


def _mark_nearest(table: NDArray[np.float64], asked: Asked) -> None:
    """Mark the rows that no other row about the same thing beats by its place."""
    column = {name: number for number, name in enumerate(FEATURES)}
    about = table[:, column["same concept"]] > 0
    if not about.any():
        about = table[:, column["related concept"]] > 0
    fits = table[:, column["place fits"]]
    if not about.any() or not fits[about].any():
        return
    kind = "nearest grid" if _POWER & set(asked.concepts) else "nearest place"
    table[:, column[kind]] = about & (fits >= fits[about].max() - 1e-9)


def _subject_values(asked: Asked, subject: Subject) -> dict[str, float]:
    values: dict[str, float] = {"head coverage": subject.coverage}
    fit = unit_fit(asked, subject)
    values["unit fits"] = float(fit.kind in ("same", "convert"))
    values["unit needs factor"] = float(fit.kind == "factor")
    values["unit differs"] = float(fit.kind == "mismatch")
    named = subject.concepts[:1]
    given = {product.concepts[0] for product in subject.products if product.concepts}
    given.update(subject.pair)
    values["data set unknown"] = float(not named and not given)
    if not asked.concepts:
        values["line unknown"] = 1.0
        return values
    want = asked.concepts[0]
    near = max((closeness(want, got) for got in (*named, *given)), default=0.0)
    if named and want == named[0]:
        values["same concept"] = 1.0
    elif want in given:
        values["same concept"] = values["concept by-product"] = 1.0
    elif near > 0:
        values["related concept"] = near
    elif named or given:
        values["other concept"] = 1.0
    met = subject.others | given
    unmet = [
        extra for extra in asked.concepts[1:] if all(closeness(extra, got) < 0.5 for got in met)
    ]
    values["unmet concepts"] = min(1.0, len(unmet) / 2)
    return values


def _attribute_values(asked: Asked, subject: Subject) -> dict[str, float]:
    extra = len(subject.words - asked.words - _FILLERS)
    return {
        "burning differs": float(asked.burned != subject.burned),
        "recycling differs": float(asked.recycled != subject.recycled),
        "bio differs": float(asked.bio and not subject.bio),
        "narrow use": float(subject.narrow or bool((UNFINISHED & subject.words) - asked.words)),
        "extra words": min(1.0, extra / 8),
    }


def _place_values(asked: Asked, subject: Subject) -> dict[str, float]:
    power = bool(_POWER & set(subject.concepts)) or bool(_POWER & set(asked.concepts))
    found = place_of(asked, subject)
    if found is None:
        # Without a wish a national or continental set is better than one for a small region.
        known = find_place(subject.place) if subject.place else None
        return {"place fits": 0.8 if known is None or known.level >= 2 else 0.3}
    area = find_place(subject.place) if subject.place else None
    if found.kind == "wider" and power and area is not None and area.level > _COUNTRY:
        # A mix of a continent or of other countries is no grid of this place.
        return {"place elsewhere": 1.0, "grid elsewhere": 1.0}
    if found.kind in ("same", "wider"):
        return {"place fits": 1 / (1 + found.steps + 0.01 * found.breadth)}
    if found.kind in ("narrower", "unknown"):
        return {"place fits": 0.3}
    return {"place elsewhere": 1.0, "grid elsewhere": float(power)}


def _shared(
    asked: frozenset[str], held: frozenset[str], weights: Mapping[str, float], rarest: float
) -> float:
    """Share of the line's words, weighed by rarity, that a name holds, in [0, 1]."""
    total = sum(weights.get(word, rarest) for word in asked)
    return sum(weights.get(word, rarest) for word in asked & held) / total if total else 0.0
