"""The reading half of a sync: records are rendered, packed and compared, on a thread of its own."""

from __future__ import annotations

import queue
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import orjson

from lca_rag.index.catalogue import Catalogue, unpack_record
from lca_rag.index.columns import column_values
from lca_rag.index.derived import digest
from lca_rag.index.report import Progress
from lca_rag.index.texts import record_text
from lca_rag.index.writer import Writer
from lca_rag.readers.context import Skip
from lca_rag.record import Record
from lca_rag.record_json import to_json
from lca_rag.render import embedding_text, search_fields

CHUNK = 128
"""Records that are compared with the catalogue at once."""
QUEUED_CHUNKS = 24
"""Chunks that may wait for the encoder; what bounds the memory of a run."""
_PACKING = 3  # zlib level: 4 is no smaller here, 1 is hardly faster


@dataclass(frozen=True, slots=True)
class Prepared:
    """One record, ready to be stored."""

    id: str
    database: str
    text: bytes
    """Hash of the embedding text."""
    document: str
    """The embedding text."""
    row: tuple[object, ...] | None = None
    """The row to stage; `None` if the catalogue holds it as it is."""
    body: tuple[bytes, bytes, bytes] | None = None
    """Content hash, packed record and packed search fields; `None` if stored already."""


@dataclass
class Tally:
    """What the reading thread counted; read by others once it is done."""

    read: int = 0
    duplicates: int = 0
    skipped: list[Skip] = field(default_factory=list[Skip])


def pack(value: bytes) -> bytes:
    """Compressed for storage."""
    return zlib.compress(value, _PACKING)


def pack_fields(record: Record) -> bytes:
    """The packed search fields."""
    return pack(orjson.dumps(search_fields(record)))


def _provenance(record: Record) -> bytes | None:
    found = record.provenance
    return orjson.dumps((found.path, found.format, found.repairs)) if found else None


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
        self._keys = keys
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
            chunk: list[Record] = []
            for record in self._records:
                if self._stopped.is_set():
                    return
                self.tally.read += 1
                chunk.append(record)
                if len(chunk) == CHUNK:
                    self._put(self._compare(chunk))
                    chunk = []
            self._put(self._compare(chunk))
            self._put(None)
        except BaseException as exc:  # handed to the thread that waits, whatever it is
            self._put(exc)

    def _put(self, item: list[Prepared] | BaseException | None) -> None:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=0.2)
            except queue.Full:
                continue
            return

    def _compare(self, records: list[Record]) -> list[Prepared]:
        packed = [found for record in records if (found := self._pack(record)) is not None]
        known = {
            row[0]: (row[1], row[2])
            for row in self._catalogue.rows_in(
                "SELECT id, content, text FROM records WHERE id IN ({})",
                [record.id for record, _, _ in packed],
            )
        }
        return [
            self._prepare(record, content, body, known.get(record.id))
            for record, content, body in packed
        ]

    def _pack(self, record: Record) -> tuple[Record, bytes, bytes] | None:
        """The record with its content hash and JSON, unless it cannot be or was already stored."""
        try:
            body = to_json(replace(record, provenance=None))
        except ValueError as exc:
            self._skip(record, f"it cannot be stored: {exc}")
            return None
        content = digest(body)
        before = self._seen.setdefault(record.id, content)
        if before is not content:
            self.tally.duplicates += 1
            if before != content:
                self._skip(record, "another data set with this id and version came first")
            return None
        return record, content, body

    def _skip(self, record: Record, reason: str) -> None:
        path = record.provenance.path if record.provenance else record.database
        self.tally.skipped.append(Skip(path, record.id, reason))

    def _prepare(
        self, record: Record, content: bytes, body: bytes, known: tuple[bytes, bytes] | None
    ) -> Prepared:
        document = record_text(record) if record.kind == "text" else embedding_text(record)
        text = self._keys.get(record.id) or digest(document.encode())
        if known == (content, text):
            return Prepared(record.id, record.database, text, document)
        row = (
            record.id,
            record.key,
            *column_values(record),
            content,
            text,
            _provenance(record),
        )
        return Prepared(
            record.id,
            record.database,
            text,
            document,
            row,
            (content, pack(body), pack_fields(record)),
        )
