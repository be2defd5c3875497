"""Answers that quote: from a question and an index to text, citations and a verdict.

`Answerer(retriever).ask(question)` puts an answer together by rules; with `llm=` a language model
phrases it. In both cases code decides which figure, citation and name stays.
"""

from __future__ import annotations

from lca_rag.answer.answerer import Answerer, Searcher
from lca_rag.answer.citing import cite, export
from lca_rag.answer.condense import Turn
from lca_rag.answer.licences import AuditLog, Policy, Rule
from lca_rag.answer.llm import ChatModel, RemoteModel, load_llm
from lca_rag.answer.result import Answer, Check, Checks, Citation

__all__ = [
    "Answer",
    "Answerer",
    "AuditLog",
    "ChatModel",
    "Check",
    "Checks",
    "Citation",
    "Policy",
    "RemoteModel",
    "Rule",
    "Searcher",
    "Turn",
    "cite",
    "export",
    "load_llm",
]
