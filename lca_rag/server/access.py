"""Who may ask, how often, and which databases they see.

Keys live in a TOML file that holds digests only, never a key:

    [[keys]]
    name = "building team"
    sha256 = "9f86d0..."          # sha256 of the key; `lca-rag key --name NAME` makes both
    role = "reader"               # or "admin", who also reads the metrics
    databases = ["uslci", "demo"] # or ["*"] for every database
    requests_per_minute = 120     # optional; 0 lifts the limit
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from lca_rag.errors import AccessError, QueryError
from lca_rag.operations.workspace import Caller

Role = Literal["reader", "admin"]

REQUESTS_PER_MINUTE = 240
"""Limit of a key that names none, and of an anonymous client address."""

_BUCKETS = 10_000
"""Callers whose requests are counted; whoever asked longest ago starts anew."""
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_FIELDS = {"name", "sha256", "role", "databases", "requests_per_minute"}


@dataclass(frozen=True, slots=True)
class Key:
    """What one API key allows."""

    caller: Caller
    role: Role = "reader"
    requests_per_minute: int = REQUESTS_PER_MINUTE


ANONYMOUS = Key(Caller("anonymous"), role="admin")
"""Who asks a server that was started without keys: everybody, with every right."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Every key that a server accepts, by the SHA-256 digest of the key."""

    keys: Mapping[str, Key] = field(default_factory=dict[str, Key])

    @classmethod
    def load(cls, path: Path) -> KeyRing:
        """Read a key file.

        Raises:
            AccessError: If the file cannot be read or an entry is wrong; nothing is guessed,
                because a key that is half understood may open too much.
        """
        try:
            content = tomllib.loads(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
            raise AccessError(f"{path}: the key file cannot be read: {exc}") from exc
        entries = content.get("keys")
        if not isinstance(entries, list) or not entries:
            raise AccessError(f"{path}: no [[keys]] entry; make one with `lca-rag key --name NAME`")
        read = [_entry(entry, path) for entry in entries]
        digests = [sha256 for sha256, _ in read]
        for place, (sha256, key) in enumerate(read):
            if sha256 in digests[:place]:
                raise AccessError(
                    f"{path}: key {key.caller.name!r} has the sha256 of another entry, so that it "
                    "is not clear what it opens; leave one of the two"
                )
        return cls(dict(read))

    def find(self, token: str) -> Key | None:
        """The key that `token` is, or `None`; the digest is compared, so timing tells nothing."""
        return self.keys.get(digest(token))


def digest(token: str) -> str:
    """SHA-256 of a key in hexadecimal digits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def make_key(
    name: str, role: Role = "reader", databases: Sequence[str] = ("*",)
) -> tuple[str, str]:
    """A new random key and the TOML entry that admits it."""
    token = "lca-" + secrets.token_urlsafe(32)
    listed = ", ".join(map(_quoted, databases))
    entry = (
        f'[[keys]]\nname = {_quoted(name)}\nsha256 = "{digest(token)}"\n'
        f'role = "{role}"\ndatabases = [{listed}]\n'
    )
    return token, entry


def _quoted(text: str) -> str:
    """A string as TOML writes it; TOML's basic strings take every escape that JSON makes."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _entry(entry: object, path: Path) -> tuple[str, Key]:
    if not isinstance(entry, dict) or not entry.keys() <= _FIELDS:
        raise AccessError(f"{path}: a [[keys]] entry takes {', '.join(sorted(_FIELDS))} only")
    name, sha256 = entry.get("name"), entry.get("sha256")
    if not isinstance(name, str) or not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise AccessError(f"{path}: each key needs a name and the 64 digits of its sha256")
    role = entry.get("role", "reader")
    if role not in get_args(Role):
        raise AccessError(f"{path}: role of key {name!r} is {role!r}; use reader or admin")
    databases = entry.get("databases")
    if not isinstance(databases, list) or not all(isinstance(item, str) for item in databases):
        raise AccessError(
            f'{path}: key {name!r} must list its databases; ["*"] stands for every database'
        )
    rate = entry.get("requests_per_minute", REQUESTS_PER_MINUTE)
    if not isinstance(rate, int) or isinstance(rate, bool) or rate < 0:
        raise AccessError(f"{path}: requests_per_minute of key {name!r} must be 0 or more")
    seen = None if "*" in databases else frozenset(databases)
    return sha256.lower(), Key(Caller(name, seen), role, rate)


class RateLimit:
    """A bucket of requests per caller, refilled evenly; a minute's worth may come at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with full buckets; `clock` gives seconds."""
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def wait(self, who: str, per_minute: int) -> float:
        """Take one request: 0 if it may go on, else the seconds until the next may."""
        if per_minute == 0:
            return 0.0
        now = self._clock()
        with self._lock:
            left, since = self._buckets.pop(who, (float(per_minute), now))
            left = min(float(per_minute), left + (now - since) * per_minute / 60)
            taken = left >= 1
            self._buckets[who] = (left - 1 if taken else left, now)  # last: it asked last
            while len(self._buckets) > _BUCKETS:
                del self._buckets[next(iter(self._buckets))]
        return 0.0 if taken else (1 - left) * 60 / per_minute


def require_local(host: str, keys: KeyRing | None, *, open_access: bool) -> None:
    """Refuse to offer everything to everybody on a network by accident.

    Raises:
        QueryError: If `host` is reachable from elsewhere, no keys are set and this was not asked
            for in so many words.
    """
    if keys is None and not open_access and host not in {"127.0.0.1", "localhost", "::1"}:
        raise QueryError(
            f"host {host!r} is reachable from other machines and no keys are set: "
            "give --keys FILE, or --open to let everybody in"
        )
