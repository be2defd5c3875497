"""How large a request may be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lca_rag.server.errors import body

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class TooLarge(Exception):
    """A request body that grew beyond the limit while it was read."""


class BodyLimit:
    """Middleware that reads no more of a request's body than is allowed."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        """Wrap `app`; `limit` is in bytes."""
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or answer 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, refused, read = False, False, 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._limit:
                raise TooLarge
            return message

        async def marked(message: Message) -> None:
            """Pass an answer on, unless it only complains about the body that was cut short."""
            nonlocal begun, refused
            if read > self._limit and not begun:
                if not refused:
                    refused = True
                    await self._refuse(send)
                return
            begun = True
            await send(message)

        declared = dict(scope["headers"]).get(b"content-length", b"0")
        try:
            if declared.isdigit() and int(declared) > self._limit:
                raise TooLarge
            await self._app(scope, counted, marked)
        except TooLarge:
            if begun or refused:
                raise
            await self._refuse(send)

    async def _refuse(self, send: Send) -> None:
        message = f"the request is larger than {self._limit} bytes; send less at a time"
        content = json.dumps(body(message, "invalid_request_error")).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": content})
