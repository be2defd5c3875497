"""What only the chat page asks for: questions to begin with, and citations as files."""

from __future__ import annotations

from fastapi import APIRouter

from lca_rag.server.door import AskedCaller, AskedDoor
from lca_rag.server.errors import RESPONSES
from lca_rag.server.examples import Examples, examples

router = APIRouter(prefix="/chat", tags=["chat page"], responses=RESPONSES)


@router.post("/examples", operation_id="examples")
async def begin(caller: AskedCaller, door: AskedDoor) -> Examples:
    """Questions that the records the caller sees can answer, in English and Chinese."""
    return await door.run(lambda: examples(door.workspace, caller))
