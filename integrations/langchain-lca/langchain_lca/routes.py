"""The ways from LangChain to a model, for `lca-rag doctor`: ours, and the host's own class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

from langchain_core.embeddings import Embeddings

from langchain_lca.embeddings import LCAEmbeddings
from lca_rag.encoders.doctor import Route, Subject

_OURS = "use langchain_lca.LCAEmbeddings(model=MODEL)"
_PROMPT = f'query_encode_kwargs={{"prompt_name": "query"}}; or {_OURS}'


@dataclass(frozen=True, slots=True)
class EmbeddingsRoute:
    """LangChain embeddings as a route."""

    name: str
    embeddings: Embeddings
    mends: Mapping[str, str] = field(default_factory=dict[str, str])

    def embed_query(self, text: str) -> Sequence[float]:
        """The vector of a question."""
        return self.embeddings.embed_query(text)

    def embed_documents(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """The vectors of documents."""
        return self.embeddings.embed_documents(list(texts))


def routes(subject: Subject) -> Iterable[Route]:
    """Our embeddings, and `HuggingFaceEmbeddings` as it comes where it is installed."""
    yield EmbeddingsRoute(
        "langchain_lca LCAEmbeddings",
        LCAEmbeddings(
            model=str(subject.folder),
            query_prompt=subject.query_prompt,
            max_length=subject.max_length,
        ),
    )
    if find_spec("langchain_huggingface") is not None:
        from langchain_huggingface import HuggingFaceEmbeddings

        yield EmbeddingsRoute(
            "langchain_huggingface HuggingFaceEmbeddings",
            HuggingFaceEmbeddings(model=str(subject.folder), model_kwargs={"device": "cpu"}),
            {
                "prompt missing on queries": _PROMPT,
                "newlines flattened": f"the class replaces them and has no switch; {_OURS}",
            },
        )
