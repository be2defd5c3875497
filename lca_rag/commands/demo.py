"""`demo`: from nothing to a cited answer in one command."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from lca_rag.commands import console
from lca_rag.commands.generated import JsonOption, LlmOption, PromptOption
from lca_rag.commands.indexing import open_for_writing
from lca_rag.operations import LOCAL, Workspace, operation
from lca_rag.operations.schema import AskInput

QUESTION = "How much electricity goes into the production of primary aluminium in China?"


def demo(
    question: Annotated[str, typer.Argument(help="Question to ask")] = QUESTION,
    location: Annotated[
        Path | None,
        typer.Option("--index", metavar="DIR", help="Where to keep the index; else a passing one"),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="MODEL", help="Encoder instead of the bundled")
    ] = None,
    query_prompt: PromptOption = None,
    llm: LlmOption = None,
    as_json: JsonOption = False,
) -> None:
    """Index the demo database with the bundled encoder and ask it a question."""
    # The probes of a new index hold a text that is cut on purpose, which is no news here.
    logging.getLogger("lca_rag.encoders.local").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="lca-rag-demo-") as passing:
        folder = location or Path(passing) / "demo.lca"
        _index(folder, model or "mini", query_prompt)
        with Workspace(folder, llm=llm) as workspace:
            answer = operation("ask").run(workspace, AskInput(question=question), LOCAL)
    if as_json:
        console.emit(answer)
        return
    console.note(f"\n{question}\n", "bold")
    console.show(answer)
    if location is not None:
        console.note(f"\nThe index stays in {folder}: lca-rag search 'wind' --index {folder}")


def _index(folder: Path, model: str, query_prompt: str | None) -> None:
    """Bring the demo index in step with the demo database."""
    from lca_rag import demo as database
    from lca_rag.readers import read

    opened = open_for_writing(str(folder), None, model, query_prompt)
    with opened, console.progress() as tell:
        done = opened.sync(read(database.path(), database=database.DATABASE), progress=tell)
    console.note(f"demo database: {done.read} records indexed in {done.seconds:.1f} s")
