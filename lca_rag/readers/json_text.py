"""JSON as real programs write it: Python's own writer puts NaN and Infinity where JSON has none."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson

from lca_rag.errors import ReadError

__all__ = ["parsed"]

_CONSTANT = re.compile(rb"[\[:,]\s*-?(?:NaN|Infinity)\b")


def _whole(text: str) -> int | float | None:
    """An integer of 64 bits; one that is longer is a number like any other."""
    return int(text) if len(text) < 19 else _real(text)


def _real(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def parsed(data: bytes) -> Any:  # noqa: ANN401 - JSON of any shape
    """The value of a JSON text; numbers that are none are absent.

    Raises:
        ReadError: If it is no JSON, or nests too deep.
    """
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        if not _CONSTANT.search(data):
            raise ReadError(f"it is not valid JSON: {exc}") from exc
    try:
        value = json.loads(data, parse_constant=lambda _: None, parse_int=_whole, parse_float=_real)
        orjson.dumps(value)  # refuses halves of characters, which Python reads and cannot write
        return value
    except RecursionError as exc:
        raise ReadError("the JSON nests too deep to be a data set") from exc
    except (ValueError, TypeError) as exc:
        raise ReadError(f"it is not valid JSON: {exc}") from exc
