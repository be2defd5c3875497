"""MCP: the operations as read-only tools, records as resources, and a few prompts.

Results come twice: structured, in the operation's own shape, and as compact text, because a
language model pays for every word it reads. Errors say what to do next.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable
from typing import Protocol, TypeVar
from urllib.parse import quote, unquote

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError
from starlette.exceptions import HTTPException

import lca_rag
from lca_rag.errors import LcaRagError, NotFound
from lca_rag.operations import LOCAL, OPERATIONS, Caller, Lane, Operation, Workspace, operation
from lca_rag.operations.schema import Input, Output, SearchInput, SearchOutput, ShowInput
from lca_rag.operations.schema_whole import DuplicatesInput, DuplicatesOutput
from lca_rag.operations.words import as_text
from lca_rag.server.faults import explained
from lca_rag.server.lanes import THREADS, WAITING_THREADS, Lanes

logger = logging.getLogger(__name__)

T = TypeVar("T")

RECORD = "lca://record/"
"""Start of a record's URI; the id follows, percent-encoded."""

INSTRUCTIONS = (
    "Life-cycle-assessment data sets. Start with `search` (or `ask` for an answer whose figures "
    "are checked), then `show` one id for its amounts and units. Cite records by id. Results are "
    "short on purpose: ask for the next page with `offset` rather than for a large `k`."
)

Context = ServerRequestContext[dict[str, object], object]
Finder = Callable[[Context], Caller]
Work = Callable[[Context, Operation, Input, Caller], Output]


class Within(Protocol):
    """Runs blocking work within limits, as `Lanes.run`."""

    async def __call__(self, work: Callable[[], T], lane: Lane) -> T:
        """The result of the work; raises 503 as `HTTPException` if its time is over."""
        ...


def create_server(
    workspace: Workspace,
    caller_of: Finder | None = None,
    *,
    within: Within | None = None,
    work: Work | None = None,
) -> Server[dict[str, object]]:
    """An MCP server over an index.

    Args:
        workspace: What is served.
        caller_of: Tells who sent a request; by default the local user with every right.
        within: The lanes that work runs in; by default lanes of its own, without a limit of time.
        work: Carries an operation out; by default just that.
    """
    waits = workspace.llm is not None
    desk = _Desk(
        workspace,
        caller_of or (lambda context: LOCAL),
        within or Lanes(WAITING_THREADS if waits else THREADS, waits=waits).run,
        work or (lambda context, row, asked, caller: row.run(workspace, asked, caller)),
    )
    return Server(
        "lca-rag",
        version=lca_rag.__version__,
        title="LCA data sets",
        instructions=INSTRUCTIONS,
        on_list_tools=desk.list_tools,
        on_call_tool=desk.call_tool,
        on_list_resources=desk.list_resources,
        on_list_resource_templates=desk.list_templates,
        on_read_resource=desk.read_resource,
        on_list_prompts=desk.list_prompts,
        on_get_prompt=desk.get_prompt,
    )


class _Desk:
    """Answers the requests of MCP clients."""

    def __init__(self, workspace: Workspace, caller_of: Finder, within: Within, work: Work) -> None:
        self._workspace = workspace
        self._caller_of = caller_of
        self._within = within
        self._work = work

    async def list_tools(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[tool(row) for row in OPERATIONS])

    async def call_tool(
        self, context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        try:
            row = operation(params.name)
        except KeyError as exc:
            known = ", ".join(row.name for row in OPERATIONS)
            raise MCPError(
                types.INVALID_PARAMS, f"no tool {params.name!r}; there are {known}"
            ) from exc
        caller = self._caller_of(context)

        def work() -> types.CallToolResult:
            asked = row.input.model_validate(params.arguments or {})
            result = self._work(context, row, asked, caller)
            text = as_text(result) + _next_page(asked, result)
            return types.CallToolResult(
                content=[types.TextContent(text=text)],
                structured_content=result.model_dump(mode="json"),
            )

        try:
            return await self._within(work, row.lane)
        except ValidationError as exc:
            _, sentence = explained(exc.errors(), within=0)
            return _failure("invalid_arguments", sentence, "mend it and call again")
        except NotFound as exc:
            return _failure("not_found", str(exc), "call `search` and take an id from its hits")
        except LcaRagError as exc:
            return _failure("failed", str(exc), "call `info` to see what the index holds")
        except HTTPException as exc:  # the time is over
            return _failure("timeout", str(exc.detail), "ask for less, or call again later")
        except Exception as exc:  # what exactly went wrong is nothing for a client
            return _failure("internal", _noted(exc, row.name), "tell whoever runs the server")

    async def list_resources(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        """No list of thousands of records: the template says how each is read."""
        return types.ListResourcesResult(resources=[])

    async def list_templates(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        template = types.ResourceTemplate(
            name="record",
            title="LCA record",
            uri_template=RECORD + "{id}",
            description="Evidence of one record; the id is percent-encoded, as in search results.",
            mime_type="text/markdown",
        )
        return types.ListResourceTemplatesResult(resource_templates=[template])

    async def read_resource(
        self, context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        if not params.uri.startswith(RECORD):
            raise MCPError(types.INVALID_PARAMS, f"no resource {params.uri!r}; see {RECORD}{{id}}")
        caller, row = self._caller_of(context), operation("show")

        def work() -> Output:
            asked = ShowInput(id=unquote(params.uri.removeprefix(RECORD)))
            return self._work(context, row, asked, caller)

        try:
            found = await self._within(work, row.lane)
        except ValidationError as exc:
            _, sentence = explained(exc.errors(), within=0)
            raise MCPError(types.INVALID_PARAMS, f"no such record: {sentence}") from exc
        except LcaRagError as exc:
            raise MCPError(types.INVALID_PARAMS, str(exc)) from exc
        except HTTPException as exc:
            raise MCPError(types.INTERNAL_ERROR, str(exc.detail)) from exc
        except Exception as exc:
            raise MCPError(types.INTERNAL_ERROR, _noted(exc, "a resource")) from None
        text = as_text(found)
        contents = types.TextResourceContents(uri=params.uri, mime_type="text/markdown", text=text)
        return types.ReadResourceResult(contents=[contents])

    async def list_prompts(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        return types.ListPromptsResult(prompts=[prompt for prompt, _ in PROMPTS.values()])

    async def get_prompt(
        self, context: Context, params: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        if params.name not in PROMPTS:
            known = ", ".join(PROMPTS)
            raise MCPError(types.INVALID_PARAMS, f"no prompt {params.name!r}; there are {known}")
        prompt, text = PROMPTS[params.name]
        given = params.arguments or {}
        missing = [
            argument.name
            for argument in prompt.arguments or []
            if argument.required and not given.get(argument.name, "").strip()
        ]
        if missing:
            raise MCPError(types.INVALID_PARAMS, f"prompt {params.name!r} needs {missing[0]!r}")
        values = {
            argument.name: given.get(argument.name, "") for argument in prompt.arguments or []
        }
        message = types.PromptMessage(
            role="user", content=types.TextContent(text=text.format(**values))
        )
        return types.GetPromptResult(description=prompt.description, messages=[message])


def tool(row: Operation) -> types.Tool:
    """An operation as MCP describes it."""
    return types.Tool(
        name=row.name,
        title=row.title,
        description=row.summary,
        input_schema=row.input.model_json_schema(),
        output_schema=row.output.model_json_schema(mode="serialization"),
        annotations=types.ToolAnnotations(
            title=row.title,
            read_only_hint=True,
            destructive_hint=False,
            idempotent_hint=True,
            open_world_hint=False,
        ),
    )


def _noted(exc: Exception, where: str) -> str:
    """A fault of ours in the log, and the sentence that leads there."""
    number = secrets.token_hex(8)
    logger.error("MCP request %s failed in %s", number, where, exc_info=exc)
    return f"internal error; the server's log tells more under {number}"


def record_uri(id: str) -> str:
    """The resource of a record."""
    return RECORD + quote(id, safe="")


def _next_page(asked: object, result: object) -> str:
    """How to get more, where there may be more."""
    if isinstance(asked, SearchInput) and isinstance(result, SearchOutput):
        full = len(result.hits) == asked.k
        return f"\nMore: call again with offset={asked.offset + asked.k}." if full else ""
    if isinstance(asked, DuplicatesInput) and isinstance(result, DuplicatesOutput):
        shown = asked.offset + len(result.groups)
        if shown < result.total:
            return f"\nMore: {result.total - shown} groups; call again with offset={shown}."
    return ""


def _failure(kind: str, message: str, advice: str) -> types.CallToolResult:
    """An error that a language model can act on."""
    told = json.dumps({"error": kind, "message": message, "next": advice}, ensure_ascii=False)
    return types.CallToolResult(content=[types.TextContent(text=told)], is_error=True)


def _argument(name: str, description: str, *, required: bool = True) -> types.PromptArgument:
    return types.PromptArgument(name=name, description=description, required=required)


PROMPTS: dict[str, tuple[types.Prompt, str]] = {
    "find_dataset": (
        types.Prompt(
            name="find_dataset",
            title="Find the right data set",
            description="Choose a data set for a product or service, and say how it differs.",
            arguments=[
                _argument("need", "Product, material or service"),
                _argument("place", "Where it is made or used", required=False),
                _argument("year", "Year of use", required=False),
            ],
        ),
        "Find the LCA data set that fits best.\nNeed: {need}\nPlace: {place}\nYear: {year}\n"
        "Use `search` with place and year where they are given, then `show` the two or three best "
        "hits. Name the one to use with its id, say how it differs in place, year and technology, "
        "and say plainly if none fits. Quote amounts with their units only as `show` gives them.",
    ),
    "answer_with_citations": (
        types.Prompt(
            name="answer_with_citations",
            title="Answer with citations",
            description="Answer a question so that a reviewer can check every figure.",
            arguments=[_argument("question", "Question about LCA data")],
        ),
        "Answer with checked citations: {question}\nCall `ask` first. Keep its figures and record "
        "ids as they are; where it abstains, say that the records do not hold the answer and name "
        "the nearest records from `search`.",
    ),
    "compare_records": (
        types.Prompt(
            name="compare_records",
            title="Compare two records",
            description="Tell two records apart by place, year, technology and amounts.",
            arguments=[_argument("first", "Record id"), _argument("second", "Record id")],
        ),
        "Compare the LCA records {first} and {second}: call `show` for each, then set out place, "
        "year, technology, reference flow and the main amounts in one table, units beside amounts.",
    ),
}
"""Prompts with their texts; the texts take the arguments by name."""


async def serve_stdio(workspace: Workspace) -> None:
    """Serve one client over stdin and stdout, with every right of the local user."""
    server = create_server(workspace)
    async with stdio_server() as (received, sent):
        await server.run(received, sent, server.create_initialization_options())
