"""Which kind of answer a question wants, told by its wording."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from lca_rag.answer.amounts import find_basis, find_target
from lca_rag.answer.lexicon import fold
from lca_rag.answer.metadata import field_spans
from lca_rag.answer.wordings import (
    COMPARE,
    EMITTED,
    EXISTS,
    FIGURE,
    IMPACT,
    JOINT,
    LIST,
    REFERENCE,
    TWO_SIZES,
)
from lca_rag.places import Mention

__all__ = ["Kind", "kind_of"]

Kind = Literal["figure", "reference", "metadata", "list", "compare", "impact"]


def kind_of(text: str, years: Sequence[int], places: Sequence[Mention]) -> Kind:
    """The first rule that fits; a figure if none does."""
    stated = field_spans(text)
    listed = LIST.search(text)
    if listed is not None and _lists(text, listed.start(), stated):
        return "list"
    if _exists(text, stated):
        return "list"
    if REFERENCE.search(text):
        return "reference"
    if IMPACT.search(text):
        return "impact"
    if COMPARE.search(text) or TWO_SIZES.search(text):
        return "compare"
    figure = FIGURE.search(text)
    if (
        (figure is not None or not stated)
        and (len(places) == 2 or len(years) == 2)
        and _joined(text, years, places)
    ):
        return "compare"
    in_unit = find_target(fold(text), find_basis(fold(text))) is not None
    if _HOW_MUCH.search(text):
        stated = [span for span in stated if not _BY_WAY.fullmatch(text[slice(*span)])]
    if (
        stated
        and not in_unit
        and (figure is None or _SURVEYED.search(text) or stated[0][0] < figure.start())
    ):
        return "metadata"
    return "figure"


_HOW_MUCH = re.compile(r"\bhow (much|many)\b|多少", re.IGNORECASE)
_BY_WAY = re.compile(r"(\w+ )?(route|technolog\w*|techniques?|工艺|技术)", re.IGNORECASE)
"""Words for how a thing is made, which only name the data set where an amount is asked for."""
_SURVEYED = re.compile(r"\bsurveyed\b|\bsampled\b|抽样|被调查", re.IGNORECASE)
"""A count of those who were asked is no amount of a flow."""


def _exists(text: str, stated: Sequence[tuple[int, int]]) -> bool:
    """Whether it is asked if there are data on something, and not for one of its figures."""
    found = EXISTS.search(text)
    if found is None or any(cue.search(text) for cue in (FIGURE, EMITTED, IMPACT, REFERENCE)):
        return False
    return all(found.start() <= begin and end <= found.end() for begin, end in stated)


def _lists(text: str, start: int, stated: Sequence[tuple[int, int]]) -> bool:
    """Whether data sets are to be listed, not one's field told ("which version do you have")."""
    if re.search(r"which of the two", text, re.IGNORECASE):
        return False
    field_at = stated[0][0] if stated else len(text)
    asked = re.fullmatch(r"(which|what) ?(\w+ )?", text[start:field_at], re.IGNORECASE)
    return start <= field_at and asked is None


def _joined(text: str, years: Sequence[int], places: Sequence[Mention]) -> bool:
    """Whether two places or two years stand beside each other, joined by "and" or the like."""
    if len(places) == 2:
        between = text[places[0].end : places[1].start]
    else:
        between = text[text.find(str(years[0])) + 4 : text.find(str(years[1]))]
    return bool(re.fullmatch(JOINT, between, re.IGNORECASE))
