"""Comparing and converting units; what does not fit is refused."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from lca_rag.errors import UnitError
from lca_rag.units.spelling import BASES, parse, registry, spellings

if TYPE_CHECKING:
    from lca_rag.units.spelling import Quantity

_Key = tuple[float, tuple[tuple[str, float], ...]]

Factor = str | tuple[float, str]
"""A property of a material: "0.84 kg/l", or (0.84, "kg/l")."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """A converted amount, with what it took."""

    amount: float
    unit: str
    used: tuple[str, ...]
    """The named properties that were needed; empty for a pure change of unit."""
    sentence: str
    """For example "340 therm = 35,872 MJ"."""


def canonical(unit: str, quantity: str | None = None) -> str:
    """One spelling for every way to write a unit ("tkm" and "t*km" give "km*t").

    Raises:
        UnitError: If the unit is unknown.
    """
    parsed = parse(unit, quantity)
    whole = _preferred().get(_key(parsed))
    if whole is not None:
        return whole
    above: list[str] = []
    below: list[str] = []
    for name, power in sorted(_items(parsed), key=lambda item: _order(item[0])):
        plain = BASES.get(name) or _preferred().get((1.0, ((name, 1),)), name)
        if plain.startswith("of ") or (name in BASES and power > 0 and above):
            above[-1] += f" {plain}"
        else:
            written = plain if abs(power) == 1 else f"{plain}^{abs(power):g}"
            (above if power > 0 else below).append(written)
    text = ("*".join(above) or "1") + "".join(f"/{part}" for part in below)
    return text if parsed.magnitude == 1 else f"{parsed.magnitude:g} {text}"


def _order(name: str) -> tuple[bool, bool, str]:
    """Plain units first, then bases, with the gas that a basis is a share of at the end."""
    return name in BASES, BASES.get(name, "").startswith("of "), name


def _key(quantity: Quantity) -> _Key:
    return float(quantity.magnitude), tuple(sorted(_items(quantity)))


def _items(quantity: Quantity) -> list[tuple[str, float]]:
    return [(name, float(cast("float", power))) for name, power in quantity.unit_items()]


@lru_cache(maxsize=1)
def _preferred() -> Mapping[_Key, str]:
    """The first spelling that the table gives for a unit, which is how it is written back."""
    first: dict[_Key, str] = {}
    for spelling in spellings().exact:
        first.setdefault(_key(parse(spelling)), spelling)
    return first


def dimension(unit: str, quantity: str | None = None) -> str:
    """What a unit measures ("[mass]", "[length] * [mass]"); "[]" for a bare number.

    Raises:
        UnitError: If the unit is unknown.
    """
    return _dimension(parse(unit, quantity))


def same_dimension(one: str, other: str) -> bool:
    """Whether two units can be compared; unknown units can only be compared with themselves."""
    if one.strip() == other.strip():
        return True
    try:
        return bool(parse(one).dimensionality == parse(other).dimensionality)
    except UnitError:
        return False


def convert(
    amount: float,
    from_unit: str,
    to_unit: str,
    *,
    density: Factor | None = None,
    heating_value: Factor | None = None,
    factor: Factor | None = None,
    standard_gas: bool = False,
) -> float:
    """`amount` in another unit.

    Args:
        amount: In `from_unit`.
        from_unit: As a file writes it.
        to_unit: As a file writes it.
        density: Mass per volume, such as "0.84 kg/l"; allows mass from volume and back.
        heating_value: Energy per mass or volume, such as "42.8 MJ/kg".
        factor: Any other ratio, such as "480 lb/bale" or "2.97 m2/sheet".
        standard_gas: Whether a plain volume means gas at the standard state that the other names.

    Raises:
        UnitError: If a unit is unknown, or the units need a property that was not named.
    """
    facts = {"density": density, "heating value": heating_value, "factor": factor}
    return conversion(amount, from_unit, to_unit, facts=facts, standard_gas=standard_gas).amount


def conversion(
    amount: float,
    from_unit: str,
    to_unit: str,
    *,
    facts: Mapping[str, Factor | None] | None = None,
    standard_gas: bool = False,
) -> Conversion:
    """As `convert`, with the properties that were used and a sentence to show.

    Raises:
        UnitError: As `convert`.
    """
    start, goal = parse(from_unit), parse(to_unit)
    known = {name: _factor(fact) for name, fact in (facts or {}).items() if fact is not None}
    wanted = goal.dimensionality
    for used in _combinations(known):
        bridged = start
        for name, power in used:
            bridged = bridged * known[name] ** power
        if bridged.dimensionality != wanted and standard_gas:
            bridged = _without_state(bridged, goal)
        if bridged.dimensionality == wanted:
            value = amount * float((bridged / goal).to_base_units().magnitude)
            return _conversion(amount, from_unit, value, to_unit, tuple(n for n, _ in used), facts)
    raise UnitError(_refusal(start, goal, from_unit, to_unit, tuple(known)))


# Commas only between thousands: "0,84 kg/l" must not become 84 kg/l.
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+")
_LEADING_ZERO = re.compile(r"0\d*,")


def _factor(fact: Factor) -> Quantity:
    """A property as a quantity above zero, which can be multiplied with and divided by."""
    if isinstance(fact, tuple):
        value, unit = float(fact[0]), fact[1]
    else:
        number, _, unit = fact.strip().partition(" ")
        if not _NUMBER.fullmatch(number) or _LEADING_ZERO.match(number):
            raise UnitError(
                f"property {fact!r} must be a number and a unit, with a decimal point, "
                "such as '0.84 kg/l'"
            )
        value = float(number.replace(",", ""))
    if not (math.isfinite(value) and value > 0):
        raise UnitError(f"property {_show(fact)!r} must be above zero, such as '0.84 kg/l'")
    return cast("Quantity", value * parse(unit))


def _combinations(names: Mapping[str, object]) -> list[tuple[tuple[str, int], ...]]:
    """Which properties to multiply or divide by, the fewest first."""
    result: list[tuple[tuple[str, int], ...]] = [()]
    for size in range(1, len(names) + 1):
        for chosen in itertools.combinations(names, size):
            for powers in itertools.product((1, -1), repeat=size):
                result.append(tuple(zip(chosen, powers, strict=True)))
    return result


def _without_state(quantity: Quantity, goal: Quantity) -> Quantity:
    """`quantity` with the mark of standard gas removed or added, so that it fits `goal`."""
    for name in ("normal_gas", "standard_gas", "standard_gas_60F"):
        unit = registry().Quantity(1.0, name)
        # Whole names: "standard_gas" is a part of "standard_gas_60F", and another state.
        if name in dict(quantity.unit_items()):
            return cast("Quantity", quantity / unit)
        if name in dict(goal.unit_items()):
            return cast("Quantity", quantity * unit)
    return quantity


def _conversion(
    amount: float,
    from_unit: str,
    value: float,
    to_unit: str,
    used: tuple[str, ...],
    facts: Mapping[str, Factor | None] | None,
) -> Conversion:
    sentence = f"{amount:,.6g} {from_unit} = {value:,.6g} {to_unit}"
    stated = facts or {}
    if used:
        words = [f"{name} {_show(stated[name])}" for name in used]
        sentence += f" with {' and '.join(words)}"
    return Conversion(value, to_unit, used, sentence)


def _show(fact: Factor | None) -> str:
    return f"{fact[0]:g} {fact[1]}" if isinstance(fact, tuple) else str(fact)


def _dimension(quantity: Quantity) -> str:
    above: list[str] = []
    below: list[str] = []
    for name, exponent in sorted(quantity.dimensionality.items()):
        power = float(cast("float", exponent))
        if abs(power) == 1:
            (above if power > 0 else below).append(str(name))
        else:
            (above if power > 0 else below).append(f"{name}^{abs(power):g}")
    text = " * ".join(above) or ("1" if below else "[]")
    return f"{text} / {' / '.join(below)}" if below else text


def _refusal(
    start: Quantity,
    goal: Quantity,
    from_unit: str,
    to_unit: str,
    named: tuple[str, ...],
) -> str:
    have, want = _dimension(start), _dimension(goal)
    text = f"cannot convert {from_unit!r} ({have}) to {to_unit!r} ({want})"
    if named:
        return f"{text} with {' and '.join(named)}; state a property that links the two"
    pair = {have, want}
    energy = _dimension(parse("MJ"))
    if pair == {"[mass]", "[length]^3"}:
        return f"{text}; it needs a density, such as density='0.84 kg/l'"
    if energy in pair and pair & {"[mass]", "[length]^3"}:
        return f"{text}; it needs a heating value, such as heating_value='42.8 MJ/kg'"
    return f"{text}; they measure different things"
