"""Load on a running server: many people who search and ask, with a second of thought in between.

    lca-rag serve --index tiangong.lca --workers 2 --keys keys.toml &
    python -m benchmarks.server_load --url http://127.0.0.1:8000 --questions FILE.jsonl --pid PID \\
        --key KEY --warm 60

The key needs `requests_per_minute = 0`, for all people come from one address.

Prints p50, p95 and worst per kind of request, errors, and the memory of the server's processes from
start to end. Memory is what the kernel calls PSS: a page that several processes share (libraries,
model, index files) counts in equal parts for each, so that the sum is what the server takes from
the machine. Their resident sets (RSS), which count such a page once for each, follow. Questions
come from a JSON Lines file with a field `query` or `question`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

LIMITS = {"search": 0.3, "ask": 1.5}
"""Seconds that 95 % of the requests must not exceed."""


@dataclass
class Tally:
    """What happened."""

    seconds: dict[str, list[float]] = field(
        default_factory=lambda: {"search": list[float](), "ask": list[float]()}
    )
    errors: list[str] = field(default_factory=list[str])
    memory: list[float] = field(default_factory=list[float])
    """MiB of PSS, every second."""
    resident: list[float] = field(default_factory=list[float])
    """MiB of RSS, every second."""


def questions(path: Path) -> list[str]:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return [str(row.get("query") or row.get("question")) for row in rows]


async def person(
    client: httpx.AsyncClient, asked: list[str], tally: Tally, until: float, seed: int
) -> None:
    """One person: think for a second, then search or ask, each as often."""
    chance = random.Random(seed)
    await asyncio.sleep(chance.random())
    while time.monotonic() < until:
        kind = chance.choice(("search", "ask"))
        words = chance.choice(asked)
        body = {"query": words, "k": 10} if kind == "search" else {"question": words}
        began = time.perf_counter()
        try:
            answer = await client.post(f"/api/{kind}", json=body)
            if answer.status_code != 200:
                tally.errors.append(f"{kind}: {answer.status_code} {answer.text[:200]}")
        except httpx.HTTPError as exc:
            tally.errors.append(f"{kind}: {type(exc).__name__} {exc}")
        tally.seconds[kind].append(time.perf_counter() - began)
        await asyncio.sleep(1.0)


def memory_of(pid: int) -> tuple[float, float]:
    """PSS and RSS in MiB of a process and of those that it started, added up."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    shared, whole = kib["Pss"] / 1024, kib["Rss"] / 1024
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        more = memory_of(int(child))
        shared, whole = shared + more[0], whole + more[1]
    return shared, whole


async def watch(pid: int, tally: Tally, until: float) -> None:
    """Note the memory of the server, every second."""
    while time.monotonic() < until:
        shared, whole = await asyncio.to_thread(memory_of, pid)
        tally.memory.append(shared)
        tally.resident.append(whole)
        await asyncio.sleep(1.0)


async def load(arguments: argparse.Namespace) -> Tally:
    tally = Tally()
    asked = questions(arguments.questions)
    headers = {"Authorization": f"Bearer {arguments.key}"} if arguments.key else {}
    limits = httpx.Limits(max_connections=arguments.users)
    async with httpx.AsyncClient(
        base_url=arguments.url, headers=headers, timeout=60, limits=limits
    ) as client:
        if arguments.warm:  # what is loaded on first use is no part of the measurement
            until = time.monotonic() + arguments.warm
            early = Tally()
            await asyncio.gather(
                *(person(client, asked, early, until, -1 - n) for n in range(arguments.users))
            )
        until = time.monotonic() + arguments.seconds
        people = [person(client, asked, tally, until, seed) for seed in range(arguments.users)]
        if arguments.pid:
            people.append(watch(arguments.pid, tally, until))
        await asyncio.gather(*people)
    return tally


def report(tally: Tally) -> bool:
    """Print the figures; whether every limit was kept."""
    kept = not tally.errors
    for kind, seconds in tally.seconds.items():
        p50, p95, worst = np.percentile(seconds, [50, 95, 100])
        kept = kept and p95 <= LIMITS[kind]
        print(
            f"{kind:>7}: {len(seconds)} requests, p50 {p50 * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms "
            f"(limit {LIMITS[kind] * 1000:.0f}), worst {worst * 1000:.0f} ms"
        )
    print(f" errors: {len(tally.errors)}")
    for error in tally.errors[:5]:
        print(f"         {error}")
    for name, values in (("PSS", tally.memory), ("RSS", tally.resident)):
        if values:
            fifth = max(1, len(values) // 5)
            early, late = np.mean(values[:fifth]), np.mean(values[-fifth:])
            print(
                f" memory: {name} first fifth {early:.0f} MiB, last fifth {late:.0f} MiB, "
                f"peak {max(values):.0f} MiB"
            )
    return bool(kept)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--warm", type=float, default=30, help="seconds before it counts")
    parser.add_argument("--pid", type=int, help="process whose memory is watched")
    parser.add_argument("--key", help="API key")
    raise SystemExit(0 if report(asyncio.run(load(parser.parse_args()))) else 1)


if __name__ == "__main__":
    main()
