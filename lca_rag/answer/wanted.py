"""Which notions of a question may name the flow whose amount is wanted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lca_rag.answer.lexicon import Term, is_chinese
from lca_rag.answer.wordings import ASKED, ASKED_HAN

__all__ = ["inside", "wanted_flows"]


def wanted_flows(folded: str, found: Sequence[Term]) -> list[tuple[Term, ...]]:
    """The notions in the phrase that may name the wanted flow, by every rule that catches any."""
    readings: list[tuple[Term, ...]] = []
    if (before := _before_much(folded, found)) and is_chinese(folded):
        readings.append(before)
    for pattern in ASKED_HAN if is_chinese(folded) else ASKED:
        for match in pattern.finditer(folded):
            span = match.span("x")
            if (parted := _PARTED.search(folded, *span)) is not None:
                span = span[0], parted.start()
            span = _whole(span, found)
            chosen = tuple(term for term in found if inside(term, [span]))
            named = tuple(term for term in chosen if term.weight >= 0.5)
            if named and len(chosen) <= 5 and named not in readings:
                readings.append(named)
    return readings


_PARTED = re.compile(r"\s(?:[-–—]|vs\.?|versus)\s")
"""What ends the name of a flow before the data sets that are compared."""
_MUCH = re.compile(
    r"(?:的?(?:是|有|为|值|量|排放量|用量|消耗量|产生量))*(?:多少|几何)(?!\S*[的\u3400-\u9fff]{2})"
)
"""An amount that is asked for at the end, behind the flow ("…COD多少？")."""


def _before_much(folded: str, found: Sequence[Term]) -> tuple[Term, ...]:
    """The notion that stands before a final "多少", with unknown pairs of signs that touch it."""
    much = _MUCH.search(folded)
    if much is None:
        return ()
    chosen: list[Term] = []
    start = much.start()
    for term in reversed(found):
        touches = term.end == start if not chosen else not term.known and term.end > start
        if touches and (not chosen or not chosen[-1].known):
            chosen.append(term)
            start = term.start
    return tuple(reversed(chosen))


def _whole(span: tuple[int, int], found: Sequence[Term]) -> tuple[int, int]:
    """The span, longer where it begins or ends within a known word ("挥发性|有机物")."""
    known = [term for term in found if term.known]
    starts = (t.start for t in known if t.start < span[0] < t.end <= span[1])
    ends = (t.end for t in known if span[0] <= t.start < span[1] < t.end)
    return min(starts, default=span[0]), max(ends, default=span[1])


def inside(term: Term, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether a notion stands within one of some spans."""
    return any(start <= term.start and term.end <= end for start, end in spans)
