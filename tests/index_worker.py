"""What the tests of several processes run: `python -m tests.index_worker ROLE FOLDER ...`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lca_rag.index import Index
from lca_rag.record import Record
from lca_rag.render import embedding_text
from tests.hash_encoder import HashEncoder
from tests.index_records import make_record, make_records


class SlowEncoder(HashEncoder):
    """Takes about a millisecond a text, so that a run lasts long enough to be killed in."""

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:  # type: ignore[override]
        time.sleep(0.001 * len(texts))
        return super()._encode(texts)


def write(folder: str, count: str) -> None:
    """Sync `count` records, telling when the index is open and when the lock is held."""

    def source() -> Iterator[Record]:
        print("writing", flush=True)
        yield from make_records(int(count))

    with Index.open(folder, encoder=SlowEncoder()) as index:
        print("ready", flush=True)
        report = index.sync(source())
        print(report.added, report.unchanged, flush=True)


def rewrite(folder: str, count: str, rounds: str) -> None:
    """Sync the same records again and again, each time all of them with another note."""
    with Index.open(folder, encoder=HashEncoder()) as index:
        for number in range(int(rounds)):
            records = (make_record(i, note=f"round{number}") for i in range(int(count)))
            index.sync(records)


def watch(folder: str, count: str, stop: str) -> None:
    """Take snapshots until the file `stop` exists; fail if one is not whole."""
    encoder = HashEncoder()
    seen: set[str] = set()
    checked = 0
    with Index.open(folder, encoder=HashEncoder()) as index:
        while not Path(stop).exists() or not checked:
            snapshot = index.snapshot()
            assert len(snapshot) == int(count), f"{len(snapshot)} records in {snapshot.generation}"
            records = snapshot.records(range(len(snapshot)))
            notes = {str(record.name).split()[-1] for record in records}
            assert len(notes) == 1, f"a mixture of {notes} in {snapshot.generation}"
            vectors = encoder.encode_queries([embedding_text(record) for record in records])
            assert np.array_equal(snapshot.matrix, vectors), "vectors of another state"
            top = int(np.argmax(snapshot.lexical.scores(f"number7 {notes.copy().pop()}")))
            assert snapshot.ids[top] == make_record(7).id, "words of another state"
            seen |= notes
            checked += 1
            time.sleep(0.1)
    print(checked, len(seen), flush=True)


if __name__ == "__main__":
    roles: dict[str, Callable[..., None]] = {"write": write, "rewrite": rewrite, "watch": watch}
    roles[sys.argv[1]](*sys.argv[2:])
