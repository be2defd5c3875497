"""The words of a text as stemmed tokens: of short texts as sets, of long ones as `Prose`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache

from lca_rag.index.words import distinct

__all__ = ["HAN", "POWERED", "PREFIX", "Prose", "Words", "fold", "is_chinese", "plain", "tokens"]

HAN = r"[\u3400-\u9fff]"
"""One Chinese sign."""
_SIGN = re.compile(HAN)
_ALONE = re.compile(rf"(?<!{HAN}){HAN}(?!{HAN})")
POWERED = re.compile(r"\bpowered\b")
"""A word that would become electric power when it is stemmed."""
_LONG = 500
"""Characters of a text that is not worth keeping."""
_FEW = 48
"""Below so many tokens, looking at each is faster than sorting them by their beginnings."""
PREFIX = 7
"""Letters by which long words are found."""


def fold(text: str) -> str:
    """Compatibility characters and case made uniform."""
    return unicodedata.normalize("NFKC", text).lower().replace("₂", "2").replace("’", "'")


def is_chinese(text: str) -> bool:
    """Whether a text is written in Chinese."""
    return len(re.findall(HAN, text)) >= 2


def plain(text: str) -> str:
    """The words of a text in order, one blank around each; what joins them is left out."""
    return f" {' '.join(_WORD.findall(fold(text)))} "


_WORD = re.compile(r"[^\W_]+")


class Words(frozenset[str]):
    """The tokens of a text, without regard to order; long ones are found by their beginning too."""

    @cached_property
    def _beginnings(self) -> dict[str, list[str]]:
        return _by_beginning(self)

    def beginning(self, start: str) -> Iterable[str]:
        """The tokens that begin with these `PREFIX` letters."""
        if len(self) < _FEW:
            return (token for token in self if token[:PREFIX] == start)
        return self._beginnings.get(start, ())


def _by_beginning(tokens: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for token in tokens:
        if len(token) >= PREFIX:
            found.setdefault(token[:PREFIX], []).append(token)
    return found


def tokens(*texts: str) -> Words:
    """The stemmed tokens of some texts, without regard to order."""
    if sum(map(len, texts)) > _LONG:
        return _words_of(texts)
    return _tokens_of(texts)


@lru_cache(maxsize=8_192)
def _tokens_of(texts: tuple[str, ...]) -> Words:
    """The tokens of short texts; names of flows and places come again and again."""
    return _words_of(texts)


def _words_of(texts: Iterable[str]) -> Words:
    found: set[str] = set()
    for text in texts:
        words, runs = _split(_plain(text))
        found |= words
        found.update(run[i : i + 2] for run in runs for i in range(len(run) - 1))
    return Words(found)


def _plain(text: str) -> str:
    """A folded text in which "powered" is no power."""
    return POWERED.sub("propelled", fold(text))


def _split(folded: str) -> tuple[set[str], list[str]]:
    """The tokens of a text, but for the pairs of Chinese signs; and the Chinese runs they are in.

    A single Chinese sign is a word of its own, not a part of a longer one. Else coke (冶金焦) would
    be gold (金) and alumina (氧化铝) oxygen (氧).
    """
    found, runs = distinct(folded)
    if runs:
        alone = set(_ALONE.findall(folded))
        signs = set[str]().union(*runs)
        found.update(sign for sign in signs if sign in alone or not _SIGN.match(sign))
    return found, runs


class Prose:
    """The tokens of long texts as `tokens` gives them, in a tenth of the space and the time.

    Texts are taken apart only when they are asked for a token of which they hold the beginning;
    and Chinese stays in its runs, for a pair of signs is a token exactly where it stands in one.
    """

    __slots__ = ("_beginnings", "_runs", "_text", "_words")

    def __init__(self, *texts: str) -> None:
        """Keep the texts, folded."""
        self._text = _plain("\n".join(texts))
        self._words: frozenset[str] | None = None
        self._runs = ""
        self._beginnings: dict[str, list[str]] | None = None

    def __contains__(self, token: str) -> bool:
        """Whether this is a token of the texts."""
        words = self._words
        if words is None:
            if len(token) == 2 and _SIGN.match(token):
                return token in self._text
            # A stem differs from its word in the last two letters at most ("ability", "abl").
            if token[: max(1, len(token) - 2)] not in self._text:
                return False
            words = self._taken_apart()
        return token in words or (len(token) == 2 and token in self._runs)

    def beginning(self, start: str) -> Sequence[str]:
        """The tokens that begin with these `PREFIX` letters."""
        words = self._words
        if words is None:
            if start[:-2] not in self._text:
                return ()
            words = self._taken_apart()
        if self._beginnings is None:
            self._beginnings = _by_beginning(words)
        return self._beginnings.get(start, ())

    def _taken_apart(self) -> frozenset[str]:
        """The tokens that are not pairs of signs; several threads may do the same at once."""
        found, runs = _split(self._text)
        self._runs = "\n".join(runs)
        words = self._words = frozenset(found)
        return words
