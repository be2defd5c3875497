"""Identifiers that name a substance or a record beyond doubt, found in fields and in prose.

CAS numbers carry a check digit, so a number in a text can be told from a date or a range. Files
write them padded ("000074-82-8"), unpadded ("74-82-8"), or inside a sentence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CAS = re.compile(
    r"(?<![\d-])0{0,4}(?P<first>\d{1,7})\s*-\s*(?P<second>\d{2})\s*-\s*(?P<check>\d)(?![\d-])"
)
_EC = re.compile(r"(?<![\d-])(?P<first>\d{3})-(?P<second>\d{3})-(?P<check>\d)(?![\d-])")
_UUID = re.compile(
    r"(?<![0-9a-fA-F-])[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"(?![0-9a-fA-F-])"
)
_ELEMENTS_TEXT = """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br
    Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er
    Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm
"""
_ELEMENTS = frozenset(_ELEMENTS_TEXT.split())
_FORMULA = re.compile(
    r"(?<![\w.-])(?:[A-Z][a-z]?\d{0,3}|\((?:[A-Z][a-z]?\d{0,3})+\)\d{0,2}){1,14}(?![\w])"
)
_PART = re.compile(r"(?P<element>[A-Z][a-z]?)(?P<count>\d*)|\((?P<group>[^()]*)\)(?P<times>\d*)")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


@dataclass(frozen=True, slots=True)
class Identifiers:
    """What a text names beyond doubt, each kind in reading order and without repetition."""

    uuids: tuple[str, ...] = ()
    cas: tuple[str, ...] = ()
    """Valid CAS numbers without padding."""
    ec: tuple[str, ...] = ()
    formulas: tuple[str, ...] = ()
    """Molecular formulas as written; two kinds of atom or a digit at least."""


def cas_numbers(text: str | None) -> tuple[str, ...]:
    """Every valid CAS number in a field or a sentence, unpadded; a wrong check digit drops it."""
    found = (
        f"{int(match['first'])}-{match['second']}-{match['check']}"
        for match in _CAS.finditer(text or "")
        if int(match["first"]) >= 10 and _cas_check(match)
    )
    return tuple(dict.fromkeys(found))


def wrong_cas(text: str) -> str | None:
    """What is wrong with a text that is a CAS number but for its check digit, else `None`."""
    match = _CAS.fullmatch(text.strip())
    if match is None or int(match["first"]) < 10 or _cas_check(match):
        return None
    return (
        f"{text.strip()!r} is no CAS number: its check digit is {match['check']} and must be "
        f"{_check_digit(match)}; look the number up again"
    )


def normal_cas(text: str | None) -> str | None:
    """The CAS number of a field that holds exactly one valid number, or `None`."""
    found = cas_numbers(text)
    return found[0] if len(found) == 1 else None


def _cas_check(match: re.Match[str]) -> bool:
    return _check_digit(match) == int(match["check"])


def _check_digit(match: re.Match[str]) -> int:
    """The digits of a CAS number weighed 1, 2, 3 ... from the right, modulo 10.

    Source: CAS, "Check Digit Verification of CAS Registry Numbers".
    """
    digits = str(int(match["first"])) + match["second"]
    return sum(weight * int(digit) for weight, digit in enumerate(reversed(digits), start=1)) % 10


def ec_numbers(text: str | None) -> tuple[str, ...]:
    """Every valid EC (EINECS, ELINCS, NLP) number in a text.

    Source: the check digit of the EC Inventory: digits weighed 1 to 6 from the left, modulo 11.
    """
    found = []
    for match in _EC.finditer(text or ""):
        digits = match["first"] + match["second"]
        total = sum(weight * int(digit) for weight, digit in enumerate(digits, start=1))
        if total % 11 == int(match["check"]):
            found.append(match.group())
    return tuple(dict.fromkeys(found))


def uuids(text: str | None) -> tuple[str, ...]:
    """Every UUID in a text, in small letters."""
    return tuple(dict.fromkeys(match.lower() for match in _UUID.findall(text or "")))


def formulas(text: str | None) -> tuple[str, ...]:
    """What can only be a molecular formula ("CO2", "C6H12O6"); words such as "PET" are left out."""
    plain = (text or "").translate(_SUBSCRIPTS)
    return tuple(dict.fromkeys(match for match in _FORMULA.findall(plain) if _is_formula(match)))


def hill(formula: str | None) -> str | None:
    """A formula with its atoms counted and in Hill order, to compare "CH3OH" with "CH4O"."""
    counts = _atoms((formula or "").translate(_SUBSCRIPTS).strip())
    if not counts:
        return None
    first = [element for element in ("C", "H") if "C" in counts and element in counts]
    rest = sorted(set(counts) - set(first))
    return "".join(
        f"{element}{counts[element] if counts[element] > 1 else ''}" for element in [*first, *rest]
    )


def identifiers(text: str) -> Identifiers:
    """Everything of these kinds that a text holds; the digits of a UUID are not read twice."""
    found = uuids(text)
    rest = _UUID.sub(" ", text)
    return Identifiers(found, cas_numbers(rest), ec_numbers(rest), formulas(rest))


def _is_formula(text: str) -> bool:
    counts = _atoms(text)
    digits = any(character.isdigit() for character in text)
    small = any(character.islower() for character in text)
    # Capitals alone are words ("PVC", "CO"); "NaCl" and "CO2" are not. Long words such as "BaSiC"
    # do not occur in practice.
    return len(counts) > 1 and (digits or (small and len(text) > 3))


def _atoms(text: str) -> dict[str, int]:
    """Atoms of a formula with their counts; empty if it is none."""
    counts: dict[str, int] = {}
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if match is None:
            return {}
        inner = {match["element"]: 1} if match["element"] else _atoms(match["group"])
        if not inner or not _ELEMENTS.issuperset(inner):
            return {}
        times = int(match["count"] or match["times"] or 1)
        for element, count in inner.items():
            counts[element] = counts.get(element, 0) + count * times
        position = match.end()
    return counts
