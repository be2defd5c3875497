"""`index` and `repair`: files in, an index in step with them out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lca_rag.commands import console
from lca_rag.commands.generated import IndexOption, JsonOption, PromptOption
from lca_rag.errors import ReadError
from lca_rag.operations.workspace import recall_encoder, recall_model, remember_model

if TYPE_CHECKING:
    from lca_rag.index import Index, SyncReport
    from lca_rag.readers import ReadReport

SKIPPED = 3
"""Exit code: done, but some records were skipped."""
_SHOWN = 10


def index(
    paths: Annotated[
        list[Path], typer.Argument(help="Files, folders or archives of any LCA format")
    ],
    location: Annotated[
        str | None,
        typer.Option("--index", envvar="LCA_RAG_INDEX", metavar="DIR", help="Index directory"),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="NAME", help="Database name; by default the file's"),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", metavar="MODEL", help="mini, a model directory, a hub id, or URL#MODEL"
        ),
    ] = None,
    query_prompt: PromptOption = None,
    server: Annotated[
        str | None,
        typer.Option("--server", metavar="URL", help="Collection of a Chroma server to write to"),
    ] = None,
    columns: Annotated[
        Path | None,
        typer.Option(
            "--columns",
            metavar="FILE",
            help="Column mapping (JSON or TOML) of emission-factor tables that no preset fits; "
            "see the README's Formats",
        ),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove records that the files no longer hold")
    ] = False,
    report: Annotated[
        bool,
        typer.Option("--report", help="Tell what was read, repaired, not mapped and left aside"),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Read files of any LCA format and bring an index in step with them.

    What is new or changed is embedded, what is known is not; nothing is removed without --prune.
    """
    from lca_rag.readers import ReadReport, Skip, Together, load_columns, read

    if location is None and server is None:
        raise typer.BadParameter("give --index DIR, --server URL, or both", param_hint="--index")
    facts, skipped = ReadReport(), list[Skip]()
    mapping = load_columns(columns) if columns else None
    sources = [  # made before a model is loaded: a path that is missing fails here
        read(path, database=database, on_skip=skipped.append, report=facts, columns=mapping)
        for path in paths
    ]
    opened = open_for_writing(location, server, model, query_prompt)
    with opened, console.progress() as tell:
        done = opened.sync(Together(sources), prune=prune, progress=tell, skipped=skipped)
    told = {"report": _report(facts)} if report else {}
    if not done.read and not done.skipped:
        raise ReadError(
            f"no LCA data set is in {', '.join(map(str, paths))}; the formats that are read are "
            "listed in the README"
        )
    if as_json:
        console.emit(_summary(done) | told)
    else:
        _say(done)
        for heading, counts in told.get("report", {}).items():
            console.note(f"{heading}:")
            for name, count in counts.items():
                console.note(f"  {count:>8}  {name}")
    if done.skipped:
        raise typer.Exit(SKIPPED)


def open_for_writing(
    location: str | None, server: str | None, model: str | None, query_prompt: str | None
) -> Index:
    """An index with the encoder that is named, or with the one that made it."""
    from lca_rag.encoders import MODEL_VARIABLE, load_encoder
    from lca_rag.index import Index

    noted = recall_model(Path(location)) if location else {}
    spec = model or noted.get("model") or os.environ.get(MODEL_VARIABLE) or "mini"
    prompt = query_prompt
    if prompt is None and spec == noted.get("model"):
        prompt = noted.get("query_prompt")
    encoder = recall_encoder(Path(location), spec, prompt) if location else None
    if encoder is None:
        encoder = load_encoder(spec, query_prompt=prompt)
    if server is None:
        opened = Index.open(location or "", encoder=encoder)
    else:
        catalogue = Path(location) if location else None
        opened = Index.open(server, encoder=encoder, catalogue=catalogue)
    remember_model(opened.folder, spec, prompt, encoder)
    return opened


def repair(location: IndexOption, as_json: JsonOption = False) -> None:
    """Rebuild everything that is derived from the catalogue; nothing is embedded again."""
    from lca_rag.index import Index

    with Index.open(location, create=False) as opened, console.progress() as tell:
        state = opened.repair(tell)
    if as_json:
        console.emit(state)
    else:
        console.note(f"{location}: repaired; generation {state['generation']}")


def _summary(done: SyncReport) -> dict[str, object]:
    skipped = [
        {"path": skip.path, "record": skip.record, "reason": skip.reason} for skip in done.skipped
    ]
    names = ("read", "added", "updated", "unchanged", "removed", "duplicates", "embedded")
    counts = {name: getattr(done, name) for name in names}
    return counts | {
        "skipped": skipped,
        "notes": list(done.notes),
        "seconds": round(done.seconds, 3),
    }


def _report(facts: ReadReport) -> dict[str, dict[str, int]]:
    """Counts of a read, most frequent first."""
    return {
        "read": dict(facts.read.most_common()),
        "repaired": dict(facts.repaired.most_common()),
        "unmapped": dict(facts.unmapped.most_common()),
        "ignored": dict(facts.ignored.most_common()),
    }


def _say(done: SyncReport) -> None:
    console.note(
        f"read {done.read}: {done.added} added, {done.updated} updated, {done.unchanged} "
        f"unchanged, {done.removed} removed, {len(done.skipped)} skipped "
        f"({done.embedded} embedded, {done.seconds:.1f} s)",
        "bold",
    )
    for skip in done.skipped[:_SHOWN]:
        console.note(f"  skipped {skip.path} {skip.record or ''}: {skip.reason}")
    if len(done.skipped) > _SHOWN:
        console.note(f"  and {len(done.skipped) - _SHOWN} more; --json lists all")
    for sentence in done.notes:
        console.note(sentence)
