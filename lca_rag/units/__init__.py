"""Units as LCA files write them: one spelling, dimensions, and conversion that refuses to guess.

`canonical("tkm") == canonical("t*km")`; `convert(1, "kWh", "MJ")` gives 3.6;
`convert(1, "l", "kg")` raises `UnitError` until a density is named.
"""

from __future__ import annotations

from lca_rag.units.conversion import (
    Conversion,
    Factor,
    canonical,
    conversion,
    convert,
    dimension,
    same_dimension,
)
from lca_rag.units.spelling import parse, registry

__all__ = [
    "Conversion",
    "Factor",
    "canonical",
    "conversion",
    "convert",
    "dimension",
    "parse",
    "registry",
    "same_dimension",
]
