"""The container files, checked without a container engine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from lca_rag.cli import app

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "examples" / "server"


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", "", (FOLDER / "Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def check_command(words: list[str]) -> None:
    """That the command line exists as a container would call it."""
    command, *rest = words
    known = get_command(app).commands[command]  # type: ignore[attr-defined]
    options = {flag for parameter in known.params for flag in parameter.opts}
    for word in rest:
        if word.startswith("--"):
            assert word.partition("=")[0] in options, word


def test_the_dockerfile_uses_known_instructions_and_files_that_exist(
    instructions: list[tuple[str, str]],
) -> None:
    known = {"FROM", "WORKDIR", "RUN", "ENV", "COPY", "VOLUME", "USER", "EXPOSE", "HEALTHCHECK"}
    assert {word for word, _ in instructions} <= known | {"ENTRYPOINT", "CMD"}
    assert instructions[0][0] == "FROM"
    for word, rest in instructions:
        if word == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source


def test_the_container_serves_behind_keys_and_not_as_root(
    instructions: list[tuple[str, str]],
) -> None:
    table = dict(instructions)
    assert json.loads(table["ENTRYPOINT"]) == ["lca-rag"]
    command = json.loads(table["CMD"])
    check_command(command)
    assert "--keys" in command
    assert table["USER"] == "lca"


def test_compose_starts_what_exists(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in ("index", "serve"):
        check_command(services[name]["command"])
        build = services[name]["build"]
        context = (FOLDER / build["context"]).resolve()
        assert context == ROOT
        assert (context / build["dockerfile"]).is_file()
    for service in services.values():
        for dependency in service.get("depends_on", {}):
            assert "healthcheck" in services[dependency]
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source.startswith(".") or source in compose["volumes"]
        for secret in service.get("secrets", []):
            assert secret in compose["secrets"]
