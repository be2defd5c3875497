"""ILCD as other tools write it: letters of UUIDs, references by URI, prefixes, missing parts."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lca_rag.readers import ReadReport, Skip, read
from lca_rag.readers.ilcd_flow import REFERENCE_UNIT
from lca_rag.readers.ilcd_quantities import REFERENCE_UNITS
from lca_rag.record import Record
from tests.conftest import Reading
from tests.test_readers_ilcd import DATA, PROCESS, STEEL

CENSUS = PROCESS + "01"
MASS = "10000000-0000-4000-8000-000000000001"
Change = Callable[[str], str]


def read_all(path: Path) -> tuple[dict[str, Record], list[Skip], ReadReport]:
    skipped: list[Skip] = []
    report = ReadReport()
    records = list(read(path, database="own", on_skip=skipped.append, report=report))
    return {record.id: record for record in records}, skipped, report


@pytest.fixture(scope="module")
def plain() -> dict[str, Record]:
    """The records of the small package as it is."""
    return read_all(DATA)[0]


def changed(folder: Path, change: Change, *parts: str) -> Path:
    """A copy of the small package, or of some of its folders, with each file changed."""
    target = folder / "ILCD"
    for path in sorted(DATA.rglob("*.xml")):
        if not parts or path.parent.name in parts:
            copy = target / path.relative_to(DATA)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(change(path.read_text("utf-8")), encoding="utf-8")
    return target


def same(found: dict[str, Record], expected: dict[str, Record]) -> None:
    """The same records, wherever they were read."""
    assert found.keys() == expected.keys()
    for key, record in found.items():
        assert replace(record, provenance=None) == replace(expected[key], provenance=None), key


def test_uuids_in_capitals_are_the_same_uuids(tmp_path: Path, plain: dict[str, Record]) -> None:
    """As a data set writes its own UUID, or as others point to it; each may differ."""
    own = re.compile(r"(?<=<common:UUID>)[^<]+")
    pointer = re.compile(r'(?<=refObjectId=")[^"]{36}(?=")')

    def lettered(text: str) -> str:
        return text.replace("-4000-8000-", "-4abc-8def-")

    small = changed(tmp_path / "small", lettered)
    for number, pattern in enumerate((own, pointer)):

        def capitals(text: str, pattern: re.Pattern[str] = pattern) -> str:
            return pattern.sub(lambda found: found[0].upper(), lettered(text))

        same(read_all(changed(tmp_path / str(number), capitals))[0], read_all(small)[0])
    assert len(plain) == len(read_all(small)[0])


def test_references_by_uri_alone(tmp_path: Path, plain: dict[str, Record]) -> None:
    def without_ids(text: str) -> str:
        return re.sub(
            r'refObjectId="([0-9a-f-]{36})" uri="[^"]*"', r'uri="../any/\1_01.00.000.xml"', text
        )

    found, skipped, _ = read_all(changed(tmp_path, without_ids))
    assert skipped == []
    same(found, plain)


def test_every_element_with_a_prefix(tmp_path: Path, plain: dict[str, Record]) -> None:
    def prefixed(text: str) -> str:
        if "fp:flowPropertyDataSet" in text:
            return text
        text = re.sub(r'xmlns="', 'xmlns:x="', text)
        return re.sub(r"<(/?)(?![\w.-]+:)([A-Za-z])", r"<\1x:\2", text)

    found, skipped, _ = read_all(changed(tmp_path, prefixed))
    assert skipped == []
    same(found, plain)


def test_flow_files_are_missing(tmp_path: Path, plain: dict[str, Record]) -> None:
    found, skipped, _ = read_all(changed(tmp_path, str, "processes"))
    assert skipped == []
    (census,) = [record for record in found.values() if record.uuid == CENSUS]
    (whole,) = [record for record in plain.values() if record.uuid == CENSUS]
    assert [x.flow for x in census.exchanges] == [x.flow for x in whole.exchanges]
    assert [x.amount for x in census.exchanges] == [x.amount for x in whole.exchanges]
    assert {x.unit for x in census.exchanges} == {None}, "nothing tells the unit"


def test_flow_properties_of_the_reference_package_are_missing(
    tmp_path: Path, plain: dict[str, Record]
) -> None:
    """Many packages point to ILCD's own flow properties and do not bring them."""

    def standard(text: str) -> str:
        return text.replace(MASS, "93A60A56-a3c8-11da-a746-0800200b9a66")

    found, skipped, report = read_all(changed(tmp_path, standard, "flows", "processes"))
    assert skipped == []
    (census,) = [record for record in found.values() if record.uuid == CENSUS]
    (whole,) = [record for record in plain.values() if record.uuid == CENSUS]
    assert [x.unit for x in census.exchanges] == [x.unit for x in whole.exchanges]
    assert report.repaired[REFERENCE_UNIT] == 3, "flows that are measured by mass"


def test_real_flow_properties_of_the_reference_package_agree(tiangong: Reading) -> None:
    """What the package of TianGong itself says of the flow properties that we know by heart."""
    told = {
        (item.uuid, item.unit)
        for record in tiangong.records
        if record.flow is not None
        for item in record.flow.properties
        if item.uuid in REFERENCE_UNITS
    }
    assert told == set(REFERENCE_UNITS.items())
    assert REFERENCE_UNIT not in tiangong.report.repaired


@pytest.mark.parametrize("version", ["1.0", "1.0.1", "1.1"])
def test_versions_of_the_format(tmp_path: Path, version: str, plain: dict[str, Record]) -> None:
    found, skipped, _ = read_all(
        changed(tmp_path, lambda text: text.replace('version="1.1"', f'version="{version}"'))
    )
    assert skipped == []
    same(found, plain)


def test_package_with_pictures_manifests_and_schemas(tmp_path: Path) -> None:
    """The layout of soda4LCA and of the ILCD editor: everything below `ILCD`, and more."""
    target = changed(tmp_path, str)
    (target / "external_docs").mkdir()
    (target / "external_docs" / "report.pdf").write_bytes(b"%PDF-1.4")
    (target / "META-INF").mkdir()
    (target / "META-INF" / "MANIFEST.MF").write_text("Manifest-Version: 1.0\n")
    (target / "ILCDLCIAMethodologies.xml").write_text(
        '<ILCDLCIAMethodologies xmlns="http://lca.jrc.it/ILCD/LCIAMethodologies"/>'
    )
    (target / "schemas").mkdir()
    (target / "schemas" / "ILCD_ProcessDataSet.xsd").write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>'
    )
    archive = Path(shutil.make_archive(str(tmp_path / "stock"), "zip", tmp_path, "ILCD"))
    found, skipped, report = read_all(archive)
    assert skipped == []
    assert len(found) == len(read_all(DATA)[0])
    assert report.ignored["ILCDLCIAMethodologies"] == 1


def test_root_after_a_long_comment(tmp_path: Path, plain: dict[str, Record]) -> None:
    """A licence of several pages may stand before the root element."""
    licence = f"<!-- {'Terms of use. ' * 600} -->"
    target = changed(tmp_path, lambda text: text.replace("?>\n", f"?>\n{licence}\n", 1))
    found, skipped, _ = read_all(target)
    assert skipped == []
    assert found.keys() == plain.keys()
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in target.rglob("*.xml"):
            file.write(path, path.relative_to(target))
    same(read_all(archive)[0], plain)
    assert plain[f"own/{STEEL}@01.00.000"].flow
