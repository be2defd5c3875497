"""A LangChain agent that finds a data set by place and year, reads it, and cites it.

    pip install langchain
    python examples/langchain_agent.py

The chat model is scripted, so that the example runs offline; put a real one in its place, such as
`init_chat_model("openai:...")`. It sees only what the tools return, as a real one would.
"""

from __future__ import annotations

import re
import tempfile
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_lca import create_lca_tools
from lca_rag import Index, Retriever, demo, load_encoder, read

QUESTION = "How much electricity does primary aluminium from China, 2020, take?"


class Scripted(BaseChatModel):
    """Searches, reads the first data set found, and quotes its electricity."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._next(messages[-1]))])

    def _next(self, last: BaseMessage) -> AIMessage:
        if not isinstance(last, ToolMessage):
            wanted = {"query": "primary aluminium", "place": "CN", "year": 2020, "k": 1}
            return _call("search_lca", wanted)
        if last.name == "search_lca":
            found = re.search(r"\[(.+?)\]", last.text)
            return _call("get_lca_record", {"record_id": found[1] if found else ""})
        record = re.search(r"\*\*Record:\*\* `(.+?)`", last.text)
        figure = re.search(r"\| Electricity[^|]*\| ([\d.]+) \| (\w+)", last.text)
        per = re.search(r"\*\*Functional unit:\*\* (.+)", last.text)
        if record is None or figure is None or per is None:
            return AIMessage("The data set does not say.")
        return AIMessage(f"It takes {figure[1]} {figure[2]} per {per[1]} [{record[1]}].")


def _call(tool: str, arguments: dict[str, Any]) -> AIMessage:
    return AIMessage("", tool_calls=[ToolCall(name=tool, args=arguments, id=tool)])


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Index.open(f"{folder}/demo.lca", encoder=load_encoder()) as index,
    ):
        index.sync(read(demo.path(), database="demo"))
        agent = create_agent(Scripted(), create_lca_tools(Retriever(index)))
        for message in agent.invoke({"messages": [HumanMessage(QUESTION)]})["messages"]:
            print(f"{message.type}: {message.text[:300]}")


if __name__ == "__main__":
    main()
