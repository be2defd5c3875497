"""Texts of strangers to be encoded: bounded, in small turns, and never in the way of a search."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from lca_rag.server import encoding
from lca_rag.server.app import create_app
from lca_rag.server.door import Settings
from tests import server_fixtures
from tests.hash_encoder import HashEncoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("embeddings") / "demo.lca"
    return server_fixtures.build(place, server_fixtures.demo_records()[::3])


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    with TestClient(create_app(server_fixtures.workspace(folder))) as connected:
        yield connected


@pytest.mark.parametrize(
    ("path", "body", "param", "code"),
    [
        ("/v1/embeddings", {"input": ["x"] * 2_049}, "input", "array_above_max_length"),
        ("/v1/embeddings", {"input": ["x" * 90_000] * 17}, "input", "string_above_max_length"),
        (
            "/v1/rerank",
            {"query": "x", "documents": ["x" * 90_000] * 17},
            "documents",
            "string_above_max_length",
        ),
    ],
)
def test_too_much_is_refused_as_openai_does(
    client: TestClient, path: str, body: dict[str, object], param: str, code: str
) -> None:
    answer = client.post(path, json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert (error["param"], error["code"]) == (param, code)
    assert "send at most" in error["message"]


def test_turns_change_no_vector_and_no_order(client: TestClient) -> None:
    """As many texts as are taken, in many turns: the same as by the encoder at once."""
    texts = [f"steel number {number}" for number in range(encoding.INPUTS)]
    for role in ("query", "document"):
        encoder = HashEncoder()
        encode = encoder.encode_queries if role == "query" else encoder.encode_documents
        asked = {"input": texts, "input_type": role, "encoding_format": "base64"}
        rows = client.post("/v1/embeddings", json=asked).json()["data"]
        assert [row["index"] for row in rows] == list(range(len(texts)))
        raw = b"".join(base64.b64decode(row["embedding"]) for row in rows)
        vectors = np.frombuffer(raw, dtype="<f4").reshape(len(texts), -1)
        assert np.array_equal(vectors, encode(texts))
    plain = client.post("/v1/embeddings", json={"input": texts[:20]}).json()["data"]
    assert np.array_equal(
        np.array([row["embedding"] for row in plain], dtype=np.float32),
        HashEncoder().encode_documents(texts[:20]),
    )
    scores = HashEncoder().encode_documents(texts[:50]) @ HashEncoder().encode_queries(["steel"])[0]
    ranked = client.post("/v1/rerank", json={"query": "steel", "documents": texts[:50]}).json()
    told = {row["index"]: row["relevance_score"] for row in ranked["results"]}
    assert np.allclose([told[place] for place in range(50)], scores)


@pytest.mark.parametrize(
    ("lengths", "turns"),
    [
        ([5] * 17, [8, 8, 1]),
        ([1400, 1400, 1400, 5], [2, 2]),
        ([90_000, 5, 90_000], [1, 1, 1]),
        ([5], [1]),
    ],
)
def test_long_texts_make_small_turns(lengths: list[int], turns: list[int]) -> None:
    found = encoding._turns(["x" * length for length in lengths])
    assert [len(turn) for turn in found] == turns
    assert [place for turn in found for place in turn] == list(range(len(lengths)))


Encode = Callable[..., NDArray[np.float32]]


def slowed(
    monkeypatch: pytest.MonkeyPatch, begun: threading.Event, gate: threading.Event
) -> list[int]:
    """Let documents be encoded only once the gate is open; gives the sizes of the turns."""
    real: Encode = HashEncoder.encode_documents
    sizes: list[int] = []

    def encode(self: HashEncoder, texts: Sequence[str], **named: object) -> NDArray[np.float32]:
        sizes.append(len(texts))
        begun.set()
        gate.wait(20)
        return real(self, texts, **named)

    monkeypatch.setattr(HashEncoder, "encode_documents", encode)
    return sizes


def test_searches_and_answers_do_not_wait_for_texts_to_be_encoded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, gate = threading.Event(), threading.Event()
    sizes = slowed(monkeypatch, begun, gate)
    app = create_app(server_fixtures.workspace(folder), settings=Settings(threads=1))
    with server_fixtures.running(app) as url, ThreadPoolExecutor(4) as pool:
        large = {"input": ["steel"] * 100}
        asked = [
            pool.submit(httpx.post, f"{url}/v1/embeddings", json=large, timeout=40)
            for _ in range(3)
        ]
        assert begun.wait(10)
        for path, body in (("search", {"query": "steel"}), ("ask", {"question": "steel?"})):
            assert httpx.post(f"{url}/api/{path}", json=body, timeout=10).status_code == 200
        assert len(sizes) == 1  # one at a time
        gate.set()
        assert {future.result().status_code for future in asked} == {200}
    assert max(sizes) <= 8
    assert sum(sizes) == 300


def test_nothing_is_encoded_for_whoever_is_gone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, gate = threading.Event(), threading.Event()
    sizes = slowed(monkeypatch, begun, gate)
    app = create_app(server_fixtures.workspace(folder))
    with server_fixtures.running(app) as url:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{url}/v1/embeddings", json={"input": ["steel"] * 400}, timeout=0.5)
        assert begun.is_set()
        time.sleep(0.2)  # the server learns that the connection is closed
        gate.set()
        time.sleep(0.5)
        assert httpx.get(f"{url}/healthz").status_code == 200
    assert sizes == [8]


def test_the_time_holds_for_all_turns_together(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Encode = HashEncoder.encode_documents

    def slow(self: HashEncoder, texts: Sequence[str], **named: object) -> NDArray[np.float32]:
        time.sleep(0.1)
        return real(self, texts, **named)

    monkeypatch.setattr(HashEncoder, "encode_documents", slow)
    app = create_app(server_fixtures.workspace(folder), settings=Settings(seconds=0.5))
    with TestClient(app) as client:
        answer = client.post("/v1/embeddings", json={"input": ["steel"] * 160})
        assert answer.status_code == 503
        assert "within 0.5 seconds" in answer.json()["error"]["message"]
        assert client.post("/v1/embeddings", json={"input": ["steel"] * 16}).status_code == 200
