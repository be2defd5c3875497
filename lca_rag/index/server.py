"""An index on a Chroma server: each machine keeps a catalogue, the collection joins them.

Every row carries its record and the generation that wrote it, so a catalogue on another machine
asks only for what is newer than what it has. The collection's own metadata tells the generation,
and who is writing.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from lca_rag.encoders import Fingerprint
from lca_rag.errors import IndexLocked, IndexStateError
from lca_rag.index.adoption import pages, take_over
from lca_rag.index.binding import store_fingerprint, stored_fingerprint
from lca_rag.index.catalogue import Catalogue
from lca_rag.index.chroma import Collection, server_client, server_errors
from lca_rag.index.location import Location
from lca_rag.index.mirror import mark_all, mirror, pending
from lca_rag.index.report import Progress
from lca_rag.index.sync import Derive
from lca_rag.index.writer import Writer
from lca_rag.record import database_slug

logger = logging.getLogger(__name__)

BEAT_SECONDS = 20.0
STALE_SECONDS = 120.0
"""A writer that has shown no sign of life for so long is taken for dead."""
_SETTLE_SECONDS = 0.3
ASK_SECONDS = 2.0
"""How often a reader asks the server whether there is a newer state."""


class ServerMirror:
    """The collection on a server, and this machine's place in its history."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self._stack = ExitStack()
        self._client: Any = None
        self._asked = 0.0
        self._mutex = threading.RLock()

    # ---- reading

    def behind(self, catalogue: Catalogue) -> bool:
        """Whether the collection has a whole state that the catalogue lacks; asked now and then."""
        if time.monotonic() - self._asked < ASK_SECONDS and catalogue.state().generation:
            return False
        facts = self._facts()
        self._asked = time.monotonic()
        if not facts or facts.get("lca_token") == catalogue.meta("remote_token"):
            return False
        if facts.get("lca_dirty") and not catalogue.state().generation:
            raise IndexStateError(
                f"{self.location}: the collection is being written, or a run was cut off; wait "
                "until it is done, or sync again"
            )
        return not facts.get("lca_dirty")

    def pull(self, writer: Writer, reader: Catalogue, derive: Derive) -> None:
        """Bring the catalogue to the state of the collection. The local lock must be held."""
        facts = self._facts()
        if not facts or facts.get("lca_token") == writer.meta("remote_token"):
            return
        with server_errors(self.location):
            self._fetch(writer, reader, derive, facts)

    def _fetch(
        self, writer: Writer, reader: Catalogue, derive: Derive, facts: Mapping[str, Any]
    ) -> None:
        raw = self._open_client().get_collection(self.location.collection, embedding_function=None)
        self._take_binding(writer, facts)
        known = int(writer.meta("remote_generation") or 0)
        pulled: list[str] = []

        def changed() -> Iterator[Any]:
            for page in pages(raw, where={"lca_generation": {"$gt": known}}):
                pulled.extend(page["ids"])
                yield page

        def gone(catalogue: Catalogue, _skipped: object) -> list[str]:
            there = set(raw.get(include=[])["ids"])
            here = catalogue.rows("SELECT id FROM records WHERE chroma = 2")
            return [name for (name,) in here if name not in there]

        take_over(
            writer,
            reader,
            changed(),
            database=database_slug(self.location.collection),
            derive=derive,
            remove=gone,
        )
        with writer.transaction() as connection:
            connection.executemany(
                "UPDATE records SET chroma = 2 WHERE id = ?", ((name,) for name in pulled)
            )
            connection.execute("DELETE FROM departed")
            writer.set_meta("remote_generation", str(facts.get("lca_generation", 0)))
            writer.set_meta("remote_token", str(facts.get("lca_token", "")))

    def query(
        self, vector: NDArray[np.float32], k: int, where: Mapping[str, object] | None
    ) -> list[tuple[str, float]]:
        """The nearest records by the server's search."""
        with server_errors(self.location):
            client = self._open_client()
            raw = client.get_collection(self.location.collection, embedding_function=None)
            return Collection(raw, client.get_max_batch_size()).query(vector, k, where)

    def close(self) -> None:
        """Close the connection."""
        with self._mutex:
            self._client = None
            self._stack.close()

    @property
    def place(self) -> str:
        """Where other programs find the collection."""
        return str(self.location)

    # ---- writing

    @contextmanager
    def session(self, writer: Writer) -> Iterator[None]:
        """The right to write to the collection, for as long as the block lasts.

        Raises:
            IndexLocked: If a writer on another machine has it.
        """
        self._lease(writer)
        stopped = threading.Event()
        beat = threading.Thread(target=self._beat, args=(writer, stopped), daemon=True)
        beat.start()
        try:
            yield
        finally:
            stopped.set()
            beat.join()
            facts = self._facts()
            if facts and not facts.get("lca_dirty"):
                self._change({"lca_writer": ""})

    def update(self, writer: Writer, progress: Progress) -> None:
        """Write what the collection lacks; readers wait for the end of it."""
        fingerprint = stored_fingerprint(writer)
        facts = self._facts()
        if not facts:
            mark_all(writer)  # the collection was never there, or somebody deleted it
        if fingerprint is None or not (pending(writer) or facts.get("lca_dirty")):
            return
        with server_errors(self.location):
            self._push(writer, fingerprint, progress)

    def _push(self, writer: Writer, fingerprint: Fingerprint, progress: Progress) -> None:
        generation = int(writer.meta("remote_generation") or 0) + 1
        collection = Collection.open(self._open_client(), self.location.collection, fingerprint)
        self._change(
            {
                "lca_dirty": True,
                "lca_writer": _signature(writer),
                "lca_encoder": writer.meta("encoder") or "",
                "lca_probes": _pack_probes(writer),
            }
        )
        mirror(writer, collection, progress, generation=generation)
        token = uuid4().hex
        self._change({"lca_dirty": False, "lca_generation": generation, "lca_token": token})
        with writer.transaction():
            writer.set_meta("remote_generation", str(generation))
            writer.set_meta("remote_token", token)
            writer.set_meta("chroma_state", "clean")

    def reset(self, writer: Writer) -> None:
        """Let the next update write every record again."""
        with writer.transaction() as connection:
            connection.execute("UPDATE records SET chroma = 1")

    def _lease(self, writer: Writer) -> None:
        facts = self._facts()
        if not facts:
            return
        self._check_free(facts, writer)
        self._change({"lca_writer": _signature(writer)})
        time.sleep(_SETTLE_SECONDS)  # the server knows no transactions: look whether we were alone
        self._check_free(self._facts(), writer)

    def _check_free(self, facts: Mapping[str, Any], writer: Writer) -> None:
        holder = json.loads(facts.get("lca_writer") or "{}")
        alive = time.time() - float(holder.get("time", 0)) < STALE_SECONDS
        if alive and holder["catalogue"] != _catalogue_name(writer):
            raise IndexLocked(
                f"{self.location}: a process on {holder['host']} is writing to this collection; "
                "wait until it is done"
            )

    def _beat(self, writer: Writer, stopped: threading.Event) -> None:
        while not stopped.wait(BEAT_SECONDS):
            try:
                if self._facts():
                    self._change({"lca_writer": _signature(writer)})
            except IndexStateError as exc:  # the next beat may reach the server again
                logger.warning("%s: no sign of life could be left: %s", self.location, exc)

    # ---- the collection's own metadata

    def _open_client(self) -> Any:
        with self._mutex:
            if self._client is None:
                place = self.location
                self._client = self._stack.enter_context(
                    server_client(place.host, place.port, place.ssl)
                )
            return self._client

    def _facts(self) -> dict[str, Any]:
        """The metadata of the collection; empty if there is no collection yet."""
        with self._mutex, server_errors(self.location):
            client = self._open_client()
            name = self.location.collection
            if name not in {found.name for found in client.list_collections()}:
                return {}
            raw = client.get_collection(name, embedding_function=None)
            return dict(raw.metadata or {})

    def _change(self, facts: Mapping[str, object]) -> None:
        """Change some of the metadata; Chroma knows only how to replace all of it."""
        with self._mutex, server_errors(self.location):
            raw = self._open_client().get_collection(
                self.location.collection, embedding_function=None
            )
            raw.modify(metadata={**(raw.metadata or {}), **facts})

    def _take_binding(self, writer: Writer, facts: Mapping[str, Any]) -> None:
        stored = facts.get("lca_fingerprint")
        if not stored:
            raise IndexStateError(
                f"{self.location}: this collection was written by something else; adopt it with "
                "Index.from_chroma"
            )
        with writer.transaction() as connection:
            store_fingerprint(writer, Fingerprint.from_json(json.loads(stored)))
            writer.set_meta("encoder", facts.get("lca_encoder") or "")
            connection.execute("DELETE FROM probes")
            connection.executemany("INSERT INTO probes VALUES (?, ?)", _unpack_probes(facts))


def _catalogue_name(writer: Writer) -> str:
    """What tells this catalogue from every other; made up on first use."""
    name = writer.meta("catalogue")
    if name is None:
        name = uuid4().hex
        with writer.transaction():
            writer.set_meta("catalogue", name)
    return name


def _signature(writer: Writer) -> str:
    return json.dumps(
        {"catalogue": _catalogue_name(writer), "host": socket.gethostname(), "time": time.time()}
    )


def _pack_probes(writer: Writer) -> str:
    probes = [
        (text, b64encode(vector).decode())
        for text, vector in writer.rows("SELECT text, vector FROM probes")
    ]
    return b64encode(zlib.compress(json.dumps(probes).encode())).decode()


def _unpack_probes(facts: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    packed = facts.get("lca_probes")
    probes = json.loads(zlib.decompress(b64decode(packed))) if packed else []
    return [(text, b64decode(vector)) for text, vector in probes]
