"""An OpenAI-compatible server that answers by script: it lies, stalls, drops, and talks rubbish."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Script:
    """What the server does with every request."""

    answer: str = ""
    trouble: str = ""
    """"status", "empty", "stall", "drop", "damaged", "error", "no choices", "no text", "html"."""
    chunk: int = 7
    """Characters per streamed piece."""
    seen: list[dict[str, object]] = field(default_factory=list[dict[str, object]])


def _handler(script: Script) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - methods, not branches
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length))
            script.seen.append(body)
            if script.trouble == "status":
                self.send_response(503)
                self.end_headers()
                self.wfile.write(b"busy")
            elif body.get("stream"):
                self._stream()
            else:
                self._whole()

        def _whole(self) -> None:
            self.send_response(200)
            self.end_headers()
            if script.trouble == "html":
                self.wfile.write(b"<html>hello</html>")
                return
            message = {"role": "assistant", "content": script.answer}
            self.wfile.write(json.dumps({"choices": [{"message": message}]}).encode())

        def _stream(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            pieces = [
                script.answer[i : i + script.chunk]
                for i in range(0, len(script.answer), script.chunk)
            ]
            for number, piece in enumerate(pieces):
                if number == 2 and script.trouble and self._trouble():
                    return
                self._event({"choices": [{"delta": {"content": piece}}]})
            if script.trouble != "drop":
                self._event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
                self.wfile.write(b"data: [DONE]\n\n")

        def _trouble(self) -> bool:
            """Make trouble in the middle; gives whether the answer ends with it."""
            if script.trouble == "stall":
                time.sleep(1.5)
                return True
            if script.trouble == "drop":
                return True
            lines = {
                "damaged": 'data: {"choices": [{"del\n\n',
                "error": 'data: {"error": {"message": "out of memory"}}\n\n',
                "no choices": 'data: {"answer": 42}\n\n',
                "no text": 'data: {"choices": [{"delta": {"content": 42}}]}\n\n',
                "comment": ": keep-alive\n\n",
            }
            self.wfile.write(lines[script.trouble].encode())
            return False

        def _event(self, content: object) -> None:
            self.wfile.write(f"data: {json.dumps(content)}\n\n".encode())

    return Handler


@contextmanager
def serve(script: Script) -> Iterator[str]:
    """The base URL of a running server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(script))
    server.daemon_threads = True
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
