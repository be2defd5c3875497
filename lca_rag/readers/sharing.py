"""A session shared out to workers, with the records in the order of one process.

The members of a wide round go out in chunks, in turn to each worker; answers are taken in the same
order. What a worker cannot do for certain - a member that is damaged, needs its whole archive, or
holds data sets of another round - this process does itself, exactly as it would alone.
"""

from __future__ import annotations

import marshal
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from lca_rag.errors import ReadError
from lca_rag.readers.context import ReadContext, ReadReport
from lca_rag.readers.files import OpenPackage
from lca_rag.readers.pool import Pool
from lca_rag.readers.sessions import Fact, PartedReader, Session
from lca_rag.readers.worker import count
from lca_rag.readers.zip_members import LARGEST, Where
from lca_rag.record import Record

__all__ = ["Batch", "shared_out"]

Batch = tuple[list[Any], ReadReport]
"""What was made of some records, and the counts of read and repaired ones among them."""
Make = Callable[[list[Record]], list[Any]]

WIDE = 256
"""Members of a round from which on it is shared out."""
_TOGETHER = 64
_TOGETHER_BYTES = 1 << 20
_AHEAD = 3
"""Chunks that each worker may have at once."""
_AHEAD_BYTES = 32 << 20

Chunk = tuple[Sequence[str], list[tuple[str, Where | bytes]] | None, int]
"""Names, what a worker needs to read them (`None`: it cannot), and unpacked bytes."""


def shared_out(
    reader: PartedReader,
    package: OpenPackage,
    names: Sequence[str],
    context: ReadContext,
    pool: Pool,
    make: Make,
) -> Iterator[Batch]:
    """What is made of every record of the members, in order; the workers know how to make it.

    Raises:
        ReadError: If a worker ends.
    """
    for members in reader.databases(names):
        pool.tell_all("begin", reader.format, context.database, package.label)
        session = reader.session(package, context)
        yield from _Sharing(reader.format, session, package, context, pool, make).run(members)


class _Sharing:
    """One session and what its workers have been told."""

    def __init__(
        self,
        format: str,
        session: Session,
        package: OpenPackage,
        context: ReadContext,
        pool: Pool,
        make: Make,
    ) -> None:
        self._format = format
        self._session = session
        self._package = package
        self._context = context
        self._pool = pool
        self._make = make
        self._log: list[bytes] = []
        """What was learnt, chunk by chunk."""
        self._known = 0
        """How much of the log is known here."""
        self._told = 0
        """How much of the log the workers were told."""

    def run(self, names: Sequence[str]) -> Iterator[Batch]:
        for number, members in self._session.rounds(names):
            if number in self._session.narrow or len(members) < WIDE:
                yield from self._here(members, number)
            else:
                yield from self._wide(members, number)
        self._session.finish()

    def _here(self, members: Iterable[str], number: int) -> Iterator[Batch]:
        """Members read by this process, with all that is known so far."""
        knowledge = self._session.knowledge
        knowledge.news = None
        for blob in self._log[self._known :]:
            for fact in marshal.loads(blob):  # noqa: S302 (from our own process)
                knowledge.take(fact)
        news: list[Fact] = []
        knowledge.news = news
        found = (record for name in members for record in self._session.member(name, number))
        while records := list(islice(found, _TOGETHER)):
            report = ReadReport()
            count(records, report, self._format)
            yield self._make(records), report
        self._log.append(marshal.dumps(news))
        self._known = len(self._log)

    def _wide(self, members: Sequence[str], number: int) -> Iterator[Batch]:
        pool, session = self._pool, self._session
        pool.tell_all("learn", self._log[self._told :])
        self._told = len(self._log)
        chunks = self._chunks(members)
        waiting: deque[tuple[Chunk, int | None]] = deque()
        turn = 0
        alone = False
        """Whether data sets are not where they belong, so that members may need each other."""
        while True:
            while len(waiting) < _AHEAD * len(pool) and (chunk := next(chunks, None)):
                worker = None
                if chunk[1] is not None and not alone:
                    worker, turn = turn, (turn + 1) % len(pool)
                    pool.tell(worker, "read", number, chunk[1])
                waiting.append(((chunk[0], None, chunk[2]), worker))
                if sum(size for (_, _, size), _ in waiting) > _AHEAD_BYTES:
                    break
            if not waiting:
                return
            (names, _, _), worker = waiting.popleft()
            answer = None if worker is None else pool.answer(worker)
            if answer is None or alone:
                strays = session.strays
                yield from self._here(names, number)
                alone |= session.strays != strays
            else:
                yield self._taken(answer)

    def _taken(self, answer: tuple[Any, ...]) -> Batch:
        """An answer as a batch, with all that it reports passed on."""
        made, skipped, counters, counts, news = answer
        for path, reason, record in skipped:
            self._context.skip(path, reason, record)
        read, repaired, unmapped, ignored = map(Counter[str], counters)
        self._context.report.unmapped.update(unmapped)
        self._context.report.ignored.update(ignored)
        self._session.add_counts(counts)
        self._log.append(news)
        return made, ReadReport(read=read, repaired=repaired)

    def _chunks(self, members: Sequence[str]) -> Iterator[Chunk]:
        names: list[str] = []
        places: list[tuple[str, Where | bytes]] = []
        total = 0
        for name in members:
            place = self._place(name)
            if place is None:
                if names:
                    yield names, places, total
                yield [name], None, 0
                names, places, total = [], [], 0
                continue
            names.append(name)
            places.append((name, place))
            total += len(place) if isinstance(place, bytes) else int(place[2])
            if len(names) == _TOGETHER or total >= _TOGETHER_BYTES:
                yield names, places, total
                names, places, total = [], [], 0
        if names:
            yield names, places, total

    def _place(self, name: str) -> Where | bytes | None:
        """Where a worker finds a member, or its bytes; `None` if it must be read here."""
        try:
            place = self._package.where(name)
        except ReadError:
            return None  # it is raised again, and told, when the member is read
        return None if isinstance(place, bytes) and len(place) > LARGEST else place
