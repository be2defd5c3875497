"""Places that stand only in a name, as SimaPro writes them and EcoSpold 1 files inherit them.

"steel {RER}| production", "Rice, at farm/IN U", "Lime, at plant [DE]", "Electricity, at grid, US,
2008". A code of two letters after a comma is no place but US: "SE" is the south-east of the United
States in the US LCI, "PE" a polymer.
"""

from __future__ import annotations

import re
from functools import lru_cache

from lca_rag.places import find_place

__all__ = ["PLACE_FROM_NAME", "place_in_name"]

PLACE_FROM_NAME = "place taken from the name"

_MARKED = re.compile(
    r"\{([^{}]{2,60})\}"
    r"|/([A-Z]{2,3}|RoW)(?:/[IMS])?(?: [US])?\s*$"
    r"|\[([A-Z]{2,3}(?:-[A-Z]{2,4})?)\]\s*$"
)
_CODE = re.compile(r"[A-Z]{2,3}(?:-[A-Z]{2,4})?|RoW|Row")
_TAIL = re.compile(r",\s*(US(?: [A-Z]{2,4})?|[A-Z]{3,5})(?:,\s*(?:19|20)\d{2})?\s*$")


@lru_cache(maxsize=1 << 14)
def place_in_name(name: str, *, tail: bool = False) -> str | None:
    """The code or name of the place that a name marks, as written.

    Args:
        name: Of a process or product.
        tail: Whether a code after the last comma counts too, if it is known to be a place.
    """
    for found in _MARKED.finditer(name):
        text = (found[1] or found[2] or found[3]).strip()
        if _CODE.fullmatch(text) or find_place(text) is not None:
            return text
    last = _TAIL.search(name) if tail else None
    if last is None:
        return None
    return last[1] if last[1].startswith("US") or find_place(last[1]) is not None else None
