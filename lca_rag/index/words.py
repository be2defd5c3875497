"""Words as the lexical index knows them: tokens of any language, and near spellings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Protocol

_WORD = re.compile(
    r"\d{2,7}-\d{2}-\d(?!\d)|\d{3}-\d{3}-\d(?!\d)"  # a CAS or EC number stays whole
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # so does a UUID
    r"|\d+(?:\.\d+)?"
    r"|[^\W\d_㐀-鿿぀-ヿ가-힯]+\d*"
    r"|[㐀-鿿぀-ヿ가-힯]+"
)
_HAN = re.compile(r"[㐀-鿿぀-ヿ가-힯]")
_STOP = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by for from has have how i in into is it its me of on or that the "
        "their there this to was were what when where which who with much many does do find show "
        "need data set dataset ",
    )
)


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...


@cache
def _stemmer() -> _Stemmer:
    import Stemmer

    stemmer: _Stemmer = Stemmer.Stemmer("english")
    return stemmer


@lru_cache(maxsize=200_000)
def _stem(word: str) -> str:
    return word if len(word) < 4 or not word.isascii() else _stemmer().stemWord(word)


def tokenize(text: str) -> list[str]:
    """Tokens of a text: stemmed words, numbers, whole identifiers, Chinese single and paired signs.

    A CAS number is written without leading zeros, so that padded and plain spellings meet.
    """
    tokens: list[str] = []
    for match in _WORD.finditer(unicodedata.normalize("NFKC", text).lower()):
        word = match.group()
        if _HAN.match(word):
            tokens.extend(word)
            tokens.extend(word[i : i + 2] for i in range(len(word) - 1))
        elif word[0].isdigit():
            tokens.append(word.lstrip("0") or "0")
        elif word not in _STOP:
            tokens.append(_stem(word))
    return tokens


_FUZZY_LENGTH = 5


class Spelling:
    """Finds known words that one slip of the finger separates from a given one."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = words
        self._table: dict[str, list[str]] | None = None

    def near(self, word: str) -> set[str]:
        """Known words one edit from `word`; none for short words, numbers and Chinese."""
        if len(word) < _FUZZY_LENGTH or not _is_word(word):
            return set()
        table = self._deletes()
        found = {near for key in _deletions(word) for near in table.get(key, ())}
        return {near for near in found if _one_edit(word, near)}

    def _deletes(self) -> dict[str, list[str]]:
        """Words by what is left of them when one letter is dropped (symmetric deletes)."""
        if self._table is None:
            table: dict[str, list[str]] = {}
            for word in self._words:
                if len(word) >= _FUZZY_LENGTH - 1 and _is_word(word):
                    for key in _deletions(word):
                        table.setdefault(key, []).append(word)
            self._table = table
        return self._table


def _is_word(token: str) -> bool:
    return token.isalpha() and not _HAN.match(token)


def _deletions(word: str) -> set[str]:
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}


def _one_edit(left: str, right: str) -> bool:
    """Whether one insertion, deletion, substitution or swap of neighbours separates two words."""
    if abs(len(left) - len(right)) > 1:
        return False
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        start += 1
    a, b = left[start:], right[start:]
    swapped = len(a) > 1 and len(b) > 1 and a[0] == b[1] and a[1] == b[0] and a[2:] == b[2:]
    return a[1:] == b or a == b[1:] or a[1:] == b[1:] or swapped
