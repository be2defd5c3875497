"""Amounts in words: "per tonne of", "in kWh", "每吨", and how a number is written for a reader."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from lca_rag.errors import UnitError
from lca_rag.units import convert, parse, same_dimension

__all__ = [
    "Basis",
    "Target",
    "bracketed_unit",
    "converted",
    "find_basis",
    "find_target",
    "known_unit",
    "written",
]

_EN_UNITS = {
    "kwh": r"kwhs?|kilowatt[- ]hours?",
    "mwh": r"mwhs?|megawatt[- ]hours?",
    "mj": r"mj|megajoules?",
    "gj": r"gj|gigajoules?",
    "tj": r"tj",
    "t*km": r"t\s?[*·]\s?km|tkm|tonne?[- ]?kilomet(?:re|er)s?|tonne[- ]km|t-km",
    "p*km": r"p\s?[*·]\s?km|pkm|(?:passenger|person)[- ]?kilomet(?:re|er)s?|passenger[- ]km",
    "kt": r"kt|thousand tonnes|thousand metric tons|kilotonnes?",
    "kg": r"kgs?|kilos?|kilogram(?:me)?s?",
    "mg": r"mgs?|milligram(?:me)?s?",
    "ug": r"ug|µg|microgram(?:me)?s?",
    "g": r"g|gram(?:me)?s?",
    "t": r"t|tonnes?|metric ton(?:ne)?s?|tons?",
    "lb": r"lbs?|pounds?",
    "m3": r"m3|m\^3|m³|cubic met(?:re|er)s?",
    "m2": r"m2|m\^2|m²|square met(?:re|er)s?|sqm",
    "l": r"l|lit(?:re|er)s?",
    "ml": r"ml|millilit(?:re|er)s?",
    "gal": r"gal|gallons?",
    "ha": r"ha|hectares?",
    "km": r"km|kilomet(?:re|er)s?",
    "m": r"m|met(?:re|er)s?",
}
_ZH_UNITS = {
    "t*km": "吨公里|吨·公里",
    "p*km": "人公里|人·公里",
    "kt": "千吨",
    "kWh": "千瓦时|度电|kwh",
    "MJ": "兆焦耳?|mj",
    "GJ": "吉焦耳?",
    "kg": "千克|公斤|kg",
    "mg": "毫克",
    "g": "克",
    "t": "吨",
    "l": "升",
    "m3": "立方米",
    "m2": "平方米",
    "ha": "公顷",
    "km": "公里|千米",
}
_SPELLED = {"kwh": "kWh", "mwh": "MWh", "mj": "MJ", "gj": "GJ", "tj": "TJ", "ug": "µg"}
_NAMED = "|".join(f"(?:{pattern})" for pattern in _EN_UNITS.values())
_NUMBERS = {
    "one": 1.0,
    "a": 1.0,
    "an": 1.0,
    "two": 2.0,
    "three": 3.0,
    "ten": 10.0,
    "hundred": 100.0,
    "thousand": 1000.0,
}
_N = r"(?P<n>\d+(?:[.,]\d+)*|one|a|an|two|three|ten|hundred|thousand)"
_BASES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:\bper|/)\s*(?:{_N}\s+)?(?P<u>{_NAMED})(?![\w*])",
        rf"(?<!many )(?<!under )(?<!below )(?<!over )(?<!above )(?<!than )\b(?:{_N})\s+"
        rf"(?P<u>{_NAMED})\s+of\b",
        rf"\beach\s+(?P<u>{_NAMED})(?![\w*])",
    )
)
_HAN_UNIT = "|".join(_ZH_UNITS.values())
_BASES_HAN = (
    re.compile(
        rf"每(?:生产|运输|处理|供应|消耗)?\s*(?P<n>\d+(?:\.\d+)?|一)?\s*(?P<u>{_HAN_UNIT})(?!油)",
        re.IGNORECASE,
    ),
    re.compile(rf"(?P<n>\d+(?:\.\d+)?|一)\s*(?P<u>{_HAN_UNIT})(?=[\u3400-\u9fff])", re.IGNORECASE),
)
_TARGETS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\bhow many\s+(?:us\s+)?(?P<u>{_NAMED})(?![\w*])",
        rf"^\s*(?P<u>{_NAMED})\s+(?!per\b|of\b)(?=[a-z]\w)",
        rf"\bin\s+(?P<u>{_NAMED})(?:\s+please)?\s*(?=[?.,;]|$|\bper\b|\bplease\b|\binstead\b|\brather\b|\bnot\b)",
        r"\b(?P<u>(?:milli|kilo)?grams?|mg|kg|mj|kwh|tonnes?|lit(?:re|er)s?|m3"
        r"|cubic met(?:re|er)s?)\s+of\s+\w+",
        rf"(?:\bin|[,:–-])\s+(?P<u>{_NAMED})\s+(?:per|for)\b",
        rf"(?:多少|几)(?P<u>{_HAN_UNIT})",
        rf"\b(?:in|into|to)\s+(?P<u>{_NAMED})\s*(?=[:,.?;]|$|\bis\b|\bfor\b)",
        rf"\((?:in\s+)?(?P<u>{_NAMED})\)",
        rf",\s*(?:in\s+)?(?P<u>{_NAMED})\s*[?.]?\s*$",
        rf"(?:以|用|按|合|为|成|单位(?:为|是|：|:)?)\s*(?P<u>{_HAN_UNIT})(?:计|表示|算|来|为单位)?(?=[，,。？?；;是\s]|$)",
        rf"[(（](?:单位：?)?(?P<u>{_HAN_UNIT})[)）]",
        rf"(?<!\d)(?:的)?(?P<u>{_HAN_UNIT})数",
    )
)


@dataclass(frozen=True, slots=True)
class Basis:
    """Per how much a figure is wanted: `amount` of `unit`."""

    amount: float
    unit: str
    span: tuple[int, int]
    """Where the question says it."""

    def __str__(self) -> str:
        """Amount and unit ("3.6 MJ"), or the unit alone for one."""
        return self.unit if self.amount == 1 else f"{written(self.amount)} {self.unit}"


def find_basis(folded: str) -> Basis | None:
    """The basis that a question names ("per 3.6 MJ", "one tonne of", "每吨"), if it names one."""
    for pattern in (*_BASES, *_BASES_HAN):
        match = pattern.search(folded)
        if match is not None:
            return Basis(_count(match.groupdict().get("n")), _unit(match["u"]), match.span())
    return None


@dataclass(frozen=True, slots=True)
class Target:
    """The unit in which a figure is wanted, and where the question says it."""

    unit: str
    span: tuple[int, int]


def find_target(folded: str, basis: Basis | None) -> Target | None:
    """The unit in which a question wants its figure, if it says so."""
    for pattern in _TARGETS:
        for match in pattern.finditer(folded):
            span = match.span("u")
            if basis is None or span[1] <= basis.span[0] or span[0] >= basis.span[1]:
                return Target(_unit(match["u"]), span)
    return None


def _count(text: str | None) -> float:
    if text is None or text == "一":
        return 1.0
    return _NUMBERS.get(text) or float(text.replace(",", ""))


def _unit(text: str) -> str:
    for table in (_EN_UNITS, _ZH_UNITS):
        for unit, pattern in table.items():
            if re.fullmatch(pattern, text, re.IGNORECASE):
                return _SPELLED.get(unit, unit)
    return text


def known_unit(unit: str | None) -> bool:
    """Whether a unit can be computed with."""
    if unit is None:
        return False
    try:
        parse(unit)
    except UnitError:
        return False
    return True


def bracketed_unit(indicator: str | None) -> str | None:
    """The unit that some sources write into an indicator's name: "... [kg CO2-eq]"."""
    match = re.search(r"\[([^\[\]]{1,24})\]", indicator or "")
    return match[1] if match else None


def converted(amount: float, unit: str | None, target: str) -> float | None:
    """The amount in another unit, or `None` where the two cannot be compared."""
    if unit is None or not same_dimension(unit, target):
        return None
    return amount if unit == target else convert(amount, unit, target)


def written(value: float, digits: int = 7) -> str:
    """A number for a reader: exact where it is short, else rounded to significant digits.

    No thousands separators, which mean decimals in half of the world.
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    short = f"{value:.{digits}g}"
    if float(short) != value and not math.isclose(
        float(f"{value:.12g}"), float(short), rel_tol=1e-12
    ):
        short = f"{value:.{digits - 1}g}"
    size = abs(value)
    if 1e-4 <= size < 1e15:
        places = max(
            0, len(short.partition("e")[0].replace("-", "").replace(".", "").lstrip("0")) - 1
        )
        exponent = math.floor(math.log10(size))
        return (
            f"{float(short):.{max(0, places - exponent)}f}".rstrip("0").rstrip(".")
            if places > exponent
            else f"{float(short):.0f}"
        )
    mantissa, _, power = f"{float(short):.{digits - 1}e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(power)}"
