"""The reading half of a sync: records are rendered, packed and compared, on a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from lca_rag.index.catalogue import Catalogue, unpack_record
from lca_rag.index.packing import Fault, Packer, Prepared, pack_fields, packing
from lca_rag.index.report import Progress
from lca_rag.index.writer import Writer
from lca_rag.readers import Stream
from lca_rag.readers.context import Skip
from lca_rag.record import Record

CHUNK = 128
"""Records that are compared with the catalogue at once."""
QUEUED_CHUNKS = 24
"""Chunks that may wait for the encoder; what bounds the memory of a run."""


@dataclass
class Tally:
    """What the reading thread counted; read by others once it is done."""

    read: int = 0
    duplicates: int = 0
    skipped: list[Skip] = field(default_factory=list[Skip])


def refresh_fields(writer: Writer, progress: Progress) -> None:
    """Render what words are searched in again, from the stored records."""
    contents = [row[0] for row in writer.rows("SELECT content FROM bodies")]
    for start in range(0, len(contents), CHUNK):
        bodies = writer.rows_in(
            "SELECT content, body FROM bodies WHERE content IN ({})",
            contents[start : start + CHUNK],
        )
        fresh = [(pack_fields(unpack_record(body, None)), name) for name, body in bodies]
        with writer.transaction() as connection:
            connection.executemany("UPDATE bodies SET fields = ? WHERE content = ?", fresh)
        progress("read", start + len(fresh))


class Preparation:
    """Prepares records on a thread; iterate over it for chunks of `Prepared`, in reading order."""

    def __init__(
        self, records: Iterable[Record], catalogue: Catalogue, keys: Mapping[str, bytes]
    ) -> None:
        self.tally = Tally()
        self._records = records
        self._catalogue = catalogue
        self._packer = Packer(catalogue, keys)
        self._seen: dict[str, bytes] = {}
        self._queue: queue.Queue[list[Prepared] | BaseException | None] = queue.Queue(QUEUED_CHUNKS)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lca-rag-read", daemon=True)

    def __enter__(self) -> Preparation:
        """Start reading."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop reading, whether it is done or not."""
        self._stopped.set()
        self._thread.join()

    def __iter__(self) -> Iterator[list[Prepared]]:
        """Chunks as they come; an error of the reader is raised here, after what it gave before."""
        while True:
            found = self._queue.get()
            if found is None:
                return
            if isinstance(found, BaseException):
                raise found
            yield found

    def waiting(self) -> bool:
        """Whether the next step of the iteration is there at once."""
        return not self._queue.empty()

    def _run(self) -> None:
        try:
            with closing(self._packed()) as chunks:
                for chunk in chunks:
                    if self._stopped.is_set():
                        return
                    self.tally.read += len(chunk)
                    self._put(self._told_apart(chunk))
            self._put(None)
        except BaseException as exc:  # handed to the thread that waits, whatever it is
            self._put(exc)

    def _packed(self) -> Generator[list[tuple[Any, ...]]]:
        """What is to be stored of all records; a stream packs them where it reads them."""
        if isinstance(self._records, Stream):
            with self._records as stream:
                yield from stream.through(packing(self._catalogue), self._packer)
            return
        records = iter(self._records)
        while chunk := self._chunk(records):
            yield list(self._packer(chunk))

    def _chunk(self, records: Iterator[Record]) -> list[Record]:
        """The next records, or those that came before this run was stopped."""
        found: list[Record] = []
        for record in records:
            found.append(record)
            if len(found) == CHUNK or self._stopped.is_set():
                break
        return found

    def _put(self, item: list[Prepared] | BaseException | None) -> None:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=0.2)
            except queue.Full:
                continue
            return

    def _told_apart(self, packed: list[tuple[Any, ...]]) -> list[Prepared]:
        """Those that can be stored and have not come before in this run."""
        found: list[Prepared] = []
        for item in packed:
            if len(item) == len(Fault._fields):
                fault = Fault(*item)
                self._skip(fault.path, fault.id, fault.reason)
                continue
            prepared = Prepared(*item)
            before = self._seen.setdefault(prepared.id, prepared.content)
            if before is prepared.content:
                found.append(prepared)
                continue
            self.tally.duplicates += 1
            if before != prepared.content:
                reason = "another data set with this id and version came first"
                self._skip(prepared.path, prepared.id, reason)
        return found

    def _skip(self, path: str, name: str, reason: str) -> None:
        self.tally.skipped.append(Skip(path, name, reason))
