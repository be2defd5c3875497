"""`PITFALLS.md` names tests that exist, and no pitfall is without one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split(" | "))
    for line in (FOLDER / "PITFALLS.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| pitfall |")
]
_NAMED = re.compile(r"`(test_\w+)`")


def defined() -> set[str]:
    """Every test function of this folder."""
    texts = (path.read_text("utf-8") for path in FOLDER.glob("test_*.py"))
    return {name for text in texts for name in re.findall(r"^def (test_\w+)\(", text, re.MULTILINE)}


def test_every_named_test_exists() -> None:
    named = {name for row in ROWS for cell in row for name in _NAMED.findall(cell)}
    assert len(named) > 80
    assert named - defined() == set()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: re.sub(r"\W+", "-", row[0])[:40])
def test_every_pitfall_has_a_test_on_a_fixture_and_on_the_real_file(row: tuple[str, ...]) -> None:
    assert len(row) == 3
    assert _NAMED.search(row[1]), "no test on a fixture of our own"
    assert _NAMED.search(row[2]) or row[2].startswith("none at hand")
