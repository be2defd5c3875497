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
from lca_rag.answer.kinds import Kind, kind_of
from lca_rag.answer.lexicon import Term, fold, is_chinese, terms, tokens
from lca_rag.answer.metadata import field_spans
from lca_rag.answer.spelling import corrected
from lca_rag.answer.wanted import inside, wanted_flows
from lca_rag.answer.wordings import (
    COMMAND,
    DATABASES,
    EMITTED,
    FIGURE,
    FLOW,
    JOINER,
    LISTED,
    MEASURE,
    MEDIA,
    PREAMBLE,
    SENTENCE,
    SIDES,
    TO_MEDIUM,
    YEAR,
)
from lca_rag.answer.words import plain
from lca_rag.places import Mention, recognise
from lca_rag.record import Direction

__all__ = ["Half", "Kind", "Question", "understand"]


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
    kind = kind_of(text if not empty else question, years, places)
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
    if kind in ("figure", "compare"):
        said_of = (*EMITTED.finditer(folded), *TO_MEDIUM.finditer(folded))
        spans.extend(match.span() for match in said_of)
    named = _spans_of(places)
    found = [t for t in terms(body) if not inside(t, spans) and not _straddles(t, named)]
    readings = wanted_flows(folded, found) if kind in ("figure", "compare", "impact") else []
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
    return tuple(term for term in found if named is not None and inside(term, [named.span()]))


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
