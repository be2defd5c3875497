"""Words as the lexical index knows them: tokens of any language, and near spellings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

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

    stemmer: _Stemmer = Stemmer.Stemmer("english", 0)  # no cache of its own beside `_stem`'s
    return stemmer


LONGEST_KEPT = 64
"""Signs of a word that caches keep: a server meets words as long as a question may be."""


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    return _stemmed(word)


def _stemmed(word: str) -> str:
    return word if len(word) < 4 or not word.isascii() else _stemmer().stemWord(word)


def tokenize(text: str) -> list[str]:
    """Tokens of a text: stemmed words, numbers, whole identifiers, Chinese single and paired signs.

    A CAS number is written without leading zeros, so that padded and plain spellings meet.
    """
    tokens: list[str] = []
    for word in _words(text):
        if _HAN.match(word):
            tokens.extend(word)
            tokens.extend(word[i : i + 2] for i in range(len(word) - 1))
        elif word not in _STOP:
            tokens.append(_token(word))
    return tokens


def distinct(text: str) -> tuple[set[str], list[str]]:
    """What `tokenize` is made from, each only once: tokens that are not Chinese, and Chinese runs.

    Several times as fast on long prose, for a word that comes again is stemmed once.
    """
    tokens: set[str] = set()
    runs: list[str] = []
    for word in set(_words(text)):
        if not word.isascii() and _HAN.match(word):
            runs.append(word)
        elif word not in _STOP:
            tokens.add(_token(word))
    return tokens, runs


def _words(text: str) -> list[str]:
    found: list[str] = _WORD.findall(unicodedata.normalize("NFKC", text).lower())
    return found


def _token(word: str) -> str:
    """The token of a word that is not Chinese."""
    if word[0].isdigit():
        return word.lstrip("0") or "0"
    return _stem(word) if len(word) <= LONGEST_KEPT else _stemmed(word)


_FUZZY_LENGTH = 5


class Spelling:
    """Finds known words that one slip of the finger separates from a given one.

    Two words are near if they share what is left when a letter is dropped (symmetric deletes). Of
    what is left only hashes are kept, in order: a tenth of the memory of a table of words. Words
    that merely share a hash are told apart when they are compared.
    """

    def __init__(self, words: Iterable[str]) -> None:
        """Take the known words; the index over them is made when it is first needed."""
        self._words = [word for word in words if len(word) >= _FUZZY_LENGTH - 1 and _is_word(word)]
        self._table: tuple[NDArray[np.int64], NDArray[np.int32]] | None = None

    def near(self, word: str) -> set[str]:
        """Known words one edit from `word`; none for short words, numbers and Chinese."""
        if len(word) < _FUZZY_LENGTH or not _is_word(word):
            return set()
        hashes, places = self._deletes()
        wanted = np.fromiter(map(hash, _deletions(word)), np.int64)
        starts = np.searchsorted(hashes, wanted, "left").tolist()
        ends = np.searchsorted(hashes, wanted, "right").tolist()
        found = {
            self._words[place]
            for start, end in zip(starts, ends, strict=True)
            for place in places[start:end].tolist()
        }
        return {near for near in found if _one_edit(word, near)}

    def _deletes(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Hashes of what is left of the words, ascending, and the number of the word of each."""
        if self._table is None:
            sizes = [len(_deletions(word)) for word in self._words]
            left = (hash(rest) for word in self._words for rest in _deletions(word))
            hashes = np.fromiter(left, np.int64, count=sum(sizes))
            places = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
            order = np.argsort(hashes, kind="stable")
            self._table = hashes[order], places[order]
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
