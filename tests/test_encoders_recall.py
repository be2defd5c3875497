"""A model that an earlier run knew is not loaded before a text needs it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lca_rag import demo
from lca_rag.encoders import SentenceEncoder, load_encoder, recalled_encoder
from lca_rag.errors import EncoderError
from tests.tiny_models import make_qwen3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_qwen3(tmp_path / "model")


def noted(folder: Path) -> dict[str, object]:
    encoder = SentenceEncoder.load(folder)
    return dict(json.loads(json.dumps(encoder.note())))


def test_a_recalled_encoder_is_the_same_one(folder: Path) -> None:
    loaded = load_encoder(folder)
    recalled = recalled_encoder(str(folder), noted(folder))
    assert isinstance(recalled, SentenceEncoder)
    assert recalled.fingerprint == loaded.fingerprint
    assert recalled.dimension == loaded.dimension
    assert recalled._loaded is None
    np.testing.assert_array_equal(recalled.encode_queries(["a"]), loaded.encode_queries(["a"]))


@pytest.mark.parametrize(
    "name", ["config.json", "modules.json", "1_Pooling/config.json", "tokenizer.json"]
)
def test_any_changed_file_loads_it_anew(folder: Path, name: str) -> None:
    known = noted(folder)
    path = folder / name
    path.write_text(path.read_text() + "\n")
    assert recalled_encoder(str(folder), known) is None


def test_settings_and_endpoints_are_not_mixed_up(folder: Path) -> None:
    known = noted(folder)
    shorter = SentenceEncoder(folder, max_length=32)
    assert not shorter.recall(known)
    assert shorter.fingerprint.max_length == 32
    assert recalled_encoder("http://localhost/v1#model", known) is None
    assert recalled_encoder(str(folder), {}) is None


def test_a_model_without_prompt_is_refused_as_ever(folder: Path) -> None:
    known = noted(folder)
    config = folder / "config_sentence_transformers.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"prompts": {}}))
    with pytest.raises(EncoderError, match="no prompt named 'query'"):
        recalled_encoder(str(folder), known)


def test_weights_that_change_under_a_recalled_encoder_are_noticed(folder: Path) -> None:
    encoder = recalled_encoder(str(folder), noted(folder))
    assert encoder is not None
    shutil.rmtree(folder)
    make_qwen3(folder, seed=7)
    with pytest.raises(EncoderError, match="changed on disk"):
        encoder.encode_documents(["steel"])


def test_a_second_run_of_the_command_imports_no_torch(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "some.zip"
    with zipfile.ZipFile(demo.path()) as whole, zipfile.ZipFile(source, "w") as some:
        for name in [name for name in whole.namelist() if "processes/" in name][:3]:
            some.writestr(name, whole.read(name))
    code = (
        "import sys; from lca_rag.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('torch' in sys.modules)"
    )
    place = tmp_path / "some.lca"
    words = ["index", str(source), "--index", str(place), "--model", str(folder), "--json"]
    told = [
        subprocess.run(
            [sys.executable, "-c", code, *words], check=True, capture_output=True, text=True
        ).stdout.splitlines()
        for _ in range(2)
    ]
    first, second = (json.loads(lines[0]) for lines in told)
    assert first["added"] == second["unchanged"] == first["read"] > 0
    assert [lines[-1] for lines in told] == ["True", "False"]
