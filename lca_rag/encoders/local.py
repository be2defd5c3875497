"""A model on this machine, loaded through sentence-transformers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import NDArray

from lca_rag.encoders.fingerprint import Fingerprint

if TYPE_CHECKING:
    from lca_rag.encoders.loading import LoadedModel

__all__ = ["DEFAULT_MODEL", "FloatArray", "Precision", "SentenceEncoder", "checked_texts"]

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float32]
Precision = Literal["auto", "float32", "bfloat16", "float16"]

DEFAULT_MODEL = "BIaoo/lca-qwen3-embedding"


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


class SentenceEncoder:
    """A sentence-transformers model whose queries and documents are prompted as it was trained.

    The constructor only stores; `load` reads the model at once, otherwise the first use does.
    Weights are shared by all encoders of one process that name the same model, device and
    precision, and are never pickled: an unpickled encoder loads them again when it is used.

    Attributes:
        truncated: How many texts were longer than the maximum length so far.
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
        self._loaded: LoadedModel | None = None
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

    @property
    def name(self) -> str:
        """The directory's name or the hub id."""
        path = Path(self.source)
        return path.name if path.is_dir() else self.source

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return self._model().dimension

    @property
    def fingerprint(self) -> Fingerprint:
        """Weights, document prompt, pooling, dimension and maximum length."""
        model = self._model()
        return Fingerprint(
            weights=model.weights,
            document_prompt=model.document_prompt,
            pooling=model.pooling,
            dimension=model.dimension,
            max_length=model.max_length,
        )

    def encode_queries(self, texts: Sequence[str]) -> FloatArray:
        """Unit vectors of questions, float32 `[n, dimension]`, the query prompt put before each."""
        stripped = checked_texts(texts)
        model = self._model()
        return self._encode([model.query_prompt + text for text in stripped], None)

    def encode_documents(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> FloatArray:
        """Unit vectors of documents, float32 `[n, dimension]`.

        Args:
            texts: The documents.
            progress: Called after each batch with the number of documents in it.
        """
        stripped = checked_texts(texts)
        model = self._model()
        return self._encode([model.document_prompt + text for text in stripped], progress)

    def _encode(self, texts: list[str], progress: Callable[[int], None] | None) -> FloatArray:
        """Vectors of texts that carry their prompts already."""
        vectors, cut = self._model().encode(texts, progress)
        if cut:
            logger.log(
                logging.DEBUG if self.truncated else logging.WARNING,
                "%d of %d texts are longer than %d tokens and were cut",
                cut,
                len(texts),
                self._model().max_length,
            )
            self.truncated += cut
        return vectors

    def _model(self) -> LoadedModel:
        """The model, read on first use."""
        with self._lock:
            if self._loaded is None:
                from lca_rag.encoders.loading import load_model

                self._loaded = load_model(
                    self.source,
                    revision=self.revision,
                    device=self.device,
                    precision=self.precision,
                    max_length=self.max_length,
                    truncate_dim=self.truncate_dim,
                    query_prompt=self.query_prompt,
                )
            return self._loaded

    def __getstate__(self) -> dict[str, object]:
        """The settings alone: no weights, no lock."""
        return {
            key: value for key, value in self.__dict__.items() if key not in {"_loaded", "_lock"}
        }

    def __setstate__(self, state: dict[str, object]) -> None:
        """The settings; the model is read when it is used."""
        self.__dict__.update(state, _loaded=None, _lock=threading.Lock())

    def __repr__(self) -> str:
        return f"SentenceEncoder({self.source!r}, precision={self.precision!r})"
