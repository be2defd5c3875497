"""What the matcher needs to know of each data set, worked out once per state of an index."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lca_rag.matching.concepts import Found, concepts, narrowed
from lca_rag.matching.routes import family, power_kind
from lca_rag.matching.vocabulary import HAN, vocabulary, words
from lca_rag.places import find_place, recognise
from lca_rag.record import Record

SEGMENT = re.compile(r"[,;(，；（]")
COMBUSTION = "combustion "
"""How the concepts of burning a fuel begin."""
_BURNED = re.compile(
    r"combust(?!ib)|burn|\bfired (?:in\b|boiler)|燃烧|verbrenn|verbrannt|"
    r"br[ûu]l[ée]|quemad[oa]|bruciat[oa]",
    re.IGNORECASE,
)
_FIRED = re.compile(
    r"\b(?:gas|oil|coal|lignite|anthracite|wood|biomass|lpg|propane|diesel|fuel|coke|bunker c),?"
    r"[- ]fired\b",
    re.IGNORECASE,
)
"""Burning too, unless steam, heat or power is what comes of it."""
_RECYCLED = re.compile(
    r"recycl|recycel|rezykl|recicl|ricicl|post-?\s?consumer|regrind|secondary|sekund[äa]r|"
    r"scrap[- ]based|\brpet\b|\brhdpe\b|\brpp\b|再生|回收",
    re.IGNORECASE,
)
_BIO = re.compile(
    r"\bbio[- ]?(?:based|sourced|attributed|naphtha|circular|plastic|pet|pe|pp|pa|hdpe|ldpe|pvc|"
    r"poly\w+)\b|"
    r"renewable|plant[- ]based|sugar ?cane based|\bgreen pe\b|生物基|植物基|biobasiert|"
    r"biosourc|biobasad",
    re.IGNORECASE,
)
_SCRAP = re.compile(r"scrap|waste|\bdisposal|cutoff|residue|reject|dross|recovered", re.IGNORECASE)
_FREE = frozenset({"steam", "heat", "electricity"})
_NARROW = re.compile(r"\bfor\b|\(excl|denatured", re.IGNORECASE)
_MARKET = re.compile(r"^\s*market (?:group )?for\s+", re.IGNORECASE)
_REGION_WORDS = {
    "central": "US-NOAA-C",
    "east north central": "US-NOAA-ENC",
    "northeast": "US-NOAA-NE",
    "northwest": "US-NOAA-NW",
    "south": "US-NOAA-S",
    "southeast": "US-NOAA-SE",
    "southwest": "US-NOAA-SW",
    "west": "US-NOAA-W",
    "west north central": "US-NOAA-WNC",
    "us se": "US-SOUTHEAST",
    "us pnw": "US-PNW",
    "se": "US-SOUTHEAST",
    "pnw": "US-PNW",
    "inw": "US-INW",
    "ne-nc": "US-NENC",
}


@dataclass(frozen=True, slots=True)
class Product:
    """Something that a data set gives."""

    name: str
    unit: str | None
    amount: float | None
    concepts: tuple[str, ...]
    reference: bool
    property: str | None


@dataclass(frozen=True, slots=True)
class Subject:
    """One data set, as far as matching is concerned."""

    id: str
    uuid: str
    name: str
    concepts: tuple[str, ...]
    """The concept of the head of the name, then the others; empty if the head says none."""
    pair: tuple[str, ...]
    """All concepts of a head that names nothing but products: "Ethylbenzene styrene"."""
    others: frozenset[str]
    """Concepts anywhere in the name."""
    coverage: float
    """Share of the head's words that its first concept explains, in [0, 1]."""
    products: tuple[Product, ...]
    words: frozenset[str]
    head: frozenset[str]
    """Words of the head of the name."""
    family: str | None
    """The class of what it gives, as `routes.family`."""
    letters: tuple[frozenset[str], ...]
    """Threes of letters of the head of the name, and of that of what it gives."""
    place: str | None
    """The place that the name states, or the record's."""
    year: int | None
    burned: bool
    recycled: bool
    bio: bool
    narrow: bool
    """Whether the name limits its use ("for olefins production", "(EXCL.)")."""


def subject(record: Record) -> Subject:
    """What is needed of a record."""
    name = " ".join(record.name.base.preferred()) or str(record.name)
    every = str(record.name)
    opening = _opening(name)
    head = len(words(opening))
    found = concepts(_MARKET.sub("", every))
    burned = burning(every, [item.concept for item in found])
    if burned:
        found = tuple(sorted(found, key=lambda item: not item.concept.startswith(COMBUSTION)))
    heads = [item for item in found if item.first < max(1, head)]
    if burned and found and found[0].concept.startswith(COMBUSTION):
        heads = [found[0], *heads]
    covered = max((min(item.last, head) - min(item.first, head) for item in heads), default=0)
    period = record.period
    stated = [int(year) for year in re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", every)]
    products = _products(record)
    called = dict.fromkeys((name, *(item.name for item in products if item.reference)))
    about = narrowed([item.concept for item in (*heads, *found)]) if heads else ()
    kind = power_kind(every) if about[:1] == ("electricity",) else None
    about = (kind, *about) if kind else about
    domain = vocabulary().domains.get(about[0]) if about else None
    unit = next((item.unit for item in products if item.reference), None)
    return Subject(
        id=record.id,
        uuid=record.uuid,
        name=every,
        concepts=about,
        pair=_pair(heads, head),
        others=frozenset(item.concept for item in found),
        coverage=covered / head if head else 0.0,
        products=products,
        words=frozenset(parts_of(every)),
        head=frozenset(words(opening)),
        family=family(about[0] if about else None, domain, unit, every),
        letters=tuple(letters(_opening(each)) for each in called),
        place=_place(record, every),
        year=stated[-1] if stated else period.reference_year or period.end or period.start,
        burned=burned,
        recycled=bool(_RECYCLED.search(every)),
        bio=bool(_BIO.search(every)),
        narrow=bool(_NARROW.search(every)),
    )


def _opening(name: str) -> str:
    """The head of a name, without "market for", which says of what kind the data set is."""
    return SEGMENT.split(_MARKET.sub("", name), maxsplit=1)[0]


def _pair(heads: Sequence[Found], head: int) -> tuple[str, ...]:
    told = sum(min(item.last, head) - item.first for item in heads)
    return tuple(item.concept for item in heads) if len(heads) > 1 and told == head else ()


def parts_of(text: str) -> list[str]:
    """Words of a text; a run of Chinese signs gives its pairs too, as nothing parts its words."""
    found = words(text)
    pairs = (run[at : at + 2] for run in found if HAN.match(run) for at in range(len(run) - 1))
    return [*found, *pairs]


def letters(text: str) -> frozenset[str]:
    """Threes of letters of a text, which words of related languages share."""
    plain = " ".join(word for word in words(text) if not word[0].isdigit())
    return frozenset(plain[at : at + 3] for at in range(len(plain) - 2))


def dice(one: frozenset[str], other: frozenset[str]) -> float:
    """Share of two sets that they have in common, in [0, 1]."""
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0


def burning(text: str, about: Sequence[str]) -> bool:
    """Whether a text of some concepts is about burning a fuel."""
    carried = any(name in _FREE or name.startswith("electricity ") for name in about)
    return bool(_BURNED.search(text)) or (not carried and bool(_FIRED.search(text)))


def attributes(text: str, about: Sequence[str]) -> tuple[bool, bool, bool]:
    """Whether a line is about burning, recycled matter and bio-based matter.

    Args:
        text: What the line says.
        about: Its concepts.
    """
    burned = re.sub(r"not burned|burning booked|not burnt", "", text, flags=re.IGNORECASE)
    return burning(burned, about), bool(_RECYCLED.search(text)), bool(_BIO.search(text))


def _products(record: Record) -> tuple[Product, ...]:
    """Reference flows, and the other products that leave a multi-output process."""
    found = []
    for item in record.exchanges:
        gives = item.direction == "output" and item.flow_kind in ("product", None)
        # Emissions have no kind in formats that do not state one; they have a compartment.
        if item.avoided or not (item.reference or (gives and item.flow_kind and item.amount)):
            continue
        name = item.flow.join(" ") or ""
        head = len(words(SEGMENT.split(name, maxsplit=1)[0]))
        inside = tuple(part.concept for part in concepts(name) if part.first < max(1, head))
        left_over = (inside[:1] and inside[0] in _FREE) or _SCRAP.search(name)
        if not item.reference and left_over:
            # What is left over comes without burdens: it is no supply.
            inside = ()
        found.append(
            Product(name, item.unit, item.amount, inside, item.reference, item.flow_property)
        )
    return tuple(sorted(found, key=lambda product: not product.reference)[:24])


def _place(record: Record, name: str) -> str | None:
    last = name.rsplit(",", 1)[-1].strip().casefold().removesuffix(" region").strip()
    if last in _REGION_WORDS:
        return _REGION_WORDS[last]
    mentioned = [mention for mention in recognise(name) if mention.certain]
    if mentioned:
        return min((mention.areas[0] for mention in mentioned), key=lambda area: area.level).code
    if record.place is None or find_place(record.place.code, database=record.database) is None:
        return None
    return record.place.code
