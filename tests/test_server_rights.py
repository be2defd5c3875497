"""For a key without a right to a database, the server answers as if it had never held it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from mcp import Client
from mcp.shared.exceptions import MCPError

from lca_rag.operations import LOCAL, OPERATIONS, Caller, Workspace
from lca_rag.server.access import Key, KeyRing, digest
from lca_rag.server.app import create_app
from lca_rag.server.mcp import create_server, record_uri
from tests import server_fixtures
from tests.operation_requests import requests_to

GUEST = KeyRing({digest("guest"): Key(Caller("guest", frozenset({"demo"})), "reader", 0)})
EVERYBODY = KeyRing({digest("guest"): Key(Caller("guest"), "reader", 0)})
WORDS = ("electricity", "unobtainium", "clandestine zirconium", "钢", "CO2", "124-38-9")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An index with a secret database, and one without."""
    folder = tmp_path_factory.mktemp("rights")
    records = server_fixtures.demo_records()
    secret = server_fixtures.secret_records(records)
    both = server_fixtures.build(folder / "both.lca", [*records, *secret])
    return both, server_fixtures.build(folder / "plain.lca", records)


@pytest.fixture(scope="module")
def servers(folders: tuple[Path, Path]) -> Iterator[tuple[TestClient, TestClient]]:
    """One that holds a secret database and hides it, and one that never held it."""
    both, plain = folders
    headers = {"Authorization": "Bearer guest"}
    hiding = create_app(server_fixtures.workspace(both), keys=GUEST)
    without = create_app(server_fixtures.workspace(plain), keys=EVERYBODY)
    with (
        TestClient(hiding, headers=headers) as first,
        TestClient(without, headers=headers) as second,
    ):
        yield first, second


def bodies() -> list[tuple[str, dict[str, Any]]]:
    """Requests to every route that answers from records, many of them about the secret."""
    secret = server_fixtures.secret_records(server_fixtures.demo_records())[1]
    shared = server_fixtures.demo_records()[2]
    ids = (secret.id, secret.key, secret.uuid, "secret/none@1", shared.id, shared.uuid)
    asked: list[tuple[str, dict[str, Any]]] = []
    wishes: tuple[dict[str, Any], ...] = (
        {},
        {"database": ["secret"]},
        {"place": "DE", "strict": True},
        {"kind": "flow"},
    )
    for words, wish in itertools.product(WORDS, wishes):
        asked.append(("/api/search", {"query": words, "k": 40, **wish}))
        asked.append(("/api/ask", {"question": f"How much {words} is needed?", **wish}))
    for mode in ("dense", "lexical"):
        asked.append(("/api/search", {"query": "clandestine electricity", "mode": mode, "k": 100}))
    for id in ids:
        asked.append(("/api/show", {"id": id}))
        asked.append(("/api/similar", {"id": id, "k": 30}))
        asked.append(("/chat/citations", {"ids": [id], "form": "bibtex"}))
    asked.append(("/api/flow", {"names": [*WORDS, secret.uuid]}))
    bill = [{"line": str(n), "description": words} for n, words in enumerate(WORDS)]
    asked.append(("/api/match", {"lines": bill, "k": 20}))
    asked.append(("/api/match", {"lines": bill, "database": ["secret"]}))
    asked.append(("/api/duplicates", {}))
    asked.append(("/api/duplicates", {"database": ["secret"]}))
    asked.append(("/api/clusters", {"members": 100}))
    asked.append(("/api/clusters", {"database": ["secret"]}))
    for row in OPERATIONS:  # every option of every operation, those of a new one too
        for body in requests_to(row, WORDS[1:2], (secret.id,), ("secret", "demo")):
            asked.append((f"/api/{row.name}", body))
    asked.append(("/chat/examples", {}))
    asked.append(("/v1/embeddings", {"input": list(WORDS), "input_type": "query"}))
    for words in WORDS:
        documents = [*WORDS, secret.comment.join(), shared.comment.join()]
        asked.append(("/v1/rerank", {"query": words, "documents": documents}))
        chat = {"messages": [{"role": "user", "content": f"What about {words}?"}]}
        asked.append(("/v1/chat/completions", chat))
        asked.append(("/v1/chat/completions", chat | {"stream": True}))
    return asked


def told(client: TestClient, path: str, body: dict[str, Any]) -> tuple[int, str]:
    """Status and text of an answer, without the name and time that each completion gets."""
    answer = client.post(path, json=body)
    if not path.endswith("/completions"):
        return answer.status_code, answer.text
    pieces = [answer.text]
    if body.get("stream"):
        pieces = [line[6:] for line in answer.text.splitlines() if line.startswith("data: {")]
    parsed = [json.loads(piece) for piece in pieces]
    for piece in parsed:
        del piece["id"], piece["created"]
    return answer.status_code, json.dumps(parsed)


def test_every_route_is_asked(servers: tuple[TestClient, TestClient]) -> None:
    app: Any = servers[0].app
    routes = app.openapi()["paths"].items()
    posted = {path for path, methods in routes if "post" in methods}
    assert {f"/api/{row.name}" for row in OPERATIONS} <= posted
    assert posted == {path for path, _ in bodies()}


def test_hidden_and_absent_are_the_same(servers: tuple[TestClient, TestClient]) -> None:
    hiding, without = servers
    for path, body in bodies():
        seen, expected = told(hiding, path, body), told(without, path, body)
        assert seen == expected, (path, body)
        assert "unobtainium clandestine" not in seen[1]


def test_what_is_not_posted_is_the_same(servers: tuple[TestClient, TestClient]) -> None:
    for path in ("/", "/v1/models", "/healthz", "/metrics", "/openapi.json"):
        seen, expected = (client.get(path) for client in servers)
        assert seen.status_code == expected.status_code, path
        if path == "/v1/models":
            assert [model["id"] for model in seen.json()["data"]] == [
                model["id"] for model in expected.json()["data"]
            ]
        else:
            assert seen.text == expected.text, path


async def test_tools_and_resources_hide_it_too(folders: tuple[Path, Path]) -> None:
    """MCP by the official client: for a guest, as if the secret had never been there."""
    both, plain = folders
    guest = Caller("guest", frozenset({"demo"}))
    with server_fixtures.workspace(both) as first, server_fixtures.workspace(plain) as second:
        hidden = await over_mcp(first, guest)
        assert hidden == await over_mcp(second, LOCAL)
        assert not any("unobtainium clandestine" in answer for answer in hidden.values())
        noticed = await over_mcp(first, LOCAL)
    changed = {name.split()[0] for name, answer in noticed.items() if answer != hidden[name]}
    assert changed >= {
        "search",
        "ask",
        "show",
        "similar",
        "match",
        "duplicates",
        "clusters",
        "info",
    }
    assert "read" in changed


async def over_mcp(workspace: Workspace, caller: Caller) -> dict[str, str]:
    """What each tool and resource answers, by tool and arguments."""
    answers: dict[str, str] = {}
    async with Client(create_server(workspace, lambda context: caller)) as client:
        for path, body in bodies():
            if path.startswith("/api/"):
                tool = path.removeprefix("/api/")
                result = await client.call_tool(tool, body)
                answers[f"{tool} {body}"] = result.model_dump_json()
            if path == "/api/show":
                try:
                    answers[f"read {body}"] = str(
                        await client.read_resource(record_uri(body["id"]))
                    )
                except MCPError as exc:
                    answers[f"read {body}"] = str(exc)
    return answers


def test_the_comparison_would_notice(servers: tuple[TestClient, TestClient]) -> None:
    """With the right to it, the secret database changes the answers."""
    hiding, without = servers
    app: Any = hiding.app
    app.state.door.keys = EVERYBODY
    try:
        differing = [
            path for path, body in bodies() if told(hiding, path, body) != told(without, path, body)
        ]
    finally:
        app.state.door.keys = GUEST
    for path in ("search", "ask", "show", "similar", "match", "duplicates", "clusters", "info"):
        assert f"/api/{path}" in differing
