"""A local `/v1/embeddings` for tests."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

DIMENSION = 8
Reply = tuple[int, object]


def vector_of(text: str) -> np.ndarray:
    """A vector that tells texts apart, and is not of unit length."""
    generator = np.random.default_rng(list(text.encode()))
    return (generator.normal(size=DIMENSION) * 3).astype("<f4")


@dataclass
class Endpoint:
    """A local `/v1/embeddings`, with faults on demand."""

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    faults: list[Reply] = field(default_factory=list)
    """Answered first, one each."""
    change: Callable[[list[dict[str, Any]]], object] = lambda rows: {"data": rows}
    pause: float = 0.0
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reply(self, body: dict[str, Any], key: str | None) -> Reply:
        with self.lock:
            self.bodies.append(body)
            self.keys.append(key)
            if self.faults:
                return self.faults.pop(0)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.pause)
        with self.lock:
            self.at_once -= 1
        vectors = [vector_of(text) for text in body["input"]]
        encoded: list[Any] = [vector.tolist() for vector in vectors]
        if body["encoding_format"] == "base64":
            encoded = [base64.b64encode(vector.tobytes()).decode() for vector in vectors]
        rows = [{"index": number, "embedding": row} for number, row in enumerate(encoded)]
        return 200, self.change(rows[::-1])  # the order is the client's business


@contextlib.contextmanager
def embedding_endpoint() -> Iterator[Endpoint]:
    """An endpoint of this process, on a free port."""
    state = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = (
                state.reply(body, self.headers["Authorization"])
                if self.path == "/v1/embeddings"
                else (404, {"error": "no such path"})
            )
            content = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            if status == 429:
                self.send_header("Retry-After", "0")
            with contextlib.suppress(BrokenPipeError):  # the client of the timeout test is gone
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        yield state
        server.shutdown()
        thread.join()
