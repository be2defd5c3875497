"""What the tests of both hosts share: an index of a few data sets, a ticker of the event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from lca_rag import Index, Record, embedding_text
from lca_rag.record import Exchange, Licence, Name, Period, Place, Text
from tests.hash_encoder import HashEncoder

PLACES = ("DE", "CN", "RER", "US")
PRODUCTS = ("steel sheet, hot rolled", "aluminium ingot, primary", "cement clinker")


def process(number: int) -> Record:
    """A data set: product by number, then place, then year."""
    product = PRODUCTS[number % 3]
    place = PLACES[(number // 3) % 4]
    return Record(
        database="shop",
        uuid=f"00000000-0000-4000-8000-{number:012d}",
        version="01.00.000",
        kind="process",
        name=Name(base=Text.of(product)),
        place=Place(code=place),
        period=Period(reference_year=2015 + number // 12),
        data_type="Unit process, single operation",
        comment=Text.of(f"Line {number}.\n\nA second paragraph stays one."),
        exchanges=(
            Exchange(
                id="0",
                flow=Text.of(product),
                direction="output",
                amount=1.0,
                unit="kg",
                reference=True,
            ),
            Exchange(
                id="1",
                flow=Text.of("electricity"),
                direction="input",
                amount=1.5 + number,
                unit="kWh",
            ),
        ),
        licence=Licence(type="CC0"),
    )


RECORDS = [process(number) for number in range(24)]


def make_index(folder: Path, encoder: HashEncoder | None = None) -> Index:
    """An index of `RECORDS`, open."""
    index = Index.open(folder, encoder=encoder or HashEncoder())
    index.sync(RECORDS)
    return index


TICK = 0.05
"""Seconds between two ticks."""


class Ticks(NamedTuple):
    """How a ticker of the event loop fared while something was awaited."""

    number: int
    seconds: float
    """How long the work took."""
    longest: float
    """Longest pause between two ticks, in seconds."""

    @property
    def free(self) -> bool:
        """Whether the loop was free: at least every fourth tick came, and no pause was long.

        An idle machine gives nearly every tick; a loaded one keeps the ticker waiting as well.
        A blocked loop gives no tick and one pause as long as the work, which must be over a second.
        """
        assert self.seconds > 1, f"too short to tell: {self}"
        return self.number >= 0.25 * self.seconds / TICK and self.longest < 0.5 * self.seconds


async def ticks_during(work: Awaitable[Any]) -> Ticks:
    """What a 50 ms ticker of the event loop sees while `work` is awaited."""
    moments = [time.perf_counter()]

    async def tick() -> None:
        while True:
            await asyncio.sleep(TICK)
            moments.append(time.perf_counter())

    ticker = asyncio.create_task(tick())
    await work
    ticker.cancel()
    ends = [*moments, time.perf_counter()]
    pauses = [after - before for before, after in pairwise(ends)]
    return Ticks(len(moments) - 1, ends[-1] - ends[0], max(pauses))


def long_enough(encode: Callable[[list[str]], Any]) -> list[str]:
    """As many texts as keep `encode` busy for about two seconds on this machine."""
    texts = [embedding_text(record) for record in RECORDS]
    encode(texts[:1])
    start = time.perf_counter()
    encode(texts)
    return texts * (1 + int(2.5 / (time.perf_counter() - start)))


class Crowd:
    """Counts how many calls of a function run at once."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.calls = self.now = self.most = 0
        self.lock = threading.Lock()

    def __get__(self, instance: Any, owner: Any = None) -> Callable[..., Any]:
        return partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with self.lock:
            self.calls += 1
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.02)
        try:
            return self.function(*args, **kwargs)
        finally:
            with self.lock:
                self.now -= 1


def slow(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, but over a second long."""

    def slowly(*args: Any, **kwargs: Any) -> Any:
        time.sleep(1.1)
        return function(*args, **kwargs)

    return slowly
