"""What a question asks: its kind, the flow it wants, per what, in which unit, where and when.

Rules only, in English and in Chinese. Sentences that try to command the answerer are left out of
the question; they are text, not instructions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from lca_rag.answer.amounts import Basis, find_basis, find_target
from lca_rag.answer.lexicon import Term, fold, is_chinese, terms, tokens
from lca_rag.answer.metadata import field_spans
from lca_rag.answer.spelling import corrected
from lca_rag.answer.wordings import (
    ASKED,
    ASKED_HAN,
    COMMAND,
    COMPARE,
    DATABASES,
    EMITTED,
    EXISTS,
    FIGURE,
    FLOW,
    IMPACT,
    JOINER,
    JOINT,
    LIST,
    LISTED,
    MEASURE,
    MEDIA,
    PREAMBLE,
    REFERENCE,
    SENTENCE,
    SIDES,
    TO_MEDIUM,
    TWO_SIZES,
    YEAR,
)
from lca_rag.answer.words import plain
from lca_rag.places import Mention, recognise
from lca_rag.record import Direction

__all__ = ["Half", "Kind", "Question", "understand"]

Kind = Literal["figure", "reference", "metadata", "list", "compare", "impact"]


@dataclass(frozen=True, slots=True)
class Half:
    """One side of a comparison."""

    places: tuple[int, ...]
    """Indexes of its notions among the question's, without the wanted flow."""
    said: frozenset[str]
    """Its tokens in every spelling."""
    areas: tuple[Mention, ...] = ()
    """Places that it names."""
    years: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A question, understood."""

    original: str
    text: str
    """Without commands to the answerer and without names of databases."""
    language: Literal["en", "zh"]
    kind: Kind
    terms: tuple[Term, ...]
    """Notions that name the data set or the flow; not units, places, years."""
    asked: tuple[Term, ...]
    """Those among `terms` that name the flow whose amount is wanted, if the wording tells."""
    readings: tuple[tuple[Term, ...], ...] = ()
    """What else the wording might mean by it, the likeliest first."""
    direction: Direction | None = None
    emitted: bool = False
    """Whether an emission is asked for."""
    medium: str | None = None
    basis: Basis | None = None
    """Per how much of what the figure is wanted."""
    product: tuple[Term, ...] = ()
    """Notions that name what the figure is wanted per ("per kg of methanol")."""
    target: str | None = None
    """Unit in which the figure is wanted."""
    places: tuple[Mention, ...] = ()
    years: tuple[int, ...] = ()
    commanded: bool = False
    """Whether sentences were left out because they command the answerer."""
    empty: bool = field(default=False)
    """Whether nothing but commands was there."""
    about_flow: bool = False
    """Whether a substance is asked about rather than a process."""
    halves: tuple[tuple[Half, Half], ...] = ()
    """Where the question may be about two data sets: what stands left and right of each word that
    may part them."""
    counted: bool = True
    """Whether an amount is asked for in so many words ("how much", "per", "多少")."""
    parted: bool = False
    """Whether `asked` is what the best record's name does not say, whatever the wording."""
    said: frozenset[str] = frozenset()
    """Every token of the question and of other spellings of its notions."""

    @property
    def phrase(self) -> str:
        """Its words in order, between blanks and without what stands between them."""
        return plain(self.text)

    @property
    def subject(self) -> tuple[Term, ...]:
        """The notions that must name the data set."""
        return tuple(term for term in self.terms if term not in self.asked)

    @property
    def spelled(self) -> str:
        """What must name the data set, in every spelling; the wanted flow would only distract."""
        named = self.subject or self.terms
        said = [(place.text, *(area.name for area in place.areas)) for place in self.places]
        words = [name for names in said for name in dict.fromkeys(names)]
        words += [str(year) for year in self.years]
        return " ".join(
            sorted({token for term in named for option in term.options for token in option}) + words
        )


def understand(question: str) -> Question:
    """Read a question; never fails."""
    text, commanded = _without_commands(corrected(question))
    empty = not text.strip()
    body = DATABASES.sub(" ", text if not empty else question)
    folded = fold(body)
    years = tuple(dict.fromkeys(int(found.group(1)) for found in YEAR.finditer(folded)))
    stated = field_spans(body)
    places = tuple(
        place
        for place in recognise(body)
        if not _is_substance(place)
        and not _is_part_of_word(place, body)
        and not _is_code_in(place, stated)
        and not MEASURE.match(body, place.end)
    )
    kind = _kind(text if not empty else question, years, places)
    basis = find_basis(folded)
    spans = [*_spans_of(places), *((m.start(), m.end()) for m in YEAR.finditer(folded))]
    if basis is not None:
        spans.append(basis.span)
    target = find_target(folded, basis)
    if target is not None:
        spans.append(target.span)
    purpose = PREAMBLE.match(body)
    if purpose is not None:
        spans.append(purpose.span())
    if kind in ("metadata", "list"):
        spans.extend(stated)
    emitted = bool(EMITTED.search(folded))
    if emitted and kind in ("figure", "compare"):
        said_of = (*EMITTED.finditer(folded), *TO_MEDIUM.finditer(folded))
        spans.extend(match.span() for match in said_of)
    named = _spans_of(places)
    found = [t for t in terms(body) if not _inside(t, spans) and not _straddles(t, named)]
    readings = _asked(folded, found) if kind in ("figure", "compare", "impact") else []
    if kind == "figure" and target is not None and target.unit in ("kWh", "MWh"):
        power = tuple(terms("electricity"))  # "How many kWh per …?" wants no other flow.
        readings = [reading for reading in readings if reading != power]
        readings.insert(0 if _OF_POWER.search(folded) else len(readings), power)
    return Question(
        original=question,
        text=body.strip(),
        language="zh" if is_chinese(question) else "en",
        kind=kind,
        terms=tuple(found),
        asked=readings[0] if readings else (),
        readings=tuple(readings[1:]),
        direction=next((side for pattern, side in SIDES if pattern.search(folded)), None),
        emitted=emitted,
        medium=next((name for name, pattern in MEDIA.items() if pattern.search(folded)), None),
        basis=basis,
        product=_product(folded, found, basis) if basis is not None else (),
        target=target.unit if target is not None else None,
        places=places,
        years=years,
        commanded=commanded,
        empty=empty,
        about_flow=kind == "metadata" and bool(FLOW.search(folded)),
        halves=_halves(folded, found, readings[:1], JOINER if kind == "compare" else LISTED, places)
        if kind in ("figure", "compare")
        else (),
        counted=bool(FIGURE.search(folded)),
        said=tokens(body).union(*(option for term in found for option in term.options)),
    )


def _product(folded: str, found: Sequence[Term], basis: Basis) -> tuple[Term, ...]:
    """The notions between the basis and the next comma or preposition."""
    named = _OF_PRODUCT.match(folded, basis.span[1])
    return tuple(term for term in found if named is not None and _inside(term, [named.span()]))


_OF_PRODUCT = re.compile(
    r"(?:(?<=of)| of) (?:the |a )?(?:(?!\b(?:in|at|by|from|with|for|to|is|are|on|as)\b)[\w -])+"
)
_OF_POWER = re.compile(r"(?:how many|[,:–—-]|^)\s*[km]wh\s*(?:per|/|for|does|do|are|is)\b")
"""Kilowatt hours of nothing else than power."""


def _is_substance(place: Mention) -> bool:
    """Whether capitals that are a country's code are a flow's short name here ("COD")."""
    if place.text == "LCA":  # hardly ever Saint Lucia
        return True
    return place.text.isupper() and any(term.known for term in terms(place.text))


def _is_part_of_word(place: Mention, text: str) -> bool:
    """Whether a Chinese place's signs are the inside of a longer word ("合肥" in "复合肥")."""
    return is_chinese(place.text) and any(
        term.known and term.start <= place.start and place.end <= term.end
        for term in terms(text)
        if term.end - term.start > place.end - place.start
    )


def _is_code_in(place: Mention, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether capitals that are a country's code are a word of the question ("unique ID")."""
    return place.text.isupper() and any(
        start <= place.start and place.end <= end for start, end in spans
    )


_TAGGED = re.compile(r"<(system|assistant|developer|instructions?|admin)>.*?</\1>", re.I | re.S)
"""What pretends to be a part of the conversation that the asker does not write."""


def _without_commands(question: str) -> tuple[str, bool]:
    """The sentences that do not command the answerer, and whether some did."""
    question, tagged = _TAGGED.subn(" ", question)
    parts = [part for part in SENTENCE.split(question) if part and part.strip()]
    kept = [part for part in parts if not COMMAND.search(part)]
    if len(kept) == len(parts):
        return question, tagged > 0
    return " ".join(part.strip() for part in kept), True


def _kind(text: str, years: Sequence[int], places: Sequence[Mention]) -> Kind:
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


def _spans_of(places: Sequence[Mention]) -> list[tuple[int, int]]:
    return [(place.start, place.end) for place in places]


def _straddles(term: Term, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether a pair of Chinese signs is the end of a place and the start of what follows."""
    return (
        not term.known
        and len(term.text) == 2
        and is_chinese(term.text)
        and any(term.start < end and start < term.end for start, end in spans)
    )


def _inside(term: Term, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= term.start and term.end <= end for start, end in spans)


def _halves(
    folded: str,
    found: Sequence[Term],
    readings: Sequence[Sequence[Term]],
    joiner: re.Pattern[str],
    areas: Sequence[Mention],
) -> tuple[tuple[Half, Half], ...]:
    """The two sides of every word that may part the compared data sets."""
    flow = readings[0] if readings else ()
    made = []
    for match in joiner.finditer(folded):
        sides = []
        for begin, end in ((0, match.start()), (match.end(), len(folded))):
            places = tuple(
                place
                for place, term in enumerate(found)
                if begin <= term.start and term.end <= end and term not in flow
            )
            options = (option for place in places for option in found[place].options)
            words = _DEGREE.sub(r"\1", folded[begin:end])
            sides.append(
                Half(
                    places,
                    tokens(words).union(*options),
                    tuple(area for area in areas if begin <= area.start and area.end <= end),
                    tuple(int(year.group(1)) for year in YEAR.finditer(folded, begin, end)),
                )
            )
        if all(side.places or side.areas or side.years for side in sides):
            made.append((sides[0], sides[1]))
    return tuple(made[:_JOINERS])


_DEGREE = re.compile(r"\b(part(?=ly|ially)|full(?=y\b))\w+")
"""Adverbs that tell two data sets apart, whose names write "(part)" and "(full)"."""
_JOINERS = 6
"""Words that are tried as what parts the two."""


def _asked(folded: str, found: Sequence[Term]) -> list[tuple[Term, ...]]:
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
            chosen = tuple(term for term in found if _inside(term, [span]))
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
