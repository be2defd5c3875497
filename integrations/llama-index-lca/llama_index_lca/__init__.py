"""LlamaIndex embedding, reader, vector store, retriever and query engine for life-cycle-assessment databases."""

__all__: list[str] = []
