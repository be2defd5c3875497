"""One index: a catalogue, the files and the Chroma collection derived from it, and one writer."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self
from uuid import uuid4

import numpy as np
from numpy.typing import ArrayLike

from lca_rag.encoders import Encoder, Fingerprint
from lca_rag.errors import IndexStateError
from lca_rag.index import catalogue as catalogues
from lca_rag.index.binding import bind, check, store_fingerprint, stored_fingerprint
from lca_rag.index.catalogue import Catalogue
from lca_rag.index.derived import LEXICAL, Deriver, digest
from lca_rag.index.lock import WriterLock
from lca_rag.index.mirror import EmbeddedMirror, pending
from lca_rag.index.preparation import pack, pack_fields
from lca_rag.index.snapshot import Snapshot
from lca_rag.index.sync import Progress, SyncReport, checked_vectors, synchronise
from lca_rag.index.texts import DATABASE, text_record
from lca_rag.index.writer import Change, Writer
from lca_rag.readers.context import Skip
from lca_rag.record import Record, version_key

_OPEN_ATTEMPTS = 20


def _silent(_stage: str, _done: int) -> None:
    """Tell nobody."""


class Index:
    """Databases of records, embedded and ready for search.

    Any number of processes may read one index while one writes to it; readers see the last
    committed state. Methods may be called from any thread.
    """

    def __init__(self, folder: Path, catalogue: Catalogue, encoder: Encoder | None) -> None:
        self.folder = folder
        self._catalogue = catalogue
        self._encoder = encoder
        self._deriver = Deriver(folder)
        self._lock = WriterLock(folder)
        self._mirror = EmbeddedMirror(folder, self._lock)
        self._mutex = threading.RLock()
        self._snapshot: Snapshot | None = None
        self._snapshot_mutex = threading.Lock()

    @classmethod
    def open(
        cls, location: str | Path, *, encoder: Encoder | None = None, create: bool = True
    ) -> Self:
        """Open an index, or make an empty one.

        Args:
            location: A folder.
            encoder: What makes and searches its vectors; without one, texts that are new cannot
                be stored.
            create: Whether to make the index if there is none.

        Raises:
            IndexStateError: If there is no index and none can be made.
            FingerprintMismatch: If another encoder made it.
        """
        folder = Path(location)
        if create and not (folder / catalogues.FILE_NAME).exists():
            catalogues.create(folder)
        folder = folder.resolve()
        catalogue = Catalogue.open(folder)
        if encoder is not None and catalogue.state().generation:
            check(catalogue, encoder)
        return cls(folder, catalogue, encoder)

    def __enter__(self) -> Self:
        """The index itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close files and connections. Snapshots that were taken lose their records."""
        with self._mutex:
            self._mirror.close()
            self._catalogue.close()

    @property
    def encoder(self) -> Encoder | None:
        """The encoder that the index was opened with."""
        return self._encoder

    @property
    def fingerprint(self) -> Fingerprint | None:
        """Which encoder made the vectors; `None` before the first."""
        return stored_fingerprint(self._catalogue)

    # ---- reading

    def snapshot(self) -> Snapshot:
        """The last committed state; the same object until there is a newer one.

        Raises:
            IndexStateError: If files of the state are missing.
        """
        with self._snapshot_mutex:
            for attempt in range(_OPEN_ATTEMPTS):
                state = self._catalogue.state()
                if self._snapshot is not None and self._snapshot.generation == state.generation:
                    return self._snapshot
                try:
                    self._snapshot = Snapshot(
                        self._catalogue, self.folder, state.files, self._mirror.query
                    )
                except (OSError, ValueError) as exc:  # a newer state may have replaced it just now
                    if attempt == _OPEN_ATTEMPTS - 1 or state == self._catalogue.state():
                        raise IndexStateError(
                            f"{self.folder}: the files of state {state.generation} cannot be read "
                            f"({exc}); run `lca-rag repair`"
                        ) from exc
            return self._snapshot  # type: ignore[return-value]  # set, or raised above

    def get(self, id: str) -> Record | None:
        """A record by its id; by `database/uuid` or UUID alone, the newest version of it."""
        found = self._catalogue.records(self._catalogue.ids(id))
        return max(found, key=lambda record: version_key(record.version), default=None)

    def versions(self, key: str) -> list[Record]:
        """Every version that `database/uuid`, or a UUID, has; newest first."""
        found = self._catalogue.records(self._catalogue.ids(key))
        return sorted(found, key=lambda record: version_key(record.version), reverse=True)

    def databases(self) -> list[tuple[str, dict[str, int]]]:
        """Each database with how many records of each kind it holds."""
        found: dict[str, dict[str, int]] = {}
        for database, kind, count in self._catalogue.counts():
            found.setdefault(database, {})[kind] = count
        return list(found.items())

    def info(self) -> dict[str, object]:
        """What is in the index, by which encoder, in which state."""
        fingerprint = self.fingerprint
        run = self._catalogue.meta("run")
        return {
            "location": str(self.folder),
            "generation": self._catalogue.state().generation,
            "databases": {name: counts for name, counts in self.databases()},
            "encoder": self._catalogue.meta("encoder"),
            "fingerprint": fingerprint.to_json() if fingerprint else None,
            "run": json.loads(run) if run else None,
            "chroma": {
                **self._mirror.info(),
                "state": self._catalogue.meta("chroma_state"),
                "pending": pending(self._catalogue),
            },
            "bytes": sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file()),
        }

    # ---- writing

    def sync(
        self,
        records: Iterable[Record],
        *,
        prune: bool = False,
        complete: bool = True,
        progress: Progress | None = None,
        skipped: Sequence[Skip] = (),
    ) -> SyncReport:
        """Store records that are new or changed; leave the others alone.

        Readers see all of it at once, at the end. A run that is interrupted, or whose source
        raises, changes no record, and what it embedded is not embedded again.

        Args:
            records: What was read, in any order; consumed on a thread of its own.
            prune: Remove what was not read, within the databases that occur in `records`. What
                the reader skipped stays.
            complete: Whether `records` is all there is; nothing is removed otherwise.
            progress: Told a stage and how many records it has done so far.
            skipped: What the reader skips, looked at when it is done.

        Raises:
            IndexLocked: If another process is writing.
            FingerprintMismatch: If another encoder made the index.
        """
        tell = progress or _silent
        began = time.monotonic()
        with self._writing() as writer:
            self._note_run(writer, None)
            report = self._store(
                writer, records, prune=prune, complete=complete, progress=tell, skipped=skipped
            )
            self._finish(writer, tell)
            report = replace(report, seconds=time.monotonic() - began)
            self._note_run(writer, report)
        return report

    def _store(
        self,
        writer: Writer,
        records: Iterable[Record],
        *,
        prune: bool = False,
        complete: bool = True,
        progress: Progress = _silent,
        skipped: Sequence[Skip] = (),
    ) -> SyncReport:
        return synchronise(
            writer,
            self._catalogue,
            records,
            encoder=self._encoder,
            derive=self._deriver.derive,
            prune=prune,
            complete=complete,
            skipped=skipped,
            progress=progress,
        )

    def add_texts(
        self,
        texts: Sequence[str],
        *,
        vectors: ArrayLike | None = None,
        ids: Sequence[str] | None = None,
        metadatas: Sequence[Mapping[str, object]] | None = None,
        database: str = DATABASE,
        fingerprint: Fingerprint | None = None,
    ) -> list[str]:
        """Store a host's free texts as records of kind "text"; known ids are replaced.

        Args:
            texts: The texts, embedded as they are.
            vectors: Their vectors, shape (n, d); made by the index's encoder if `None`.
            ids: Names of the texts within `database`; made up if `None`.
            metadatas: JSON-able metadata of each text.
            database: Where they go.
            fingerprint: What made `vectors`, for an index that holds none yet.

        Returns:
            Record ids, in the order of `texts`.
        """
        names = [str(uuid4()) for _ in texts] if ids is None else list(ids)
        metadata = metadatas if metadatas is not None else [{} for _ in texts]
        records = [
            text_record(text, name, metadata=facts, database=database)
            for text, name, facts in zip(texts, names, metadata, strict=True)
        ]
        last = list({record.id: record for record in records}.values())
        with self._writing(bound=vectors is None) as writer:
            if vectors is not None:
                self._store_given(writer, texts, vectors, fingerprint)
            self._store(writer, last)
            self._finish(writer, _silent)
        return [record.id for record in records]

    def _store_given(
        self,
        writer: Writer,
        texts: Sequence[str],
        vectors: ArrayLike,
        fingerprint: Fingerprint | None,
    ) -> None:
        """Store vectors that the caller made, so that the sync finds them."""
        stored = stored_fingerprint(writer)
        if stored is None or not writer.rows("SELECT 1 FROM records LIMIT 1"):
            stored = fingerprint or Fingerprint("given by the caller", "", "", _width(vectors), 0)
            with writer.transaction():
                store_fingerprint(writer, stored)
        rows = checked_vectors(vectors, len(texts), stored.dimension)
        packed = [(digest(text.encode()), pack(text.encode())) for text in texts]
        with writer.transaction():
            writer.add_vectors(stored.key, packed, rows)

    def delete(self, ids: Iterable[str]) -> int:
        """Remove records by id; unknown ids are ignored.

        Returns:
            How many records were removed.
        """
        wanted = list(ids)
        with self._writing(bound=False) as writer:
            present = [
                row[0] for row in writer.rows_in("SELECT id FROM records WHERE id IN ({})", wanted)
            ]
            change: Change = writer.publish(self._deriver.derive, remove=lambda _: present)
            self._finish(writer, _silent)
        return change.removed

    def repair(self, progress: Progress | None = None) -> dict[str, object]:
        """Make the derived files and the Chroma collection anew from the catalogue.

        Nothing is embedded. Use it after a crash, or after a release changed what is searched by.

        Returns:
            What `info` says afterwards.
        """
        tell = progress or _silent
        with self._writing(bound=False) as writer:
            integrity = writer.rows("PRAGMA quick_check")[0][0]
            if integrity != "ok":
                raise IndexStateError(
                    f"{writer.path}: the catalogue itself is damaged ({integrity}); "
                    "index again into a new folder"
                )
            self._refresh_fields(writer, tell)
            shutil.rmtree(self.folder / LEXICAL, ignore_errors=True)
            writer.publish(self._deriver.derive, force=True)
            self._mirror.reset(writer)
            self._finish(writer, tell)
        return self.info()

    def _refresh_fields(self, writer: Writer, progress: Progress) -> None:
        """Render what words are searched in again, from the stored records."""
        contents = [row[0] for row in writer.rows("SELECT content FROM bodies")]
        for start in range(0, len(contents), 500):
            bodies = writer.rows_in(
                "SELECT content, body FROM bodies WHERE content IN ({})",
                contents[start : start + 500],
            )
            fresh = [
                (pack_fields(catalogues.unpack_record(body, None)), name) for name, body in bodies
            ]
            with writer.transaction() as connection:
                connection.executemany("UPDATE bodies SET fields = ? WHERE content = ?", fresh)
            progress("read", start + len(fresh))

    @contextmanager
    def _writing(self, *, bound: bool = True) -> Iterator[Writer]:
        """The catalogue for writing, under the lock, tied to the encoder if `bound`."""
        with self._mutex, self._lock:
            writer = Writer.open(self.folder)
            try:
                if bound and self._encoder is not None:
                    bind(writer, self._encoder)
                yield writer
            finally:
                writer.close()

    def _finish(self, writer: Writer, progress: Progress) -> None:
        """What follows a publication: Chroma, and the files of states that nobody needs."""
        self._mirror.update(writer, progress)
        self._deriver.tidy(writer.state().files)

    @staticmethod
    def _note_run(writer: Writer, report: SyncReport | None) -> None:
        """Keep what the last run did, or that one has begun."""
        note: dict[str, object] = {"time": time.time(), "finished": report is not None}
        if report is not None:
            note |= {
                name: getattr(report, name)
                for name in ("read", "added", "updated", "unchanged", "removed", "seconds")
            }
            note["skipped"] = len(report.skipped)
        with writer.transaction():
            writer.set_meta("run", json.dumps(note))


def _width(vectors: ArrayLike) -> int:
    """Length of each vector.

    Raises:
        ValueError: If the vectors are no table of numbers.
    """
    shape = np.shape(vectors)
    if len(shape) != 2:
        raise ValueError(f"vectors must have the shape (texts, dimension), not {shape}")
    return int(shape[1])
