"""Slips of the finger in the words that tell what is asked ("tecnology", "refrence flow").

Names of products are left to the search, which knows the words of the index.
"""

from __future__ import annotations

import re
from functools import lru_cache

from lca_rag.answer.lexicon import is_known
from lca_rag.index.words import Spelling

__all__ = ["corrected"]

_CUES = (
    "technology",
    "technical",
    "country",
    "region",
    "location",
    "owner",
    "licence",
    "license",
    "version",
    "identifier",
    "reference",
    "functional",
    "quantity",
    "amount",
    "emission",
    "emissions",
    "consumption",
    "consumed",
    "required",
    "difference",
    "figure",
    "representativeness",
    "electricity",
    "emitted",
    "released",
    "which",
    "compare",
    "footprint",
    "inventory",
    "dataset",
    "reported",
)
_OTHERS = frozenset(
    (
        "consumer",
        "county",
        "inventor",
        "mount",
        "omission",
        "omitted",
        "preference",
        "quantify",
    )
)
"""Words that are one slip from a cue and right as they are."""
_SPELLING = Spelling(_CUES)
_WORD = re.compile(r"(?<![^\W\d_])[a-z]{5,64}(?![^\W_])", re.IGNORECASE)


def corrected(text: str) -> str:
    """The text with slips in such words put right; other words stay as they are."""
    return _WORD.sub(lambda match: _right(match.group()), text)


@lru_cache(maxsize=16_384)
def _right(word: str) -> str:
    """The one cue that a single slip separates from an unknown word, else the word."""
    lowered = word.lower()
    if lowered in _CUES or lowered in _OTHERS or is_known(lowered):
        return word
    near = _SPELLING.near(lowered)
    return min(near) if near else word
