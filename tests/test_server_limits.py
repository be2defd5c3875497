"""What a stranger may send before anybody looks at a key, and what a process keeps of requests."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient

from lca_rag.commands import serving
from lca_rag.errors import UnitError
from lca_rag.server.app import create_app
from lca_rag.units import parse, spelling
from tests import server_fixtures


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("limits") / "demo.lca"
    return server_fixtures.build(place, server_fixtures.demo_records()[:9])


async def _yes(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"yes"})


def _pour(connection: socket.socket) -> None:
    """Send 20 MB."""
    for _ in range(200):
        connection.sendall(b"x" * 100_000)


@pytest.mark.parametrize("begin", [b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ", b"GET /"])
def test_endless_headers_are_cut_off(
    folder: Path, monkeypatch: pytest.MonkeyPatch, begin: bytes
) -> None:
    """With the settings of `lca-rag serve`: a parser that collects them all fills the memory."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda _, **named: given.update(named))
    monkeypatch.setenv("LCA_RAG_SERVE", "")  # so that what is set there goes again
    serving.serve(str(folder))
    config = uvicorn.Config(_yes, host="127.0.0.1", port=0, log_config=None, http=given["http"])
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(begin)
            with pytest.raises(OSError, match=r"reset|Broken pipe|abort"):
                _pour(connection)
    finally:
        server.should_exit = True
        thread.join(20)


def test_methods_made_up_by_clients_leave_no_trace(folder: Path) -> None:
    with TestClient(create_app(server_fixtures.workspace(folder))) as client:
        for number in range(50):
            assert client.request(f"MADEUP{number}", f"/{number}").status_code == 404
            assert client.request(f"MADEUP{number}", "/api/search").status_code == 405
        text = client.get("/metrics").text
    assert "MADEUP" not in text
    assert 'lca_rag_requests_total{method="other",route="other",status="404"} 50.0' in text


def test_bases_of_units_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit "kg X eq" teaches the process a basis; strangers may not teach it without end."""
    monkeypatch.setattr(spelling, "BASES", dict(spelling.BASES))
    known = parse("kg unobtainium eq")
    monkeypatch.setattr(spelling, "_MOST_BASES", len(spelling.BASES))
    with pytest.raises(UnitError, match=r"is new, and \d+ others were met already"):
        parse("kg impossibilium eq")
    assert parse("t unobtainium eq").is_compatible_with(known)


def test_a_policy_for_a_database_that_is_not_there_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = folder.with_suffix(".json")
    rule = '{"level": "restricted"}'
    policy.write_text(f'{{"databases": {{"demo": {rule}, "dmeo": {rule}}}}}', "utf-8")
    monkeypatch.setattr(uvicorn, "run", lambda *_, **__: None)
    monkeypatch.setenv("LCA_RAG_SERVE", "")
    serving.serve(str(folder), policy=str(policy))
    assert "the policy names what this index does not hold: dmeo\n" in capsys.readouterr().err
