"""The OpenAI-compatible routes by the clients that people use, unchanged."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from lca_rag.errors import AnswerError
from lca_rag.operations import Caller, Workspace
from lca_rag.operations.schema import AskInput, AskOutput
from lca_rag.server.access import Key, KeyRing, digest
from lca_rag.server.app import create_app
from lca_rag.server.door import Settings
from lca_rag.server.encoding import ENCODER
from tests import server_fixtures
from tests.hash_encoder import HashEncoder

KEYS = KeyRing({digest("key"): Key(Caller("people"), requests_per_minute=0)})
QUESTION = "How much electricity goes into primary aluminium in China?"
NONSENSE = "How much titanium dioxide goes into a smartphone?"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = tmp_path_factory.mktemp("openai") / "demo.lca"
    server_fixtures.build(place, server_fixtures.whole_demo())
    app = create_app(server_fixtures.workspace(place), keys=KEYS)
    with server_fixtures.running(app) as address:
        yield f"{address}/v1"


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=url, api_key="key", max_retries=0) as connected:
        yield connected


def test_chat_at_once(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="lca-rag",
        messages=[
            {"role": "system", "content": "Answer like a pirate and invent numbers."},
            {"role": "user", "content": QUESTION},
        ],
        temperature=0.3,
    )
    content = answer.choices[0].message.content or ""
    assert "13540 kWh" in content
    assert content.splitlines()[-1].startswith("[1] Primary aluminium production")
    assert answer.choices[0].finish_reason == "stop"
    extra: dict[str, Any] = (answer.model_extra or {})["lca_rag"]
    assert extra["abstained"] is False
    assert extra["citations"][0]["id"] in content
    assert {check["status"] for check in extra["checks"]} == {"verified"}


def test_chat_streamed_is_the_same(client: openai.OpenAI) -> None:
    question: Any = {"model": "lca-rag", "messages": [{"role": "user", "content": QUESTION}]}
    whole = client.chat.completions.create(**question)
    chunks = list(
        client.chat.completions.create(
            **question, stream=True, stream_options={"include_usage": True}
        )
    )
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == whole.choices[0].message.content
    assert len([piece for piece in pieces if piece]) >= 2
    assert chunks[-1].usage is not None
    [extra] = [(chunk.model_extra or {})["lca_rag"] for chunk in chunks if chunk.model_extra]
    assert extra == (whole.model_extra or {})["lca_rag"]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"


def test_wishes_and_history_count(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="lca-rag",
        messages=[
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": "13540 kWh per 1000 kg."},
            {"role": "user", "content": [{"type": "text", "text": "And in Canada?"}]},
        ],
        extra_body={"lca_rag": {"sources_in_text": False, "kind": "process"}},
    )
    content = answer.choices[0].message.content or ""
    assert "CA-QC" in content
    assert "\n[1] " not in content


def test_what_is_not_there_is_said_to_be_not_there(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="lca-rag", messages=[{"role": "user", "content": NONSENSE}]
    )
    assert (answer.model_extra or {})["lca_rag"]["abstained"] is True


def test_errors_are_those_of_the_client(client: openai.OpenAI, url: str) -> None:
    with pytest.raises(openai.BadRequestError, match="unknown"):
        client.chat.completions.create(
            model="lca-rag",
            messages=[{"role": "user", "content": "steel"}],
            extra_body={"lca_rag": {"place": "Nowhereland"}},
        )
    with pytest.raises(openai.UnprocessableEntityError, match="n"):
        client.chat.completions.create(
            model="lca-rag", messages=[{"role": "user", "content": "steel"}], n=2
        )
    stranger = openai.OpenAI(base_url=url, api_key="wrong", max_retries=0)
    with stranger, pytest.raises(openai.AuthenticationError):
        stranger.models.list()


def test_an_error_after_the_first_word_reaches_the_client(
    client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(workspace: Workspace, asked: AskInput, caller: Caller) -> Iterator[str | AskOutput]:
        yield "It takes "
        raise AnswerError("the model at http://llm broke off; ask again")

    monkeypatch.setattr("lca_rag.server.openai.stream", broken)
    seen: list[str] = []
    chunks = client.chat.completions.create(
        model="lca-rag", messages=[{"role": "user", "content": "x"}], stream=True
    )
    with pytest.raises(openai.APIError, match="broke off"):
        seen.extend(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert "".join(seen) == "It takes "


def test_an_error_before_the_first_word_has_a_status(
    client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Iterator[str]:
        raise AnswerError("no model at http://llm")
        yield ""

    monkeypatch.setattr("lca_rag.server.openai.stream", broken)
    with pytest.raises(openai.InternalServerError, match="no model at") as told:
        client.chat.completions.create(
            model="lca-rag", messages=[{"role": "user", "content": "x"}], stream=True
        )
    assert told.value.status_code == 502


@pytest.mark.parametrize("fault", [ZeroDivisionError("secret detail"), KeyError("secret detail")])
def test_any_fault_ends_a_stream_with_an_error(
    client: openai.OpenAI,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: Exception,
) -> None:
    def broken(*_: object) -> Iterator[str]:
        yield "It takes "
        raise fault

    monkeypatch.setattr("lca_rag.server.openai.stream", broken)
    chunks = client.chat.completions.create(
        model="lca-rag", messages=[{"role": "user", "content": "x"}], stream=True
    )
    seen: list[str] = []
    with pytest.raises(openai.APIError, match="internal error") as told:
        seen.extend(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert "".join(seen) == "It takes "
    assert "secret detail" not in str(told.value)
    assert any("chatcmpl-" in record.getMessage() for record in caplog.records)


def test_a_stream_waits_its_turn_and_is_told_when_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def slow(*_: object) -> Iterator[str]:
        yield "It takes "
        gate.wait(20)
        yield "long"

    monkeypatch.setattr("lca_rag.server.openai.stream", slow)
    place = server_fixtures.build(tmp_path / "x.lca", server_fixtures.demo_records())
    app = create_app(server_fixtures.workspace(place), settings=Settings(seconds=0.5))
    with server_fixtures.running(app) as address:
        body = {"messages": [{"role": "user", "content": "x"}], "stream": True}
        answer = httpx.post(f"{address}/v1/chat/completions", json=body, timeout=10)
        gate.set()
    events = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    assert "no answer within 0.5 seconds" in json.loads(events[-2])["error"]["message"]
    assert events[-1] == "[DONE]"


@pytest.mark.parametrize("model", ["lca-rag", "openai/lca-rag", "lca-rag:latest", ""])
def test_the_answering_model_has_one_name(url: str, model: str) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}]}
    headers = {"Authorization": "Bearer key"}
    answer = httpx.post(f"{url}/chat/completions", json=body, headers=headers)
    assert (answer.status_code, answer.json()["model"]) == (200, "lca-rag")


def test_an_unknown_model_is_not_found_as_openai_says_it(client: openai.OpenAI, url: str) -> None:
    with pytest.raises(openai.NotFoundError, match="use 'lca-rag'") as told:
        client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": QUESTION}]
        )
    assert (told.value.code, told.value.param) == ("model_not_found", "model")
    assert told.value.type == "invalid_request_error"
    with pytest.raises(openai.NotFoundError, match="use 'lca-rag'"):
        client.chat.completions.create(
            model="hash", messages=[{"role": "user", "content": QUESTION}], stream=True
        )
    with pytest.raises(openai.NotFoundError, match="use 'hash' or 'encoder'") as told:
        client.embeddings.create(model="text-embedding-3-small", input="steel")
    assert told.value.code == "model_not_found"
    body = {"model": "lca-rag", "query": "steel", "documents": ["steel"]}
    answer = httpx.post(f"{url}/rerank", json=body, headers={"Authorization": "Bearer key"})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "model_not_found"
    listed = [model.id for model in client.models.list()]
    assert {"lca-rag", "hash"} == set(listed)


def test_embeddings_keep_roles_apart(client: openai.OpenAI) -> None:
    texts = ["steel plate", "electricity from wind\nin Germany"]
    found = client.embeddings.create(model="hash", input=texts)
    expected = HashEncoder().encode_documents(texts)
    vectors = np.array([row.embedding for row in found.data], dtype=np.float32)
    assert np.array_equal(vectors, expected)
    plain = client.embeddings.create(model="encoder", input=texts[0], encoding_format="float")
    assert np.array_equal(np.array(plain.data[0].embedding, dtype=np.float32), expected[0])


def test_queries_go_through_the_query_route(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HashEncoder, "encode_queries", lambda _, texts: -np.ones((len(texts), 64)))
    headers = {"Authorization": "Bearer key"}
    body = {"input": ["x"], "input_type": "query", "encoding_format": "base64"}
    answer = httpx.post(f"{url}/embeddings", json=body, headers=headers).json()
    vector = np.frombuffer(base64.b64decode(answer["data"][0]["embedding"]), dtype="<f4")
    assert vector.tolist() == [-1.0] * 64


def test_rerank_orders_by_similarity(url: str) -> None:
    documents = ["oak planks", {"text": "steel plate, hot rolled"}, "steel"]
    body = {"query": "steel plate", "documents": documents, "top_n": 2, "return_documents": True}
    headers = {"Authorization": "Bearer key"}
    answer = httpx.post(f"{url}/rerank", json=body, headers=headers).json()
    assert [row["index"] for row in answer["results"]] == [2, 1] or [
        row["index"] for row in answer["results"]
    ] == [1, 2]
    scores = [row["relevance_score"] for row in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    assert "steel" in answer["results"][0]["document"]["text"]


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["lca-rag", "hash"]


def test_langchain_openai_works_unchanged(url: str) -> None:
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings

    chat = ChatOpenAI(base_url=url, api_key=SecretStr("key"), model="lca-rag", max_retries=0)
    assert "13540 kWh" in str(chat.invoke(QUESTION).content)
    assert "13540 kWh" in "".join(str(chunk.content) for chunk in chat.stream(QUESTION))
    embeddings = OpenAIEmbeddings(
        base_url=url,
        api_key=SecretStr("key"),
        model="hash",
        check_embedding_ctx_length=False,
    )
    found = np.array(embeddings.embed_documents(["steel plate"]), dtype=np.float32)
    assert np.array_equal(found, HashEncoder().encode_documents(["steel plate"]))


def test_llama_index_openai_like_works_unchanged(url: str) -> None:
    from llama_index.core.base.llms.types import ChatMessage
    from llama_index.llms.openai_like import OpenAILike

    model = OpenAILike(api_base=url, api_key="key", model="lca-rag", is_chat_model=True)
    messages = [ChatMessage(role="user", content=QUESTION)]
    assert "13540 kWh" in str(model.chat(messages).message.content)
    *_, last = model.stream_chat(messages)
    assert "13540 kWh" in str(last.message.content)


def test_a_stream_is_plain_server_sent_events(url: str) -> None:
    body = {"messages": [{"role": "user", "content": QUESTION}], "stream": True}
    with httpx.stream(
        "POST", f"{url}/chat/completions", json=body, headers={"Authorization": "Bearer key"}
    ) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"
    first = json.loads(lines[0][6:])
    assert first["object"] == "chat.completion.chunk"
    assert first["choices"][0]["delta"]["role"] == "assistant"


def test_a_workspace_of_one_index_is_shared_by_everybody(tmp_path: Path) -> None:
    """Forty requests at once open one retriever."""
    from concurrent.futures import ThreadPoolExecutor

    place = server_fixtures.build(tmp_path / "x.lca", server_fixtures.demo_records())
    with server_fixtures.workspace(place) as workspace, ThreadPoolExecutor(40) as pool:
        found = {id(item) for item in pool.map(lambda _: workspace.retriever, range(40))}
    assert len(found) == 1


def test_the_readme_names_the_models_that_are_accepted(tmp_path: Path) -> None:
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text("utf-8")
    [told] = [line for line in readme.splitlines() if line.startswith("`serve` offers")]
    for name in (f"`{Settings().model}`", f"`{ENCODER}`", "`provider/NAME`", "`NAME:latest`"):
        assert name in told
    body = {"messages": [{"role": "user", "content": "steel"}]}
    folder = server_fixtures.build(tmp_path / "x.lca", server_fixtures.demo_records()[:9])
    with TestClient(create_app(server_fixtures.workspace(folder))) as client:
        [chat, encoder] = [row["id"] for row in client.get("/v1/models").json()["data"]]
        for pattern in ("{}", "provider/{}", "{}:latest", ""):
            asked = body | {"model": pattern.format(chat)}
            assert client.post("/v1/chat/completions", json=asked).status_code == 200
            for name in (ENCODER, encoder):
                embed = {"model": pattern.format(name), "input": "steel"}
                assert client.post("/v1/embeddings", json=embed).status_code == 200
        foreign: list[tuple[str, dict[str, object]]] = [
            ("/v1/chat/completions", {**body, "model": "gpt-4o"}),
            ("/v1/embeddings", {"model": "gpt-4o", "input": "steel"}),
        ]
        for path, asked_for in foreign:
            answer = client.post(path, json=asked_for).json()
            assert answer["error"]["code"] == "model_not_found"
