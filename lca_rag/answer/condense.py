"""A follow-up ("and in 2010?", "what about Germany?") as a question that stands alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lca_rag.answer.lexicon import terms
from lca_rag.places import recognise

__all__ = ["Turn", "condense", "turns"]

_FOLLOWS = re.compile(
    r"^\s*(and|or|but|what about|how about|same|also|then|now)\b|\b(it|its|that|this|there|those"
    r"|these|them|the same|the first|"
    r"the second|the other)\b|^\s*(那么?|和|还有|它|其|这个|那个|如果|换成)|它|呢[？?]?\s*$",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^\s*(and|or|but|also|then|now|what about|how about|what is it|same|the same)\b[\s,:]*(for"
    r"|in|of|with|per)?\b\s*"
    r"|^\s*(那么?|和|还有|如果|换成)",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\b(19[5-9]\d|20[0-4]\d)\b")
_PER = re.compile(r"\b(per|in|as) (?P<u>[\w*]+( of \w+)?)\s*\??\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier turn."""

    role: Literal["user", "assistant"]
    content: str


def turns(history: Sequence[Turn | Mapping[str, str]]) -> list[Turn]:
    """History in either shape as turns; system messages are left out."""
    found = []
    for item in history:
        turn = item if isinstance(item, Turn) else _turn(item)
        if turn is not None and turn.content.strip():
            found.append(turn)
    return found


def _turn(item: Mapping[str, str]) -> Turn | None:
    role = item.get("role")
    if role == "user":
        return Turn("user", item.get("content", ""))
    return Turn("assistant", item.get("content", "")) if role == "assistant" else None


def condense(question: str, history: Sequence[Turn]) -> str:
    """The question with what it leaves to the turns before it; unchanged if it stands alone."""
    standing = ""
    for turn in history:
        if turn.role == "user":
            standing = _joined(turn.content, standing) if standing else turn.content
    return _joined(question, standing) if standing else question


def _joined(question: str, before: str) -> str:
    follows = bool(_FOLLOWS.search(question))
    short = sum(term.weight for term in terms(question)) <= 1.5
    if not follows and not (short and len(question) < 60):
        return question
    rest = _LEAD.sub("", question).strip().rstrip("?？.。呢 ")
    changed = _with_years(before, rest)
    if changed is None:
        changed = _with_place(before, rest)
    if changed is not None:
        return changed
    subject = _subject(before)
    asked = question.strip().rstrip("?？") if not _LEAD.match(question) else rest
    return f"{asked} ({subject})?" if subject else question


def _with_years(before: str, rest: str) -> str | None:
    """The earlier question with its year exchanged, or with the year added."""
    years = _YEAR.findall(rest)
    if len(years) != 1 or not re.fullmatch(r"[\s,年]*(in|of|for)?[\s,年]*", _YEAR.sub("", rest)):
        return None
    if _YEAR.search(before):
        return _YEAR.sub(years[0], before, count=1)
    return f"{before.rstrip('?？ ')} in {years[0]}?"


def _with_place(before: str, rest: str) -> str | None:
    """The earlier question with its place exchanged, or with the place added."""
    named = recognise(f"in {rest}")
    if len(named) != 1 or len(named[0].text) < len(rest.strip()) - 4:
        return None
    old = recognise(before)
    if old:
        return before[: old[0].start] + named[0].text + before[old[0].end :]
    return f"{before.rstrip('?？ ')} in {named[0].text}?"


def _subject(before: str) -> str:
    """What the earlier question was about: its words, without the flow and the asking."""
    from lca_rag.answer.question import understand

    question = understand(before)
    words = [term.text for term in (question.subject or question.terms)]
    words += [place.text for place in question.places] + [str(year) for year in question.years]
    return " ".join(dict.fromkeys(words))
