"""Amounts as people write them, with either decimal sign; a column says which one it uses."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

Sign = Literal[",", "."]

_OTHER: dict[Sign, Sign] = {",": ".", ".": ","}
_GROUPING = re.compile(r"[\s'\u2019_]")
_SHAPES: dict[Sign, re.Pattern[str]] = {
    decimal: re.compile(
        rf"[+-]?(?:\d{{1,3}}(?:[{group}]\d{{2,3}})*[{group}]\d{{3}}|\d+)?(?:[{decimal}]\d+)?"
        r"(?:e[+-]?\d+)?"
    )
    for decimal, group in _OTHER.items()
}


def column_sign(texts: Iterable[str], usual: Sign) -> Sign:
    """The decimal sign of a column, as its unmistakable values show it.

    Args:
        texts: The column's cells.
        usual: The sign to take where no cell tells, or where they disagree.
    """
    shown = {sign for sign in map(_shown, map(_plain, texts)) if sign is not None}
    return shown.pop() if len(shown) == 1 else usual


def number(text: str, usual: Sign = ".") -> float | None:
    """A finite number; `None` for all else.

    "1.234,5" and "1,234.5" are the same, "0,125" is an eighth, "1.234.567" and "1'234" are
    thousands.

    Args:
        text: What is written.
        usual: The decimal sign to take where the text leaves it open, as "1,234" does.
    """
    plain = _plain(text)
    decimal = _shown(plain) or usual
    if not any(sign.isdigit() for sign in plain) or not _SHAPES[decimal].fullmatch(plain):
        return None
    value = float(plain.replace(_OTHER[decimal], "").replace(",", "."))
    return value if math.isfinite(value) else None


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\u2212", "-")
    return _GROUPING.sub("", folded).rstrip(".,")


def _shown(plain: str) -> Sign | None:
    """The decimal sign that a number cannot but have; `None` if it may be read both ways."""
    signs: list[Sign] = ["," if sign == "," else "." for sign in plain if sign in ",."]
    if not signs:
        return None
    if len(set(signs)) == 2:
        return signs[-1]
    if len(signs) > 1:
        return _OTHER[signs[0]]
    whole, _, rest = plain.partition("e")[0].partition(signs[0])
    whole = whole.lstrip("+-")
    grouped = len(rest) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0")
    return None if grouped else signs[0]
