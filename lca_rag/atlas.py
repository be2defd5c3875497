"""A picture of an index: one HTML page that needs nothing else, or Parquet for Embedding Atlas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import orjson
from numpy.typing import NDArray

from lca_rag.errors import MissingExtra

if TYPE_CHECKING:
    from lca_rag.index.snapshot import Snapshot

    Floats = NDArray[np.float32]

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
    x: float
    y: float


def map_points(snapshot: Snapshot, positions: Sequence[int] | None = None) -> list[MapPoint]:
    """Where each record lies: the first two principal components of the document vectors.

    Args:
        snapshot: A state of an index.
        positions: Which records to show (those that the asker may see); by default the newest
            of all.

    Returns:
        Points with coordinates in [-1, 1].
    """
    if positions is None:
        positions = np.flatnonzero(snapshot.column("newest")).tolist()
    chosen = np.array(positions, dtype=np.int64)
    plane = principal_plane(np.asarray(snapshot.matrix[chosen]))
    columns = {name: snapshot.column(name) for name in ("name", "classes", "place", "database")}
    return [
        MapPoint(
            id=snapshot.ids[position],
            name=str(columns["name"][position] or ""),
            classes=_top(columns["classes"][position]),
            place=str(columns["place"][position] or _NOT_STATED),
            database=str(columns["database"][position]),
            x=round(float(x), 4),
            y=round(float(y), 4),
        )
        for position, (x, y) in zip(chosen.tolist(), plane, strict=True)
    ]


def principal_plane(vectors: Floats) -> Floats:
    """Vectors on their first two principal axes, shape (n, 2), scaled into [-1, 1].

    The signs of the axes are fixed, so that the same vectors give the same picture.
    """
    if not len(vectors):
        return np.zeros((0, 2), dtype=np.float32)
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    best = axes[:, ::-1][:, :2]
    best = best * np.sign(best[np.abs(best).argmax(axis=0), np.arange(best.shape[1])])
    plane = np.zeros((len(vectors), 2), dtype=np.float32)
    plane[:, : best.shape[1]] = centred @ best
    # The 99th percentile fills the picture; a few strays sit on its rim.
    reach = np.maximum(np.quantile(np.abs(plane), 0.99, axis=0), 1e-9)
    scaled: Floats = np.clip(plane / reach, -1.0, 1.0).astype(np.float32)
    return scaled


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
                for word in (point.classes, point.place, point.database)
            ),
            point.id,
            point.x,
            point.y,
        ]
        for point in points
    ]
    data = orjson.dumps({"words": list(words), "points": rows}).decode()
    # Inside a script element only "<" can end the data; names of strangers stay data.
    page = files("lca_rag").joinpath("atlas.html").read_text(encoding="utf-8")
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
    names = ("id", "name", "classes", "place", "database", "x", "y")
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
