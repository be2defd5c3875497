"""The records of a source as a stream, read here or, if it is big, by several processes."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from importlib import import_module
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self, cast

from lca_rag.errors import ReadError
from lca_rag.readers.context import ReadContext, Reader, ReadReport, opening
from lca_rag.readers.files import OpenPackage, open_package
from lca_rag.readers.pool import Pool, wanted
from lca_rag.readers.prose import member_path
from lca_rag.readers.sessions import PartedReader
from lca_rag.readers.sharing import Batch, Make, shared_out
from lca_rag.readers.transport import flat, rebuilt
from lca_rag.readers.worker import count
from lca_rag.record import Record

__all__ = ["MANY", "Records", "Stream", "Together", "Work"]

MANY = 2000
"""Members of one XML format from which on workers read them: they take a while to start."""
_TOGETHER = 128

_PACKED = (".tar.gz", ".tgz", ".tar", ".rar", ".zolca")
_DATA = (".xml", ".json", ".spold", ".csv", ".xlsx", ".zip", ".7z", ".jsonl", ".tsv", ".xls")
_ROOT = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>]*>)*+<(?:[\w.-]+:)?([\w.-]+)",
    re.DOTALL,
)
_NO_DATA_ROOTS = frozenset(
    (
        b"CategorySystem",
        b"ILCDLocations",
        b"ILCDLCIAMethodologies",
        b"schema",
        b"stylesheet",
        b"transform",
        b"html",
    )
)
_NO_DATA_NAME = re.compile(
    r"(^|[/!])(FilenameToActivityLookup\.csv|layout\.json|meta\.info|context\.json|package\.json|manifest\.(xml|json)|\.[^/]*)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Work:
    """What workers make of records: a function's function, named so that each can import it."""

    module: str
    name: str
    arguments: tuple[object, ...] = ()
    """Plain values that `marshal` carries."""

    def make(self) -> Callable[[list[Record]], list[Any]]:
        """The function, for use in this process."""
        return cast(
            "Callable[[list[Record]], list[Any]]",
            getattr(import_module(self.module), self.name)(*self.arguments),
        )


_CARRY = Work("lca_rag.readers.transport", "carrier")


class Stream(Iterator[Record]):
    """Records to be taken once: one by one, or as something is made of them.

    Close it, or use it in a `with`, where not all of them are taken: that ends the workers.
    """

    def __iter__(self) -> Self:
        """The stream itself."""
        return self

    def __enter__(self) -> Self:
        """The stream itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    @abstractmethod
    def through(self, work: Work, here: Make | None = None) -> Iterator[list[Any]]:
        """What `work` makes of the records, some at a time, in their order.

        It is made where the records are read, so that they need not travel.

        Args:
            work: What workers make.
            here: The same for this process; by default made from `work`.

        Raises:
            ReadError: If the source cannot be opened at all, or a worker ends.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop reading, and end the workers."""


class Together(Stream):
    """The records of several streams, one after another."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        """Take nothing yet."""
        self._streams = streams
        self._records = chain.from_iterable(streams)

    def __next__(self) -> Record:
        """The next record."""
        return next(self._records)

    def through(self, work: Work, here: Make | None = None) -> Iterator[list[Any]]:
        """What `work` makes of the records of each stream."""
        for stream in self._streams:
            yield from stream.through(work, here)

    def close(self) -> None:
        """Close every stream."""
        for stream in self._streams:
            stream.close()


class Records(Stream):
    """The records of one source."""

    def __init__(
        self, path: Path, context: ReadContext, readers: tuple[Reader, ...], workers: int | None
    ) -> None:
        """Read nothing yet."""
        self._source = _Source(path, context, readers, wanted(workers))
        # Of the source, not of this stream: whoever drops the stream so ends the workers at once.
        self._records = self._source.one_by_one()
        self._begun = False

    def __next__(self) -> Record:
        """The next record.

        Raises:
            ReadError: If the source cannot be opened at all, or a worker ends.
        """
        self._begun = True
        return next(self._records)

    def close(self) -> None:
        """Stop reading, and end the workers."""
        self._records.close()

    def through(self, work: Work, here: Make | None = None) -> Iterator[list[Any]]:
        """What `work` makes of the records that were not taken yet."""
        make = here or work.make()
        if self._begun:
            while some := list(islice(self._records, _TOGETHER)):
                yield make(some)
            return
        self._records.close()  # all of them are taken here
        self._begun = True
        report = self._source.context.report
        with closing(self._source.parts(work)) as parts:
            for part in parts:
                for made, counts in part.batches(make):
                    report.read.update(counts.read)
                    report.repaired.update(counts.repaired)
                    yield made


@dataclass(frozen=True, slots=True)
class _Source:
    """A path, and how it is read."""

    path: Path
    context: ReadContext
    readers: tuple[Reader, ...]
    workers: int

    def one_by_one(self) -> Generator[Record]:
        """The records, counted as they are taken."""
        with closing(self.parts(_CARRY)) as parts:
            read, repaired = self.context.report.read, self.context.report.repaired
            for part in parts:
                form = part.reader.format
                for record in part.records():
                    read[f"{form}/{record.kind}"] += 1
                    if record.provenance is not None and record.provenance.repairs:
                        repaired.update(record.provenance.repairs)
                    yield record

    def parts(self, work: Work) -> Generator[_Part]:
        """The members of each reader, with workers for those that are many."""
        context = self.context
        with open_package(self.path) as package, ExitStack() as held:
            _tell_faults(package, context)
            pool: Pool | None = None
            groups = _groups(package, context, self.readers)
            for reader, names in zip(self.readers, groups, strict=True):
                many = self.workers > 1 and _is_many(reader, names)
                if many and pool is None:
                    pool = held.enter_context(closing(Pool(self.workers, package.label)))
                    pool.tell_all("work", work.module, work.name, work.arguments)
                if names:
                    yield _Part(reader, package, names, context, pool if many else None)


@dataclass(frozen=True, slots=True)
class _Part:
    """The members of one reader."""

    reader: Reader
    package: OpenPackage
    names: Sequence[str]
    context: ReadContext
    pool: Pool | None

    def batches(self, make: Make) -> Iterator[Batch]:
        """What `make` makes of the records, and how many were read and repaired."""
        if self.pool is not None:
            reader = cast(PartedReader, self.reader)
            yield from shared_out(reader, self.package, self.names, self.context, self.pool, make)
            return
        records = self.reader.read(self.package, self.names, self.context)
        while some := list(islice(records, _TOGETHER)):
            report = ReadReport()
            count(some, report, self.reader.format)
            yield make(some), report

    def records(self) -> Iterator[Record]:
        """The records, one by one."""
        if self.pool is None:
            yield from self.reader.read(self.package, self.names, self.context)
            return
        for carried, _ in self.batches(flat):
            yield from map(rebuilt, carried)


def _is_many(reader: Reader, names: Sequence[str]) -> bool:
    """Whether members take long enough for workers to pay off, in a format that can be parted."""
    quickness = getattr(reader, "quickness", None)
    return quickness is not None and len(names) > MANY * quickness


def _tell_faults(package: OpenPackage, context: ReadContext, start: int = 0) -> None:
    """Report the members that the package cannot offer, from the one numbered `start`."""
    for fault in package.faults[start:]:
        context.skip(member_path(package, fault.name), fault.reason)


def _groups(
    package: OpenPackage, context: ReadContext, readers: tuple[Reader, ...]
) -> list[list[str]]:
    """The members of each reader, in the order of `readers`."""
    groups: list[list[str]] = [[] for _ in readers]
    members = list(package.names())
    for name in members:
        faults = len(package.faults)
        try:
            head = opening(package, name)
            within = None if name.lower().endswith(_PACKED) else package.inside(name, head)
        except ReadError as exc:
            context.skip(exc.path or member_path(package, name), str(exc))
            continue
        if within is not None:
            members += within  # to be looked at after all others
            _tell_faults(package, context, faults)
            continue
        for reader, group in zip(readers, groups, strict=True):
            if reader.recognise(name, head):
                group.append(name)
                break
        else:
            _unrecognised(package, name, head, context)
    return groups


def _unrecognised(package: OpenPackage, name: str, head: bytes, context: ReadContext) -> None:
    """Count a member that is known to be no data; report one that looks like data."""
    path = PurePosixPath(name)
    root = _ROOT.match(head)
    if root is not None and root[1] in _NO_DATA_ROOTS:
        context.report.ignored[root[1].decode()] += 1
    elif name.lower().endswith(_PACKED) and not _NO_DATA_NAME.search(name):
        reason = "packed in a way that is not read; unpack it first"
        context.skip(member_path(package, name), reason)
    elif path.suffix.lower() not in _DATA or _NO_DATA_NAME.search(name):
        context.report.ignored[path.suffix.lower() or path.name] += 1
    elif not head.strip():
        context.skip(member_path(package, name), "the file is empty")
    else:
        context.skip(
            member_path(package, name), "not recognised as any LCA format; see the README's table"
        )
