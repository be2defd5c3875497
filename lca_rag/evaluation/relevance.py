"""Duplicate groups: records that no query can tell apart.

Two records are of one group if their embedding texts are equal but for UUID, version and amounts
(so records that differ only in version are), or if they have the same title and nearly the same
words. A hit on any record of the group then answers the query as well as the record it was written
for.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

_IDENTITY = re.compile(r"^\*\*(?:UUID|Version):\*\*.*$", re.MULTILINE)
_AMOUNT = re.compile(r"(?:^\*\*Amount:\*\*.*$)|(?:(?<=: )[-+0-9.eE]+$)", re.MULTILINE)
_WORD = re.compile(r"\w+")

NEAR = 0.95
"""Shared share of the words of both texts from which records of one title are of one group."""


def duplicate_groups(texts: Mapping[str, str], *, near: float = NEAR) -> dict[str, str]:
    """The group of every record: the id of its first member in the order of `texts`."""
    leader: dict[str, str] = {}
    first: dict[str, str] = {}
    by_title: dict[str, list[tuple[str, Counter[str]]]] = defaultdict(list)
    for identifier, text in texts.items():
        plain = _plain(text)
        known = first.setdefault(plain, identifier)
        if known != identifier:
            leader[identifier] = leader[known]
            continue
        words = Counter(_WORD.findall(plain))
        title = plain.partition("\n")[0]
        leader[identifier] = _near(words, by_title[title], near, leader) or identifier
        by_title[title].append((identifier, words))
    return leader


def _plain(text: str) -> str:
    stripped = _AMOUNT.sub("", _IDENTITY.sub("", text)).lower()
    return "\n".join(" ".join(line.split()) for line in stripped.splitlines() if line.strip())


def _near(
    words: Counter[str],
    others: Sequence[tuple[str, Counter[str]]],
    near: float,
    leader: Mapping[str, str],
) -> str | None:
    for identifier, known in others:
        shared = (words & known).total()
        if shared >= near * (words | known).total():
            return leader[identifier]
    return None


def group_qrels(
    exact: Mapping[str, Mapping[str, int]], groups: Mapping[str, str]
) -> dict[str, dict[str, int]]:
    """Relevance by group: every member of the group of a relevant record is relevant."""
    members: dict[str, list[str]] = defaultdict(list)
    for identifier, group in groups.items():
        members[group].append(identifier)
    widened: dict[str, dict[str, int]] = {}
    for query, judged in exact.items():
        gains: dict[str, int] = {}
        for record, gain in judged.items():
            for member in members.get(groups.get(record, record), [record]):
                gains[member] = max(gain, gains.get(member, 0))
        widened[query] = gains
    return widened
