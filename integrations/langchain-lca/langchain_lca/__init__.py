"""LangChain embeddings, loader, vector store, retriever, reranker, tools and chain for LCA data."""

from langchain_lca.chain import create_lca_qa_chain
from langchain_lca.documents import record_key
from langchain_lca.embeddings import LCAEmbeddings
from langchain_lca.loader import LCARecordLoader
from langchain_lca.reranker import LCAReranker
from langchain_lca.retriever import LCARetriever
from langchain_lca.tools import create_lca_tools
from langchain_lca.vectorstore import LCAVectorStore

__all__ = [
    "LCAEmbeddings",
    "LCARecordLoader",
    "LCAReranker",
    "LCARetriever",
    "LCAVectorStore",
    "create_lca_qa_chain",
    "create_lca_tools",
    "record_key",
]
