"""The reading side of an index: records, counts and snapshots of the last committed state."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path
from typing import Self

from lca_rag.encoders import Encoder, Fingerprint
from lca_rag.errors import IndexStateError
from lca_rag.index.binding import stored_fingerprint
from lca_rag.index.catalogue import Catalogue
from lca_rag.index.derived import Deriver
from lca_rag.index.embedded import EmbeddedMirror
from lca_rag.index.location import Location
from lca_rag.index.lock import WriterLock
from lca_rag.index.mirror import Mirror, pending
from lca_rag.index.server import ServerMirror
from lca_rag.index.snapshot import Snapshot
from lca_rag.index.veil import Veil
from lca_rag.index.writer import Writer
from lca_rag.record import Record, version_key

logger = logging.getLogger(__name__)

_OPEN_ATTEMPTS = 20


class Reading:
    """What needs no lock. `Index` adds the writing."""

    def __init__(
        self,
        folder: Path,
        catalogue: Catalogue,
        encoder: Encoder | None,
        location: Location | None = None,
    ) -> None:
        self.folder = folder
        self._catalogue = catalogue
        self._encoder = encoder
        self._deriver = Deriver(folder)
        self._lock = WriterLock(folder)
        self._mirror: Mirror = (
            ServerMirror(location) if location else EmbeddedMirror(folder, self._lock)
        )
        self._mutex = threading.RLock()
        self._snapshot: Snapshot | None = None
        self._veil: Veil | None = None
        self._snapshot_mutex = threading.Lock()

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

    def put_veil(self, veil: Veil) -> None:
        """Let every record and column be read through `veil` from now on."""
        with self._snapshot_mutex:
            self._veil = veil
            self._snapshot = None

    @property
    def encoder(self) -> Encoder | None:
        """The encoder that the index was opened with."""
        return self._encoder

    @property
    def on_server(self) -> bool:
        """Whether the collection is on a Chroma server, where reading and writing share no lock."""
        return isinstance(self._mirror, ServerMirror)

    @property
    def fingerprint(self) -> Fingerprint | None:
        """Which encoder made the vectors; `None` before the first."""
        return stored_fingerprint(self._catalogue)

    def snapshot(self) -> Snapshot:
        """The last committed state; the same object until there is a newer one.

        Raises:
            IndexStateError: If files of the state are missing.
        """
        self._catch_up()
        with self._snapshot_mutex:
            for attempt in range(_OPEN_ATTEMPTS):
                state = self._catalogue.state()
                if self._snapshot is not None and self._snapshot.generation == state.generation:
                    return self._snapshot
                try:
                    self._snapshot = Snapshot(
                        self._catalogue,
                        self.folder,
                        state.files,
                        self._mirror.query,
                        veil=self._veil,
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
        return max(self._found(id), key=lambda record: version_key(record.version), default=None)

    def versions(self, key: str) -> list[Record]:
        """Every version that `database/uuid`, or a UUID, has; newest first."""
        found = self._found(key)
        return sorted(found, key=lambda record: version_key(record.version), reverse=True)

    def _found(self, id: str) -> list[Record]:
        found = self._catalogue.records(self._catalogue.ids(id))
        veil = self._veil
        return found if veil is None else [veil.visible(record) for record in found]

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
                "place": self._mirror.place,
                "state": self._catalogue.meta("chroma_state"),
                "pending": pending(self._catalogue),
            },
            "bytes": sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file()),
        }

    def _catch_up(self) -> None:
        """On a server, fetch what others wrote.

        The state that is here serves while the server is away, or somebody on this machine writes.

        Raises:
            IndexStateError: If there is no state here.
        """
        try:
            if not self._mirror.behind(self._catalogue):
                return
            with self._mutex, self._lock:
                writer = Writer.open(self.folder)
                try:
                    self._mirror.pull(writer, self._catalogue, self._deriver.derive)
                finally:
                    writer.close()
        except IndexStateError as exc:
            if not self._catalogue.state().generation:
                raise
            logger.warning("the last known state is used, because: %s", exc)
