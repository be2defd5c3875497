from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from lca_rag.atlas import (
    MapPoint,
    cluster_records,
    map_points,
    neighbour_plane,
    principal_plane,
    write_atlas,
    write_map,
)
from lca_rag.atlas.terms import telling_terms
from lca_rag.index import Index, Snapshot
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


def points_of(snapshot: Snapshot, positions: list[int]) -> list[MapPoint]:
    found = cluster_records(snapshot.records(positions), snapshot.matrix[positions])
    return map_points(snapshot, positions, found)


def test_map_is_one_inert_page(tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script>"
    names = ["Steel sheet", "Steel coil", "Wheat grain", hostile]
    with Index.open(tmp_path / "index", encoder=HashEncoder()) as index:
        index.sync([record(number, name) for number, name in enumerate(names)])
        points = points_of(index.snapshot(), [0, 1, 2, 3])
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
    assert data["words"][data["points"][0][4]] == "demo"
    assert data["words"][data["points"][0][1]] == points[0].cluster


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
        points = points_of(index.snapshot(), [1])
    write_atlas(points, tmp_path / "map.parquet")
    table = parquet.read_table(tmp_path / "map.parquet")
    assert table.column("name").to_pylist() == ["Wheat"]
    assert set(table.column_names) == {
        *("id", "name", "cluster", "classes", "place", "database", "x", "y")
    }


def groups_of_vectors(groups: int, each: int, noise: float = 0.05) -> NDArray[np.float32]:
    numbers = np.random.default_rng(1)
    centres = np.repeat(np.eye(groups, 64, dtype=np.float32), each, axis=0)
    vectors = centres + noise * numbers.standard_normal((groups * each, 64))
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit.astype(np.float32)


def test_neighbour_plane_keeps_groups_apart_and_is_stable() -> None:
    vectors = groups_of_vectors(12, 20)
    plane = neighbour_plane(vectors)
    assert plane.shape == (240, 2)
    assert np.abs(plane).max() <= 1
    distances = np.linalg.norm(plane[:, None] - plane[None], axis=2) + 9 * np.eye(240)
    nearest = distances.argmin(axis=1) // 20
    assert (nearest == np.arange(240) // 20).mean() > 0.95
    assert np.array_equal(plane, neighbour_plane(vectors.copy()))


def test_planted_groups_are_found_and_named_in_both_languages() -> None:
    themes = ("Wind power风力发电", "Portland cement水泥生产", "Wheat grain小麦种植")
    records = [
        replace(
            record(number, f"{theme[:-4]} {letter}"),
            name=Name(base=Text((("en", f"{theme[:-4]} {letter}"), ("zh", theme[-4:])))),
            classifications=(Classification(path=("Everything",)),),
        )
        for number, (theme, letter) in enumerate(product(themes, "ABCDEFGHIJ"))
    ]
    vectors = groups_of_vectors(3, 10)
    order = np.random.default_rng(2).permutation(30)
    mixed = [records[i] for i in order]
    clusters = cluster_records(mixed, vectors[order], count=3)
    assert [len(item.members) for item in clusters] == [10, 10, 10]
    held = {frozenset(mixed[i].id for i in item.members) for item in clusters}
    assert held == {frozenset(r.id for r in records[i : i + 10]) for i in (0, 10, 20)}
    names = {item.name for item in clusters}
    assert names == {
        "wind power · 风力发电",
        "portland cement · 水泥生产",
        "wheat grain · 小麦种植",
    }
    again = cluster_records(mixed, vectors[order].copy(), count=3)
    assert [item.members.tolist() for item in again] == [i.members.tolist() for i in clusters]


def test_members_come_typical_first_with_their_cosine() -> None:
    vectors = groups_of_vectors(2, 30, noise=0.2)
    records = [record(number, "Steel") for number in range(60)]
    for cluster in cluster_records(records, vectors):
        mean = vectors[cluster.members].mean(axis=0)
        cosines = vectors[cluster.members] @ (mean / np.linalg.norm(mean))
        assert np.allclose(cosines, cluster.similarities, atol=1e-6)
        assert (np.diff(cluster.similarities) <= 0).all()
        assert cluster.cohesion == pytest.approx(float(cosines.mean()), abs=1e-6)


def test_every_record_is_in_one_cluster_and_names_differ() -> None:
    records = [record(number, "Steel") for number in range(40)]
    clusters = cluster_records(records, groups_of_vectors(8, 5), count=8)
    assert sorted(np.concatenate([item.members for item in clusters]).tolist()) == list(range(40))
    assert len({item.name for item in clusters}) == len(clusters) == 8


def test_fewer_records_than_clusters_are_no_error() -> None:
    assert cluster_records([], np.zeros((0, 4), dtype=np.float32)) == []
    same = np.tile(np.eye(1, 4, dtype=np.float32), (5, 1))
    (one,) = cluster_records([record(i, "Steel") for i in range(5)], same, count=3)
    assert len(one.members) == 5
    (alone,) = cluster_records([record(1, "Steel")], same[:1])
    assert alone.name == "energy, power, steel"


def test_pieces_of_chinese_words_are_no_terms() -> None:
    names = ["原位修复", "异位修复", "土壤修复", "植物修复", "水体修复"] * 5
    records = [replace(record(i, name), classifications=()) for i, name in enumerate(names)]
    records += [replace(record(99, "钢"), classifications=())]
    (_, chinese), _ = telling_terms(records, [0] * 25 + [1], 2)
    assert chinese[0] == "修复"
    assert "位修复" not in chinese
    assert "位修" not in chinese
