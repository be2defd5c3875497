"""The words that tell a group of records from the others, in English and Chinese."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import log

from lca_rag.index.words import tokenize
from lca_rag.record import Record

Term = tuple[str, ...]
"""Stems of one or two neighbouring words, or a run of Chinese signs."""
_Found = tuple[Term, str, str | None, str | None]
"""A term as it is written; the signs before and after it, `None` for words of other scripts."""

_LETTERS = r"[^\W\d_\u3400-\u9fff]"
_WORD = re.compile(rf"{_LETTERS}+(?:-{_LETTERS}+)*")
_HAN = re.compile(r"[\u3400-\u9fff]{2,}")
_BREAK = re.compile(r"[^\w\s-]|[\u3400-\u9fff]+|\d+")
_LONGEST = 6
"""Signs of the longest Chinese term."""
_FRAGMENT = 0.5
"""A run of signs that one and the same sign so often stands before, or after, is no word."""
_COVERS = 0.7
"""A term inside a longer one is left out if the longer one has so large a share of its records."""
_LEAST = 0.05
"""Share of a group that a term must be in."""


@dataclass(slots=True)
class _Counts:
    """Of each term, in how many records of each group it is; and how it is mostly written."""

    groups: list[Counter[Term]]
    sizes: list[int]
    written: Mapping[Term, Counter[str]]
    before: Mapping[Term, Counter[str]]
    """Signs that stand before a Chinese term; "" where it begins a run of signs."""
    after: Mapping[Term, Counter[str]]


def telling_terms(
    records: Sequence[Record], groups: Sequence[int], count: int
) -> list[tuple[list[str], list[str]]]:
    """The most telling terms of each group, English and Chinese apart, the best first.

    Class-based TF-IDF over the names and classes of the records: the share of a group's records
    that a term is in, times log(1 + A / f), with f records of the term in all and A records in an
    average group. A term is counted once for each record, so that long names do not weigh more.

    Args:
        records: The records.
        groups: The group of each, numbers from 0 to `count` - 1.
        count: How many groups there are.

    Source: Grootendorst 2022, arXiv:2203.05794.
    """
    counted = _Counts(
        [Counter() for _ in range(count)],
        [0] * count,
        defaultdict(Counter),
        defaultdict(Counter),
        defaultdict(Counter),
    )
    for record, group in zip(records, groups, strict=True):
        found = {item[0]: item for item in _terms(record)}
        counted.sizes[group] += 1
        counted.groups[group].update(found.keys())
        for term, text, before, after in found.values():
            counted.written[term][text] += 1
            if before is not None:
                counted.before[term][before] += 1
                counted.after[term][after or ""] += 1
    total: Counter[Term] = Counter()
    for group_counts in counted.groups:
        total.update(group_counts)
    average = len(records) / max(1, count)
    return [_of_group(counted, number, total, average) for number in range(count)]


def _of_group(
    counted: _Counts, number: int, total: Mapping[Term, int], average: float
) -> tuple[list[str], list[str]]:
    size = counted.sizes[number]
    least = min(2, size) if size < 2 / _LEAST else _LEAST * size
    held = {
        term: hits
        for term, hits in counted.groups[number].items()
        if hits >= least and not _is_fragment(counted, term)
    }
    records = sum(counted.sizes)
    scores = {
        term: hits / size * log(1 + average / total[term])
        for term, hits in _longest(held).items()
        # What is as common in the other groups tells this one from none of them.
        if size == records or hits * records > size * total[term]
    }
    order = sorted(scores, key=lambda term: (-scores[term], term))
    spoken = [counted.written[term].most_common(1)[0][0] for term in order]
    chinese = [text for text in spoken if _HAN.search(text)]
    return [text for text in spoken if not _HAN.search(text)], chinese


def _is_fragment(counted: _Counts, term: Term) -> bool:
    """Whether a Chinese term is a piece of longer words ("位修复" of "原位修复" and "异位修复").

    Source: accessor variety, Feng et al. 2004, doi:10.1162/089120104773633394.
    """
    for signs in (counted.before.get(term), counted.after.get(term)):
        if signs is not None:
            most = max((hits for sign, hits in signs.items() if sign), default=0)
            if most >= _FRAGMENT * signs.total():
                return True
    return False


def _longest(held: Mapping[Term, int]) -> dict[Term, int]:
    """Terms without those that are mostly a part of a longer one."""
    covered: Counter[Term] = Counter()
    for term, hits in held.items():
        for part in _parts(term):
            covered[part] = max(covered[part], hits)
    return {term: hits for term, hits in held.items() if covered[term] < _COVERS * hits}


def _parts(term: Term) -> Iterator[Term]:
    """The terms that are inside a term."""
    if len(term) > 1:
        yield from ((word,) for word in term)
    elif _HAN.match(term[0]):
        sign = term[0]
        for size in range(2, len(sign)):
            yield from ((sign[i : i + size],) for i in range(len(sign) - size + 1))


def _terms(record: Record) -> Iterator[_Found]:
    """The terms of a record's names and classes."""
    texts = (
        *record.name.base.all(),
        *(level for item in record.classifications for level in item.path),
    )
    for text in dict.fromkeys(texts):
        yield from _of_text(text)


@lru_cache(maxsize=50_000)
def _of_text(text: str) -> tuple[_Found, ...]:
    found: list[_Found] = []
    for stretch in _BREAK.split(text):
        words = [
            (match, stem) for match in _WORD.finditer(stretch) if (stem := _stem(match.group()))
        ]
        found.extend(((stem,), _lowered(match.group()), None, None) for match, stem in words)
        for (first, one), (last, two) in pairwise(words):
            phrase = stretch[first.start() : last.end()]
            found.append(((one, two), " ".join(map(_lowered, phrase.split())), None, None))
    for run in _HAN.findall(text):
        for size in range(2, min(_LONGEST, len(run)) + 1):
            for i in range(len(run) - size + 1):
                sign = run[i : i + size]
                found.append(((sign,), sign, run[i - 1 : i], run[i + size : i + size + 1]))
    return tuple(found)


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    """The stem of a word that can tell something; "" for short ones and for stop words."""
    return " ".join(tokenize(word)) if len(word) > 2 else ""


def _lowered(word: str) -> str:
    """A word without the capital that begins a name; abbreviations stay."""
    return word if word.isupper() else word.lower()
