"""Worker processes, and the frames that go to them and come back.

They are plain subprocesses: started from any thread, sharing no lock and no memory with it, and
without running the caller's main module again, as `multiprocessing` would.
"""

from __future__ import annotations

import json
import marshal
import os
import subprocess
import sys
from contextlib import suppress
from typing import IO, Any, cast

from lca_rag.errors import ReadError
from lca_rag.readers.worker import LENGTH

__all__ = ["SWITCH", "Pool", "wanted"]

SWITCH = "LCA_RAG_READ_WORKERS"
"""Environment variable: how many processes read a big source; 1 turns them off."""
_MOST = 2
"""Each takes some 100 MB where a hundred thousand flows must be known."""
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from lca_rag.readers.worker import main; main()"
)
_LAST_WORDS = 5.0
"""Seconds in which a process that closed its output must have ended."""


def wanted(asked: int | None) -> int:
    """How many workers to start for a big source; fewer than two for none.

    Raises:
        ReadError: If the environment variable is no number.
    """
    if asked is not None:
        return asked
    said = os.environ.get(SWITCH, "").strip()
    if said:
        if not said.isdecimal():
            raise ReadError(f"{SWITCH}={said!r} is no number of processes; say 1 for none")
        return int(said)
    return min(_cores(), _MOST) if _can_start() else 1


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _can_start() -> bool:
    """Whether there is an interpreter to start: a program frozen into one file has none."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


class Pool:
    """A number of workers, each with an inbox; tasks of one worker are answered in order."""

    def __init__(self, size: int, label: str) -> None:
        """Start the workers; they load in the background."""
        self.label = label
        self._workers: list[subprocess.Popen[bytes]] = []
        try:
            for _ in range(size):
                self._workers.append(_started())
        except OSError as exc:
            self.close()
            raise ReadError(
                f"{label}: no process can be started to read it ({exc}); set {SWITCH}=1 to read "
                "it in one",
                path=label,
            ) from exc

    def __len__(self) -> int:
        """How many workers there are."""
        return len(self._workers)

    def tell(self, number: int, *message: Any) -> None:  # noqa: ANN401 (what `marshal` takes)
        """Send a message to a worker; one that is called "read" will be answered.

        Raises:
            ReadError: If the worker has ended.
        """
        frame = marshal.dumps(message)
        try:
            stream = cast(IO[bytes], self._workers[number].stdin)
            stream.write(LENGTH.pack(len(frame)))
            stream.write(frame)
            stream.flush()
        except OSError as exc:
            raise self._dead(number) from exc

    def tell_all(self, *message: Any) -> None:  # noqa: ANN401 (what `marshal` takes)
        """Send a message to each worker."""
        for number in range(len(self)):
            self.tell(number, *message)

    def answer(self, number: int) -> Any:  # noqa: ANN401 (what `Worker.read` gives)
        """The next answer of a worker.

        Raises:
            ReadError: If the worker has ended.
        """
        stream = cast(IO[bytes], self._workers[number].stdout)
        head = stream.read(LENGTH.size)
        if len(head) == LENGTH.size:
            (length,) = LENGTH.unpack(head)
            frame = stream.read(length)
            if len(frame) == length:
                return marshal.loads(frame)  # noqa: S302 (from our own process)
        raise self._dead(number)

    def close(self) -> None:
        """End every worker at once; they hold nothing that must be kept."""
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            for stream in (worker.stdin, worker.stdout):
                with suppress(OSError):  # what was not sent yet goes nowhere
                    cast(IO[bytes], stream).close()
            worker.wait()
        self._workers.clear()

    def _dead(self, number: int) -> ReadError:
        try:
            status = str(self._workers[number].wait(_LAST_WORDS))
        except subprocess.TimeoutExpired:
            status = "unknown"
        return ReadError(
            f"{self.label}: a process that reads it ended before its time (exit status {status}), "
            f"perhaps for want of memory; set {SWITCH}=1 to read it in one process",
            path=self.label,
        )


def _started() -> subprocess.Popen[bytes]:
    """One worker, in a process group of its own, so that Ctrl-C goes to its owner alone."""
    return subprocess.Popen(
        # -P: the folder that somebody stands in, with their data, is no place for modules.
        [sys.executable, "-P", "-c", _START, json.dumps(sys.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        **_GROUP,
    )


_GROUP: dict[str, Any] = (
    {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    if sys.platform == "win32"
    else {"process_group": 0}
)
