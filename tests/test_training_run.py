"""A run: the loss, resuming after a stop, export and reload, LoRA, distillation."""

from __future__ import annotations

import json
import pickle
import random
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from lca_rag import load_encoder
from lca_rag.errors import EncoderError, QueryError
from lca_rag.evaluation import EncoderSystem, Query, evaluate
from lca_rag.training import CARD, MINI, MODERN, Example, Preset, RunCard, export, train
from lca_rag.training.losses import SharedDocumentLoss
from lca_rag.training.readme import model_card
from lca_rag.training.student import distil, narrow, new_student, seed_tokens

WORDS = [
    "steel",
    "milk",
    "wind",
    "rail",
    "copper",
    "coal",
    "lime",
    "glass",
    "paper",
    "wool",
    "salt",
    "zinc",
]
TINY = {"batch": 4, "learning_rate": 1e-2, "chunk": 2, "max_length": 32, "served_length": 48}


def examples() -> list[Example]:
    return [
        Example(
            id=word,
            document=f"# {word} production\n\n**Entity:** Process\nfrom {word} ore, in China",
            queries=(f"{word} maker", f"how is {word} made", f"{word} China"),
            group=word,
        )
        for word in WORDS
    ]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen3 student of a few thousand weights: last-token pooling, the real model's stack."""
    folder = tmp_path_factory.mktemp("student")
    texts = [text for e in examples() for text in (e.document, *e.queries)]
    count = new_student(texts, folder, vocabulary=320, width=16, layers=2, heads=2, max_length=48)
    assert count < 20_000
    return folder


def quick(preset: Preset, **changes: object) -> Preset:
    return preset.with_(**TINY).with_(**changes)


def test_the_shared_loss_is_the_ranking_loss_where_nothing_is_shared(base: Path) -> None:
    """One query a document, all groups distinct: its forward part equals the library's loss."""
    model = SentenceTransformer(str(base), device="cpu")
    queries = model.preprocess([e.queries[0] for e in examples()], prompt="query: ")
    documents = model.preprocess([e.document for e in examples()])
    labels = torch.tensor([[0, 1, number] for number in range(len(WORDS))])
    shared = SharedDocumentLoss(model, queries=1, temperature=0.05, chunk_tokens=40)
    ours = shared([queries, documents], labels)
    ours.backward()
    gradient = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    there = MultipleNegativesRankingLoss(model, scale=20.0)
    back = MultipleNegativesRankingLoss(model, scale=20.0)
    theirs = (
        2 * there([dict(queries), dict(documents)], labels)
        + back([dict(documents), dict(queries)], labels)
    ) / 3
    theirs.backward()
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-4)
    expected = [p.grad for p in model.parameters() if p.grad is not None]
    for one, other in zip(gradient, expected, strict=True):
        assert torch.allclose(one, other, atol=1e-4, rtol=1e-2)


def test_documents_of_a_group_are_not_each_others_negatives(base: Path) -> None:
    model = SentenceTransformer(str(base), device="cpu")
    queries = model.preprocess(["steel maker", "steel maker"])
    documents = model.preprocess([examples()[0].document] * 2)
    loss = SharedDocumentLoss(model, queries=1, temperature=0.05, chunk_tokens=100)
    alike = loss([queries, documents], torch.tensor([[0, 1, 7], [0, 1, 7]])).item()
    apart = loss([queries, documents], torch.tensor([[0, 1, 7], [0, 1, 8]])).item()
    assert alike == pytest.approx(0.0, abs=1e-3)
    assert apart > 0.5


def test_a_stopped_run_goes_on_as_if_it_had_not_been(base: Path, tmp_path: Path) -> None:
    recipe = quick(MINI, epochs=4, queries=2, batch=4)
    whole = train(examples(), base, tmp_path / "whole", preset=recipe, checkpoint_steps=3)
    stopped = tmp_path / "stopped"
    train(examples(), base, stopped, preset=recipe, checkpoint_steps=3, max_steps=5)
    assert not (stopped / "model").exists()
    resumed = train(examples(), base, stopped, preset=recipe, checkpoint_steps=3)
    assert whole.losses[-1][0] == resumed.losses[-1][0]
    assert dict(whole.losses) == pytest.approx(dict(resumed.losses), rel=1e-3)
    assert whole.losses[-1][1] < whole.losses[0][1]
    queries = [query for e in examples() for query in e.queries]
    vectors = [
        SentenceTransformer(str(run.model), device="cpu").encode_query(queries)
        for run in (whole, resumed)
    ]
    assert np.abs(vectors[0] - vectors[1]).max() < 0.01
    card = json.loads((stopped / "training.json").read_text())
    assert card["steps"] == 12
    assert card["recipe"]["seed"] == 520
    assert len(card["data_sha256"]) == 64


KILLED = """
import os, pickle, signal, sys
from pathlib import Path
from lca_rag.training import train
examples, base, output, recipe, step = pickle.loads(Path(sys.argv[1]).read_bytes())
def die(now, steps, loss):
    if now >= step:
        os.kill(os.getpid(), signal.SIGKILL)
train(examples, base, output, preset=recipe, checkpoint_steps=2, progress=die)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_run_resumes_to_the_same_model(base: Path, tmp_path: Path) -> None:
    """SIGKILL, not a polite stop, at a random logged step; the resumed run ranks as the whole."""
    recipe = quick(MINI, epochs=5, queries=2, batch=4)
    whole = train(examples(), base, tmp_path / "whole", preset=recipe, checkpoint_steps=2)
    killed = tmp_path / "killed"
    step = random.choice([5, 10])
    job = (examples(), base, killed, recipe, step)
    (tmp_path / "job").write_bytes(pickle.dumps(job))
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "job")], capture_output=True, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert not (killed / "model").exists()
    assert any((killed / "checkpoints").glob("checkpoint-*"))
    resumed = train(examples(), base, killed, preset=recipe, checkpoint_steps=2)
    # A logged loss is the mean since the last log; at the step of the kill, since the checkpoint.
    curves = [{at: loss for at, loss in run.losses if at != step} for run in (whole, resumed)]
    assert curves[1] == pytest.approx(curves[0], rel=1e-3)
    assert set(curves[0]) == {1, 5, 10, 15} - {step}
    queries = [
        Query(id=f"{e.id}{number}", text=text, record=e.id)
        for e in examples()
        for number, text in enumerate(e.queries)
    ]
    texts = {e.id: e.document for e in examples()}
    systems = [
        EncoderSystem(load_encoder(str(run.model), precision="float32"), texts, name=name)
        for name, run in (("whole", whole), ("resumed", resumed))
    ]
    report = evaluate(systems, queries, measures=["NDCG@10"])
    one, other = (report.figure(name, "NDCG@10").value for name in ("whole", "resumed"))
    assert abs(one - other) < 0.005


@pytest.mark.parametrize("left", ["", '{"epoch": 1', None])
def test_a_checkpoint_that_was_cut_off_is_passed_over(
    base: Path, tmp_path: Path, left: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """A kill while a checkpoint is written leaves weights without, or with half, a state."""
    recipe = quick(MINI, epochs=2, queries=2, batch=4)
    train(examples(), base, tmp_path, preset=recipe, checkpoint_steps=2, max_steps=4)
    newest = tmp_path / "checkpoints/checkpoint-4"
    (newest / "model.safetensors").unlink()
    state = newest / "trainer_state.json"
    if left is None:
        state.unlink()
    else:
        state.write_text(left)
    resumed = train(examples(), base, tmp_path, preset=recipe, checkpoint_steps=2)
    assert "checkpoint-4 was cut off" in caplog.text
    assert resumed.card.steps == 6
    assert resumed.model.is_dir()


def test_a_run_without_a_whole_checkpoint_starts_anew(base: Path, tmp_path: Path) -> None:
    recipe = quick(MINI, epochs=1)
    whole = train(examples(), base, tmp_path / "whole", preset=recipe)
    (tmp_path / "cut/checkpoints/checkpoint-1").mkdir(parents=True)
    (tmp_path / "cut/training.json").write_bytes((tmp_path / "whole/training.json").read_bytes())
    anew = train(examples(), base, tmp_path / "cut", preset=recipe)
    assert dict(anew.losses) == pytest.approx(dict(whole.losses), rel=1e-3)


def test_checkpoints_of_another_run_are_not_mixed_in(base: Path, tmp_path: Path) -> None:
    recipe = quick(MINI, epochs=1)
    train(examples(), base, tmp_path, preset=recipe, checkpoint_steps=1, max_steps=1)
    fewer = examples()[:8]
    with pytest.raises(EncoderError, match="a run with other data"):
        train(fewer, base, tmp_path, preset=recipe)
    with pytest.raises(EncoderError, match="a run with other recipe"):
        train(examples(), base, tmp_path, preset=recipe.with_(learning_rate=1.0))
    with pytest.raises(EncoderError, match="remove them or resume"):
        train(examples(), base, tmp_path, preset=recipe, resume=False)


def test_a_run_card_that_cannot_be_read_is_one_sentence(base: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / "checkpoint-2").mkdir(parents=True)
    for text in ('{"recipe": ', "[]", "{}"):
        (tmp_path / "training.json").write_text(text)
        with pytest.raises(EncoderError, match=r"training\.json is no run card"):
            train(examples(), base, tmp_path, preset=quick(MODERN, epochs=1))


def test_training_writes_nothing_to_stdout(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[int] = []
    train(
        examples(),
        base,
        tmp_path,
        preset=quick(MINI, epochs=1),
        max_steps=2,
        progress=lambda step, *_: told.append(step),
    )
    assert told
    assert capsys.readouterr().out == ""


def test_a_base_that_is_not_to_be_had_is_one_sentence(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EncoderError, match="no model directory"):
        train(examples(), tmp_path / "none", tmp_path / "run", preset=quick(MODERN))
    broken = tmp_path / "broken"
    shutil.copytree(base, broken)
    (broken / "model.safetensors").write_bytes(b"cut off")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        train(examples(), broken, tmp_path / "run", preset=quick(MODERN))


def test_the_cards_recipe_runs_and_has_the_cards_layout(base: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int, float]] = []
    recipe = quick(CARD, served_length=None)
    trained = train(
        examples(),
        base,
        tmp_path,
        preset=recipe,
        progress=lambda *told: seen.append(told),
        measured={"NDCG@10 on dev": 0.5},
    )
    assert seen[-1][1] == 18  # 36 pairs, batches of 4, two epochs
    modules = json.loads((trained.model / "modules.json").read_text())
    assert [module["type"].rsplit(".", 1)[-1] for module in modules] == [
        "Transformer",
        "Pooling",
        "Normalize",
    ]
    pooling = json.loads((trained.model / "1_Pooling/config.json").read_text())
    assert pooling["pooling_mode_lasttoken"]
    assert not pooling["pooling_mode_mean_tokens"]
    assert pooling["include_prompt"]
    settings = json.loads((trained.model / "config_sentence_transformers.json").read_text())
    assert settings["prompts"] == {"query": "", "document": ""}
    from safetensors import safe_open

    with safe_open(trained.model / "model.safetensors", "pt") as weights:
        kinds = {weights.get_tensor(name).dtype for name in weights.keys()}  # noqa: SIM118
    assert kinds == {torch.bfloat16}
    modes = {path.stat().st_mode for path in trained.model.iterdir() if path.is_file()}
    assert len(modes) == 1  # who may read one file of the model may read all
    readme = (trained.model / "README.md").read_text()
    assert "| NDCG@10 on dev | 0.5 |" in readme
    assert trained.card.data_sha256 in readme


def test_the_model_card_counts_the_queries_and_names_the_base(base: Path) -> None:
    """A recipe has a `queries` too: how many share a document. It once hid the count."""
    card = RunCard.of(MINI, "/somewhere/all-MiniLM-L6-v2/pruned", "0" * 64, examples())
    rows = model_card(base, card, {}).splitlines()
    assert "| queries | 36 |" in rows
    assert "| queries a row | 4 |" in rows
    assert "| documents | 12 |" in rows
    assert "| base | all-MiniLM-L6-v2/pruned |" in rows
    hub = replace(card, base="Qwen/Qwen3-Embedding-0.6B")
    assert "| base | Qwen/Qwen3-Embedding-0.6B |" in model_card(base, hub, {})


# peft asks transformers for an attribute by its old name.
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")
def test_the_modern_recipe_trains_with_the_served_prompt(base: Path, tmp_path: Path) -> None:
    recipe = quick(MODERN, epochs=2, negatives=1, matryoshka=(8,), lora_rank=4)
    trained = train(examples(), base, tmp_path, preset=recipe, precision="float32")
    settings = json.loads((trained.model / "config_sentence_transformers.json").read_text())
    assert settings["prompts"]["query"] == "query: "
    assert trained.losses[-1][1] < trained.losses[0][1]
    names = [p.name for p in trained.model.iterdir()]
    assert "adapter_config.json" not in names  # merged: a plain model


def test_export_in_half_floats_computes_in_floats(base: Path, tmp_path: Path) -> None:
    model = SentenceTransformer(str(base), device="cpu")
    export(model, tmp_path / "m", max_length=48, query_prompt="q: ", precision="float16")
    loaded = SentenceTransformer(str(tmp_path / "m"), device="cpu")
    assert next(loaded.parameters()).dtype == torch.float32
    assert loaded.max_seq_length == 48
    texts = ["steel", "a much longer text about milk and wool and glass"]
    one, other = model.encode_document(texts), loaded.encode_document(texts)
    assert (one * other).sum(axis=1).min() > 0.9999
    with pytest.raises(QueryError, match="no number format 'int4'"):
        export(model, tmp_path / "n", max_length=48, query_prompt="", precision="int4")


def test_an_export_that_does_not_reload_equal_is_refused(base: Path) -> None:
    from lca_rag.training.export import _PROBES, check_reload

    wrong = np.random.default_rng(0).normal(size=(len(_PROBES), 16)).astype(np.float32)
    with pytest.raises(EncoderError, match="gives other vectors"):
        check_reload(base, wrong)


def test_a_student_learns_its_teachers_similarities(base: Path, tmp_path: Path) -> None:
    texts = [text for e in examples() for text in (e.document, *e.queries)]
    teacher = np.repeat(np.eye(12, dtype=np.float32), 4, axis=0)

    def agreement(folder: Path) -> float:
        """Share of texts whose nearest other text is the teacher's."""
        vectors = SentenceTransformer(str(folder), device="cpu").encode(texts)
        similar = vectors @ vectors.T
        np.fill_diagonal(similar, -2.0)
        nearest = similar.argmax(axis=1)
        return float(np.mean([teacher[i] @ teacher[j] for i, j in enumerate(nearest)]))

    losses: list[float] = []
    distil(
        base,
        texts,
        teacher,
        tmp_path / "out",
        epochs=30,
        batch=24,
        learning_rate=5e-3,
        progress=lambda step, steps, loss: losses.append(loss),
    )
    assert agreement(tmp_path / "out") >= agreement(base)
    assert losses[-1] < 0.5 * losses[0]
    with pytest.raises(EncoderError, match="48 texts but 3 vectors"):
        distil(base, texts, teacher[:3], tmp_path / "x")


def test_a_narrowed_teacher_is_learnt_itself(base: Path, tmp_path: Path) -> None:
    """Sixteen of 40 dimensions keep a teacher of twelve directions whole; tokens start there."""
    texts = [text for e in examples() for text in (e.document, *e.queries)]
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(40, 40)))[0].astype(np.float32)
    teacher = np.repeat(turn[:12], 4, axis=0)
    vectors, matrix = narrow(teacher, 16)
    assert np.abs(vectors @ vectors.T - teacher @ teacher.T).max() < 1e-5
    student = tmp_path / "student"
    shutil.copytree(base, student)
    told: list[str] = []

    def encode(words: list[str]) -> np.ndarray:
        told.extend(words)
        return np.random.default_rng(1).normal(size=(len(words), 40)).astype(np.float32) @ matrix

    assert seed_tokens(student, encode) == len(told)
    assert "er" in told
    assert "\ufffd" not in "".join(told)
    distil(student, texts, vectors, tmp_path / "out", epochs=40, batch=24, learning_rate=5e-3)
    model = SentenceTransformer(str(tmp_path / "out"), device="cpu")
    near = (model.encode(texts) * vectors).sum(axis=1).mean()
    far = (SentenceTransformer(str(student), device="cpu").encode(texts) * vectors).sum(1).mean()
    assert near > far + 0.3
    with pytest.raises(EncoderError, match="vectors of 40 for a student of 16"):
        seed_tokens(student, lambda words: np.ones((len(words), 40), dtype=np.float32))


def test_nothing_to_train_on_is_said(base: Path, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="nothing to train on"):
        train([], base, tmp_path)
    with pytest.raises(QueryError, match="no recipe 'best'"):
        train(examples(), base, tmp_path, preset="best")
    with pytest.raises(QueryError, match="has no 'speed'"):
        MINI.with_(speed=1)
    one_group = [replace(example, group="all") for example in examples()]
    with pytest.raises(QueryError, match="outside the group of 'steel'"):
        train(one_group, base, tmp_path, preset=quick(MODERN))
