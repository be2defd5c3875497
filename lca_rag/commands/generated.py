"""Commands made from the table of operations: one option for each field of an input.

What a command line cannot express (earlier turns of a conversation) is listed here by name, and so
is what it takes from a file; a test walks every other field.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from lca_rag.commands import console
from lca_rag.errors import LcaRagError
from lca_rag.operations import LOCAL, OPERATIONS, Operation, Workspace, operation
from lca_rag.operations.schema import Input, Output

NOT_ON_COMMAND_LINE = {("ask", "history")}
"""Fields without an option: one command is one turn, so there are no earlier ones."""

Reader = Callable[[Path], object]
Writer = Callable[[Output, Path], None]


def read_bill(path: Path) -> object:
    """Lines of a bill of materials, as the matching room reads them from CSV or XLSX."""
    from lca_rag.operations.bills import read_lines

    return read_lines(path)


def write_matches(result: Output, path: Path) -> None:
    """Matches, gaps and sources as a workbook, or the plain result as JSON."""
    from lca_rag.operations.bills import write_result

    write_result(result, path)


FROM_FILE: Mapping[tuple[str, str], Reader] = {("match", "lines"): read_bill}
"""Fields whose argument is a file to be read."""

TO_FILE: Mapping[str, Writer] = {"match": write_matches}
"""Operations whose result can be written to a file with `-o`."""

IndexOption = Annotated[
    str,
    typer.Option(
        "--index", envvar="LCA_RAG_INDEX", metavar="DIR", help="Index directory, or URL of a server"
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="Encoder of the question; by default the one that made the index",
    ),
]
PromptOption = Annotated[
    str | None,
    typer.Option("--query-prompt", metavar="TEXT", help="Put before each query; '' for none"),
]
LlmOption = Annotated[
    str | None,
    typer.Option(
        "--llm",
        envvar="LCA_RAG_LLM",
        metavar="URL/MODEL",
        help="Language model by an OpenAI-compatible URL: words an answer, rewrites a question",
    ),
]
PolicyOption = Annotated[
    str | None,
    typer.Option(
        "--policy",
        envvar="LCA_RAG_POLICY",
        metavar="FILE",
        help="JSON file that says which databases are open, internal or restricted",
    ),
]
AuditOption = Annotated[
    str | None,
    typer.Option(
        "--audit",
        envvar="LCA_RAG_AUDIT",
        metavar="FILE",
        help="File that notes what was sent to a language model elsewhere",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object")]
MemoryOption = Annotated[
    str | None,
    typer.Option(
        "--memory",
        envvar="LCA_RAG_MEMORY",
        metavar="FILE",
        help="CSV file of confirmed matches (description,unit,place,record); they are taken as is",
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write the result as XLSX or JSON"),
]


def add_operations(app: typer.Typer) -> None:
    """Register one command for each operation."""
    for name, command in commands().items():
        app.command(name, help=operation(name).summary)(command)


def _command(row: Operation) -> Callable[..., None]:
    """A function whose parameters are the fields of the operation's input."""

    def command(**given: object) -> None:
        workspace = Workspace(
            str(given.pop("index")),
            model=_text(given.pop("model")),
            query_prompt=_text(given.pop("query_prompt")),
            llm=_text(given.pop("llm", None)),
            policy=_text(given.pop("policy")),
            audit=_text(given.pop("audit", None)),
            memory=_text(given.pop("memory", None)),
        )
        as_json, target = bool(given.pop("json")), given.pop("output", None)
        asked = _input(row, given)
        if isinstance(target, Path):
            if target.suffix.lower() not in {".xlsx", ".json"}:
                raise LcaRagError(
                    f"{target}: matches are written as .xlsx or .json; name such a file"
                )
            target.parent.mkdir(parents=True, exist_ok=True)
        with workspace:
            result = row.run(workspace, asked, LOCAL)
        if isinstance(target, Path):
            TO_FILE[row.name](result, target)
        if as_json:
            console.emit(result)
        else:
            console.show(result)

    command.__signature__ = inspect.Signature(_parameters(row))  # type: ignore[attr-defined]
    command.__name__ = row.name
    return command


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _input(row: Operation, given: Mapping[str, object]) -> Input:
    """The typed input, from what the command line gave; absent options keep their default."""
    values: dict[str, object] = {}
    for name, value in given.items():
        reader = FROM_FILE.get((row.name, name))
        if reader is not None:
            values[name] = reader(Path(str(value)))
        elif value is not None and value != []:
            values[name] = value
    try:
        return row.input.model_validate(values)
    except ValidationError as exc:
        first = exc.errors()[0]
        field = "-".join(str(part) for part in first["loc"]) or "input"
        raise typer.BadParameter(first["msg"], param_hint=field.replace("_", "-")) from exc


def _parameters(row: Operation) -> list[inspect.Parameter]:
    fields = [
        (name, field)
        for name, field in row.input.model_fields.items()
        if (row.name, name) not in NOT_ON_COMMAND_LINE
    ]
    fields.sort(key=lambda item: item[0] != row.subject)
    found = [_parameter(row, name, field) for name, field in fields]
    standing: list[tuple[str, object, object]] = [
        ("index", IndexOption, inspect.Parameter.empty),
        ("model", ModelOption, None),
        ("query_prompt", PromptOption, None),
        ("policy", PolicyOption, None),
    ]
    if row.name in ("ask", "search"):
        standing.append(("llm", LlmOption, None))
    if row.name == "ask":
        standing.append(("audit", AuditOption, None))
    if row.name == "match":
        standing.append(("memory", MemoryOption, None))
    if row.name in TO_FILE:
        standing.append(("output", OutputOption, None))
    standing.append(("json", JsonOption, False))
    return found + [_keyword(name, kind, default) for name, kind, default in standing]


def _parameter(row: Operation, name: str, field: FieldInfo) -> inspect.Parameter:
    kind = Path if (row.name, name) in FROM_FILE else _plain(field.annotation)
    if name == row.subject:
        metavar = name.upper().rstrip("S") + ("..." if get_origin(kind) is list else "")
        argument = typer.Argument(help=field.description, metavar=metavar, show_default=False)
        return _keyword(name, Annotated[kind, argument], inspect.Parameter.empty)
    flag = f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}"
    shown = "NAME" if get_origin(kind) is list else None
    option = typer.Option(flag, help=field.description, metavar=shown)
    default = None if field.default == () else field.default
    optional = kind if kind is bool else kind | None
    return _keyword(name, Annotated[optional, option], default)


def _keyword(name: str, annotation: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
    )


def _plain(annotation: object) -> type:
    """The type that a command line reads: no constraints, no `None`, lists for tuples."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _plain(inner[0])
    if origin in (Union, UnionType):
        return _plain(next(part for part in inner if part is not NoneType))
    if origin is tuple:
        return list[_plain(inner[0])]  # type: ignore[misc,return-value]  # made at run time
    if origin is Literal or isinstance(annotation, type):
        return annotation  # type: ignore[return-value]  # typer reads a Literal as a choice
    raise TypeError(f"no option can be made for {annotation!r}")


def commands() -> Mapping[str, Callable[..., None]]:
    """The command of each operation, by name."""
    return {row.name: _command(row) for row in OPERATIONS}


def fields_on_command_line(row: Operation) -> Sequence[str]:
    """Names of the input fields that the command of an operation takes."""
    parameters = inspect.signature(commands()[row.name]).parameters
    return [name for name in parameters if name in row.input.model_fields]
