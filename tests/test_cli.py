"""The command line: one JSON object on stdout, sentences on stderr, exit codes that tell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from typer.main import get_command

from lca_rag import cli, demo
from lca_rag.commands import console
from lca_rag.operations.words import Line
from tests import server_fixtures
from tests.hash_encoder import HashEncoder

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _hash_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model is the one that needs no weights."""
    monkeypatch.setattr("lca_rag.encoders.load_encoder", lambda *_, **__: HashEncoder())
    monkeypatch.delenv("LCA_RAG_INDEX", raising=False)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call the command as a shell does; gives exit code, stdout and stderr."""

    def called(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lca-rag", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        seen = capsys.readouterr()
        code = left.value.code
        return (code if isinstance(code, int) else 0), seen.out, seen.err

    return called


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("cli") / "demo.lca"
    return server_fixtures.build(place, server_fixtures.demo_records())


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip with some records of the demo database, and a file that is none."""
    path = tmp_path_factory.mktemp("cli-source") / "some.zip"
    with zipfile.ZipFile(demo.path()) as whole, zipfile.ZipFile(path, "w") as some:
        names = [name for name in whole.namelist() if "/processes/" in f"/{name}"]
        for name in [*names[:6], *names[-6:]]:
            some.writestr(name, whole.read(name))
        some.writestr("broken.json", "{")
    return path


def test_index_reports_and_says_that_something_was_skipped(
    run: Run, source: Path, tmp_path: Path
) -> None:
    words = ("index", source, "--index", tmp_path / "x.lca", "--database", "some", "--json")
    code, out, _ = run(*words)
    told: dict[str, Any] = json.loads(out)
    assert code == 3
    assert set(told) == {
        *("read", "added", "updated", "unchanged", "removed", "duplicates", "embedded"),
        *("skipped", "notes", "seconds"),
    }
    assert told["read"] == told["added"] > 0
    assert [set(skip) for skip in told["skipped"]] == [{"path", "record", "reason"}]
    assert "broken.json" in told["skipped"][0]["path"]
    code, out, _ = run(*words)
    again = json.loads(out)
    assert code == 3
    assert (again["added"], again["updated"]) == (0, 0)
    assert again["unchanged"] == told["read"]


def test_index_for_people(run: Run, source: Path, tmp_path: Path) -> None:
    code, out, err = run("index", source, "--index", tmp_path / "x.lca", "--report")
    assert code == 3
    assert out == ""
    assert "added" in err
    assert "broken.json" in err
    assert "unmapped:" in err
    assert "ignored:" in err


def test_index_needs_a_place(run: Run, source: Path) -> None:
    code, out, err = run("index", source)
    assert (code, out) == (2, "")
    assert "--index" in err


def test_index_of_a_table_by_its_column_mapping(run: Run, tmp_path: Path) -> None:
    table, mapping = tmp_path / "x.csv", tmp_path / "columns.toml"
    table.write_text("Produkt;Wert;Einheit\nZement;0,8;kg CO2e/kg\n")
    words = ("index", table, "--index", tmp_path / "x.lca", "--columns", mapping, "--json")
    mapping.write_text('activity = "Produkt"\nunit = "Einheit"\namounts = "Wert"\n')
    code, out, _ = run(*words)
    assert (code, json.loads(out)["added"]) == (0, 1)
    mapping.write_text('activity = "Produkt"\nunit = "Bezug"\namounts = "Wert"\n')
    code, out, _ = run(*words)
    (skip,) = json.loads(out)["skipped"]
    assert code == 3
    assert skip["reason"] == (
        "the column mapping names 'Bezug', which no header has; its columns are "
        "'Produkt', 'Wert', 'Einheit'"
    )
    mapping.write_text("units = 1")
    code, out, err = run(*words)
    assert (code, out) == (1, "")
    assert "'units' is no field of it" in err


def test_index_of_a_missing_file(run: Run, tmp_path: Path) -> None:
    code, out, err = run("index", tmp_path / "none.zip", "--index", tmp_path / "x.lca")
    assert (code, out) == (1, "")
    assert "no such file" in err
    assert "Traceback" not in err


def test_search_prints_one_object(run: Run, folder: Path) -> None:
    code, out, err = run(
        *("search", "electricity", "--index", folder, "--place", "DE", "-k", "3", "--json")
    )
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    told = json.loads(out)
    assert told["query"] == "electricity"
    assert len(told["hits"]) == 3
    assert {*told["hits"][0]} == {
        *("id", "uuid", "version", "database", "kind", "name", "place", "score", "reasons"),
        "variants",
    }


def test_search_for_people(run: Run, folder: Path) -> None:
    code, out, _ = run("search", "electricity", "--index", folder, "-k", "2")
    assert code == 0
    assert out.splitlines()[0].startswith("1. [")
    assert "demo/" in out


def test_the_index_may_come_from_the_environment(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LCA_RAG_INDEX", str(folder))
    code, out, _ = run("info", "--json")
    assert code == 0
    assert json.loads(out)["databases"][0]["database"] == "demo"


@pytest.mark.parametrize(
    "words",
    [
        ("search",),
        ("search", "x"),
        ("search", "x", "--index", "y", "-k", "0"),
        ("search", "x", "--index", "y", "--kind", "planet"),
        ("search", "x", "--index", "y", "--year", "twelve"),
        ("nonsense",),
        ("serve", "--index", "y", "--port", "99999999"),
    ],
)
def test_wrong_usage_is_two(run: Run, words: tuple[str, ...]) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("search", "x", "--index", "missing.lca"), "no index is here"),
        (("serve", "--index", "missing.lca"), "no index is here"),
        (("mcp", "--index", "missing.lca"), "no index is here"),
        (("repair", "missing.lca"), ""),
        (("serve", "--index", "missing.lca", "--host", "0.0.0.0"), "--keys"),
    ],
)
def test_failure_is_one_and_a_sentence(
    run: Run, words: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*words)
    assert code == (1 if sentence else 2)
    assert out == ""
    assert sentence in err
    assert "Traceback" not in err


def test_a_fault_of_ours_is_a_sentence_too(run: Run, folder: Path) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lca_rag.operations.runs.search", broken)
        patch.setattr("lca_rag.retriever.Retriever.search", broken)
        code, out, err = run("search", "x", "--index", folder)
    assert (code, out) == (1, "")
    assert "unexpected ZeroDivisionError: oops" in err
    assert "Traceback" not in err


def test_show_and_similar(run: Run, folder: Path) -> None:
    record = server_fixtures.demo_records()[2]
    code, out, _ = run("show", record.id, "--index", folder)
    assert code == 0
    assert record.id in out
    code, out, _ = run("similar", record.id, "--index", folder, "-k", "2", "--json")
    assert code == 0
    assert len(json.loads(out)["hits"]) == 2
    code, _, err = run("show", "demo/none", "--index", folder)
    assert code == 1
    assert "no record 'demo/none'" in err


def test_repair_says_what_it_did(run: Run, source: Path, tmp_path: Path) -> None:
    place = tmp_path / "x.lca"
    run("index", source, "--index", place)
    code, out, _ = run("repair", "--index", place, "--json")
    assert code == 0
    assert json.loads(out)["generation"] >= 1


def test_the_map_is_written(run: Run, folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "map.html"
    code, out, _ = run(
        "map", page, "--index", folder, "--kind", "process", "--clusters", 2, "--json"
    )
    told = json.loads(out)
    processes = [item for item in server_fixtures.demo_records() if item.kind == "process"]
    assert code == 0
    assert told == {"written": str(page), "points": len(processes), "clusters": 2}
    assert processes[0].uuid in page.read_text("utf-8")
    code, out, err = run("map", tmp_path / "map.png", "--index", folder)
    assert (code, out) == (1, "")
    assert ".html or .parquet" in err


def test_match_reads_a_bill_and_writes_a_workbook(run: Run, folder: Path, tmp_path: Path) -> None:
    bill = tmp_path / "bill.csv"
    bill.write_text("pos;Bezeichnung;Menge;Einheit\n7;Electricity mix;2;MWh\n8;CEO salary;1;lot\n")
    target = tmp_path / "out.xlsx"
    code, out, _ = run("match", bill, "--index", folder, "-o", target, "--json")
    told = json.loads(out)["lines"]
    assert code == 0
    assert [line["line"] for line in told] == ["7", "8"]
    assert set(told[0]["matches"][0]) >= {"id", "uuid", "name", "confidence", "unit_factor"}
    assert load_workbook(target).sheetnames == ["matches", "gaps", "sources"]
    code, _, _ = run("match", bill, "--index", folder, "-o", tmp_path / "out.json")
    assert code == 0
    assert json.loads((tmp_path / "out.json").read_text("utf-8"))["lines"] == told
    code, _, err = run("match", bill, "--index", folder, "-o", tmp_path / "out.pdf")
    assert code == 1
    assert ".xlsx or .json" in err


def test_a_key_is_made(run: Run) -> None:
    code, out, _ = run("key", "team", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["key"] not in told["entry"]
    wanted = ("--role", "admin", "--database", "demo", "--database", 'a"b')
    code, out, _ = run("key", "--name", "team", *wanted, "--json")
    entry = json.loads(out)["entry"]
    assert code == 0
    assert 'role = "admin"' in entry
    assert tomllib.loads(entry)["keys"][0]["databases"] == ["demo", 'a"b']


@pytest.mark.parametrize("words", [(), ("me", "--name", "you"), ("me", "--role", "root")])
def test_a_key_that_is_not_clear_is_not_made(run: Run, words: tuple[str, ...]) -> None:
    code, out, _ = run("key", *words)
    assert code != 0
    assert out == ""


def test_control_characters_of_records_never_reach_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console.out().print(console.words("a\x1b[31mb\x07[bold]c\u202e"))
    assert capsys.readouterr().out == "a\ufffd[31mb\ufffd[bold]c\ufffd\n"


def test_progress_is_silent_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with console.progress() as tell:
        tell("read", 10)
    assert capsys.readouterr() == ("", "")


def test_lines_are_plain_values() -> None:
    assert Line("x") == Line("x", "plain")


def test_every_command_and_option_is_explained() -> None:
    group = get_command(cli.app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        assert command.help, name
        for parameter in command.params:
            assert parameter.help, f"{name} {parameter.name}"


@pytest.mark.parametrize("command", [(), ("index",), ("search",), ("train",)])
def test_switches_show_no_type_of_a_value(run: Run, command: tuple[str, ...]) -> None:
    code, out, _ = run(*command, "--help")
    assert code == 0
    assert "--help" in out
    assert "<bool>" not in out


def test_the_version_is_printed(run: Run) -> None:
    code, out, _ = run("--version")
    assert (code, out) == (0, "lca-rag 0.1.0\n")


def test_help_loads_nothing_heavy() -> None:
    """In a process of its own: neither torch nor chromadb nor a web framework."""
    script = (
        "import sys; sys.argv = ['lca-rag', '--help']\n"
        "from lca_rag.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([n for n in ('torch', 'chromadb', 'fastapi', 'sentence_transformers', 'numpy')"
        " if n in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.stderr.strip() == "[]"
    assert "\x1b" not in done.stdout


def test_a_server_without_its_extra_names_it(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    code, _, err = run("serve", "--index", folder)
    assert code == 1
    assert "lca-rag[server]" in err
    assert "unexpected" not in err
