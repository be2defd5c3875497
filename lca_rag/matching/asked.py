"""What a line asks for: its concepts, its words, its place and what it says of kind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from lca_rag.errors import UnitError
from lca_rag.matching.concepts import Found, named, narrowed
from lca_rag.matching.lines import BomLine
from lca_rag.matching.routes import family, power_kind, routed, routes
from lca_rag.matching.stages import left_over, stages
from lca_rag.matching.subjects import COMBUSTION, SEGMENT, attributes, letters, parts_of
from lca_rag.matching.vocabulary import HAN, Vocabulary, vocabulary, words
from lca_rag.places import find_place, recognise
from lca_rag.units import Factor, dimension

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
FORMS = frozenset(_FORM_WORDS.split())
"""Words of shape, packing and quality: they leave open what a thing is made of, and change
nothing about it."""
_HAN_FORMS = re.compile(
    r"散装|袋装|桶装|吨袋|瓶装|卷装|(?:工业|食品|试剂|医药|一|优|特)级|标准|优质|国标|采购|供应|"
    r"颗粒|粒料|粉末|粉状|板材?|管材?|棒材?|型材?|薄膜|新料|原料|材料|工业|级|料|品|用|型"
)
"""The same in Chinese."""
_BEFORE_MATTER_WORDS = (
    "of from for in with by at de du des d'un en di da del della aus von fur mit pour para con "
    "avec w per zu auf on to via"
)
_BEFORE_MATTER = frozenset(_BEFORE_MATTER_WORDS.split())
"""Words between the noun and what qualifies it: before them stands what is bought."""
_FIRED = re.compile(r"\b(gas|oil|coal|lignite|anthracite|wood|biomass)[- ]fired\b", re.IGNORECASE)
_STATION = re.compile(
    r"net output|\bpeaker|power (?:plant|station)|tolling|generating unit|busbar|kraftwerk",
    re.IGNORECASE,
)
_STATIONS = {"wood": "electricity biomass"}
"""Kinds of electricity that are not called by their fuel."""
_POWER_UNIT = re.compile(r"[kmgt]?wh")
_DIMENSIONS: Mapping[str, tuple[str, ...]] = {
    "transport": ("tkm", "p*km", "vkm"),
    "energy": ("MJ",),
}
_FILLER_WORDS = (
    "at plant the of and for in a an us ctr mill production average mix product from by to with "
    "per resin process processing kg t market group unspecified"
)
FILLERS = frozenset(_FILLER_WORDS.split())


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
    implied: bool
    """Whether the unit alone says what is bought."""
    noun: str | None
    """The noun of the first phrase, where it belongs to no concept."""
    stages: frozenset[str]
    """Stages and salts that no concept accounts for, as `stages.left_over`."""
    said: frozenset[str]
    """All stages and salts that the line names."""
    told: int
    """How many words there are before the first comma, numbers and fillers left out."""
    letters: frozenset[str]
    """Threes of letters of what stands before the first comma."""
    place: str | None
    burned: bool
    recycled: bool
    bio: bool
    dimension: str | None
    family: str | None
    """The class of what is bought, as `routes.family`."""
    kind: str | None
    """The table of routes that there is a choice of, as `routes.routed`."""
    routes: frozenset[str]
    facts: tuple[tuple[str, Factor], ...]


def understand(line: BomLine, table: Vocabulary | None = None) -> Asked:
    """What a line asks for, in the words of a vocabulary; the shipped one by default."""
    table = table or vocabulary()
    opening = SEGMENT.split(line.description, maxsplit=1)[0]
    heard = named(line.description, table)
    spoken = words(opening)
    found = _headed(heard, spoken)
    told = [word for word in spoken if _tells(word)]
    explained = {word for item in heard for word in spoken[item.first : item.last]}
    told, explained = _parted(told, explained, [item.concept for item in heard], table)
    loose = frozenset(told) - explained
    phrase = spoken[: _phrase_end(spoken)]
    nouns = [word for word in phrase if word in told or word in explained]
    measured = _dimension(line.unit)
    powered = bool(_POWER_UNIT.fullmatch((line.unit or "").casefold()))
    implied = powered and not any(table.domains.get(concept) == "energy" for concept in found)
    fired = _FIRED.search(line.description)
    stationed = bool(fired) and bool(powered or _STATION.search(line.description))
    if fired and stationed:
        # What a gas-fired station gives is electricity; what a gas-fired boiler does is burning.
        fuel = fired.group(1).lower()
        found.insert(0, _STATIONS.get(fuel, f"electricity {fuel}"))
    elif implied:
        # "Site 4, night tariff" in kWh: nothing else is bought by the kilowatt-hour unnamed.
        found.insert(0, "electricity")
    ordered = sorted(dict.fromkeys(found), key=lambda name: _rank(name, measured, table))
    burned, recycled, bio = attributes(f"{line.description} {line.note or ''}", ordered)
    burned = burned and not stationed
    if burned:
        ordered.sort(key=lambda name: not name.startswith(COMBUSTION))
    place = line.place
    if not place:
        mentioned = [mention for mention in recognise(line.description) if mention.certain]
        place = mentioned[0].areas[0].code if mentioned else None
    known = find_place(place) if place else None
    about = narrowed(ordered)
    station = power_kind(line.description) if about[:1] == ("electricity",) else None
    about = (station, *about) if station else about
    first = about[0] if about else None
    domain = table.domains.get(first) if first else None
    classed = family(first, domain, line.unit, line.description)
    kind = routed(first, "freight" if classed == "freight" else domain)
    said = " ".join((line.description, line.note or "", *about))
    return Asked(
        line=line,
        concepts=about,
        words=_spread(parts_of(line.description)),
        head=_spread([*told[-1:], *told[:1]]),
        loose=loose,
        implied=implied and bool(loose),
        noun=nouns[-1] if nouns and nouns[-1] in loose else None,
        stages=left_over(loose),
        said=stages(line.description),
        told=len(told),
        letters=letters(opening),
        place=known.code if known else None,
        burned=burned,
        recycled=recycled,
        bio=bio,
        dimension=measured,
        family=classed,
        kind=kind,
        routes=routes(kind, said) if kind else frozenset(),
        facts=tuple(line.facts().items()),
    )


def _headed(heard: Sequence[Found], spoken: Sequence[str]) -> list[str]:
    """Concepts with the head of the first phrase first: the last noun before any preposition."""
    end = _phrase_end(spoken)
    inside = [item for item in heard if item.last <= end and not HAN.match(spoken[item.first])]
    last = inside[-1:]
    if last and any(item.concept.startswith(f"{last[0].concept} ") for item in heard):
        # "Wind power, electricity" is not about electricity at large.
        last = []
    ordered = [*last, *(item for item in heard if item not in last)]
    return [item.concept for item in ordered if item.concept != PART]


def _tells(word: str) -> bool:
    """Whether a word says what a thing is: no number, no single letter, no form, no filler."""
    short = len(word) < 2 and not HAN.match(word)
    return not short and not word[0].isdigit() and word not in FILLERS | FORMS


def _phrase_end(spoken: Sequence[str]) -> int:
    """Where the first phrase ends: before a preposition."""
    return next(
        (at for at, word in enumerate(spoken) if at and word in _BEFORE_MATTER), len(spoken)
    )


def _parted(
    told: Sequence[str], explained: set[str], heard: Sequence[str], table: Vocabulary
) -> tuple[list[str], set[str]]:
    """Words with runs of Chinese signs parted into what a concept accounts for and the rest."""
    parts: list[str] = []
    known = set(explained)
    for word in told:
        if not HAN.match(word):
            parts.append(word)
            continue
        known.discard(word)
        rest = _HAN_FORMS.sub(" ", word)
        spellings = [sign for sign, concept in table.chinese.items() if concept in heard]
        for spelling in sorted(spellings, key=len, reverse=True):
            if spelling in rest:
                rest = rest.replace(spelling, " ")
                parts.append(spelling)
                known.add(spelling)
        parts.extend(run[at : at + 2] for run in rest.split() for at in range(0, len(run), 2))
    return parts, known


def _spread(found: Sequence[str]) -> frozenset[str]:
    """Words of a line, with what the trade's short forms stand for."""
    added = (word for short in found for word in _SHORT.get(short, ()))
    return frozenset((*found, *added)) - FILLERS


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
