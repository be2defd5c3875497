"""Bills of materials as files: lines in from CSV or XLSX, verdicts out as a workbook or JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from lca_rag.errors import LcaRagError
from lca_rag.operations import schema

if TYPE_CHECKING:
    from lca_rag.matching import Row


def read_lines(path: Path) -> list[schema.BomLine]:
    """The lines of a bill of materials, with its columns found by their names.

    Raises:
        ReadError: If the file cannot be read.
    """
    from lca_rag.matching import read_lines as read

    return [schema.BomLine(**asdict(line)) for line in read(path)]


def write_result(result: schema.Output, path: Path) -> None:
    """Write verdicts as XLSX (sheets "matches", "gaps", "sources") or as JSON, by the suffix.

    Raises:
        LcaRagError: If the suffix is another one.
    """
    if not isinstance(result, schema.MatchOutput):
        raise TypeError(f"matches are written here, not {type(result).__name__}")
    suffix = path.suffix.lower()
    if suffix == ".json":
        partial = path.with_name(f"{path.name}.partial")
        partial.write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
        partial.replace(path)
    elif suffix == ".xlsx":
        from lca_rag.matching import write_rows

        write_rows([_row(line) for line in result.lines], path)
    else:
        raise LcaRagError(f"{path}: matches are written as .xlsx or .json; name such a file")


def _row(line: schema.MatchLine) -> Row:
    from lca_rag.matching import Row, Source

    best = line.matches[0] if line.matches else None
    return Row(
        line=line.line,
        description=line.description,
        amount=line.amount,
        unit=line.unit,
        matched=line.decision == "match",
        confidence=line.confidence,
        best=None
        if best is None
        else Source(
            id=best.id,
            name=best.name,
            database=best.database,
            version=best.version,
            place=best.place,
            year=best.year,
            type=best.data_type,
            licence=best.licence,
            factor=best.unit_factor,
            unit=best.unit,
            reasons=best.reasons,
        ),
    )
