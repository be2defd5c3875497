"""Routes that OpenAI clients call unchanged for vectors: embeddings and reranking.

Texts are encoded in small turns, in a lane of their own: no search waits for a large request.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Literal

import numpy as np
import orjson
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from numpy.typing import NDArray
from pydantic import Field
from starlette.exceptions import HTTPException

from lca_rag.server.door import AskedCaller, AskedDoor, Door
from lca_rag.server.errors import RESPONSES, TooMuch
from lca_rag.server.openai import Lenient, Text, known_model

INPUTS, CHARACTERS = 2_048, 1_500_000
"""Texts of one request, as many as OpenAI takes, and their characters in all."""
_TURN, _TURN_CHARACTERS = 8, 3_000
"""Texts that are encoded before whoever else waits has a turn, some tens of milliseconds' worth:
the encoder serves one at a time, and a search needs it too."""
ENCODER = "encoder"
"""What every server calls its encoder beside the encoder's own name."""
_USAGE_EMBEDDING = {"prompt_tokens": 0, "total_tokens": 0}

router = APIRouter(prefix="/v1", tags=["OpenAI-compatible"], responses=RESPONSES)


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
        known_model(asked.model, encoder.name, ENCODER)
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
        known_model(asked.model, encoder.name, ENCODER)
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
