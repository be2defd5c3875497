from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import orjson
import pytest

from lca_rag.atlas import map_points, principal_plane, write_atlas, write_map
from lca_rag.index import Index
from lca_rag.record import Classification, Name, Place, Record, Text
from tests.hash_encoder import HashEncoder


def record(number: int, name: str) -> Record:
    return Record(
        database="demo",
        uuid=f"00000000-0000-4000-8000-{number:012d}",
        kind="process",
        name=Name(base=Text.of(name)),
        classifications=(Classification(system="ISIC", path=("Energy", "Power")),),
        place=Place(code="DE") if number % 2 else None,
    )


def test_map_is_one_inert_page(tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script>"
    names = ["Steel sheet", "Steel coil", "Wheat grain", hostile]
    with Index.open(tmp_path / "index", encoder=HashEncoder()) as index:
        index.sync([record(number, name) for number, name in enumerate(names)])
        points = map_points(index.snapshot())
    assert [point.name for point in points] == names
    assert points[1].classes == "Energy"
    assert [point.place for point in points[:2]] == ["not stated", "DE"]
    assert all(-1 <= value <= 1 for point in points for value in (point.x, point.y))
    write_map(points, tmp_path / "map.html")
    page = (tmp_path / "map.html").read_text(encoding="utf-8")
    assert hostile not in page
    assert page.count("<script") == 2
    assert not re.search(r"(?:src|href)\s*=|https?://", page)
    found = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data = orjson.loads(found[1])
    assert [point[0] for point in data["points"]] == names
    assert data["words"][data["points"][0][3]] == "demo"


def test_plane_keeps_neighbours_together_and_is_stable() -> None:
    numbers = np.random.default_rng(1)
    two = np.repeat(np.eye(2, 8, dtype=np.float32), 50, axis=0)
    vectors = (two + 0.01 * numbers.standard_normal((100, 8))).astype(np.float32)
    plane = principal_plane(vectors)
    gap = np.linalg.norm(plane[:50].mean(axis=0) - plane[50:].mean(axis=0))
    assert gap > 1
    assert np.abs(plane[:50, 0] - plane[0, 0]).max() < gap / 2
    assert np.array_equal(plane, principal_plane(vectors.copy()))
    assert principal_plane(np.zeros((0, 8), dtype=np.float32)).shape == (0, 2)
    assert principal_plane(np.ones((1, 1), dtype=np.float32)).tolist() == [[0.0, 0.0]]


def test_parquet_for_embedding_atlas(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    with Index.open(tmp_path / "index", encoder=HashEncoder()) as index:
        index.sync([record(1, "Steel"), record(2, "Wheat")])
        points = map_points(index.snapshot(), [1])
    write_atlas(points, tmp_path / "map.parquet")
    table = parquet.read_table(tmp_path / "map.parquet")
    assert table.column("name").to_pylist() == ["Wheat"]
    assert set(table.column_names) == {"id", "name", "classes", "place", "database", "x", "y"}
