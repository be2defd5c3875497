"""Wrong requests are told in one clear sentence, none of it in pydantic's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lca_rag.server.app import create_app
from tests import server_fixtures

PYDANTIC = re.compile(
    r"Input should|valid (string|integer|number|dictionary)|should have at|Field required|"
    r"Extra inputs|errors\.pydantic|Value error|match pattern|JSON decode|unable to parse",
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    place = tmp_path_factory.mktemp("faults") / "demo.lca"
    server_fixtures.build(place, server_fixtures.demo_records())
    with TestClient(create_app(server_fixtures.workspace(place))) as connected:
        yield connected


CHAT = "/v1/chat/completions"
SAID = [{"role": "user", "content": "steel"}]


@pytest.mark.parametrize(
    ("path", "body", "param", "words"),
    [
        ("/api/search", {}, "query", "query is missing; it is needed"),
        ("/api/search", {"query": 3}, "query", "query must be a text in quotes, not 3"),
        ("/api/search", {"query": None}, "query", "query must be a text in quotes, not null"),
        ("/api/search", {"query": "x", "kk": 3}, "kk", "kk is unknown here; leave it out"),
        ("/api/search", {"query": "x", "k": "many"}, "k", 'k must be a whole number, not "many"'),
        ("/api/search", {"query": "x", "k": 0}, "k", "k must be at least 1, not 0"),
        ("/api/search", {"query": "x", "k": 10**6}, "k", "k must be at most"),
        ("/api/search", {"query": "x", "strict": "perhaps"}, "strict", "must be true or false"),
        ("/api/search", {"query": "x", "kind": "car"}, "kind", "kind must be one of 'process'"),
        ("/api/search", {"query": " "}, "query", "query "),
        ("/api/search", {"query": "x" * 9_000}, "query", "query is too long; give at most 8000"),
        ("/api/search", {"query": "x", "database": "demo"}, "database", "must be a list in square"),
        ("/api/search", [1], None, "the request must be a JSON object"),
        ("/api/match", {"lines": []}, "lines", "lines has too few entries; give at least 1"),
        ("/api/match", {"lines": [{}]}, "lines.0.line", "2 more fields are wrong too"),
        (CHAT, {"messages": []}, "messages", "messages has too few entries; give at least 1"),
        (CHAT, {"messages": SAID, "n": 2}, "n", "n must be one of 1, not 2"),
        (CHAT, {"messages": [{"role": "king"}]}, "messages.0.role", "must be one of 'system'"),
        (CHAT, {"messages": [{"role": "user", "content": 3}]}, "messages.0.content", "a text"),
        ("/v1/rerank", {"query": "x", "documents": [3]}, "documents.0", "must be a text in quotes"),
        ("/v1/embeddings", {"input": "x", "encoding_format": "hex"}, "encoding_format", "one of"),
    ],
)
def test_a_wrong_field_is_told_in_one_sentence(
    client: TestClient, path: str, body: Any, param: str | None, words: str
) -> None:
    answer = client.post(path, json=body)
    error = answer.json()["error"]
    assert answer.status_code == 422, error
    assert error["param"] == param
    assert words in error["message"]
    assert not PYDANTIC.search(error["message"]), error["message"]
    assert "\n" not in error["message"]
    assert len(error["message"]) < 300


def test_what_is_no_json_is_told_so(client: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post("/api/search", content=b'{"query": ', headers=headers)
    assert answer.status_code == 422
    message = answer.json()["error"]["message"]
    assert message.startswith("the request is not valid JSON (")
    assert answer.json()["error"]["param"] is None


def test_a_wrong_value_is_not_repeated_at_length(client: TestClient) -> None:
    message = client.post("/api/search", json={"query": "x", "k": "y" * 5_000}).json()["error"][
        "message"
    ]
    assert len(message) < 200


def test_a_body_without_a_type_is_told_which_to_send(client: TestClient) -> None:
    headers = {"Content-Type": "text/plain"}
    answer = client.post("/api/search", content=b"steel", headers=headers)
    assert answer.status_code == 422
    assert "JSON object" in answer.json()["error"]["message"]
