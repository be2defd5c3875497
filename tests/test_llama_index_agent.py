from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ToolCallResult
from llama_index.core.llms import ChatMessage, ChatResponse, CustomLLM, LLMMetadata, MessageRole
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import FunctionTool, QueryEngineTool

from lca_rag import Index, Retriever
from lca_rag.record import Place
from llama_index_lca import LCAQueryEngine, LCARetriever
from tests.hosts import RECORDS, make_index


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with make_index(tmp_path_factory.mktemp("llama-agent") / "i") as opened:
        yield opened


# The host's workflows look at every attribute of an agent, the deprecated ones of Pydantic too.
AGENT = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")


class ScriptedModel(CustomLLM, FunctionCallingLLM):
    """Calls its tool once with the arguments it is told to, then repeats what the tool said."""

    arguments: dict[str, Any]

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_chat_model=True, is_function_calling_model=True)

    def _prepare_chat_with_tools(self, tools: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        assert [tool.metadata.name for tool in tools] == ["lca"]
        return {"messages": kwargs["chat_history"]}

    def chat(self, messages: Any, **kwargs: Any) -> ChatResponse:
        told = [message.content for message in messages if message.role == MessageRole.TOOL]
        text = f"It is this one: {told[-1]}" if told else ""
        return ChatResponse(message=ChatMessage(role="assistant", content=text))

    async def achat(self, messages: Any, **kwargs: Any) -> ChatResponse:
        return self.chat(messages)

    async def astream_chat(self, messages: Any, **kwargs: Any) -> Any:
        async def stream() -> AsyncIterator[ChatResponse]:
            yield self.chat(messages)

        return stream()

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        if response.message.content:
            return []
        return [ToolSelection(tool_id="call-1", tool_name="lca", tool_kwargs=self.arguments)]

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        raise AssertionError("an agent chats")

    stream_complete = complete


def wanted_id() -> str:
    """The one steel sheet of China, 2016."""
    return next(
        record.id
        for record in RECORDS
        if str(record.name).startswith("steel")
        and record.place == Place(code="CN")
        and record.period.reference_year == 2016
    )


@AGENT
async def test_an_agent_finds_a_record_by_place_and_year_and_cites_it(index: Index) -> None:
    tool = QueryEngineTool.from_defaults(
        LCAQueryEngine(LCARetriever(Retriever(index))), name="lca", description="LCA data sets"
    )
    asked = {"input": "How much electricity does hot rolled steel sheet take in China, 2016?"}
    agent = FunctionAgent(tools=[tool], llm=ScriptedModel(arguments=asked))
    handler = agent.run("Electricity of steel sheet, China, 2016?")
    called = [event async for event in handler.stream_events() if isinstance(event, ToolCallResult)]
    response = called[0].tool_output.raw_output
    assert response.metadata["citations"] == [wanted_id()]
    assert response.metadata["checks"]["verdict"] == "verified"
    assert str(response) in str(await handler)
    assert "(CN, 2016)" in str(response)
    assert "[1]" in str(response)


@AGENT
async def test_an_agent_passes_place_and_year_as_arguments_of_a_tool(index: Index) -> None:
    def find(query: str, place: str, year: int) -> str:
        """Data sets as lines of id and name."""
        found = LCARetriever(Retriever(index), place=place, year=year, similarity_top_k=1)
        return "; ".join(f"[{node.node_id}]" for node in found.retrieve(query))

    asked = {"query": "hot rolled steel sheet", "place": "CN", "year": 2016}
    workflow = AgentWorkflow.from_tools_or_functions(
        [FunctionTool.from_defaults(find, name="lca")], llm=ScriptedModel(arguments=asked)
    )
    answer = await workflow.run(user_msg="Which steel sheet is from China, 2016?")
    assert str(answer) == f"It is this one: [{wanted_id()}]"
