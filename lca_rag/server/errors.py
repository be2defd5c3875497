"""Errors as answers: one JSON shape for every route, which OpenAI clients understand too.

{"error": {"message": "...", "type": "not_found", "param": null, "code": null}}
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Annotated

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from lca_rag import errors
from lca_rag.server.faults import explained

logger = logging.getLogger(__name__)


class ErrorBody(BaseModel):
    """What went wrong, in a sentence."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorAnswer(BaseModel):
    """The body of every answer that is no success."""

    error: Annotated[ErrorBody, Field(description="What went wrong")]


STATUSES: Mapping[type[errors.LcaRagError], tuple[int, str]] = {
    errors.NotFound: (404, "not_found"),
    errors.QueryError: (400, "invalid_request_error"),
    errors.UnitError: (400, "invalid_request_error"),
    errors.ReadError: (400, "invalid_request_error"),
    errors.AccessError: (403, "permission_error"),
    errors.AnswerError: (502, "language_model_error"),
    errors.EncoderError: (503, "encoder_error"),
    errors.IndexStateError: (503, "index_error"),
    errors.LcaRagError: (500, "server_error"),
}
"""Status and type of each error, the most special first."""

RESPONSES: dict[int | str, dict[str, object]] = {
    status: {"model": ErrorAnswer, "description": description}
    for status, description in {
        400: "The request cannot be understood",
        401: "No valid API key",
        404: "There is no such record or model",
        413: "The request is too large",
        422: "A field is missing or wrong",
        429: "Too many requests; try again after the seconds in Retry-After",
        503: "The server is starting, stopping, or took too long",
    }.items()
}
"""What every route may answer beside success, for the OpenAPI document."""


class ModelNotFound(HTTPException):
    """A model that is not served, in the words that OpenAI's clients know."""

    def __init__(self, detail: str) -> None:
        """Say what is not there, and what is."""
        super().__init__(404, detail)


class TooMuch(HTTPException):
    """A field that holds more than is taken at a time, as OpenAI's own server refuses it."""

    def __init__(self, param: str, code: str, detail: str) -> None:
        """Say which field, and how much it may hold."""
        super().__init__(400, detail)
        self.param = param
        self.code = code


def body(
    message: str, kind: str, *, param: str | None = None, code: str | None = None
) -> dict[str, object]:
    """The JSON of an error."""
    error = ErrorBody(message=message, type=kind, param=param, code=code)
    return ErrorAnswer(error=error).model_dump()


def status_of(exc: errors.LcaRagError) -> tuple[int, str]:
    """HTTP status and type name of an error."""
    return next(found for kind, found in STATUSES.items() if isinstance(exc, kind))


def add_handlers(app: FastAPI) -> None:
    """Answer every expected error in one shape; `Observed` answers the others."""

    @app.exception_handler(errors.LcaRagError)
    async def ours(request: Request, exc: errors.LcaRagError) -> JSONResponse:
        status, kind = status_of(exc)
        if status >= 500:
            logger.error("%s failed: %s", request.url.path, type(exc).__name__)
        return JSONResponse(body(str(exc), kind), status)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, exc: RequestValidationError) -> JSONResponse:
        param, message = explained(exc.errors())
        return JSONResponse(body(message, "invalid_request_error", param=param), 422)

    @app.exception_handler(ModelNotFound)
    async def unserved(request: Request, exc: ModelNotFound) -> JSONResponse:
        told = body(exc.detail, "invalid_request_error", param="model", code="model_not_found")
        return JSONResponse(told, 404)

    @app.exception_handler(HTTPException)
    async def plain(request: Request, exc: HTTPException) -> JSONResponse:
        return refusal(exc)


_SENTENCES: Mapping[str, str] = {
    "Not Found": "there is no such route; /openapi.json lists those that there are",
    "Method Not Allowed": "this route takes another method; /openapi.json tells which",
    "There was an error parsing the body": "the request's body cannot be read; send one JSON "
    "object in UTF-8",
}
"""What the framework says without saying what to do."""


def refusal(exc: HTTPException) -> JSONResponse:
    """The answer that an error with a status of its own becomes."""
    kinds = {401: "authentication_error", 403: "permission_error", 404: "not_found"}
    kinds |= {429: "rate_limit_error", 503: "server_error"}
    kind = kinds.get(exc.status_code, "invalid_request_error")
    param, code = (exc.param, exc.code) if isinstance(exc, TooMuch) else (None, None)
    said = _SENTENCES.get(str(exc.detail), str(exc.detail))
    told = body(said, kind, param=param, code=code)
    return JSONResponse(told, exc.status_code, headers=exc.headers)
