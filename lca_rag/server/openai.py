"""Routes that OpenAI clients call unchanged: chat, embeddings, models, and reranking.

What only lca-rag knows travels beside the standard fields, under `lca_rag`: wishes (place, year,
kind, database ...) in a request; citations, figures and checks in an answer.
"""

from __future__ import annotations

import base64
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Annotated, Literal

import numpy as np
import orjson
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from lca_rag.errors import LcaRagError
from lca_rag.operations.runs import ask, stream
from lca_rag.operations.schema import AskInput, AskOutput, Turn, Wishes
from lca_rag.server.door import AskedCaller, AskedDoor, Door
from lca_rag.server.errors import RESPONSES, ModelNotFound, TooMuch, body, status_of
from lca_rag.server.lanes import Room

logger = logging.getLogger(__name__)

router = APIRouter(prefix="/v1", tags=["OpenAI-compatible"], responses=RESPONSES)

Text = Annotated[str, Field(max_length=100_000)]

INPUTS, CHARACTERS = 2_048, 1_500_000
"""Texts of one request, as many as OpenAI takes, and their characters in all."""
_TURN, _TURN_CHARACTERS = 8, 3_000
"""Texts that are encoded before whoever else waits has a turn, some tens of milliseconds' worth:
the encoder serves one at a time, and a search needs it too."""


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


class EmbeddingRequest(Lenient):
    """Texts to be embedded; without `input_type` they are documents."""

    model: Annotated[str, Field(max_length=200)] = ""
    input: Text | Annotated[tuple[Text | int | tuple[int, ...], ...], Field(min_length=1)]
    input_type: Literal["query", "document"] = "document"
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None

    def texts(self) -> Sequence[str]:
        """The texts.

        Raises:
            HTTPException: 400 if they came as numbers of tokens, which only their model can read,
                or are too many.
        """
        given = (self.input,) if isinstance(self.input, str) else self.input
        texts = [text for text in given if isinstance(text, str)]
        if len(texts) != len(given):
            raise HTTPException(
                400,
                "send texts, not token ids (langchain-openai: check_embedding_ctx_length=False)",
            )
        if not all(text.strip() for text in texts):
            raise HTTPException(400, "an input text is empty")
        _bounded(texts, "input")
        return texts


def _bounded(texts: Sequence[str], param: str) -> None:
    """Refuse more texts than one request may keep the encoder busy with.

    Raises:
        TooMuch: 400 with the field and OpenAI's own code.
    """
    if len(texts) > INPUTS:
        raise TooMuch(
            param,
            "array_above_max_length",
            f"{param} holds {len(texts)} texts; send at most {INPUTS} at a time",
        )
    total = sum(map(len, texts))
    if total > CHARACTERS:
        raise TooMuch(
            param,
            "string_above_max_length",
            f"{param} holds {total} characters in all; send at most {CHARACTERS} at a time",
        )


def _turns(texts: Sequence[str]) -> list[range]:
    """Which texts are encoded together: few, and of long ones fewer."""
    turns, start, characters = [], 0, 0
    for place, text in enumerate(texts):
        full = place - start == _TURN or characters + len(text) > _TURN_CHARACTERS
        if full and place > start:
            turns.append(range(start, place))
            start, characters = place, 0
        characters += len(text)
    return [*turns, range(start, len(texts))]


class Document(Lenient):
    """A text to be ranked, as an object."""

    text: Text


class RerankRequest(Lenient):
    """Texts to be ordered by how well they answer a query."""

    model: Annotated[str, Field(max_length=200)] = ""
    query: Annotated[str, Field(min_length=1, max_length=8_000, pattern=r"\S")]
    documents: Annotated[tuple[Text | Document, ...], Field(min_length=1, max_length=1_000)]
    top_n: Annotated[int, Field(ge=1)] | None = None
    return_documents: bool = False


ENCODER = "encoder"
"""What every server calls its encoder beside the encoder's own name."""


def _known(model: str, served: str, *others: str) -> None:
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
def models(caller: AskedCaller, door: AskedDoor) -> dict[str, object]:
    """The answering model, and the encoder that embeds."""
    names = [door.settings.model, door.workspace.encoder.name]
    rows = [{"id": name, "object": "model", "created": 0, "owned_by": "lca-rag"} for name in names]
    return {"object": "list", "data": rows}


@router.post("/embeddings", operation_id="embeddings")
async def embeddings(
    asked: EmbeddingRequest, caller: AskedCaller, door: AskedDoor, request: Request
) -> Response:
    """Unit vectors of texts, with the prompt that their role asks for.

    `model` is the encoder's name as `/v1/models` lists it, or `encoder`.
    """
    texts = asked.texts()

    def check() -> None:
        encoder = door.workspace.encoder
        _known(asked.model, encoder.name, ENCODER)
        if asked.dimensions not in (None, encoder.dimension):
            raise HTTPException(400, f"this encoder gives {encoder.dimension} dimensions only")

    def written(turn: range) -> Callable[[], list[bytes]]:
        """Encodes some texts and writes their vectors, beside the event loop too."""

        def work() -> list[bytes]:
            vectors = _encoded(door, texts[turn.start : turn.stop], asked.input_type)
            return [_row(place, vector, asked) for place, vector in zip(turn, vectors, strict=True)]

        return work

    await door.run(check)
    works = map(written, _turns(texts))
    rows = await door.lanes.turns(works, "encode", _listening(request))
    head = {"object": "list", "model": door.workspace.encoder.name, "usage": _USAGE_EMBEDDING}
    data = b",".join(row for part in rows for row in part)
    content = orjson.dumps(head)[:-1] + b',"data":[' + data + b"]}"
    return Response(content, media_type="application/json")


def _encoded(door: Door, texts: Sequence[str], role: str) -> NDArray[np.float32]:
    encoder = door.workspace.encoder
    encode = encoder.encode_queries if role == "query" else encoder.encode_documents
    return np.asarray(encode(texts))


def _row(index: int, vector: NDArray[np.float32], asked: EmbeddingRequest) -> bytes:
    """One vector as JSON."""
    written: object = np.ascontiguousarray(vector, dtype="<f4")
    if asked.encoding_format == "base64":
        written = base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()
    row = {"object": "embedding", "index": index, "embedding": written}
    return orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY)


def _listening(request: Request) -> Callable[[], Awaitable[bool]]:
    """Whether whoever asked is still there: nothing is encoded for nobody."""

    async def listening() -> bool:
        return not await request.is_disconnected()

    return listening


@router.post("/rerank", operation_id="rerank")
async def rerank(
    asked: RerankRequest, caller: AskedCaller, door: AskedDoor, request: Request
) -> JSONResponse:
    """Documents in the order of their similarity to the query, by this server's encoder.

    `model` is the encoder's name as `/v1/models` lists it, or `encoder`.
    """
    texts = [item if isinstance(item, str) else item.text for item in asked.documents]
    _bounded(texts, "documents")

    def read() -> NDArray[np.float32]:
        encoder = door.workspace.encoder
        _known(asked.model, encoder.name, ENCODER)
        return np.asarray(_encoded(door, [asked.query], "query")[0])

    query = await door.run(read)

    def scored(turn: range) -> Callable[[], NDArray[np.float32]]:
        def work() -> NDArray[np.float32]:
            part = [text or " " for text in texts[turn.start : turn.stop]]
            return np.asarray(_encoded(door, part, "document") @ query)

        return work

    works = map(scored, _turns(texts))
    scores = np.concatenate(await door.lanes.turns(works, "encode", _listening(request)))
    order = np.argsort(-scores, kind="stable")[: asked.top_n]
    results = [
        {"index": int(index), "relevance_score": float(scores[index])}
        | ({"document": {"text": texts[index]}} if asked.return_documents else {})
        for index in order
    ]
    return JSONResponse({"model": door.workspace.encoder.name, "results": results})


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
    _known(asked.model, door.settings.model)
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
_USAGE_EMBEDDING = {"prompt_tokens": 0, "total_tokens": 0}


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
