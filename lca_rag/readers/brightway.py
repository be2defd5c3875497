"""Brightway exports: `.bw2package` files, and the JSON of a database or of an importer's data.

A package wraps tuples and dictionaries so that JSON can hold them; databases are dictionaries by
(database, code) or lists of data sets. Exchanges point to activities by that key and often carry
no name themselves, so all data sets of a member are known before any is read.
"""

from __future__ import annotations

import bz2
import re
from collections.abc import Iterator, Sequence
from typing import Any

from lca_rag.errors import ReadError
from lca_rag.readers.brightway_records import (
    Key,
    activity_record,
    flow_key,
    key_of,
    method_record,
)
from lca_rag.readers.context import Package, ReadContext
from lca_rag.readers.json_text import parsed
from lca_rag.readers.prose import member_path
from lca_rag.record import Record

_BZIP = b"BZh"
_LARGEST = 1 << 30
"""Unpacked bytes of a package that are still read."""
_MARKER = re.compile(
    rb'"__(?:dict|tuple)__"|"bw2(?:data|calc|io)|"(?:reference product|production amount)"\s*:'
    rb'|"type"\s*:\s*"(?:technosphere|biosphere|production|processwithreferenceproduct)"'
)
_CLOSING = re.compile(r"\('(.*)', '(.*)'\)")


class BrightwayReader:
    """Reads Brightway packages and database dumps."""

    format = "brightway"

    def recognise(self, name: str, head: bytes) -> bool:
        """Whether the head is JSON with Brightway's own words, packed or not."""
        text = _unpacked_head(head) if head.startswith(_BZIP) else head
        start = text.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        return start in (b"{", b"[") and _MARKER.search(text) is not None

    def read(
        self, package: Package, names: Sequence[str], context: ReadContext
    ) -> Iterator[Record]:
        """Every activity, elementary flow and method of each member."""
        for name in names:
            path = member_path(package, name)
            try:
                value = restored(parsed(_unpacked(package.read(name))))
                yield from _records(value, path, context)
            except ReadError as exc:
                context.skip(path, str(exc))
            except RecursionError:
                context.skip(path, "the JSON nests too deep to be a Brightway export")


def restored(value: Any) -> Any:  # noqa: ANN401 - parsed JSON of any shape
    """`value` with the wrapped tuples and dictionaries of a package unwrapped."""
    if isinstance(value, list):
        return [restored(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("__tuple__") and isinstance(value.get("data"), list):
        return tuple(restored(item) for item in value["data"])
    if value.get("__dict__") and isinstance(value.get("keys"), list):
        keys = (_hashable(restored(key)) for key in value["keys"])
        items = value["values"] if isinstance(value.get("values"), list) else []
        return dict(zip(keys, map(restored, items), strict=False))
    return {key: restored(item) for key, item in value.items()}


def _hashable(key: Any) -> Any:  # noqa: ANN401 - a key of any shape
    plain = isinstance(key, str | int)
    words = isinstance(key, tuple) and all(isinstance(part, str | int) for part in key)
    return key if plain or words else str(key)


def _records(value: Any, path: str, context: ReadContext) -> Iterator[Record]:  # noqa: ANN401
    """The records of every database and method in a parsed member."""
    activities: dict[Key, dict[str, Any]] = {}
    stores = list(_stores(value))
    for store in stores:
        _collect(store.get("data"), store.get("name"), activities)
    for key, activity in activities.items():
        record = activity_record(key, activity, activities, path, context)
        if record is None:
            context.skip(path, "a data set has no name", "/".join(key))
        else:
            yield record
    methods = 0
    for store in stores:
        if _is_method(store.get("data")):
            methods += 1
            yield method_record(store, activities, path, context)
    if not activities and not methods:
        context.skip(path, "it holds no Brightway database and no method")


def _stores(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """Each database or method with name and data: packages list them, a dump is one by itself."""
    found = value if isinstance(value, list) else [value]
    packed = [item for item in found if isinstance(item, dict) and "data" in item]
    if packed and len(packed) == len(found):
        yield from packed
    else:
        yield {"data": value}


def _is_method(data: Any) -> bool:  # noqa: ANN401
    """Whether data are characterisation factors: pairs of a flow and a number."""
    if not isinstance(data, list) or not data:
        return False
    first = data[0]
    return (
        isinstance(first, list | tuple)
        and len(first) > 1
        and flow_key(first[0]) is not None
        and isinstance(first[1], int | float)
    )


def _collect(data: Any, name: Any, activities: dict[Key, dict[str, Any]]) -> None:  # noqa: ANN401
    """Add the data sets of a database by key."""
    if isinstance(data, dict):
        pairs = [(_key(key), item) for key, item in data.items()]
    elif isinstance(data, list):
        pairs = [(None, item) for item in data]
    else:
        return
    for number, (key, item) in enumerate(pairs, 1):
        if isinstance(item, dict) and ("name" in item or "exchanges" in item):
            database = item.get("database", name)
            own = key_of((database or "", item.get("code", item.get("id", ""))))
            activities[key or own or (str(database or ""), str(number))] = item


def _key(key: Any) -> Key | None:  # noqa: ANN401
    """A key as tuple, or as the text of one, which plain JSON makes of it."""
    if isinstance(key, str) and (match := _CLOSING.fullmatch(key)):
        return match[1], match[2]
    return key_of(key)


def _unpacked_head(head: bytes) -> bytes:
    try:
        return bz2.BZ2Decompressor().decompress(head, 4096)
    except OSError:
        return b""


def _unpacked(data: bytes) -> bytes:
    """The JSON of a member.

    Raises:
        ReadError: If the packed stream is damaged or unpacks to more than the limit.
    """
    if not data.startswith(_BZIP):
        return data
    unpacker = bz2.BZ2Decompressor()
    try:
        unpacked = unpacker.decompress(data, _LARGEST)
    except (OSError, EOFError) as exc:
        raise ReadError(f"the bzip2 stream is damaged: {exc}") from exc
    if not unpacker.eof:
        raise ReadError(f"the package is cut short, or unpacks to more than {_LARGEST:,} bytes")
    return unpacked


READER = BrightwayReader()
