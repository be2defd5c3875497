"""The hub route for real: a cache folder as the hub client lays it out, and its download API.

The client reads its environment when it is imported, so each test runs in a process of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lca_rag.encoders import SentenceEncoder
from tests.tiny_models import make_qwen3

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TEXTS = ["steel", "electricity\nChina"]

ENCODE = """
import json, sys
from lca_rag.encoders import SentenceEncoder
from lca_rag.errors import EncoderError
answers = []
for name, revision in json.loads(sys.argv[1]):
    try:
        encoder = SentenceEncoder.load(name, revision=revision, device="cpu", precision="float32")
    except EncoderError as error:
        answers.append(str(error))
    else:
        vectors = encoder.encode_queries(json.loads(sys.argv[2]))
        answers.append([encoder.name, encoder.fingerprint.key, vectors.tolist()])
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Hub ids and the folders whose files they stand for."""
    root = tmp_path_factory.mktemp("hub-models")
    return {
        "tester/old-layout": make_qwen3(root / "old", layout="old"),
        "tester/new-layout": make_qwen3(root / "new", layout="new"),
    }


def encode(names: Sequence[tuple[str, str | None]], cache: Path, **environment: str) -> list[Any]:
    """What a fresh process says of each model, given only this environment."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    settings = {"HF_HUB_CACHE": str(cache), "HF_HUB_DISABLE_TELEMETRY": "1", **environment}
    done = subprocess.run(
        [sys.executable, "-c", ENCODE, json.dumps(names), json.dumps(TEXTS)],
        env={**clean, **settings},
        check=True,
        capture_output=True,
        text=True,
    )
    answers: list[Any] = json.loads(done.stdout)
    return answers


def expected(folder: Path, name: str) -> tuple[str, str, Any]:
    encoder = SentenceEncoder.load(folder, device="cpu", precision="float32")
    return name, encoder.fingerprint.key, encoder.encode_queries(TEXTS)


def assert_same(answer: Any, folder: Path, name: str) -> None:  # JSON
    assert isinstance(answer, list), answer
    wanted = expected(folder, name)
    assert answer[:2] == list(wanted[:2])
    np.testing.assert_allclose(answer[2], wanted[2], atol=1e-6)


def lay_out_cache(cache: Path, name: str, folder: Path) -> None:
    """A hub cache as the client writes it: blobs by digest, a snapshot of links, a branch."""
    root = cache / f"models--{name.replace('/', '--')}"
    (root / "blobs").mkdir(parents=True)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(COMMIT)
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = file.read_bytes()
        blob = root / "blobs" / hashlib.sha256(content).hexdigest()
        blob.write_bytes(content)
        link = root / "snapshots" / COMMIT / file.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))


def test_from_a_hub_cache_without_the_hub(models: dict[str, Path], tmp_path: Path) -> None:
    for name, folder in models.items():
        lay_out_cache(tmp_path, name, folder)
    answers = encode(
        [(name, None) for name in models] + [("tester/absent", None)], tmp_path, HF_HUB_OFFLINE="1"
    )
    for answer, (name, folder) in zip(answers, models.items(), strict=False):
        assert_same(answer, folder, name)
    assert answers[2].startswith("model 'tester/absent' is not cached on this machine")


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's download API as a client needs for public models."""

    models: dict[str, Path]
    asked: list[str]

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self._information("/".join(parts[2:4]), parts[4:])
        elif len(parts) > 4 and parts[2] == "resolve":
            self._file("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:
            self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"})

    def _information(self, name: str, rest: list[str]) -> None:
        folder = self.models.get(name)
        if folder is None:
            self._send(404, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"})
            return
        if rest[:1] == ["revision"] and rest[1] not in {"main", COMMIT}:
            self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            return
        names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
        if rest[:1] == ["tree"]:
            tree = [
                {"type": "file", "path": file, "size": (folder / file).stat().st_size, "oid": "0"}
                for file in names
            ]
            self._send(200, json.dumps(tree).encode(), {})
            return
        siblings = [{"rfilename": file} for file in [*names, "pytorch_model.bin", "code.py"]]
        body = {"id": name, "modelId": name, "sha": COMMIT, "siblings": siblings}
        self._send(200, json.dumps(body).encode(), {})

    def _file(self, name: str, revision: str, file: str) -> None:
        path = self.models[name] / file
        if revision not in {"main", COMMIT} or not path.is_file():
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        content = path.read_bytes()
        tag = hashlib.sha256(content).hexdigest()
        self._send(200, content, {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub(models: dict[str, Path]) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    handler = type("TestHub", (Hub,), {"models": models, "asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


def test_from_the_hubs_download_api(
    models: dict[str, Path], hub: tuple[str, list[str]], tmp_path: Path
) -> None:
    endpoint, asked = hub
    names: list[tuple[str, str | None]] = [
        *((name, None) for name in models),
        ("tester/old-layout", COMMIT),
        ("tester/old-layout", "no-such-branch"),
        ("tester/no-such-model", None),
    ]
    answers = encode(names, tmp_path, HF_ENDPOINT=endpoint)
    for answer, (name, folder) in zip(answers, models.items(), strict=False):
        assert_same(answer, folder, name)
    assert_same(answers[2], models["tester/old-layout"], "tester/old-layout")
    assert answers[3] == "model 'tester/old-layout' has no revision 'no-such-branch' on the hub"
    assert answers[4].startswith("the Hugging Face hub has no model 'tester/no-such-model'")
    assert any("model.safetensors" in line for line in asked)
    assert not any(".bin" in line or ".py" in line for line in asked)  # pickles and code stay there


def test_a_hub_out_of_reach_is_said_in_one_sentence(tmp_path: Path) -> None:
    (answer,) = encode(
        [("BIaoo/lca-qwen3-embedding", None)], tmp_path, HF_ENDPOINT="http://127.0.0.1:9"
    )
    assert answer == (
        "model 'BIaoo/lca-qwen3-embedding' is not cached on this machine and the Hugging Face hub "
        "cannot be reached; go online once, give a model directory, or use the bundled model 'mini'"
    )
