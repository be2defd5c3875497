"""The HTTP application: a route for each operation, the OpenAI-compatible ones, the page, MCP.

    app = create_app(Workspace("my.lca"), keys=KeyRing.load(Path("keys.toml")))

Everything is read-only. Operations are POST, so that no question ends up in the log of a proxy.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from lca_rag.errors import MissingExtra

try:
    from fastapi import FastAPI
    from fastapi.responses import HTMLResponse, Response
except ImportError as exc:
    raise MissingExtra("server", "The web server") from exc

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Route

import lca_rag
from lca_rag.operations import OPERATIONS, Caller, Operation, Workspace
from lca_rag.operations.schema import Input
from lca_rag.server import chat_routes, encoding, openai
from lca_rag.server.access import KeyRing
from lca_rag.server.batching import BatchedEncoder
from lca_rag.server.door import AskedCaller, AskedDoor, AskedKey, Door, Settings
from lca_rag.server.errors import RESPONSES, add_handlers
from lca_rag.server.limits import BodyLimit
from lca_rag.server.mcp_http import McpDoor
from lca_rag.server.observe import Metrics, Observed
from lca_rag.server.page import chat_page

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)


def create_app(
    workspace: Workspace,
    *,
    keys: KeyRing | None = None,
    settings: Settings | None = None,
    when_ready: Callable[[], None] = lambda: None,
) -> FastAPI:
    """The application over one index.

    Args:
        workspace: What is served; opened when the server starts, closed when it stops.
        keys: Who may ask; everybody if `None`.
        settings: Limits and names.
        when_ready: Called when all is loaded, before the first request counts on it.
    """
    metrics = Metrics()
    workspace.wrap_encoder(lambda encoder: BatchedEncoder(encoder, observe=metrics.batch.observe))
    door = Door(workspace, keys, settings or Settings(), metrics)
    mcp = McpDoor(door)
    app = FastAPI(
        title="lca-rag",
        version=lca_rag.__version__,
        description="Find the right LCA data set and quote its numbers without error.",
        docs_url=None,  # Swagger's page loads scripts from elsewhere
        redoc_url=None,
        lifespan=_lifespan(door, mcp, when_ready),
    )
    app.state.door = door
    add_handlers(app)
    for row in OPERATIONS:
        _add_operation(app, row)
    app.include_router(openai.router)
    app.include_router(encoding.router)
    app.include_router(chat_routes.router)
    _add_plain_routes(app)
    app.router.routes.append(Route(mcp.path, mcp))
    _add_middleware(app, door)
    return app


def _lifespan(
    door: Door, mcp: McpDoor, when_ready: Callable[[], None]
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Warm up beside the first requests; on the way out, close what was opened."""

    async def warm() -> None:
        try:
            await asyncio.to_thread(door.workspace.warm)
            when_ready()
        except Exception as exc:  # it stays alive and not ready, and its log says why
            logger.error("this server cannot answer: %s", exc, exc_info=exc)
            return
        door.ready = True
        logger.info("ready")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.create_task(warm())
        try:
            async with mcp.running():
                yield
        finally:
            door.ready = False
            await warming
            await asyncio.to_thread(door.workspace.close)

    return lifespan


def _add_operation(app: FastAPI, row: Operation) -> None:
    """A route whose body and answer are the operation's own models."""

    async def endpoint(asked: Input, caller: Caller, door: Door) -> Response:
        # Written out by the thread too: a large result would hold up everybody's event loop.
        text = await door.run(
            lambda: door.carry_out(row, asked, caller).model_dump_json(), row.lane
        )
        return Response(text, media_type="application/json")

    kinds = {"asked": row.input, "caller": AskedCaller, "door": AskedDoor}
    endpoint.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # FastAPI reads it
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind)
            for name, kind in kinds.items()
        ]
    )
    app.add_api_route(
        f"/api/{row.name}",
        endpoint,
        methods=["POST"],
        operation_id=row.name,
        response_model=row.output,
        responses=RESPONSES,
        summary=row.title,
        description=row.summary,
        tags=["operations"],
    )


def _add_plain_routes(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        found = chat_page()
        return HTMLResponse(found.html, headers={"Content-Security-Policy": found.policy})

    @app.get("/healthz", tags=["operation of the server"])
    async def healthy() -> dict[str, str]:
        """Whether the process answers."""
        return {"status": "alive"}

    @app.get("/readyz", tags=["operation of the server"], responses={503: RESPONSES[503]})
    async def ready(door: AskedDoor) -> dict[str, str]:
        """Whether index and encoder are loaded and the server is not stopping."""
        if not door.ready:
            raise HTTPException(503, "not ready: starting or stopping")
        return {"status": "ready"}

    @app.get(
        "/metrics",
        tags=["operation of the server"],
        response_class=Response,
        responses={status: RESPONSES[status] for status in (401, 429)},
    )
    async def metrics(key: AskedKey, door: AskedDoor) -> Response:
        """Prometheus metrics; for keys with the role admin."""
        if key.role != "admin":
            raise HTTPException(403, "metrics are for keys with the role admin")
        return Response(door.metrics.exposition(), media_type="text/plain; version=0.0.4")


class _Hardened:
    """Middleware that tells browsers to trust nothing and keep nothing of an answer."""

    HEADERS = (
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    )

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.HEADERS:
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, hardened)


def _add_middleware(app: FastAPI, door: Door) -> None:
    """From the inside out: what is added last sees a request first."""
    settings = door.settings
    app.add_middleware(BodyLimit, limit=settings.max_body)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "Mcp-Protocol-Version", "Mcp-Method"],
            expose_headers=["Retry-After", "X-Request-Id"],
        )
    if settings.hosts:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(settings.hosts))
    app.add_middleware(_Hardened)
    app.add_middleware(Observed, metrics=door.metrics)
