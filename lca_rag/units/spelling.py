"""From the way a file writes a unit to a pint unit; nothing is guessed.

A spelling is looked up whole, then as a known pattern (money, equivalents), then as a compound of
known parts. What is left over is an error, because pint would read "PS" or "Pt" as something.
"""

from __future__ import annotations

import math
import re
import threading
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, cast

from lca_rag.errors import UnitError

if TYPE_CHECKING:
    import pint

    Quantity = pint.Quantity[float]

_LOCK = threading.RLock()

BASES: dict[str, str] = {
    "CO2e": "CO2e",
    "LHV": "LHV",
    "HHV": "HHV",
    "active_substance": "active substance",
    "separative_work": "SWU",
}
"""How the bases that were met are written: pint name to words."""
_MOST_BASES = 10_000
"""Bases that one process learns, of 2 kB each. Files name some hundreds; a unit that somebody sends
to a server may name a new one each time, and none is ever let go."""

_SI = re.compile(
    r"^(?P<prefix>da|[YZEPTGMkhdcmunpfμ])?(?P<unit>g|m|s|J|Wh|W|N|Pa|L|l|mol|K|A|V|C|Hz|Gy|Sv|cal|eV)$"
)

# One spelling, several units: the quantity that the flow property names decides.
_BY_QUANTITY: Mapping[tuple[str, str], str] = {
    ("a", "area"): "are",
    ("u", "length"): "micrometer",
    ("h", "length"): "hand",
    ("min", "volume"): "US_minim",
    ("ton", "mass (us)"): "short_ton",
}
_AMBIGUOUS: Mapping[str, str] = {
    "ton": "write 't', 'short ton' or 'long ton'",
    "tons": "write 't', 'short ton' or 'long ton'",
    "Ton": "write 't', 'short ton' or 'long ton'",
    "Tons": "write 't', 'short ton' or 'long ton'",
    "TON": "write 't', 'short ton' or 'long ton'",
    "TONS": "write 't', 'short ton' or 'long ton'",
    "MT": "write 't' (metric ton) or 'Mt' (megatonne)",
    "mt": "write 't' (metric ton) or 'Mt' (megatonne)",
    "MG": "write 'mg' or 'Mg'",
    "MM": "write 'mm' or 'million'",
    "bl": "write 'bbl' (oil), 'bl (US fl)' or 'bl (Imp)'",
    "Mton": "write 'Mt' or 'short ton'",
}

_CURRENCIES = (
    "USD EUR CNY RMB JPY GBP CHF AUD CAD DKK NOK SEK ISK CZK EEK HUF KRW LTL LVL PLN ZAR INR BRL "
    "MXN RUB SGD HKD TWD NZD TRY DEM"
)
_SYMBOLS: Mapping[str, str] = {
    "$": "USD",
    "US$": "USD",
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY",
    "Yen": "JPY",
    "元": "CNY",
    "人民币": "CNY",
    "RMB": "CNY",
    "DM": "DEM",
    "sFr": "CHF",
    "SFr": "CHF",
    "EURO": "EUR",
    "Euro": "EUR",
    "euro": "EUR",
}
_CURRENCY = "|".join(
    re.escape(word) for word in sorted((*_CURRENCIES.split(), *_SYMBOLS), key=len, reverse=True)
)
_MONEY = re.compile(
    r"^(?:(?P<before>(?:19|20)\d\d)\s*)?(?P<scale>k|M|thousand |million )?"
    rf"(?P<currency>{_CURRENCY})\s*(?:\(?(?P<after>(?:19|20)\d\d)\)?)?"
    r"(?:,?\s*(?P<price>purchaser|producer|basic)s?'?\s*prices?)?$"
)
_SCALES = {None: 1, "k": 1e3, "thousand ": 1e3, "M": 1e6, "million ": 1e6}
_EQUIVALENT = re.compile(
    r"^(?P<unit>kg|g|t|lb|Mt|mol|kBq|m3|MJ|kt|Gg|mg)\s*(?:of\s+)?(?P<what>[A-Za-z0-9 ,()+\-/]*?)"
    r"\s*[-_ ]?\s*(?:eq(?:uiv(?:alents?)?|v)?\.?|äq(?:uiv|v)?\.?|当量)$",
    re.IGNORECASE,
)
_CO2E = re.compile(
    r"^(?P<unit>kg|g|t|lb|Mt|kt|mg|Gg|tonnes?|吨|千克|公斤)\s*(?:of\s+)?CO2\s*[-_ ]?\s*"
    r"(?:e|eq|eqv|equiv|equivalents?|äq|äqv|äquiv|当量)\.?(?:\s+of\s+(?P<gas>[A-Z0-9a-z]+))?$",
    re.IGNORECASE,
)
_OF = re.compile(r"^(?P<unit>[A-Za-z0-9]+)\s+(?:of\s+)?active (?:substance|ingredient)$")


@dataclass(frozen=True, slots=True)
class Spellings:
    """The table of spellings."""

    exact: Mapping[str, str]
    """Spelling to pint expression."""
    folded: Mapping[str, str]
    """Spellings in lower case, where only one unit is meant by them."""


def tidy(unit: str) -> str:
    """`unit` with compatibility characters, product signs and blanks made uniform."""
    text = unicodedata.normalize("NFKC", unit.strip()).replace("μ", "µ")
    text = re.sub(r"\s*[·•×⋅∙]\s*", "*", text)
    return re.sub(r"\s+", " ", text).replace("**", "^")


@lru_cache(maxsize=1)
def spellings() -> Spellings:
    """The table, read once."""
    exact: dict[str, str] = {}
    folded: dict[str, set[str]] = {}
    text = files(__package__).joinpath("spellings.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            expression, _, cell = line.partition("\t")
            for spelling in cell.split("|"):
                exact[tidy(spelling)] = expression
                folded.setdefault(tidy(spelling).casefold(), set()).add(expression)
    single = {spelling: min(found) for spelling, found in folded.items() if len(found) == 1}
    return Spellings(exact, single)


def registry() -> pint.UnitRegistry[float]:
    """The one pint registry, with the units of LCA; pint is imported on the first call."""
    with _LOCK:  # two threads must never make one each: their quantities would not mix
        return _made()


@lru_cache(maxsize=1)
def _made() -> pint.UnitRegistry[float]:
    import pint

    units: pint.UnitRegistry[float] = pint.UnitRegistry(on_redefinition="ignore")
    text = files(__package__).joinpath("units.txt").read_text(encoding="utf-8")
    units.load_definitions(text.splitlines())
    return units


@lru_cache(maxsize=4096)
def parse(unit: str, quantity: str | None = None) -> Quantity:
    """One `unit` as a pint quantity.

    Args:
        unit: As a file writes it.
        quantity: The quantity that it measures ("Area"), to tell "a" (year) from "a" (are).

    Raises:
        UnitError: If the spelling is unknown or ambiguous.
    """
    text = tidy(unit)
    if not text:
        raise UnitError("the unit is empty; state one such as 'kg'")
    hint = _hinted(text, quantity)
    if hint is None and text in _AMBIGUOUS:
        raise UnitError(f"unit {unit!r} is ambiguous; {_AMBIGUOUS[text]}")
    found = _quantity(hint) if hint else _whole(text) or _compound(text)
    if found is None:
        raise UnitError(
            f"unit {unit!r} is not known; write it as 'kg', 'MJ', 't*km', 'm2*a' or the like"
        )
    return found


def _quantity(expression: str) -> Quantity:
    one = registry().Quantity(1.0, "dimensionless")
    return cast("Quantity", one * registry().parse_expression(expression))


def _hinted(text: str, quantity: str | None) -> str | None:
    if quantity is None:
        return None
    said = re.sub(r"^units? of ", "", quantity.strip().casefold())
    return _BY_QUANTITY.get((text, said))


def _whole(text: str) -> Quantity | None:
    """A spelling of the table, an SI unit with its prefix, or one of the open patterns."""
    table = spellings()
    expression = table.exact.get(text)
    if expression is None:
        match = _SI.match(text.replace("µ", "u"))
        if match:
            return _quantity(match.group().replace("Wh", "watt_hour"))
        # One letter in another case is another unit or none ("n" is no newton).
        expression = table.folded.get(text.casefold()) if len(text) > 1 else None
    if expression is not None:
        return _quantity(expression)
    for pattern, build in _PATTERNS:
        match = pattern.match(text)
        if match:
            return build(match)
    return None


def _basis(name: str, words: str) -> Quantity:
    """A dimension of its own, defined when it is first met; `words` are how it is written."""
    clean = "basis_" + re.sub(r"\W+", "_", name.replace("+", "_plus")).strip("_")
    units = registry()
    with _LOCK:
        if clean not in BASES and len(BASES) >= _MOST_BASES:
            raise UnitError(
                f"the basis {words!r} is new, and {_MOST_BASES} others were met already; "
                "state the unit without it, or start the process anew"
            )
        if clean not in units:
            units.define(f"{clean} = [{clean}]")
        BASES.setdefault(clean, words)
    return units.Quantity(1.0, clean)


def _money(match: re.Match[str]) -> Quantity:
    """Money is comparable within one currency, one year and one kind of price only."""
    word = match["currency"]
    year = match["before"] or match["after"]
    parts = [_SYMBOLS.get(word, word), year]
    written = " ".join(part for part in parts if part)
    if match["price"]:
        parts.append(match["price"])
        written += f", {match['price']} price"
    basis = _basis("_".join(part for part in parts if part), written)
    return cast("Quantity", _SCALES[match["scale"]] * basis)


def _equivalent(match: re.Match[str]) -> Quantity | None:
    base = _whole(match["unit"])
    what = match["what"].strip(" -,")
    if base is None or not what:
        return None
    return cast("Quantity", base * _basis(f"{what}_equivalent", f"{what} eq"))


def _co2e(match: re.Match[str]) -> Quantity | None:
    base = _whole(match["unit"])
    if base is None:
        return None
    gas = match["gas"]
    whole = base * registry().Quantity(1.0, "CO2e")
    return cast("Quantity", whole * _basis(f"share_of_{gas}", f"of {gas}") if gas else whole)


def _active(match: re.Match[str]) -> Quantity | None:
    base = _whole(match["unit"])
    if base is None:
        return None
    active = registry().Quantity(1.0, "active_substance")
    return cast("Quantity", base * active)


_PATTERNS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Quantity | None]], ...] = (
    (_MONEY, _money),
    (_CO2E, _co2e),
    (_EQUIVALENT, _equivalent),
    (_OF, _active),
)


def _compound(text: str) -> Quantity | None:
    """A quotient or product of known parts ("kg CO2e/kWh", "t*km", "kg/(m2*a)")."""
    numerator, *denominators = re.split(r"\s*/\s*|\s+per\s+", text)
    result = _product(numerator)
    for part in denominators:
        divisor = _product(part.strip().removeprefix("(").removesuffix(")"))
        if result is None or divisor is None:
            return None
        result = cast("Quantity", result / divisor)
    return result


def _product(text: str) -> Quantity | None:
    whole = _power(text)
    if whole is not None:
        return whole
    for separator in ("*", "-", " ", "."):
        parts = [part for part in text.split(separator) if part]
        if len(parts) > 1 and separator in text:
            factors = [factor for part in parts if (factor := _power(part.strip())) is not None]
            if len(factors) == len(parts):
                return math.prod(factors[1:], start=factors[0])
    return None


def _power(text: str) -> Quantity | None:
    whole = _whole(text.strip())
    if whole is not None:
        return whole
    match = re.match(r"^(?P<unit>.*?[^\d^])\^?(?P<power>-?\d)$", text.strip())
    base = _whole(match["unit"]) if match else None
    if match is None or base is None:
        return None
    return cast("Quantity", base ** int(match["power"]))
