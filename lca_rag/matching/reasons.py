"""Why a data set may stand for a line, in words."""

from __future__ import annotations

from lca_rag.matching.asked import Asked
from lca_rag.matching.concepts import ancestors, closeness
from lca_rag.matching.features import place_of, route_unasked
from lca_rag.matching.subjects import Subject
from lca_rag.matching.unitfit import UnitFit


def reasons(asked: Asked, item: Subject, unit: UnitFit) -> tuple[str, ...]:
    """Why a data set may stand for a line, and where it bends."""
    told = []
    if asked.concepts:
        told.append(_about(asked.concepts[0], item))
    shared = sorted(asked.words & item.words)
    if shared:
        told.append("name shares " + ", ".join(repr(word) for word in shared[:5]))
    told.extend(_where(asked, item))
    if route_unasked(asked, item):
        whose = "another route than the line's" if asked.routes else "the line names no such route"
        told.append(f"proxy by technology: {whose}")
    if None not in (asked.family, item.family) and asked.family != item.family:
        told.append(f"the line is about {asked.family}, the data set about {item.family}")
    for differs, words in (
        (asked.burned != item.burned, "one is about burning, the other is not"),
        (asked.recycled != item.recycled, "one is recycled or secondary, the other is not"),
        (asked.bio and not item.bio, "bio-based was asked for"),
    ):
        if differs:
            told.append(words)
    if unit.product is not None and not unit.product.reference:
        told.append(f"the line is its product {unit.product.name!r}")
    told.append(f"unit: {unit.sentence}")
    return tuple(told)


def _where(asked: Asked, item: Subject) -> list[str]:
    """How the place differs, or that the line's own place could not be heeded."""
    if asked.place is None and asked.line.place:
        return [f"place {asked.line.place!r} of the line is not known here and was left out"]
    place = place_of(asked, item)
    if place is None or place.kind == "same":
        return []
    return [f"proxy by place: {place.sentence}"]


def _about(want: str, item: Subject) -> str:
    got = (
        item.concepts[:1]
        or tuple(product.concepts[0] for product in item.products if product.concepts)[:1]
    )
    given = {product.concepts[0] for product in item.products if product.concepts}
    if want in given or want in item.concepts[:1]:
        return f"both are {want}"
    if not got:
        return f"the line is {want}, the data set is of no kind known here"
    if got[0] in ancestors(want) or closeness(want, got[0]) > 0:
        return f"proxy by product: the line is {want}, the data set {got[0]}"
    return f"the line is {want}, the data set {got[0]}"
