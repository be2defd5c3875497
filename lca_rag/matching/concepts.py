"""What a line of a bill of materials and a data set are about, in one vocabulary.

The vocabulary tells "titanium dioxide" from "titanium", and it knows things that no database at
hand holds, which is what lets the matcher say "no match" instead of taking the nearest words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from lca_rag.matching.vocabulary import (
    HAN,
    LONGEST,
    TOKEN,
    Vocabulary,
    folded,
    singular,
    vocabulary,
)

_ENDINGS = ("en", "es", "er", "e", "n", "i")
"""Plural endings of German, Spanish and Italian, tried where a word as it is says nothing."""
_STEM = 5
"""Letters that are left of a word when such an ending is off."""
_COMPOUND = 8
"""Letters of the shortest word that is read as one of several written together."""
_SALT = re.compile(
    r"(?:sulf|oxid|chlor|nitrat|nitrit|carbonat|hydroxid|acetat|phosphat|silikat|saure)"
)
"""What makes another substance of the word before it: copper sulphate is no copper."""


@dataclass(frozen=True, slots=True)
class Found:
    """A concept named in a text."""

    concept: str
    first: int
    """Number of its first word."""
    last: int
    """Number after its last word."""


@lru_cache(maxsize=20_000)
def concepts(text: str) -> tuple[Found, ...]:
    """Concepts that a text names, in reading order; of overlapping ones the longest."""
    return named(text, vocabulary())


def named(text: str, table: Vocabulary) -> tuple[Found, ...]:
    """Concepts of a vocabulary that a text names, as `concepts`.

    Inside a run of Chinese signs the last one comes first: there the noun follows what qualifies
    it.
    """
    plain = folded(text)
    pieces = list(TOKEN.finditer(plain))
    tokens = [singular(piece.group()) for piece in pieces]
    found = [*_spelled(tokens, table), *_designated(plain, pieces, table)]
    # Stable: a spelling goes before a rule of the same length.
    found.sort(key=lambda item: (item.first - item.last, item.first))
    taken: list[Found] = []
    for item in (*found, *_written_together(tokens, table)):
        if all(item.last <= other.first or item.first >= other.last for other in taken):
            taken.append(item)
    taken.extend(_chinese(tokens, table))
    return tuple(sorted(taken, key=lambda item: item.first))


def _spelled(tokens: Sequence[str], table: Vocabulary) -> Iterator[Found]:
    for first in range(len(tokens)):
        for last in range(min(len(tokens), first + LONGEST), first, -1):
            concept = table.spellings.get(tuple(tokens[first:last]))
            if concept is not None:
                yield Found(concept, first, last)
                break
        else:
            concept = _bent(tokens[first], table)
            if concept is not None:
                yield Found(concept, first, first + 1)


def _bent(word: str, table: Vocabulary) -> str | None:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _STEM:
            concept = table.spellings.get((word.removesuffix(ending),))
            if concept is not None:
                return concept
    return None


def _designated(plain: str, pieces: Sequence[re.Match[str]], table: Vocabulary) -> Iterator[Found]:
    for rule in table.designations:
        for match in rule.pattern.finditer(plain):
            inside = [
                number
                for number, piece in enumerate(pieces)
                if piece.start() < match.end() and piece.end() > match.start()
            ]
            if inside:
                yield Found(rule.concept, inside[0], inside[-1] + 1)


def _written_together(tokens: Sequence[str], table: Vocabulary) -> Iterator[Found]:
    """Words written as one; what they end with says more than what they begin with."""
    for number, word in enumerate(tokens):
        if len(word) < _COMPOUND or (word,) in table.spellings:
            continue
        ends = [
            (len(tail), rule.concept)
            for rule in table.compounds
            for tail in rule.tails
            if word.endswith((tail, f"{tail}e", f"{tail}en"))
        ]
        begins = [
            (len(head), rule.concept)
            for rule in table.compounds
            for head in rule.heads
            if word.startswith(head) and not _SALT.search(word.removeprefix(head))
        ]
        for part in (ends, begins):
            if part:
                yield Found(max(part)[1], number, number + 1)
                break


def _chinese(tokens: Sequence[str], table: Vocabulary) -> Iterator[Found]:
    """Concepts inside runs of Chinese signs: the longest spellings from the left, last first."""
    if not table.chinese:
        return
    longest = _longest(table)
    for number, token in enumerate(tokens):
        if not HAN.match(token):
            continue
        inside: list[str] = []
        start = 0
        while start < len(token):
            for length in range(min(longest, len(token) - start), 0, -1):
                concept = table.chinese.get(token[start : start + length])
                if concept is not None:
                    inside.append(concept)
                    start += length
                    break
            else:
                start += 1
        for concept in reversed(inside):
            yield Found(concept, number, number + 1)


def _longest(table: Vocabulary) -> int:
    return max(map(len, table.chinese))


@lru_cache(maxsize=10_000)
def ancestors(concept: str) -> tuple[str, ...]:
    """What may stand in for a concept, nearest first."""
    table = vocabulary().parents
    chain: list[str] = []
    parent = table.get(concept)
    while parent is not None and parent not in chain:
        chain.append(parent)
        parent = table.get(parent)
    return tuple(chain)


@lru_cache(maxsize=1)
def _children() -> Mapping[str, frozenset[str]]:
    children: dict[str, set[str]] = defaultdict(set)
    for concept, parent in vocabulary().parents.items():
        if parent is not None:
            children[parent].add(concept)
    return {parent: frozenset(found) for parent, found in children.items()}


def relatives(concept: str) -> frozenset[str]:
    """Concepts that can serve for one: itself, what stands above, beside and below it."""
    above = ancestors(concept)
    children = _children()
    beside = children.get(above[0], frozenset()) if above else frozenset()
    return frozenset({concept, *above}) | children.get(concept, frozenset()) | beside


def closeness(asked: str, got: str) -> float:
    """How well one concept serves for another, in [0, 1]: 1 the same, 0 nothing in common."""
    if asked == got:
        return 1.0
    above = ancestors(asked)
    if got in above:
        return 0.6 / (1 + 0.5 * above.index(got))
    if asked in ancestors(got):
        return 0.5
    apart = vocabulary().apart
    if asked in apart or got in apart:
        return 0.0
    return 0.3 if above and above[:1] == ancestors(got)[:1] else 0.0


def narrowed(found: Sequence[str]) -> tuple[str, ...]:
    """Concepts with the first one made as narrow as the others allow.

    "Steel, billets" is about billets: what the first concept is a parent of says it better.
    """
    if not found:
        return ()
    first = found[0]
    for other in found[1:]:
        if first in ancestors(other):
            first = other
    return tuple(dict.fromkeys((first, *found)))
