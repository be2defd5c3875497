"""Broken input of every format: no crash, no hang, and every rejection a sentence with a place.

The long run with its counts is `python -m benchmarks.readers_fuzz`.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mutations import mutate, seeds, survive

SEEDS = seeds()
QUICK = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_unbroken_seeds_are_read(tmp_path: Path) -> None:
    for number, (suffix, data) in enumerate(SEEDS):
        path = tmp_path / f"seed-{number}{suffix}"
        path.write_bytes(data)
        _, rejected = survive(path)
        assert rejected == 0 or b"<c/>" in data or suffix == ".zip", path


@QUICK
@given(seed=st.sampled_from(range(len(SEEDS))), number=st.integers(0, 2**32))
def test_mutated_files(tmp_path: Path, seed: int, number: int) -> None:
    suffix, data = SEEDS[seed]
    path = tmp_path / f"mutated{suffix}"
    path.write_bytes(mutate(data, random.Random(number)))
    start = time.process_time()
    survive(path)
    assert time.process_time() - start < 5


@QUICK
@given(data=st.binary(max_size=400), suffix=st.sampled_from((".xml", ".json", ".csv", ".zip")))
def test_random_bytes(tmp_path: Path, data: bytes, suffix: str) -> None:
    path = tmp_path / f"random{suffix}"
    path.write_bytes(data)
    assert survive(path)[0] == 0


NAMES = (
    *("processInformation", "dataSetInformation", "common:UUID", "name", "baseName", "#text"),
    *("@xml:lang", "exchanges", "exchange", "meanAmount", "flowProperties", "technology"),
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=15,
)


@settings(QUICK, max_examples=60)
@given(
    value=ANY_JSON,
    root=st.sampled_from(("processDataSet", "flowDataSet", "lifeCycleModelDataSet")),
    part=st.sampled_from(("processInformation", "flowInformation", "exchanges", "x")),
)
def test_any_json_under_a_known_root(tmp_path: Path, value: object, root: str, part: str) -> None:
    path = tmp_path / "any.json"
    path.write_bytes(orjson.dumps({root: {"a": {}, part: value}}))
    survive(path)
