"""How a line's unit becomes that of the product it is about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from lca_rag.errors import UnitError
from lca_rag.matching.asked import Asked
from lca_rag.matching.concepts import closeness
from lca_rag.matching.subjects import Product, Subject
from lca_rag.units import Factor, conversion


@dataclass(frozen=True, slots=True)
class UnitFit:
    """How the line's unit becomes the data set's."""

    kind: str
    """"same", "convert", "factor" (a factor of the line is needed and there), or "mismatch"."""
    factor: float | None
    """Reference amounts of the data set per unit of the line."""
    unit: str | None
    sentence: str
    product: Product | None


def unit_fit(asked: Asked, subject: Subject) -> UnitFit:
    """How the line's unit fits the product of the data set that the line is about."""
    product = _product(asked, subject)
    unit = asked.line.unit
    if product is None or not product.unit or not unit:
        return UnitFit("mismatch", None, None, "no unit to compare", product)
    kind, factor, sentence = _fit(unit, product.unit, asked.facts)
    return UnitFit(kind, factor, product.unit, sentence, product)


@lru_cache(maxsize=20_000)
def _fit(
    unit: str, wanted: str, facts: tuple[tuple[str, Factor], ...]
) -> tuple[str, float | None, str]:
    try:
        found = conversion(1.0, unit, wanted, facts=dict(facts), standard_gas=True)
    except UnitError as error:
        return "mismatch", None, str(error)
    kind = "factor" if found.used else "same" if abs(found.amount - 1) < 1e-12 else "convert"
    return kind, found.amount, found.sentence


def _product(asked: Asked, subject: Subject) -> Product | None:
    """The product that the line is about; the reference flow where none is named better."""
    best: tuple[float, Product] | None = None
    for product in subject.products:
        score = max(
            (closeness(want, got) for want in asked.concepts[:1] for got in product.concepts[:1]),
            default=0.0,
        )
        score += 0.05 * product.reference
        if best is None or score > best[0]:
            best = (score, product)
    return best[1] if best else None
