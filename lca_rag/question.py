"""What a question asks for beside its words, by rules: places, years, amounts, kinds, exclusions.

Nothing is forced: what was understood is shown, and every part can be replaced
(`dataclasses.replace`) before it is turned into wishes for a search.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from lca_rag.errors import UnitError
from lca_rag.identifiers import Identifiers, identifiers
from lca_rag.places import Mention, recognise
from lca_rag.units import canonical

_YEAR = r"(?:19[5-9]\d|20[0-6]\d)"
_RANGE = re.compile(
    rf"(?<![\d.-])(?P<first>{_YEAR})\s*(?:-|–|—|to|until|and|bis|至|到|~)\s*(?P<last>{_YEAR})(?![\d-])",
    re.IGNORECASE,
)
_SINCE = re.compile(
    r"\b(?P<word>since|after|from|newer than|later than|before|until|older than)\s+"
    rf"(?P<year>{_YEAR})(?![\d-])|(?P<chinese>{_YEAR})\s*年?\s*(?P<side>以后|之后|以来|以前|之前)",
    re.IGNORECASE,
)
_SINGLE = re.compile(rf"(?<![\d.,-])(?P<year>{_YEAR})(?![\d,.-]\d|\d)\s*年?")
_AMOUNT = re.compile(
    r"(?<![\w.,-])(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)\s*"
    r"(?P<unit>[^\W\d_][\w·*²³/().^-]*(?:\s(?:CO2|LHV|HHV)[\w-]*)?)"
)
_NEGATION = re.compile(
    r"\b(?:without|excluding|except(?: for| from| by)?|other than|not (?:from|by|in|of)|but not|no)"
    r"\s+"
    r"(?P<what>(?:the\s+)?[\w-]+(?:\s(?!in\b|for\b|from\b|of\b|at\b|and\b|or\b)[\w-]+)?)"
    r"|(?:不含|不包括|除去|除了)(?P<chinese>[^，。；、,;.\s]{1,12}?)(?:以外|之外|外)?(?=[的，。；、,;.\s]|$)",
    re.IGNORECASE,
)
_FLOW = re.compile(
    r"\b(?:elementary flow|product flow|waste flow|flow|emissions? (?:of|to)|emitted (?:to|into)|"
    r"cas(?: number| no\.?)?|ec number)\b|基本流|产品流|流名称|排放到",
    re.IGNORECASE,
)
_PROCESS = re.compile(
    r"\b(?:process(?:es)?|production|manufactur\w+|generation|treatment|unit process|"
    r"inventory|data ?sets? (?:for|of))\b|生产|制造|工艺|过程|发电|数据集",
    re.IGNORECASE,
)
_TYPES: tuple[tuple[str, str], ...] = (
    ("market", r"\bmarket (?:for|mix|activity|group)\b|市场"),
    ("unit", r"\bunit process(?:es)?\b|单元过程"),
    ("aggregated", r"\b(?:aggregated|system process|cradle[- ]to[- ]gate|lci result)\b|汇总"),
)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its unit."""

    value: float
    unit: str
    """As `units.canonical` writes it."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What the rules found in a question; a part that was not stated is empty or `None`."""

    text: str
    identifiers: Identifiers
    amounts: tuple[Amount, ...] = ()
    places: tuple[Mention, ...] = ()
    """Places it wants; those it excludes are in `excluded`."""
    years: tuple[int, int] | None = None
    """First and last year, both included."""
    kind: Literal["process", "flow"] | None = None
    data_type: Literal["market", "unit", "aggregated"] | None = None
    excluded: tuple[str, ...] = ()
    """What must not be in it ("biogenic", "Switzerland")."""

    @property
    def place(self) -> str | None:
        """The code of the one place that is meant without doubt, to be offered as a wish."""
        certain = {mention.areas[0].code for mention in self.places if mention.certain}
        if len(certain) == 1:
            return certain.pop()
        # "Sichuan, China" names one place twice: the smaller one is meant.
        sure = [mention.areas[0] for mention in self.places if mention.certain]
        inside = [
            area
            for area in sure
            if all(other is area or other == area or other.holds(area) for other in sure)
        ]
        return inside[0].code if inside else None

    def sentences(self) -> tuple[str, ...]:
        """What was understood, to be shown beside the hits."""
        told = [
            f"place: {mention.text} = {' or '.join(area.code for area in mention.areas)}"
            f"{'' if mention.certain else ' (not sure)'}"
            for mention in self.places
        ]
        if self.years is not None:
            first, last = self.years
            told.append(f"year: {first}" if first == last else f"years: {first} to {last}")
        told.extend(f"amount: {item.value:g} {item.unit}" for item in self.amounts)
        for label, found in (
            ("UUID", self.identifiers.uuids),
            ("CAS number", self.identifiers.cas),
            ("EC number", self.identifiers.ec),
            ("formula", self.identifiers.formulas),
            ("not", self.excluded),
        ):
            told.extend(f"{label}: {item}" for item in found)
        if self.kind is not None:
            told.append(f"kind: {self.kind}")
        if self.data_type is not None:
            told.append(f"type of data set: {self.data_type}")
        return tuple(told)


def understand(text: str) -> Understood:
    """What a question in English or Chinese asks for, found by rules alone."""
    found = identifiers(text)
    excluded, barred = _excluded(text)
    places = tuple(
        mention
        for mention in recognise(text)
        if not any(start <= mention.start < end for start, end in barred)
    )
    amounts, spans = _amounts(text)
    return Understood(
        text=text,
        identifiers=found,
        amounts=amounts,
        places=places,
        years=_years(text, spans),
        kind=_kind(text, found),
        data_type=_data_type(text),
        excluded=excluded,
    )


def _excluded(text: str) -> tuple[tuple[str, ...], list[tuple[int, int]]]:
    """What a question rules out, and where it says so. "Europe without X" is a place of its own."""
    named = [(item.start, item.end) for item in recognise(text) if item.areas[0].without]
    words: list[str] = []
    spans: list[tuple[int, int]] = []
    for match in _NEGATION.finditer(text):
        if any(start <= match.start() < end for start, end in named):
            continue
        what = (match["what"] or match["chinese"] or "").strip()
        words.append(re.sub(r"^the\s+", "", what, flags=re.IGNORECASE))
        spans.append(match.span())
    return tuple(words), spans


def _amounts(text: str) -> tuple[tuple[Amount, ...], list[tuple[int, int]]]:
    """Numbers whose next word is a unit."""
    found: list[Amount] = []
    spans: list[tuple[int, int]] = []
    for match in _AMOUNT.finditer(text):
        unit = match["unit"].rstrip(".,;)")
        try:
            form = canonical(unit)
        except UnitError:
            continue
        # A bare letter after a year is prose ("2015 a study"), and "2 in" is hardly inches.
        if unit in ("a", "in", "at", "to", "no", "u", "h") and match["number"].isdigit():
            continue
        value = float(match["number"].replace(",", ""))
        found.append(Amount(value, form, match.group().strip()))
        spans.append(match.span())
    return tuple(found), spans


def _years(text: str, taken: list[tuple[int, int]]) -> tuple[int, int] | None:
    match = _RANGE.search(text)
    if match:
        first, last = int(match["first"]), int(match["last"])
        return min(first, last), max(first, last)
    match = _SINCE.search(text)
    if match:
        year = int(match["year"] or match["chinese"])
        earlier = (match["word"] or "").lower() in ("before", "until", "older than")
        return (1950, year) if earlier or match["side"] in ("以前", "之前") else (year, 2069)
    years = [
        int(found["year"])
        for found in _SINGLE.finditer(text)
        if not any(start <= found.start() < end for start, end in taken)
    ]
    return (years[0], years[0]) if len(set(years)) == 1 else None


def _kind(text: str, found: Identifiers) -> Literal["process", "flow"] | None:
    flow = bool(_FLOW.search(text)) or bool(found.cas or found.ec)
    process = bool(_PROCESS.search(text))
    if flow == process:
        return None
    return "flow" if flow else "process"


def _data_type(text: str) -> Literal["market", "unit", "aggregated"] | None:
    for name, words in _TYPES:
        if re.search(words, text, re.IGNORECASE):
            return name  # type: ignore[return-value]
    return None
