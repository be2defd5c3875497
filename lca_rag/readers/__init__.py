"""Any LCA file, folder or archive, as a stream of records.

`READERS` is the table of formats, asked in this order; the first that recognises the content of a
member gets it. To add a format: one module with a `READER`, one entry here.
"""

from __future__ import annotations

import os
from pathlib import Path

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
from lca_rag.readers.files import open_package
from lca_rag.readers.stream import Records, Stream, Together, Work
from lca_rag.record import database_slug

__all__ = [
    "READERS",
    "FactorColumns",
    "ReadReport",
    "Reader",
    "Records",
    "Skip",
    "Stream",
    "Together",
    "Work",
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


def read(
    path: str | os.PathLike[str],
    *,
    database: str | None = None,
    on_skip: OnSkip | None = None,
    report: ReadReport | None = None,
    columns: FactorColumns | None = None,
    workers: int | None = None,
) -> Records:
    """Every record in a file, a folder or an archive, in a stable order and bounded memory.

    A source of more than 2,000 data sets (10,000 of openLCA, which are read faster) is read by
    several processes where there are cores for them. What comes out is the same; only `report`
    and `on_skip` may run ahead of the records taken, by a few dozen data sets.

    Args:
        path: File, folder, zip or 7z archive of any format in `READERS`, or of several.
        database: Name of the database, which may carry a release ("uslci-2024q2"); by default the
            name of the file or folder without its suffix.
        on_skip: Called for everything that was found and could not become a record; by default a
            warning is logged.
        report: Filled with counts while the records are taken.
        columns: Which column says what in emission-factor tables of another make
            (`load_columns` takes it from a file); comes before our own presets.
        workers: How many processes read a big source; 1 reads it in this one. By default one for
            each core, two at most, or what LCA_RAG_READ_WORKERS says.

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
    return Records(location, context, _readers(columns), workers)


def _readers(columns: FactorColumns | None) -> tuple[Reader, ...]:
    """`READERS`, with a declared column mapping for the tables."""
    if columns is None:
        return READERS
    declared = factors.FactorReader(declared=columns)
    return tuple(declared if reader is factors.READER else reader for reader in READERS)
