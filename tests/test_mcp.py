"""MCP by the official client: in memory, over stdio, and over HTTP with keys."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import jsonschema
import mcp_types as types
import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError

from lca_rag.operations import OPERATIONS
from lca_rag.server.mcp import PROMPTS, create_server, record_uri
from tests import server_fixtures


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("mcp") / "demo.lca"
    return server_fixtures.build(place, server_fixtures.demo_records())


Connect = Callable[[], AbstractAsyncContextManager[Client]]


@pytest.fixture(params=["legacy", "auto"])
def connect(folder: Path, request: pytest.FixtureRequest) -> Connect:
    """The client that hosts use, in the protocol of before and after discovery.

    Tests enter it themselves: a client has to be left by the task that entered it.
    """

    @asynccontextmanager
    async def connected() -> AsyncIterator[Client]:
        with server_fixtures.workspace(folder) as workspace:
            async with Client(create_server(workspace), mode=request.param) as client:
                yield client

    return connected


def words(result: types.CallToolResult) -> str:
    [content] = result.content
    assert isinstance(content, types.TextContent)
    return content.text


async def test_tools_are_the_operations_and_read_only(connect: Connect) -> None:
    async with connect() as client:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == [row.name for row in OPERATIONS]
        for tool in tools:
            jsonschema.Draft202012Validator.check_schema(tool.input_schema)
            assert tool.output_schema is not None
            jsonschema.Draft202012Validator.check_schema(tool.output_schema)
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint is True
            assert tool.annotations.destructive_hint is False


async def test_search_is_compact_scored_and_paged(connect: Connect) -> None:
    async with connect() as client:
        result = await client.call_tool("search", {"query": "electricity grid mix", "k": 3})
        assert not result.is_error
        assert len(result.structured_content["hits"]) == 3
        text = words(result)
        assert len(text) < 2_500
        assert text.endswith("More: call again with offset=3.")
        following = await client.call_tool(
            "search", {"query": "electricity grid mix", "k": 3, "offset": 3}
        )
        ids = {hit["id"] for hit in result.structured_content["hits"]}
        assert ids.isdisjoint(hit["id"] for hit in following.structured_content["hits"])


async def test_show_gives_evidence_with_units(connect: Connect) -> None:
    async with connect() as client:
        found = await client.call_tool("search", {"query": "grid mix", "kind": "process", "k": 1})
        id = found.structured_content["hits"][0]["id"]
        shown = await client.call_tool("show", {"id": id, "limit": 3})
        assert "| Amount | Unit |" in words(shown)


@pytest.mark.parametrize(
    ("name", "arguments", "kind", "advice"),
    [
        ("show", {"id": "demo/none"}, "not_found", "search"),
        ("search", {"query": "x", "place": "Nowhereland"}, "failed", "info"),
        ("search", {"query": "x", "k": 0}, "invalid_arguments", "again"),
        ("search", {"query": "x", "limit": 1}, "invalid_arguments", "again"),
        ("search", {}, "invalid_arguments", "again"),
    ],
)
async def test_errors_say_what_to_do_next(
    connect: Connect, name: str, arguments: dict[str, object], kind: str, advice: str
) -> None:
    async with connect() as client:
        result = await client.call_tool(name, arguments)
        assert result.is_error
        told = json.loads(words(result))
        assert told["error"] == kind
        assert told["message"]
        assert advice in told["next"]


async def test_an_unknown_tool_is_named(connect: Connect) -> None:
    async with connect() as client:
        with pytest.raises(MCPError, match="no tool 'drop'; there are search"):
            await client.call_tool("drop", {})


async def test_records_are_resources(connect: Connect) -> None:
    async with connect() as client:
        [template] = (await client.list_resource_templates()).resource_templates
        record = server_fixtures.demo_records()[0]
        assert record_uri(record.id).startswith(template.uri_template.removesuffix("{id}"))
        read = await client.read_resource(record_uri(record.id))
        [content] = read.contents
        assert isinstance(content, types.TextResourceContents)
        assert record.id in content.text
        assert (await client.list_resources()).resources == []
        with pytest.raises(MCPError, match="no record 'demo/none'"):
            await client.read_resource(record_uri("demo/none"))
        with pytest.raises(MCPError, match="no resource"):
            await client.read_resource("file:///etc/passwd")


async def test_prompts_take_their_arguments(connect: Connect) -> None:
    async with connect() as client:
        listed = (await client.list_prompts()).prompts
        assert [prompt.name for prompt in listed] == list(PROMPTS)
        got = await client.get_prompt("find_dataset", {"need": "hot rolled {steel}", "place": "DE"})
        [message] = got.messages
        assert isinstance(message.content, types.TextContent)
        assert "Need: hot rolled {steel}" in message.content.text
        assert "{year}" not in message.content.text
        with pytest.raises(MCPError, match="needs 'need'"):
            await client.get_prompt("find_dataset", {"place": "DE"})
        with pytest.raises(MCPError, match="no prompt 'x'"):
            await client.get_prompt("x", {})


async def test_over_stdio(folder: Path) -> None:
    """`lca-rag mcp` as a host starts it: nothing but the protocol on stdout."""
    command = StdioServerParameters(
        command=sys.executable,
        args=["-c", "from lca_rag.cli import main; main()", "mcp", "--index", str(folder)],
    )
    async with Client(stdio_client(command)) as client:
        assert client.server_info is not None
        assert client.server_info.name == "lca-rag"
        result = await client.call_tool("info", {})
        assert result.structured_content["databases"][0]["database"] == "demo"
