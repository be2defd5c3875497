"""A record as token sets, so that a question's notions can be looked up in its parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from lca_rag.answer.kept import ByRecord
from lca_rag.answer.lexicon import Prose, Term, Words, holds, terms, tokens
from lca_rag.answer.words import is_chinese, plain
from lca_rag.places import find_place, relation
from lca_rag.places import names as place_names
from lca_rag.record import Exchange, Record

__all__ = ["View", "Views"]

_FILLER = re.compile(r"all sizes|nesps2|所有规模|全国第二次污染普查数据", re.IGNORECASE)
"""Parts of names that nobody says."""
_CODE = re.compile(r"\b[A-Z]{3,5}\b")
"""What may be the code of a grid region."""
_CHIEF = {"RNA": "US"}
"""Regions that stand for one country: US LCI files averages of the United States under RNA."""
_PROSE_LIMIT = 20_000
"""Characters of one record's prose that are looked at."""


@dataclass(frozen=True)
class View:
    """The parts of one record as tokens; each part is made when it is first asked for."""

    record: Record

    @cached_property
    def name(self) -> Words:
        """Name, synonyms and reference flows, in every language."""
        record = self.record
        parts = record.name
        return tokens(
            *(
                text
                for part in (parts.base, parts.treatment, parts.mix, parts.functional)
                for text in part.all()
            ),
            *record.synonyms.all(),
            *(text for exchange in record.reference_exchanges for text in exchange.flow.all()),
        )

    @cached_property
    def title(self) -> Words:
        """The English name alone, to see how much of it a question names."""
        return tokens(str(self.record.name))

    @cached_property
    def phrases(self) -> tuple[str, ...]:
        """The first part of its name in each language, as `plain` writes it; not single words."""
        parts = [plain(text.split(";")[0]) for text in self.record.name.base.all()]
        parts = [part.strip() if is_chinese(part) else part for part in parts]
        return tuple(part for part in parts if " " in part.strip() or len(part.strip()) > 3)

    @cached_property
    def titles(self) -> tuple[Words, ...]:
        """The name in each language that it has."""
        parts = self.record.name
        named = (parts.base, parts.treatment, parts.mix, parts.functional)
        chinese = tokens(*(text for part in named for text in part.preferred("zh")))
        return (self.title, chinese) if chinese != self.title else (self.title,)

    @cached_property
    def _naming(self) -> tuple[tuple[Term, ...], ...]:
        """The notions of its name with content, in each language."""
        parts = self.record.name
        named = (parts.base, parts.treatment, parts.mix, parts.functional)
        found = []
        for language in ("en", "zh"):
            name = " ; ".join(text for part in named for text in part.preferred(language))
            said = terms(_FILLER.sub(" ", name))
            found.append(tuple(t for t in said if t.weight >= 0.5 and not t.text.isdigit()))
        return tuple(found)

    def named_by(self, said: frozenset[str]) -> float:
        """Share of the name's content that some tokens say, in the language that fits best."""
        words, best = Words(said), 0.0
        for naming in self._naming:
            weight = sum(term.weight for term in naming)
            held = sum(term.weight for term in naming if holds(term, words))
            best = max(best, held / weight if weight else 0.0)
        return best

    def said_by(self, said: frozenset[str]) -> bool:
        """Whether some tokens hold every word of the name in one language."""
        return any(title and title <= said for title in self.titles)

    @cached_property
    def place(self) -> Words:
        """Names and description of the place."""
        place = self.record.place
        if place is None:
            return Words()
        return tokens(
            place.code,
            place.name or "",
            *place_names(place.code),
            *place.description.all(),
            *(name for part in place.parts for name in place_names(part)),
        )

    @cached_property
    def _named_places(self) -> tuple[Words, ...]:
        """The names of the places whose codes the name holds ("NEWE" for New England)."""
        codes = _CODE.findall(str(self.record.name))
        return tuple(tokens(*place_names(code)) for code in codes if find_place(code) is not None)

    @cached_property
    def prose(self) -> Prose:
        """Description, technology, classes, functional unit and details."""
        return Prose(" ; ".join(text for _, text in self.passages())[:_PROSE_LIMIT])

    @cached_property
    def flows(self) -> Prose:
        """Names and comments of every exchange."""
        said = (text for exchange in self.record.exchanges for text in _said(exchange))
        return Prose(*dict.fromkeys(said))

    @cached_property
    def years(self) -> frozenset[int]:
        """Years that the record states for itself."""
        period = self.record.period
        stated = (period.reference_year, period.start, period.end, period.valid_until)
        return frozenset(year for year in stated if year is not None)

    @cached_property
    def rows(self) -> tuple[tuple[Exchange, Words, Words | Prose], ...]:
        """Every exchange with the tokens of its flow's name, and of name and comment together."""
        found = []
        for exchange in self.record.exchanges:
            name = tokens(*exchange.flow.all(), exchange.cas or "")
            found.append((exchange, name, Prose(*_said(exchange)) if exchange.comment else name))
        return tuple(found)

    def passages(self) -> Iterator[tuple[str, str]]:
        """Label and text of every piece of prose."""
        record = self.record
        for label, words in (
            ("Description", record.comment),
            ("Technology", record.technology),
            ("Applicability", record.applicability),
            ("Functional unit", record.functional_unit),
            ("Time", record.period.description),
            ("Geography", record.place.description if record.place else record.technology),
            *record.details,
        ):
            for text in words.all():
                yield label, text
        for item in record.classifications:
            yield "Classification", " ".join(item.path)

    def held(self, term: Term) -> float:
        """How firmly the record holds a notion: 1 in name or place, 0.5 elsewhere, else 0."""
        if holds(term, self.name) or holds(term, self.place) or self._abbreviated(term):
            return 1.0
        if holds(term, self.prose) or holds(term, self.flows):
            return 0.5
        return 0.0

    @cached_property
    def _initials(self) -> tuple[str, ...]:
        """The first letters of every part of the name and of the reference flows' names."""
        flows = (text for e in self.record.reference_exchanges for text in e.flow.all())
        parts = re.split(r"[,;:()|]", " ; ".join((str(self.record.name), *flows)).lower())
        return tuple("".join(re.findall(r"\b[a-z]", part)) for part in parts)

    def _abbreviated(self, term: Term) -> bool:
        """Whether an unknown short word is the first letters of a part of the name ("CPKO")."""
        said = term.text
        if term.known or not 3 <= len(said) <= 6 or not (said.isascii() and said.isalpha()):
            return False
        return said in self._initials or (len(said) > 3 and any(said in i for i in self._initials))

    def year_fits(self, year: int) -> float:
        """1 if the record is of the year or valid in it, 0.8 if it only names it, else 0."""
        period = self.record.period
        first = min(self.years, default=None)
        last = period.end or period.valid_until or max(self.years, default=None)
        if str(year) in self.name:
            return 1.0
        if first is not None and last is not None and first <= year <= last:
            return 1.0
        return 0.8 if str(year) in self.prose or str(year) in self.flows else 0.0

    def place_fits(self, code: str, said: str) -> float:
        """1 if the record is for the place or names it, 0.8 for a part of it, else 0."""
        got = self.record.place.code if self.record.place else None
        found = relation(code, got)
        if found.kind == "same":
            return 1.0
        if got is not None and _CHIEF.get(got) == code:
            return 1.0 if code in re.findall(r"\b[A-Z]{2}\b", str(self.record.name)) else 0.8
        words = tokens(said)
        if words and (words <= self.name or words <= self.place):
            return 1.0
        if any(own and own <= self.name for own in map(tokens, place_names(code)[1:])):
            return 1.0  # "Alaska" in the name, 阿拉斯加 in the question
        if words and any(words <= named for named in self._named_places):
            return 1.0
        if any(holds(term, self.name) for term in terms(said) if term.known):
            return 1.0
        if found.kind == "narrower":
            return 0.8
        if (
            found.kind in ("unknown", "unrelated")
            and words
            and all(word in self.prose for word in words)
        ):
            return 0.8 if not _somewhere(got) else 0.5
        return 0.0


def _somewhere(code: str | None) -> bool:
    """Whether a record's place is a known country or part of one, so that prose cannot move it."""
    return code is not None and find_place(code) is not None


def _said(exchange: Exchange) -> tuple[str, ...]:
    """What an exchange says in words, and the number of its substance."""
    return (*exchange.flow.all(), exchange.cas or "", *exchange.comment.all())


KEPT_EXCHANGES = 30_000
"""Exchanges of all views that are kept together; a view takes about a kilobyte for each."""


class Views(ByRecord[View]):
    """Views of the records met lately, so that a record is taken apart once."""

    def __init__(self, limit: int = KEPT_EXCHANGES) -> None:
        """Keep views of records with at most `limit` exchanges together."""
        super().__init__(View, limit)
