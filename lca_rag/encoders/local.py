"""A model on this machine, loaded through sentence-transformers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import NDArray

from lca_rag.encoders.files import find_model, read_prompts, weight_files
from lca_rag.encoders.fingerprint import Fingerprint, model_digest
from lca_rag.errors import EncoderError

if TYPE_CHECKING:
    from lca_rag.encoders.forward import SharedModel

__all__ = [
    "DEFAULT_MODEL",
    "FloatArray",
    "Precision",
    "SentenceEncoder",
    "checked_texts",
    "unit_rows",
]

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float32]
Precision = Literal["auto", "float32", "bfloat16", "float16"]

DEFAULT_MODEL = "BIaoo/lca-qwen3-embedding"
_DOCUMENT_NAMES = ("document", "passage", "corpus")
"""Prompt names that sentence-transformers takes for documents, in its order."""


def checked_texts(texts: Sequence[str]) -> list[str]:
    """The texts without white space at their ends; newlines within stay.

    Raises:
        TypeError: If `texts` is one string, or holds anything but strings.
    """
    if isinstance(texts, str | bytes):
        raise TypeError("texts must be a sequence of strings, not one string; put it into a list")
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"text {position} is {type(text).__name__}, not str")
    return [text.strip() for text in texts]


def unit_rows(
    vectors: FloatArray, *, name: str = "the model", remedy: str = "try precision='float32'"
) -> FloatArray:
    """The rows scaled to length one.

    Args:
        vectors: Shape (n, d).
        name: Who gave them, and below, what to do if they are no vectors; for the error.
        remedy: See `name`.

    Raises:
        EncoderError: If a row is zero or not finite, which no direction can be given.
    """
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        raise EncoderError(
            f"{name} gave a vector that is zero or not finite, which has no direction; {remedy}"
        )
    return np.asarray(vectors / lengths, dtype=np.float32)


class SentenceEncoder:
    """A sentence-transformers model whose queries and documents are prompted as it was trained.

    The constructor only stores; `load` reads the model at once, otherwise the first use does.
    Weights are shared by all encoders of one process that name the same model, device and
    precision, and are never pickled: an unpickled encoder loads them again when it is used.

    Attributes:
        truncated: How many texts were longer than the maximum length so far, but for probes.
    """

    def __init__(
        self,
        source: str | Path = DEFAULT_MODEL,
        *,
        revision: str | None = None,
        device: str | None = None,
        precision: Precision = "auto",
        max_length: int = 1024,
        truncate_dim: int | None = None,
        query_prompt: str | None = None,
    ) -> None:
        """Keep the settings; see `load` for what they mean."""
        self.source = str(source)
        self.revision = revision
        self.device = device
        self.precision: Precision = precision
        self.max_length = max_length
        self.truncate_dim = truncate_dim
        self.query_prompt = query_prompt
        self.truncated = 0
        self._quiet = threading.local()
        self._known: Fingerprint | None = None
        self._loaded: _Loaded | None = None
        self._lock = threading.Lock()

    @classmethod
    def load(
        cls,
        name_or_path: str | Path = DEFAULT_MODEL,
        *,
        revision: str | None = None,
        device: str | None = None,
        precision: Precision = "auto",
        max_length: int = 1024,
        truncate_dim: int | None = None,
        query_prompt: str | None = None,
    ) -> Self:
        """An encoder with its model in memory.

        Args:
            name_or_path: A model directory or the id of a model on the Hugging Face hub.
            revision: Branch, tag or commit on the hub.
            device: "cpu", "cuda", "mps" ...; by default the best there is.
            precision: Of the weights; "auto" takes bfloat16 where the device computes in it.
            max_length: Tokens after which a text is cut, at most the model's own limit.
            truncate_dim: Keep only so many leading components, normalised again.
            query_prompt: Put before each query instead of the model's own prompt; `""` for none.

        Raises:
            EncoderError: If the model cannot be found, is unsafe, or names no query prompt.
        """
        encoder = cls(
            name_or_path,
            revision=revision,
            device=device,
            precision=precision,
            max_length=max_length,
            truncate_dim=truncate_dim,
            query_prompt=query_prompt,
        )
        encoder._model()
        return encoder

    def recall(self, noted: Mapping[str, object]) -> bool:
        """Take the fingerprint that `note` gave earlier, if the very same files lie here now.

        The model is then read with the first text that is encoded; a run that finds nothing new
        never waits for it.

        Raises:
            EncoderError: If the model cannot be found, is unsafe, or names no query prompt.
        """
        folder = find_model(self.source, self.revision)
        self._choose_query_prompt(read_prompts(folder)[0])
        known = noted.get("fingerprint")
        if not isinstance(known, dict) or noted.get("files") != self._digest(folder):
            return False
        self._known = Fingerprint.from_json(known)
        return True

    def note(self) -> dict[str, object]:
        """The fingerprint and a digest of all that it follows from, for `recall`; JSON-able."""
        folder = find_model(self.source, self.revision)
        return {"files": self._digest(folder), "fingerprint": self.fingerprint.to_json()}

    def _digest(self, folder: Path) -> str:
        """Digest of the model's files, the libraries that read them and the settings."""
        return model_digest(folder, f"{self.max_length} {self.truncate_dim}")

    @property
    def name(self) -> str:
        """The directory's name or the hub id."""
        path = Path(self.source)
        return path.name if path.is_dir() else self.source

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return self.fingerprint.dimension

    @property
    def fingerprint(self) -> Fingerprint:
        """Weights, document prompt, pooling, dimension and maximum length."""
        return self._known or self._model().fingerprint

    def encode_queries(self, texts: Sequence[str]) -> FloatArray:
        """Unit vectors of questions, float32 `[n, dimension]`, the query prompt put before each."""
        stripped = checked_texts(texts)
        return self._encode(stripped, self._model().query_prompt, None)

    def encode_documents(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> FloatArray:
        """Unit vectors of documents, float32 `[n, dimension]`.

        Args:
            texts: The documents.
            progress: Called after each batch with the number of documents in it.
        """
        stripped = checked_texts(texts)
        return self._encode(stripped, self._model().document_prompt, progress)

    @contextmanager
    def quiet(self, *, counting: bool = True) -> Iterator[None]:
        """Within it, this thread logs no warning of texts that are cut.

        Args:
            counting: Whether they are added to `truncated`, so that the caller can tell of them;
                probes, which are too long on purpose, are not.
        """
        before = self._cutting()
        self._quiet.value = (False, counting)
        try:
            yield
        finally:
            self._quiet.value = before

    def _cutting(self) -> tuple[bool, bool]:
        """Whether this thread says that texts are cut, and whether it counts them."""
        said, counted = getattr(self._quiet, "value", (True, True))
        return said, counted

    def _encode(
        self, texts: list[str], prompt: str, progress: Callable[[int], None] | None
    ) -> FloatArray:
        """Unit vectors of stripped texts behind a prompt."""
        loaded = self._model()
        prompted = [prompt + text for text in texts]
        vectors, cut = loaded.shared.encode(prompted, loaded.max_length, progress)
        said, counted = self._cutting()
        if cut and counted:
            # Said aloud once, because a database of long texts would say it with every batch.
            level = logging.DEBUG if self.truncated or not said else logging.WARNING
            logger.log(
                level,
                "texts longer than %d tokens are cut: %d of %d in this batch (said once)",
                loaded.max_length,
                cut,
                len(texts),
            )
            self.truncated += cut
        return unit_rows(vectors[:, : loaded.dimension])

    def _model(self) -> _Loaded:
        """The model with what this encoder makes of it, read on first use."""
        with self._lock:
            if self._loaded is None:
                loaded = self._read()
                if self._known and self._known != loaded.fingerprint:
                    raise EncoderError(
                        f"{self.source} changed on disk while it was in use: "
                        f"{'; '.join(self._known.differences(loaded.fingerprint))}; start again"
                    )
                self._loaded = loaded
            return self._loaded

    def _read(self) -> _Loaded:
        """Find the model, check the settings against it, and read its weights."""
        if self.max_length < 1:
            raise EncoderError(f"max_length must be at least 1, not {self.max_length}")
        folder = find_model(self.source, self.revision)
        files = weight_files(folder)
        prompts, default = read_prompts(folder)
        query_prompt = self._choose_query_prompt(prompts)
        from lca_rag.encoders.loading import load_model  # torch takes seconds to import

        shared = load_model(folder, files, device=self.device, precision=self.precision)
        dimension = shared.dimension if self.truncate_dim is None else self.truncate_dim
        if not 0 < dimension <= shared.dimension:
            raise EncoderError(
                f"truncate_dim {dimension} must be between 1 and {shared.dimension}, the dimension "
                f"of {self.source}"
            )
        document_prompt = next(
            (prompts[name] for name in _DOCUMENT_NAMES if name in prompts),
            prompts.get(default or ""),
        )
        return _Loaded(
            shared=shared,
            query_prompt=query_prompt,
            document_prompt=document_prompt or "",
            dimension=dimension,
            max_length=min(self.max_length, shared.max_length),
        )

    def _choose_query_prompt(self, prompts: Mapping[str, str]) -> str:
        """The prompt that was given, else the model's own."""
        if self.query_prompt is not None:
            return self.query_prompt
        if prompts.get("query") is None:
            raise EncoderError(
                f"model {self.source!r} states no prompt named 'query' (it has: "
                f"{', '.join(sorted(prompts)) or 'none'}); give the one it was trained with as "
                "query_prompt (--query-prompt), or '' for none"
            )
        return prompts["query"]

    def __getstate__(self) -> dict[str, object]:
        """The settings alone: no weights, no lock."""
        return {
            key: value
            for key, value in self.__dict__.items()
            if key not in {"_loaded", "_lock", "_quiet"}
        }

    def __setstate__(self, state: dict[str, object]) -> None:
        """The settings; the model is read when it is used."""
        self.__dict__.update(state, _loaded=None, _lock=threading.Lock(), _quiet=threading.local())

    def __repr__(self) -> str:
        return f"SentenceEncoder({self.source!r}, precision={self.precision!r})"


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A shared model with the settings of one encoder, checked."""

    shared: SharedModel
    query_prompt: str
    document_prompt: str
    dimension: int
    max_length: int

    @property
    def fingerprint(self) -> Fingerprint:
        """What decides a document vector of this model with these settings."""
        return Fingerprint(
            weights=self.shared.weights,
            document_prompt=self.document_prompt,
            pooling=self.shared.pooling,
            dimension=self.dimension,
            max_length=self.max_length,
        )
