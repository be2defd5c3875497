"""Indexes and workspaces over the demo database with an encoder that needs no model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

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
def demo_records() -> tuple[Record, ...]:
    """Every third record of the demo database, which is enough and quick to index."""
    return tuple(read(demo.path(), database="demo"))[::3]


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
