"""Who waits for whom at a server, and what a serving process sets for itself."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from lca_rag.operations import OPERATIONS, Workspace
from lca_rag.server.app import create_app
from lca_rag.server.door import Door, Settings
from lca_rag.server.observe import Metrics
from tests import server_fixtures


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("lanes") / "demo.lca"
    return server_fixtures.build(place, server_fixtures.demo_records())


def test_a_search_waits_for_no_answer_and_an_answer_for_no_bulk(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, waiting = threading.Event(), threading.Semaphore(0)

    def stuck(*_: Any, **__: Any) -> Any:
        waiting.release()
        gate.wait(30)
        raise RuntimeError("let go")

    monkeypatch.setattr("lca_rag.answer.Answerer.stream", stuck)
    monkeypatch.setattr("lca_rag.duplicates.find_duplicates", stuck)
    app = create_app(server_fixtures.workspace(folder))
    with server_fixtures.running(app) as url, ThreadPoolExecutor(9) as pool:
        while httpx.get(f"{url}/readyz").status_code != 200:
            pass
        bulk = [
            pool.submit(httpx.post, f"{url}/api/duplicates", json={}, timeout=40) for _ in range(2)
        ]
        asked = [
            pool.submit(httpx.post, f"{url}/api/ask", json={"question": "steel"}, timeout=40)
            for _ in range(6)
        ]
        assert waiting.acquire(timeout=20)
        assert waiting.acquire(timeout=20)  # one of each lane has begun; the others of it wait
        assert not waiting.acquire(timeout=0.3)
        found = httpx.post(f"{url}/api/search", json={"query": "steel"}, timeout=10)
        assert found.status_code == 200
        assert not any(future.done() for future in (*bulk, *asked))
        gate.set()
        assert {future.result().status_code for future in asked} == {500}


@pytest.mark.parametrize("threads", [1, 2, 4, 16])
@pytest.mark.parametrize("llm", [None, "http://127.0.0.1:9/none"])
def test_every_lane_has_room(threads: int, llm: str | None) -> None:
    with Workspace("nowhere", llm=llm) as workspace:
        door = Door(workspace, None, Settings(threads=threads), Metrics())
        room = dict(door.lanes.room)
    assert min(room.values()) >= 1
    assert room.pop("encode") == 1  # beside the others
    assert set(room) == {"quick", "answer", "bulk"}
    assert {row.lane for row in OPERATIONS} == set(room)
    if threads >= 4:
        assert sum(room.values()) == threads
        assert (room["answer"] > room["bulk"]) == (llm is not None)


def test_a_serving_process_settles_once_it_is_ready(folder: Path) -> None:
    """In a process of its own: the settings are of the whole process."""
    script = (
        "import gc, os, sys\n"
        "from fastapi.testclient import TestClient\n"
        "from lca_rag.server.app import create_app\n"
        "from lca_rag.server.process import prepare, settle\n"
        "from tests import server_fixtures\n"
        "from pathlib import Path\n"
        "prepare()\n"
        "app = create_app(server_fixtures.workspace(Path(sys.argv[1])), when_ready=settle)\n"
        "with TestClient(app) as client:\n"
        "    while client.get('/readyz').status_code != 200: pass\n"
        "    print(gc.get_freeze_count() > 10_000, gc.get_threshold()[0])\n"
        "    print(sys.getswitchinterval())\n"
        "    print(os.environ['ONEDNN_PRIMITIVE_CACHE_CAPACITY'])\n"
    )
    environment = {name: value for name, value in os.environ.items() if "ONEDNN" not in name}
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )
    assert done.stdout.split() == ["True", "20000", "0.0005", "256"], done.stderr
