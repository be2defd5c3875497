"""A real model server that is none of ours plays the language model once.

The model is tiny and its weights are random, so that it talks rubbish: what the user gets must
stand all the same.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lca_rag import demo
from lca_rag.answer import Answerer, RemoteModel
from lca_rag.readers import read
from tests.lexical_retriever import LexicalRetriever
from tests.tiny_models import make_qwen3

TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: "


def tiny_causal_model(folder: Path) -> Path:
    """A causal language model with random weights, a tokenizer and a chat template."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    layout = folder / "embedding"
    make_qwen3(layout)
    place = folder / "causal"
    config = AutoConfig.from_pretrained(layout)
    AutoModelForCausalLM.from_config(config).save_pretrained(place)
    tokenizer = AutoTokenizer.from_pretrained(layout)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    command = shutil.which("transformers", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("`transformers serve` is not installed")
    folder = tmp_path_factory.mktemp("causal")
    model = tiny_causal_model(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [command, "serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"],
            stdout=log,
            stderr=log,
            env=environment,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                if httpx.get(f"{url}/health", trust_env=False).status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.25)
        else:
            pytest.fail((folder / "log").read_text(errors="replace")[-2000:])
        yield f"{url}/v1", str(model)
    finally:
        server.terminate()
        server.wait(timeout=20)


@pytest.mark.slow
def test_a_real_server_with_a_random_model(served: tuple[str, str]) -> None:
    url, model = served
    retriever = LexicalRetriever(list(read(demo.path(), database=demo.DATABASE)))
    answer = Answerer(retriever, RemoteModel(url, model, timeout=120)).ask(
        "How much electricity does primary aluminium take in China in 2020?"
    )
    assert answer.checks.passed
    assert "record-" not in answer.text
    assert not any(check.status == "marked" for check in answer.checks)
    if answer.model is None:
        assert "13540 kWh" in answer.text
        assert any("did not pass the checks" in note for note in answer.notes)
