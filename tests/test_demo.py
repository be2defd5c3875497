"""The demo database: read without a loss, varied, honest about its figures, reproducible."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from lca_rag import demo
from lca_rag.readers import Skip, read
from lca_rag.record import Record

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def records() -> list[Record]:
    skipped: list[Skip] = []
    found = list(read(demo.path(), database=demo.DATABASE, on_skip=skipped.append))
    assert skipped == []
    return found


def processes(records: list[Record]) -> list[Record]:
    return [record for record in records if record.kind == "process"]


def test_it_holds_enough_processes_and_flows(records: list[Record]) -> None:
    kinds = Counter(record.kind for record in records)
    assert kinds["process"] >= 120
    assert kinds["flow"] >= 120
    assert len({record.id for record in records}) == len(records)


def test_every_amount_has_a_unit_and_every_exchange_a_flow_of_the_package(
    records: list[Record],
) -> None:
    flows = {record.uuid for record in records if record.kind == "flow"}
    for record in processes(records):
        assert len(record.reference_exchanges) == 1, record.name
        for exchange in record.exchanges:
            assert exchange.amount is not None
            assert exchange.unit is not None
            assert exchange.flow_uuid in flows


def test_no_flow_stands_without_a_process(records: list[Record]) -> None:
    used = {exchange.flow_uuid for record in records for exchange in record.exchanges}
    assert {record.uuid for record in records if record.kind == "flow"} <= used


def test_place_and_year_tell_near_duplicates_apart(records: list[Record]) -> None:
    families = Counter(str(record.name) for record in processes(records))
    assert sum(1 for count in families.values() if count > 1) >= 30
    keys = {
        (str(record.name), record.place and record.place.code, record.period.reference_year)
        for record in processes(records)
    }
    assert len(keys) == len(processes(records))
    places = {record.place.code for record in processes(records) if record.place}
    assert {"CN", "CN-SH", "DE", "RER", "US", "FR", "GLO", "BR", "IN"} <= places


def test_every_process_says_that_it_is_illustrative_and_texts_are_its_own(
    records: list[Record],
) -> None:
    comments = [record.comment.join() or "" for record in processes(records)]
    assert all("illustrative" in comment for comment in comments)
    assert max(Counter(c for c in comments if len(c) > 40).values()) == 1
    assert sum(1 for record in records if any(t == "zh" for t, _ in record.name.base.entries)) > 100


def test_owner_licence_and_impact_results_are_there(records: list[Record]) -> None:
    assert {record.licence.owner.join() for record in records} == {"lca-rag contributors"}
    with_results = [record for record in processes(records) if record.results]
    assert len(with_results) == 3
    assert all(record.data_type == "LCI result" for record in with_results)


def test_plausible_combustion(records: list[Record]) -> None:
    """Power from coal emits more per kWh than power from gas, in every place."""

    def fossil(record: Record) -> float:
        return sum(
            e.amount or 0 for e in record.exchanges if e.flow.join() == "Carbon dioxide, fossil"
        )

    coal = [fossil(r) for r in processes(records) if "Electricity production, hard" in str(r.name)]
    gas = [
        fossil(r) for r in processes(records) if "Electricity production, natural" in str(r.name)
    ]
    assert min(coal) > 2 * max(gas) * 0.9
    assert all(0.7 < value < 1.1 for value in coal)


def test_the_generator_writes_the_same_bytes(tmp_path: Path) -> None:
    target = tmp_path / "demo.zip"
    command = [sys.executable, "-m", "benchmarks.demo_make", str(target)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    assert target.read_bytes() == demo.path().read_bytes()
    assert target.stat().st_size < 450_000
