"""Bring an index in step with what was read, embedding only what is new.

Reading and rendering run on one thread, encoding on another. Records are encoded in windows that
grow with what is waiting, sorted by length, in slices of a few seconds; what a slice gave is
committed at once, so that a killed run loses no more than that.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

import orjson

from lca_rag.encoders import Encoder
from lca_rag.errors import IndexStateError
from lca_rag.index.catalogue import Catalogue
from lca_rag.index.packing import Prepared, pack
from lca_rag.index.preparation import Preparation
from lca_rag.index.report import Progress, SyncReport, silent
from lca_rag.index.vectors import checked_vectors
from lca_rag.index.writer import Writer
from lca_rag.readers.context import Skip
from lca_rag.record import Record

Derive = Callable[[Catalogue, int], str]
Remove = Callable[[Catalogue, Sequence[Skip]], Iterable[str]]

WINDOW = 2048
"""Texts that are sorted by length together."""
_SLICE_SECONDS = 4.0
_FIRST_SLICE = 32
_ROW = re.compile(r"#\d+$")
"""The row that the provenance of a table's record ends with; a skip names the whole file."""


def keep_all(_catalogue: Catalogue, _skipped: Sequence[Skip]) -> tuple[str, ...]:
    """Removes nothing."""
    return ()


@dataclass
class _Run:
    """What is counted on the encoding side."""

    writer: Writer
    encoder: Encoder | None
    key: str
    dimension: int
    progress: Progress
    embedded: int = 0
    unchanged: int = 0
    _slice: int = field(default=_FIRST_SLICE)

    def store(self, window: Sequence[Prepared]) -> None:
        """Stage the records of a window, and make the vectors that are missing."""
        writer = self.writer
        with writer.transaction():
            writer.see((item.id, item.database) for item in window)
            writer.add_bodies(item.body for item in window if item.body)
            writer.stage(item.row for item in window if item.row)
        self.unchanged += sum(item.row is None for item in window)
        missing = writer.without_vector(self.key, (item.text for item in window))
        if missing:
            self._embed({item.text: item.document for item in window if item.text in missing})

    def _embed(self, texts: dict[bytes, str]) -> None:
        if self.encoder is None:
            raise IndexStateError(
                f"{self.writer.path.parent}: {len(texts)} new texts need an encoder; "
                "open the index with encoder=..."
            )
        ordered = sorted(texts.items(), key=lambda item: len(item[1]), reverse=True)
        start = 0
        while start < len(ordered):
            part = ordered[start : start + self._slice]
            began = time.monotonic()
            vectors = checked_vectors(
                self.encoder.encode_documents([text for _, text in part]), len(part), self.dimension
            )
            self._adapt(time.monotonic() - began)
            with self.writer.transaction():
                packed = [(key, pack(text.encode())) for key, text in part]
                self.writer.add_vectors(self.key, packed, vectors)
            start += len(part)
            self.embedded += len(part)
            self.progress("embedded", self.embedded)

    def _adapt(self, seconds: float) -> None:
        """Let a slice take a few seconds: long enough to batch well, short enough to lose."""
        if seconds < _SLICE_SECONDS / 2:
            self._slice = min(self._slice * 2, WINDOW)
        elif seconds > _SLICE_SECONDS * 2:
            self._slice = max(self._slice // 2, _FIRST_SLICE)


def synchronise(
    writer: Writer,
    reader: Catalogue,
    records: Iterable[Record],
    *,
    encoder: Encoder | None,
    derive: Derive,
    remove: Remove = keep_all,
    keys: Mapping[str, bytes] | None = None,
    progress: Progress = silent,
) -> SyncReport:
    """Store what is new or changed in `records`; the catalogue's part of `Index.sync`.

    Args:
        writer: The catalogue, with the writer's lock held; its fingerprint is set.
        reader: The same catalogue for the reading thread.
        records: What was read; consumed on another thread.
        encoder: Makes missing vectors; may be `None` if none will be missing.
        derive: Writes the derived files.
        remove: Names the ids to remove, knowing what was seen and what could not be stored.
        keys: Keys of vectors that are stored already, by record id; filled while reading.
        progress: Told how far the run is.
    """
    run = _Run(
        writer,
        encoder,
        writer.meta("fingerprint_key") or "",
        int(writer.meta("dimension") or 0),
        progress,
    )
    with writer.transaction():
        writer.clear_staging()
    with Preparation(records, reader, {} if keys is None else keys) as preparation:
        for window in _windows(preparation):
            progress("read", preparation.tally.read)
            run.store(window)
    tally = preparation.tally
    change = writer.publish(derive, remove=lambda catalogue: remove(catalogue, tally.skipped))
    return SyncReport(
        read=tally.read,
        added=change.added,
        updated=change.updated,
        unchanged=run.unchanged,
        removed=change.removed,
        skipped=tuple(tally.skipped),
        embedded=run.embedded,
        duplicates=tally.duplicates,
    )


def _windows(preparation: Preparation) -> Iterator[list[Prepared]]:
    """Chunks joined while more are waiting, so that the encoder never waits for a full window."""
    window: list[Prepared] = []
    for chunk in preparation:
        window += chunk
        if len(window) >= WINDOW or not preparation.waiting():
            yield window
            window = []
    if window:
        yield window


def pruner(skipped: Sequence[Skip]) -> Remove:
    """Removes what was not seen, but for what the reader skipped (looked at when it is done)."""
    return lambda catalogue, unstored: unseen(catalogue, (*skipped, *unstored))


def unseen(catalogue: Catalogue, skipped: Sequence[Skip]) -> list[str]:
    """Ids that this run did not see, in the databases that it saw, but for what it skipped."""
    gone = catalogue.rows(
        "SELECT id, uuid, provenance FROM records "
        "WHERE database IN (SELECT DISTINCT database FROM seen) "
        "AND id NOT IN (SELECT id FROM seen)"
    )
    names = {skip.record for skip in skipped if skip.record}
    files = {part for skip in skipped for part in _file_names(skip.path)[-1:]}
    return [
        name
        for name, uuid, provenance in gone
        if name not in names
        and uuid not in names
        and not (provenance and files & set(_file_names(orjson.loads(provenance)[0])))
    ]


def _file_names(path: str) -> list[str]:
    """The bare names of an archive and of the member in it, outermost first, without a row."""
    whole = _ROW.sub("", path)
    return [PurePath(part.replace("\\", "/")).name for part in whole.split("!")]
