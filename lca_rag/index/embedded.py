"""The Chroma collection within an index folder, for one process at a time."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lca_rag.errors import IndexStateError
from lca_rag.index.binding import stored_fingerprint
from lca_rag.index.catalogue import Catalogue
from lca_rag.index.chroma import COLLECTION, FOLDER, Collection, embedded_client, healthy
from lca_rag.index.lock import WriterLock
from lca_rag.index.mirror import mark_all, mirror, pending
from lca_rag.index.report import Progress, silent
from lca_rag.index.sync import Derive
from lca_rag.index.writer import Writer

logger = logging.getLogger(__name__)


class EmbeddedMirror:
    """Chroma's files within an index folder. Opened under the writer's lock alone."""

    def __init__(self, folder: Path, lock: WriterLock) -> None:
        self.folder = folder / FOLDER
        self._index_folder = folder
        self._lock = lock
        self._held = ExitStack()
        self._collection: Collection | None = None

    def behind(self, _catalogue: Catalogue) -> bool:
        """Never: here the catalogue is where things happen first."""
        return False

    def pull(self, writer: Writer, reader: Catalogue, derive: Derive) -> None:
        """Nothing to fetch."""

    @contextmanager
    def session(self, _writer: Writer) -> Iterator[None]:
        """The right to write, which the index's lock gives already."""
        yield

    def update(self, writer: Writer, progress: Progress) -> None:
        """Bring Chroma in step; what a killed run broke is thrown away and written anew."""
        state = writer.meta("chroma_state")
        if state == "clean" and self.folder.exists() and not pending(writer):
            return
        if state == "writing" and self.folder.exists():
            self._recover(writer)
        elif not self.folder.exists():
            mark_all(writer)
        self._set_state(writer, "writing")
        try:
            self._write(writer, progress)
        except Exception as exc:  # Chroma raises bare Rust errors for broken files
            logger.warning("%s: Chroma failed (%s); it is written anew", self.folder, exc)
            self.reset(writer)
            self._write_anew(writer, progress)
        self._set_state(writer, "clean")

    def _write_anew(self, writer: Writer, progress: Progress) -> None:
        try:
            self._write(writer, progress)
        except IndexStateError:
            raise
        except Exception as exc:
            raise IndexStateError(
                f"{self.folder}: Chroma cannot write here ({exc}). The records are stored and can "
                "be searched; make room, then run `lca-rag repair`"
            ) from exc

    def _recover(self, writer: Writer) -> None:
        """After a killed run: keep Chroma's files if they work, else drop them."""
        if healthy(self.folder):
            with writer.transaction() as connection:
                connection.execute("UPDATE records SET chroma = 1 WHERE chroma = 0")
        else:
            logger.warning("%s: broken by a killed run; it is written anew", self.folder)
            self.reset(writer)

    def _write(self, writer: Writer, progress: Progress) -> None:
        fingerprint = stored_fingerprint(writer)
        if fingerprint is None:
            return
        with embedded_client(self.folder) as client:
            mirror(writer, Collection.open(client, COLLECTION, fingerprint), progress)

    def reset(self, writer: Writer) -> None:
        """Throw Chroma's files away; the next update writes them from the catalogue.

        Raises:
            IndexStateError: If another program keeps them open.
        """
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.folder.exists():
            raise IndexStateError(
                f"{self.folder}: Chroma's files are in use; close what reads them"
            )
        mark_all(writer)

    def query(
        self, vector: NDArray[np.float32], k: int, where: Mapping[str, object] | None
    ) -> list[tuple[str, float]]:
        """The nearest records by Chroma; keeps the writer's lock from the first call until `close`.

        Raises:
            IndexLocked: If another process writes, or searches through Chroma as well.
        """
        if self._collection is None:
            self._collection = self._hold()
        return self._collection.query(vector, k, where) if self._collection else []

    def _hold(self) -> Collection | None:
        with ExitStack() as stack:
            stack.enter_context(self._lock)
            writer = Writer.open(self._index_folder)
            stack.callback(writer.close)
            self.update(writer, silent)
            fingerprint = stored_fingerprint(writer)
            if fingerprint is None:
                return None
            client = stack.enter_context(embedded_client(self.folder))
            collection = Collection.open(client, COLLECTION, fingerprint)
            self._held = stack.pop_all()
        return collection

    def close(self) -> None:
        """Let go of Chroma's files and the lock."""
        self._collection = None
        self._held.close()

    @property
    def place(self) -> str:
        """Where other programs find the collection."""
        return f"{self.folder}/{COLLECTION}"

    def _set_state(self, writer: Writer, state: str) -> None:
        with writer.transaction():
            writer.set_meta("chroma_state", state)
