"""Text to unit vectors, queries and documents kept apart by the method's name.

Neither torch nor sentence-transformers is imported before a local model is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from lca_rag.encoders.files import find_model
from lca_rag.encoders.fingerprint import Fingerprint
from lca_rag.encoders.local import FloatArray, Precision, SentenceEncoder
from lca_rag.encoders.remote import RemoteEncoder
from lca_rag.errors import EncoderError

__all__ = [
    "MODEL_VARIABLE",
    "Encoder",
    "Fingerprint",
    "FloatArray",
    "RemoteEncoder",
    "SentenceEncoder",
    "load_encoder",
    "model_folder",
    "recalled_encoder",
]

MODEL_VARIABLE = "LCA_RAG_MODEL"
"""Environment variable that names the encoder where none is given."""

_MINI = Path(__file__).resolve().parents[1] / "models" / "mini"


@runtime_checkable
class Encoder(Protocol):
    """Turns text into unit vectors; queries and documents are prompted differently."""

    @property
    def name(self) -> str:
        """What the model is called, for reports."""
        ...

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        ...

    @property
    def fingerprint(self) -> Fingerprint:
        """What decides a document vector."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> FloatArray:
        """Unit vectors of questions, float32 `[n, dimension]`."""
        ...

    def encode_documents(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> FloatArray:
        """Unit vectors of documents, float32 `[n, dimension]`.

        Args:
            texts: The documents.
            progress: Called now and then with how many more documents are done.
        """
        ...


def load_encoder(
    spec: str | Path | None = None,
    *,
    query_prompt: str | None = None,
    revision: str | None = None,
    device: str | None = None,
    precision: Precision = "auto",
    max_length: int = 1024,
    truncate_dim: int | None = None,
) -> Encoder:
    """The encoder that `spec` names, loaded.

    Args:
        spec: `"mini"` (bundled), a model directory, a hub id, or `"http(s)://host/v1#model"`.
            By default what the environment variable `LCA_RAG_MODEL` says, else `"mini"`.
        query_prompt: Put before each query instead of the model's own; `""` for none.
        revision: Branch, tag or commit of a hub model.
        device: "cpu", "cuda" ...; by default the best there is.
        precision: Of the weights while computing; "auto" takes bfloat16 where it is fast.
        max_length: Tokens after which a text is cut, at most the model's own limit.
        truncate_dim: Keep only so many leading components, normalised again.

    Raises:
        EncoderError: If the model cannot be found or used.
    """
    chosen = str(spec or os.environ.get(MODEL_VARIABLE) or "mini")
    if chosen.startswith(("http://", "https://")):
        url, _, model = chosen.partition("#")
        if not model:
            raise EncoderError(
                f"{chosen!r} names no model; write it behind a hash, as in "
                "'http://localhost:8080/v1#my-model'"
            )
        return RemoteEncoder(
            url, model, query_prompt=query_prompt, truncate_dim=truncate_dim
        ).load()
    return SentenceEncoder.load(
        _bundled() if chosen == "mini" else chosen,
        revision=revision,
        device=device,
        precision=precision,
        max_length=max_length,
        truncate_dim=truncate_dim,
        query_prompt=query_prompt,
    )


def recalled_encoder(
    spec: str, known: Mapping[str, object], *, query_prompt: str | None = None
) -> Encoder | None:
    """The local encoder that `SentenceEncoder.note` described, loaded with the first text.

    Args:
        spec: As for `load_encoder`.
        known: What was noted.
        query_prompt: As for `load_encoder`.

    Returns:
        `None` if `spec` is an endpoint, or if anything about the model changed since.

    Raises:
        EncoderError: If the model cannot be found or used.
    """
    if spec.startswith(("http://", "https://")):
        return None
    encoder = SentenceEncoder(_bundled() if spec == "mini" else spec, query_prompt=query_prompt)
    return encoder if encoder.recall(known) else None


def model_folder(spec: str) -> Path:
    """The directory of `"mini"`, of a hub model (fetched if it is not cached), or of a path.

    Raises:
        EncoderError: If there is no such model, or the hub cannot be reached.
    """
    return find_model(str(_bundled()) if spec == "mini" else spec, None)


def _bundled() -> Path:
    if not (_MINI / "modules.json").is_file():
        raise EncoderError(
            f"the bundled model 'mini' is not in this installation ({_MINI}); "
            "name a model directory or a hub id"
        )
    return _MINI
