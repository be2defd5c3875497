"""The HTTP door: routes, errors in one shape, limits, headers, metrics, logs, MCP behind keys."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from lca_rag.operations import Caller, Workspace
from lca_rag.server.access import Key, KeyRing, digest
from lca_rag.server.app import create_app
from lca_rag.server.door import Settings
from tests import server_fixtures

KEYS = KeyRing(
    {
        digest("all"): Key(Caller("all"), "admin", 0),
        digest("guest"): Key(Caller("guest", frozenset({"demo"})), "reader", 0),
        digest("slow"): Key(Caller("slow"), "reader", 2),
    }
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    records = server_fixtures.demo_records()
    place = tmp_path_factory.mktemp("http") / "both.lca"
    return server_fixtures.build(place, [*records, *server_fixtures.secret_records(records)])


def app_over(
    folder: Path, keys: KeyRing | None = None, settings: Settings | None = None
) -> FastAPI:
    return create_app(server_fixtures.workspace(folder), keys=keys, settings=settings)


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    with TestClient(app_over(folder)) as connected:
        yield connected


@pytest.fixture(scope="module")
def keyed(folder: Path) -> Iterator[TestClient]:
    with TestClient(app_over(folder, KEYS)) as connected:
        yield connected


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_an_operation_is_a_route(client: TestClient) -> None:
    answer = client.post("/api/search", json={"query": "electricity", "k": 2})
    assert answer.status_code == 200
    assert len(answer.json()["hits"]) == 2


@pytest.mark.parametrize(
    ("path", "body", "status", "kind"),
    [
        ("/api/search", {"query": " "}, 422, "invalid_request_error"),
        ("/api/search", {"query": "x", "kk": 3}, 422, "invalid_request_error"),
        ("/api/search", {"query": "x", "place": "Nowhereland"}, 400, "invalid_request_error"),
        ("/api/show", {"id": "demo/none"}, 404, "not_found"),
        ("/api/none", {}, 404, "not_found"),
        ("/v1/embeddings", {"input": [[1, 2]]}, 400, "invalid_request_error"),
        ("/v1/embeddings", {"input": "x", "dimensions": 7}, 400, "invalid_request_error"),
        ("/v1/embeddings", {"input": " "}, 400, "invalid_request_error"),
        ("/v1/rerank", {"query": "x", "documents": []}, 422, "invalid_request_error"),
        ("/v1/chat/completions", {"messages": []}, 422, "invalid_request_error"),
        (
            "/v1/chat/completions",
            {"messages": [{"role": "system", "content": "x"}]},
            400,
            "invalid_request_error",
        ),
    ],
)
def test_errors_have_one_shape(
    client: TestClient, path: str, body: dict[str, Any], status: int, kind: str
) -> None:
    answer = client.post(path, json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (status, kind)
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]


def test_what_the_framework_refuses_is_told_in_a_sentence(client: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    for content in (b"[" * 100_000, b'{"query": "\xff"}', b'{"query": "x", "k": ' + b"9" * 5_000):
        answer = client.post("/api/search", content=content, headers=headers)
        assert answer.status_code in (400, 422)
        assert "send one JSON object" in answer.json()["error"]["message"]
    assert "no such route" in client.get("/..%2f..%2fetc/passwd").json()["error"]["message"]
    assert "another method" in client.get("/api/search").json()["error"]["message"]
    streamed = {"messages": [{"role": "user", "content": "steel"}], "stream": True}
    answer = client.post("/v1/chat/completions", json=streamed)
    assert answer.headers["X-Accel-Buffering"] == "no"


def test_a_fault_of_ours_is_logged_and_not_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("lca_rag.retriever.Retriever.search", broken)
    with TestClient(app_over(folder)) as client:
        answer = client.post("/api/search", json={"query": "x"})
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    number = answer.headers["X-Request-Id"]
    assert number in answer.json()["error"]["message"]
    assert any(number in record.getMessage() for record in caplog.records)


def test_too_large_a_request_is_refused(folder: Path) -> None:
    with TestClient(app_over(folder, settings=Settings(max_body=1_000))) as client:
        answer = client.post("/api/search", json={"query": "x" * 2_000})
        assert answer.status_code == 413
        assert "1000 bytes" in answer.json()["error"]["message"]
        pieces = client.post(
            "/api/search",
            content=(b"x" * 500 for _ in range(5)),
            headers={"Content-Type": "application/json"},
        )
        assert pieces.status_code == 413


def test_too_slow_an_answer_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr("lca_rag.operations.runs.find_records", lambda *_: [gate.wait(20)])
    with TestClient(app_over(folder, settings=Settings(seconds=0.2))) as client:
        answer = client.post("/api/show", json={"id": "x"})
        gate.set()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"


def test_browsers_are_told_to_trust_nothing(client: TestClient) -> None:
    headers = client.post("/api/info", json={}).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Access-Control-Allow-Origin" not in headers


def test_foreign_pages_are_let_in_only_by_name(folder: Path) -> None:
    ask = {"Origin": "https://lab.example", "Access-Control-Request-Method": "POST"}
    with TestClient(app_over(folder)) as client:
        answer = client.options("/api/info", headers=ask)
        assert "Access-Control-Allow-Origin" not in answer.headers
    with TestClient(
        app_over(folder, settings=Settings(origins=("https://lab.example",)))
    ) as client:
        answer = client.options("/api/info", headers=ask)
        assert answer.headers["Access-Control-Allow-Origin"] == "https://lab.example"
        other = client.options("/api/info", headers=ask | {"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in other.headers


def test_a_local_server_answers_to_local_names_only(folder: Path) -> None:
    with TestClient(
        app_over(folder, settings=Settings(hosts=("127.0.0.1", "localhost")))
    ) as client:
        assert client.get("/healthz").status_code == 400
        assert client.get("/healthz", headers={"Host": "localhost:8000"}).status_code == 200


def test_health_and_readiness(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    for _ in range(500):
        if client.get("/readyz").status_code == 200:
            break
        threading.Event().wait(0.02)
    assert client.get("/readyz").json() == {"status": "ready"}


def test_an_index_that_cannot_be_opened_is_alive_and_not_ready(tmp_path: Path) -> None:
    with TestClient(create_app(Workspace(tmp_path / "none.lca"))) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503
        answer = client.post("/api/info", json={})
        assert answer.status_code == 503
        assert "no index is here" in answer.json()["error"]["message"]


def test_metrics_count_by_route(client: TestClient) -> None:
    client.post("/api/search", json={"query": "a question to be counted"})
    text = client.get("/metrics").text
    assert 'lca_rag_requests_total{method="POST",route="/api/search",status="200"}' in text
    assert "lca_rag_query_batch_size_count" in text
    assert "counted" not in text


def test_logs_hold_no_content(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="lca_rag")
    with TestClient(app_over(folder, KEYS)) as client:
        client.post("/api/search", json={"query": "top secret alloy"}, headers=bearer("all"))
    lines = [record.getMessage() for record in caplog.records]
    [told] = [json.loads(line) for line in lines if '"/api/search"' in line]
    assert told["caller"] == "all"
    assert told["status"] == 200
    assert told["milliseconds"] > 0
    assert not any("secret" in line or "Bearer" in line for line in lines)


def test_without_a_key_nobody_gets_anything(keyed: TestClient) -> None:
    document = keyed.get("/openapi.json").json()
    open_paths = {"/healthz", "/readyz"}
    for path, methods in document["paths"].items():
        for method in methods:
            answer = keyed.request(method.upper(), path, json={})
            expected = {200, 503} if path in open_paths else {401}
            assert answer.status_code in expected, path
    refused = keyed.post("/api/info", json={}, headers=bearer("wrong"))
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert keyed.post("/mcp", json={}).status_code == 401


def test_metrics_are_for_admins(keyed: TestClient) -> None:
    assert keyed.get("/metrics", headers=bearer("guest")).status_code == 403
    assert keyed.get("/metrics", headers=bearer("all")).status_code == 200


def test_the_rate_is_limited_per_key(keyed: TestClient) -> None:
    codes = [keyed.post("/api/info", json={}, headers=bearer("slow")).status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    answer = keyed.post("/api/info", json={}, headers=bearer("slow"))
    assert int(answer.headers["Retry-After"]) >= 1
    assert keyed.post("/api/info", json={}, headers=bearer("all")).status_code == 200


async def test_mcp_over_http_sees_what_its_key_sees(folder: Path) -> None:
    with server_fixtures.running(app_over(folder, KEYS)) as url:
        for key, databases in (("all", ["demo", "secret"]), ("guest", ["demo"])):
            http = create_mcp_http_client(headers=bearer(key))
            async with http, Client(streamable_http_client(f"{url}/mcp", http_client=http)) as mcp:
                told = (await mcp.call_tool("info", {})).structured_content
                assert [item["database"] for item in told["databases"]] == databases
        assert httpx.post(f"{url}/mcp", json={}, headers=bearer("wrong")).status_code == 401


def test_the_server_stops_in_order(folder: Path) -> None:
    """A request that runs when the server is told to stop still gets its answer."""
    with server_fixtures.running(app_over(folder)) as url:
        answer = httpx.post(f"{url}/api/info", json={})
        assert answer.status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/healthz")
