"""The ways from LlamaIndex to a model, for `lca-rag doctor`: ours, and the host's own class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

from llama_index.core.base.embeddings.base import BaseEmbedding

from lca_rag.encoders.doctor import Route, Subject
from llama_index_lca.embedding import LCAEmbedding

_OURS = "use llama_index_lca.LCAEmbedding(MODEL)"
_PROMPT = f"query_instruction=PROMPT, letter by letter; or {_OURS}"


@dataclass(frozen=True, slots=True)
class EmbeddingRoute:
    """A LlamaIndex embedding as a route."""

    name: str
    embedding: BaseEmbedding
    mends: Mapping[str, str] = field(default_factory=dict[str, str])

    def embed_query(self, text: str) -> Sequence[float]:
        """The vector of a question."""
        return self.embedding.get_query_embedding(text)

    def embed_documents(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """The vectors of documents."""
        return self.embedding.get_text_embedding_batch(list(texts))


def routes(subject: Subject) -> Iterable[Route]:
    """Our embedding, and `HuggingFaceEmbedding` as it comes where it is installed."""
    yield EmbeddingRoute(
        "llama_index_lca LCAEmbedding",
        LCAEmbedding(
            str(subject.folder),
            query_prompt=subject.query_prompt,
            max_length=subject.max_length,
        ),
    )
    if _installed("llama_index.embeddings.huggingface"):
        from llama_index.embeddings.huggingface import HuggingFaceEmbedding

        yield EmbeddingRoute(
            "llama_index HuggingFaceEmbedding",
            HuggingFaceEmbedding(model_name=str(subject.folder), device="cpu"),
            {
                "prompt missing on queries": _PROMPT,
            },
        )


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a parent package is missing
        return False
