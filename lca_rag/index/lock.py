"""One writer per index, whatever process it lives in."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from lca_rag.errors import IndexLocked, IndexStateError

LOCK_NAME = "writer.lock"


class WriterLock:
    """A lock on the resolved folder of an index, freed by the system if the process dies.

    Used as a context manager; entering it again in the same object only counts.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._lock = FileLock(self.folder / LOCK_NAME, thread_local=False)

    def __enter__(self) -> WriterLock:
        """Take the lock at once.

        Raises:
            IndexLocked: If another writer holds it.
        """
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        """Give the lock back."""
        self._lock.release()

    def acquire(self, *, wait: float = 0.0) -> None:
        """Take the lock, waiting at most `wait` seconds.

        Raises:
            IndexLocked: If another writer still holds it.
            IndexStateError: If the folder cannot be written.
        """
        try:
            self._lock.acquire(timeout=wait)
        except Timeout as exc:
            raise IndexLocked(
                f"{self.folder}: another process is writing to this index; wait until it is done, "
                "or let several writers share a Chroma server: start "
                "`chroma run --path DIR --port 8000` and use `--index http://localhost:8000/NAME`"
            ) from exc
        except OSError as exc:  # after `Timeout`, which is one
            raise IndexStateError(
                f"{self.folder}: this index cannot be written ({exc.strerror or exc}); it can be "
                "searched, and what writes needs the right to write here"
            ) from exc

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()
