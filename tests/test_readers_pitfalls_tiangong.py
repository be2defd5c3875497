"""Pitfalls of TianGong's files that the tests of ILCD leave out: on fixtures, then counted."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lca_rag.readers import read
from lca_rag.record import Exchange, Record, Text
from tests.conftest import Reading
from tests.test_readers_ilcd import DATA, PROCESS

ARCHIVE = "data/tiangong-ilcd/tiangong_ilcd_shared.zip"
_PADDED = re.compile(r"0+\d*-\d\d-\d")
_BARE = re.compile(r"\d+-\d\d-\d")


@pytest.fixture(scope="module")
def processes(tiangong: Reading) -> list[Record]:
    return [record for record in tiangong.records if record.kind == "process"]


@pytest.fixture(scope="module")
def flows(tiangong: Reading) -> list[Record]:
    return [record for record in tiangong.records if record.kind == "flow"]


def single_references(records: list[Record]) -> Iterator[Exchange]:
    """The reference flow of each process that has one."""
    for record in records:
        if len(record.reference_exchanges) == 1:
            yield record.reference_exchanges[0]


def test_near_duplicates_stay_records_of_their_own(tmp_path: Path) -> None:
    text = (DATA / "processes" / "census.xml").read_text("utf-8")
    (tmp_path / "a.xml").write_text(text, encoding="utf-8")
    other = text.replace(PROCESS + "01", PROCESS + "91").replace("; CENSUS", "; 5-10 t/d; CENSUS")
    (tmp_path / "b.xml").write_text(other, encoding="utf-8")
    one, two = read(tmp_path, database="x")
    assert one.comment == two.comment
    assert one.key != two.key
    assert str(one.name) != str(two.name)


def test_processing_instruction_before_the_root() -> None:
    data = (DATA / "processes" / "census.xml").read_bytes()
    assert b"<?xml-stylesheet" in data[:120]
    (record,) = read(DATA / "processes" / "census.xml", database="x")
    assert record.uuid == PROCESS + "01"


def test_real_name_parts_all_sit_in_the_base_name(processes: list[Record]) -> None:
    parts = Counter(
        part
        for record in processes
        for part in ("treatment", "mix", "functional")
        if getattr(record.name, part)
    )
    assert parts == {}
    segments = [name for r in processes for name in r.name.base.preferred() if ";" in name]
    assert len(segments) > 2000


def test_real_near_duplicates_stay_records_of_their_own(processes: list[Record]) -> None:
    comment, count = Counter(r.comment for r in processes).most_common(1)[0]
    alike = [record for record in processes if record.comment == comment]
    assert (count, len({record.key for record in alike})) == (270, 270)
    assert len({str(record.name) for record in alike}) == 269


def test_real_references_that_lead_nowhere(processes: list[Record], flows: list[Record]) -> None:
    """4,116 in the files; four of them hold a line break and lead somewhere once it is gone."""
    known = {record.uuid for record in flows}
    targets = [x.flow_uuid or x.flow_ref for r in processes for x in r.exchanges]
    lost = Counter(target for target in targets if target and target not in known)
    assert (lost.total(), len(lost)) == (4112, 181)
    dangling = [x for r in processes for x in r.exchanges if (x.flow_uuid or x.flow_ref) in lost]
    assert all(x.unit is None and x.flow_kind is None for x in dangling)
    assert sum(bool(x.flow) for x in dangling) > 4000, "the names come from the exchanges"


def test_real_references_that_are_no_uuid(processes: list[Record]) -> None:
    pairs = {(r.uuid, x.flow_ref) for r in processes for x in r.exchanges if x.flow_ref}
    assert len(pairs) == 133, "134 in the files; the one with a line break is a UUID without it"


def test_real_reference_amounts_are_seldom_one(processes: list[Record]) -> None:
    amounts = [x.amount for x in single_references(processes) if x.amount is not None]
    assert sum(amount != 1 for amount in amounts) == 2759
    assert Counter(amounts).most_common(1)[0][0] == 1000.0


def test_real_reference_flows_that_are_inputs(processes: list[Record]) -> None:
    assert sum(x.direction == "input" for x in single_references(processes)) == 621


def test_real_cas_numbers_padded_or_prose(flows: list[Record]) -> None:
    numbers = [r.flow.cas for r in flows if r.flow is not None and r.flow.cas]
    assert sum(_PADDED.fullmatch(number) is not None for number in numbers) == 41
    assert sum(_BARE.fullmatch(number) is None for number in numbers) == 79


def test_real_synonyms_keep_class_words_and_wide_semicolons(flows: list[Record]) -> None:
    synonyms = [text for r in flows for text in r.synonyms.all()]
    assert sum(text.startswith("organic;") for text in synonyms) == 564
    assert sum("；" in text for text in synonyms) == 32


def test_real_flow_property_with_a_prefix_gives_its_unit(flows: list[Record]) -> None:
    """f6811440 alone writes `fp:flowPropertyDataSet`, so a reader of plain names loses its unit."""
    found = [
        item
        for record in flows
        if record.flow is not None
        for item in record.flow.properties
        if item.uuid == "f6811440-ee37-11de-8a39-0800200c9a66"
    ]
    assert len(found) == 19
    assert {(item.name, item.unit) for item in found} == {(Text.of("Energy"), "MJ")}


def test_real_processing_instructions_are_read_over(shared: Path, tiangong: Reading) -> None:
    with zipfile.ZipFile(shared / ARCHIVE) as archive:
        names = [name for name in archive.namelist() if "/processes/" in name]
        told = sum(b"<?xml-stylesheet" in archive.open(name).read(300) for name in names)
    assert (told, tiangong.report.read["ilcd/process"]) == (3295, 3295)
