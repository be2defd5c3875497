"""Records out again: JSON Lines without loss, TIDAS JSON, and tables, so that nobody is locked in.

`export(records, "out.jsonl")`; the suffix says the form: `.jsonl` our own records, `.csv`, `.xlsx`
and `.parquet` a table, a folder or a `.zip` TIDAS. A file appears only when it is complete.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from lca_rag.errors import LcaRagError
from lca_rag.export.lines import write_lines
from lca_rag.export.report import ExportReport
from lca_rag.export.table import Rows, write_csv, write_parquet, write_xlsx
from lca_rag.export.tidas import write_folder, write_zip
from lca_rag.record import Record

__all__ = ["FORMS", "ExportReport", "Form", "export"]

Form = Literal["jsonl", "tidas", "csv", "xlsx", "parquet"]
FORMS: tuple[Form, ...] = ("jsonl", "tidas", "csv", "xlsx", "parquet")

_BY_SUFFIX: dict[str, Form] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".xlsx": "xlsx",
    ".parquet": "parquet",
    ".zip": "tidas",
    "": "tidas",
}
_Writer = Callable[[Iterable[Record], Path, ExportReport], None]


def export(
    records: Iterable[Record],
    path: str | os.PathLike[str],
    *,
    form: Form | None = None,
    rows: Rows = "records",
) -> ExportReport:
    """Write records to a file, or to a folder of TIDAS data sets.

    Args:
        records: What to write; taken one by one.
        path: Where to; an existing file is replaced once the new one is complete.
        form: The form, by default told by the suffix of `path`.
        rows: What a row of a CSV or Parquet table is: a record, one exchange, or one result. XLSX
            holds all three on sheets of their own.

    Raises:
        LcaRagError: If the form cannot be told, or a TIDAS folder is not empty.
        MissingExtra: If Parquet is asked for and pyarrow is not installed.
    """
    target = Path(path)
    chosen = form or _BY_SUFFIX.get(target.suffix.lower())
    if chosen is None:
        known = ", ".join(suffix for suffix in _BY_SUFFIX if suffix)
        raise LcaRagError(
            f"{target}: cannot tell the form from the suffix; use one of {known}, a folder, "
            f"or name the form ({', '.join(FORMS)})"
        )
    report = ExportReport()
    if chosen == "tidas" and target.suffix.lower() != ".zip":
        write_folder(records, target, report)
        return report
    writers: dict[Form, _Writer] = {
        "jsonl": write_lines,
        "tidas": write_zip,
        "csv": lambda items, file, counts: write_csv(items, file, counts, rows),
        "xlsx": write_xlsx,
        "parquet": lambda items, file, counts: write_parquet(items, file, counts, rows),
    }
    _complete(writers[chosen], records, target, report)
    return report


def _complete(
    write: _Writer, records: Iterable[Record], target: Path, report: ExportReport
) -> None:
    """Write beside the target and put the file in place when it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        write(records, part, report)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
