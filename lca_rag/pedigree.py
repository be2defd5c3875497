"""How well a hit's data would serve what was asked: a pedigree score of 1 (best) to 5, in words.

Rules only, so that each score can be worked out again from the record. Time and geography follow
the pedigree matrix; technology asks how much of the question the data set says of itself.

Source: Weidema & Wesnaes 1996, doi:10.1016/S0959-6526(96)00043-1, with the year bounds of
ecoinvent's data quality guideline (3, 6, 10 and 15 years).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from lca_rag.filters import Wishes
from lca_rag.index.words import tokenize
from lca_rag.places import relation
from lca_rag.reasons import place_reason, year_gap, year_reason
from lca_rag.record import Record

_YEARS = (3, 6, 10, 15)
"""Years apart up to which the score is 1, 2, 3 and 4."""
_SHARES = (1.0, 0.75, 0.5, 0.25)
"""Shares of the question's words from which the score is 1, 2, 3 and 4."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One score with its reason."""

    score: int
    """1 is best, 5 is worst or not known."""
    reason: str


@dataclass(frozen=True, slots=True)
class Pedigree:
    """The scores of a record against a question; what was not asked for has none."""

    time: Mark | None
    geography: Mark | None
    technology: Mark | None
    """`None` where question and name are in different scripts: no words could be shared."""

    @property
    def marks(self) -> dict[str, Mark]:
        """The scores that there are, by what they are about."""
        every = {"time": self.time, "geography": self.geography, "technology": self.technology}
        return {name: mark for name, mark in every.items() if mark is not None}

    @property
    def mean(self) -> float | None:
        """Mean of the scores, 1 best and 5 worst; `None` if nothing could be scored."""
        scores = [mark.score for mark in self.marks.values()]
        return sum(scores) / len(scores) if scores else None

    @property
    def quality(self) -> float:
        """The mean turned round: 1 is best, 0 worst; a half where nothing could be scored."""
        return 0.5 if self.mean is None else (5 - self.mean) / 4

    @property
    def sentence(self) -> str:
        """All scores in one line."""
        parts = [f"{name} {mark.score} ({mark.reason})" for name, mark in self.marks.items()]
        if self.technology is None:
            parts.append("technology not scored (question and name are in different scripts)")
        return "data quality (1 best, 5 worst): " + ", ".join(parts)


def pedigree(record: Record, question: str, wishes: Wishes) -> Pedigree:
    """The scores of a record against a question and what else was wished."""
    return Pedigree(
        time=_time(wishes.years, record) if wishes.years is not None else None,
        geography=_geography(wishes.place, record) if wishes.place is not None else None,
        technology=_technology(question, record),
    )


def weigh(found: Pedigree, relevance: float, weight: float) -> tuple[float, str]:
    """A score of relevance and data quality together, and the sentence that says so.

    Args:
        found: The scores of the data.
        relevance: In [0, 1], 1 best.
        weight: Share of data quality in the whole, in [0, 1].

    Returns:
        (1 - weight) x relevance + weight x quality, in [0, 1].
    """
    score = (1 - weight) * relevance + weight * found.quality
    mean = "not scored, taken as 3" if found.mean is None else f"mean score {found.mean:.2f}"
    told = (
        f"data quality weighs {weight:.0%}: {mean} of 5 makes {found.quality:.2f}, "
        f"with relevance {relevance:.2f} together {score:.2f}"
    )
    return score, told


def _time(asked: tuple[int, int], record: Record) -> Mark:
    reason = year_reason(asked, record.period)
    gap = year_gap(asked, record.period)
    if gap is None:
        return Mark(5, reason)
    return Mark(next((i for i, limit in enumerate(_YEARS, 1) if gap <= limit), 5), reason)


def _geography(asked: str, record: Record) -> Mark:
    reason = place_reason(asked, record)
    if record.place is None:
        return Mark(5, reason)
    found = relation(asked, record.place.code)
    if found.kind == "wider":
        # An average that holds the place says less of it with each step up.
        return Mark(min(4, 1 + found.steps), reason)
    return Mark({"same": 1, "narrower": 3, "sibling": 4}.get(found.kind, 5), reason)


def _technology(question: str, record: Record) -> Mark | None:
    asked, written = _asked(question)
    if not asked:
        return Mark(5, "the question has no words to compare")
    name = " ".join((str(record.name), *record.name.base.all()))
    named = _scripts(name)
    if written and named and not written & named:
        return None
    told = " ".join(
        (
            name,
            record.synonyms.join(" ") or "",
            record.technology.join(" ") or "",
            *(part for item in record.classifications for part in item.path),
        )
    )
    held = len(asked & set(tokenize(told)))
    share = held / len(asked)
    score = next((i for i, limit in enumerate(_SHARES, 1) if share >= limit), 5)
    return Mark(score, f"it states {held} of {len(asked)} words asked")


@lru_cache(maxsize=64)
def _asked(question: str) -> tuple[frozenset[str], frozenset[str]]:
    """Tokens and scripts of a question; all hits of a search ask for those of the same one."""
    return frozenset(tokenize(question)), _scripts(question)


def _scripts(text: str) -> frozenset[str]:
    """Scripts of the letters of a text ("LATIN", "CJK")."""
    return frozenset(_script(sign) for sign in set(text) if sign.isalpha())


@lru_cache(maxsize=4096)
def _script(sign: str) -> str:
    """A letter's script, by the first word of its name."""
    return unicodedata.name(sign, "").split(" ", 1)[0]
