"""Who waits for whom at a server, and how long a request may take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Literal, TypeVar

import anyio
from starlette.exceptions import HTTPException

from lca_rag.operations import Lane

T = TypeVar("T")

Room = Lane | Literal["encode"]
"""Lanes of the operations, and one for texts that the OpenAI routes encode."""
THREADS, WAITING_THREADS = 4, 16
"""Requests at the same time where answers are computed here, and where they wait for a model."""


class Lanes:
    """Places for work beside the event loop.

    A search waits for no answer, and neither of them for what reads all records.
    """

    def __init__(self, threads: int, *, waits: bool, seconds: float | None = None) -> None:
        """Share the threads out.

        Args:
            threads: Pieces of work at the same time; one more encodes texts for the OpenAI routes.
            waits: Whether answers wait for a language model, and take little of this machine.
            seconds: Time for one request; no limit if `None`.
        """
        bulk = max(1, threads // 4)
        answer = max(1, threads // 2) if waits else bulk
        self.room: Mapping[Room, int] = {
            "quick": max(1, threads - answer - bulk),
            "answer": answer,
            "bulk": bulk,
            "encode": 1,
        }
        """Pieces of work at the same time, by lane."""
        self._seconds = seconds
        self._pools = {
            lane: ThreadPoolExecutor(size, thread_name_prefix=f"lca-rag {lane}")
            for lane, size in self.room.items()
        }

    async def run(self, work: Callable[[], T], lane: Room = "quick") -> T:
        """The result of blocking work.

        Raises:
            HTTPException: 503 if the time is over.
        """
        with self._in_time():
            return await self._turn(work, lane)

    async def turns(
        self,
        works: Iterable[Callable[[], T]],
        lane: Room,
        wanted: Callable[[], Awaitable[bool]],
    ) -> list[T]:
        """The results of pieces of work, each of which waits for its turn.

        Args:
            works: What to do, in order; the time holds for all of it.
            lane: Where.
            wanted: Asked before each piece; nothing further is done when it says no.

        Raises:
            HTTPException: 503 if the time is over, 499 if nobody wants the rest.
        """
        done: list[T] = []
        with self._in_time():
            for work in works:
                if not await wanted():
                    raise HTTPException(499, "whoever asked is gone")
                done.append(await self._turn(work, lane))
        return done

    async def _turn(self, work: Callable[[], T], lane: Room) -> T:
        # A thread cannot be stopped: where its caller is gone, it keeps its place until it ends, so
        # that slow work cannot pile up. (anyio's own limiter gives the place away at once.)
        return await asyncio.wrap_future(self._pools[lane].submit(work))

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        try:
            with anyio.fail_after(self._seconds):
                yield
        except TimeoutError as exc:
            raise HTTPException(
                503,
                f"no answer within {self._seconds:g} seconds; ask for less or try again later",
                headers={"Retry-After": "10"},
            ) from exc
