"""The `lca-rag` command: every command in one application, and errors as one sentence.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done with skipped records.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer

import lca_rag
from lca_rag.commands import console, demo, exporting, generated, indexing, mapping, models, serving
from lca_rag.commands.help import Command, Group
from lca_rag.errors import LcaRagError

TRACEBACK_VARIABLE = "LCA_RAG_TRACEBACK"
"""Environment variable that shows where an error came from, for reports of faults."""

app = typer.Typer(
    name="lca-rag",
    cls=Group,
    help="Find the right life-cycle-assessment data set and quote its numbers without error.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"lca-rag {lca_rag.__version__}")
        raise typer.Exit


@app.callback()
def _start(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log what is done, to stderr")] = False,
) -> None:
    """Set up logging; results go to stdout, everything else to stderr."""
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(
        stream=sys.stderr, level=level, format="%(levelname)s %(name)s: %(message)s"
    )


app.command("demo")(demo.demo)
app.command("index")(indexing.index)
generated.add_operations(app)
app.command("repair")(indexing.repair)
app.command("map")(mapping.draw)
app.command("export")(exporting.export)
app.command("eval")(models.evaluate)
app.command("train")(models.train)
app.command("doctor")(models.doctor)
app.command("serve")(serving.serve)
app.command("mcp")(serving.mcp)
app.command("key")(serving.key)
for registered in app.registered_commands:
    registered.cls = Command


def main() -> None:
    """Run the command line, and end with the exit code that says how it went."""
    try:
        app()
    except LcaRagError as exc:
        _fail(str(exc), exc)
    except Exception as exc:  # a fault of ours: still a sentence, and where to find more
        _fail(
            f"unexpected {type(exc).__name__}: {exc}; set {TRACEBACK_VARIABLE}=1 to see where, "
            "and please report it",
            exc,
        )


def _fail(sentence: str, exc: Exception) -> None:
    if os.environ.get(TRACEBACK_VARIABLE):
        raise exc
    console.note(f"lca-rag: {sentence}", "red")
    sys.exit(1)
