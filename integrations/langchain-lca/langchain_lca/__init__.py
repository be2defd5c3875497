"""LangChain embeddings, loader, vector store, retriever, tools and chain for life-cycle-assessment databases."""

__all__: list[str] = []
