"""What is kept in memory: bounded by size, and equal to what is made anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lca_rag.answer import lexicon, spelling
from lca_rag.answer.lexicon import Prose, holds, terms, tokens
from lca_rag.answer.view import View, Views
from lca_rag.index import snapshot as snapshots
from lca_rag.index import words
from lca_rag.index.words import Spelling, _one_edit
from lca_rag.record import Record
from lca_rag.record_json import from_json, to_json
from tests import server_fixtures

TEXTS = (
    "Primary aluminium is produced by electrolysis; 氧化铝电解 uses 13 540 kWh of electricity.",
    "Dying and lying skies: the abilities of relational machines, hopping and hoping, 1.5 kg 007.",
    "冶金焦，金 CAS 000074-82-8 Incineration of municipal solid waste with energy recovery ガラス",
)
ASKED = (
    "aluminium electrolysis electricity 氧化铝 电解 金 焦 焦炭 lie die sky ability relate hope hop "
    "7 incinerator relational machine 74-82-8 recover ラス 1.5 municipality zebra 铝电 钢"
)


def test_prose_holds_the_tokens_of_its_texts_and_no_others() -> None:
    whole = tokens(*TEXTS)
    asked = {*whole, *tokens(ASKED), *(token[:-1] for token in whole if len(token) > 1)}
    for token in asked:  # a fresh one each time: the first question is the one that takes it apart
        assert (token in Prose(*TEXTS)) == (token in whole), token
    taken_apart = Prose(*TEXTS)
    assert {token for token in asked if token in taken_apart} == asked & whole
    for term in terms(ASKED):
        assert holds(term, Prose(*TEXTS)) == holds(term, whole), term


def test_views_are_bounded_by_exchanges_and_renewed_when_a_record_changes() -> None:
    records = [record for record in server_fixtures.whole_demo() if record.exchanges]
    most = max(len(record.exchanges) for record in records)
    views = Views(limit=2 * most + 2)
    first = views.of(records[0])
    assert views.of(records[0]) is first
    for record in records:
        assert views.of(record).record is record
    assert 1 <= len(views) < len(records)
    assert views.of(records[0]) is not first
    changed = replace(records[0], version="99.00.000", uuid=records[0].uuid)
    assert views.of(changed).record is changed


def test_a_changed_record_takes_the_place_of_the_old_one() -> None:
    record = next(record for record in server_fixtures.whole_demo() if record.exchanges)
    shorter = replace(record, exchanges=record.exchanges[:1])
    views = Views(limit=len(record.exchanges) + 4)
    views.of(record)
    assert views.of(shorter).record is shorter
    assert len(views) == 1
    views.of(replace(record, uuid="0" * 36))  # the weight of the longer one was given back
    assert len(views) == 2


def test_unpacked_records_are_bounded_by_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = server_fixtures.build(tmp_path / "x.lca", server_fixtures.demo_records())
    with server_fixtures.workspace(place) as workspace:
        snapshot = workspace.index.snapshot()
        positions = list(range(len(snapshot)))
        whole = snapshot.records(positions)
        assert snapshot.record(0) is whole[0]
        size = sum(held for _, held in snapshot._held.values())
        assert size == snapshot._held_bytes
        monkeypatch.setattr(snapshots, "_HELD_BYTES", size // 3)
        assert snapshot.records(positions) == whole
        assert 0 < snapshot._held_bytes <= size // 3
        assert snapshot._held_bytes == sum(held for _, held in snapshot._held.values())
        assert snapshot.record(positions[-1]) is whole[-1]


def test_endless_words_are_not_kept() -> None:
    """Caches count entries; of words as long as a question a few thousand would fill the memory."""
    kept = (words._stem, lexicon._stem, spelling._right)
    before = [cache.cache_info().currsize for cache in kept]
    for number in range(50):
        word = "x" * (100 + number) + "ings"
        assert words.tokenize(word) == [word.removesuffix("ings") + "ing"]
        assert terms(word)
        assert spelling.corrected(word) == word
    assert [cache.cache_info().currsize for cache in kept] == before
    assert words._stemmer().maxCacheSize == 0  # type: ignore[attr-defined]


def test_equal_words_of_records_are_one_object() -> None:
    def unpacked(record: Record) -> Record:
        return from_json(to_json(record))

    record = next(record for record in server_fixtures.whole_demo() if record.exchanges)
    one, other = unpacked(record), unpacked(record)
    assert one == other == record
    assert one.uuid is other.uuid
    for left, right in zip(one.exchanges, other.exchanges, strict=True):
        assert left.direction is right.direction
        assert all(a is b for a, b in zip(left.flow.all(), right.flow.all(), strict=True))


def test_near_spellings_are_those_one_edit_apart() -> None:
    words = {word for record in server_fixtures.whole_demo() for word in View(record).title}
    words |= {"steel", "steal", "stele", "stewl", "electr", "elect"}
    spelling = Spelling(words)
    for asked in ("stele", "steell", "stel", "elektr", "electr", "aluminum", "aluminium", "xqzwv"):
        near = {
            word
            for word in words
            if len(asked) >= 5 and len(word) >= 4 and word.isalpha() and _one_edit(asked, word)
        }
        assert spelling.near(asked) == near, asked
    assert "steel" in spelling.near("steell")
