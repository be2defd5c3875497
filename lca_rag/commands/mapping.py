"""`map`: a picture of an index, as one page or as Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lca_rag.commands import console
from lca_rag.commands.generated import IndexOption, JsonOption, PolicyOption
from lca_rag.errors import LcaRagError
from lca_rag.operations import LOCAL, Workspace
from lca_rag.operations.schema import KindName
from lca_rag.operations.whole import clustered, visible


def draw(
    target: Annotated[
        Path, typer.Argument(help="File to write: .html for a page, .parquet for Embedding Atlas")
    ],
    location: IndexOption,
    kind: Annotated[KindName | None, typer.Option("--kind", help="Only records of a kind")] = None,
    database: Annotated[
        list[str] | None, typer.Option("--database", metavar="NAME", help="Only these databases")
    ] = None,
    count: Annotated[
        int | None,
        typer.Option("--clusters", min=1, max=500, help="How many clusters; by default up to 30"),
    ] = None,
    policy: PolicyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw the records of an index as points, near ones with near meanings, on one page."""
    from lca_rag.atlas import map_points, write_atlas, write_map

    writers = {".html": write_map, ".parquet": write_atlas}
    write = writers.get(target.suffix.lower())
    if write is None:
        raise LcaRagError(f"{target}: a map is written as .html or .parquet; name such a file")
    with Workspace(location, policy=policy) as workspace:
        snapshot = workspace.index.snapshot()
        names = tuple(database) if database else None
        positions = visible(workspace, snapshot, LOCAL, kind=kind, database=names)
        found = clustered(snapshot, positions, count)
        points = map_points(snapshot, positions.tolist(), found)
    write(points, target)
    if as_json:
        console.emit({"written": str(target), "points": len(points), "clusters": len(found)})
    else:
        console.note(f"{target}: {len(points)} points in {len(found)} clusters")
