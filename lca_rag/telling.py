"""What a hit tells of itself: sentences, and the numbers behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lca_rag.pedigree import pedigree
from lca_rag.ranking import FEATURES
from lca_rag.reasons import reasons

if TYPE_CHECKING:
    from lca_rag.filters import Wishes
    from lca_rag.record import Record
    from lca_rag.signals import Sides


def among_namesakes(gained: float) -> str:
    """What a place among data sets of one name says, given to each by the wishes."""
    return f"the wishes move it {'up' if gained > 0 else 'down'} among data sets of its name"


def told(
    record: Record,
    query: str,
    wishes: Wishes,
    features: Mapping[str, float],
    weighed: bool = False,
) -> tuple[str, ...]:
    """The reasons of a hit, and how good its data are for a wished place or year, or as weighed."""
    found = reasons(record, query, wishes, features)
    if not weighed and wishes.place is None and wishes.years is None:
        return found
    return (*found, pedigree(record, query, wishes).sentence)


def shown(
    values: NDArray[np.float32],
    parts: NDArray[np.float32],
    sides: Sides,
    position: int,
    *,
    namesakes: float,
) -> dict[str, float]:
    """The numbers of one hit: both sides' scores, then what each feature gave.

    Args:
        values: Raw features of the hit.
        parts: What each feature gave, relative to the average candidate.
        sides: What both sides said.
        position: Where the record stands.
        namesakes: What it gained or lost among data sets of its name (`lca_rag.namesakes`).
    """
    found = {"dense": float(values[0]), "lexical": float(sides.lexical[position])}
    found.update(
        {
            f"gave_{name}": float(part)
            for name, part in zip(
                (*FEATURES, "namesakes"), (*parts.tolist(), namesakes), strict=True
            )
            if abs(part) >= 1e-6
        }
    )
    return found
