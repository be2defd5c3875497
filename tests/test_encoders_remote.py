"""Remote models: prompts on our side, patience with the busy, plain words about the broken."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from lca_rag.encoders import Encoder, RemoteEncoder, load_encoder
from lca_rag.errors import EncoderError
from tests.embedding_endpoint import DIMENSION, Endpoint, embedding_endpoint, vector_of


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with embedding_endpoint() as made:
        yield made


def remote(endpoint: Endpoint, query_prompt: str | None = "Query:") -> RemoteEncoder:
    return RemoteEncoder(
        endpoint.url, "tiny", query_prompt=query_prompt, batch_size=4, first_wait=0.001
    )


def unit(text: str) -> np.ndarray:
    vector = vector_of(text)
    return np.asarray(vector / np.linalg.norm(vector))


def test_prompts_are_put_on_our_side(endpoint: Endpoint) -> None:
    encoder = remote(endpoint)
    assert isinstance(encoder, Encoder)
    np.testing.assert_allclose(encoder.encode_queries([" a\nb "])[0], unit("Query:a\nb"), atol=1e-6)
    np.testing.assert_allclose(encoder.encode_documents([" a\nb "])[0], unit("a\nb"), atol=1e-6)
    assert all(set(body) == {"model", "input", "encoding_format"} for body in endpoint.bodies)
    assert {body["model"] for body in endpoint.bodies} == {"tiny"}


def test_input_type_is_sent_if_asked_for(endpoint: Endpoint) -> None:
    encoder = RemoteEncoder(
        endpoint.url, "tiny", query_prompt="", input_types=("search_query", "search_document")
    )
    encoder.encode_queries(["a"])
    encoder.encode_documents(["a"])
    assert [body["input_type"] for body in endpoint.bodies[1:]] == [
        "search_query",
        "search_document",
    ]


@pytest.mark.parametrize("form", ["float", "base64"])
def test_batches_keep_their_order(endpoint: Endpoint, form: Any) -> None:
    endpoint.pause = 0.02
    encoder = RemoteEncoder(
        endpoint.url, "tiny", query_prompt="", batch_size=4, concurrency=3, encoding_format=form
    )
    texts = [f"text {number}" for number in range(30)]
    done: list[int] = []
    vectors = encoder.encode_documents(texts, progress=done.append)
    np.testing.assert_allclose(vectors, np.stack([unit(text) for text in texts]), atol=1e-6)
    assert vectors.dtype == np.float32
    assert sum(done) == 30
    assert max(len(body["input"]) for body in endpoint.bodies) == 4
    assert 2 <= endpoint.most_at_once <= 3


def test_nothing_in_nothing_out(endpoint: Endpoint) -> None:
    assert remote(endpoint).encode_documents([]).shape == (0, DIMENSION)


def test_a_busy_endpoint_is_asked_again(endpoint: Endpoint) -> None:
    endpoint.faults = [(429, {"error": {"message": "slow down"}}), (503, "busy"), (500, "")]
    np.testing.assert_allclose(remote(endpoint).encode_documents(["a"])[0], unit("a"), atol=1e-6)
    endpoint.faults = [(503, "overloaded")] * 5
    with pytest.raises(EncoderError, match="answered 503: overloaded, 5 times"):
        remote(endpoint).encode_documents(["a"])


def test_a_slow_endpoint_is_asked_again(endpoint: Endpoint) -> None:
    endpoint.pause = 0.5
    slow = RemoteEncoder(
        endpoint.url, "tiny", query_prompt="", timeout=0.05, attempts=2, first_wait=0.001
    )
    with pytest.raises(EncoderError, match=r"cannot be reached \(ReadTimeout.*2 times"):
        slow.encode_documents(["a"])
    assert len(endpoint.bodies) == 2


def test_a_refusal_is_final(endpoint: Endpoint) -> None:
    endpoint.faults = [(401, {"error": {"message": "bad key"}})]
    with pytest.raises(EncoderError, match=r"#tiny answered 401: bad key$"):
        remote(endpoint).load()
    assert len(endpoint.bodies) == 1


def test_nobody_there() -> None:
    encoder = RemoteEncoder(
        "http://127.0.0.1:9/v1", "tiny", query_prompt="", attempts=2, first_wait=0.001
    )
    with pytest.raises(EncoderError, match=r"cannot be reached \(ConnectError"):
        encoder.load()
    with pytest.raises(EncoderError, match="no endpoint address"):
        RemoteEncoder("nonsense://host", "tiny", query_prompt="", attempts=1).load()


BROKEN: dict[str, tuple[Callable[[list[dict[str, Any]]], object], str]] = {
    "no data": (lambda rows: {"result": 1}, "did not answer as an OpenAI-compatible endpoint"),
    "one missing": (lambda rows: {"data": rows[1:]}, "gave 1 vectors for 2 texts"),
    "one twice": (lambda rows: {"data": [rows[0], rows[0]]}, "gave 1 vectors for 2 texts"),
    "ragged": (
        lambda rows: {"data": [rows[0], {"index": 0, "embedding": [1.0]}]},
        "did not answer as an OpenAI-compatible endpoint",
    ),
    "token states": (
        lambda rows: {"data": [{**row, "embedding": [row["embedding"]] * 3} for row in rows]},
        "turn its pooling on",
    ),
    "zero": (
        lambda rows: {"data": [{**row, "embedding": [0.0] * DIMENSION} for row in rows]},
        "#tiny gave a vector that is zero or not finite, .* look at the endpoint's log",
    ),
    "not a number": (
        lambda rows: {"data": [{**row, "embedding": [None] * DIMENSION} for row in rows]},
        "zero or not finite",
    ),
    "too large": (
        lambda rows: {"data": [{**row, "embedding": [1e300] * DIMENSION} for row in rows]},
        "zero or not finite",
    ),
    "another dimension": (
        lambda rows: {"data": [{**row, "embedding": row["embedding"][:4]} for row in rows]},
        "vectors of 4 components after vectors of 8",
    ),
    "not base64": (
        lambda rows: {"data": [{**row, "embedding": "%%%"} for row in rows]},
        "did not answer as an OpenAI-compatible endpoint",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_named(endpoint: Endpoint, name: str) -> None:
    encoder = remote(endpoint).load()
    endpoint.change, sentence = BROKEN[name]
    with pytest.raises(EncoderError, match=sentence):
        encoder.encode_documents(["a", "b"])


@pytest.mark.parametrize("kept", [0, -1, DIMENSION + 1])
def test_a_dimension_that_cannot_be_kept_is_refused_each_time(
    endpoint: Endpoint, kept: int
) -> None:
    encoder = RemoteEncoder(endpoint.url, "tiny", query_prompt="", truncate_dim=kept)
    for _ in range(2):
        with pytest.raises(EncoderError, match=f"truncate_dim {kept} must be between 1 and 8"):
            encoder.encode_documents(["steel"])


def test_html_instead_of_vectors(endpoint: Endpoint) -> None:
    endpoint.faults = [(200, "<html>sign in</html>")]
    with pytest.raises(EncoderError, match="<html>sign in"):
        remote(endpoint).load()


def test_a_key_from_argument_or_environment(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote(endpoint).load()
    monkeypatch.setenv("LCA_RAG_EMBEDDING_KEY", "from-environment")
    remote(endpoint).load()
    RemoteEncoder(endpoint.url, "tiny", query_prompt="", api_key="given").load()
    assert endpoint.keys == [None, "Bearer from-environment", "Bearer given"]


def test_a_query_prompt_must_be_given(endpoint: Endpoint) -> None:
    encoder = remote(endpoint, query_prompt=None)
    encoder.encode_documents(["a"])  # documents do not need it
    with pytest.raises(EncoderError, match="does not tell its query prompt"):
        encoder.encode_queries(["a"])
    with pytest.raises(EncoderError, match="does not tell its query prompt"):
        load_encoder(f"{endpoint.url}#tiny")


def test_chosen_by_address(endpoint: Endpoint) -> None:
    encoder = load_encoder(f"{endpoint.url}#tiny", query_prompt="", truncate_dim=4)
    assert encoder.name == f"{endpoint.url}#tiny"
    assert encoder.fingerprint.weights == "remote:tiny"
    assert encoder.dimension == encoder.fingerprint.dimension == 4
    head = vector_of("a")[:4]
    np.testing.assert_allclose(
        encoder.encode_documents(["a"])[0], head / np.linalg.norm(head), atol=1e-6
    )
    with pytest.raises(EncoderError, match="truncate_dim 9 must be between 1 and 8"):
        load_encoder(f"{endpoint.url}#tiny", query_prompt="", truncate_dim=9)
    with pytest.raises(EncoderError, match="names no model"):
        load_encoder(endpoint.url, query_prompt="")


def test_pickled_and_back(endpoint: Endpoint) -> None:
    encoder = remote(endpoint)
    again = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_allclose(again.encode_queries(["a"]), encoder.encode_queries(["a"]))


@pytest.mark.parametrize("texts", ["a", ["a", None]])
def test_only_strings_are_encoded(endpoint: Endpoint, texts: Any) -> None:
    with pytest.raises(TypeError, match="str"):
        remote(endpoint).encode_documents(texts)


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(EncoderError, match="LCA_RAG_EMBEDDING_KEY") as refused:
        load_encoder("https://user:hidden@host.example/v1#model", query_prompt="")
    assert "hidden" not in str(refused.value)
    assert RemoteEncoder("http://host/v1/@scope", "a@b").url == "http://host/v1/@scope"
