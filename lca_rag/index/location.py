"""Where an index is: a folder, or a collection on a Chroma server."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lca_rag.errors import IndexStateError

CACHE_VARIABLE = "LCA_RAG_CACHE"
"""Environment variable that names the folder for catalogues of what lies elsewhere."""


def cache_folder() -> Path:
    """Where this user keeps what can be made again."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get(CACHE_VARIABLE) or Path(home) / "lca-rag")


@dataclass(frozen=True, slots=True)
class Location:
    """A collection on a Chroma server."""

    host: str
    port: int
    ssl: bool
    collection: str

    @classmethod
    def parse(cls, text: str) -> Location | None:
        """The location that a URL names; `None` if the text is no URL.

        Raises:
            IndexStateError: If the URL names no collection, or carries a password.
        """
        if not text.startswith(("http://", "https://")):
            return None
        parts = urlsplit(text)
        name = parts.path.strip("/")
        if not parts.hostname or not name or "/" in name or parts.username:
            raise IndexStateError(
                f"{text!r} names no collection of a Chroma server; write "
                "http://HOST:PORT/COLLECTION, without user name or password"
            )
        ssl = parts.scheme == "https"
        return cls(parts.hostname, parts.port or (443 if ssl else 8000), ssl, name)

    def folder(self) -> Path:
        """Where this machine keeps its catalogue of the collection."""
        return cache_folder() / "servers" / f"{self.host}_{self.port}_{self.collection}"

    def __str__(self) -> str:
        """The URL."""
        return f"{'https' if self.ssl else 'http'}://{self.host}:{self.port}/{self.collection}"
