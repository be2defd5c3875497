"""A model behind an OpenAI-compatible endpoint: TEI, vLLM, Ollama, Infinity, a cloud."""

from __future__ import annotations

import base64
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, Literal

import httpx
import numpy as np

from lca_rag.encoders.fingerprint import Fingerprint
from lca_rag.encoders.local import FloatArray, checked_texts, unit_rows
from lca_rag.errors import EncoderError

__all__ = ["KEY_VARIABLE", "RemoteEncoder"]

logger = logging.getLogger(__name__)

KEY_VARIABLE = "LCA_RAG_EMBEDDING_KEY"
"""Environment variable with the endpoint's API key, where none is given."""

_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""Status codes that a later attempt may not meet."""
_LONGEST_WAIT = 60.0


class RemoteEncoder:
    """Asks `POST {url}/embeddings` for vectors; prompts are applied here, not by the server.

    The constructor only stores; the first use, or `load`, asks the endpoint for its dimension.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        query_prompt: str | None = None,
        document_prompt: str = "",
        api_key: str | None = None,
        truncate_dim: int | None = None,
        batch_size: int = 32,
        concurrency: int = 4,
        timeout: float = 60.0,
        attempts: int = 5,
        first_wait: float = 0.5,
        encoding_format: Literal["float", "base64"] = "float",
        input_types: tuple[str, str] | None = None,
    ) -> None:
        """Keep the settings.

        Args:
            url: What stands before `/embeddings`, such as "http://localhost:8080/v1".
            model: The name that the endpoint knows the model by.
            query_prompt: Put before each query; `""` for none. It must be given, because an
                endpoint does not tell which prompt its model was trained with.
            document_prompt: Put before each document.
            api_key: Sent as bearer token; by default what `LCA_RAG_EMBEDDING_KEY` holds, if set.
            truncate_dim: Keep only so many leading components, normalised again.
            batch_size: Texts in one request.
            concurrency: Requests under way at one time.
            timeout: Seconds that one request may take.
            attempts: How often a request is tried before its error is raised.
            first_wait: Seconds before the second attempt, doubled with each further one.
            encoding_format: How vectors travel; either form is understood in an answer.
            input_types: Values of `input_type` for queries and documents, for endpoints that want
                one; it is sent only if given.

        Raises:
            EncoderError: If the URL holds a password: an index remembers the URL, and logs show it.
        """
        user, _, host = url.partition("://")[2].partition("/")[0].rpartition("@")
        if user:
            raise EncoderError(
                f"the URL of {host} holds a user or a password, which an index would store and "
                f"logs would show; leave it out, and give a key as api_key or in {KEY_VARIABLE}"
            )
        self.url = url.rstrip("/")
        self.model = model
        self.query_prompt = query_prompt
        self.document_prompt = document_prompt
        self.api_key = api_key
        self.truncate_dim = truncate_dim
        self.batch_size = batch_size
        self.concurrency = concurrency
        self.timeout = timeout
        self.attempts = attempts
        self.first_wait = first_wait
        self.encoding_format = encoding_format
        self.input_types = input_types
        self._full_dimension: int | None = None
        self._lock = threading.Lock()

    def load(self) -> RemoteEncoder:
        """This encoder, after the endpoint has answered once.

        Raises:
            EncoderError: If no query prompt was given, or the endpoint does not answer.
        """
        self._checked_query_prompt()
        self._dimension_of_endpoint()
        return self

    @property
    def name(self) -> str:
        """Endpoint and model, as `load_encoder` takes them."""
        return f"{self.url}#{self.model}"

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return self._dimension_of_endpoint() if self.truncate_dim is None else self.truncate_dim

    @property
    def fingerprint(self) -> Fingerprint:
        """The model's name stands for its weights; an index that is written to compares vectors."""
        return Fingerprint(
            weights=f"remote:{self.model}",
            document_prompt=self.document_prompt,
            pooling="remote",
            dimension=self.dimension,
            max_length=0,
        )

    def encode_queries(self, texts: Sequence[str]) -> FloatArray:
        """Unit vectors of questions, float32 `[n, dimension]`, the query prompt put before each."""
        return self._encode(checked_texts(texts), self._checked_query_prompt(), 0, None)

    def encode_documents(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> FloatArray:
        """Unit vectors of documents, float32 `[n, dimension]`.

        Args:
            texts: The documents.
            progress: Called after each request with the number of documents in it.
        """
        return self._encode(checked_texts(texts), self.document_prompt, 1, progress)

    def _checked_query_prompt(self) -> str:
        if self.query_prompt is None:
            raise EncoderError(
                f"{self.name} does not tell its query prompt; give the one that the model was "
                "trained with as query_prompt (--query-prompt), or '' for none"
            )
        return self.query_prompt

    def _dimension_of_endpoint(self) -> int:
        """The dimension before truncation, asked for once."""
        with self._lock:
            if self._full_dimension is None:
                with self._client() as client:
                    full = self._request(client, ["dimension"], 1).shape[1]
                kept = self.truncate_dim
                if kept is not None and not 0 < kept <= full:
                    raise EncoderError(
                        f"truncate_dim {kept} must be between 1 and {full}, the dimension of "
                        f"{self.name}"
                    )
                self._full_dimension = full
            return self._full_dimension

    def _encode(
        self, texts: list[str], prompt: str, role: int, progress: Callable[[int], None] | None
    ) -> FloatArray:
        """Vectors of stripped texts behind a prompt; `role` 0 is queries, 1 documents."""
        full = self._dimension_of_endpoint()
        vectors = np.empty((len(texts), full), dtype=np.float32)
        starts = range(0, len(texts), self.batch_size)
        with self._client() as client, ThreadPoolExecutor(self.concurrency) as pool:
            futures = {
                pool.submit(
                    self._request,
                    client,
                    [prompt + text for text in texts[start : start + self.batch_size]],
                    role,
                ): start
                for start in starts
            }
            try:
                for future in as_completed(futures):
                    part = future.result()
                    if part.shape[1] != full:
                        raise EncoderError(
                            f"{self.name} gave vectors of {part.shape[1]} components after "
                            f"vectors of {full}; is more than one model behind it?"
                        )
                    vectors[futures[future] : futures[future] + len(part)] = part
                    if progress is not None:
                        progress(len(part))
            finally:
                for future in futures:
                    future.cancel()
        return unit_rows(
            vectors[:, : self.dimension],
            name=self.name,
            remedy="look at the endpoint's log and the precision it computes in",
        )

    def _client(self) -> httpx.Client:
        key = self.api_key or os.environ.get(KEY_VARIABLE)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(timeout=self.timeout, headers=headers)

    def _request(self, client: httpx.Client, texts: list[str], role: int) -> FloatArray:
        """Raw vectors of one batch, tried again while the endpoint is only busy."""
        body: dict[str, object] = {
            "model": self.model,
            "input": texts,
            "encoding_format": self.encoding_format,
        }
        if self.input_types is not None:
            body["input_type"] = self.input_types[role]
        for attempt in range(1, self.attempts + 1):
            try:
                answer = client.post(f"{self.url}/embeddings", json=body)
            except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
                raise EncoderError(f"{self.url!r} is no endpoint address: {error}") from error
            except httpx.TransportError as error:
                problem = f"cannot be reached ({type(error).__name__}: {error})"
                cause: Exception | None = error
                asked = None
            else:
                if answer.is_success:
                    return self._vectors(answer, len(texts))
                problem = f"answered {answer.status_code}: {_reason(answer)}"
                cause, asked = None, answer.headers.get("retry-after")
                if answer.status_code not in _PASSING:
                    raise EncoderError(f"{self.name} {problem}")
            if attempt < self.attempts:
                self._wait(attempt, asked, problem)
        raise EncoderError(f"{self.name} {problem}, {self.attempts} times") from cause

    def _wait(self, attempt: int, asked: str | None, problem: str) -> None:
        """Sleep before the next attempt, at least as long as the endpoint asks for."""
        seconds = self.first_wait * 2 ** (attempt - 1) * random.uniform(1.0, 1.5)  # noqa: S311
        if asked and asked.strip().isdigit():
            seconds = max(seconds, float(asked))
        seconds = min(seconds, _LONGEST_WAIT)
        logger.info("%s %s; trying again in %.1f s", self.name, problem, seconds)
        time.sleep(seconds)

    def _vectors(self, answer: httpx.Response, count: int) -> FloatArray:
        """The vectors of an answer, in the order of the texts.

        Raises:
            EncoderError: If the answer is not what the interface promises.
        """
        try:
            rows: list[Any] = answer.json()["data"]
            order = sorted(rows, key=lambda row: int(row["index"]))
            numbers = [row["index"] for row in order]
            vectors = [_vector(row["embedding"]) for row in order]
            result = np.stack(vectors) if vectors else np.empty((0, 0), np.float32)
        except (ValueError, KeyError, TypeError) as error:
            raise EncoderError(
                f"{self.name} did not answer as an OpenAI-compatible endpoint: {error!r} in "
                f"{answer.text[:200]!r}"
            ) from error
        if numbers != list(range(count)):
            raise EncoderError(
                f"{self.name} gave {len(set(map(str, numbers)))} vectors for {count} texts"
            )
        if result.ndim != 2 or not result.shape[1]:
            raise EncoderError(
                f"{self.name} gave arrays of shape {result.shape[1:]} for one text, not one "
                "vector; it seems to return token states: turn its pooling on"
            )
        return result

    def __getstate__(self) -> dict[str, object]:
        """The settings, without the lock."""
        return {key: value for key, value in self.__dict__.items() if key != "_lock"}

    def __setstate__(self, state: dict[str, object]) -> None:
        """The settings with a lock of their own."""
        self.__dict__.update(state, _lock=threading.Lock())

    def __repr__(self) -> str:
        return f"RemoteEncoder({self.url!r}, {self.model!r})"


def _vector(value: object) -> FloatArray:
    """One vector as it travelled: a list of numbers, or base64 of little-endian float32."""
    if isinstance(value, str):
        return np.frombuffer(base64.b64decode(value, validate=True), dtype="<f4")
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
        return np.asarray(value, dtype=np.float32)


def _reason(answer: httpx.Response) -> str:
    """What an endpoint says went wrong, in at most 300 characters."""
    try:
        error = answer.json().get("error", answer.text)
        text = error.get("message", str(error)) if isinstance(error, dict) else str(error)
    except (ValueError, AttributeError):
        text = answer.text
    return text.strip()[:300] or "no reason given"
