"""Records that lca-rag exported as JSON Lines, read back without loss.

Each line carries the database that its record belongs to, so one file may hold several.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import get_args

from lca_rag.errors import ReadError
from lca_rag.readers.context import Package, ReadContext
from lca_rag.readers.prose import member_path
from lca_rag.record import Kind, Name, Record
from lca_rag.record_json import from_json

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
    """The record, if it can be told from others.

    Raises:
        ReadError: If what identifies it is of the wrong form.
    """
    texts = (record.database, record.uuid, record.version)
    if not all(isinstance(text, str) and text for text in texts):
        raise ReadError("database, uuid and version of a record must be text", field="uuid")
    if record.kind not in get_args(Kind) or not isinstance(record.name, Name):
        raise ReadError(f"a record cannot be of kind {record.kind!r}", field="kind")
    return record


READER = JsonLinesReader()
