"""LlamaIndex embedding, reader, vector store, retriever, reranker and query engine for LCA data."""

from llama_index_lca.embedding import LCAEmbedding
from llama_index_lca.query_engine import LCAQueryEngine
from llama_index_lca.reader import LCAReader
from llama_index_lca.reranker import LCAReranker
from llama_index_lca.retriever import LCARetriever
from llama_index_lca.vector_store import LCAVectorStore

__all__ = [
    "LCAEmbedding",
    "LCAQueryEngine",
    "LCAReader",
    "LCAReranker",
    "LCARetriever",
    "LCAVectorStore",
]
