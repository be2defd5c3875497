"""Zip and 7z archives as sources of members, with limits that no bomb passes.

Nothing is ever extracted under a name that an archive chooses: zip members are read as streams, a
7z archive is unpacked into a private temporary folder after its sizes and names were checked.
"""

from __future__ import annotations

import struct
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from lca_rag.errors import MissingExtra, ReadError
from lca_rag.readers.zip_members import Where, beginning, zip_where

ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
SEVEN_ZIP_MAGIC = b"7z\xbc\xaf\x27\x1c"
OFFICE = "[Content_Types].xml"
"""A member that every XLSX, DOCX and PPTX file has, and no other archive."""
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold before it is refused."""

    member_bytes: int = 256 << 20
    """Unpacked size of one member."""
    total_bytes: int = 64 << 30
    """Unpacked size of all members."""
    ratio: float = 200.0
    """Unpacked to packed size, for members and archives that are large enough to matter."""
    ratio_floor: int = 16 << 20
    """Unpacked size below which the ratio is not looked at."""
    members: int = 2_000_000


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Fault:
    """A member that cannot be offered, and why."""

    name: str
    reason: str


class Source(Protocol):
    """One layer of members: a file, a folder or an archive."""

    @property
    def label(self) -> str:
        """Path, for messages."""
        ...

    @property
    def faults(self) -> Sequence[Fault]:
        """Members that cannot be offered."""
        ...

    def names(self) -> Sequence[str]:
        """Names of the readable members, sorted."""
        ...

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """A stream over one member; `KeyError` if there is no such member."""
        ...

    def quick(self, name: str, size: int) -> bytes | None:
        """The first `size` bytes of a small member; `None` where only `open` can tell."""
        ...

    def where(self, name: str) -> Where | None:
        """Where another process finds the bytes of a small member; `None` if it cannot."""
        ...

    def close(self) -> None:
        """Release files and temporary folders."""
        ...


class ZipSource:
    """The members of a zip archive, read as streams."""

    def __init__(
        self, archive: zipfile.ZipFile, label: str, limits: Limits, path: Path | None = None
    ) -> None:
        """Keep an open archive whose members `open_zip` has checked; `path` if it lies on disk."""
        self.label = label
        self._path = str(path.absolute()) if path else None
        self._archive = archive
        faults: dict[str, str] = {}
        infos = archive.infolist()
        self._infos = {info.filename: info for info in infos if not _is_folder(info)}
        if len(infos) > len(archive.NameToInfo):
            seen: set[str] = set()
            for info in infos:
                if info.filename in seen:
                    faults[info.filename] = "stored more than once; the last copy is read"
                seen.add(info.filename)
        self.faults: tuple[Fault, ...] = tuple(
            Fault(name, reason)
            for name, info in self._infos.items()
            if (reason := _refusal(info, limits))
        )
        for fault in self.faults:
            del self._infos[fault.name]
        self.faults += tuple(Fault(name, reason) for name, reason in faults.items())

    @property
    def is_office_file(self) -> bool:
        """Whether this zip is really one XLSX, DOCX or PPTX file."""
        return OFFICE in self._infos

    def names(self) -> Sequence[str]:
        """Names of the readable members, sorted."""
        return sorted(self._infos)

    def open(self, name: str) -> IO[bytes]:
        """A stream over one member."""
        return self._archive.open(self._infos[name])

    def quick(self, name: str, size: int) -> bytes | None:
        """The first `size` bytes, taken by offset: a stream per member costs more than its bytes.

        Anything out of the ordinary, damage included, is left to `open`, which says what it is.
        """
        info, stream = self._infos.get(name), self._archive.fp
        if info is None or stream is None:
            return None
        try:
            return beginning(stream, info, size)
        except (OSError, ValueError, zlib.error, struct.error):
            return None  # `open` meets the same damage and names it

    def where(self, name: str) -> Where | None:
        """Where on disk the packed bytes lie, for members of the usual kind."""
        info = self._infos.get(name)
        return zip_where(self._path, info) if self._path and info else None

    def close(self) -> None:
        """Close the archive and the file beneath it."""
        stream = self._archive.fp
        self._archive.close()
        if stream is not None:
            stream.close()


def open_zip(
    stream: IO[bytes], label: str, size: int, limits: Limits = LIMITS, path: Path | None = None
) -> ZipSource:
    """The members of a zip archive; closes `stream` when it is refused.

    Raises:
        ReadError: If the archive is damaged, encrypted as a whole, or looks like a bomb.
    """
    try:
        archive = zipfile.ZipFile(stream)
        _check_zip(archive, label, size, limits)
    except ReadError:
        stream.close()
        raise
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as exc:
        stream.close()
        raise ReadError(
            f"{label}: the zip archive is damaged or cut short ({exc}); fetch it again", path=label
        ) from exc
    return ZipSource(archive, label, limits, path)


def _check_zip(archive: zipfile.ZipFile, label: str, size: int, limits: Limits) -> None:
    infos = [info for info in archive.infolist() if not _is_folder(info)]
    unpacked = sum(info.file_size for info in infos)
    packed = sum(info.compress_size for info in infos)
    if packed > size:
        raise ReadError(
            f"{label}: the members of this zip overlap, as in a zip bomb; it is refused", path=label
        )
    _check_totals(label, len(infos), unpacked, size, limits)
    if infos and all(info.flag_bits & _ENCRYPTED for info in infos):
        raise ReadError(
            f"{label}: the zip archive is encrypted; unpack it with its password first", path=label
        )


def _check_totals(label: str, members: int, unpacked: int, packed: int, limits: Limits) -> None:
    if members > limits.members:
        raise ReadError(
            f"{label}: {members:,} members are more than the limit of {limits.members:,}; split it",
            path=label,
        )
    if unpacked > limits.total_bytes:
        raise ReadError(
            f"{label}: {unpacked:,} unpacked bytes are more than the limit of "
            f"{limits.total_bytes:,}; unpack the archive and read the folder",
            path=label,
        )
    if unpacked > limits.ratio_floor and unpacked > limits.ratio * max(packed, 1):
        raise ReadError(
            f"{label}: the archive unpacks to {unpacked // max(packed, 1):,} times its size, as an "
            "archive bomb does; it is refused",
            path=label,
        )


def _is_folder(info: zipfile.ZipInfo) -> bool:
    return info.filename.endswith("/")


def _refusal(info: zipfile.ZipInfo, limits: Limits) -> str | None:
    """Why a zip member is not offered, or `None`."""
    if info.flag_bits & _ENCRYPTED:
        return "encrypted; unpack the archive with its password first"
    if not info.filename:
        return "a member without a name"
    if _leaves_the_archive(info.filename):
        return "its name points outside the archive"
    if info.file_size > limits.member_bytes:
        return (
            f"{info.file_size:,} unpacked bytes are more than the limit of {limits.member_bytes:,}"
        )
    if info.file_size > limits.ratio_floor and (
        info.file_size > limits.ratio * max(info.compress_size, 1)
    ):
        return f"unpacks to more than {limits.ratio:.0f} times its size, as a bomb does"
    return None


def _leaves_the_archive(name: str) -> bool:
    path = name.replace("\\", "/")
    return path.startswith("/") or ".." in path.split("/") or name[1:2] == ":"


def unpack_seven_zip(
    path: Path, label: str, limits: Limits = LIMITS
) -> tempfile.TemporaryDirectory[str]:
    """A temporary folder that holds the members of a 7z archive.

    A 7z archive is one solid stream, so members cannot be read one by one.

    Raises:
        ReadError: If the archive is damaged, encrypted, too large, or holds unsafe names.
        MissingExtra: If py7zr is not installed.
    """
    try:
        import py7zr
    except ImportError as exc:
        raise MissingExtra("scale", f"reading the 7z archive {label}") from exc
    folder = tempfile.TemporaryDirectory(prefix="lca-rag-")
    try:
        with py7zr.SevenZipFile(path) as archive:
            if archive.needs_password():
                raise ReadError(
                    f"{label}: the 7z archive is encrypted; unpack it with its password first",
                    path=label,
                )
            members = [member for member in archive.list() if not member.is_directory]
            unpacked = sum(member.uncompressed for member in members)
            _check_totals(label, len(members), unpacked, path.stat().st_size, limits)
            unsafe = next((m.filename for m in members if _leaves_the_archive(m.filename)), None)
            if unsafe is not None:
                raise ReadError(
                    f"{label}: member {unsafe!r} points outside the archive; it is refused",
                    path=label,
                )
            archive.extractall(folder.name)
    except ReadError:
        folder.cleanup()
        raise
    except (py7zr.exceptions.ArchiveError, OSError, EOFError, ValueError, zlib.error) as exc:
        folder.cleanup()
        raise ReadError(
            f"{label}: the 7z archive is damaged or cut short ({exc}); fetch it again", path=label
        ) from exc
    return folder
