"""Routes that OpenAI clients call unchanged: chat and models; `encoding` adds those for vectors.

What only lca-rag knows travels beside the standard fields, under `lca_rag`: wishes (place, year,
kind, database ...) in a request; citations, figures and checks in an answer.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from lca_rag.errors import LcaRagError
from lca_rag.operations.runs import ask, stream
from lca_rag.operations.schema import AskInput, AskOutput, Turn, Wishes
from lca_rag.server.door import AskedCaller, AskedDoor, Door
from lca_rag.server.errors import RESPONSES, ModelNotFound, body, status_of
from lca_rag.server.lanes import Room

logger = logging.getLogger(__name__)

router = APIRouter(prefix="/v1", tags=["OpenAI-compatible"], responses=RESPONSES)

Text = Annotated[str, Field(max_length=100_000)]


class Lenient(BaseModel):
    """A request in which clients send fields of their own; those are let be."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Part(Lenient):
    """One part of a message; only text is read."""

    type: str
    text: Text | None = None


class Message(Lenient):
    """A message of a conversation.

    Instructions of the system or a developer are not followed: what an answer may say is decided
    by the records.
    """

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Text | tuple[Part, ...] | None = None

    @property
    def text(self) -> str:
        """The words of the message."""
        if self.content is None or isinstance(self.content, str):
            return (self.content or "").strip()
        return "\n".join(part.text for part in self.content if part.text).strip()


class StreamOptions(Lenient):
    """What a stream tells beside the answer."""

    include_usage: bool = False


class ChatWishes(Wishes):
    """What is wished of the records, and how the answer is written."""

    sources_in_text: bool = True
    """Whether the message ends with a list of its sources."""


class ChatRequest(Lenient):
    """A chat completion, as OpenAI defines it, with wishes under `lca_rag`."""

    model: Annotated[str, Field(max_length=200)] = "lca-rag"
    messages: Annotated[tuple[Message, ...], Field(min_length=1, max_length=200)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    lca_rag: ChatWishes = ChatWishes()

    def question(self) -> AskInput:
        """The last question, with what was said before it.

        Raises:
            HTTPException: 400 if the last message of the user holds no words.
        """
        said = [message for message in self.messages if message.role in ("user", "assistant")]
        if not said or said[-1].role != "user" or not said[-1].text:
            raise HTTPException(400, "the last message must be the user's and hold a question")
        turns = [
            Turn(
                role="user" if message.role == "user" else "assistant",
                content=message.text[:20_000],
            )
            for message in said[:-1][-50:]
        ]
        wishes = self.lca_rag.model_dump(exclude={"sources_in_text"})
        return AskInput(question=said[-1].text[:8_000], history=tuple(turns), **wishes)


def known_model(model: str, served: str, *others: str) -> None:
    """Refuse a model that this server does not serve under this route.

    Args:
        model: As the client names it; empty stands for the one that there is.
        served: The name that `/v1/models` lists.
        others: Names that mean the same.

    Raises:
        ModelNotFound: 404 in OpenAI's shape, with the code `model_not_found`.
    """
    # A provider before the name ("openai/lca-rag") is how gateways such as LiteLLM route it.
    bare = model.strip().removesuffix(":latest")
    if bare and bare not in (served, *others) and bare.partition("/")[2] not in (served, *others):
        told = " or ".join(repr(name) for name in (served, *others))
        raise ModelNotFound(
            f"there is no model {model!r} for this route; use {told} (`/v1/models` lists them)"
        )


@router.get("/models")
async def models(caller: AskedCaller, door: AskedDoor) -> dict[str, object]:
    """The answering model, and the encoder that embeds."""
    names = [door.settings.model, await door.run(lambda: door.workspace.encoder.name)]
    rows = [{"id": name, "object": "model", "created": 0, "owned_by": "lca-rag"} for name in names]
    return {"object": "list", "data": rows}


_TEXT = {"schema": {"type": "string"}}
_JSON = {"schema": {"type": "object"}}


@router.post(
    "/chat/completions",
    operation_id="chat",
    response_model=None,
    responses={200: {"content": {"application/json": _JSON, "text/event-stream": _TEXT}}},
)
async def chat(
    asked: ChatRequest, caller: AskedCaller, door: AskedDoor
) -> JSONResponse | StreamingResponse:
    """A checked answer with citations, at once or as server-sent events; `model` is `lca-rag`."""
    known_model(asked.model, door.settings.model)
    question = asked.question()
    head = {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "created": int(time.time()),
        "model": door.settings.model,
    }
    if asked.stream:
        pieces = await door.run(lambda: _begun(stream(door.workspace, question, caller)), "answer")
        return StreamingResponse(
            _events(asked, head, pieces, door),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},  # nginx would hold the stream back
        )
    answer = await door.run(lambda: ask(door.workspace, question, caller), "answer")
    door.metrics.abstained.inc(int(answer.abstained))
    message = {"role": "assistant", "content": answer.answer + _sources(asked, answer)}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return JSONResponse(
        head
        | {"object": "chat.completion", "choices": [choice], "usage": _USAGE}
        | {"lca_rag": extension(answer)}
    )


def extension(answer: AskOutput) -> dict[str, object]:
    """What only our own clients read: the whole answer in the shape of the operation."""
    return answer.model_dump(mode="json")


_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
"""Tokens are not counted: without a language model there are none."""


def _sources(asked: ChatRequest, answer: AskOutput) -> str:
    """The list of sources at the end of a message, for clients that show nothing else."""
    if not asked.lca_rag.sources_in_text or not answer.citations:
        return ""
    rows = (f"[{n}] {item.name} ({item.id})" for n, item in enumerate(answer.citations, 1))
    return "\n\n" + "\n".join(rows)


Piece = str | AskOutput


def _begun(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The same pieces, with the first one made: an early error still has a status of its own."""
    first = next(pieces, None)

    def rest() -> Iterator[Piece]:
        if first is not None:
            yield first
            yield from pieces

    return rest()


async def _events(
    asked: ChatRequest, head: dict[str, object], pieces: Iterator[Piece], door: Door
) -> AsyncIterator[str]:
    """Server-sent events of one answer; an error after the first word is an event too."""
    head = head | {"object": "chat.completion.chunk"}

    def chunk(delta: dict[str, str]) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        return _event(head | {"choices": [choice]})

    # Without a language model the whole answer was there with its first piece.
    lane: Room = "quick" if door.workspace.llm is None else "answer"
    yield chunk({"role": "assistant", "content": ""})
    try:
        while (piece := await door.run(lambda: next(pieces, None), lane)) is not None:
            if isinstance(piece, str):
                yield chunk({"content": piece})
                continue
            door.metrics.abstained.inc(int(piece.abstained))
            if sources := _sources(asked, piece):
                yield chunk({"content": sources})
            last = {"index": 0, "delta": {}, "finish_reason": "stop"}
            yield _event(head | {"choices": [last], "lca_rag": extension(piece)})
    except LcaRagError as exc:
        yield _event(body(str(exc), status_of(exc)[1]))
    except HTTPException as exc:  # the time for the next piece is over
        yield _event(body(str(exc.detail), "server_error"))
    except Exception as exc:  # the client shall learn that the answer is not whole
        logger.error("stream %s failed", head["id"], exc_info=exc)
        words = f"internal error; the server's log tells more under {head['id']}"
        yield _event(body(words, "server_error"))
    if asked.stream_options is not None and asked.stream_options.include_usage:
        yield _event(head | {"choices": [], "usage": _USAGE})
    yield "data: [DONE]\n\n"


def _event(content: dict[str, object]) -> str:
    return f"data: {json.dumps(content, ensure_ascii=False)}\n\n"
