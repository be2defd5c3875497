"""Find the right life-cycle-assessment data set and quote its numbers without error.

The names below are the public interface. They load on first use, so that `import lca_rag` stays
fast: neither torch nor chromadb nor a web framework is imported before something needs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from lca_rag.errors import LcaRagError
from lca_rag.record import Exchange, Hit, Record

if TYPE_CHECKING:
    from lca_rag.answer import Answer, Answerer
    from lca_rag.encoders import Encoder, RemoteEncoder, SentenceEncoder, load_encoder
    from lca_rag.evaluation import evaluate
    from lca_rag.index import Index, SyncReport
    from lca_rag.readers import read
    from lca_rag.render import embedding_text, evidence, search_text
    from lca_rag.retriever import Retriever

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "Answerer",
    "Encoder",
    "Exchange",
    "Hit",
    "Index",
    "LcaRagError",
    "Record",
    "RemoteEncoder",
    "Retriever",
    "SentenceEncoder",
    "SyncReport",
    "embedding_text",
    "evaluate",
    "evidence",
    "load_encoder",
    "read",
    "search_text",
]

_ROOMS = {
    "Answer": "answer",
    "Answerer": "answer",
    "Encoder": "encoders",
    "Index": "index",
    "RemoteEncoder": "encoders",
    "Retriever": "retriever",
    "SentenceEncoder": "encoders",
    "SyncReport": "index",
    "embedding_text": "render",
    "evaluate": "evaluation",
    "evidence": "render",
    "load_encoder": "encoders",
    "read": "readers",
    "search_text": "render",
}


def __getattr__(name: str) -> object:
    """Import a public name from its room on first use (PEP 562)."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *__all__})
