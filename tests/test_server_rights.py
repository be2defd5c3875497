"""For a key without a right to a database, the server answers as if it had never held it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lca_rag.operations import OPERATIONS, Caller
from lca_rag.server.access import Key, KeyRing, digest
from lca_rag.server.app import create_app
from tests import server_fixtures

GUEST = KeyRing({digest("guest"): Key(Caller("guest", frozenset({"demo"})), "reader", 0)})
EVERYBODY = KeyRing({digest("guest"): Key(Caller("guest"), "reader", 0)})
WORDS = ("electricity", "unobtainium", "clandestine zirconium", "钢", "CO2", "124-38-9")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, TestClient]]:
    """One that holds a secret database and hides it, and one that never held it."""
    folder = tmp_path_factory.mktemp("rights")
    records = server_fixtures.demo_records()
    secret = server_fixtures.secret_records(records)
    both = server_fixtures.build(folder / "both.lca", [*records, *secret])
    plain = server_fixtures.build(folder / "plain.lca", records)
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
    asked.append(("/api/info", {}))
    asked.append(("/chat/examples", {}))
    for words in WORDS:
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


def test_every_route_is_asked() -> None:
    assert {f"/api/{row.name}" for row in OPERATIONS} <= {path for path, _ in bodies()}


def test_hidden_and_absent_are_the_same(servers: tuple[TestClient, TestClient]) -> None:
    hiding, without = servers
    for path, body in bodies():
        seen, expected = told(hiding, path, body), told(without, path, body)
        assert seen == expected, (path, body)
        assert "unobtainium clandestine" not in seen[1]


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
    for path in ("search", "ask", "show", "similar", "match", "duplicates", "info"):
        assert f"/api/{path}" in differing
