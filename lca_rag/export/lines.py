"""Records as JSON Lines, the form that loses nothing; `record.schema.json` describes a line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lca_rag.export.report import ExportReport
from lca_rag.record import Record
from lca_rag.record_json import to_json


def write_lines(records: Iterable[Record], path: Path, report: ExportReport) -> None:
    """One record a line, in the order given."""
    with path.open("wb") as file:
        for record in records:
            file.write(to_json(record))
            file.write(b"\n")
            report.written[record.kind] += 1
