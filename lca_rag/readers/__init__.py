"""Any LCA file, folder or archive, as a stream of records.

`READERS` is the table of formats, asked in this order; the first that recognises the content of a
member gets it. To add a format: one module with a `READER`, one entry here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from lca_rag.errors import ReadError
from lca_rag.readers import (
    brightway,
    ecospold1,
    ecospold2,
    factors,
    ilcd,
    json_lines,
    jsonld,
    simapro,
    tidas,
)
from lca_rag.readers.context import OnSkip, ReadContext, Reader, ReadReport, Skip
from lca_rag.readers.factor_columns import FactorColumns
from lca_rag.readers.factor_mapping import load_columns
from lca_rag.readers.files import OpenPackage, open_package
from lca_rag.readers.prose import member_path
from lca_rag.record import Record, database_slug

__all__ = [
    "READERS",
    "FactorColumns",
    "ReadReport",
    "Reader",
    "Skip",
    "load_columns",
    "open_package",
    "read",
]

READERS: tuple[Reader, ...] = (
    ilcd.READER,
    tidas.READER,
    json_lines.READER,
    jsonld.READER,
    ecospold2.READER,
    ecospold1.READER,
    brightway.READER,
    simapro.READER,
    factors.READER,
)

_DATA = (".xml", ".json", ".spold", ".csv", ".xlsx", ".zip", ".7z", ".jsonl", ".tsv", ".xls")
_ROOT = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>]*>)*+<(?:[\w.-]+:)?([\w.-]+)",
    re.DOTALL,
)
_NO_DATA_ROOTS = frozenset(
    (b"CategorySystem", b"ILCDLocations", b"schema", b"stylesheet", b"transform", b"html")
)
_NO_DATA_NAME = re.compile(
    r"(^|[/!])(layout\.json|meta\.info|context\.json|package\.json|manifest\.(xml|json)|\.[^/]*)$",
    re.IGNORECASE,
)


def read(
    path: str | os.PathLike[str],
    *,
    database: str | None = None,
    on_skip: OnSkip | None = None,
    report: ReadReport | None = None,
    columns: FactorColumns | None = None,
) -> Iterator[Record]:
    """Every record in a file, a folder or an archive, in a stable order and bounded memory.

    Args:
        path: File, folder, zip or 7z archive of any format in `READERS`, or of several.
        database: Name of the database, which may carry a release ("uslci-2024q2"); by default the
            name of the file or folder without its suffix.
        on_skip: Called for everything that was found and could not become a record; by default a
            warning is logged.
        report: Filled with counts while the records are taken.
        columns: Which column says what in emission-factor tables that no preset fits
            (`load_columns` takes it from a file).

    Raises:
        ReadError: If the path is missing, or an archive cannot be opened at all.
        ValueError: If no database name can be made.
    """
    location = Path(path)
    if not location.exists():
        raise ReadError(
            f"{location}: there is no such file or folder; check the path", path=str(location)
        )
    name = database or (location.resolve().name if location.is_dir() else location.stem)
    context = ReadContext(database_slug(name), report or ReadReport(), on_skip)
    return _records(location, context, _readers(columns))


def _readers(columns: FactorColumns | None) -> tuple[Reader, ...]:
    """`READERS`, with a declared column mapping for the tables."""
    if columns is None:
        return READERS
    declared = factors.FactorReader(declared=columns)
    return tuple(declared if reader is factors.READER else reader for reader in READERS)


def _records(path: Path, context: ReadContext, readers: tuple[Reader, ...]) -> Iterator[Record]:
    report = context.report
    with open_package(path) as package:
        for fault in package.faults:
            context.skip(member_path(package, fault.name), fault.reason)
        groups = _groups(package, context, readers)
        for reader, names in zip(readers, groups, strict=True):
            if not names:
                continue
            for record in reader.read(package, names, context):
                report.read[f"{reader.format}/{record.kind}"] += 1
                if record.provenance is not None:
                    report.repaired.update(record.provenance.repairs)
                yield record


def _groups(
    package: OpenPackage, context: ReadContext, readers: tuple[Reader, ...]
) -> list[list[str]]:
    """The members of each reader, in the order of `readers`."""
    groups: list[list[str]] = [[] for _ in readers]
    for name in package.names():
        try:
            head = package.head(name)
        except ReadError as exc:
            context.skip(exc.path or name, str(exc))
            continue
        for reader, group in zip(readers, groups, strict=True):
            if reader.recognise(name, head):
                group.append(name)
                break
        else:
            _unrecognised(package, name, head, context)
    return groups


def _unrecognised(package: OpenPackage, name: str, head: bytes, context: ReadContext) -> None:
    """Count a member that is known to be no data; report one that looks like data."""
    path = PurePosixPath(name)
    root = _ROOT.match(head)
    if root is not None and root[1] in _NO_DATA_ROOTS:
        context.report.ignored[root[1].decode()] += 1
    elif path.suffix.lower() not in _DATA or _NO_DATA_NAME.search(name):
        context.report.ignored[path.suffix.lower() or path.name] += 1
    elif not head.strip():
        context.skip(member_path(package, name), "the file is empty")
    else:
        context.skip(
            member_path(package, name), "not recognised as any LCA format; see the README's table"
        )
