"""What a reader is given and what it reports: the seam between files and formats."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lca_rag.record import Record

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Skip:
    """Something that was found and could not become a record."""

    path: str
    """File, with the member after `!` for an archive."""
    record: str | None
    """UUID, number or name of the data set, if it could be told."""
    reason: str
    """One sentence."""


OnSkip = Callable[[Skip], None]


class Package(Protocol):
    """A file, a folder or an archive, seen as named members."""

    @property
    def label(self) -> str:
        """Path of the package, for messages."""
        ...

    def names(self) -> Sequence[str]:
        """Names of all members, in a stable order; nested archives show as `inner.zip!member`."""
        ...

    def head(self, name: str, size: int = 4096) -> bytes:
        """The first bytes of one member.

        Raises:
            ReadError: If the member is damaged or encrypted.
        """
        ...

    def read(self, name: str) -> bytes:
        """The bytes of one member.

        Raises:
            ReadError: If the member is truncated, encrypted or larger than the limit.
        """
        ...


_LONG_HEAD = 1 << 17


def opening(package: Package, name: str) -> bytes:
    """The head of a member; a longer one where it ends within a comment, such as a licence.

    Raises:
        ReadError: If the member is damaged or encrypted.
    """
    head = package.head(name)
    if b"<!--" in head and head.rfind(b"<!--") > head.rfind(b"-->"):
        return package.head(name, _LONG_HEAD)
    return head


@dataclass
class ReadReport:
    """What reading one or more sources gave; counted, so that nothing vanishes."""

    read: Counter[str] = field(default_factory=Counter[str])
    """Records per `format/kind` ("ilcd/process")."""
    skipped: list[Skip] = field(default_factory=list[Skip])
    repaired: Counter[str] = field(default_factory=Counter[str])
    """Repairs by phrase."""
    unmapped: Counter[str] = field(default_factory=Counter[str])
    """Fields of the source that no record field holds, by `format:path`."""
    ignored: Counter[str] = field(default_factory=Counter[str])
    """Members that are no data (schemas, pictures, category trees ...), by suffix or root name."""


@dataclass
class ReadContext:
    """What a reader knows about the run, and where it reports to."""

    database: str
    report: ReadReport = field(default_factory=ReadReport)
    on_skip: OnSkip | None = None

    def skip(self, path: str, reason: str, record: str | None = None) -> None:
        """Report something that cannot become a record; never raises."""
        skip = Skip(path, record, reason)
        self.report.skipped.append(skip)
        if self.on_skip is None:
            logger.warning("%s: skipped %s: %s", path, record or "file", reason)
        else:
            self.on_skip(skip)


class Reader(Protocol):
    """One format. A module offers one instance of this, listed in `readers.READERS`."""

    @property
    def format(self) -> str:
        """Short name of the format ("ilcd")."""
        ...

    def recognise(self, name: str, head: bytes) -> bool:
        """Whether a member is of this format, judged by its first 4 KiB rather than its name."""
        ...

    def read(
        self, package: Package, names: Sequence[str], context: ReadContext
    ) -> Iterator[Record]:
        """Records of the members recognised as this format, in a stable order.

        `package` gives access to other members that the format refers to. A member that cannot be
        read is reported through `context.skip`; nothing is raised for bad content.
        """
        ...
