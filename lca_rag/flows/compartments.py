"""Where an elementary flow goes to or comes from, whatever words a nomenclature uses for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from lca_rag.record import Record


@dataclass(frozen=True, slots=True)
class Compartment:
    """A compartment, as far as it is stated."""

    medium: str | None
    """"air", "water", "soil", "ground" (resources), "biosphere", "land", or `None`."""
    place: str | None = None
    """Part of the medium ("urban", "fresh", "agricultural"), or `None` for unspecified."""
    resource: bool = False
    """Whether the flow is taken from nature."""
    long_term: bool = False

    def __str__(self) -> str:
        """For sentences: "air, urban (long-term)"."""
        words = f"{'resource from ' if self.resource else ''}{self.medium or 'unknown medium'}"
        place = f", {self.place}" if self.place else ", unspecified"
        return f"{words}{place}{' (long-term)' if self.long_term else ''}"


# Asked in this order; the first that fits wins.
_PLACES: tuple[tuple[str, str], ...] = (
    ("stratosphere", r"stratosphere|troposphere|high altitude|平流层"),
    ("indoor", r"indoor|室内"),
    ("rural", r"non-urban|low\.? ?pop|low population|high stack|rural|非城市|农村"),
    ("urban", r"urban|high\.? ?pop|high population|城市"),
    ("ground", r"ground-?water|ground-(?!level)|地下水"),
    ("sea", r"\bsea|ocean|marine|海"),
    ("fresh", r"fresh|river|lake|surface water|淡水|河|湖"),
    ("other soil", r"non-agricultural|industrial|urban soil|非农业|工业"),
    ("agricultural", r"agricultur|农业"),
    ("forest", r"forest|林"),
)
_MEDIA: tuple[tuple[str, str], ...] = (
    ("land", r"land use|land occupation|land transformation|resource[/, ]+land|\bland\b|土地"),
    ("air", r"\bair\b|atmosphere|大气|空气"),
    ("water", r"water|ocean|river|\bsea\b|lake|水"),
    ("soil", r"soil|industrial soil|土壤"),
    ("biosphere", r"biosphere|biotic|生物"),
    ("ground", r"ground|fossil-|地下"),
)
_RESOURCE = re.compile(
    r"resource|from nature|natural resource|\bin (?:ground|air|water)\b|land use|资源",
    re.IGNORECASE,
)
_LONG_TERM = re.compile(r"long[- ]term|长期", re.IGNORECASE)
_EMISSION = re.compile(r"emission|排放", re.IGNORECASE)


def compartment(path: str | tuple[str, ...]) -> Compartment:
    """The compartment that a category path or a phrase states.

    Args:
        path: From the top down, or as words ("air/urban air close to ground", "to fresh water").
    """
    levels = (path,) if isinstance(path, str) else path
    text = " / ".join(levels)
    lowered = text.lower()
    resource = bool(_RESOURCE.search(text)) and not _EMISSION.search(text)
    medium = next((name for name, words in _MEDIA if re.search(words, lowered)), None)
    if medium == "ground" and not resource:
        medium = "water" if "ground-" in lowered else "soil"
    detail = "" if resource else lowered
    place = next((name for name, words in _PLACES if re.search(words, detail)), None)
    if medium is None and place is not None:
        medium = _OWNER.get(place)
    return Compartment(medium, place, resource, bool(_LONG_TERM.search(text)))


_OWNER = {
    "stratosphere": "air",
    "indoor": "air",
    "rural": "air",
    "urban": "air",
    "ground": "water",
    "sea": "water",
    "fresh": "water",
    "other soil": "soil",
    "agricultural": "soil",
    "forest": "soil",
}


def known() -> tuple[str, ...]:
    """The compartments that may be asked for, in words that `compartment` reads."""
    return (*sorted(name for name, _ in _MEDIA), *sorted(_OWNER), "resource")


def of_record(record: Record) -> Compartment | None:
    """The compartment of an elementary flow; `None` for products, wastes and processes."""
    if record.flow is None or record.flow.kind != "elementary":
        return None
    paths = [item.path for item in record.classifications if item.path]
    return compartment(paths[0]) if paths else Compartment(None)


def fits(asked: Compartment, got: Compartment | None) -> str | None:
    """How a compartment serves the one asked for: "same", "wider", "other", or `None` for no.

    "wider" is the unspecified part of the same medium; "other" another part of it. Long-term is
    never the same as its short-term twin.
    """
    if got is None:
        return None
    if asked.medium is None:
        return "same" if got.resource or not asked.resource else None
    if (asked.medium, asked.resource) != (got.medium, got.resource):
        return None
    if asked == got:
        return "same"
    if asked.long_term == got.long_term and replace(asked, place=None) == got:
        return "wider"
    return "other"
