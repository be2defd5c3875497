"""What decides a document vector, as one comparable value.

Two encoders with equal fingerprints give the same document vectors, so their vectors may stand in
one index. The query prompt is left out on purpose: it changes no stored vector.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Self

from lca_rag.errors import EncoderError

__all__ = ["Fingerprint", "model_digest", "weights_digest"]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The document side of an encoder."""

    weights: str
    """`sha256:` digest of the weight files, or `remote:` with the model name of an endpoint."""
    document_prompt: str
    """What is put before each document; usually nothing."""
    pooling: str
    """How token states become one vector ("lasttoken, normalised")."""
    dimension: int
    max_length: int
    """Tokens after which a text is cut, prompt and special tokens included; 0 if unknown."""

    @property
    def key(self) -> str:
        """A short hex digest of the whole, for file names and database keys."""
        text = json.dumps(self.to_json(), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def differences(self, other: Fingerprint) -> tuple[str, ...]:
        """One phrase for each part in which the two differ, empty if they are equal."""
        pairs = (
            (part.name, getattr(self, part.name), getattr(other, part.name))
            for part in fields(self)
        )
        return tuple(
            f"{name.replace('_', ' ')} {mine!r} against {theirs!r}"
            for name, mine, theirs in pairs
            if mine != theirs
        )

    def to_json(self) -> dict[str, str | int]:
        """The parts as a flat, JSON-able mapping."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """The fingerprint that `to_json` wrote.

        Raises:
            EncoderError: If a part is missing or of the wrong type.
        """
        texts = [data.get(name) for name in ("weights", "document_prompt", "pooling")]
        numbers = [data.get(name) for name in ("dimension", "max_length")]
        if not all(isinstance(text, str) for text in texts) or not all(
            isinstance(number, int) for number in numbers
        ):
            raise EncoderError(
                f"not a fingerprint: {dict(data)!r}; it needs weights, document_prompt, pooling "
                "(text), dimension and max_length (integers)"
            )
        return cls(*texts, *numbers)  # type: ignore[arg-type]  # checked above


_digests: dict[tuple[str, int, int], str] = {}
_digests_lock = threading.Lock()


def weights_digest(files: Sequence[Path]) -> str:
    """`sha256:` and the digest of weight files, which does not depend on where they lie.

    One file gives the plain SHA-256 of its content, as the Hugging Face hub shows it; several give
    the digest over their names and digests.
    """
    digests = [(file.name, _file_digest(file)) for file in sorted(files)]
    if len(digests) == 1:
        return f"sha256:{digests[0][1]}"
    listing = "\n".join(f"{name} {digest}" for name, digest in digests)
    return f"sha256:{hashlib.sha256(listing.encode()).hexdigest()}"


def model_digest(folder: Path, settings: str) -> str:
    """Digest of everything a fingerprint follows from, found without loading the model.

    Args:
        folder: The model; every file in it counts, with its place.
        settings: Of the encoder.
    """
    digest = hashlib.sha256(settings.encode())
    for library in ("sentence-transformers", "transformers"):
        digest.update(f"\n{library} {version(library)}".encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"\n{path.relative_to(folder).as_posix()} {_file_digest(path)}".encode())
    return f"sha256:{digest.hexdigest()}"


def _file_digest(path: Path) -> str:
    """SHA-256 of a file, computed once per process while its size and time stand."""
    status = path.stat()
    key = (str(path.resolve()), status.st_size, status.st_mtime_ns)
    with _digests_lock:
        if key not in _digests:
            with path.open("rb") as stream:
                _digests[key] = hashlib.file_digest(stream, "sha256").hexdigest()
        return _digests[key]
