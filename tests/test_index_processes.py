"""Several processes on one index: killed writers, a second writer, readers beside a writer."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lca_rag.errors import IndexLocked
from lca_rag.index import Index
from lca_rag.index.chroma import COLLECTION, embedded_client, healthy
from lca_rag.render import embedding_text
from tests.conftest import ROOT
from tests.hash_encoder import HashEncoder
from tests.index_records import make_record, make_records

KILLS = 3
"""The whole claim, 20 kills with a real encoder, is `benchmarks/index_kill.py`."""


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.index_worker", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    return output


def check_whole(folder: Path, count: int) -> None:
    """Every record once, searchable, with the right vector, here and in Chroma."""
    encoder = HashEncoder()
    with Index.open(folder, encoder=encoder) as index:
        snapshot = index.snapshot()
        assert sorted(snapshot.ids) == sorted(record.id for record in make_records(count))
        records = snapshot.records(range(count))
        expected = encoder.encode_queries([embedding_text(record) for record in records])
        assert np.array_equal(snapshot.matrix, expected)
        assert snapshot.ids[int(snapshot.lexical.scores("number5").argmax())] == make_record(5).id
    with embedded_client(folder / "chroma") as client:
        raw = client.get_collection(COLLECTION, embedding_function=None)
        stored = raw.get(include=["embeddings"])
        assert sorted(stored["ids"]) == sorted(snapshot.ids)
        order = [snapshot.ids.index(name) for name in stored["ids"]]
        assert np.allclose(np.asarray(stored["embeddings"]), expected[order], atol=1e-6)
        nearest = raw.query(query_embeddings=expected[:20], n_results=1)
        hits = [ids[0] for ids in nearest["ids"]]
        assert hits == list(snapshot.ids[:20])


def test_killed_at_random_moments_then_one_more_run(tmp_path: Path) -> None:
    chance = random.Random(520)
    folder = tmp_path / "index"
    for _ in range(KILLS):
        process = start("write", folder, 600)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0.0, 1.5))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    finish(start("write", folder, 600))
    check_whole(folder, 600)


@pytest.mark.parametrize("moment", ["publish", "push"])
def test_killed_at_the_worst_moments(tmp_path: Path, moment: str) -> None:
    """Between the catalogue's commit and Chroma, and between Chroma's answer and its mark."""
    target = {
        "publish": "lca_rag.index.embedded.EmbeddedMirror.update",
        "push": "lca_rag.index.chroma.Collection.add",
    }[moment]
    module, name, method = target.rsplit(".", 2)
    code = f"""
import os, importlib
from lca_rag.index import Index
from tests.hash_encoder import HashEncoder
from tests.index_records import make_records
owner = getattr(importlib.import_module({module!r}), {name!r})
original = owner.{method}
def die(self, *arguments):
    if {moment!r} == "push":
        original(self, *arguments)
    os.kill(os.getpid(), 9)
owner.{method} = die
with Index.open({str(tmp_path)!r}, encoder=HashEncoder()) as index:
    index.sync(make_records(300))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    with Index.open(tmp_path, encoder=HashEncoder()) as index:
        assert len(index.snapshot()) == 300, "committed before the kill"
        assert index.sync(make_records(300)).unchanged == 300
    check_whole(tmp_path, 300)


def test_chroma_that_is_broken_after_a_kill_is_written_anew(tmp_path: Path) -> None:
    with Index.open(tmp_path, encoder=HashEncoder()) as index:
        index.sync(make_records(50))
    for path in (tmp_path / "chroma").rglob("*.sqlite3"):
        path.write_bytes(b"not a database" * 100)
    assert not healthy(tmp_path / "chroma")
    with Index.open(tmp_path, encoder=HashEncoder()) as index:
        assert index.sync(make_records(60)).embedded == 10
    check_whole(tmp_path, 60)


def test_health_check_ends_a_chroma_that_hangs(tmp_path: Path) -> None:
    with Index.open(tmp_path, encoder=HashEncoder()) as index:
        index.sync(make_records(5))
    assert not healthy(tmp_path / "chroma", timeout=0.01)
    assert healthy(tmp_path / "chroma")


def test_second_writing_process_gets_its_sentence_and_harms_nothing(tmp_path: Path) -> None:
    first = start("write", tmp_path, 1500)
    assert first.stdout is not None
    assert [first.stdout.readline() for _ in range(2)] == ["ready\n", "writing\n"]
    with Index.open(tmp_path, encoder=HashEncoder()) as second:
        with pytest.raises(IndexLocked, match="another process is writing"):
            second.sync(make_records(5, note="intruder"))
        assert len(second.snapshot()) == 0
    assert finish(first).split() == ["1500", "0"]
    check_whole(tmp_path, 1500)


def test_five_readers_beside_a_writer_see_whole_states(tmp_path: Path) -> None:
    folder, stop = tmp_path / "index", tmp_path / "stop"
    finish(start("rewrite", folder, 40, 1))
    readers = [start("watch", folder, 40, stop) for _ in range(5)]
    try:
        finish(start("rewrite", folder, 40, 6))
    finally:
        stop.touch()
    outputs = [finish(reader).split() for reader in readers]
    assert sum(int(checked) for checked, _ in outputs) >= 5
    assert max(int(states) for _, states in outputs) > 1, "no reader saw the index change"
