"""Examples, derived queries, batches, mined negatives, the pruned vocabulary, bundled `mini`."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

import lca_rag
from lca_rag.errors import EncoderError, QueryError, ReadError
from lca_rag.record import Classification, FlowFacts, Name, Place, Record, Text
from lca_rag.training import (
    MINI,
    MODERN,
    Example,
    data_hash,
    derived_queries,
    mine,
    prune_vocabulary,
    read_examples,
    write_examples,
)
from lca_rag.training.batches import GROUP, plan, rows

MODELS = Path(lca_rag.__file__).parent / "models"


def example(name: str, **more: object) -> Example:
    values = {
        "id": name,
        "document": f"about {name}",
        "queries": (f"{name}?", f"find {name}"),
        "group": name,
    }
    return Example(**(values | more))  # type: ignore[arg-type]


def test_examples_are_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    written = [example("a", weight=0.5), example("b")]
    write_examples(written, path)
    assert read_examples(path) == written


def test_pairs_of_one_document_come_together(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    lines = [("q1", "doc"), ("q2", "other"), ("q3", "doc"), ("q1", "doc")]
    path.write_text(
        "\n".join(json.dumps({"query": query, "document": text}) for query, text in lines)
    )
    assert [e.queries for e in read_examples(path)] == [("q1", "q3"), ("q2",)]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"query": "x"}',
        '{"document": "x"}',
        '{"document": "x", "queries": "one text, not a list"}',
        '{"document": "x", "query": 7}',
        '{"document": "x", "query": " "}',
        '{"document": "x", "query": "q", "negatives": "one text"}',
        '{"document": "x", "query": "q", "negatives": [1]}',
        '{"document": "x", "query": "q", "weight": "much"}',
        '{"document": "x", "query": "q", "weight": 0}',
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"query": "q", "document": "d"}\n' + line)
    with pytest.raises(ReadError, match=r"pairs\.jsonl:2"):
        read_examples(path)
    with pytest.raises(ReadError, match="no such file"):
        read_examples(tmp_path / "none")


def test_the_data_hash_sees_everything_but_order() -> None:
    one = [example("a"), example("b")]
    assert data_hash(one) == data_hash(one[::-1])
    changed = (
        example("b", queries=("x",)),
        example("b", document="x"),
        example("b", group="x"),
        example("b", weight=0.5),
        example("b", negatives=(("g", "x"),)),
    )
    assert len({data_hash(one), *(data_hash([one[0], other]) for other in changed)}) == 6


FLOW = Record(
    database="d",
    uuid="7439",
    kind="flow",
    name=Name(base=Text((("en", "mercury; metal; NESPS2"), ("zh", "金属汞")))),
    synonyms=Text.of("quicksilver; hydrargyrum"),
    classifications=(Classification(path=("Emissions", "Emissions to air")),),
    place=Place(code="CN"),
    flow=FlowFacts(kind="elementary", cas="007439-97-6", ec="231-106-7"),
    comment=Text.of("A heavy metal that is liquid at room temperature and evaporates slowly."),
)


def test_a_record_asks_for_itself_in_its_own_words() -> None:
    asked = derived_queries(FLOW)
    told = " | ".join(asked).lower()
    assert asked == derived_queries(FLOW)
    assert len(asked) == len(set(asked)) <= 12
    for part in ("7439-97-6", "231-106-7", "金属汞", "china", "emission to air", "evaporates"):
        assert part in told, part
    assert "nesps2" not in told
    assert "007439" not in told


def test_rows_of_shared_documents_hold_every_epoch() -> None:
    data = [example("a", queries=("1", "2", "3", "4", "5", "6")), example("b", weight=0.0)]
    table = rows(data, MINI.with_(epochs=3, queries=4))
    assert table["document"] == ["about a"] * 3
    assert [label[:2] for label in table["label"]] == [[0, 4], [1, 4], [2, 4]]
    drawn = {tuple(table[f"query{n}"][row] for n in range(4)) for row in range(3)}
    assert len(drawn) > 1


def test_a_document_with_few_queries_says_how_many_are_real() -> None:
    table = rows([example("a")], MINI.with_(epochs=1, queries=3))
    assert [table[f"query{n}"][0] for n in range(3)] == ["a?", "find a", "a?"]
    assert table["label"][0][:2] == [0, 2]


def test_no_batch_holds_two_documents_of_a_group() -> None:
    data = [example(f"{n}", group=f"g{n % 40}") for n in range(200)]
    table = rows(data, MODERN.with_(negatives=1))
    batches = plan(table["label"], 16, seed=1)
    for batch in batches:
        groups = [table["label"][row][GROUP] for row in batch]
        negatives = {table["label"][row][GROUP + 1] for row in batch}
        assert len(set(groups)) == len(groups)
        assert not negatives & set(groups)
    covered = {row for batch in batches for row in batch}
    assert len(covered) > 0.9 * len(table["label"])
    assert batches == plan(table["label"], 16, seed=1)
    assert batches != plan(table["label"], 16, seed=2)


def test_mined_negatives_are_near_but_neither_right_nor_alike() -> None:
    data = [example("a"), example("twin", group="a"), example("b"), example("c"), example("d")]
    scores = np.array([1.0, 1.0, 0.99, 0.7, 0.2], dtype=np.float32)
    seen: list[int] = []
    mined = mine(data, [lambda q: np.tile(scores, (len(q), 1))], keep=2, progress=seen.append)
    # The twin is of the same group, b scores as high as the right one.
    assert [text for _, text in mined[0].negatives] == ["about c", "about d"]
    assert mined[0].negatives[0][0] == "c"
    assert sum(seen) == 5
    table = rows(mined, MODERN)
    assert table["negative0"][0] in ("about c", "about d")


def test_mining_refuses_scores_of_another_shape() -> None:
    with pytest.raises(QueryError, match="needs at least one searcher"):
        mine([example("a")], [])
    with pytest.raises(QueryError, match=r"shape \(2, 3\)"):
        mine([example("a")], [lambda q: np.zeros((len(q), 3), np.float32)])


@pytest.fixture(scope="module")
def pruned(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pruned")
    report = prune_vocabulary(
        minilm,
        folder,
        ["electric arc furnace steel", "2-hydroxy-3-naphthoic acid, kWh/m2, CAS 7440-02-0"],
        characters="铁钢硅",
        translations=[("铁", "iron"), ("钢", "steel"), ("铁矿", "iron ore")],
        size=6_000,
    )
    assert report.before == 30_522
    assert report.after == 6_000 + len(report.added)
    assert set(report.added) <= set("铁钢硅")
    return folder


def test_a_pruned_model_reads_its_texts_as_before(pruned: Path, minilm: Path) -> None:
    from sentence_transformers import SentenceTransformer

    old, new = (SentenceTransformer(str(path), device="cpu") for path in (minilm, pruned))
    texts = ["electric arc furnace steel", "2-hydroxy-3-naphthoic acid, kWh/m2, CAS 7440-02-0"]
    assert [new.tokenizer.tokenize(t) for t in texts] == [old.tokenizer.tokenize(t) for t in texts]
    assert np.abs(old.encode(texts) - new.encode(texts)).max() < 1e-5
    assert new.tokenizer.unk_token not in new.tokenizer.tokenize("铁 钢 硅 µg m³ 7440-02-0")
    assert new.prompts["query"] == "query: "


def test_what_carries_no_meaning_is_not_read(pruned: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(pruned))
    text = (
        "# Steel\n\n**UUID:** `2d8a34c9-c072-415a-8202-ea6acd4ed9c8`\n**Version:** 01.00.000\n"
        "**CAS:** 7440-02-0\n## Main Inputs\n\n- steel: 0.0026\n- acid: 4e-05"
    )
    read = tokenizer.tokenize(text)
    assert read == tokenizer.tokenize("Steel CAS: 7440-02-0 Main Inputs - steel - acid")


def test_a_new_character_starts_near_its_translation(pruned: Path) -> None:
    from safetensors.numpy import load_file
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(pruned))
    rows = load_file(pruned / "model.safetensors")["embeddings.word_embeddings.weight"]
    centred = rows - rows.mean(axis=0)

    def cosine(one: str, other: str) -> float:
        a, b = (centred[tokenizer.convert_tokens_to_ids(word)] for word in (one, other))
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    assert cosine("钢", "steel") > cosine("钢", "iron")


def test_only_wordpiece_models_are_pruned(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"needs tokenizer\.json"):
        prune_vocabulary(tmp_path, tmp_path / "x", [])


needs_mini = pytest.mark.skipif(
    not (MODELS / "mini" / "modules.json").is_file(), reason="mini is not in this checkout"
)


@needs_mini
def test_mini_is_small_and_gives_the_vectors_that_our_encoder_gives() -> None:
    from sentence_transformers import SentenceTransformer

    folder = MODELS / "mini"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size <= 48_000_000
    started = time.perf_counter()
    plain = SentenceTransformer(str(folder), device="cpu")
    assert time.perf_counter() - started < 10  # two seconds on an idle machine
    ours = lca_rag.load_encoder("mini", precision="float32")
    texts = [
        "methane emission to air",
        "CAS 74-82-8",
        "电力生产",
        "5 kWh, m3, 2-hydroxy-3-naphthoic",
    ]
    assert np.abs(plain.encode_query(texts) - ours.encode_queries(texts)).max() < 1e-5
    documents = ["# Methane\n\n**Entity:** Flow\n**CAS:** 74-82-8", "# Steel\n\n- coal: 0.5"]
    assert np.abs(plain.encode_document(documents) - ours.encode_documents(documents)).max() < 1e-5
    assert plain.prompts["document"] == ""
    assert plain.prompts["query"]
    for text in texts:
        assert plain.tokenizer.unk_token not in plain.tokenizer.tokenize(text)


@needs_mini
def test_mini_knows_the_field() -> None:
    """It finds the right one of these four for a question in either language."""
    mini = lca_rag.load_encoder("mini")
    documents = mini.encode_documents(
        [
            "# Electricity, hard coal\n\n**Entity:** Process\n**Location:** CN",
            "# Methane\n\n**Entity:** Flow\n**CAS:** 74-82-8\n**Classification:** Emissions to air",
            "# Raw milk, at farm\n\n**Entity:** Process\n**Location:** DE",
            "# Crude steel, basic oxygen furnace\n\n**Entity:** Process\n**Location:** CN",
        ]
    )
    asked = ["coal-fired power generation", "CH4 to atmosphere", "dairy cow output", "炼钢 转炉"]
    found = (mini.encode_queries(asked) @ documents.T).argmax(axis=1)
    assert found.tolist() == [0, 1, 2, 3]
