"""Records that lca-rag exported as JSON Lines, read back without loss.

Each line carries the database that its record belongs to, so one file may hold several.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from io import BytesIO
from typing import Literal, Union, get_args, get_origin, get_type_hints

from lca_rag.errors import ReadError
from lca_rag.readers.context import Package, ReadContext
from lca_rag.readers.prose import member_path
from lca_rag.record import Record
from lca_rag.record_json import from_json

_Check = Callable[[object], bool]
_LINE = re.compile(rb'\s*\{\s*"schema"\s*:\s*\d+\s*,\s*"database"\s*:')


class JsonLinesReader:
    """Reads lca-rag's own export."""

    format = "lca-rag"

    def recognise(self, name: str, head: bytes) -> bool:
        """Whether the first line is a record with its schema version."""
        return _LINE.match(head.removeprefix(b"\xef\xbb\xbf")) is not None

    def read(
        self, package: Package, names: Sequence[str], context: ReadContext
    ) -> Iterator[Record]:
        """The records in the order of the lines."""
        for name in names:
            path = member_path(package, name)
            try:
                lines = BytesIO(package.read(name).removeprefix(b"\xef\xbb\xbf"))
            except ReadError as exc:
                context.skip(path, str(exc))
                continue
            for number, line in enumerate(lines, 1):
                if line.strip():
                    try:
                        yield _checked(from_json(line))
                    except ReadError as exc:
                        context.skip(path, f"line {number}: {exc}")


def _checked(record: Record) -> Record:
    """The record, if every field is of its type: a file from anywhere must not break what follows.

    Raises:
        ReadError: If a field is not.
    """
    for item in fields(record):
        if not _FITS[item.name](getattr(record, item.name)):
            raise ReadError(f"field {item.name!r} is not of its type", field=item.name)
    if not record.uuid or not record.database:
        raise ReadError("a record needs a database and a UUID", field="uuid")
    return record


def _checker(hint: object) -> _Check:
    """What tells whether a value is of a type of the record's vocabulary."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return lambda value: value in arguments
    if origin in (Union, types.UnionType):
        checks = tuple(map(_checker, arguments))
        return lambda value: any(check(value) for check in checks)
    if origin is tuple:
        return _tuple_checker(arguments)
    if isinstance(hint, type) and is_dataclass(hint):
        hints = get_type_hints(hint)
        parts = tuple((item.name, _checker(hints[item.name])) for item in fields(hint))
        return lambda value: (
            type(value) is hint and all(check(getattr(value, name)) for name, check in parts)
        )
    if hint is float:
        return lambda value: isinstance(value, float | int) and not isinstance(value, bool)
    if hint is int:
        return lambda value: isinstance(value, int) and not isinstance(value, bool)
    if isinstance(hint, type):
        return lambda value: isinstance(value, hint)
    raise TypeError(f"record fields of type {hint!r} cannot be checked yet; add them here")


def _tuple_checker(arguments: tuple[object, ...]) -> _Check:
    if arguments[-1] is Ellipsis:
        inner = _checker(arguments[0])
        return lambda value: isinstance(value, tuple) and all(map(inner, value))
    checks = tuple(map(_checker, arguments))
    return lambda value: (
        isinstance(value, tuple)
        and len(value) == len(checks)
        and all(check(part) for check, part in zip(checks, value, strict=True))
    )


_FITS = {name: _checker(hint) for name, hint in get_type_hints(Record).items()}


READER = JsonLinesReader()
