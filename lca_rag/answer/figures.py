"""Rows of a record that answer a question, with what was computed from them and how.

A `Figure` is always one amount of the record. Whatever else is said about it (another unit, per
another amount of the reference flow, a sum) is a `Derived` that names its operands, so that the
checks can do the sum again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lca_rag.answer.amounts import converted
from lca_rag.answer.lexicon import Prose, Term, Words, holds, tokens
from lca_rag.answer.question import Question
from lca_rag.answer.view import View
from lca_rag.record import Exchange, Record

__all__ = ["CARRIAGE", "Derived", "Figure", "derive", "find_rows", "flow_name", "row_score"]

ENOUGH = 0.6
"""Share of the asked notions that a row must hold."""
_WRONG_SIDE, _WRONG_MEDIUM, _NOT_EMITTED = 0.25, 0.2, 0.15
_OTHER_DIMENSION = 0.3
"""What a row loses that cannot be said in the wanted unit."""
_SAME = 0.08
"""Rows whose score is so close to the best are shown beside it."""
_OTHER_SIDE = 0.8
"""How well a row of the other side must fit to be shown too, where no side is asked for."""
_SHOWN = 4
_NO_UNIT = 0.3
"""What a row loses that states no unit, so that nothing can be said of it."""
_CARRIED = 0.5
"""What a transport service loses where none is asked for."""
_VEHICLES = tokens(
    "transport train rail truck lorry barge ship vessel freighter tanker pipeline aircraft bus car"
)
CARRIAGE = ("t*km", "p*km")
"""Units of transport services."""
_MEDIA = {"air": ("air",), "water": ("water",), "soil": ("soil", "ground")}


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of a record."""

    record: Record
    exchange: Exchange
    score: float


@dataclass(frozen=True, slots=True)
class Derived:
    """An amount computed from a row."""

    amount: float
    unit: str
    per: str | None
    """Per how much of the reference flow, in words; `None` where it is the data set's own."""


def flow_name(exchange: Exchange, language: str = "en") -> str:
    """Name of a row's flow in the wanted language, else in any, else what the source points to."""
    names = exchange.flow.preferred(language) or exchange.flow.all()
    return names[0] if names else exchange.flow_ref or exchange.flow_uuid or f"flow {exchange.id}"


def find_rows(view: View, question: Question, asked: Sequence[Term]) -> list[Figure]:
    """The rows that hold the asked flow, best first; none if no row holds enough of it."""
    if not any(holds(term, view.flows) for term in asked):
        return []
    scored = []
    for exchange, name, whole in view.rows:
        if exchange.reference or exchange.amount is None or _other_measure(exchange, question):
            continue
        score = row_score(exchange, name, whole, question, asked)
        if score >= ENOUGH:
            scored.append(Figure(view.record, exchange, score))
    scored.sort(key=lambda figure: -figure.score)
    if not scored:
        return []
    limit = scored[0].score - _SAME
    shown = [figure for figure in scored if figure.score >= limit][:_SHOWN]
    if question.direction is None and len({f.exchange.direction for f in shown}) == 1:
        side = shown[0].exchange.direction
        others = (f for f in scored if f.exchange.direction != side and f.score >= _OTHER_SIDE)
        shown += [f for _, f in zip(range(1), others, strict=False)]
    return shown


def _other_measure(exchange: Exchange, question: Question) -> bool:
    """Whether a transport service stands where kilowatt hours, litres or kilograms are wanted."""
    wanted = question.target
    return wanted is not None and wanted not in CARRIAGE and exchange.unit in CARRIAGE


def _other_dimension(exchange: Exchange, question: Question) -> bool:
    if question.target is None or exchange.unit is None:
        return False
    return converted(1.0, exchange.unit, question.target) is None


def row_score(
    exchange: Exchange,
    name: Words,
    whole: Words | Prose,
    question: Question,
    asked: Sequence[Term],
) -> float:
    """How well a row fits: share of the asked notions, then side, medium and other words."""
    weight = sum(term.weight for term in asked)
    held = sum(
        term.weight * (1.0 if holds(term, name) else 0.75 if holds(term, whole) else 0.0)
        for term in asked
    )
    score = held / weight if weight else 0.0
    if score == 0:
        return 0.0
    if _other_dimension(exchange, question):
        score -= _OTHER_DIMENSION
    if exchange.unit in CARRIAGE and not any(holds(term, _VEHICLES) for term in asked):
        score -= _CARRIED  # diesel is no kilometre of a lorry that runs on it
    if exchange.unit is None:
        score -= _NO_UNIT
    if question.direction is not None and exchange.direction != question.direction:
        score -= _WRONG_SIDE
    if question.emitted and exchange.flow_kind not in ("elementary", None):
        score -= _NOT_EMITTED
    if question.medium is not None and exchange.flow_kind == "elementary":
        words = " ".join(exchange.category).lower()
        if not any(word in words for word in _MEDIA[question.medium]):
            score -= _WRONG_MEDIUM
    others = [term for term in question.terms if term not in asked]
    extra = sum(1 for term in others if holds(term, whole))
    asked_tokens = {token for term in asked for option in term.options for token in option}
    unnamed = len(name - asked_tokens) / max(len(name), 1)
    return score + 0.05 * min(extra, 4) - 0.15 * unnamed


def derive(figure: Figure, question: Question) -> Derived | None:
    """The amount per what was asked and in the unit that was asked, where that can be computed."""
    amount, unit = figure.exchange.amount, figure.exchange.unit
    if amount is None or unit is None:
        return None
    scale, per = _scale(figure.record, question)
    target = question.target
    if target is not None:
        other = converted(amount, unit, target)
        if other is not None and (target != unit or scale != 1.0):
            return Derived(other * scale, target, per)
    return Derived(amount * scale, unit, per) if scale != 1.0 else None


def _scale(record: Record, question: Question) -> tuple[float, str | None]:
    """What to multiply by to come from the data set's reference amount to the asked one."""
    references = record.reference_exchanges
    if question.basis is None or len(references) != 1:
        return 1.0, None
    reference = references[0]
    if not reference.amount or reference.unit is None:
        return 1.0, None
    own = converted(reference.amount, reference.unit, question.basis.unit)
    if not own:
        return 1.0, None
    scale = question.basis.amount / own
    return (1.0, None) if abs(scale - 1) < 1e-9 else (scale, str(question.basis))
