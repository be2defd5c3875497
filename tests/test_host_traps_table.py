"""The table of traps: numbered without a gap, every subject in it, every test there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SECTIONS = {"1.1", "1.2", "1.3", "1.5", "2.1", "2.2", "2.4", "2.5"}


def rows() -> list[list[str]]:
    text = (ROOT / "integrations" / "TRAPS.md").read_text("utf-8")
    lines = [line for line in text.splitlines() if re.match(r"\| \d\d \|", line)]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_traps_are_numbered_without_a_gap_and_cover_every_section() -> None:
    assert [int(row[0]) for row in rows()] == list(range(1, len(rows()) + 1))
    assert {section for row in rows() for section in row[1].split(", ")} == SECTIONS


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_each_trap_names_tests_that_are_there(row: list[str]) -> None:
    named = re.findall(r"`(\w+\.py)::(\w+)`", row[4])
    assert named
    assert re.sub(r"`[^`]*`", "", row[4]).strip(" ,") == ""
    for file, name in named:
        tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        assert name in [part.name for part in tree.body if isinstance(part, functions)]


def test_each_numbered_test_stands_in_the_row_of_its_number() -> None:
    cells = {row[0]: row[4] for row in rows()}
    for path in sorted((ROOT / "tests").glob("test_host_traps*.py")):
        for name, number in re.findall(r"def (test_trap_(\d\d)_\w+)", path.read_text("utf-8")):
            assert f"`{path.name}::{name}`" in cells[number]
