"""The three texts of a record: what the encoder sees, what is searched, what a reader is shown.

They are never one text: the encoder gets the template that it was trained on, with amounts but
without units; the search gets words of every language without amounts; a reader gets evidence,
where every amount stands beside its unit.
"""

from __future__ import annotations

from lca_rag.render.embedding import embedding_text
from lca_rag.render.evidence import evidence
from lca_rag.render.search import search_fields, search_text

__all__ = ["embedding_text", "evidence", "search_fields", "search_text"]
