"""Every error that lca-rag raises on purpose, on one page.

    LcaRagError
    ├── ReadError          a file or data set could not be read
    ├── EncoderError       a model could not be loaded or used
    ├── IndexStateError    an index could not be opened, written or trusted
    │   ├── IndexLocked    another process writes to this index
    │   └── FingerprintMismatch   the index was made by another encoder
    ├── QueryError         a question or filter cannot be understood
    │   └── NotFound       no record or database has this id
    ├── UnitError          units do not fit together, or are unknown
    ├── AnswerError        a language model failed to give a usable answer
    ├── AccessError        a right or a licence is missing
    └── MissingExtra       an optional package is not installed

Each message is one sentence or two: what is wrong, where, and what to do.
"""

from __future__ import annotations

__all__ = [
    "AccessError",
    "AnswerError",
    "EncoderError",
    "FingerprintMismatch",
    "IndexLocked",
    "IndexStateError",
    "LcaRagError",
    "MissingExtra",
    "NotFound",
    "QueryError",
    "ReadError",
    "UnitError",
]


class LcaRagError(Exception):
    """Root of all errors that lca-rag raises on purpose."""


class ReadError(LcaRagError, ValueError):
    """A file or a data set could not be read.

    Attributes:
        path: The file, with the member after `!` for an archive, or `None`.
        field: The field that is wrong, or `None`.
    """

    def __init__(self, message: str, *, path: str | None = None, field: str | None = None) -> None:
        """Keep the place of the fault beside the sentence."""
        super().__init__(message)
        self.path = path
        self.field = field


class EncoderError(LcaRagError, RuntimeError):
    """A model could not be loaded, or cannot encode what it was given."""


class IndexStateError(LcaRagError, RuntimeError):
    """An index could not be opened, written or trusted."""


class IndexLocked(IndexStateError):
    """Another process is writing to this index."""


class FingerprintMismatch(IndexStateError):
    """The index holds vectors of another encoder."""


class QueryError(LcaRagError, ValueError):
    """A question or a filter cannot be understood."""


class NotFound(QueryError):
    """No record has this id, as far as the asker may see."""


class UnitError(LcaRagError, ValueError):
    """Units are unknown or of different dimensions."""


class AnswerError(LcaRagError, RuntimeError):
    """A language model failed to give a usable answer."""


class AccessError(LcaRagError, PermissionError):
    """A right or a licence is missing."""


class MissingExtra(LcaRagError, ImportError):
    """An optional package is not installed; the sentence names the extra."""

    def __init__(self, extra: str, purpose: str) -> None:
        """Name the extra and what it is needed for."""
        super().__init__(f"{purpose} needs extra packages: pip install 'lca-rag[{extra}]'")
        self.extra = extra
