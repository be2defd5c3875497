"""Words of a question as terms with spellings, so that "CO2" meets "Carbon dioxide, fossil".

A `Term` is one notion of a question with every way to spell it that the lexicon knows, in English
and in Chinese. Whether a text holds it is decided on stemmed tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from lca_rag.answer.words import (
    HAN,
    POWERED,
    PREFIX,
    Prose,
    Words,
    fold,
    is_chinese,
    tokens,
)
from lca_rag.index.words import LONGEST_KEPT, tokenize

__all__ = ["Prose", "Term", "Words", "fold", "holds", "is_chinese", "is_known", "terms", "tokens"]

GENERIC = 0.25
"""Weight of words such as "production", which tell few data sets apart."""
HAN_PAIR = 0.5
"""Weight of a pair of Chinese signs that the lexicon does not know."""
_LONGEST = 5
_WORDS = re.compile(rf"{HAN}+|\d+(?:[.,]\d+)*|(?:(?!{HAN})[^\W\d_])+(?:\d+(?:\.\d+)?)?", re.UNICODE)
_ONLY_ALONE = frozenset("电")
"""Signs that begin so many words that they are a notion only where known words surround them."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_CLITIC = re.compile(r"(?<=[a-z])'(?:s|re|ve|ll|d|m)\b|(?<=n)'t\b")
"""What is left of a verb or a genitive after an apostrophe."""
_SIZES = frozenset(
    [
        "mw",
        "kw",
        "gw",
        "kv",
        "mm",
        "micron",
        "microns",
        "inch",
        "v",
        "ah",
        "wh",
        "kwp",
        "mwp",
        "mpa",
        "bar",
        "hp",
    ]
)
"""Units that give the size of a thing rather than an amount of a flow."""
_ENERGY = frozenset(("mj", "kwh", "gj"))
"""Units of amounts that the question repeats ("per kWh (3.6 MJ)")."""
_PREFIX_SHARE = 0.6
"""Two long words are one notion if they share `PREFIX` letters and so large a part."""


@dataclass(frozen=True, slots=True)
class Term:
    """One notion of a question."""

    text: str
    """As it was typed."""
    options: tuple[frozenset[str], ...]
    """Spellings, each as the tokens that must all be there."""
    weight: float
    start: int
    """Where it begins in the folded question."""
    end: int
    known: bool = False
    """Whether the lexicon knows it."""


@dataclass(frozen=True, slots=True)
class _Tables:
    groups: dict[tuple[str, ...], tuple[frozenset[str], ...]]
    """English phrase as stemmed words to the spellings of its group."""
    chinese: dict[str, tuple[frozenset[str], ...]]
    stop: frozenset[str]
    generic: frozenset[str]
    chinese_stop: dict[str, float]
    """Chinese words without content, with their weight."""


def is_known(word: str) -> bool:
    """Whether an English word is in the lexicon or among the words without content."""
    tables = _tables()
    return word in tables.stop or word in tables.generic or _stems(word) in tables.groups


def holds(term: Term, found: Words | Prose) -> bool:
    """Whether a text with these tokens spells the term in any known way."""
    for option in term.options:
        for token in option:
            if token not in found and not _begins(token, found):
                break
        else:
            return True
    return False


def _begins(token: str, found: Words | Prose) -> bool:
    """Whether a token that is not there differs from one that is in its ending only."""
    if len(token) < PREFIX or not token.isascii():
        return False
    return any(_same_stem(token, other) for other in found.beginning(token[:PREFIX]))


def _same_stem(one: str, other: str) -> bool:
    """Whether two long words differ in their ending only ("incinerator", "incineration")."""
    shared = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    shared = min(len(one), len(other)) if shared is None else shared
    return shared >= _PREFIX_SHARE * max(len(one), len(other))


def terms(text: str) -> list[Term]:
    """The notions of a text in reading order; words without content are left out."""
    folded = _CLITIC.sub(lambda match: " " * len(match.group()), fold(text))
    found: list[Term] = []
    words: list[tuple[str, int, int]] = []
    for match in _WORDS.finditer(folded):
        if re.match(HAN, match.group()):
            found.extend(_english(words))
            words = []
            found.extend(_han(match.group(), match.start()))
        else:
            words.append((match.group(), match.start(), match.end()))
    found.extend(_english(words))
    return found


def _english(words: list[tuple[str, int, int]]) -> Iterator[Term]:
    tables = _tables()
    at = 0
    while at < len(words):
        size, options = _longest(words, at)
        word, start, _ = words[at]
        end = words[at + size - 1][2]
        said = " ".join(item[0] for item in words[at : at + size])
        at += size
        if size == 1 and word in tables.stop:
            continue
        if options and not (size == 1 and word in tables.generic):
            yield Term(said, options, 1.0, start, end, known=True)
        elif _NUMBER.fullmatch(word):
            if at < len(words) and words[at][0] in _ENERGY:
                continue
            sized = at < len(words) and words[at][0] in _SIZES
            if sized:
                said, end = f"{word} {words[at][0]}", words[at][2]
                at += 1
            spelled = (tokens(said), tokens(said.replace(",", "")))
            yield Term(said, spelled, 1.0 if sized else 0.5, start, end, known=sized)
        elif own := tokens(word):
            yield Term(word, (own,), _weight(word, tables), start, end)


def _weight(word: str, tables: _Tables) -> float:
    """Nouns name things; unknown participles and adverbs mostly tell how the question is put."""
    if word in tables.generic or len(word) == 1:
        return GENERIC
    inflected = word.endswith(("ed", "ing", "ly")) and not word.endswith("eed")
    return 0.5 if inflected and len(word) > 5 else 1.0


def _longest(words: list[tuple[str, int, int]], at: int) -> tuple[int, tuple[frozenset[str], ...]]:
    """How many words from here are one phrase of the lexicon, and its spellings."""
    groups = _tables().groups
    for size in range(min(_LONGEST, len(words) - at), 0, -1):
        key = tuple(stem for word, _, _ in words[at : at + size] for stem in _stems(word))
        if key in groups:
            return size, groups[key]
    return 1, ()


def _stems(word: str) -> tuple[str, ...]:
    return _stem(word) if len(word) <= LONGEST_KEPT else (word,)


@lru_cache(maxsize=50_000)
def _stem(word: str) -> tuple[str, ...]:
    return tuple(tokenize(POWERED.sub("propelled", word))) or (word,)


def _han(run: str, start: int) -> Iterator[Term]:
    """Known words, the longest first; what is left between them as pairs of signs."""
    tables = _tables()
    at, rest = 0, 0
    while at < len(run):
        size, options, weight = _longest_han(run, at, tables)
        if size == 0:
            at += 1
            continue
        yield from _unknown(run, rest, at, start)
        if size == 1 and options and _ends_unknown(run, at + 1, tables):
            pair = run[at : at + 2]  # a piano (钢琴) is no steel (钢)
            yield Term(pair, (frozenset((pair,)),), 1.0, start + at, start + at + 2)
            at = rest = at + 2
            continue
        if options or weight:
            spelled = options or (tokens(run[at : at + size]),)
            known = bool(options)
            yield Term(run[at : at + size], spelled, weight, start + at, start + at + size, known)
        at = rest = at + size
    yield from _unknown(run, rest, len(run), start)


def _ends_unknown(run: str, at: int, tables: _Tables) -> bool:
    """Whether one sign that begins no known word stands here, and then the end or no content."""
    if at >= len(run) or _longest_han(run, at, tables)[0]:
        return False
    size, options, _ = _longest_han(run, at + 1, tables)
    return at + 1 == len(run) or (size > 0 and not options)


def _longest_han(
    run: str, at: int, tables: _Tables
) -> tuple[int, tuple[frozenset[str], ...], float]:
    for size in range(min(10, len(run) - at), 0, -1):
        word = run[at : at + size]
        if word in tables.chinese and word not in _ONLY_ALONE:
            return size, tables.chinese[word] + _longer(run, at, size), 1.0
        if word in tables.chinese_stop:
            return size, (), tables.chinese_stop[word]
    return 0, (), 0.0


def _longer(run: str, at: int, size: int) -> tuple[frozenset[str], ...]:
    """Pairs of signs that a single known sign may be a part of: gold (金) in metal (金属)."""
    if size > 1:
        return ()
    pairs = (run[max(at - 1, 0) : at + 1], run[at : at + 2])
    return tuple(frozenset((pair,)) for pair in pairs if len(pair) == 2)


def _unknown(run: str, begin: int, end: int, start: int) -> Iterator[Term]:
    """Unknown Chinese as overlapping pairs; a sign alone says too little unless it is asked for."""
    rest, start = run[begin:end], start + begin
    if len(rest) == 1 and rest in _ONLY_ALONE:
        yield Term(rest, _tables().chinese[rest], 1.0, start, start + 1, known=True)
    elif len(rest) == 1 and run[:begin].endswith("多少"):
        yield Term(rest, (frozenset((rest,)),), HAN_PAIR, start, start + 1)
    for i in range(len(rest) - 1):
        pair = rest[i : i + 2]
        yield Term(pair, (frozenset((pair,)),), HAN_PAIR, start + i, start + i + 2)


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    groups: dict[tuple[str, ...], list[frozenset[str]]] = {}
    chinese: dict[str, list[frozenset[str]]] = {}
    for line in _lines("lexicon.tsv"):
        wider, _, narrower = line.partition(">")
        spellings = wider.split("|")
        meant = [*spellings, *(narrower.split("|") if narrower else ())]
        options = [tokens(spelling) for spelling in meant]
        for spelling in spellings:
            if is_chinese(spelling) or re.match(HAN, spelling):
                chinese.setdefault(spelling, []).extend(options)
            else:
                key = tuple(s for word in _WORDS.findall(fold(spelling)) for s in _stem(word))
                groups.setdefault(key, []).extend(options)
    english = _sections("stop.txt")
    han = _sections("stop_zh.txt")
    weights = {word: 0.0 for word in han["none"]} | {word: GENERIC for word in han["generic"]}
    return _Tables(
        {key: _unique(found) for key, found in groups.items()},
        {key: _unique(found) for key, found in chinese.items()},
        frozenset(english["none"]),
        frozenset(english["generic"]),
        weights,
    )


def _unique(options: Iterable[frozenset[str]]) -> tuple[frozenset[str], ...]:
    return tuple(dict.fromkeys(option for option in options if option))


def _lines(name: str) -> Iterator[str]:
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    yield from (line for line in text.splitlines() if line and not line.startswith("#"))


def _sections(name: str) -> dict[str, list[str]]:
    """Words by the heading ("= name") they stand under."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in _lines(name):
        if line.startswith("= "):
            heading = line[2:]
        else:
            found.setdefault(heading, []).extend(line.split())
    return found
