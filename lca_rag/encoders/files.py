"""The files of a model: where they are, whether they are safe to read, what they say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from lca_rag.errors import EncoderError

__all__ = ["find_model", "read_prompts", "weight_files"]

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_WANTED = ("*.json", "*.txt", "*.model", "*.safetensors")
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def find_model(source: str, revision: str | None) -> Path:
    """The directory of a model, fetched from the hub if it is not a local one.

    Raises:
        EncoderError: If there is no such model, or the hub cannot be reached.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    if not _HUB_ID.fullmatch(source):
        raise EncoderError(
            f"no model directory {source!r}; give a directory, a hub id such as "
            "'BIaoo/lca-qwen3-embedding', or 'mini'"
        )
    return _fetch(source, revision)


def _fetch(model: str, revision: str | None) -> Path:
    """The snapshot of a hub model; from the cache where the hub is out of reach."""
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=list(_WANTED)))
    except RepositoryNotFoundError as error:
        raise EncoderError(
            f"the Hugging Face hub has no model {model!r} that you may read; check the name, or "
            "run `hf auth login` for a private one"
        ) from error
    except RevisionNotFoundError as error:
        raise EncoderError(f"model {model!r} has no revision {revision!r} on the hub") from error
    except (LocalEntryNotFoundError, HfHubHTTPError, httpx.TransportError, OSError) as error:
        raise EncoderError(
            f"model {model!r} is not cached on this machine and the Hugging Face hub cannot be "
            "reached; go online once, give a model directory, or use the bundled model 'mini'"
        ) from error


def weight_files(folder: Path) -> list[Path]:
    """The weight files of every part of a model, all of them safetensors.

    Raises:
        EncoderError: If the folder is no sentence-transformers model, needs code of its own, or
            has weights only in a form that runs code when it is read.
    """
    parts = _read(folder, "modules.json")
    if not isinstance(parts, list):
        raise EncoderError(
            f"{folder} is no sentence-transformers model: it has no modules.json, so its pooling "
            "is unknown"
        )
    _refuse_code(folder, parts)
    files: list[Path] = []
    for part in parts:
        place = folder / part.get("path", "")
        safe = sorted(place.glob("*.safetensors"))
        pickled = sorted(file for pattern in _PICKLED for file in place.glob(pattern))
        if pickled and not safe:
            raise EncoderError(
                f"{pickled[0]} is a pickle, which can run any code when it is read; save the "
                "weights as safetensors (`model.save_pretrained(path, safe_serialization=True)`)"
            )
        files.extend(safe)
    if not files:
        raise EncoderError(f"{folder} holds no weights (*.safetensors); its copy is incomplete")
    return files


def _refuse_code(folder: Path, parts: list[dict[str, Any]]) -> None:
    """Raise if a model brings code of its own, which is never run."""
    foreign = [
        part["type"] for part in parts if not part["type"].startswith("sentence_transformers.")
    ]
    config = _read(folder, "config.json") or {}
    if foreign or "auto_map" in config:
        raise EncoderError(
            f"{folder} needs code of its own ({foreign[0] if foreign else 'auto_map'}), and code "
            "from a model folder is never run; use a model of a built-in architecture"
        )


def read_prompts(folder: Path) -> tuple[dict[str, str], str | None]:
    """The prompts that the model's configuration states, and the name of its default one."""
    config = _read(folder, "config_sentence_transformers.json") or {}
    return dict(config.get("prompts") or {}), config.get("default_prompt_name")


def _read(folder: Path, name: str) -> Any:  # noqa: ANN401  # JSON
    """A JSON file of the folder, or `None` if there is none."""
    path = folder / name
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise EncoderError(f"{path} is not valid JSON: {error}") from error
