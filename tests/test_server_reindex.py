"""An index is made anew while a server answers from it: nothing of the old state is kept."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lca_rag.flows import FlowResolver
from lca_rag.index import Index
from lca_rag.server.app import create_app
from tests import server_fixtures
from tests.hash_encoder import HashEncoder


def test_caches_of_old_states_go_when_the_index_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: weakref.WeakSet[FlowResolver] = weakref.WeakSet()
    real = FlowResolver.__init__

    def counted(self: FlowResolver, *given: Any, **named: Any) -> None:
        real(self, *given, **named)
        alive.add(self)

    monkeypatch.setattr(FlowResolver, "__init__", counted)
    records = server_fixtures.demo_records()
    place = server_fixtures.build(tmp_path / "x.lca", records[:40])
    workspace = server_fixtures.workspace(place)
    with TestClient(create_app(workspace)) as client:
        for count in (40, 60, 80, len(records)):
            with Index.open(place, encoder=HashEncoder()) as writer:
                writer.sync(records[:count])
            for body in ({}, {"database": ["demo"]}, {"compartment": "air"}):
                asked = client.post("/api/flow", json={"names": ["CO2"], **body})
                assert asked.status_code == 200
            assert client.post("/api/duplicates", json={}).status_code == 200
            told = client.post("/api/clusters", json={}).json()
            assert told["records"] == count
            gc.collect()
            # One for each set of databases and step of this state; none of an earlier one.
            assert 1 <= len(alive) <= 4
            assert len(workspace._kept) <= 6
