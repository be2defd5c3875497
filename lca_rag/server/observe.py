"""What a server tells about itself: one log line for each request, and metrics.

Neither holds content: no question, no record, no key. The route's pattern stands for the path, the
name of the key for the caller.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse

from lca_rag.errors import MissingExtra
from lca_rag.server.errors import body

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 1.5, 3.0, 10.0, 30.0, 60.0)
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Prometheus metrics of one application, in a registry of their own."""

    def __init__(self) -> None:
        """Make every metric, all at zero.

        Raises:
            MissingExtra: If prometheus-client is not installed.
        """
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
        except ImportError as exc:
            raise MissingExtra("server", "The web server") from exc
        self.registry = CollectorRegistry()
        labels = ["route", "method", "status"]
        self.requests = Counter(
            "lca_rag_requests", "Requests answered", labels, registry=self.registry
        )
        self.seconds = Histogram(
            "lca_rag_request_seconds",
            "Time to the end of the answer",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.running = Gauge("lca_rag_requests_running", "Requests open", registry=self.registry)
        self.batch = Histogram(
            "lca_rag_query_batch_size",
            "Queries encoded in one call",
            buckets=_SIZES,
            registry=self.registry,
        )
        self.abstained = Counter(
            "lca_rag_abstained", "Questions that the records did not answer", registry=self.registry
        )

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format."""
        from prometheus_client import generate_latest

        return bytes(generate_latest(self.registry))


class Observed:
    """Middleware that numbers each request, measures it and logs it.

    A fault that nothing else answered is logged with its trace; whoever asked gets the number.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Wrap `app`."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and tell of it when it is over."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number, status = secrets.token_hex(8), 0

        async def numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = number
            await send(message)

        started = time.perf_counter()
        self._metrics.running.inc()
        try:
            await self._app(scope, receive, numbered)
        except Exception as exc:
            logger.error("request %s failed in %s", number, scope["path"], exc_info=exc)
            if status:  # the answer had begun: only breaking it off shows that it is not whole
                raise
            words = f"internal error; the server's log tells more under request {number}"
            await JSONResponse(body(words, "server_error"), 500)(scope, receive, numbered)
        finally:
            self._metrics.running.dec()
            self._tell(scope, number, status, time.perf_counter() - started)

    def _tell(self, scope: Scope, number: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        # A method is whatever a client writes: each new one would be kept for ever as a label.
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(route, method, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        line = {
            "event": "request",
            "id": number,
            "route": route,
            "method": method,
            "status": status,
            "milliseconds": round(seconds * 1000, 1),
            "caller": scope.get("lca_rag.caller"),
        }
        if (operation := scope.get("lca_rag.operation")) is not None:
            line["operation"] = operation
        logger.info("%s", json.dumps(line, ensure_ascii=False))
