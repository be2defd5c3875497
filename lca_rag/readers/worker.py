"""A process that reads portions of a package for another one. `pool` starts it, nobody else.

It speaks in frames on its standard streams, and ends when its input does: so no worker outlives
the process that it works for, however that one ends.
"""

from __future__ import annotations

import gc
import marshal
import os
import queue
import signal
import struct
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import IO, Any

from lca_rag.readers.context import ReadContext, ReadReport
from lca_rag.readers.portions import Portion
from lca_rag.readers.sessions import Fact, PartedReader, Session
from lca_rag.record import Record

__all__ = ["LENGTH", "count", "main"]

LENGTH = struct.Struct("<Q")
"""What stands before each frame."""
_GENERATIONS = (20_000, 50, 100)
"""A portion makes few cycles but many objects, so Python's own rhythm would look at them often."""

Make = Callable[[list[Record]], list[Any]]


def count(records: list[Record], report: ReadReport, format: str) -> None:
    """Count records as read, and what was mended in them."""
    for record in records:
        report.read[f"{format}/{record.kind}"] += 1
        if record.provenance is not None and record.provenance.repairs:
            report.repaired.update(record.provenance.repairs)


class Worker:
    """Answers tasks about one session at a time."""

    def __init__(self) -> None:
        """Wait to be told what to do."""
        self._make: Make = list
        self._reader: PartedReader | None = None
        self._session: Session | None = None
        self._portion = Portion("")
        self._database = ""
        self._context = ReadContext("")

    def work(self, module: str, name: str, arguments: tuple[object, ...]) -> None:
        """Make of records what a function's function makes of them."""
        self._make = getattr(import_module(module), name)(*arguments)

    def begin(self, format: str, database: str, label: str) -> None:
        """Begin a session of a format."""
        from lca_rag.readers import READERS  # which imports this module in turn

        found: Any = next(reader for reader in READERS if reader.format == format)
        self._reader, self._database = found, database
        self._portion = Portion(label)
        self._context = ReadContext(database, on_skip=lambda _: None)
        self._session = found.session(self._portion, self._context)
        self._session.knowledge.deferred = True

    def learn(self, blobs: list[bytes]) -> None:
        """Take up what all workers met in the rounds before."""
        assert self._session is not None  # noqa: S101 (the other side is our own)
        for blob in blobs:
            for fact in marshal.loads(blob):  # noqa: S302 (from our own process)
                self._session.knowledge.take(fact)

    def read(self, number: int, members: list[tuple[str, Any]]) -> tuple[Any, ...] | None:
        """Records made of members, and all that is to be reported; `None` if it cannot be done.

        Whoever asked then reads the members again by itself, and meets whatever was met here.
        """
        session, reader, context = self._session, self._reader, self._context
        assert session is not None  # noqa: S101
        assert reader is not None  # noqa: S101
        context.report = report = ReadReport()
        news: list[Fact] = []
        session.knowledge.news = news
        strays = session.strays
        self._portion.hold(dict(members))
        try:
            records = [record for name, _ in members for record in session.member(name, number)]
            made = self._make(records)
        except Exception:
            made = None
        counts = session.take_counts()
        if made is None or session.strays != strays:
            return None
        count(records, report, reader.format)
        skipped = [(skip.path, skip.reason, skip.record) for skip in report.skipped]
        counters = [
            dict(counter)
            for counter in (report.read, report.repaired, report.unmapped, report.ignored)
        ]
        return made, skipped, counters, counts, marshal.dumps(news)


def main() -> None:
    """Answer every task that comes in, in order, till the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whom we work for is interrupted, and ends us
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is printed must not hit a frame
    gc.freeze()
    gc.set_threshold(*_GENERATIONS)
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(sys.stdin.buffer, tasks), daemon=True).start()
    threading.Thread(target=_send, args=(output, answers), daemon=True).start()
    worker = Worker()
    while True:
        name, *arguments = marshal.loads(tasks.get())  # noqa: S302 (from our own process)
        answer = getattr(worker, name)(*arguments)
        if name == "read":
            answers.put(marshal.dumps(answer))


def _receive(stream: IO[bytes], tasks: queue.SimpleQueue[bytes]) -> None:
    """Take in tasks as they come, so that whoever sends them never waits."""
    while len(head := stream.read(LENGTH.size)) == LENGTH.size:
        tasks.put(stream.read(LENGTH.unpack(head)[0]))
    os._exit(0)


def _send(stream: IO[bytes], answers: queue.SimpleQueue[bytes]) -> None:
    """Give answers while the next ones are made; few can wait, since few tasks are given out."""
    try:
        while True:
            answer = answers.get()
            stream.write(LENGTH.pack(len(answer)))
            stream.write(answer)
            stream.flush()
    except OSError:
        os._exit(0)
