"""Rerank nodes by the LCA model's own similarity, or by any cross-encoder."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from llama_index.core.bridge.pydantic import ConfigDict, Field
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

from llama_index_lca.embedding import LCAEmbedding

_dispatcher = get_dispatcher(__name__)


@runtime_checkable
class CrossEncoder(Protocol):
    """What scores pairs of question and text (`sentence_transformers.CrossEncoder` does)."""

    def predict(self, pairs: list[tuple[str, str]]) -> Any:
        """One score per pair, higher for better."""
        ...


class LCAReranker(BaseNodePostprocessor):
    """Orders nodes by similarity to the question and keeps the best; `score` becomes that value.

    Higher is better: the cosine of the model, or what the cross-encoder says.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    embedding: LCAEmbedding = Field(default_factory=LCAEmbedding)
    cross_encoder: CrossEncoder | None = Field(default=None, exclude=True)
    top_n: int = Field(default=5, gt=0)

    @classmethod
    def class_name(cls) -> str:
        """Name under which the host serialises this class."""
        return "LCAReranker"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            raise ValueError("LCAReranker needs the question; pass query_str or query_bundle")
        if not nodes:
            return []
        _dispatcher.event(
            ReRankStartEvent(
                query=query_bundle,
                nodes=nodes,
                top_n=self.top_n,
                model_name=self._scorer,
            )
        )
        texts = [node.node.get_content(MetadataMode.EMBED) for node in nodes]
        scores = self._scores(query_bundle.query_str, texts)
        order = sorted(range(len(nodes)), key=lambda i: -scores[i])[: self.top_n]
        best = [NodeWithScore(node=nodes[i].node, score=scores[i]) for i in order]
        _dispatcher.event(ReRankEndEvent(nodes=best))
        return best

    @property
    def _scorer(self) -> str:
        """What scores, by name."""
        if self.cross_encoder is None:
            return self.embedding.model_name
        return type(self.cross_encoder).__name__

    def _scores(self, query: str, texts: list[str]) -> list[float]:
        if self.cross_encoder is not None:
            predicted = self.cross_encoder.predict([(query, text) for text in texts])
            return [float(score) for score in predicted]
        encoder = self.embedding.loaded
        cosines = encoder.encode_documents(texts) @ encoder.encode_queries([query])[0]
        return [float(score) for score in cosines]
