"""Local models: the model's own vectors, by role, whatever the length."""

from __future__ import annotations

import json
import logging
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from transformers import (
    BertConfig,
    BertModel,
    Qwen3Config,
    Qwen3Model,
    RobertaConfig,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from lca_rag.encoders import Encoder, Fingerprint, SentenceEncoder, load_encoder
from lca_rag.encoders.attention import BLOCKED, BLOCKED_TYPES, register_blocked_attention
from lca_rag.encoders.tokens import batches, shared_out
from lca_rag.errors import EncoderError
from tests.tiny_models import QUERY_PROMPT, Layout, make_qwen3

TEXTS = [
    "electricity, high voltage\nproduction mix\n\nChina",
    "  steel \n",
    "a",
    "低合金钢生产，转炉",
    "",
    "# iron ore\n\n**Entity:** Flow\n",
    "x" * 1023,  # 1,024 tokens with the end-of-text token
    "y" * 1024,  # one beyond
    "long text, " * 400,
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_qwen3(tmp_path_factory.mktemp("qwen3") / "model")


@pytest.fixture(scope="module")
def reference(folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu")


def load(
    folder: Path,
    *,
    max_length: int = 1024,
    truncate_dim: int | None = None,
    query_prompt: str | None = None,
) -> SentenceEncoder:
    return SentenceEncoder.load(
        folder,
        device="cpu",
        precision="float32",
        max_length=max_length,
        truncate_dim=truncate_dim,
        query_prompt=query_prompt,
    )


def test_vectors_are_the_models_own(folder: Path, reference: SentenceTransformer) -> None:
    encoder = load(folder)
    stripped = [text.strip() for text in TEXTS]
    queries = reference.encode(stripped, prompt_name="query", normalize_embeddings=True)
    documents = reference.encode(stripped, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode_queries(TEXTS), queries, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_documents(TEXTS), documents, atol=1e-5)
    for text, query, document in zip(TEXTS, queries, documents, strict=True):
        np.testing.assert_allclose(encoder.encode_queries([text])[0], query, atol=1e-5)
        np.testing.assert_allclose(encoder.encode_documents([text])[0], document, atol=1e-5)
    assert np.abs(queries - documents).max() > 0.05  # the prompt does change this model's vectors


def test_newlines_are_kept(folder: Path) -> None:
    lines, flat = load(folder).encode_documents(["a\nb", "a b"])
    assert lines @ flat < 0.999


def test_rows_are_unit_float32(folder: Path) -> None:
    vectors = load(folder).encode_documents(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), 64)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)


def test_nothing_in_nothing_out(folder: Path) -> None:
    encoder = load(folder)
    assert encoder.encode_documents([]).shape == (0, 64)
    assert encoder.encode_queries([]).shape == (0, 64)


@pytest.mark.parametrize("texts", ["steel", b"steel", ["steel", None], [1]])
def test_only_strings_are_encoded(folder: Path, texts: object) -> None:
    with pytest.raises(TypeError, match="str"):
        load(folder).encode_documents(cast("list[str]", texts))


def test_both_layouts_give_one_fingerprint_and_one_vector(folder: Path, tmp_path: Path) -> None:
    old, new = load(folder), load(make_qwen3(tmp_path / "new", layout="new"))
    assert old.fingerprint == new.fingerprint
    assert old.fingerprint.pooling == "lasttoken"
    np.testing.assert_allclose(
        old.encode_queries(["steel"]), new.encode_queries(["steel"]), atol=1e-6
    )


@pytest.mark.parametrize("layout", ["old", "new"])
def test_a_tokenizer_that_loses_its_end_token_is_mended(tmp_path: Path, layout: Layout) -> None:
    folder = make_qwen3(tmp_path / "model", end="text", layout=layout)
    encoder = load(folder, max_length=16)
    model = SentenceTransformer(str(folder), device="cpu")
    ends_in_time = model.encode(["x" * 15], normalize_embeddings=True)  # 15 + the end token
    np.testing.assert_allclose(encoder.encode_documents(["x" * 15]), ends_in_time, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_documents(["x" * 40]), ends_in_time, atol=1e-5)
    model.max_seq_length = 16
    assert np.abs(model.encode(["x" * 40], normalize_embeddings=True) - ends_in_time).max() > 0.01


def test_an_empty_text_needs_a_token(tmp_path: Path) -> None:
    appends = load(make_qwen3(tmp_path / "text", end="text"))
    assert np.linalg.norm(appends.encode_documents([" "])) == pytest.approx(1.0)
    with pytest.raises(EncoderError, match="an empty text has no vector in this model"):
        load(make_qwen3(tmp_path / "none", end="none")).encode_documents(["steel", ""])


def test_cut_texts_are_counted_and_said_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    encoder = load(folder, max_length=16)
    with caplog.at_level(logging.WARNING, logger="lca_rag"):
        encoder.encode_documents(["x" * 15, "x" * 16, "x" * 17])
        encoder.encode_documents(["x" * 20])
    assert encoder.truncated == 3
    assert [record.getMessage() for record in caplog.records] == [
        "texts longer than 16 tokens are cut: 2 of 3 in this batch (said once)"
    ]


def test_the_models_own_limit_stands(tmp_path: Path) -> None:
    folder = make_qwen3(tmp_path / "model", max_seq_length=32)
    assert load(folder).fingerprint.max_length == 32
    assert load(folder, max_length=8).fingerprint.max_length == 8


def test_query_prompts(folder: Path, reference: SentenceTransformer, tmp_path: Path) -> None:
    expected = reference.encode(["Find: steel"], normalize_embeddings=True)
    given = load(folder, query_prompt="Find: ")
    np.testing.assert_allclose(given.encode_queries([" steel"]), expected, atol=1e-5)
    off = load(folder, query_prompt="")
    np.testing.assert_allclose(
        off.encode_queries(["steel"]), off.encode_documents(["steel"]), atol=1e-6
    )
    assert given.fingerprint == off.fingerprint == load(folder).fingerprint

    unprompted = make_qwen3(tmp_path / "model", prompts={"search": "x"})
    with pytest.raises(EncoderError, match=r"no prompt named 'query' \(it has: search\)"):
        load(unprompted)
    assert load(unprompted, query_prompt="").encode_queries(["steel"]).shape == (1, 64)


def test_document_prompts(tmp_path: Path) -> None:
    folder = make_qwen3(tmp_path / "model", prompts={"query": "q: ", "passage": "d: "})
    encoder, model = load(folder), SentenceTransformer(str(folder), device="cpu")
    np.testing.assert_allclose(
        encoder.encode_documents(["steel"]),
        model.encode(["steel"], prompt_name="passage"),
        atol=1e-5,
    )
    assert encoder.fingerprint.document_prompt == "d: "


def test_fewer_dimensions(folder: Path) -> None:
    whole, cut = load(folder), load(folder, truncate_dim=16)
    head = whole.encode_documents(["steel"])[:, :16]
    np.testing.assert_allclose(
        cut.encode_documents(["steel"]), head / np.linalg.norm(head), atol=1e-6
    )
    assert cut.dimension == cut.fingerprint.dimension == 16
    for kept in (65, 0, -1):
        with pytest.raises(EncoderError, match=f"truncate_dim {kept} must be between 1 and 64"):
            load(folder, truncate_dim=kept)


def test_weights_that_were_cut_off_are_one_sentence(tmp_path: Path) -> None:
    folder = make_qwen3(tmp_path / "model")
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    for kept in (5, len(whole) // 2):
        weights.write_bytes(whole[:kept])
        with pytest.raises(EncoderError, match="cannot be loaded"):
            load(folder)


def test_progress_counts_every_document(folder: Path) -> None:
    done: list[int] = []
    load(folder).encode_documents(
        [f"text {number}" * 40 for number in range(50)], progress=done.append
    )
    assert sum(done) == 50
    assert len(done) > 1


def test_a_stopped_run_leaves_the_encoder_usable(folder: Path) -> None:
    encoder = load(folder)
    texts = [f"{number} " * 100 for number in range(60)]
    done: list[int] = []

    def stop(count: int) -> None:
        done.append(count)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encoder.encode_documents(texts, progress=stop)
    assert len(done) == 1
    assert not [t for t in threading.enumerate() if t.name.startswith("lca-rag-encoder")]
    assert encoder.encode_documents(["steel"]).shape == (1, 64)


def test_bfloat16_is_close_to_float32(folder: Path, minilm: Path) -> None:
    for model, prompt in ((folder, None), (minilm, "")):
        exact = load(model, query_prompt=prompt)
        fast = SentenceEncoder.load(model, device="cpu", precision="bfloat16", query_prompt=prompt)
        texts = [*TEXTS[:4], *TEXTS[5:]]
        cosines = (exact.encode_documents(texts) * fast.encode_documents(texts)).sum(axis=1)
        assert cosines.min() >= 0.999, model


def test_many_threads_one_model(folder: Path) -> None:
    encoder = SentenceEncoder(folder, device="cpu", precision="float32")
    expected = load(folder).encode_documents(TEXTS)
    results: list[np.ndarray] = []

    def work() -> None:
        results.append(encoder.encode_documents(TEXTS))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    for result in results:
        np.testing.assert_allclose(result, expected, atol=1e-5)


def test_every_core_takes_batches(folder: Path) -> None:
    encoder = load(folder)
    texts = [f"{number} " * (number % 60 + 1) for number in range(90)]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        serial = encoder.encode_documents(texts)
        torch.set_num_threads(3)
        parallel = encoder.encode_documents(texts)
        assert torch.get_num_threads() == 3
        inherited: list[int] = []
        thread = threading.Thread(target=lambda: inherited.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert inherited == [3]
    finally:
        torch.set_num_threads(before)
    np.testing.assert_allclose(serial, parallel, atol=1e-5)


def test_encoders_of_one_model_share_its_weights(folder: Path) -> None:
    first, second = load(folder), load(folder, query_prompt="", max_length=32)
    assert first._model().shared is second._model().shared


def test_pickles_hold_no_weights(tmp_path: Path) -> None:
    folder = make_qwen3(tmp_path / "model", intermediate_size=4096)
    encoder = load(folder, max_length=100)
    stored = pickle.dumps(encoder)
    assert len(stored) < 1000
    again = pickle.loads(stored)
    np.testing.assert_array_equal(again.encode_queries(["a"]), encoder.encode_queries(["a"]))
    assert again.fingerprint == encoder.fingerprint


def test_nothing_is_read_before_use(tmp_path: Path) -> None:
    encoder = SentenceEncoder(tmp_path / "absent")
    with pytest.raises(EncoderError, match="no model directory"):
        encoder.encode_queries(["steel"])


def test_importing_the_room_imports_no_torch() -> None:
    code = (
        "import sys, lca_rag.encoders as e;"
        "e.SentenceEncoder('x'); e.RemoteEncoder('http://x', 'y');"
        "bad = {'torch', 'transformers', 'sentence_transformers'} & set(sys.modules);"
        "sys.exit(str(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_encoder_is_chosen_by_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert isinstance(load_encoder(folder), Encoder)
    monkeypatch.setenv("LCA_RAG_MODEL", str(folder))
    assert load_encoder().name == "model"
    monkeypatch.setattr("lca_rag.encoders._MINI", tmp_path)
    with pytest.raises(EncoderError, match="bundled model 'mini' is not in this installation"):
        load_encoder("mini")
    monkeypatch.setattr("lca_rag.encoders._MINI", folder)
    assert load_encoder("mini").dimension == 64


def test_fingerprints() -> None:
    one = Fingerprint("sha256:a", "", "lasttoken", 64, 1024)
    other = Fingerprint("sha256:a", "d: ", "lasttoken", 64, 512)
    assert one.differences(one) == ()
    assert one.differences(other) == (
        "document prompt '' against 'd: '",
        "max length 1024 against 512",
    )
    assert Fingerprint.from_json(json.loads(json.dumps(one.to_json()))) == one
    assert one.key != other.key
    assert len(one.key) == 16
    with pytest.raises(EncoderError, match="not a fingerprint"):
        Fingerprint.from_json({"weights": "x"})


def test_other_weights_give_another_fingerprint(folder: Path, tmp_path: Path) -> None:
    other = load(make_qwen3(tmp_path / "model", seed=1))
    assert load(folder).fingerprint.differences(other.fingerprint)[0].startswith("weights ")
    same_elsewhere = load(make_qwen3(tmp_path / "copy"))
    assert same_elsewhere.fingerprint == load(folder).fingerprint


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = make_qwen3(tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(EncoderError, match=r"pytorch_model\.bin is a pickle"):
        load(folder)
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(EncoderError, match="holds no weights"):
        load(folder)


def test_code_of_a_model_is_never_run(tmp_path: Path) -> None:
    folder = make_qwen3(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "evil.Model"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text("raise SystemExit('run')")
    with pytest.raises(EncoderError, match="code from a model folder is never run"):
        load(folder)


def test_what_cannot_be_loaded_is_said_in_a_sentence(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"has no modules\.json"):
        load(tmp_path)
    with pytest.raises(EncoderError, match="device 'nonsense' cannot be used here"):
        SentenceEncoder.load(folder, device="nonsense")
    with pytest.raises(EncoderError, match="precision 'half' is none of"):
        SentenceEncoder.load(folder, precision="half")  # type: ignore[arg-type]
    with pytest.raises(EncoderError, match="max_length must be at least"):
        load(folder, max_length=0)
    broken = make_qwen3(tmp_path / "model")
    (broken / "config_sentence_transformers.json").write_text("{")
    with pytest.raises(EncoderError, match=r"config_sentence_transformers\.json is not valid JSON"):
        load(broken)


def test_batches_hold_to_their_budget() -> None:
    lengths = [5, 300, 40, 40, 41, 2000, 3]
    plan = list(batches(lengths, 128))
    assert sorted(place for batch in plan for place in batch) == list(range(7))
    assert plan[0] == [5]
    for batch in plan[1:]:
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= 128


@pytest.mark.parametrize(
    ("sizes", "cores", "expected"),
    [
        ([2, 2, 2], 2, [2, 2, 1, 1]),
        ([2, 2, 2, 2], 2, [2, 2, 2, 2]),
        ([3, 3, 3, 3, 3], 4, [3, 3, 3, 3, 1, 1, 1]),
        ([3, 3, 3, 3, 3, 3, 3], 4, [3, 3, 3, 3, 3, 2, 2, 2]),
        ([3, 3], 4, [3, 3]),
        ([1, 1, 1], 1, [1, 1, 1]),
        ([], 2, []),
    ],
)
def test_the_last_batches_are_shared_out(sizes: list[int], cores: int, expected: list[int]) -> None:
    numbers = iter(range(sum(sizes)))
    plan = [[next(numbers) for _ in range(size)] for size in sizes]
    shared = shared_out(plan, cores)
    assert [len(batch) for batch in shared] == expected
    assert sorted(position for batch in shared for position in batch) == list(range(sum(sizes)))


SMALL = {
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 100,
    "max_position_embeddings": 600,
}
MODELS: dict[str, tuple[Any, Any]] = {
    "bert": (BertConfig, BertModel),
    "qwen3": (Qwen3Config, Qwen3Model),
    "roberta": (RobertaConfig, RobertaModel),
    "xlm-roberta": (XLMRobertaConfig, XLMRobertaModel),
}


@pytest.mark.parametrize("side", ["left", "right", "none"])
@pytest.mark.parametrize("kind", sorted(BLOCKED_TYPES))
def test_blocked_attention_is_attention(kind: str, side: str) -> None:
    config, model_class = MODELS[kind]
    torch.manual_seed(0)
    extra = {"num_key_value_heads": 2, "head_dim": 16} if kind == "qwen3" else {}
    model = model_class(config(**SMALL, **extra)).eval()
    ids = torch.randint(5, 100, (3, 300))  # more than two blocks
    mask = torch.ones_like(ids)
    if side == "left":
        mask[0, :50], mask[1, :290] = 0, 0
    elif side == "right":
        mask[0, 250:], mask[1, 10:] = 0, 0
    with torch.inference_mode():
        expected = model(ids, attention_mask=mask)[0]
        register_blocked_attention()
        model.set_attn_implementation(BLOCKED)
        assert model.config._attn_implementation == BLOCKED
        found = model(ids, attention_mask=mask)[0]
    seen = mask.bool()
    torch.testing.assert_close(found[seen], expected[seen], atol=2e-5, rtol=1e-4)


def test_the_prompt_of_the_model_card() -> None:
    assert QUERY_PROMPT.endswith("\nQuery:")  # no blank behind it: the text follows at once
