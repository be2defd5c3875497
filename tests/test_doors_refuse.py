"""What does not exist is refused in the same sentence at every door, never taken for "nothing"."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lca_rag import cli
from lca_rag.operations import OPERATIONS
from lca_rag.server.app import create_app
from tests import server_fixtures
from tests.hash_encoder import HashEncoder
from tests.operation_requests import requests_to

Run = Callable[..., tuple[int, str]]
SENTENCE = "there is no database 'none' here; there is: demo"
WITH_DATABASE = [row for row in OPERATIONS if "database" in row.input.model_fields]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call the command as a shell does; gives exit code and stderr."""
    monkeypatch.setattr("lca_rag.encoders.load_encoder", lambda *_, **__: HashEncoder())

    def called(*words: str | Path) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["lca-rag", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        code = left.value.code
        return (code if isinstance(code, int) else 0), capsys.readouterr().err

    return called


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("refuse") / "demo.lca"
    return server_fixtures.build(place, server_fixtures.demo_records()[::3])


@pytest.fixture
def bill(tmp_path: Path) -> Path:
    path = tmp_path / "bom.csv"
    path.write_text("description,amount,unit\nsteel,1,kg\n", "utf-8")
    return path


@pytest.mark.parametrize("name", [*(row.name for row in WITH_DATABASE), "export", "map"])
def test_an_unknown_database_is_refused_at_the_command_line(
    run: Run, folder: Path, bill: Path, tmp_path: Path, name: str
) -> None:
    written = {"export": tmp_path / "out.jsonl", "map": tmp_path / "out.html"}
    subject: Any = written.get(name) or (bill if name == "match" else "steel")
    words = [] if name in ("duplicates", "clusters") else [subject]
    code, told = run(name, *words, "--index", folder, "--database", "none")
    assert (code, told.strip()) == (1, f"lca-rag: {SENTENCE}")
    assert not any(path.exists() for path in written.values())


def test_an_unknown_database_is_refused_over_http(folder: Path) -> None:
    with TestClient(create_app(server_fixtures.workspace(folder))) as client:
        for row in WITH_DATABASE:
            body = next(requests_to(row, ["steel"], [], []))
            answer = client.post(f"/api/{row.name}", json=body | {"database": ["none"]})
            assert answer.status_code == 400, row.name
            assert answer.json()["error"]["message"] == SENTENCE


def test_a_memory_that_is_not_there_is_refused(run: Run, folder: Path, bill: Path) -> None:
    missing = bill.with_name("typo.csv")
    code, told = run("match", bill, "--index", folder, "--memory", missing)
    assert code == 1
    assert f"{missing}: there is no such memory of matches" in told
    assert "description,unit,place,record" in told
    missing.write_text("description,unit,place,record\n", "utf-8")
    assert run("match", bill, "--index", folder, "--memory", missing)[0] == 0
