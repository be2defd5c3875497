"""What a line of a bill of materials and a data set are about, in one vocabulary.

A table names things as buyers, trade and inventories write them, in several languages. It tells
"titanium dioxide" from "titanium", and it knows things that no database at hand holds, which is
what lets the matcher say "no match" instead of taking the nearest words.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files

_TOKEN = re.compile(r"[㐀-鿿]+|\d+(?:\.\d+)?%?|[^\W\d_㐀-鿿]+\d*[\w']*")
_HAN = re.compile(r"[㐀-鿿]")
_LONGEST = 6


@dataclass(frozen=True, slots=True)
class Found:
    """A concept named in a text."""

    concept: str
    first: int
    """Number of its first word."""
    last: int
    """Number after its last word."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The table of concepts."""

    parents: Mapping[str, str | None]
    spellings: Mapping[tuple[str, ...], str]
    """Words of a spelling to its concept."""
    chinese: Mapping[str, str]
    english: Mapping[str, str]
    """Concept to the spelling that searches best."""


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """The table, read once."""
    parents: dict[str, str | None] = {}
    spellings: dict[tuple[str, ...], str] = {}
    chinese: dict[str, str] = {}
    english: dict[str, str] = {}
    text = files(__package__).joinpath("terms.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        concept, parent, cell = line.split("\t")
        parents[concept] = None if parent == "-" else parent
        english[concept] = f"{concept} {cell.split('|')[0]}"
        for spelling in cell.split("|"):
            if _HAN.search(spelling):
                chinese[spelling] = concept
            else:
                spellings[tuple(words(spelling))] = concept
    return Vocabulary(parents, spellings, chinese, english)


def words(text: str) -> list[str]:
    """Words of a text in small letters, plural endings off; Chinese stays in one piece."""
    plain = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    return [_singular(word) for word in _TOKEN.findall(plain)]


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


@lru_cache(maxsize=100_000)
def concepts(text: str) -> tuple[Found, ...]:
    """Concepts that a text names, in reading order; of overlapping ones the longest."""
    return named(text, vocabulary())


def named(text: str, table: Vocabulary) -> tuple[Found, ...]:
    """Concepts of a vocabulary that a text names, as `concepts`."""
    tokens = words(text)
    found: list[Found] = []
    for first in range(len(tokens)):
        for last in range(min(len(tokens), first + _LONGEST), first, -1):
            concept = table.spellings.get(tuple(tokens[first:last]))
            if concept is not None:
                found.append(Found(concept, first, last))
                break
    found.extend(_chinese(tokens, table))
    found.sort(key=lambda item: (item.first - item.last, item.first))
    taken: list[Found] = []
    for item in found:
        if all(item.last <= other.first or item.first >= other.last for other in taken):
            taken.append(item)
    return tuple(sorted(taken, key=lambda item: item.first))


def known_by(texts: Iterable[str]) -> Vocabulary:
    """The vocabulary with those spellings alone that some texts use; to test with words unseen."""
    whole = vocabulary()
    seen: set[tuple[str, ...]] = set()
    chinese: set[str] = set()
    for text in texts:
        tokens = words(text)
        for first in range(len(tokens)):
            seen.update(
                tuple(tokens[first:last]) for last in range(first + 1, first + _LONGEST + 1)
            )
        chinese.update(spelling for spelling in whole.chinese if spelling in text)
    return replace(
        whole,
        spellings={key: value for key, value in whole.spellings.items() if key in seen},
        chinese={key: value for key, value in whole.chinese.items() if key in chinese},
    )


def _chinese(tokens: Sequence[str], table: Vocabulary) -> list[Found]:
    """Concepts inside runs of Chinese signs, the longest spelling of each run."""
    found = []
    for number, token in enumerate(tokens):
        if _HAN.match(token):
            inside = [spelling for spelling in table.chinese if spelling in token]
            if inside:
                found.append(Found(table.chinese[max(inside, key=len)], number, number + 1))
    return found


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
