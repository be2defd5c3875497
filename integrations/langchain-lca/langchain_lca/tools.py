"""Ready tools for agents: search an LCA index, and read one data set."""

from __future__ import annotations

from typing import Any

from langchain_core.documents import Document
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel, Field

from langchain_lca.documents import hit_document, record_document
from langchain_lca.retriever import LCARetriever
from lca_rag import Hit, LcaRagError, Retriever, evidence

_LIMIT = 20


class SearchInput(BaseModel):
    """What `search_lca` is asked."""

    query: str = Field(description="What to look for, in plain words of any language")
    place: str | None = Field(
        default=None, description="Wanted place: code or name, such as DE, CN, RER, GLO, Germany"
    )
    year: int | None = Field(default=None, description="Calendar year the data should be valid for")
    kind: str | None = Field(default=None, description="'process' or 'flow'; both by default")
    k: int = Field(default=5, ge=1, le=_LIMIT, description="How many data sets to return")


class RecordInput(BaseModel):
    """What `get_lca_record` is asked."""

    record_id: str = Field(description="Id of a data set, as search_lca returned it")


def create_lca_tools(
    retriever: Retriever | LCARetriever, *, rights: frozenset[str] | None = None
) -> list[BaseTool]:
    """The tools `search_lca` and `get_lca_record` over one retriever.

    Args:
        retriever: What is searched. Wishes and rights of an `LCARetriever` hold where a call states
            no other wish; how many data sets come back is the call's to say.
        rights: Databases that the agent's user may see; if `None`, those of the retriever, or all.
    """
    settings: dict[str, Any] = {}
    if isinstance(retriever, LCARetriever):
        settings = retriever.settings
        rights = retriever.rights if rights is None else rights
        retriever = retriever.retriever
    core = retriever
    settings["rights"] = rights

    def search_lca(
        query: str,
        place: str | None = None,
        year: int | None = None,
        kind: str | None = None,
        k: int = 5,
    ) -> tuple[str, list[Document]]:
        try:
            asked = {"place": place, "year": year, "kind": kind}
            stated = {name: value for name, value in asked.items() if value is not None}
            hits = core.search(query, **(settings | stated | {"k": k}))
        except LcaRagError as exc:
            return f"Not searched: {exc}", []
        if not hits:
            return "No data set fits. Use other words, or drop the place or the year.", []
        return "\n".join(map(_line, hits)), [hit_document(hit, "embedding") for hit in hits]

    def get_lca_record(record_id: str) -> tuple[str, list[Document]]:
        record = core.index.get(record_id)
        if record is None or (rights is not None and record.database not in rights):
            return f"No data set {record_id!r} is here. Use an id that search_lca returned.", []
        return evidence(record), [record_document(record, "evidence")]

    return [
        StructuredTool.from_function(
            search_lca,
            name="search_lca",
            description=(
                "Search life-cycle-assessment data sets. Returns one line per data set: id, name, "
                "place, year, reference amount and unit, and how it meets the wishes. Read a data "
                "set with get_lca_record before quoting a figure, and cite its id."
            ),
            args_schema=SearchInput,
            response_format="content_and_artifact",
        ),
        StructuredTool.from_function(
            get_lca_record,
            name="get_lca_record",
            description=(
                "Read one life-cycle-assessment data set: what it covers, its licence, and every "
                "exchange with amount and unit. Quote figures with their unit and cite the id."
            ),
            args_schema=RecordInput,
            response_format="content_and_artifact",
        ),
    ]


def _line(hit: Hit) -> str:
    """One hit in one line of text without line breaks."""
    record = hit.record
    reference = next(iter(record.reference_exchanges), None)
    facts = [
        record.place.code if record.place else "place not stated",
        str(record.period.reference_year or "year not stated"),
    ]
    if reference is not None and reference.amount is not None:
        facts.append(f"per {reference.amount:g} {reference.unit or ''}".strip())
    told = "; ".join(hit.reasons[:4])
    line = f"[{record.id}] {record.name} ({', '.join(facts)}) score {hit.score:.2f}; {told}"
    return " ".join(line.split())
