"""What only the chat page asks for: questions to begin with, and citations as files."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from lca_rag.operations import Caller, Workspace
from lca_rag.operations.runs import find_records
from lca_rag.operations.schema import Input, RecordId
from lca_rag.server.door import AskedCaller, AskedDoor
from lca_rag.server.errors import RESPONSES
from lca_rag.server.examples import Examples, examples

router = APIRouter(prefix="/chat", tags=["chat page"], responses=RESPONSES)


class CitationsInput(Input):
    """Records to be cited, in the order of their numbers."""

    ids: tuple[RecordId, ...] = Field(min_length=1, max_length=100)
    form: Annotated[Literal["bibtex", "csl-json", "csv"], Field(description="Form of the file")]


@router.post("/examples", operation_id="examples")
async def begin(caller: AskedCaller, door: AskedDoor) -> Examples:
    """Questions that the records the caller sees can answer, in English and Chinese."""
    return await door.run(lambda: examples(door.workspace, caller))


class CitationsOutput(BaseModel):
    """Citations in the form that was asked for."""

    content: str


@router.post("/citations", operation_id="citations")
async def citations(asked: CitationsInput, caller: AskedCaller, door: AskedDoor) -> CitationsOutput:
    """Citations as BibTeX, CSL-JSON or CSV: database, release, UUID, version, owner, licence."""
    content = await door.run(lambda: _exported(door.workspace, asked, caller))
    return CitationsOutput(content=content)


def _exported(workspace: Workspace, asked: CitationsInput, caller: Caller) -> str:
    from lca_rag.answer.citing import cite, export

    records = [find_records(workspace, id, caller)[0] for id in asked.ids]
    return export([cite(number, record) for number, record in enumerate(records, 1)], asked.form)
