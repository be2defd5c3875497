from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lca_rag.index.lexical import Lexical, Segment
from lca_rag.index.words import tokenize

RECORDS = [
    {"name": "Steel, hot rolled", "place": "DE Germany", "identifiers": "7439-89-6"},
    {"name": "Aluminium ingot, primary", "place": "CN China 中国", "synonyms": "原铝; aluminum"},
    {"name": "Electricity, hard coal", "description": "steel boiler tubes are not included"},
]


def lexical(records: list[dict[str, str]] = RECORDS) -> Lexical:
    segment = Segment.build(records)
    return Lexical({"db": (segment, np.arange(segment.size))}, segment.size)


def test_tokens_keep_identifiers_whole_and_split_chinese() -> None:
    assert tokenize("CAS 007439-89-6") == ["cas", "7439-89-6"]
    assert tokenize("原铝") == ["原", "铝", "原铝"]
    assert tokenize("Ｓｔｅｅｌ") == tokenize("steel")


def test_a_name_outweighs_a_mention() -> None:
    scores = lexical().scores("steel")
    assert scores[0] > scores[2] > 0
    assert scores[1] == 0


@pytest.mark.parametrize("query", ["原铝生产", "primary alumnium", "aluminum"])
def test_other_languages_typos_and_synonyms_find_the_record(query: str) -> None:
    assert int(np.argmax(lexical().scores(query))) == 1


def test_nothing_known_scores_nothing() -> None:
    assert not lexical().scores("zzz of the").any()


def test_weights_leave_fields_out() -> None:
    assert not lexical().scores("germany", weights={"name": 1.0}).any()


def test_scores_equal_those_of_an_index_without_the_hidden_database() -> None:
    first = Segment.build(RECORDS)
    hidden = Segment.build([{"name": "steel " * 30}, {"name": "steel"}])
    both = Lexical({"db": (first, np.arange(3)), "hidden": (hidden, np.arange(3, 5))}, 5)
    allowed = both.scores("steel coal", databases=["db"])
    np.testing.assert_array_equal(allowed[:3], lexical().scores("steel coal"))
    assert not allowed[3:].any()
    assert both.scores("steel coal")[3] > 0


def test_saved_segment_scores_the_same(tmp_path: Path) -> None:
    segment = Segment.build(RECORDS)
    segment.save(tmp_path / "db")
    segment.save(tmp_path / "db")
    loaded = Segment.load(tmp_path / "db")
    again = Lexical({"db": (loaded, np.arange(3))}, 3)
    np.testing.assert_array_equal(again.scores("hot steel"), lexical().scores("hot steel"))
    assert [path.name for path in tmp_path.iterdir()] == ["db"]


def test_empty_segment_is_searchable() -> None:
    assert lexical([]).scores("steel").shape == (0,)


def test_coverage_tells_what_each_field_holds() -> None:
    held, named = lexical().coverage("hot rolled steel", np.array([0, 2, 1]))
    assert held.shape == named.shape == (3, 10)
    assert held[0, 0] == pytest.approx(1.0)
    assert named[0, 0] == pytest.approx(1.0)
    assert 0 < held[1, -1] < 1
    assert held[1, 0] == 0
    assert not held[2].any()
