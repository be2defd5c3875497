"""Files, folders and archives as members; bombs, traps and damage are refused in a sentence."""

from __future__ import annotations

import io
import json
import random
import struct
import tracemalloc
import zipfile
from pathlib import Path

import py7zr
import pytest

from lca_rag.errors import MissingExtra, ReadError
from lca_rag.readers import ReadReport, Skip, files, read
from lca_rag.readers.archives import Limits, ZipSource, open_zip
from lca_rag.readers.files import HEAD, open_package

MEMBERS = {"a.xml": b"<a/>", "sub/b.xml": b"<b/>" * 4000}


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.fixture(params=["folder", "zip", "7z"])
def package(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The same members in each kind of package."""
    for name, data in MEMBERS.items():
        write(tmp_path / "folder" / name, data)
    write(tmp_path / "package.zip", zipped(MEMBERS))
    with py7zr.SevenZipFile(tmp_path / "package.7z", "w") as archive:
        archive.writeall(tmp_path / "folder", "")
    return {
        "folder": tmp_path / "folder",
        "zip": tmp_path / "package.zip",
        "7z": tmp_path / "package.7z",
    }[str(request.param)]


def test_every_kind_of_package_offers_its_members(package: Path) -> None:
    with open_package(package) as opened:
        assert opened.label == str(package)
        assert opened.names() == ["a.xml", "sub/b.xml"]
        assert {name: opened.read(name) for name in opened.names()} == MEMBERS
        assert opened.head("sub/b.xml") == MEMBERS["sub/b.xml"][:HEAD]
        assert opened.faults == []


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_members_of_any_size_are_the_same_by_offset_and_by_stream(
    tmp_path: Path, method: int
) -> None:
    noise = random.Random(5).randbytes
    members = {
        f"Gr\u00f6\u00dfe {size}.bin": noise(size)
        for size in (0, 1, HEAD - 1, HEAD, HEAD + 1, 70_000, 3 << 20)
    }
    path = write(tmp_path / "a.zip", b"in front of it" + zipped(members, method))
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        source = open_zip(file, "a.zip", path.stat().st_size)
        for info in archive.infolist():
            whole = members[info.filename]
            for size in (1, HEAD, len(whole) + 1):
                quick = source.quick(info.filename, size)
                known = method != zipfile.ZIP_BZIP2 and min(size, len(whole)) <= 70_000
                assert quick == (whole[:size] if known else None)
    with open_package(write(tmp_path / "b.zip", zipped(members, method))) as opened:
        assert {name: opened.head(name) for name in members} == {
            name: data[:HEAD] for name, data in members.items()
        }
        assert {name: opened.read(name) for name in members} == members
        assert {name: opened.read(name) for name in members} == members


def test_small_members_are_kept_from_recognition_to_reading_within_a_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {f"{index:03}.json": b"%03d" % index * 300 for index in range(40)}
    monkeypatch.setattr(files, "_KEPT_BYTES", 9_000)
    opens: list[str] = []
    quick = ZipSource.quick

    def counted(self: ZipSource, name: str, size: int) -> bytes | None:
        opens.append(name)
        return quick(self, name, size)

    monkeypatch.setattr(ZipSource, "quick", counted)
    with open_package(write(tmp_path / "a.zip", zipped(members))) as opened:
        for name in members:
            opened.head(name)
        assert len(opens) == 40
        assert {name: opened.read(name) for name in members} == members
    assert len(opens) == 70  # ten were kept: 9,000 bytes in members of 900


def test_a_plain_file_is_a_package_of_one(tmp_path: Path) -> None:
    with open_package(write(tmp_path / "x.csv", b"1;2")) as opened:
        assert opened.names() == ["x.csv"]
        assert opened.read("x.csv") == b"1;2"


def test_a_large_file_is_whole_and_a_small_one_takes_little_memory(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    with open_package(write(tmp_path / "large.csv", data)) as opened:
        assert opened.read("large.csv") == data
    tracemalloc.start()
    with open_package(write(tmp_path / "small.csv", b"1;2")) as opened:
        opened.read("small.csv")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


def test_content_not_the_name_tells_an_archive(tmp_path: Path) -> None:
    with open_package(write(tmp_path / "named.xml", zipped(MEMBERS))) as opened:
        assert opened.names() == ["a.xml", "sub/b.xml"]
    with open_package(write(tmp_path / "plain.zip", b"no archive")) as opened:
        assert opened.names() == ["plain.zip"]


def test_an_office_file_is_one_file(tmp_path: Path) -> None:
    sheet = zipped({"xl/workbook.xml": b"<w/>", "[Content_Types].xml": b"<t/>"})
    with open_package(write(tmp_path / "factors.xlsx", sheet)) as opened:
        assert opened.names() == ["factors.xlsx"]
        assert opened.read("factors.xlsx") == sheet


def test_archives_inside_are_followed_one_level(tmp_path: Path) -> None:
    deepest = zipped({"lost.xml": b"<l/>"})
    inner = zipped({"c.xml": b"<c/>", "deeper.zip": deepest})
    path = write(tmp_path / "outer.zip", zipped({"a.xml": b"<a/>", "inner.zip": inner}))
    with open_package(path) as opened:
        assert opened.names() == ["a.xml", "inner.zip!c.xml"]
        assert opened.read("inner.zip!c.xml") == b"<c/>"
        assert opened.head("inner.zip!c.xml") == b"<c/>"
        (fault,) = opened.faults
        assert fault.name == "inner.zip!deeper.zip"
        assert "one level deep" in fault.reason


def test_a_7z_inside_a_zip(tmp_path: Path) -> None:
    with py7zr.SevenZipFile(tmp_path / "inner.7z", "w") as archive:
        archive.writestr(b"<c/>", "c.xml")
    inner = (tmp_path / "inner.7z").read_bytes()
    with open_package(write(tmp_path / "outer.zip", zipped({"inner.7z": inner}))) as opened:
        assert opened.names() == ["inner.7z!c.xml"]
        assert opened.read("inner.7z!c.xml") == b"<c/>"


def test_a_damaged_archive_inside_spares_the_rest(tmp_path: Path) -> None:
    broken = zipped(MEMBERS)[:-30]
    path = write(tmp_path / "outer.zip", zipped({"a.xml": b"<a/>", "inner.zip": broken}))
    with open_package(path) as opened:
        assert opened.names() == ["a.xml"]
        assert "damaged or cut short" in opened.faults[0].reason


def test_a_missing_path(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no such file or folder"):
        open_package(tmp_path / "nothing")


def test_a_missing_member(package: Path) -> None:
    with open_package(package) as opened, pytest.raises(ReadError, match="no such member"):
        opened.read("../a.xml")


@pytest.mark.parametrize("keep", [10, 60, -30])
def test_a_truncated_archive(tmp_path: Path, keep: int) -> None:
    with pytest.raises(ReadError, match="damaged or cut short"):
        open_package(write(tmp_path / "cut.zip", zipped(MEMBERS)[:keep]))


@pytest.mark.parametrize("keep", [10, 40, -10])
def test_a_truncated_7z(tmp_path: Path, keep: int) -> None:
    with py7zr.SevenZipFile(tmp_path / "whole.7z", "w") as archive:
        archive.writestr(b"<c/>" * 100, "c.xml")
    data = (tmp_path / "whole.7z").read_bytes()
    with pytest.raises(ReadError, match="damaged or cut short"):
        open_package(write(tmp_path / "cut.7z", data[:keep]))


def test_an_archive_inside_that_lost_its_start(tmp_path: Path) -> None:
    inner = b"PK\x03\x04" + zipped(MEMBERS)[28:]  # its members seem to begin before the file
    outer = write(tmp_path / "outer.zip", zipped({"inner.zip": inner}))
    with open_package(outer) as opened, pytest.raises(ReadError, match=r"a\.xml: damaged"):
        opened.read("inner.zip!a.xml")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_inside_that_was_damaged_in_its_middle(tmp_path: Path, method: int) -> None:
    inner = zipped({"x.bin": random.Random(3).randbytes(9000)}, zipfile.ZIP_STORED)
    outer = bytearray(zipped({"in.zip": inner, "z.xml": b"<z/>"}, method))
    outer[5_000] ^= 0xFF
    with open_package(write(tmp_path / "a.zip", bytes(outer))) as opened:
        assert opened.names() == ["z.xml"]
        (fault,) = opened.faults
        assert fault.name == "in.zip"
        assert "a.zip!in.zip: cannot be unpacked (" in fault.reason


def test_a_damaged_member(tmp_path: Path) -> None:
    data = bytearray(zipped(MEMBERS, zipfile.ZIP_STORED))
    data[data.index(b"<b/>")] ^= 0xFF
    path = write(tmp_path / "x.zip", bytes(data))
    with open_package(path) as opened:
        assert opened.read("a.xml") == b"<a/>"
        with pytest.raises(ReadError, match=r"x\.zip!sub/b\.xml: damaged"):
            opened.read("sub/b.xml")


def flagged(data: bytes) -> bytes:
    """The archive with the encryption flag set on its first member."""
    out = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = out.index(mark) + offset
        out[at] |= 1
    return bytes(out)


def test_an_encrypted_member_and_an_encrypted_archive(tmp_path: Path) -> None:
    with open_package(write(tmp_path / "part.zip", flagged(zipped(MEMBERS)))) as opened:
        assert opened.names() == ["sub/b.xml"]
        assert "encrypted" in opened.faults[0].reason
    with pytest.raises(ReadError, match="encrypted; unpack it with its password"):
        open_package(write(tmp_path / "all.zip", flagged(zipped({"a.xml": b"<a/>"}))))


def test_an_encrypted_7z(tmp_path: Path) -> None:
    with py7zr.SevenZipFile(tmp_path / "x.7z", "w", password="secret") as archive:
        archive.writestr(b"<c/>", "c.xml")
    with pytest.raises(ReadError, match="encrypted; unpack it with its password"):
        open_package(tmp_path / "x.7z")


def test_a_7z_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "py7zr", None)
    path = write(tmp_path / "x.7z", b"7z\xbc\xaf\x27\x1c")
    with pytest.raises(MissingExtra, match=r"lca-rag\[scale\]"):
        open_package(path)


# --- bombs and traps -----------------------------------------------------------------------


def test_a_bomb_is_refused_by_its_ratio(tmp_path: Path) -> None:
    bomb = zipped({"zeros.xml": bytes(32 << 20)})
    with pytest.raises(ReadError, match="times its size, as an archive bomb"):
        open_package(write(tmp_path / "bomb.zip", bomb))


def test_a_bomb_among_honest_members_is_left_out(tmp_path: Path) -> None:
    noise = b"".join(struct.pack("<Q", (i * 0x9E3779B97F4A7C15) % 2**64) for i in range(60_000))
    path = write(tmp_path / "x.zip", zipped({"zeros.xml": bytes(32 << 20), "noise.bin": noise}))
    with open_package(path) as opened:
        assert opened.names() == ["noise.bin"]
        assert "as a bomb does" in opened.faults[0].reason


def test_a_bomb_in_a_7z(tmp_path: Path) -> None:
    with py7zr.SevenZipFile(tmp_path / "bomb.7z", "w") as archive:
        archive.writestr(bytes(32 << 20), "zeros.xml")
    with pytest.raises(ReadError, match="as an archive bomb"):
        open_package(tmp_path / "bomb.7z")


def test_limits_on_members_total_and_number(tmp_path: Path) -> None:
    path = write(tmp_path / "x.zip", zipped(MEMBERS))
    with open_package(path, limits=Limits(member_bytes=100)) as opened:
        assert opened.names() == ["a.xml"]
        assert "more than the limit of 100" in opened.faults[0].reason
    with pytest.raises(ReadError, match="more than the limit of 1,000"):
        open_package(path, limits=Limits(total_bytes=1000))
    with pytest.raises(ReadError, match="2 members are more than the limit of 1"):
        open_package(path, limits=Limits(members=1))


def test_overlapping_members_are_a_bomb(tmp_path: Path) -> None:
    """A directory whose entries all point at one stretch of the file."""
    data = zipped({"a.xml": b"x" * 5000}, zipfile.ZIP_STORED)
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry = data[start:end]
    directory = b"".join(entry.replace(b"a.xml", f"{i}.xml".encode()) for i in range(9))
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, len(directory), start, 0)
    with pytest.raises(ReadError, match="overlap"):
        open_package(write(tmp_path / "x.zip", data[:start] + directory + tail))


@pytest.mark.parametrize("name", ["../evil.xml", "/etc/evil.xml", "a/../../evil.xml", "C:evil.xml"])
def test_names_that_leave_the_archive(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "x.zip", zipped({name: b"<a/>", "good.xml": b"<a/>"}))
    with open_package(path) as opened:
        assert opened.names() == ["good.xml"]
        assert opened.faults[0].reason == "its name points outside the archive"


def test_a_member_without_a_name(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("x")
        info.filename = ""
        with archive.open(info, "w") as stream:
            stream.write(b"<a/>")
        archive.writestr("good.xml", b"<a/>")
    with open_package(write(tmp_path / "x.zip", buffer.getvalue())) as opened:
        assert opened.names() == ["good.xml"]
        assert opened.faults[0].reason == "a member without a name"


def test_links_that_leave_the_folder(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.xml", b"<a/>")
    inside = write(tmp_path / "folder" / "good.xml", b"<a/>")
    (tmp_path / "folder" / "evil.xml").symlink_to(secret)
    (tmp_path / "folder" / "fine.xml").symlink_to(inside)
    with open_package(tmp_path / "folder") as opened:
        assert opened.names() == ["fine.xml", "good.xml"]
        assert opened.faults[0].name == "evil.xml"


def test_a_name_stored_twice_is_said(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.xml", b"<old/>")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.xml", b"<new/>")
    with open_package(write(tmp_path / "x.zip", buffer.getvalue())) as opened:
        assert opened.read("a.xml") == b"<new/>"
        assert "stored more than once" in opened.faults[0].reason


def test_a_small_member_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read whole when it is recognised; one that is big is not."""
    sizes = {"big": 2 * files._SMALL_BYTES, "small": files._SMALL_BYTES - 1}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(random.Random(size).randbytes(size))
    opened: list[str] = []
    quick = files.FolderSource.quick

    def watched(self: files.FolderSource, name: str, size: int) -> bytes | None:
        opened.append(name)
        return quick(self, name, size)

    monkeypatch.setattr(files.FolderSource, "quick", watched)
    with open_package(tmp_path) as package:
        for name in sizes:
            whole = (tmp_path / name).read_bytes()
            assert package.head(name) == whole[:HEAD]
            assert package.read(name) == whole
    assert opened == ["big", "big", "small"]


def test_archives_are_followed_whatever_their_name(tmp_path: Path) -> None:
    """A zip named otherwise is opened as one; a document that is packed is left to the readers."""
    flow = json.dumps({"@type": "Flow", "@id": "0dd5f33a-0000-0000-0000-000000000000"})

    def packed(*members: tuple[str, str | bytes]) -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name, text in members:
                archive.writestr(name, text)
        return stream.getvalue()

    deep = packed(("flows/b.json", flow))
    inner = packed(("flows/a.json", flow), ("more.bin", deep), ("../x.json", flow))
    text = packed(("mimetype", "application/vnd.oasis.opendocument.text"), ("content.xml", "<a/>"))
    (tmp_path / "x.zip").write_bytes(packed(("data.olca", inner), ("notes.odt", text)))
    skipped: list[Skip] = []
    report = ReadReport()
    records = list(read(tmp_path / "x.zip", on_skip=skipped.append, report=report))
    assert [record.provenance.path for record in records if record.provenance] == [
        f"{tmp_path}/x.zip!data.olca!flows/a.json"
    ]
    assert sorted((skip.path.rpartition("!")[2], skip.reason) for skip in skipped) == [
        ("../x.json", "its name points outside the archive"),
        ("more.bin", "archives are followed one level deep only; unpack it"),
    ]
    assert report.ignored == {".odt": 1}
