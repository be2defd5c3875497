"""What speaks for and against a data set as the match of a line, as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lca_rag.matching.asked import FILLERS, FORMS, UNFINISHED, Asked
from lca_rag.matching.concepts import closeness
from lca_rag.matching.routes import mixture, routes
from lca_rag.matching.stages import stages
from lca_rag.matching.subjects import Subject, dice
from lca_rag.matching.unitfit import unit_fit
from lca_rag.places import Relation, find_place, relation

FEATURES = (
    "same concept",
    "concept by-product",
    "related concept",
    "other concept",
    "line unknown",
    "data set unknown",
    "unmet concepts",
    "head coverage",
    "meaning",
    "shared words",
    "best words",
    "same letters",
    "head word",
    "unexplained",
    "unit fits",
    "unit needs factor",
    "unit differs",
    "place fits",
    "place elsewhere",
    "grid elsewhere",
    "nearest place",
    "nearest grid",
    "burning differs",
    "recycling differs",
    "bio differs",
    "narrow use",
    "class differs",
    "route unasked",
    "mix",
    "known words missing",
    "noun missing",
    "stage differs",
    "implied by unit",
    "head words extra",
    "extra words",
    "recent",
)
"""Columns of a feature row; all in about [0, 1]."""

_POWER = frozenset({"electricity"})
_COUNTRY = 2
"""Rung of a country on the ladder of places."""


def place_of(asked: Asked, subject: Subject) -> Relation | None:
    """How the data set's place serves the line's; `None` if the line states none."""
    return None if asked.place is None else relation(asked.place, subject.place)


def rows(
    asked: Asked,
    subjects: Sequence[Subject],
    cosines: Sequence[float],
    weights: Mapping[str, float],
) -> NDArray[np.float64]:
    """Feature rows of candidates, shape (candidates, features).

    Args:
        asked: The line.
        subjects: The candidates.
        cosines: Cosine of each with the line; 0 where no encoder is at hand.
        weights: Rarity of each word among the data sets.
    """
    rarest = max(weights.values(), default=1.0)
    shares = [_shared(asked.words, subject.words, weights, rarest) for subject in subjects]
    top = max(shares, default=0.0)
    years = [subject.year for subject in subjects if subject.year]
    newest = max(years, default=0)
    table = np.zeros((len(subjects), len(FEATURES)))
    for number, subject in enumerate(subjects):
        values = {
            **_subject_values(asked, subject),
            **_attribute_values(asked, subject),
            **_place_values(asked, subject),
            "meaning": cosines[number],
            "shared words": shares[number],
            "best words": shares[number] / top if top else 0.0,
            "same letters": max(dice(asked.letters, held) for held in subject.letters),
            "known words missing": _missing(asked, subject, weights, rarest),
            "noun missing": float(asked.noun is not None and asked.noun not in subject.words),
            "stage differs": float(_stage_differs(asked, subject)),
            "implied by unit": float(asked.implied),
            "unexplained": len(asked.loose - subject.words) / max(1, asked.told),
            "head word": float(bool(asked.head & subject.words)),
            "recent": 1 - min(20, newest - subject.year) / 20 if subject.year else 0.0,
        }
        table[number] = [values.get(name, 0.0) for name in FEATURES]
    if asked.place is not None:
        _mark_nearest(table, asked)
    return table


def _mark_nearest(table: NDArray[np.float64], asked: Asked) -> None:
    """Mark the rows that no other row about the same thing beats by its place."""
    column = {name: number for number, name in enumerate(FEATURES)}
    about = table[:, column["same concept"]] > 0
    if not about.any():
        about = table[:, column["related concept"]] > 0
    fits = table[:, column["place fits"]]
    if not about.any() or not fits[about].any():
        return
    kind = "nearest grid" if _POWER & set(asked.concepts) else "nearest place"
    table[:, column[kind]] = about & (fits >= fits[about].max() - 1e-9)


def _subject_values(asked: Asked, subject: Subject) -> dict[str, float]:
    values: dict[str, float] = {"head coverage": subject.coverage}
    fit = unit_fit(asked, subject)
    values["unit fits"] = float(fit.kind in ("same", "convert"))
    values["unit needs factor"] = float(fit.kind == "factor")
    values["unit differs"] = float(fit.kind == "mismatch")
    named = subject.concepts[:1]
    given = {product.concepts[0] for product in subject.products if product.concepts}
    given.update(subject.pair)
    if not asked.concepts:
        # A data set of no known kind may be what a line of no known kind is about.
        values["line unknown"] = 1.0
        return values
    values["data set unknown"] = float(not named and not given)
    want = asked.concepts[0]
    near = max((closeness(want, got) for got in (*named, *given)), default=0.0)
    if named and want == named[0]:
        values["same concept"] = 1.0
    elif want in given:
        values["same concept"] = values["concept by-product"] = 1.0
    elif near > 0:
        values["related concept"] = near
    elif named or given:
        values["other concept"] = 1.0
    met = subject.others | given
    unmet = [
        extra for extra in asked.concepts[1:] if all(closeness(extra, got) < 0.5 for got in met)
    ]
    values["unmet concepts"] = min(1.0, len(unmet) / 2)
    return values


def _attribute_values(asked: Asked, subject: Subject) -> dict[str, float]:
    extra = len(subject.words - asked.words - FILLERS)
    return {
        "burning differs": float(asked.burned != subject.burned),
        "recycling differs": float(asked.recycled != subject.recycled),
        "bio differs": float(asked.bio and not subject.bio),
        "narrow use": float(subject.narrow or bool((UNFINISHED & subject.words) - asked.words)),
        "extra words": min(1.0, extra / 8),
        "class differs": float(
            None not in (asked.family, subject.family) and asked.family != subject.family
        ),
        "route unasked": float(route_unasked(asked, subject)),
        "mix": mixed(asked, subject),
        "head words extra": _head_extra(asked, subject),
    }


def mixed(asked: Asked, subject: Subject) -> float:
    """How far a data set is the mix of all routes, for lines that name none; in [0, 1].

    Who names a means of transport may still want the mix of its fuels.
    """
    named = bool(asked.routes) and asked.kind != "freight"
    other = bool(asked.concepts) and asked.concepts[:1] != subject.concepts[:1]
    return 0.0 if named or other or asked.implied else mixture(subject.name)


def route_unasked(asked: Asked, subject: Subject) -> bool:
    """Whether a data set is of another route than the line names, where there is a choice.

    A line that names none means the mix; every route is another one then.
    """
    if asked.kind is None:
        return False
    whole = asked.kind != "freight" and mixture(subject.name) == 1
    taken = routes(asked.kind, subject.name)
    if asked.routes:
        return not taken & asked.routes
    return bool(taken) and not whole


def _stage_differs(asked: Asked, subject: Subject) -> bool:
    """Whether one is an ore, a scrap or a salt of what the other is."""
    held = stages(subject.name)
    if "electric" in asked.said and not held & {"electric"} and "electric" not in subject.words:
        return True
    if asked.stages - held:
        return True
    same = bool(asked.concepts) and subject.concepts[:1] == asked.concepts[:1]
    return not same and bool(held - asked.said)


def _head_extra(asked: Asked, subject: Subject) -> float:
    """Share of the words of a name's head that neither the line nor the concept accounts for."""
    told = subject.head - FILLERS - FORMS
    if not told:
        return 0.0
    share = len(told - asked.words) / len(told)
    same = bool(asked.concepts) and subject.concepts[:1] == asked.concepts[:1]
    return min(share, 1 - subject.coverage) if same else share


def _missing(asked: Asked, subject: Subject, weights: Mapping[str, float], rarest: float) -> float:
    """How rare the line's words are that other data sets' names hold and this one's does not."""
    lacking = (weights[word] for word in asked.loose - subject.words if word in weights)
    return min(1.0, sum(lacking) / rarest) if rarest else 0.0


def _place_values(asked: Asked, subject: Subject) -> dict[str, float]:
    power = bool(_POWER & set(subject.concepts)) or bool(_POWER & set(asked.concepts))
    found = place_of(asked, subject)
    if found is None:
        # Without a wish a national or continental set is better than one for a small region.
        known = find_place(subject.place) if subject.place else None
        return {"place fits": 0.8 if known is None or known.level >= 2 else 0.3}
    area = find_place(subject.place) if subject.place else None
    if found.kind == "wider" and power and area is not None and area.level > _COUNTRY:
        # A mix of a continent or of other countries is no grid of this place.
        return {"place elsewhere": 1.0, "grid elsewhere": 1.0}
    if found.kind in ("same", "wider"):
        return {"place fits": 1 / (1 + found.steps + 0.01 * found.breadth)}
    if found.kind in ("narrower", "unknown"):
        return {"place fits": 0.3}
    return {"place elsewhere": 1.0, "grid elsewhere": float(power)}


def _shared(
    asked: frozenset[str], held: frozenset[str], weights: Mapping[str, float], rarest: float
) -> float:
    """Share of the line's words, weighed by rarity, that a name holds, in [0, 1]."""
    total = sum(weights.get(word, rarest) for word in asked)
    return sum(weights.get(word, rarest) for word in asked & held) / total if total else 0.0
