"""`serve` and `mcp`: the same operations for browsers, programs and language models."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lca_rag.commands import console
from lca_rag.commands.generated import (
    AuditOption,
    IndexOption,
    JsonOption,
    LlmOption,
    ModelOption,
    PolicyOption,
    PromptOption,
)
from lca_rag.errors import MissingExtra
from lca_rag.operations import Workspace

if TYPE_CHECKING:
    from fastapi import FastAPI

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
_VARIABLE = "LCA_RAG_SERVE"
"""Settings of a server for its worker processes, as JSON."""
GRACE_SECONDS = 30


def serve(
    location: IndexOption,
    host: Annotated[str, typer.Option("--host", help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port")] = 8000,
    keys: Annotated[
        Path | None, typer.Option("--keys", metavar="FILE", help="TOML file of API keys")
    ] = None,
    open_access: Annotated[
        bool, typer.Option("--open", help="Let everybody in, from other machines too")
    ] = False,
    model: ModelOption = None,
    query_prompt: PromptOption = None,
    llm: LlmOption = None,
    policy: PolicyOption = None,
    audit: AuditOption = None,
    origins: Annotated[
        list[str] | None,
        typer.Option("--origin", metavar="URL", help="Origin of a page that may call this server"),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option("--threads", min=1, help="Requests at the same time; 4, or 16 with --llm"),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes")] = 1,
    seconds: Annotated[float, typer.Option("--timeout", min=1, help="Seconds for an answer")] = 60,
    max_body: Annotated[
        int, typer.Option("--max-body", min=1_000, help="Bytes of a request")
    ] = 2_000_000,
) -> None:
    """Serve an index over HTTP: operations, OpenAI-compatible routes, chat page and MCP."""
    try:
        import fastapi  # noqa: F401
        import uvicorn
    except ImportError as exc:
        raise MissingExtra("server", "The web server") from exc

    from lca_rag.server.access import KeyRing, require_local
    from lca_rag.server.lanes import THREADS, WAITING_THREADS

    ring = KeyRing.load(keys) if keys else None
    require_local(host, ring, open_access=open_access)
    settings = {
        "location": location,
        "model": model,
        "query_prompt": query_prompt,
        "llm": llm,
        "policy": policy,
        "audit": audit,
        "keys": str(keys) if keys else None,
        "origins": origins or [],
        "hosts": _hosts(host, open_access=open_access, keyed=ring is not None),
        "threads": threads or (WAITING_THREADS if llm else THREADS),
        "seconds": seconds,
        "max_body": max_body,
    }
    with Workspace(location, policy=policy) as workspace:  # to fail here, not in a worker
        found = workspace.index.databases()
        absent = sorted(workspace.policy.rules.keys() - {name for name, _ in found})
    console.note(
        f"{sum(sum(kinds.values()) for _, kinds in found)} records of {len(found)} databases"
    )
    if absent:  # a misspelt name protects nothing
        console.note(f"the policy names what this index does not hold: {', '.join(absent)}", "red")
    os.environ[_VARIABLE] = json.dumps(settings)
    if workers > 1:  # processes that each use every core only wait for one another
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))
    uvicorn.run(
        "lca_rag.commands.serving:application",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        http="h11",  # refuses headers beyond 64 kB; httptools collects them until memory is full
        access_log=False,  # our own log has no content
        server_header=False,
        timeout_keep_alive=75,  # longer than a person thinks: no connection closes under a request
        timeout_graceful_shutdown=GRACE_SECONDS,
        log_config=_LOGGING,
    )


def application() -> FastAPI:
    """The application that the environment describes; each worker process makes its own."""
    from lca_rag.server.process import prepare, settle

    prepare()
    from lca_rag.server.access import KeyRing
    from lca_rag.server.app import create_app
    from lca_rag.server.door import Settings

    given = json.loads(os.environ[_VARIABLE])
    names = ("location", "model", "query_prompt", "llm", "policy", "audit")
    workspace = Workspace(**{name: given[name] for name in names})
    settings = Settings(
        origins=tuple(given["origins"]),
        hosts=tuple(given["hosts"]),
        threads=given["threads"],
        seconds=given["seconds"],
        max_body=given["max_body"],
    )
    keys = KeyRing.load(Path(given["keys"])) if given["keys"] else None
    return create_app(workspace, keys=keys, settings=settings, when_ready=settle)


def _hosts(host: str, *, open_access: bool, keyed: bool) -> list[str]:
    """Host names to answer: a local server without keys is for this machine's own pages only."""
    if open_access or keyed or host not in LOCAL_HOSTS:
        return []
    return ["127.0.0.1", "localhost", "[::1]"]


_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stderr",
            "formatter": "plain",
        }
    },
    "loggers": {
        "lca_rag": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "uvicorn": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
}


def mcp(
    location: IndexOption,
    model: ModelOption = None,
    query_prompt: PromptOption = None,
    llm: LlmOption = None,
    policy: PolicyOption = None,
    audit: AuditOption = None,
) -> None:
    """Serve an index to one MCP client over stdin and stdout; `serve` offers MCP over HTTP."""
    import anyio

    from lca_rag.server.mcp import serve_stdio

    workspace = Workspace(
        location, model=model, query_prompt=query_prompt, llm=llm, policy=policy, audit=audit
    )
    with workspace:
        _ = workspace.index, workspace.policy  # what is wrong shall fail before a client connects
        anyio.run(serve_stdio, workspace)


def key(
    who: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Whose key it is")] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The same, as an option")
    ] = None,
    role: Annotated[
        str, typer.Option("--role", help="reader, or admin, who also reads the metrics")
    ] = "reader",
    databases: Annotated[
        list[str] | None,
        typer.Option("--database", metavar="NAME", help="Database it opens; every one if none"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make an API key: it is shown once, the entry for the key file holds its digest only."""
    from lca_rag.errors import QueryError
    from lca_rag.server.access import make_key

    whose = name or who
    if whose is None or (name and who):
        raise QueryError("say once whose key it is: `lca-rag key --name NAME`")
    if role not in ("reader", "admin"):
        raise QueryError(f"role {role!r} is unknown; use reader or admin")
    token, entry = make_key(whose, "admin" if role == "admin" else "reader", databases or ("*",))
    if as_json:
        console.emit({"key": token, "entry": entry})
        return
    console.note("Key, shown this once:", "bold")
    console.note(token)
    console.note("Entry for the file that `serve --keys` reads:", "bold")
    console.out().print(console.words(entry), end="")
