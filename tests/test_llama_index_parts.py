"""LCA classes inside the host's own parts: readers of folders, engines over engines, chat."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.chat_engine import CondenseQuestionChatEngine
from llama_index.core.indices.query.schema import QueryBundle
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import CitationQueryEngine, SubQuestionQueryEngine
from llama_index.core.question_gen.types import BaseQuestionGenerator, SubQuestion
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
from llama_index.core.schema import MetadataMode, TextNode
from llama_index.core.tools import QueryEngineTool
from llama_index.core.vector_stores import (
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    SimpleVectorStore,
    VectorStoreQuery,
)

from lca_rag import Index, Retriever, demo
from llama_index_lca import (
    LCAEmbedding,
    LCAQueryEngine,
    LCAReader,
    LCARetriever,
    LCAVectorStore,
    vector_store,
)
from llama_index_lca.nodes import record_node
from tests.hash_encoder import HashEncoder
from tests.hosts import RECORDS, make_index

QUESTION = "How much electricity does steel sheet from CN take?"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with make_index(tmp_path_factory.mktemp("parts") / "i") as opened:
        yield opened


class Heard:
    """A core retriever that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def search(self, query: str, **asked: Any) -> list[Any]:
        self.asked = asked
        return []


def test_every_setting_reaches_the_search() -> None:
    settings: dict[str, Any] = {
        "kind": "process",
        "place": "CN",
        "year": 2020,
        "database": "shop",
        "data_type": "unit",
        "system_model": "cut-off",
        "allocation": "mass",
        "classification": "metals",
        "strict": True,
        "all_versions": True,
        "mode": "dense",
        "rights": frozenset({"shop"}),
        "pedigree_weight": 0.2,
    }
    heard = Heard()
    LCARetriever(heard, similarity_top_k=7, **settings).retrieve("steel")  # type: ignore[arg-type]
    assert heard.asked == settings | {"k": 7}


def test_superseded_versions_are_found_when_asked_for(tmp_path: Path) -> None:
    with make_index(tmp_path / "i") as index:
        index.sync([replace(RECORDS[0], version="02.00.000")])
        found = {
            every: {
                node.node.metadata["version"]
                for node in LCARetriever(
                    Retriever(index), similarity_top_k=50, all_versions=every
                ).retrieve(RECORDS[0].uuid)
                if node.node.metadata["uuid"] == RECORDS[0].uuid
            }
            for every in (False, True)
        }
    assert found == {False: {"02.00.000"}, True: {"01.00.000", "02.00.000"}}


def test_a_reader_of_folders_takes_ours_for_its_files(tmp_path: Path) -> None:
    shutil.copy(demo.path(), tmp_path / "demo.zip")
    reader = SimpleDirectoryReader(tmp_path, file_extractor={".zip": LCAReader()})
    documents = reader.load_data()
    plain = LCAReader().load_data(demo.path(), database="demo")
    assert [document.id_ for document in documents] == [document.id_ for document in plain]
    assert documents[0].metadata["file_name"] == "demo.zip"
    assert documents[0].get_content(MetadataMode.EMBED) == plain[0].get_content(MetadataMode.EMBED)


def test_no_documents_means_no_nodes(index: Index) -> None:
    query = VectorStoreQuery(query_embedding=[1.0] * 64, similarity_top_k=5, doc_ids=[])
    assert LCAVectorStore(index).query(query).ids == []


def test_the_hosts_index_filters(index: Index) -> None:
    embedding = LCAEmbedding.from_encoder(HashEncoder())
    host = VectorStoreIndex.from_vector_store(LCAVectorStore(index), embed_model=embedding)
    filters = MetadataFilters(filters=[MetadataFilter(key="place", value="US")])
    nodes = host.as_retriever(similarity_top_k=3, filters=filters).retrieve("steel sheet")
    assert [node.metadata["place"] for node in nodes] == ["US"] * 3


def test_a_store_is_not_pickled_without_its_index(index: Index) -> None:
    with pytest.raises(TypeError, match="open it there"):
        pickle.dumps(LCAVectorStore(index))


@pytest.mark.parametrize("mode", list(FUSION_MODES))
async def test_retrievers_are_fused(index: Index, mode: FUSION_MODES) -> None:
    ours = [LCARetriever(Retriever(index), place=place, strict=True) for place in ("CN", "DE")]
    fused = QueryFusionRetriever(
        list(ours), llm=MockLLM(), num_queries=1, mode=mode, similarity_top_k=4, use_async=False
    )
    nodes = fused.retrieve("steel sheet")
    assert len({node.node_id for node in nodes}) == 4
    again = await fused.aretrieve("steel sheet")
    assert {node.node_id for node in again} == {node.node_id for node in nodes}


def test_a_citation_engine_keeps_the_records_ids(index: Index) -> None:
    retriever = LCARetriever(Retriever(index), similarity_top_k=2)
    engine = CitationQueryEngine(retriever, llm=MockLLM())
    cited = {node.metadata["record_id"] for node in engine.query(QUESTION).source_nodes}
    assert cited == {node.node_id for node in retriever.retrieve(QUESTION)}


class OneQuestion(BaseQuestionGenerator):
    """Asks one sub-question of the first tool."""

    def _get_prompts(self) -> dict[str, Any]:
        return {}

    def _update_prompts(self, prompts: Any) -> None:
        raise NotImplementedError

    def generate(self, tools: Any, query: QueryBundle) -> list[SubQuestion]:
        return [SubQuestion(sub_question=query.query_str, tool_name=tools[0].name)]

    async def agenerate(self, tools: Any, query: QueryBundle) -> list[SubQuestion]:
        return self.generate(tools, query)


@pytest.mark.parametrize("streaming", [False, True])
def test_an_engine_is_a_tool_of_other_engines(index: Index, streaming: bool) -> None:
    ours = LCAQueryEngine(LCARetriever(Retriever(index)), streaming=streaming)
    engine = SubQuestionQueryEngine.from_defaults(
        [QueryEngineTool.from_defaults(ours, name="lca", description="LCA data")],
        question_gen=OneQuestion(),
        llm=MockLLM(),
        use_async=False,
        verbose=False,
    )
    assert "16.5 kWh" in str(engine.query(QUESTION))  # the mock model repeats what it is shown


def test_an_engine_answers_in_a_chat_and_streams(index: Index) -> None:
    engine = LCAQueryEngine(LCARetriever(Retriever(index)), streaming=True)
    chat = CondenseQuestionChatEngine.from_defaults(query_engine=engine, llm=MockLLM())
    assert "16.5 kWh" in "".join(chat.stream_chat(QUESTION).response_gen)


async def test_an_engine_retrieves_and_tells_of_its_retrievals(index: Index) -> None:
    seen = LlamaDebugHandler(print_trace_on_end=False)
    retriever = LCARetriever(Retriever(index), similarity_top_k=3)
    engine = LCAQueryEngine(retriever, callback_manager=CallbackManager([seen]))
    expected = [node.node_id for node in retriever.retrieve(QUESTION)]
    assert [node.node_id for node in engine.retrieve(QueryBundle(QUESTION))] == expected
    assert [node.node_id for node in await engine.aretrieve(QueryBundle(QUESTION))] == expected
    engine.query(QUESTION)
    assert seen.get_event_pairs(CBEventType.RETRIEVE)


def test_an_empty_index_answers_that_nothing_is_there(tmp_path: Path) -> None:
    with Index.open(tmp_path / "i", encoder=HashEncoder()) as empty:
        retriever = LCARetriever(Retriever(empty))
        assert retriever.retrieve(QUESTION) == []
        response = LCAQueryEngine(retriever).query(QUESTION)
    assert response.metadata is not None
    assert response.metadata["abstained"]
    assert response.source_nodes == []


@pytest.mark.parametrize("operator", list(FilterOperator))
def test_every_operator_filters_data_sets_as_the_host_reads_it(
    index: Index, operator: FilterOperator
) -> None:
    several = operator in (FilterOperator.IN, FilterOperator.NIN, FilterOperator.ANY)
    value: Any = ["DE", "CN"] if several or operator == FilterOperator.ALL else "DE"
    filters = MetadataFilters(filters=[MetadataFilter(key="place", value=value, operator=operator)])
    host = SimpleVectorStore()
    vector = HashEncoder().encode_queries(["steel sheet"])[0].tolist()
    snapshot = index.snapshot()
    nodes = [record_node(snapshot.record(position)) for position in range(len(snapshot.ids))]
    for node, row in zip(nodes, snapshot.matrix, strict=True):
        node.embedding = row.tolist()
    host.add(list(nodes))
    query = VectorStoreQuery(query_embedding=vector, similarity_top_k=99, filters=filters)
    theirs = outcome(lambda: sorted(host.query(query).ids or []))
    assert outcome(lambda: sorted(LCAVectorStore(index).query(query).ids or [])) == theirs


def outcome(ask: Callable[[], list[str]]) -> list[str] | str:
    """What comes back, or the kind of error."""
    try:
        return ask()
    except (TypeError, ValueError) as error:
        return type(error).__name__


def test_a_filter_that_nothing_passes_reads_no_data_set(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr(vector_store, "record_metadata", lambda record: read.append(record.id))
    filters = MetadataFilters(filters=[MetadataFilter(key="place", value="Atlantis")])
    for vector in ([1.0] * 64, None):
        query = VectorStoreQuery(query_embedding=vector, similarity_top_k=3, filters=filters)
        assert LCAVectorStore(index).query(query).ids == []
    assert read == []


def test_a_free_text_is_retrieved_as_it_was_stored(tmp_path: Path) -> None:
    index = make_index(tmp_path / "i")
    vector = HashEncoder().encode_documents(["our steel memo"])[0].tolist()
    memo = TextNode(text="our steel memo", metadata={"author": "Ann"}, embedding=vector)
    LCAVectorStore(index).add([memo])
    (found,) = LCARetriever(Retriever(index), kind="text").retrieve("our steel memo")
    assert found.text == "our steel memo"
    assert found.metadata["author"] == "Ann"
    assert "_node_content" not in found.metadata
    index.close()


def test_an_engine_takes_either_retriever(index: Index) -> None:
    core = Retriever(index)
    wrapped = LCAQueryEngine(LCARetriever(core)).query(QUESTION)
    assert str(LCAQueryEngine(core).query(QUESTION)) == str(wrapped)
