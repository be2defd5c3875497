"""`export`: records out again, so that nobody is locked in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lca_rag.commands import console
from lca_rag.commands.generated import IndexOption, JsonOption, PolicyOption
from lca_rag.operations import LOCAL, Workspace
from lca_rag.operations.runs import known
from lca_rag.operations.whole import visible

if TYPE_CHECKING:
    from lca_rag.record import Record

_PAGE = 256


def export(
    target: Annotated[
        Path, typer.Argument(help="File (.jsonl .csv .xlsx .parquet .zip) or folder to write")
    ],
    location: IndexOption,
    database: Annotated[
        list[str] | None, typer.Option("--database", metavar="NAME", help="Only these databases")
    ] = None,
    form: Annotated[
        Literal["jsonl", "tidas", "csv", "xlsx", "parquet"] | None,
        typer.Option("--form", help="Form, where the suffix does not tell"),
    ] = None,
    rows: Annotated[
        Literal["records", "exchanges", "results"],
        typer.Option("--rows", help="What a row of a CSV or Parquet table is"),
    ] = "records",
    policy: PolicyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the newest records as JSON Lines, as a table, or as TIDAS data sets."""
    from lca_rag.export import export as write

    with Workspace(location, policy=policy) as workspace:
        names = tuple(database) if database else None
        known(workspace, names, LOCAL)
        done = write(_records(workspace, names), target, form=form, rows=rows)
        reduced = [
            name
            for name, _ in workspace.index.databases()
            if workspace.restricted(name) and (names is None or name in names)
        ]
    if as_json:
        told = {"written": dict(done.written), "left_out": dict(done.left_out)}
        console.emit(told | {"restricted": reduced})
        return
    if reduced:
        console.note(f"restricted, so only the allowed fields are written: {', '.join(reduced)}")
    for heading, counts in (("written", done.written), ("left out", done.left_out)):
        for name, count in counts.most_common():
            console.note(f"{heading}: {count} {name}")


def _records(workspace: Workspace, database: tuple[str, ...] | None) -> Iterator[Record]:
    """The records, some at a time, so that memory stays flat."""
    snapshot = workspace.index.snapshot()
    positions = visible(workspace, snapshot, LOCAL, kind=None, database=database).tolist()
    for start in range(0, len(positions), _PAGE):
        yield from snapshot.records(positions[start : start + _PAGE])
