"""Answers by rules: from a question and its candidates to sentences that quote records."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lca_rag.answer.absence import FITS, absent, absent_figure, say_no_row
from lca_rag.answer.amounts import bracketed_unit, written
from lca_rag.answer.choice import Candidate, Pair, best_pair, two_named
from lca_rag.answer.figures import Figure, derive, find_rows, flow_name
from lca_rag.answer.metadata import asked_facts
from lca_rag.answer.passages import find_passages
from lca_rag.answer.phrases import amount_of, basis_of, phrase, title
from lca_rag.answer.question import Question
from lca_rag.answer.result import Draft
from lca_rag.answer.suiting import suiting, suits
from lca_rag.answer.thresholds import GENERAL, Thresholds
from lca_rag.record import ImpactResult

__all__ = ["extract", "say_rows"]

_TIED = 0.03
"""Candidates whose scores differ by less are told apart by nothing in the question."""
_SHARE = re.compile(
    r"\b(share|percent|percentage|fraction|proportion)\b|%|占|比例|百分", re.IGNORECASE
)
_PERCENT = re.compile(r"\d\s*(%|percent|per cent)|百分之")
_LISTED = 12


def extract(
    question: Question, candidates: Sequence[Candidate], enough: Thresholds = GENERAL
) -> Draft:
    """The answer that the candidates' records give, or why they give none."""
    if question.empty:
        draft = Draft(question.kind, abstained=True, nothing_fits=True)
        draft.say(phrase("no_question", question.language))
        return draft
    draft = _BY_KIND[question.kind](question, candidates, enough)
    if question.commanded:
        draft.say(phrase("command", question.language))
    return draft


def _figure(question: Question, candidates: Sequence[Candidate], enough: Thresholds) -> Draft:
    shared = _share_stated(question, candidates[0]) if candidates else []
    if shared:
        return _quoted(Draft(question.kind), question, candidates[0], shared)
    if (pair := two_named(question, candidates)) is not None:
        draft = Draft(question.kind)
        for one in pair:
            say_rows(draft, question, one.rows)
        return draft
    chosen = suiting(question, candidates, enough)
    if not chosen:
        return absent(question, candidates)
    best = chosen[0]
    if not question.asked and not best.rows:
        return _unclear(question, best)
    draft = Draft(question.kind)
    if best.rows:
        for tied in _tied(chosen):
            say_rows(draft, question, tied.rows)
        return draft
    wanted = [*question.asked, *(term for term in question.subject if best.view.held(term) < 1.0)]
    amount = question.basis or question.target or question.direction
    numeric = amount is not None or question.counted
    passages = find_passages(best.view, wanted, numeric=numeric, unit=question.target, enough=0.75)
    if passages and not question.emitted:
        return _quoted(draft, question, best, [(p.label, p.text) for p in passages])
    return absent_figure(question, best, question.asked)


def _tied(chosen: Sequence[Candidate]) -> list[Candidate]:
    """The best candidate and those that nothing in the question tells from it."""
    best = chosen[0]
    return [best] + [other for other in chosen[1:4] if other.rows and _is_tied(best, other)]


def _is_tied(best: Candidate, other: Candidate) -> bool:
    """Whether two candidates bear one name, or hold the same of the question, and fit alike."""
    if best.score - other.score >= _TIED:
        return False
    return other.view.title == best.view.title or (
        other.held == best.held
        and (other.place, other.year, other.basis) == (best.place, best.year, best.basis)
    )


def _share_stated(question: Question, best: Candidate) -> list[tuple[str, str]]:
    """Sentences with a percentage, where a share is asked of something that the prose names."""
    if not _SHARE.search(question.text) or best.strong < 0.3:
        return []
    rest = [term for term in question.subject if best.view.held(term) < 1.0]
    found = find_passages(best.view, rest, numeric=True, enough=0.9)
    return [(passage.label, passage.text) for passage in found if _PERCENT.search(passage.text)]


def _unclear(question: Question, best: Candidate) -> Draft:
    """No flow could be told from the wording: every notion the name lacks is tried as the flow."""
    draft = Draft(question.kind)
    rest = [term for term in question.terms if best.view.held(term) < 1.0] or list(question.terms)
    rows = find_rows(best.view, question, rest)
    if rows:
        say_rows(draft, question, rows)
        return draft
    for (
        term
    ) in question.terms:  # its name may say the flow too ("Transport, train, diesel powered")
        if (
            question.direction == "input"
            and term.weight >= 1.0
            and (rows := find_rows(best.view, question, [term]))
        ):
            say_rows(draft, question, rows)
            return draft
    amount = question.basis or question.target or question.direction
    numeric = amount is not None or question.counted
    passages = find_passages(best.view, rest, numeric=numeric, unit=question.target)
    if passages:
        return _quoted(draft, question, best, [(p.label, p.text) for p in passages])
    return absent_figure(question, best, rest)


def say_rows(draft: Draft, question: Question, rows: Sequence[Figure]) -> None:
    """Quote rows, one sentence each."""
    for figure in rows:
        _say_row(draft, question, figure)


def _say_row(draft: Draft, question: Question, figure: Figure) -> None:
    language, record, exchange = question.language, figure.record, figure.exchange
    basis = basis_of(record, language)
    derived, more = derive(figure, question), ""
    if derived is not None:
        key = "derived_per" if derived.per else "derived"
        amount = written(derived.amount)
        more = phrase(key, language, derived=amount, unit=derived.unit, per=derived.per or "")
    words = {
        "derived": more,
        "title": title(record, language),
        "side": phrase(exchange.direction, language),
        "flow": flow_name(exchange, language),
        "amount": amount_of(exchange),
        "basis": basis or "",
    }
    draft.say(phrase("figure" if basis else "figure_no_basis", language, **words), record)


def _compare(question: Question, candidates: Sequence[Candidate], enough: Thresholds) -> Draft:
    pool = [c for c in candidates if c.strong >= 0.2]
    pair = _fitting_pair(question, [c for c in pool if c.rows], enough) if question.asked else None
    pair = pair or _fitting_pair(question, pool, enough)
    if pair is None:
        return _figure(question, candidates, enough)
    draft = Draft(question.kind)
    shown: list[Figure] = []
    lacking: list[Candidate] = []
    for candidate in (pair.one, pair.other):
        rows = candidate.rows or tuple(_rest_rows(question, candidate))
        say_rows(draft, question, rows)
        shown += rows[:1]
        lacking += [] if rows else [candidate]
    if len(lacking) == 2:
        return absent_figure(question, pair.one, question.asked or question.terms)
    for candidate in lacking:
        say_no_row(draft, question, candidate, question.asked or question.terms)
    if not lacking:
        _say_larger(draft, question, shown)
    return draft


def _fitting_pair(question: Question, pool: Sequence[Candidate], enough: Thresholds) -> Pair | None:
    """The best pair of those that together are what the question is about."""
    weight = sum(term.weight for term in question.subject) or 1.0
    least = enough.of("compare").anywhere

    def fits(pair: Pair) -> bool:
        missing = _missing_of_both(question, pair.one, pair.other)
        return 1 - missing / weight >= least and _both_fit(question, pair)

    return best_pair(question, pool, fits)


def _both_fit(question: Question, pair: Pair) -> bool:
    """Whether every asked place and year is met by one of the two."""
    views = (pair.one.view, pair.other.view)
    places = all(
        max(v.place_fits(area.code, said.text) for v in views for area in said.areas) >= FITS
        for said in question.places
    )
    return places and all(max(v.year_fits(year) for v in views) >= FITS for year in question.years)


def _missing_of_both(question: Question, one: Candidate, other: Candidate) -> float:
    weight = 0.0
    for term, left, right in zip(question.terms, one.held, other.held, strict=True):
        if term not in question.asked:
            weight += term.weight * (1 - max(left, right))
    return weight


def _rest_rows(question: Question, candidate: Candidate) -> list[Figure]:
    rest = [term for term in question.terms if candidate.view.held(term) < 1.0]
    return find_rows(candidate.view, question, rest)


def _say_larger(draft: Draft, question: Question, shown: Sequence[Figure]) -> None:
    """Which is larger, where both rows have one unit and refer to equal amounts."""
    one, other = shown
    left, right = one.exchange.amount, other.exchange.amount
    bases = [
        [(e.amount, e.unit) for e in figure.record.reference_exchanges] for figure in (one, other)
    ]
    if left is None or right is None or left == right:
        return
    if one.exchange.unit != other.exchange.unit or bases[0] != bases[1]:
        return
    larger, smaller = (one, other) if left > right else (other, one)
    words = {"title": title(larger.record, question.language)}
    draft.say(phrase("larger", question.language, **words), larger.record, smaller.record)


def _reference(question: Question, candidates: Sequence[Candidate], enough: Thresholds) -> Draft:
    chosen = suiting(question, candidates, enough)
    if not chosen:
        return absent(question, candidates)
    record, language = chosen[0].view.record, question.language
    draft = Draft(question.kind)
    words = {"title": title(record, language)}
    for exchange in record.reference_exchanges:
        side = phrase(f"side_{exchange.direction}", language)
        flow = flow_name(exchange, language)
        draft.say(
            phrase(
                "reference", language, **words, amount=amount_of(exchange), flow=flow, side=side
            ),
            record,
        )
    if not record.reference_exchanges:
        draft.say(phrase("no_reference", language, **words), record)
    stated = record.functional_unit.join("; ", language)
    if stated:
        draft.say(phrase("functional", language, text=" ".join(stated.split())), record)
    return draft


def _metadata(question: Question, candidates: Sequence[Candidate], enough: Thresholds) -> Draft:
    chosen = suiting(question, candidates, enough)
    if not chosen:
        return absent(question, candidates)
    best, language = chosen[0], question.language
    draft = Draft(question.kind)
    facts = asked_facts(best.view, question.text, language)
    found = [(fact.label_zh if language == "zh" else fact.label, fact.text) for fact in facts]
    rest = [term for term in question.terms if best.view.held(term) < 1.0]
    passages = find_passages(best.view, rest, numeric=False, enough=0.5)
    found += [(passage.label, passage.text) for passage in passages]
    if not found:
        draft.abstained = True
        draft.say(
            phrase("absent_fact", language, title=title(best.view.record, language)),
            best.view.record,
        )
        return draft
    return _quoted(draft, question, best, found)


def _quoted(
    draft: Draft, question: Question, best: Candidate, found: Sequence[tuple[str, str]]
) -> Draft:
    record, language = best.view.record, question.language
    draft.say(phrase("about", language, title=title(record, language)), record)
    for label, text in dict.fromkeys(found):
        key = "fact" if text in ("yes", "no") else "passage"
        draft.say(phrase(key, language, label=label, text=text.rstrip(".。")), record)
    return draft


def _list(question: Question, candidates: Sequence[Candidate], enough: Thresholds) -> Draft:
    fitting = [c for c in candidates if suits(question, c, enough)]
    if not fitting:
        return absent(question, candidates)
    best = max(c.strong for c in fitting)
    chosen = [c for c in fitting if c.strong >= best - 0.01]
    draft = Draft(question.kind)
    draft.say(phrase("list", question.language))
    for candidate in chosen[:_LISTED]:
        record = candidate.view.record
        draft.say(
            phrase("listed", question.language, title=title(record, question.language)), record
        )
    return draft


def _impact(question: Question, candidates: Sequence[Candidate], enough: Thresholds) -> Draft:
    chosen = [candidate for candidate in candidates if suits(question, candidate, enough)]
    if not chosen:
        return absent(question, candidates)
    language = question.language
    carrying = next((c.view.record for c in chosen if c.view.record.results), None)
    draft = Draft(question.kind)
    if carrying is None:
        record = chosen[0].view.record
        draft.abstained = True
        draft.say(phrase("no_results", language, title=title(record, language)), record)
        draft.say(phrase("no_footprint", language))
        return draft
    for result in carrying.results:
        said = (result.indicator.join("; ", language), result.method, result.module)
        words = {
            "title": title(carrying, language),
            "indicator": " ".join(filter(None, said)),
            "amount": _result_amount(result),
            "basis": basis_of(carrying, language) or "",
        }
        draft.say(phrase("result", language, **words), carrying)
    return draft


def _result_amount(result: ImpactResult) -> str:
    if result.amount is None:
        return "?"
    unit = result.unit or bracketed_unit(result.indicator.join()) or ""
    return f"{written(result.amount)} {unit}".strip()


_BY_KIND = {
    "figure": _figure,
    "compare": _compare,
    "reference": _reference,
    "metadata": _metadata,
    "list": _list,
    "impact": _impact,
}
