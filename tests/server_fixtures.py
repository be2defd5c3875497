"""Indexes and workspaces over the demo database with an encoder that needs no model."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from lca_rag import demo
from lca_rag.index import Index
from lca_rag.operations import Workspace
from lca_rag.readers import read
from lca_rag.record import Record, Text
from tests.hash_encoder import HashEncoder

HOSTILE = (
    '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script> ![x](http://evil/) \x1b[31m'
)


@cache
def whole_demo() -> tuple[Record, ...]:
    """Every record of the demo database."""
    return tuple(read(demo.path(), database="demo"))


def demo_records() -> tuple[Record, ...]:
    """Every third record of the demo database, which is enough and quick to index."""
    return whole_demo()[::3]


def secret_records(records: Sequence[Record]) -> list[Record]:
    """A database that some callers must not notice: like records, and words that occur nowhere."""
    return [
        replace(
            record,
            database="secret",
            comment=Text.of("zirconium unobtainium clandestine " + (record.comment.join() or "")),
        )
        for record in records[::2]
    ]


def build(folder: Path, records: Iterable[Record]) -> Path:
    """An index of these records in `folder`."""
    with Index.open(folder, encoder=HashEncoder()) as index:
        index.sync(records)
    return folder


def workspace(folder: Path) -> Workspace:
    """A workspace over an index that `build` made."""
    return Workspace.of(Index.open(folder, encoder=HashEncoder(), create=False))


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """The application on a real port of this machine; gives its URL."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        for _ in range(3_000):
            if server.started or not thread.is_alive():
                break
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
