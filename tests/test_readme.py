"""The README is run: its Python block, its commands, and its two commands as CI reads them."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from lca_rag.cli import app

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = (
    "README.md",
    *(f"integrations/{name}-lca/README.md" for name in ("langchain", "llama-index")),
)


def blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", PAGES)
def test_the_python_block_prints_what_the_readme_shows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / name).read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("python", page)[0], name, "exec"), {})
    assert capsys.readouterr().out.strip() == blocks("text", page)[0].strip()


def documented() -> list[list[str]]:
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("lca-rag ")]


@pytest.mark.parametrize("command", documented(), ids=" ".join)
def test_every_command_shown_exists_with_its_options(command: list[str]) -> None:
    known = get_command(app)
    assert isinstance(known, typer.core.TyperGroup)
    found = known.commands[command[1]]
    options = {name for parameter in found.params for name in parameter.opts}
    assert {word for word in command if re.match(r"--?[a-z]", word)} <= options


def test_every_command_is_shown() -> None:
    known = get_command(app)
    assert isinstance(known, typer.core.TyperGroup)
    shown = {command[1] for command in documented()} | {"demo"}
    missing = [name for name in known.commands if name not in shown and f"`{name}`" not in README]
    missing = [name for name in missing if f"lca-rag {name}" not in README]
    assert missing == []


def test_ci_runs_the_two_commands_as_they_stand() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "block 1" in script
    assert "block 2" in script
    assert len(blocks("sh")) == 2
    assert blocks("sh")[0].strip().endswith("lca-rag demo")
    assert "pytest" in blocks("sh")[1]
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True)


@pytest.mark.parametrize("name", [*PAGES, "integrations/TRAPS.md"])
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target
