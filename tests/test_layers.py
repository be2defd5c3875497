"""Imports go down only, hosts stay outside, and importing the package loads nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import lca_rag

ROOT = Path(lca_rag.__file__).parent
FLOORS: dict[str, int] = {
    name: floor
    for floor, names in enumerate(
        (
            "errors record record_json places units identifiers",
            "readers render export demo",
            "encoders models",
            "index",
            "filters signals ranking namesakes reasons pedigree telling scope retriever rerank "
            "question",
            "answer matching flows duplicates atlas rewriting evaluation training scale",
            "operations commands cli server",
        )
    )
    for name in names.split()
}


def room(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def imported(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.append(node.module)
            names.extend(f"{node.module}.{alias.name}" for alias in node.names)
    return names


FILES = sorted(
    path for path in ROOT.rglob("*.py") if path.parent != ROOT or path.stem != "__init__"
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_only(path: Path) -> None:
    own = FLOORS[room(path)]
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "lca_rag" and len(parts) > 1 and parts[1] in FLOORS:
            assert FLOORS[parts[1]] <= own, f"{path.name} imports {name} from a higher floor"
        assert parts[0] not in {"langchain", "langchain_core", "llama_index"}


def test_a_planted_offender_is_caught(tmp_path: Path) -> None:
    offender = tmp_path / "record.py"
    offender.write_text("from lca_rag.server import app\n", "utf-8")
    assert any(FLOORS[name.split(".")[1]] > FLOORS["record"] for name in imported(offender))


def test_every_file_has_a_floor() -> None:
    assert {room(path) for path in FILES} <= set(FLOORS)


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, lca_rag\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'chromadb', 'fastapi', 'lxml',"
        " 'pint', 'pydantic'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "assert set(lca_rag.__all__) <= set(dir(lca_rag))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names() -> None:
    assert sorted(lca_rag.__all__) == lca_rag.__all__
    for name in lca_rag.__all__:
        assert getattr(lca_rag, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        lca_rag.nothing  # noqa: B018
