"""A real LangChain agent on our tools, with a chat model that knows only what they tell it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_lca import create_lca_tools
from lca_rag import Retriever
from lca_rag.record import Place
from tests.hosts import RECORDS, make_index


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Retriever]:
    with make_index(tmp_path_factory.mktemp("langchain-agent") / "i") as opened:
        yield Retriever(opened)


class Repeating(GenericFakeChatModel):
    """Calls `search_lca` with what it is told to, then cites the line of that place and year."""

    arguments: dict[str, Any]

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        assert [tool.name for tool in tools] == ["search_lca", "get_lca_record"]
        return self

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> ChatResult:
        if isinstance(messages[-1], ToolMessage):
            wanted = f"({self.arguments['place']}, {self.arguments['year']},"
            lines = str(messages[-1].content).splitlines()
            line = next((found for found in lines if wanted in found), "nothing")
            answer = AIMessage(f"It is {line.split(' ')[0]}.")
        else:
            call = ToolCall(name="search_lca", args=self.arguments, id="call-1")
            answer = AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=answer)])


@pytest.mark.parametrize("place", ["CN", "US"])
@pytest.mark.parametrize("year", [2015, 2016])
async def test_an_agent_finds_a_record_by_place_and_year_and_cites_it(
    retriever: Retriever, place: str, year: int
) -> None:
    (wanted,) = (
        record.id
        for record in RECORDS
        if (str(record.name).split()[0], record.period.reference_year) == ("steel", year)
        and record.place == Place(code=place)
    )
    arguments = {"query": "hot rolled steel sheet", "place": place, "year": year, "k": 3}
    model = Repeating(messages=iter(()), arguments=arguments)
    agent = create_agent(model, create_lca_tools(retriever))
    asked: Any = {"messages": [HumanMessage(f"Steel sheet, {place}, {year}?")]}
    for state in (agent.invoke(asked), await agent.ainvoke(asked)):
        tool = next(found for found in state["messages"] if isinstance(found, ToolMessage))
        assert wanted in [document.id for document in tool.artifact]
        assert state["messages"][-1].text == f"It is [{wanted}]."
