"""Which routes a text names, whether it is a mix, and what class of thing it is about.

Who buys "electricity" means what the grid delivers, not a solar park: a data set whose route the
line does not name stands for less than the mix of all routes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from lca_rag.errors import UnitError
from lca_rag.units import dimension

_POWER_ROUTES: Mapping[str, str] = {
    "solar": r"photovolt\w*|fotovolt\w*|\bpv\b|\bsolar\w*|solaire|光伏|太阳能",
    "wind": r"\bwind\w*|[ée]olien\w*|e[óo]lic\w*|风电|风力",
    "water": r"\bhydro(?!gen)\w*|run-of-river|\breservoir|wasserkraft|hydr[aá]ulic\w*|水电|水力",
    "nuclear": r"\bnuclear|nucl[ée]aire|kernkraft\w*|atomstrom|pressuri[sz]ed water|核电|核能",
    "coal": r"\bcoal|lignite|anthracite|(?:stein|braun)kohle\w*|charbon|carb[óo]n\b|煤",
    "gas": r"natural gas|erdgas\w*|gaz naturel|gas natural|combined cycle|天然气",
    "oil": r"\bfuel oil|heating oil|\bdiesel|heiz[öo]l\w*|\bpetroleum|fioul|燃油|柴油|重油",
    "wood": r"\bwood\w*|biomass\w*|bagasse|straw|holz\w*|pellets?|biogas\w*|木片|生物质|沼气",
    "waste": r"\bwaste|incinerat\w*|landfill gas|m[üu]llverbrennung\w*|垃圾|焚烧",
    "earth": r"geothermal\w*|geothermie|地热",
    "both": r"\bcogen\w*|\bchp\b|combined heat and power|heat and power co-generation|热电联产",
    "pump": r"heat pumps?|w[äa]rmepumpe\w*|热泵",
    "electric": r"\belectric(?:al)? (?:boiler|heater|heating)|elektrokessel|电锅炉",
}
_METAL_ROUTES: Mapping[str, str] = {
    "blast furnace": r"blast furnace|basic oxygen|\bbof\b|hochofen|高炉|转炉",
    "arc furnace": r"electric(?:al)? arc|\beaf\b|electric furnace|lichtbogen\w*|arc furnace|电弧炉",
    "direct reduction": r"direct(?:ly)? reduc\w*|\bdri\b|直接还原",
}
_FREIGHT_ROUTES: Mapping[str, str] = {
    "road": r"lorry|lorries|trucks?\b|\bvans?\b|\broad\b|\blkw\b|cami[óo]n\w*|卡车|货车|公路",
    "rail": r"\btrains?\b|\brail\w*|\bbahn\w*|ferrovi\w*|ferrocarril|铁路|火车",
    "sea": r"\bocean\w*|\bsea\b|\bvessel|\btanker|\bship\w*|hochsee\w*|maritim\w*|海运|船",
    "river": r"\bbarges?\b|inland waterway\w*|binnenschiff\w*|fluvial|驳船|内河",
    "air": r"\bair\b|aircraft|airfreight|\bflight|\bplane|luftfracht|a[ée]rien|空运|航空",
    "pipe": r"\bpipelines?\b|管道",
    "car": r"passenger cars?|\bcars?\b|\bpkw\b|乘用车",
    "bus": r"\bbus\b|\bcoach\b|公交",
}
_MIX = re.compile(
    r"\bmarkets? (?:for|group)|\b(?:grid|production|consumption|supply|national|residual|"
    r"fuel|technology|country|market)[- ]?mix\b|\b(?:strom|verbrauchs|erzeugungs)mix\b|"
    r"\bat (?:e-?grid|grid|consumer)\b|\bgrid power|\baverage\b|电网|消费组合|市场|平均",
    re.IGNORECASE,
)
_LEVEL = re.compile(
    r"\b(?:medium|low)[- ]voltage|\b(?:mittel|nieder)spannung|[中低]压", re.IGNORECASE
)
_WASTE = re.compile(
    r"\bdisposal\b|\blandfill(?!\s+gas)\w*|\bincinerat\w*|\b(?:waste ?water|waste|sewage|sludge|"
    r"effluent) treatment|treatment of (?:\w+ ){0,2}(?:waste|scrap|sludge|used|spent)|"
    r"entsorgung\w*|\bdeponier\w*|\bdeponie\b|m[üu]llverbrennung|mise en d[ée]charge|vertedero|"
    r"eliminaci[óo]n|smaltimento|填埋|焚烧|废水处理|污水处理|处置",
    re.IGNORECASE,
)
_KINDS: Mapping[str, str] = {
    "solar": "electricity solar",
    "wind": "electricity wind",
    "water": "electricity hydro",
    "nuclear": "electricity nuclear",
    "coal": "electricity coal",
    "gas": "electricity gas",
    "oil": "electricity oil",
    "wood": "electricity biomass",
    "earth": "electricity geothermal",
    "both": "electricity cogen",
}
"""Routes of power to the concepts of what they give."""
_TREATMENTS = frozenset(
    {
        "landfill",
        "incineration",
        "waste water treatment",
        "composting",
        "recyclables collection",
        "sorted recyclables",
    }
)
_CARRIERS = ("electricity", "heat", "steam")
"""What is delivered alike by many routes; the kinds of electricity begin with the first."""


def _patterns(table: Mapping[str, str]) -> dict[str, re.Pattern[str]]:
    return {name: re.compile(pattern, re.IGNORECASE) for name, pattern in table.items()}


_ROUTES = {
    "power": _patterns(_POWER_ROUTES),
    "metal": _patterns(_METAL_ROUTES),
    "freight": _patterns(_FREIGHT_ROUTES),
}


def routed(concept: str | None, domain: str | None) -> str | None:
    """Which table of routes a concept belongs to; `None` where routes are no matter of choice."""
    if domain in ("transport", "freight"):
        return "freight"
    if concept is None:
        return None
    if concept in _CARRIERS or concept.startswith("electricity "):
        return "power"
    return "metal" if domain == "metals" else None


@lru_cache(maxsize=20_000)
def routes(kind: str, text: str) -> frozenset[str]:
    """The routes of a table that a text names."""
    return frozenset(name for name, pattern in _ROUTES[kind].items() if pattern.search(text))


@lru_cache(maxsize=20_000)
def power_kind(text: str) -> str | None:
    """The concept of the one kind of electricity that a text names; `None` for a mix or more."""
    named = routes("power", text)
    if mixture(text) == 1 or not named:
        return None
    if "both" in named:
        return _KINDS["both"]
    fuel = re.search(r"lignite|braunkohle|anthracite", text, re.IGNORECASE)
    if fuel is not None and named == {"coal"}:
        return f"electricity {'anthracite' if fuel.group()[0] in 'aA' else 'lignite'}"
    return _KINDS.get(next(iter(named))) if len(named) == 1 else None


@lru_cache(maxsize=20_000)
def mixture(text: str) -> float:
    """How far a name says that it is what the market delivers: 1 a mix, 0.5 a level of the grid."""
    return 1.0 if _MIX.search(text) else 0.5 if _LEVEL.search(text) else 0.0


def family(concept: str | None, domain: str | None, unit: str | None, text: str) -> str | None:
    """The class of a thing: "waste", "freight", "power", "work" or "matter"; `None` if open.

    A unit of transport settles it, since nothing else is bought by it; then the words for waste
    treatment, then what the concept is.
    """
    if _measured(unit) == "freight":
        return "freight"
    if _WASTE.search(text) or concept in _TREATMENTS:
        return "waste"
    if concept is not None and concept.startswith("electricity"):
        return "power"
    if domain is None or concept == "tap water":
        return None
    return {"transport": "freight", "services": "work", "energy": None}.get(domain, "matter")


@lru_cache(maxsize=4096)
def _measured(unit: str | None) -> str | None:
    """The class "freight" for units of transport; `None` for all others."""
    try:
        measured = dimension(unit) if unit else None
    except UnitError:
        return None
    return "freight" if measured in {dimension(each) for each in ("t*km", "p*km")} else None
