"""A file, a folder or an archive, seen as named members.

Archives inside are followed: an archive in a folder, and an archive in an archive one level deep,
appear as `inner.zip!member`. Whatever cannot be offered is listed in `OpenPackage.faults`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from lca_rag.errors import LcaRagError, ReadError
from lca_rag.readers.archives import (
    LIMITS,
    OFFICE,
    SEVEN_ZIP_MAGIC,
    ZIP_MAGIC,
    Fault,
    Limits,
    Source,
    open_zip,
    unpack_seven_zip,
)
from lca_rag.readers.prose import member_path
from lca_rag.readers.zip_members import LARGEST, Where

__all__ = ["OpenPackage", "open_package"]

HEAD = 4096
"""Bytes by which a format is recognised."""

_ARCHIVE_SUFFIXES = (".zip", ".7z")
_DEPTH = 2
"""An archive, and an archive inside it."""
_DOCUMENT = frozenset((OFFICE, "mimetype"))
"""Members that mark an archive as one document: of Microsoft's, OpenDocument's or EPUB's kind."""
_TOO_DEEP = "archives are followed one level deep only; unpack it"
_PLAIN_FILE_BYTES = 1 << 30
_SPOOL_BYTES = 8 << 20
_PIECE = 1 << 18
_QUICK_BYTES = 1 << 20
_SMALL_BYTES = 1 << 16
_KEPT_BYTES = 8 << 20
"""Small members are read whole when they are recognised, and kept till then, up to this."""
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)
"""What opening and unpacking a member raises; `ValueError` if its place lies before the start."""
_HIDDEN = (".git", "__MACOSX", "__pycache__")


class FileSource:
    """One plain file: a package of one member."""

    def __init__(self, path: Path) -> None:
        """Keep the path; nothing is opened yet."""
        self.label = str(path)
        self.faults: Sequence[Fault] = ()
        self._path = path

    def names(self) -> Sequence[str]:
        """The file's own name."""
        return [self._path.name]

    def open(self, name: str) -> IO[bytes]:
        """A stream over the file."""
        if name != self._path.name:
            raise KeyError(name)
        return self._path.open("rb")

    def quick(self, name: str, size: int) -> bytes | None:
        """Nothing is quicker than opening the file."""
        return None

    def where(self, name: str) -> Where | None:
        """A single file is not shared out."""
        return None

    def close(self) -> None:
        """Nothing is held."""


class FolderSource:
    """The files below a folder; links that lead out of it are refused."""

    def __init__(
        self, root: Path, label: str, held: tempfile.TemporaryDirectory[str] | None = None
    ) -> None:
        """List the folder once; `held` is a temporary folder to remove in the end."""
        self.label = label
        self._root = root
        self._held = held
        faults: list[Fault] = []
        names: list[str] = []
        inside = root.resolve()
        for name, entry in _entries(root):
            if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(inside):
                faults.append(Fault(name, "a link that leads out of the folder"))
            elif entry.is_file():
                names.append(name)
        self.faults: Sequence[Fault] = faults
        self._names = dict.fromkeys(sorted(names))

    def names(self) -> Sequence[str]:
        """Paths below the folder with forward slashes, sorted."""
        return list(self._names)

    def open(self, name: str) -> IO[bytes]:
        """A stream over one file."""
        if name not in self._names:
            raise KeyError(name)
        return (self._root / name).open("rb")

    def quick(self, name: str, size: int) -> bytes | None:
        """The first bytes of a small file without the cost of a stream."""
        if name not in self._names:
            return None
        file = os.open(f"{self._root}/{name}", os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            wanted = min(size, os.fstat(file).st_size)
            data = os.read(file, wanted) if wanted <= _QUICK_BYTES else b""
        finally:
            os.close(file)
        return data if len(data) == wanted else None

    def where(self, name: str) -> Where | None:
        """The path of a small file."""
        path = self._root.absolute() / name
        try:
            size = path.stat().st_size if name in self._names else LARGEST + 1
        except OSError:
            return None
        return ("file", str(path), size) if size <= LARGEST else None

    def close(self) -> None:
        """Remove the temporary folder, if there is one."""
        if self._held is not None:
            self._held.cleanup()


def _entries(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything below a folder but folders, with its path there; links to folders are not entered.

    A folder that may not be listed is left out, as `os.walk` does.
    """
    left = [("", str(root))]
    while left:
        prefix, folder = left.pop()
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_dir():
                    yield prefix + entry.name, entry
                elif entry.name not in _HIDDEN and not entry.is_symlink():
                    left.append((f"{prefix}{entry.name}/", entry.path))


class OpenPackage:
    """A `Package`: one source and the archives inside it. Close it, or use it in a `with`."""

    def __init__(self, source: Source, *, depth: int, limits: Limits) -> None:
        """Open the archives inside `source` as far as `depth` allows."""
        self._source = source
        self._limits = limits
        self._children: dict[str, OpenPackage] = {}
        self.faults: list[Fault] = list(source.faults)
        self._own: list[str] = []
        self._kept: dict[str, bytes] = {}
        self._kept_bytes = 0
        self._depth = depth
        self._from_archive = depth > 0
        for name in source.names():
            if not (name.lower().endswith(_ARCHIVE_SUFFIXES) and self._follow(name, depth)):
                self._own.append(name)

    @property
    def label(self) -> str:
        """Path of the package, for messages."""
        return self._source.label

    def names(self) -> Sequence[str]:
        """Names of all members, own ones first, each group sorted."""
        nested = (
            f"{name}!{inner}" for name, child in self._children.items() for inner in child.names()
        )
        return [*self._own, *nested]

    def head(self, name: str, size: int = HEAD) -> bytes:
        """The first bytes of one member.

        Raises:
            ReadError: If the member is damaged or encrypted.
        """
        return self._take(name, size, whole=False)

    def read(self, name: str) -> bytes:
        """The bytes of one member.

        Raises:
            ReadError: If the member is missing, truncated, encrypted or larger than the limit.
        """
        limit = self._limits.member_bytes if self._from_archive else _PLAIN_FILE_BYTES
        return self._take(name, limit, whole=True)

    def inside(self, name: str, head: bytes) -> Sequence[str] | None:
        """The members of an archive whose name does not say that it is one; else `None`.

        A document of an office is packed as well, but is itself for a reader.

        Raises:
            ReadError: If the archive is damaged, encrypted or a bomb, or lies too deep.
        """
        outer, mark, inner = name.partition("!")
        if mark and outer in self._children:
            found = self._children[outer].inside(inner, head)
            return None if found is None else [f"{outer}!{member}" for member in found]
        if not head.startswith((*ZIP_MAGIC, SEVEN_ZIP_MAGIC)) or OFFICE.encode() in head:
            return None
        child = self._open_inner(name, head, self._depth)
        members = child.names()
        if not _DOCUMENT.isdisjoint(members):
            child.close()
            return None
        if self._depth >= _DEPTH:
            child.close()
            raise ReadError(_TOO_DEEP)
        self._children[name] = child
        self.faults += [Fault(f"{name}!{fault.name}", fault.reason) for fault in child.faults]
        return [f"{name}!{member}" for member in members]

    def where(self, name: str) -> Where | bytes:
        """Where another process finds a member's bytes; the bytes, if it cannot.

        Raises:
            ReadError: If they must be read, and `read` raises it.
        """
        outer, mark, inner = name.partition("!")
        if mark and outer in self._children:
            return self._children[outer].where(inner)
        kept = self._kept.pop(name, None)
        if kept is not None:
            self._kept_bytes -= len(kept)
        return self._source.where(name) or kept or self.read(name)

    def close(self) -> None:
        """Close every archive and remove temporary files."""
        for child in self._children.values():
            child.close()
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _take(self, name: str, limit: int, *, whole: bool) -> bytes:
        outer, mark, inner = name.partition("!")
        if mark and outer in self._children:
            child = self._children[outer]
            return child.read(inner) if whole else child.head(inner, limit)
        kept = self._kept.pop(name, None) if whole else None
        if kept is not None:
            self._kept_bytes -= len(kept)
            return kept
        try:
            wanted = limit + 1 if whole else limit
            if not whole and limit >= HEAD and self._kept_bytes < _KEPT_BYTES:
                wanted = max(limit, _SMALL_BYTES)  # at once, rather than its head twice
            data = self._source.quick(name, wanted)
            if data is None:
                wanted = limit
                with self._source.open(name) as stream:
                    data = _at_most(stream, limit + 1) if whole else stream.read(limit)
        except KeyError as exc:
            place = member_path(self, name)
            raise ReadError(f"{place}: there is no such member", path=place) from exc
        except _DAMAGED as exc:
            place = member_path(self, name)
            raise ReadError(
                f"{place}: damaged, cut short or unreadable ({exc})", path=place
            ) from exc
        if whole and len(data) > limit:
            place = member_path(self, name)
            raise ReadError(f"{place}: larger than the limit of {limit:,} bytes", path=place)
        if whole:
            return data
        if len(data) < wanted and self._kept_bytes < _KEPT_BYTES:
            # The head is the whole member, and whoever recognises it will read it.
            self._kept_bytes += len(data) - len(self._kept.get(name, b""))
            self._kept[name] = data
        return data[:limit]

    def _follow(self, name: str, depth: int) -> bool:
        """Whether a member with an archive's suffix is dealt with here."""
        try:
            head = self.head(name, len(SEVEN_ZIP_MAGIC))
            if not head.startswith((*ZIP_MAGIC, SEVEN_ZIP_MAGIC)):
                return False
            if depth >= _DEPTH:
                raise ReadError(_TOO_DEEP)
            child = self._open_inner(name, head, depth)
        except LcaRagError as exc:
            self.faults.append(Fault(name, str(exc)))
            return True
        self._children[name] = child
        self.faults += [Fault(f"{name}!{fault.name}", fault.reason) for fault in child.faults]
        return True

    def _open_inner(self, name: str, head: bytes, depth: int) -> OpenPackage:
        """The archive in one member, from a copy on disk so that memory stays flat."""
        label = f"{self.label}!{name}"
        if head.startswith(SEVEN_ZIP_MAGIC):
            with tempfile.NamedTemporaryFile(suffix=".7z") as file:
                self._copy(name, file)
                return _seven_zip(Path(file.name), label, depth + 1, self._limits)
        copy: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 (the source closes it)
        try:
            size = self._copy(name, copy)
        except ReadError:
            copy.close()
            raise
        copy.seek(0)
        source = open_zip(copy, label, size, self._limits)
        return OpenPackage(source, depth=depth + 1, limits=self._limits)

    def _copy(self, name: str, target: IO[bytes]) -> int:
        try:
            with self._source.open(name) as stream:
                shutil.copyfileobj(stream, target)
            target.flush()
        except _DAMAGED as exc:
            place = member_path(self, name)
            raise ReadError(f"{place}: cannot be unpacked ({exc})", path=place) from exc
        return target.tell()


def _at_most(stream: IO[bytes], limit: int) -> bytes:
    """Up to `limit` bytes; in pieces, since a plain `read(limit)` sets aside that much memory."""
    first = stream.read(min(limit, _PIECE))
    if len(first) < _PIECE:
        return first
    pieces = [first]
    left = limit - len(first)
    while left > 0 and (piece := stream.read(min(left, _PIECE))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def open_package(path: str | os.PathLike[str], *, limits: Limits = LIMITS) -> OpenPackage:
    """The members of a file, a folder, a zip or a 7z archive.

    Raises:
        ReadError: If the path is missing, or the archive is damaged, encrypted or a bomb.
        MissingExtra: If a 7z archive is met and py7zr is not installed.
    """
    path = Path(path)
    if path.is_dir():
        return OpenPackage(FolderSource(path, str(path)), depth=0, limits=limits)
    if not path.is_file():
        raise ReadError(f"{path}: there is no such file or folder; check the path", path=str(path))
    try:
        with path.open("rb") as stream:
            head = stream.read(len(SEVEN_ZIP_MAGIC))
    except OSError as exc:
        raise ReadError(f"{path}: cannot be opened ({exc.strerror})", path=str(path)) from exc
    if head.startswith(SEVEN_ZIP_MAGIC):
        return _seven_zip(path, str(path), 1, limits)
    if head.startswith(ZIP_MAGIC):
        source = open_zip(path.open("rb"), str(path), path.stat().st_size, limits, path)
        if not source.is_office_file:
            return OpenPackage(source, depth=1, limits=limits)
        source.close()
    return OpenPackage(FileSource(path), depth=0, limits=limits)


def _seven_zip(path: Path, label: str, depth: int, limits: Limits) -> OpenPackage:
    held = unpack_seven_zip(path, label, limits)
    return OpenPackage(FolderSource(Path(held.name), label, held), depth=depth, limits=limits)
