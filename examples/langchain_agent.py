"""A LangChain agent with the LCA tools. The chat model is scripted, so that it runs offline.

python examples/langchain_agent.py
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolCall

from langchain_lca import create_lca_tools
from lca_rag import Index, Retriever, demo, load_encoder, read


class Scripted(GenericFakeChatModel):
    """Says what it is told to; put a real chat model here."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


def script(retriever: Retriever) -> Iterator[AIMessage]:
    search = {"query": "primary aluminium", "place": "CN", "kind": "process", "k": 1}
    yield AIMessage("", tool_calls=[ToolCall(name="search_lca", args=search, id="1")])
    found = retriever.search("primary aluminium", place="CN", kind="process", k=1)[0].record.id
    yield AIMessage(
        "", tool_calls=[ToolCall(name="get_lca_record", args={"record_id": found}, id="2")]
    )
    yield AIMessage(f"The data set is {found}.")


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Index.open(f"{folder}/demo.lca", encoder=load_encoder()) as index,
    ):
        index.sync(read(demo.path(), database="demo"))
        retriever = Retriever(index)
        agent = create_agent(Scripted(messages=script(retriever)), create_lca_tools(retriever))
        question = HumanMessage("Which data set describes primary aluminium from China?")
        for message in agent.invoke({"messages": [question]})["messages"]:
            print(f"{message.type}: {message.text[:300]}")


if __name__ == "__main__":
    main()
