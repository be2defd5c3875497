"""`doctor`, `eval` and `train`: examine, measure and make encoders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lca_rag.commands import console
from lca_rag.commands.generated import JsonOption, PromptOption
from lca_rag.errors import LcaRagError, QueryError

if TYPE_CHECKING:
    from lca_rag.encoders import Encoder
    from lca_rag.encoders.doctor import RouteReport
    from lca_rag.evaluation import Query, Report, System
    from lca_rag.training import Example

ModelsOption = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="MODEL", help="mini, a directory, a hub id, or URL#MODEL"),
]
CorpusOption = Annotated[
    Path | None,
    typer.Option(
        "--corpus", metavar="PATH", help="Files, in any LCA format, that hold the records"
    ),
]
MODEL_DIFFERS = 1
"""Exit code of `doctor` where a route gives other vectors."""


def doctor(
    model: Annotated[
        str, typer.Option("--model", metavar="MODEL", help="mini, a model directory or a hub id")
    ] = "mini",
    endpoints: Annotated[
        list[str] | None,
        typer.Option("--endpoint", metavar="URL#MODEL", help="Remote route to the same model"),
    ] = None,
    query_prompt: PromptOption = None,
    max_length: Annotated[int, typer.Option("--max-length", min=1, help="Tokens of a text")] = 1024,
    as_json: JsonOption = False,
) -> None:
    """Do all routes to a model give the same vectors? If not, say why and what mends it."""
    from lca_rag.encoders import model_folder

    folder = model_folder(model)
    if not as_json:
        console.out().print(console.words(f"reference: {folder} in float32"))
    with console.working() as step:

        def done(report: RouteReport) -> None:
            step("")
            for line in [] if as_json else report.lines():
                console.out().print(console.words(line))

        step("torch and the model itself")
        from lca_rag.encoders.doctor import Subject, diagnose  # takes seconds

        subject = Subject(
            folder=folder,
            query_prompt=query_prompt,
            max_length=max_length,
            endpoints=tuple(endpoints or ()),
        )
        found = diagnose(subject, step=step, done=done)
    if as_json:
        console.emit(found.to_json())
    if not found.healthy:
        raise typer.Exit(MODEL_DIFFERS)


def evaluate(
    benchmarks: Annotated[
        list[Path], typer.Argument(help="Query files: JSON Lines with qid, query, uuid")
    ],
    corpus: CorpusOption = None,
    location: Annotated[
        str | None,
        typer.Option("--index", metavar="DIR", help="Index to search; its own ranking is a system"),
    ] = None,
    models: ModelsOption = None,
    query_prompt: PromptOption = None,
    both_prompts: Annotated[
        bool, typer.Option("--both-prompts", help="Each model with and without its query prompt")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where to write the report")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure encoders, BM25 and hybrids on a benchmark, with intervals and paired tests."""
    from lca_rag.evaluation import evaluate as measure
    from lca_rag.evaluation import read_queries
    from lca_rag.evaluation.relevance import duplicate_groups

    asked = {path: read_queries(path) for path in benchmarks}
    texts = _texts(corpus, location)
    for path, queries in asked.items():
        _check_corpus(path, queries, texts)
    systems, not_run = _systems(texts, models or [], query_prompt, both_prompts, location)
    groups = duplicate_groups(texts)
    reports = []
    for path, queries in asked.items():
        report = measure(
            systems, queries, groups=groups, name=path.stem, corpus=len(texts), not_run=not_run
        )
        reports.append(report)
        if output is not None:
            report.write(output / path.stem if len(asked) > 1 else output)
    _tell(reports, as_json=as_json)


def _tell(reports: Sequence[Report], *, as_json: bool) -> None:
    import orjson

    from lca_rag.evaluation.tables import markdown

    if as_json:
        console.emit({"reports": [orjson.loads(report.to_json()) for report in reports]})
        return
    for report in reports:
        console.out().print(console.words(markdown(report)))


def _texts(corpus: Path | None, location: str | None) -> dict[str, str]:
    """Embedding text by UUID of all records, of several versions the newest."""
    from lca_rag.operations import LOCAL, Workspace
    from lca_rag.operations.whole import visible
    from lca_rag.readers import read
    from lca_rag.record import version_key
    from lca_rag.render import embedding_text

    if corpus is None and location is None:
        raise typer.BadParameter("give --corpus PATH or --index DIR", param_hint="--corpus")
    if corpus is None:
        with Workspace(location or "") as workspace:
            snapshot = workspace.index.snapshot()
            positions = visible(workspace, snapshot, LOCAL, kind=None, database=None)
            records = snapshot.records(positions.tolist())
            return {record.uuid: embedding_text(record) for record in records}
    newest: dict[str, tuple[tuple[int, ...], str]] = {}
    for record in read(corpus):
        made = (version_key(record.version), embedding_text(record))
        newest[record.uuid] = max(newest.get(record.uuid, made), made)
    return {uuid: text for uuid, (_, text) in newest.items()}


def _check_corpus(path: Path, queries: Sequence[Query], texts: Mapping[str, str]) -> None:
    absent = sorted({query.record for query in queries} - texts.keys())
    if absent:
        raise QueryError(
            f"{path}: {len(absent)} records that queries ask for are not in the corpus, such as "
            f"{absent[0]}; give the corpus that the benchmark was made from"
        )


def _systems(
    texts: Mapping[str, str],
    models: Sequence[str],
    query_prompt: str | None,
    both_prompts: bool,
    location: str | None,
) -> tuple[list[System], dict[str, str]]:
    """BM25, then each model alone and fused with BM25, then the index's own search."""
    from lca_rag.evaluation import Bm25System, EncoderSystem, FusedSystem, SearchSystem
    from lca_rag.operations import Workspace

    lexical = Bm25System(texts)
    systems: list[System] = [lexical]
    not_run: dict[str, str] = {}
    for model in models:
        try:
            first: EncoderSystem | None = None
            for name, encoder in _encoders(model, query_prompt, both_prompts):
                vectors = None if first is None else first.vectors
                system = EncoderSystem(encoder, texts, name=name, vectors=vectors)
                with console.working() as step:
                    step(f"encoding {len(texts)} records with {name}")
                    first = first or system
                    _ = first.vectors  # made here, where a model that fails is told and left out
                systems += [system, FusedSystem([lexical, system])]
        except LcaRagError as exc:  # a model that is out of reach gets no number, and says why
            not_run[model] = str(exc)
            console.note(f"{model}: not run: {exc}")
    if location is not None:
        workspace = Workspace(location)
        systems.append(
            SearchSystem(
                "lca-rag search", lambda query, depth: workspace.retriever.search(query, k=depth)
            )
        )
    return systems, not_run


def _encoders(
    model: str, query_prompt: str | None, both_prompts: bool
) -> Iterator[tuple[str, Encoder]]:
    """The encoder, and once more without query prompt where both are asked for."""
    from lca_rag.encoders import load_encoder

    name = Path(model).name if Path(model).is_dir() else model
    yield name, load_encoder(model, query_prompt=query_prompt)
    if both_prompts:
        yield f"{name}, no prompt", load_encoder(model, query_prompt="")


def train(
    pairs: Annotated[
        Path, typer.Argument(help="JSON Lines: query and document; or qid, query, uuid")
    ],
    base: Annotated[str, typer.Option("--base", metavar="MODEL", help="Model to start from")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Checkpoints, run card and model")
    ],
    corpus: CorpusOption = None,
    preset: Annotated[
        str, typer.Option("--preset", help="Recipe: card, modern or mini")
    ] = "modern",
    resume: Annotated[
        bool, typer.Option("--resume/--anew", help="Go on from the newest checkpoint")
    ] = True,
    checkpoint_steps: Annotated[
        int, typer.Option("--checkpoint-steps", min=1, help="Steps between checkpoints")
    ] = 50,
    max_steps: Annotated[
        int | None, typer.Option("--max-steps", min=1, help="Stop early; nothing is exported")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fine-tune an encoder on pairs of query and document, and export it for serving."""
    from lca_rag.training import train as run

    examples = _examples(pairs, corpus)

    def tell(step: int, steps: int, loss: float) -> None:
        console.note(f"step {step} of {steps}: loss {loss:.4f}")

    done = run(
        examples,
        base,
        output,
        preset=preset,
        resume=resume,
        checkpoint_steps=checkpoint_steps,
        max_steps=max_steps,
        progress=tell,
    )
    if as_json:
        losses = [{"step": step, "loss": loss} for step, loss in done.losses]
        console.emit({"model": str(done.model), "losses": losses})
    else:
        console.note(f"model in {done.model}" if max_steps is None else "stopped; nothing exported")


def _examples(pairs: Path, corpus: Path | None) -> list[Example]:
    """Training examples; with a corpus, queries are joined with their records' texts.

    The calibration fold is left out: rankers and thresholds are fitted on it.
    """
    from lca_rag.evaluation import in_calibration_fold, read_queries
    from lca_rag.training import Example, read_examples
    from lca_rag.training.examples import text_group

    if corpus is None:
        return read_examples(pairs)
    asked = read_queries(pairs)
    queries = [query for query in asked if not in_calibration_fold(query.record)]
    if len(queries) < len(asked):
        left_out = len(asked) - len(queries)
        console.note(f"{left_out} queries of the calibration fold are left out of training")
    texts = _texts(corpus, None)
    _check_corpus(pairs, queries, texts)
    by_record: dict[str, list[str]] = {}
    for query in queries:
        by_record.setdefault(query.record, []).append(query.text)
    return [
        Example(
            id=record,
            document=texts[record],
            queries=tuple(dict.fromkeys(asked)),
            group=text_group(texts[record]),
        )
        for record, asked in by_record.items()
    ]
