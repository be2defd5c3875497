"""One index: a catalogue, the files and the Chroma collection derived from it, and one writer."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from numpy.typing import ArrayLike

from lca_rag.encoders import Encoder, Fingerprint
from lca_rag.errors import IndexStateError
from lca_rag.index.adoption import (
    adoption_folder,
    foreign_collection,
    pages,
    take_over,
    verify_sample,
    width_of,
)
from lca_rag.index.binding import (
    bind,
    check,
    store_fingerprint,
    stored_fingerprint,
    unknown_fingerprint,
)
from lca_rag.index.catalogue import Catalogue, create_catalogue, is_made
from lca_rag.index.given import store_given
from lca_rag.index.location import Location
from lca_rag.index.preparation import refresh_fields
from lca_rag.index.reading import Reading
from lca_rag.index.report import (
    INCOMPLETE,
    Progress,
    SyncReport,
    cut_note,
    double_note,
    silent,
    texts_cut,
    untold,
)
from lca_rag.index.sync import keep_all, pruner, synchronise, unseen
from lca_rag.index.texts import DATABASE, text_records
from lca_rag.index.writer import Writer
from lca_rag.readers.context import Skip
from lca_rag.record import Record, database_slug

if TYPE_CHECKING:
    from chromadb import Collection as ChromaCollection


class Index(Reading):
    """Databases of records, embedded and ready for search.

    Any number of processes may read one index while one writes to it; readers see the last
    committed state. Methods may be called from any thread.
    """

    @classmethod
    def open(
        cls,
        location: str | Path,
        *,
        encoder: Encoder | None = None,
        create: bool = True,
        catalogue: Path | None = None,
    ) -> Self:
        """Open an index, or make an empty one.

        Args:
            location: A folder, or "http://HOST:PORT/COLLECTION" of a Chroma server.
            encoder: What makes and searches its vectors; without one, texts that are new cannot
                be stored.
            create: Whether to make the index if there is none.
            catalogue: Where this machine keeps its catalogue of a collection on a server; by
                default in the user's cache (`LCA_RAG_CACHE`).

        Raises:
            IndexStateError: If there is no index and none can be made.
            FingerprintMismatch: If another encoder made it.
        """
        server = Location.parse(str(location))
        folder = (catalogue or server.folder()) if server else Path(location)
        if (create or server) and not is_made(folder):
            create_catalogue(folder)
        folder = folder.resolve()
        index = cls(folder, Catalogue.open(folder), encoder, server)
        try:
            index._catch_up()
            if server and not create and not index._catalogue.state().generation:
                raise IndexStateError(f"{server}: no index is here; make one with `lca-rag index`")
            if encoder is not None and index._catalogue.state().generation:
                check(index._catalogue, encoder)
        except BaseException:
            index.close()
            raise
        return index

    @classmethod
    def from_chroma(
        cls,
        collection: object,
        *,
        encoder: Encoder | None = None,
        folder: Path | None = None,
        name: str | None = None,
        database: str | None = None,
        reembed: bool = False,
    ) -> Self:
        """Adopt a Chroma collection that something else wrote, without changing it.

        Its rows are copied into an index of their own, with their vectors; called again, what is
        new there is added, what changed is changed and what left is removed. A row that carries a
        record of ours becomes that record, any other a record of kind "text" whose UUID is the id
        in the collection.

        Args:
            collection: A chromadb collection, a folder that Chroma wrote (which no other process
                may have open), or "http://HOST:PORT/COLLECTION".
            encoder: What made the vectors, checked on a sample; needed to search by text.
            folder: Where the copy lies; by default in the user's cache (`LCA_RAG_CACHE`).
            name: Name of the collection, for a folder that holds several.
            database: Database of the texts; made from the collection's name by default.
            reembed: Make all vectors anew with `encoder` instead of taking those that are there.

        Raises:
            FingerprintMismatch: If `encoder` did not make the vectors.
            IndexStateError: If there is no such collection.
        """
        with foreign_collection(collection, name) as raw:
            if encoder is not None and not reembed:
                verify_sample(raw, encoder)
            index = cls.open(folder or adoption_folder(raw), encoder=encoder)
            try:
                index._adopt(raw, database or database_slug(raw.name), reembed=reembed)
            except BaseException:
                index.close()
                raise
        return index

    def _adopt(self, raw: ChromaCollection, database: str, *, reembed: bool) -> None:
        with self._writing(bound=self._encoder is not None) as writer:
            if self._encoder is None and stored_fingerprint(writer) is None:
                with writer.transaction():
                    store_fingerprint(writer, unknown_fingerprint(width_of(raw)))
            take_over(
                writer,
                self._catalogue,
                pages(raw),
                database=database,
                derive=self._deriver.derive,
                remove=unseen,
                encoder=self._encoder if reembed else None,
            )
            self._finish(writer, silent)

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
        tell = progress or silent
        began = time.monotonic()
        cut_before = texts_cut(self._encoder)
        with untold(self._encoder, counting=True), self._writing() as writer:
            self._note_run(writer, None)
            report = synchronise(
                writer,
                self._catalogue,
                records,
                encoder=self._encoder,
                derive=self._deriver.derive,
                remove=pruner(skipped) if prune and complete else keep_all,
                progress=tell,
            )
            self._finish(writer, tell)
            report = replace(
                report,
                skipped=(*skipped, *report.skipped),
                seconds=time.monotonic() - began,
                notes=(
                    *((INCOMPLETE,) if prune and not complete else ()),
                    *double_note(report.duplicates),
                    *cut_note(texts_cut(self._encoder) - cut_before, report.embedded),
                ),
            )
            self._note_run(writer, report)
        return report

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
            vectors: Their vectors, shape (n, d), by the index's encoder if it was opened with one;
                made by that encoder if `None`.
            ids: Names of the texts within `database`; made up if `None`.
            metadatas: JSON-able metadata of each text.
            database: Where they go.
            fingerprint: What made `vectors`, for an index without encoder that holds none yet.

        Returns:
            Record ids, in the order of `texts`.
        """
        if not texts:
            return []
        records = text_records(texts, ids, metadatas, database)
        last = {record.id: position for position, record in enumerate(records)}
        with self._writing() as writer:
            keys: dict[str, bytes] = {}
            if vectors is not None:
                names = [record.id for record in records]
                made_by = self._encoder.fingerprint if self._encoder else fingerprint
                keys = store_given(writer, names, texts, vectors, made_by)
            synchronise(
                writer,
                self._catalogue,
                (records[position] for position in last.values()),
                encoder=self._encoder,
                derive=self._deriver.derive,
                keys=keys,
            )
            self._finish(writer, silent)
        return [record.id for record in records]

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
            change = writer.publish(self._deriver.derive, remove=lambda _: present)
            self._finish(writer, silent)
        return change.removed

    def repair(self, progress: Progress | None = None) -> dict[str, object]:
        """Make the derived files and the Chroma collection anew from the catalogue.

        Nothing is embedded. Use it after a crash, or after a release changed what is searched by.

        Returns:
            What `info` says afterwards.
        """
        tell = progress or silent
        with self._writing(bound=False) as writer:
            writer.check_integrity()
            refresh_fields(writer, tell)
            self._deriver.forget_words()
            writer.publish(self._deriver.derive, force=True)
            self._mirror.reset(writer)
            self._finish(writer, tell)
            writer.compact()
        return self.info()

    @contextmanager
    def _writing(self, *, bound: bool = True) -> Iterator[Writer]:
        """The catalogue for writing, under the lock, tied to the encoder if `bound`."""
        with self._mutex, self._lock:
            writer = Writer.open(self.folder)
            try:
                with self._mirror.session(writer):
                    if not self._deriver.stands(writer.state().files):
                        writer.publish(self._deriver.derive, force=True)
                    self._mirror.pull(writer, self._catalogue, self._deriver.derive)
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
