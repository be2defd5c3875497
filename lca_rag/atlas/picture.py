"""A picture of an index: one HTML page that needs nothing else, or Parquet for Embedding Atlas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import orjson

from lca_rag.atlas.clusters import Cluster
from lca_rag.atlas.plane import neighbour_plane
from lca_rag.errors import MissingExtra

if TYPE_CHECKING:
    from lca_rag.index.snapshot import Snapshot

_NOT_STATED = "not stated"


@dataclass(frozen=True, slots=True)
class MapPoint:
    """One record on the map."""

    id: str
    name: str
    classes: str
    """Top of its first classification."""
    place: str
    database: str
    cluster: str
    """Name of the cluster that it is in."""
    x: float
    y: float


def map_points(
    snapshot: Snapshot, positions: Sequence[int], clusters: Sequence[Cluster]
) -> list[MapPoint]:
    """Where each record lies, so that records of near meanings are neighbours.

    Args:
        snapshot: A state of an index.
        positions: Which records to show (those that the asker may see).
        clusters: The clusters of these records, in their order.

    Returns:
        Points with coordinates in [-1, 1].
    """
    chosen = np.array(positions, dtype=np.int64)
    owners = {int(member): item.name for item in clusters for member in item.members}
    plane = neighbour_plane(np.asarray(snapshot.matrix[chosen]))
    columns = {name: snapshot.column(name) for name in ("name", "classes", "place", "database")}
    return [
        MapPoint(
            id=snapshot.ids[position],
            name=str(columns["name"][position] or ""),
            classes=_top(columns["classes"][position]),
            place=str(columns["place"][position] or _NOT_STATED),
            database=str(columns["database"][position]),
            cluster=owners[number],
            x=round(float(x), 4),
            y=round(float(y), 4),
        )
        for number, (position, (x, y)) in enumerate(zip(chosen.tolist(), plane, strict=True))
    ]


def write_map(points: Sequence[MapPoint], path: str | Path) -> None:
    """Write one HTML page that shows the points; it loads nothing from elsewhere.

    Args:
        points: As `map_points` gives them.
        path: Where to write; a file that is there is replaced.
    """
    words: dict[str, int] = {}
    rows = [
        [
            point.name,
            *(
                words.setdefault(word, len(words))
                for word in (point.cluster, point.classes, point.place, point.database)
            ),
            point.id,
            point.x,
            point.y,
        ]
        for point in points
    ]
    data = orjson.dumps({"words": list(words), "points": rows}).decode()
    # Inside a script element only "<" can end the data; names of strangers stay data.
    page = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    _write(Path(path), page.replace("__DATA__", data.replace("<", "\\u003c")).encode())


def write_atlas(points: Sequence[MapPoint], path: str | Path) -> None:
    """Write the points as Parquet, which Embedding Atlas opens with `--x x --y y --text name`.

    Raises:
        MissingExtra: If pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as exc:
        raise MissingExtra("scale", "Parquet export") from exc
    names = ("id", "name", "cluster", "classes", "place", "database", "x", "y")
    table = pyarrow.table({name: [getattr(point, name) for point in points] for name in names})
    partial = Path(path).with_name(f"{Path(path).name}.partial")
    parquet.write_table(table, partial)
    partial.replace(path)


def _top(classes: object) -> str:
    """The top class of the first line of a classes column ("System: Top / Middle [codes]")."""
    if not isinstance(classes, str):
        return _NOT_STATED
    first = classes.splitlines()[0].split(" [", 1)[0]
    return first.rsplit(": ", 1)[-1].split(" / ")[0] or _NOT_STATED


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)
