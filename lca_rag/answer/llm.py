"""A language model behind an OpenAI-compatible URL; every way it can fail is one clear sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from lca_rag.errors import AnswerError

if TYPE_CHECKING:
    import httpx

__all__ = ["ChatModel", "Message", "RemoteModel", "load_llm"]

Message = dict[str, str]
"""`{"role": "system" | "user" | "assistant", "content": …}`."""
_LONGEST = 200_000
"""Characters after which an answer is cut off: no figure needs so many."""
KEY = "LCA_RAG_LLM_KEY"
"""Environment variable that holds the key of the model server, where it wants one."""


class ChatModel(Protocol):
    """What an answer asks of a language model. Adapters wrap a host's model in this shape."""

    @property
    def name(self) -> str:
        """What the model is called."""
        ...

    def complete(self, messages: Sequence[Message]) -> str:
        """The whole answer."""
        ...

    def stream(self, messages: Sequence[Message]) -> Iterator[str]:
        """The answer, piece by piece."""
        ...


def load_llm(spec: str) -> RemoteModel:
    """The model that "http://host/v1#model" or "http://host/v1/model" names.

    Raises:
        AnswerError: If it names no URL or no model.
    """
    base, mark, model = spec.partition("#")
    if not mark:
        head, versioned, tail = spec.partition("/v1/")
        base, model = (f"{head}/v1", tail) if versioned else tuple(spec.rpartition("/")[::2])
    if urlsplit(base).scheme not in ("http", "https") or not urlsplit(base).netloc or not model:
        raise AnswerError(
            f"language model {spec!r} is not understood; write BASE_URL/MODEL, such as "
            "'http://localhost:11434/v1/llama3' or 'http://localhost:8000/v1#org/model'"
        )
    return RemoteModel(base, model)


class RemoteModel:
    """A model at an OpenAI-compatible server."""

    def __init__(
        self, base_url: str, model: str, *, key: str | None = None, timeout: float = 60.0
    ) -> None:
        """Keep where the model is.

        Args:
            base_url: Up to and with "/v1".
            model: Its name there.
            key: Sent as bearer token; by default what the environment variable `KEY` holds.
            timeout: Seconds without a byte from the server after which it counts as stalled.
        """
        self.base_url = base_url.rstrip("/")
        self.model = model
        self.timeout = timeout
        self._key = key

    @property
    def name(self) -> str:
        """What the model is called."""
        return self.model

    def complete(self, messages: Sequence[Message]) -> str:
        """The whole answer.

        Raises:
            AnswerError: If the server fails, stalls, or answers what is no answer.
        """
        import httpx

        with self._client() as client:
            try:
                response = client.post(self._url, json=self._body(messages, stream=False))
            except httpx.HTTPError as exc:
                raise self._failed(exc) from exc
            self._accept(response.status_code, response.text)
            return self._content(response.text)

    def stream(self, messages: Sequence[Message]) -> Iterator[str]:
        """The answer, piece by piece.

        Raises:
            AnswerError: As `complete`; also if the connection drops before the answer ends.
        """
        import httpx

        ended, size = False, 0
        with self._client() as client:
            try:
                with client.stream(
                    "POST", self._url, json=self._body(messages, stream=True)
                ) as response:
                    if response.status_code != 200:
                        self._accept(response.status_code, response.read().decode(errors="replace"))
                    for line in response.iter_lines():
                        piece, ended = self._piece(line)
                        size += len(piece)
                        if piece:
                            yield piece
                        if ended or size > _LONGEST:
                            return
            except httpx.HTTPError as exc:
                raise self._failed(exc) from exc
        if not ended:
            raise AnswerError(
                f"{self._where}: the connection ended before the answer did; ask again"
            )

    @property
    def _url(self) -> str:
        return f"{self.base_url}/chat/completions"

    @property
    def _where(self) -> str:
        return f"language model {self.model!r} at {self.base_url}"

    def _client(self) -> httpx.Client:
        import httpx

        key = self._key if self._key is not None else os.environ.get(KEY)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(timeout=self.timeout, headers=headers, trust_env=False)

    def _body(self, messages: Sequence[Message], *, stream: bool) -> dict[str, object]:
        return {"model": self.model, "messages": list(messages), "temperature": 0, "stream": stream}

    def _failed(self, exc: httpx.HTTPError) -> AnswerError:
        import httpx

        if isinstance(exc, httpx.TimeoutException):
            return AnswerError(
                f"{self._where}: no word for {self.timeout:g} s; it may be overloaded, ask again"
            )
        if isinstance(exc, httpx.ConnectError):
            return AnswerError(
                f"{self._where}: no server answers there; start it or correct the URL"
            )
        return AnswerError(f"{self._where}: the connection broke ({type(exc).__name__}); ask again")

    def _accept(self, status: int, body: str) -> None:
        if status == 200:
            return
        advice = {
            401: "give its key in " + KEY,
            403: "give its key in " + KEY,
            404: "correct the URL or the model's name",
        }
        said = " ".join(body.split())[:200]
        raise AnswerError(
            f"{self._where}: status {status}, "
            f"{advice.get(status, 'ask again later')}; it said: {said}"
        )

    def _content(self, body: str) -> str:
        try:
            content = json.loads(body)["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError) as exc:
            raise AnswerError(
                f"{self._where}: it sent no chat completion; check that the URL ends in /v1"
            ) from exc
        if not isinstance(content, str) or not content.strip():
            raise AnswerError(f"{self._where}: its answer is empty; ask again or use another model")
        return content[:_LONGEST]

    def _piece(self, line: str) -> tuple[str, bool]:
        """The text in one line of an event stream, and whether the answer ends with it."""
        if not line.startswith("data:"):
            return "", False
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            return "", True
        try:
            event: Mapping[str, object] = json.loads(data)
        except ValueError as exc:
            raise AnswerError(
                f"{self._where}: it sent a damaged piece of its answer; ask again"
            ) from exc
        if not isinstance(event, dict):
            raise AnswerError(f"{self._where}: it sent a damaged piece of its answer; ask again")
        if event.get("error"):
            said = " ".join(json.dumps(event["error"]).split())[:200]
            raise AnswerError(f"{self._where}: it broke off with an error: {said}")
        return self._delta(event)

    def _delta(self, event: Mapping[str, object]) -> tuple[str, bool]:
        choices = event.get("choices")
        if not isinstance(choices, list):
            raise AnswerError(f"{self._where}: it sent a piece without choices; ask again")
        if not choices:
            return "", False
        choice = choices[0]
        delta = choice.get("delta") if isinstance(choice, dict) else None
        content = delta.get("content") if isinstance(delta, dict) else None
        if content is not None and not isinstance(content, str):
            raise AnswerError(f"{self._where}: it sent a piece that is no text; ask again")
        finished = isinstance(choice, dict) and choice.get("finish_reason") is not None
        return content or "", finished
