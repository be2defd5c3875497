"""`eval` and `train` on the command line, without a model's weights."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from lca_rag import cli, demo
from lca_rag.errors import EncoderError
from lca_rag.evaluation import in_calibration_fold
from lca_rag.record import Record
from tests import server_fixtures
from tests.hash_encoder import HashEncoder

Run = Callable[..., tuple[int, str, str]]


class Dead(HashEncoder):
    """Loads, and fails with the first text, as an endpoint may."""

    def encode_documents(self, *_: object, **__: object) -> None:  # type: ignore[override]
        raise EncoderError("http://host/v1#dead cannot be reached, 5 times")


@pytest.fixture(autouse=True)
def _hash_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(spec: str | None = None, **_: object) -> HashEncoder:
        return Dead() if spec == "dead" else HashEncoder()

    monkeypatch.setattr("lca_rag.encoders.load_encoder", load)
    monkeypatch.delenv("LCA_RAG_INDEX", raising=False)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def called(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lca-rag", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        seen = capsys.readouterr()
        return int(left.value.code or 0), seen.out, seen.err

    return called


@pytest.fixture(scope="module")
def processes() -> list[Record]:
    return [record for record in server_fixtures.demo_records() if record.kind == "process"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("cli") / "demo.lca"
    return server_fixtures.build(place, server_fixtures.demo_records())


def asked(path: Path, records: list[Record]) -> Path:
    lines = [
        {"qid": f"{record.uuid}/{number}", "query": str(record.name), "uuid": record.uuid}
        for record in records
        for number in range(2)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_eval_prints_one_table_of_all_systems(
    run: Run, folder: Path, processes: list[Record], tmp_path: Path
) -> None:
    queries = asked(tmp_path / "q.jsonl", processes[:5])
    words = ("eval", queries, "--index", folder, "--model", "a", "--model", "dead")
    code, out, err = run(*words, "--both-prompts", "-o", tmp_path / "report")
    assert code == 0, err
    for system in ("BM25", "a", "a, no prompt", "hybrid(BM25 + a)", "lca-rag search"):
        assert f"| {system} |" in out
    assert "dead: not run: http://host/v1#dead cannot be reached" in err
    assert "| dead |" not in out or "not run" in out
    written = json.loads((tmp_path / "report" / "report.json").read_text())
    assert written["not_run"] == {"dead": "http://host/v1#dead cannot be reached, 5 times"}


def test_eval_refuses_queries_that_the_corpus_cannot_answer_before_it_encodes(
    run: Run, folder: Path, processes: list[Record], tmp_path: Path
) -> None:
    queries = asked(tmp_path / "q.jsonl", processes[:1])
    queries.write_text(queries.read_text().replace(processes[0].uuid, "no-such-record"))
    code, out, err = run("eval", queries, "--index", folder, "--model", "dead")
    assert (code, out) == (1, "")
    assert "1 records that queries ask for are not in the corpus, such as no-such-record" in err
    assert "dead" not in err
    (tmp_path / "empty.jsonl").touch()
    code, _, err = run("eval", tmp_path / "empty.jsonl", "--index", folder)
    assert (code, "holds no query" in err) == (1, True)


def test_train_joins_queries_with_their_records_and_leaves_the_fold_out(
    run: Run, processes: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = demo.path()
    folded = [record for record in processes if in_calibration_fold(record.uuid)]
    others = [record for record in processes if not in_calibration_fold(record.uuid)][:4]
    assert folded
    pairs = asked(tmp_path / "pairs.jsonl", [*others, folded[0]])
    seen: list[str] = []

    def noted(examples: list[SimpleNamespace], *_: object, **__: object) -> SimpleNamespace:
        seen.extend(example.id for example in examples)
        return SimpleNamespace(model=tmp_path / "model", losses=())

    monkeypatch.setattr("lca_rag.training.train", noted)
    words = ("train", pairs, "--base", "mini", "-o", tmp_path / "out")
    code, _, err = run(*words, "--corpus", corpus)
    assert code == 0, err
    assert sorted(seen) == sorted(record.uuid for record in others)
    assert "2 queries of the calibration fold are left out" in err
    code, _, err = run(*words)
    assert code == 1
    assert "give the records as a corpus" in err
