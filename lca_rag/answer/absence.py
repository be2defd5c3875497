"""Saying that something is not there, with the nearest that is and how it differs."""

from __future__ import annotations

from collections.abc import Sequence

from lca_rag.answer.choice import Candidate
from lca_rag.answer.figures import flow_name
from lca_rag.answer.lexicon import Term
from lca_rag.answer.phrases import described, phrase, title
from lca_rag.answer.question import Question
from lca_rag.answer.result import Draft
from lca_rag.places import Mention

__all__ = ["FITS", "absent", "absent_figure", "say_no_row"]

FITS = 0.79
"""Least fit of place and year; 0.8 is a part of the place, or a year that only the text names."""
_NEAREST = 2
_ROWS_NAMED = 8


def absent(question: Question, candidates: Sequence[Candidate]) -> Draft:
    """Nothing fits: say so, and name the nearest with how they differ."""
    language = question.language
    draft = Draft(question.kind, abstained=True, nothing_fits=True)
    what = _named(question.subject or question.terms, language)
    if where := _nowhere(question, candidates):
        draft.say(phrase("absent_here", language, what=what, where=where))
    else:
        draft.say(phrase("absent", language, what=what))
    for candidate in candidates[:_NEAREST]:
        how = _differences(question, candidate)
        record = candidate.view.record
        words = {"title": title(record, language), "how": "; ".join(how)}
        draft.say(phrase("nearest" if how else "nearest_plain", language, **words), record)
    return draft


def absent_figure(question: Question, best: Candidate, asked: Sequence[Term]) -> Draft:
    """The record is there and the figure is not: say so, and name what it does list."""
    language, record = question.language, best.view.record
    draft = Draft(question.kind, abstained=True)
    say_no_row(draft, question, best, asked)
    names = dict.fromkeys(flow_name(e, language) for e in record.exchanges if not e.reference)
    if names:
        rows = "; ".join(list(names)[:_ROWS_NAMED])
        draft.say(phrase("rows", language, rows=rows), record)
    return draft


def say_no_row(
    draft: Draft, question: Question, candidate: Candidate, asked: Sequence[Term]
) -> None:
    """State that one record holds no figure for what was asked."""
    language, record = question.language, candidate.view.record
    what = _named(asked, language)
    draft.say(phrase("absent_figure", language, title=title(record, language), what=what), record)


def _named(terms: Sequence[Term], language: str) -> str:
    words = list(
        dict.fromkeys(
            term.text for term in terms if term.weight >= 0.5 and not term.text[0].isdigit()
        )
    )
    if language == "zh":
        return "‘" + "、".join(words) + "’" if words else "此"
    return ", ".join(f"‘{word}’" for word in words) or "this"


def _nowhere(question: Question, candidates: Sequence[Candidate]) -> str:
    """The asked places and years that no record of what was asked is for; empty if it has none."""
    same = [c for c in candidates if c.strong == 1.0 and not c.missing and question.subject]
    if not same:
        return ""
    lacking = [
        said.text for said in question.places if all(_place_fit(c, said) < FITS for c in same)
    ] + [str(year) for year in question.years if all(c.view.year_fits(year) < FITS for c in same)]
    if not lacking and all(min(c.place, c.year) < FITS for c in same):
        lacking = [said.text for said in question.places] + [str(y) for y in question.years]
    return ("、" if question.language == "zh" else ", ").join(lacking)


def _place_fit(candidate: Candidate, said: Mention) -> float:
    return max(candidate.view.place_fits(area.code, said.text) for area in said.areas)


def _differences(question: Question, candidate: Candidate) -> list[str]:
    """How a near record differs from what was asked."""
    language, record = question.language, candidate.view.record
    found = []
    lacking = [term for term in candidate.missing if term.weight >= 0.5]
    if lacking:
        found.append(phrase("named", language, what=_named(lacking, language)))
    for said in question.places:
        if _place_fit(candidate, said) < FITS:
            found.append(
                _said(language, "place", said.text, record.place.code if record.place else None)
            )
    for year in question.years:
        if candidate.view.year_fits(year) < FITS:
            found.append(_said(language, "year", str(year), described(record)))
    return found


def _said(language: str, key: str, asked: str, got: str | None) -> str:
    if got is None:
        return phrase(f"no_{key}", language, asked=asked)
    return phrase(key, language, asked=asked, got=got)
