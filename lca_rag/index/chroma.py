"""The Chroma collection of an index, which LangChain and LlamaIndex read as it is.

Traps of Chroma that this room is built around, each with a regression test: an existing collection
silently keeps its own space and metadata; `upsert` merges metadata; `add` keeps an old record under
a known id; batches are limited; two engines on one folder lose and double records; a hard kill can
break an embedded collection so that opening it hangs or crashes the process.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from lca_rag.encoders import Fingerprint
from lca_rag.errors import IndexStateError

BATCH = 250
"""Records per write, as Chroma's documentation advises; never above its own limit."""
EF_SEARCH = 500
"""Width of the HNSW search; the default of 100 loses a third of the hits on hard data."""
EF_CONSTRUCTION = 200
SERVER_SECONDS = 120.0
"""After which a server that does not answer is given up."""
COLLECTION = "lca"
FOLDER = "chroma"

Value = str | int | float | bool | list[str] | list[int] | list[float] | list[bool]
Metadata = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Row:
    """One record as Chroma holds it."""

    id: str
    document: str
    """The embedding text."""
    metadata: Metadata
    vector: NDArray[np.float32]


@contextmanager
def embedded_client(folder: Path) -> Iterator[Any]:
    """Chroma's engine on a folder; the writer's lock must be held.

    It is closed at the end, because a second engine on the same files would see a stale state.
    """
    import chromadb

    folder.mkdir(parents=True, exist_ok=True)
    # Without `_env_file` Chroma takes settings from a `.env` in the working directory.
    settings = chromadb.Settings(_env_file=None, is_persistent=True)
    path = str(folder.resolve())
    try:
        client = chromadb.PersistentClient(path, settings=settings)
    except Exception as exc:  # Chroma raises bare Rust errors here
        _forget_engine(path)
        raise IndexStateError(
            f"{folder}: Chroma's files cannot be opened ({exc}); run `lca-rag repair`"
        ) from exc
    try:
        yield client
    finally:
        client.close()


def _forget_engine(path: str) -> None:
    """Drop the half-started engine that Chroma keeps by path and would give out again."""
    from chromadb.api.shared_system_client import SharedSystemClient

    SharedSystemClient._identifier_to_system.pop(path, None)
    SharedSystemClient._identifier_to_refcount.pop(path, None)


@contextmanager
def server_client(host: str, port: int, ssl: bool) -> Iterator[Any]:
    """A connection to a Chroma server.

    Raises:
        IndexStateError: If no Chroma server answers.
    """
    import chromadb

    try:
        client = chromadb.HttpClient(
            host=host, port=port, ssl=ssl, settings=chromadb.Settings(_env_file=None)
        )
    except ValueError as exc:
        raise IndexStateError(
            f"no Chroma server answers at {host}:{port}; start one with `chroma run --port {port}`"
        ) from exc
    # Chroma waits for ever, and its `close` leaves both of its sessions open: see to that here.
    owners = (client, getattr(client, "_admin_client", None))
    servers = (getattr(owner, "_server", None) for owner in owners)
    sessions = [found for server in servers if (found := getattr(server, "_session", None))]
    for session in sessions:
        session.timeout = SERVER_SECONDS
    try:
        yield client
    finally:
        client.close()
        for session in sessions:
            session.close()


@contextmanager
def server_errors(place: object) -> Iterator[None]:
    """Let what goes wrong on the way to a server, or there, be told in one sentence."""
    import httpx
    from chromadb.errors import ChromaError

    try:
        yield
    except httpx.HTTPError as exc:
        raise IndexStateError(
            f"{place}: the Chroma server does not answer ({exc}); look whether it runs, then sync "
            "again"
        ) from exc
    except ChromaError as exc:
        raise IndexStateError(f"{place}: the Chroma server refuses: {exc}") from exc


class Collection:
    """One collection, opened or created as this index needs it, and checked."""

    def __init__(self, raw: Any, batch: int) -> None:
        self.raw = raw
        self.batch = batch

    @classmethod
    def open(
        cls,
        client: Any,
        name: str,
        fingerprint: Fingerprint,
        *,
        create: bool = True,
    ) -> Collection:
        """Open the collection `name`, or create it with cosine space and our fingerprint.

        Raises:
            IndexStateError: If a collection of this name is of another space or encoder.
        """
        if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,510}[a-zA-Z0-9]", name):
            raise IndexStateError(
                f"{name!r} is no name for a Chroma collection: it takes 3 to 512 letters, digits, "
                "dots, underscores and hyphens, beginning and ending with a letter or digit"
            )
        existing = {found.name for found in client.list_collections()}
        if name in existing:
            raw = client.get_collection(name, embedding_function=None)
        elif create:
            raw = client.create_collection(
                name,
                configuration={
                    "hnsw": {
                        "space": "cosine",
                        "ef_search": EF_SEARCH,
                        "ef_construction": EF_CONSTRUCTION,
                    }
                },
                metadata={
                    "lca_fingerprint": json.dumps(fingerprint.to_json(), sort_keys=True),
                    "lca_dimension": fingerprint.dimension,
                },
                embedding_function=None,
            )
        else:
            raise IndexStateError(f"the Chroma server holds no collection {name!r}")
        collection = cls(raw, min(BATCH, client.get_max_batch_size()))
        collection.check(name, fingerprint)
        return collection

    def check(self, name: str, fingerprint: Fingerprint) -> None:
        """Read back what Chroma really keeps.

        Raises:
            IndexStateError: If it is not what this index needs.
        """
        configuration = self.raw.configuration.get("hnsw") or {}
        space = configuration.get("space")
        if space != "cosine":
            raise IndexStateError(
                f"the Chroma collection {name!r} measures {space!r}, this index needs 'cosine'; "
                "give another name, or delete the collection"
            )
        stored = (self.raw.metadata or {}).get("lca_fingerprint")
        if stored is None or Fingerprint.from_json(json.loads(stored)) != fingerprint:
            raise IndexStateError(
                f"the Chroma collection {name!r} belongs to another encoder ({stored}); "
                "give another name, or delete the collection"
            )

    def count(self) -> int:
        """Number of records."""
        return int(self.raw.count())

    def forget(self, ids: Sequence[str]) -> None:
        """Remove records; unknown ids are no error."""
        for start in range(0, len(ids), self.batch):
            self.raw.delete(ids=list(ids[start : start + self.batch]))

    def add(self, rows: Sequence[Row]) -> None:
        """Add records whose ids are not there (remove changed ones first: upserts would merge)."""
        for start in range(0, len(rows), self.batch):
            part = rows[start : start + self.batch]
            self.raw.add(
                ids=[row.id for row in part],
                embeddings=np.stack([row.vector for row in part]),
                documents=[row.document for row in part],
                metadatas=[row.metadata for row in part],
            )

    def query(
        self, vector: NDArray[np.float32], k: int, where: Mapping[str, object] | None
    ) -> list[tuple[str, float]]:
        """Ids and cosines of the `k` nearest records, best first."""
        number = min(k, self.count())
        if number < 1:
            return []
        found = self.raw.query(
            query_embeddings=np.asarray(vector, dtype=np.float32)[None, :],
            n_results=number,
            where=dict(where) if where else None,
            include=["distances"],
        )
        pairs = zip(found["ids"][0], found["distances"][0], strict=True)
        return [(name, 1.0 - float(distance)) for name, distance in pairs]

    def ours(self, ids: Sequence[str]) -> list[str]:
        """Those of `ids` that an index of ours wrote."""
        found: list[str] = []
        for start in range(0, len(ids), self.batch):
            part = self.raw.get(ids=list(ids[start : start + self.batch]), include=["metadatas"])
            rows = zip(part["ids"], part["metadatas"], strict=True)
            found += [name for name, metadata in rows if "lca_content" in (metadata or {})]
        return found

    def ids(self) -> set[str]:
        """Every id, fetched page by page."""
        found: set[str] = set()
        total = self.count()
        for start in range(0, total, 1000):
            found.update(self.raw.get(limit=1000, offset=start, include=[])["ids"])
        return found


def flat_metadata(values: Mapping[str, object]) -> Metadata:
    """Metadata as Chroma takes it: text, booleans, finite numbers, and lists of one of these.

    What Chroma would lose or refuse is left out (unknown values, NaN, infinity, reserved keys) or
    written as JSON (mappings, mixed lists, integers beyond 64 bits).
    """
    flat: Metadata = {}
    for name, value in values.items():
        unknown = value is None or (isinstance(value, float) and not math.isfinite(value))
        if name and not name.startswith("chroma:") and not unknown:
            flat[name] = value if _taken(value) else json.dumps(value, ensure_ascii=False)
    return flat


def _taken(value: object) -> TypeGuard[Value]:
    """Whether Chroma keeps a value as it is."""
    if isinstance(value, list):
        kinds = {type(item) for item in value}
        return len(kinds) == 1 and not isinstance(value[0], list) and all(map(_taken, value))
    if isinstance(value, int):
        return abs(value) < 2**63
    return isinstance(value, str) or (isinstance(value, float) and math.isfinite(value))


def encode_body(body: bytes) -> str:
    """A packed record as metadata text."""
    return b64encode(body).decode("ascii")


def decode_body(text: str) -> bytes:
    """The packed record within metadata text.

    Raises:
        IndexStateError: If the text is no packed record.
    """
    try:
        body = b64decode(text, validate=True)
        zlib.decompress(body)
    except (ValueError, zlib.error) as exc:
        raise IndexStateError(f"a record in the Chroma collection is damaged: {exc}") from exc
    return body


_HEALTH_CHECK = """
import sys
from lca_rag.index.chroma import embedded_client
from pathlib import Path
with embedded_client(Path(sys.argv[1])) as client:
    for found in client.list_collections():
        raw = client.get_collection(found.name, embedding_function=None)
        size = raw.count()
        row = raw.get(limit=1, include=["embeddings", "documents", "metadatas"])
        if size:
            raw.query(query_embeddings=row["embeddings"], n_results=min(size, 10))
"""


def healthy(folder: Path, *, timeout: float = 60.0) -> bool:
    """Whether Chroma's files can be opened, read and searched; tried in a process of its own.

    A broken index makes Chroma spin, fill the disk or crash; the process is ended after `timeout`
    seconds and cannot take this one with it.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-c", _HEALTH_CHECK, str(folder)],
            timeout=timeout,
            capture_output=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
