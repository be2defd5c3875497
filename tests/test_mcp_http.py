"""MCP over HTTP is a route like the others: the same lanes, limits, metrics, log and errors."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import MCPError

from lca_rag.operations import Caller
from lca_rag.server.access import Key, KeyRing, digest
from lca_rag.server.app import create_app
from lca_rag.server.door import Settings
from lca_rag.server.mcp import create_server, record_uri
from tests import server_fixtures

KEYS = KeyRing(
    {
        digest("all"): Key(Caller("all"), "admin", 0),
        digest("slow"): Key(Caller("slow"), "reader", 5),
    }
)
BEARER = {"Authorization": "Bearer all"}
CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "info", "arguments": {}},
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("mcp-http") / "demo.lca"
    return server_fixtures.build(place, server_fixtures.demo_records()[::3])


def app_over(folder: Path, **settings: Any) -> FastAPI:
    return create_app(server_fixtures.workspace(folder), keys=KEYS, settings=Settings(**settings))


@asynccontextmanager
async def client_of(url: str, mode: Any = "auto", key: str = "all") -> AsyncIterator[Client]:
    """The official client with a key."""
    http = create_mcp_http_client(headers={"Authorization": f"Bearer {key}"})
    transport = streamable_http_client(f"{url}/mcp", http_client=http)
    async with http, Client(transport, mode=mode) as client:
        yield client


Stuck = tuple[threading.Event, threading.Semaphore]


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Stuck:
    """Duplicates are not found before the event is set; the semaphore tells how many look."""
    gate, running = threading.Event(), threading.Semaphore(0)

    def find(*_: Any, **__: Any) -> list[Any]:
        running.release()
        gate.wait(30)
        return []

    monkeypatch.setattr("lca_rag.duplicates.find_duplicates", find)
    return gate, running


def failure(result: Any) -> dict[str, str]:
    assert result.is_error
    told: dict[str, str] = json.loads(result.content[0].text)
    return told


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_tools_share_the_lanes_and_the_time_of_the_server(
    folder: Path, stuck: Stuck, mode: str
) -> None:
    """Bulk work waits for bulk work, at whichever door; a search waits for neither."""
    gate, running = stuck
    with server_fixtures.running(app_over(folder, seconds=1.5)) as url:
        async with client_of(url, mode) as client, anyio.create_task_group() as tasks:
            told: list[dict[str, str]] = []

            async def ask(arguments: dict[str, Any]) -> None:
                told.append(failure(await client.call_tool("duplicates", arguments)))

            for kind in ("process", "flow", "method"):
                tasks.start_soon(ask, {"kind": kind})
            assert await anyio.to_thread.run_sync(lambda: running.acquire(timeout=10))
            rest = await anyio.to_thread.run_sync(
                lambda: httpx.post(f"{url}/api/duplicates", json={}, headers=BEARER, timeout=20)
            )
            assert rest.status_code == 503
            found = await client.call_tool("search", {"query": "steel"})
            assert not found.is_error
            assert not running.acquire(blocking=False)  # one place: the others never began
            while len(told) < 3:
                await anyio.sleep(0.05)
            gate.set()
    assert {item["error"] for item in told} == {"timeout"}
    assert all("no answer within 1.5 seconds" in item["message"] for item in told)


async def test_without_a_server_around_it_work_has_lanes_too(folder: Path, stuck: Stuck) -> None:
    """As over stdio: one bulk call at a time, and searches go on."""
    gate, running = stuck
    with server_fixtures.workspace(folder) as workspace:
        async with Client(create_server(workspace)) as client, anyio.create_task_group() as tasks:
            for kind in ("process", "flow"):
                tasks.start_soon(client.call_tool, "duplicates", {"kind": kind})
            assert await anyio.to_thread.run_sync(lambda: running.acquire(timeout=10))
            assert not (await client.call_tool("search", {"query": "steel"})).is_error
            assert not running.acquire(blocking=False)
            gate.set()


async def test_a_fault_of_ours_is_logged_and_not_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("lca_rag.operations.runs.find_records", broken)
    with server_fixtures.running(app_over(folder)) as url:
        async with client_of(url) as client:
            told = failure(await client.call_tool("show", {"id": "x"}))
            assert told["error"] == "internal"
            with pytest.raises(MCPError, match="internal error") as caught:
                await client.read_resource(record_uri("x"))
    for words in (told["message"], str(caught.value)):
        assert "secret detail" not in words
        number = words.rsplit(" ", 1)[1]
        assert any(number in record.getMessage() for record in caplog.records)


async def test_an_id_that_is_none_is_refused(folder: Path) -> None:
    with server_fixtures.workspace(folder) as workspace:
        async with Client(create_server(workspace)) as client:
            for id in (" ", "x" * 600):
                with pytest.raises(MCPError, match="no such record: id is too"):
                    await client.read_resource(record_uri(id))


async def test_calls_are_logged_and_counted(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="lca_rag")
    with server_fixtures.running(app_over(folder)) as url:
        async with client_of(url) as client:
            await client.call_tool("ask", {"question": "What is the colour of unobtainium?"})
        metrics = httpx.get(f"{url}/metrics", headers=BEARER).text
    lines = [
        json.loads(record.getMessage())
        for record in caplog.records
        if '"event": "request"' in record.getMessage()
    ]
    [asked] = [line for line in lines if line.get("operation")]
    assert (asked["route"], asked["operation"], asked["caller"]) == ("/mcp", "ask", "all")
    assert "unobtainium" not in str(lines)
    assert 'lca_rag_requests_total{method="POST",route="/mcp",status="200"}' in metrics
    assert "lca_rag_abstained_total 1.0" in metrics


def test_errors_have_the_one_shape(folder: Path) -> None:
    with server_fixtures.running(app_over(folder, max_body=1_000)) as url:
        mcp = f"{url}/mcp"
        large = json.dumps(CALL | {"params": {"name": "x" * 2_000}}).encode()
        headers = BEARER | ACCEPT | {"Content-Type": "application/json"}
        pieces = (large[at : at + 500] for at in range(0, len(large), 500))
        limited = {"Authorization": "Bearer slow"} | ACCEPT
        for _ in range(5):
            assert httpx.post(mcp, json=CALL, headers=limited).status_code == 200
        answers = {
            401: httpx.post(mcp, json=CALL, headers=ACCEPT),
            405: httpx.get(mcp, headers=BEARER | ACCEPT),
            413: httpx.post(mcp, content=pieces, headers=headers),
            429: httpx.post(mcp, json=CALL, headers=limited),
        }
        for status, answer in answers.items():
            assert answer.status_code == status
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}, status
        assert answers[405].headers["Allow"] == "POST"
        assert httpx.request("DELETE", mcp, headers=BEARER).status_code == 405
        assert httpx.post(mcp, content=large, headers=headers).status_code == 413
