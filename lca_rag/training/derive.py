"""Queries that a record answers by itself: its names, identifiers, class, place and own words.

They teach the words of records that nobody wrote queries for, and Chinese by the names that a
record carries in both languages. Weaker than written queries, so training sees them less often.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from lca_rag.record import Record

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_SENTENCE = re.compile(r"(?<=[.;])\s+|[。；]")
_PARTS = re.compile(r"\s*[;；|]\s*")
_SOURCE_MARK = re.compile(r"\s*;?\s*(?:NESPS2|全国第二次污染普查数据)\s*$")
"""Mark of the census that TianGong's names end with; nobody asks for it."""
_NOT_ASKED = ("all sizes", "所有规模", "/", "organic", "")
_PLACES = {"CN": "China", "GLO": "global", "RER": "Europe", "DE": "Germany", "US": "United States"}
_FRAMES = (
    "{}", "{}", "{}", "{}", "{}", "{}", "data set for {}", "{}?", "which dataset for {}", "{} LCI",
)  # fmt: skip
_MOST = 12


def derived_queries(record: Record, seed: int = 520) -> tuple[str, ...]:
    """Up to 12 queries that `record` answers, the same ones for the same record and seed."""
    draw = random.Random(f"{seed}/{record.uuid}")  # noqa: S311
    found = list(dict.fromkeys([*_identifiers(record, draw), *_named(record, draw)]))
    own_words = list(dict.fromkeys(_own_words(record, draw)))
    draw.shuffle(found)
    kept = [*found[: _MOST - 3], *own_words[:3]]
    return tuple(query[:300] for query in kept if len(query) > 1)


def _identifiers(record: Record, draw: random.Random) -> Iterator[str]:
    facts = record.flow
    if facts is None:
        return
    if facts.cas:
        yield draw.choice(("CAS {}", "cas no. {}", "{}")).format(facts.cas.strip().lstrip("0"))
    if facts.ec:
        yield draw.choice(("EC {}", "EC number {}")).format(facts.ec.strip())
    if facts.formula:
        yield facts.formula.strip()


def _named(record: Record, draw: random.Random) -> Iterator[str]:
    names = [_SOURCE_MARK.sub("", text).strip(" ;") for text in record.name.base.all()]
    for name in names:
        parts = [part for part in _PARTS.split(name) if part.lower() not in _NOT_ASKED]
        if not parts:
            continue
        whole = ", ".join(parts)
        yield whole if _CHINESE.search(name) else _framed(whole, draw)
        for _ in range(2 if len(parts) > 1 else 0):
            count = draw.randint(2, len(parts))
            some = [parts[index] for index in sorted(draw.sample(range(len(parts)), count))]
            yield _framed(draw.choice((", ", " ", " from ", " with ")).join(some), draw)
        yield from _qualified(record, parts[0] if draw.random() < 0.5 else whole, draw)
    yield from _synonyms(record, draw)


def _qualified(record: Record, name: str, draw: random.Random) -> Iterator[str]:
    """A name with the class or the place of the record."""
    if _CHINESE.search(name):
        return
    for classification in record.classifications[:1]:
        leaf = classification.path[-1] if classification.path else ""
        if leaf:
            leaf = re.sub(r"^Emissions to", "emission to", leaf)
            yield draw.choice(("{0} {1}", "{1} {0}", "{0}, {1}")).format(name, leaf)
    if record.place is not None:
        yield f"{name} {_PLACES.get(record.place.code, record.place.name or record.place.code)}"


def _synonyms(record: Record, draw: random.Random) -> Iterator[str]:
    for text in record.synonyms.all():
        words = [word.strip() for word in re.split(r"[;；，、]|,\s*(?=\S{4})", text)]
        good = [w for w in words if 2 <= len(w) < 80 and w.lower() not in _NOT_ASKED]
        draw.shuffle(good)
        for word in good[:3]:
            yield word if _CHINESE.search(word) else _framed(word, draw)


def _own_words(record: Record, draw: random.Random) -> Iterator[str]:
    """A run of words out of the record's description, where it says something of its own."""
    for text in (*record.applicability.all(), *record.comment.all()):
        sentences = [
            sentence
            for sentence in _SENTENCE.split(text)
            if 12 < len(sentence) < 300 and not re.search("ILCD|end-of-pipe management", sentence)
        ]
        if not sentences:
            continue
        sentence = draw.choice(sentences[:3])
        if _CHINESE.search(sentence):
            start = draw.randint(0, max(0, len(sentence) - 20))
            yield sentence[start : start + draw.randint(10, 30)]
        else:
            words = sentence.split()
            count = draw.randint(5, 16)
            start = draw.randint(0, max(0, len(words) - count))
            yield " ".join(words[start : start + count])


def _framed(name: str, draw: random.Random) -> str:
    """A name as people type it: sometimes in a sentence, in lower case, or with a slip."""
    query = draw.choice(_FRAMES).format(name)
    if draw.random() < 0.06 and len(query) > 8:
        at = draw.randint(1, len(query) - 3)
        query = query[:at] + query[at + 1] + query[at] + query[at + 2 :]
    return query.lower() if draw.random() < 0.5 else query
