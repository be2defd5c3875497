"""MCP over streamable HTTP, as one more route of the HTTP application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.exceptions import HTTPException
from starlette.requests import Request

from lca_rag.operations import Caller, Operation
from lca_rag.operations.schema import Input, Output
from lca_rag.server.errors import refusal
from lca_rag.server.mcp import Context, create_server

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from lca_rag.server.door import Door

_CALLER = "lca_rag.mcp_caller"


class McpDoor:
    """MCP over streamable HTTP: the same keys, lanes, limits, metrics and log as every route."""

    path = "/mcp"
    """Under which it is counted and logged."""

    def __init__(self, door: Door) -> None:
        """Keep the door that lets callers in."""
        self._door = door
        self._manager: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer requests while this context is open."""
        server = create_server(
            self._door.workspace, _caller_of_request, within=self._door.run, work=self._carry_out
        )
        self._manager = StreamableHTTPSessionManager(
            server,
            stateless=True,
            json_response=True,
            max_request_body_size=self._door.settings.max_body,
        )
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in by its key, then hand it to the SDK."""
        if scope["type"] != "http" or self._manager is None:
            return
        scope["route"] = self
        request = Request(scope)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        address = request.client.host if request.client else "unknown"
        try:
            key = self._door.admit(token if scheme.lower() == "bearer" else None, address)
            if request.method != "POST":
                raise HTTPException(
                    405,
                    "MCP is asked by POST here; there is no stream to listen to, and no session",
                    headers={"Allow": "POST"},
                )
        except HTTPException as exc:
            await refusal(exc)(scope, receive, send)
            return
        scope["lca_rag.caller"] = key.caller.name
        scope[_CALLER] = key.caller
        await self._manager.handle_request(scope, receive, send)

    def _carry_out(self, context: Context, row: Operation, asked: Input, caller: Caller) -> Output:
        """As at every other route, with the operation's name for the log."""
        if isinstance(context.request, Request):
            context.request.scope["lca_rag.operation"] = row.name
        return self._door.carry_out(row, asked, caller)


def _caller_of_request(context: Context) -> Caller:
    """Who sent an MCP request over HTTP; the door put them into the request's scope."""
    request = context.request
    if not isinstance(request, Request):
        raise TypeError("an MCP request over HTTP must carry its HTTP request")
    caller = request.scope[_CALLER]
    if not isinstance(caller, Caller):
        raise TypeError("the door did not say who is asking")
    return caller
