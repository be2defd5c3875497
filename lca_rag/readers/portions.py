"""Members as another process finds them: where their bytes lie, or the bytes themselves."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from struct import error as StructError
from typing import IO

from lca_rag.errors import LcaRagError
from lca_rag.readers.zip_members import Where, beginning, zip_info

__all__ = ["NotHere", "Portion"]

_KEPT_OPEN = 8


class NotHere(LcaRagError):
    """A member cannot be read from its place; the process that owns the package says why."""


class Portion:
    """A `Package` of the members that one task is about."""

    def __init__(self, label: str) -> None:
        """Keep the label of the whole package, for messages."""
        self.label = label
        self._members: Mapping[str, Where | bytes] = {}
        self._archives: dict[str, IO[bytes]] = {}

    def hold(self, members: Mapping[str, Where | bytes]) -> None:
        """Offer these members and no others."""
        self._members = members

    def names(self) -> Sequence[str]:
        """Names of the members that are offered."""
        return list(self._members)

    def head(self, name: str, size: int = 4096) -> bytes:
        """The first bytes of a member.

        Raises:
            NotHere: If they cannot be had in the plain way.
        """
        return self.read(name)[:size]

    def read(self, name: str) -> bytes:
        """The bytes of a member.

        Raises:
            NotHere: If they cannot be had in the plain way.
        """
        found = self._members.get(name)
        if isinstance(found, bytes):
            return found
        try:
            data = self._at(found) if found else None
        except (OSError, ValueError, zlib.error, StructError) as exc:
            raise NotHere(f"{name}: {exc}") from exc
        if data is None:
            raise NotHere(name)
        return data

    def _at(self, where: Where) -> bytes | None:
        path, size = str(where[1]), int(where[2])
        if where[0] == "file":
            data = Path(path).read_bytes()
            return data if len(data) == size else None
        return beginning(self._archive(path), zip_info(where), size)

    def _archive(self, path: str) -> IO[bytes]:
        stream = self._archives.get(path)
        if stream is None:
            while len(self._archives) >= _KEPT_OPEN:
                self._archives.pop(next(iter(self._archives))).close()
            stream = self._archives[path] = Path(path).open("rb")  # noqa: SIM115 (kept)
        return stream
