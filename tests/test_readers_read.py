"""`read`: any source, mixed or broken, in bounded memory, with nothing lost in silence."""

from __future__ import annotations

import gzip
import logging
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lca_rag.errors import ReadError
from lca_rag.readers import READERS, ReadReport, Skip, read

DATA = Path(__file__).parent / "data"
PROCESS = DATA / "ilcd" / "processes" / "census.xml"


def attempt(path: Path, database: str | None = None) -> tuple[list[str], list[Skip], ReadReport]:
    """Ids, skips and report of reading a path."""
    skipped: list[Skip] = []
    report = ReadReport()
    found = read(path, on_skip=skipped.append, report=report, database=database)
    return [record.id for record in found], skipped, report


def test_the_database_is_named_after_the_file_unless_told(tmp_path: Path) -> None:
    path = shutil.copy(PROCESS, tmp_path / "US LCI (2024).xml")
    assert next(read(path)).database == "us-lci-2024"
    assert next(read(path, database="USLCI-2024q2")).database == "uslci-2024q2"


def test_a_missing_path_and_a_nameless_database_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no such file or folder"):
        read(tmp_path / "nothing")
    with pytest.raises(ValueError, match="holds no letter or digit"):
        read(PROCESS, database="钢")


def test_mixed_formats_and_nested_archives(tmp_path: Path) -> None:
    inner = tmp_path / "inner.zip"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.write(DATA / "tidas" / "shapes.json", "odd name without suffix")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(PROCESS, "also.txt")
        archive.write(inner, "inner.zip")
    ids, skipped, report = attempt(tmp_path / "outer.zip", database="x")
    assert len(ids) == 2
    assert dict(report.read) == {"ilcd/process": 1, "tidas/process": 1}
    assert skipped == []


def test_what_looks_like_data_and_is_none_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<?xml version='1.0'?><unknown/>")
    (tmp_path / "b.json").write_text('{"unknown": 1}')
    (tmp_path / "c.csv").write_bytes(b"")
    (tmp_path / "d.tar.gz").write_bytes(gzip.compress(b"backup"))
    ids, skipped, _ = attempt(tmp_path)
    assert ids == []
    assert [Path(skip.path.replace("!", "/")).name for skip in skipped] == [
        "a.xml",
        "b.json",
        "c.csv",
        "d.tar.gz",
    ]
    assert all("not recognised" in skip.reason for skip in skipped[:2])
    assert "empty" in skipped[2].reason
    assert "unpack it first" in skipped[3].reason


def test_what_is_known_to_be_no_data_is_counted(tmp_path: Path) -> None:
    for name, text in {
        "schemas/ILCD.xsd": "<xs:schema/>",
        "stylesheets/x.xsl": "<xsl:stylesheet/>",
        "schema.xml": '<xs:schema xmlns:xs="x"/>',
        "ILCDClassification.xml": "<CategorySystem/>",
        "ILCDLocations.xml": "<ILCDLocations/>",
        "external_docs/report.pdf": "%PDF",
        "picture.png": "png",
        "readme.md": "# read me",
        "layout.json": "{}",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    ids, skipped, report = attempt(tmp_path)
    assert ids == []
    assert skipped == []
    assert report.ignored == {
        "schema": 2,
        "stylesheet": 1,
        "CategorySystem": 1,
        "ILCDLocations": 1,
        ".pdf": 1,
        ".png": 1,
        ".md": 1,
        ".json": 1,
    }


def test_without_a_listener_skips_are_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.xml").write_text("<unknown/>")
    with caplog.at_level(logging.WARNING, logger="lca_rag"):
        assert list(read(tmp_path)) == []
    assert "a.xml" in caplog.text


def test_order_is_stable_and_the_same_for_folder_and_zip(tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "ilcd"), "zip", DATA / "ilcd")
    first = [record.id for record in read(DATA / "ilcd", database="x")]
    assert [record.id for record in read(archive, database="x")] == first
    assert first.index("x/50000000-0000-4000-8000-000000000001@01.00.000") < first.index(
        "x/60000000-0000-4000-8000-000000000001@00.01.005"
    )


def test_the_readers_have_different_names() -> None:
    assert len({reader.format for reader in READERS}) == len(READERS)


# --- hostile and damaged XML ---------------------------------------------------------------

SOURCE = PROCESS.read_text(encoding="utf-8")
HEAD, BODY = SOURCE.split("?>", 1)
BOMB = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (f'{HEAD}?><!DOCTYPE x [<!ENTITY a0 "lol">{BOMB}]>{BODY}', "declares XML entities"),
        (
            f'{HEAD}?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>{BODY}',
            "declares XML entities",
        ),
        (SOURCE[:-40], "the XML is malformed"),
        (SOURCE.replace("Steel", "Ste\x00el", 1), "the XML is malformed"),
        (SOURCE.replace("<name>", "<name>" + "<a>" * 10_000, 1), "the XML is malformed"),
        (SOURCE.replace("<name>", "<name>&undeclared;", 1), "the XML is malformed"),
        (SOURCE.replace("60000000-0000-4000-8000-000000000001", "", 1), "has no UUID"),
    ],
    ids=["bomb", "external entity", "truncated", "NUL", "deep", "undeclared", "no UUID"],
)
def test_a_data_set_that_cannot_be_read_is_told(tmp_path: Path, data: str, words: str) -> None:
    path = tmp_path / "60000000-0000-4000-8000-000000000001_00.01.005.xml"
    path.write_text(data, encoding="utf-8")
    ids, skipped, _ = attempt(path)
    assert ids == []
    (skip,) = skipped
    assert words in skip.reason
    assert skip.path == str(path)
    assert skip.record == "60000000-0000-4000-8000-000000000001"


def test_bytes_in_another_encoding_than_declared_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_bytes(SOURCE.replace("Rolling，", "Rolling é").encode("latin-1", errors="ignore"))
    ids, skipped, _ = attempt(path)
    assert ids == []
    assert "malformed" in skipped[0].reason


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "gb18030"])
def test_declared_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "x.xml"
    declared = {"utf-8-sig": "UTF-8"}.get(encoding, encoding)
    path.write_bytes(SOURCE.replace("UTF-8", declared, 1).encode(encoding))
    assert next(read(path, database="x")) == next(read(PROCESS, database="x"))


def test_one_bad_file_spares_the_rest(tmp_path: Path) -> None:
    shutil.copytree(DATA / "ilcd", tmp_path / "ilcd")
    broken = tmp_path / "ilcd" / "processes" / "census.xml"
    broken.write_text(SOURCE[:-40], encoding="utf-8")
    ids, skipped, _ = attempt(tmp_path / "ilcd")
    assert len(ids) == 15
    assert len(skipped) == 1


# --- memory --------------------------------------------------------------------------------

# `ru_maxrss` of a child starts at its parent's, so pytest's own size would be measured.
MEASURE = """
import sys
from pathlib import Path
from lca_rag.readers import read
count = sum(1 for _ in read(sys.argv[1]))
status = Path("/proc/self/status").read_text()
print(count, next(line.split()[1] for line in status.splitlines() if "VmHWM" in line))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_a_tree_of_96_megabytes_needs_less_than_300_megabytes(shared: Path) -> None:
    path = shared / "data" / "tiangong-ilcd" / "tiangong_ilcd_shared.zip"
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True
    )
    count, kilobytes = map(int, done.stdout.split())
    assert count == 7493
    assert kilobytes < 300_000
