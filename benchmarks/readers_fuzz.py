"""Feed broken files to every reader; print what happened, and each input that did harm.

    python -m benchmarks.readers_fuzz [--inputs 100000] [--guided SECONDS] [--shared ../shared]

Each input is a number: the same number gives the same file. Workers run with a limit of 1 GB above
their start, and 5 s of processor time per input; a worker that dies names the input it was at.
`--guided` runs the coverage-guided fuzzer atheris (`pip install atheris`) on the same seeds.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from tests import mutations
from tests.mutations import Seed, mutate, seeds, survive

SECONDS = 5
MEMORY = 1 << 30
LARGEST = 200_000


class Slow(BaseException):
    """More processor time than an input may take; no `except Exception` may hide it."""


def all_seeds(shared: Path | None) -> list[Seed]:
    """Our own small files, and those of the shared folder that are small enough."""
    found = seeds()
    if shared is None:
        return found
    wanted = ("ecospold", "simapro", "olca-schema", "tidas-sdk", "jsonld-bw2io")
    for path in sorted((shared / "data").rglob("*")):
        inside = path.relative_to(shared / "data").parts[0]
        if path.is_file() and inside.startswith(wanted) and path.stat().st_size < LARGEST:
            found.append((path.suffix, path.read_bytes()))
    return found


def broken(number: int, all_: list[Seed]) -> Seed:
    """The input of a number."""
    source = random.Random(number)
    suffix, data = source.choice(all_)
    if source.random() < 0.1:
        other = source.choice(all_)[1]
        data = data[: source.randrange(len(data) + 1)] + other[source.randrange(len(other) + 1) :]
    if source.random() < 0.1:
        suffix = source.choice((".xml", ".json", ".csv", ".zip", ".7z", ".xlsx", ".txt", ""))
    return suffix, mutate(data, source)


def _too_slow(_signal: int, _frame: FrameType | None) -> None:
    raise Slow


def attempt(path: Path) -> tuple[int, int, str | None, float]:
    """Records, rejections, fault and seconds of reading one file."""
    start = time.process_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    records, rejected, fault = 0, 0, None
    try:
        records, rejected = survive(path)
    except Slow:
        fault = f"more than {SECONDS} s"
    except MemoryError:
        fault = "more than 1 GB"
    except Exception as exc:
        fault = f"{type(exc).__name__}: {str(exc)[:300]}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return records, rejected, fault, time.process_time() - start


def work(first: int, count: int, shared: Path | None) -> None:
    """One worker: a line of JSON before each thousand inputs and after each fault."""
    all_ = all_seeds(shared)
    signal.signal(signal.SIGVTALRM, _too_slow)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    tally: Counter[str] = Counter()
    slowest = (0.0, -1)
    with tempfile.TemporaryDirectory(dir=_memory_folder()) as folder:
        for number in range(first, first + count):
            suffix, data = broken(number, all_)
            path = Path(folder, f"input-{number}{suffix}")
            path.write_bytes(data)
            print(json.dumps({"at": number}), flush=True)
            records, rejected, fault, seconds = attempt(path)
            path.unlink()
            slowest = max(slowest, (seconds, number))
            tally.update(inputs=1, records=records, rejections=rejected)
            if fault is not None:
                print(json.dumps({"number": number, "fault": fault}), flush=True)
    status = Path("/proc/self/status").read_text()  # `ru_maxrss` starts at the parent's
    peak = int(next(line.split()[1] for line in status.splitlines() if "VmHWM" in line)) // 1024
    print(json.dumps({"tally": tally, "slowest": slowest, "peak_mb": peak}), flush=True)


def _memory_folder() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def lines(command: list[str]) -> Iterator[dict[str, Any]]:
    """What a worker says, and a last line if it died."""
    at = -1
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as worker:
        assert worker.stdout is not None
        for line in worker.stdout:
            said: dict[str, Any] = json.loads(line)
            if "at" in said:
                at = said["at"]
            else:
                yield said
    if worker.returncode:
        yield {"number": at, "fault": f"the worker ended with {worker.returncode}", "died": True}


def run(inputs: int, shared: Path | None, batch: int = 5000) -> int:
    """All inputs, batch by batch; gives the number of faults."""
    total: Counter[str] = Counter()
    slowest: list[float] = [0.0, -1]
    peak = faults = 0
    first = 0
    while first < inputs:
        count = min(batch, inputs - first)
        command = [sys.executable, "-m", "benchmarks.readers_fuzz", "--work", str(first)]
        command += ["--inputs", str(count)] + (["--shared", str(shared)] if shared else [])
        following = first + count
        for said in lines(command):
            if "fault" in said:
                faults += 1
                print(f"input {said['number']}: {said['fault']}", flush=True)
                if said.get("died"):
                    following = said["number"] + 1
            else:
                total.update(said["tally"])
                slowest = max(slowest, said["slowest"])
                peak = max(peak, said["peak_mb"])
        first = following
        print(f"{first:,} inputs, {faults} faults", flush=True)
    print(
        f"{total['inputs']:,} inputs: {total['records']:,} records read, "
        f"{total['rejections']:,} rejections in a sentence, {faults} faults; slowest input "
        f"{slowest[0]:.2f} s (number {slowest[1]}), peak memory {peak} MB"
    )
    return faults


def guided(seconds: int, shared: Path | None) -> None:
    """Run atheris, which mutates what reaches new lines of our readers; never returns."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["lca_rag.readers", "lca_rag.render"]):
        for name in [name for name in sys.modules if name.startswith("lca_rag.re")]:
            del sys.modules[name]
        harness = importlib.reload(mutations)
    folder = Path(tempfile.mkdtemp(dir=_memory_folder()))
    corpus = folder / "corpus"
    corpus.mkdir()
    for index, (suffix, data) in enumerate(all_seeds(shared)):
        (corpus / f"{index}{suffix}").write_bytes(data)
    path = folder / "input"

    def one(data: bytes) -> None:
        path.write_bytes(data)
        harness.survive(path)

    limits = [f"-max_total_time={seconds}", "-timeout=5", "-rss_limit_mb=1500"]
    atheris.Setup([sys.argv[0], *limits, "-max_len=60000", str(corpus)], one)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--shared", type=Path)
    parser.add_argument("--guided", type=int)
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.guided:
        guided(options.guided, options.shared)
    elif options.work is not None:
        work(options.work, options.inputs, options.shared)
    else:
        sys.exit(1 if run(options.inputs, options.shared) else 0)


if __name__ == "__main__":
    main()
