"""MCP over streamable HTTP, as part of the HTTP application and behind the same keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from lca_rag.operations import Caller
from lca_rag.server.mcp import Context, create_server

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from lca_rag.server.door import Door

_CALLER = "lca_rag.mcp_caller"


class McpDoor:
    """MCP over streamable HTTP as part of the HTTP application, behind the same keys."""

    def __init__(self, door: Door) -> None:
        """Keep the door that lets callers in."""
        self._door = door
        self._manager: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer requests while this context is open."""
        server = create_server(self._door.workspace, _caller_of_request)
        self._manager = StreamableHTTPSessionManager(server, stateless=True, json_response=True)
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in by its key, then hand it to the SDK."""
        if scope["type"] != "http" or self._manager is None:
            return
        request = Request(scope)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        address = request.client.host if request.client else "unknown"
        try:
            key = self._door.admit(token if scheme.lower() == "bearer" else None, address)
        except HTTPException as exc:
            refusal = JSONResponse(
                {"error": {"message": exc.detail}}, exc.status_code, headers=exc.headers
            )
            await refusal(scope, receive, send)
            return
        scope["lca_rag.caller"] = key.caller.name
        scope[_CALLER] = key.caller
        await self._manager.handle_request(scope, receive, send)


def _caller_of_request(context: Context) -> Caller:
    """Who sent an MCP request over HTTP; the door put them into the request's scope."""
    request = context.request
    if not isinstance(request, Request):
        raise TypeError("an MCP request over HTTP must carry its HTTP request")
    caller = request.scope[_CALLER]
    if not isinstance(caller, Caller):
        raise TypeError("the door did not say who is asking")
    return caller
