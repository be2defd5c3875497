"""LCA classes inside the host's own parts: chains, retrievers of retrievers, filters, traces."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import ConfigurableField, RunnableLambda, RunnableParallel
from langchain_core.runnables.passthrough import RunnablePassthrough

from langchain_lca import (
    LCAEmbeddings,
    LCAReranker,
    LCARetriever,
    LCAVectorStore,
    create_lca_qa_chain,
    create_lca_tools,
    vectorstore,
)
from langchain_lca.filters import metadata_test
from lca_rag import Index, Record, Retriever
from tests.hash_encoder import HashEncoder
from tests.hosts import RECORDS, make_index

QUESTION = "How much electricity does steel sheet from CN take?"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with make_index(tmp_path_factory.mktemp("parts") / "i") as opened:
        yield opened


@pytest.fixture
def retriever(index: Index) -> LCARetriever:
    return LCARetriever(retriever=Retriever(index), k=3)


@pytest.fixture
def embeddings() -> LCAEmbeddings:
    return LCAEmbeddings.from_encoder(HashEncoder())


@pytest.fixture
def store(index: Index, embeddings: LCAEmbeddings) -> LCAVectorStore:
    return LCAVectorStore(index, embeddings)


@pytest.fixture
def texts(tmp_path: Path, embeddings: LCAEmbeddings) -> Iterator[LCAVectorStore]:
    metadatas: list[dict[str, Any]] = [
        {"n": 1, "tags": ["x", "y"]},
        {"n": 2, "tags": []},
        {"tags": None},
    ]
    made = LCAVectorStore.from_texts(
        ["a", "b", "c"], embeddings, metadatas, ids=["a", "b", "c"], index=tmp_path / "i"
    )
    yield made
    made.index.close()


# Chains.


async def test_a_question_may_be_streamed_by_a_model_that_rewrites_it(
    retriever: LCARetriever,
) -> None:
    def rewriting() -> Any:
        model = GenericFakeChatModel(messages=iter([AIMessage(QUESTION)] * 3))
        return model | StrOutputParser() | create_lca_qa_chain(retriever)

    expected = create_lca_qa_chain(retriever).invoke(QUESTION)["answer"]
    assert "16.5 kWh" in expected
    assert "".join(piece.get("answer", "") for piece in rewriting().stream("x")) == expected
    pieces = [piece async for piece in rewriting().astream("x")]
    assert "".join(piece.get("answer", "") for piece in pieces) == expected


def test_a_question_may_be_put_together_by_the_host(retriever: LCARetriever) -> None:
    chain = RunnablePassthrough.assign(place=RunnableLambda(lambda _: "US")) | create_lca_qa_chain(
        retriever
    )
    asked = {"question": "How much electricity does cement clinker take?"}
    pieces = list(chain.stream(asked))
    assert "(US" in "".join(piece.get("answer", "") for piece in pieces)
    assert create_lca_qa_chain(retriever).invoke(HumanMessage(QUESTION))["citations"]  # type: ignore[arg-type]


def test_history_may_be_messages_of_the_host(retriever: LCARetriever) -> None:
    chain = create_lca_qa_chain(retriever)
    before: list[Any] = [HumanMessage("How much electricity does steel sheet from DE take?")]
    before.append(AIMessage("It takes 13.5 kWh [1]."))
    as_dicts = [
        {"role": "user", "content": before[0].content},
        {"role": "assistant", "content": before[1].content},
    ]
    asked = {"question": "And from CN?"}
    answer = chain.invoke(asked | {"history": before})["answer"]
    assert "steel sheet, hot rolled” (CN" in answer
    assert answer == chain.invoke(asked | {"history": as_dicts})["answer"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"query": QUESTION}, "unknown key 'query'"),
        ({"question": QUESTION, "plce": "DE"}, "unknown key 'plce'.*place"),
        ({"place": "DE"}, "give a question as text"),
        (7, "not int"),
    ],
)
def test_what_is_no_question_is_refused_in_a_sentence(
    retriever: LCARetriever, asked: Any, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        create_lca_qa_chain(retriever).invoke(asked)


def test_the_chain_states_its_types_and_batches(retriever: LCARetriever) -> None:
    chain = create_lca_qa_chain(retriever)
    assert {"type": "string"} in chain.get_input_jsonschema()["anyOf"]
    assert chain.get_output_jsonschema()["type"] == "object"
    both = chain.batch([QUESTION, {"question": QUESTION, "place": "CN", "strict": True}])
    assert all("16.5 kWh" in answer["answer"] for answer in both)
    assert "".join(chain.pick("answer").stream(QUESTION)) == both[0]["answer"]


class Seen(BaseCallbackHandler):
    """Keeps which runs began, and what retrievers brought."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.documents: list[Document] = []

    def on_retriever_start(self, *args: Any, **kwargs: Any) -> None:
        self.began.append("retriever")

    def on_retriever_end(self, documents: Any, **kwargs: Any) -> None:
        self.documents += documents

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.began.append("model")


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_chain_traces_its_searches_and_its_model(
    retriever: LCARetriever, asynchronous: bool
) -> None:
    seen = Seen()
    chain = create_lca_qa_chain(retriever, FakeListChatModel(responses=["16.5 kWh [1]."]))
    if asynchronous:
        result = await chain.ainvoke(QUESTION, {"callbacks": [seen]})
    else:
        result = chain.invoke(QUESTION, {"callbacks": [seen]})
    assert seen.began[0] == "retriever"
    assert "model" in seen.began
    assert {document.id for document in result["context"]} <= {d.id for d in seen.documents}


def test_the_context_has_the_content_that_the_retriever_was_given(index: Index) -> None:
    plain = LCARetriever(retriever=Retriever(index), content="embedding")
    context = create_lca_qa_chain(plain).invoke(QUESTION)["context"]
    assert context[0].page_content == plain.invoke(context[0].metadata["uuid"])[0].page_content


# Retrievers over retrievers.


async def test_retrievers_of_the_host_take_ours(
    retriever: LCARetriever, store: LCAVectorStore, embeddings: LCAEmbeddings
) -> None:
    classic = pytest.importorskip("langchain_classic.retrievers")
    both = classic.EnsembleRetriever(
        retrievers=[retriever, store.as_retriever()], id_key="record_id", weights=[0.5, 0.5]
    )
    ids = [document.id for document in both.invoke("steel sheet")]
    assert set(ids) >= {document.id for document in retriever.invoke("steel sheet")}
    assert len(set(ids)) == len(ids)
    assert [document.id for document in await both.ainvoke("steel sheet")] == ids
    several = classic.MultiQueryRetriever.from_llm(
        retriever, FakeListChatModel(responses=["steel sheet\ncement clinker"])
    )
    names = {document.metadata["name"] for document in several.invoke("materials")}
    assert {name.split(",")[0] for name in names} >= {"steel sheet", "cement clinker"}
    reranker = LCAReranker(embeddings=embeddings, top_n=2)
    best = classic.ContextualCompressionRetriever(
        base_compressor=reranker, base_retriever=retriever
    )
    found = best.invoke("steel sheet")
    scores = [document.metadata["rerank_score"] for document in found]
    assert scores == sorted(scores, reverse=True)
    assert len(found) == 2
    assert await best.ainvoke("steel sheet") == found


def test_a_retriever_runs_in_parallel_and_is_configured(retriever: LCARetriever) -> None:
    both = RunnableParallel(a=retriever, b=retriever.bind(k=1)).invoke("steel sheet")
    assert [len(both["a"]), len(both["b"])] == [3, 1]
    one = retriever.configurable_fields(k=ConfigurableField(id="k"))
    assert len(one.invoke("steel sheet", {"configurable": {"k": 2}})) == 2
    assert [len(found) for found in retriever.batch(["steel", "clinker"])] == [3, 3]


def test_reranker_takes_a_cross_encoder_of_the_host(embeddings: LCAEmbeddings) -> None:
    class Longest(BaseCrossEncoder):
        def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
            return [float(len(text)) for _, text in text_pairs]

    reranker = LCAReranker(embeddings=embeddings, cross_encoder=Longest(), top_n=1)
    documents = [Document(page_content=text) for text in ("coal", "steel coil")]
    assert reranker.compress_documents(documents, "x")[0].page_content == "steel coil"


# The store.


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ("similarity", {}),
        ("mmr", {"fetch_k": 8}),
        ("similarity_score_threshold", {"score_threshold": 0.0}),
    ],
)
async def test_every_kind_of_search_filters(
    store: LCAVectorStore, settings: str, asked: dict[str, Any]
) -> None:
    found = store.as_retriever(
        search_type=settings, search_kwargs={"k": 3, "filter": {"place": "DE"}, **asked}
    )
    documents = found.invoke("steel sheet")
    assert [document.metadata["place"] for document in documents] == ["DE"] * 3
    assert await found.ainvoke("steel sheet") == documents


@pytest.mark.parametrize(
    ("filter", "ids"),
    [
        ({"n": 1}, "a"),
        ({"n": {"$eq": 1}}, "a"),
        ({"n": {"$ne": 1}}, "bc"),
        ({"n": {"$gt": 1}}, "b"),
        ({"n": {"$gte": 1}}, "ab"),
        ({"n": {"$lt": 2}}, "a"),
        ({"n": {"$lte": 2}}, "ab"),
        ({"n": {"$gte": 1, "$lt": 2}}, "a"),
        ({"n": {"$gt": "word"}}, ""),
        ({"n": {"$in": [2, 3]}}, "b"),
        ({"n": {"$nin": [2]}}, "ac"),
        ({"tags": ["x", "y"]}, "a"),
        ({"tags": {"$contains": "x"}}, "a"),
        ({"tags": {"$not_contains": "x"}}, "bc"),
        ({"$and": [{"n": {"$gte": 1}}, {"tags": []}]}, "b"),
        ({"$or": [{"n": 1}, {"n": 2}]}, "ab"),
        ({}, "abc"),
    ],
)
def test_filters_of_the_hosts_chroma_store_mean_the_same(
    texts: LCAVectorStore, filter: dict[str, Any], ids: str
) -> None:
    found = texts.similarity_search("a", k=9, filter=filter)
    assert "".join(sorted(str(document.id) for document in found)) == ids


def test_filters_find_what_the_hosts_own_chroma_store_finds(
    tmp_path: Path, embeddings: LCAEmbeddings
) -> None:
    chroma = pytest.importorskip("langchain_chroma")
    names = ["a", "b", "c"]
    facts: list[dict[str, Any]] = [
        {"n": 1, "tags": ["x", "y"], "place": "DE"},
        {"n": 2, "tags": ["z"], "place": "CN"},
        {"place": "DE"},
    ]
    theirs = chroma.Chroma("texts", embeddings, persist_directory=str(tmp_path / "chroma"))
    theirs.add_texts(names, facts, ids=names)
    ours = LCAVectorStore.from_texts(names, embeddings, facts, ids=names, index=tmp_path / "i")
    filters: list[dict[str, Any]] = [
        *({"n": {operator: 1}} for operator in ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte")),
        *({"n": {operator: [2, 3]}} for operator in ("$in", "$nin")),
        *({"tags": {operator: "x"}} for operator in ("$contains", "$not_contains")),
        {"n": 1.0},
        {"place": {"$ne": "DE"}},
        {"$and": [{"$or": [{"n": 1}, {"place": "CN"}]}, {"place": {"$nin": ["CN"]}}]},
    ]
    for filter in filters:
        found = [
            sorted(str(d.id) for d in store.similarity_search("a", k=3, filter=filter))
            for store in (theirs, ours)
        ]
        assert found[0] == found[1], filter
    ours.index.close()


@pytest.mark.parametrize(
    ("filter", "told"),
    [
        ({"n": {"$like": 1}}, r"operator '\$like' is unknown; use \$eq"),
        ({"$not": [{"n": 1}]}, r"operator '\$not' is unknown here"),
        ({"n": {"$in": 1}}, r"\$in takes a list"),
        ({"$or": []}, r"\$or takes a list of filters"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(
    texts: LCAVectorStore, filter: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        texts.similarity_search("a", filter=filter)


def test_filters_of_years_reach_data_sets(store: LCAVectorStore) -> None:
    found = store.similarity_search("steel", k=50, filter={"reference_year": {"$gte": 2016}})
    assert {document.metadata["reference_year"] for document in found} == {2016}
    assert len(found) == 12


async def test_what_differs_is_found_by_vector_too(
    store: LCAVectorStore, embeddings: LCAEmbeddings
) -> None:
    vector = embeddings.embed_query("steel sheet")
    ids = [d.id for d in store.max_marginal_relevance_search("steel sheet", k=3)]
    by_vector = store.max_marginal_relevance_search_by_vector(vector, k=3)
    assert [document.id for document in by_vector] == ids
    again = await store.amax_marginal_relevance_search_by_vector(vector, k=3)
    assert [document.id for document in again] == ids
    assert len(store.max_marginal_relevance_search("steel sheet", k=9, fetch_k=2)) == 9


def test_documents_with_and_without_ids_go_together(
    tmp_path: Path, embeddings: LCAEmbeddings
) -> None:
    documents = [Document(id="x", page_content="a"), Document(page_content="b")]
    store = LCAVectorStore.from_documents(documents, embeddings, index=tmp_path / "i")
    first = {document.id for document in store.similarity_search("a")}
    assert "x" in first
    store.add_documents(documents)
    assert {document.id for document in store.similarity_search("a")} == first
    with pytest.raises(ValueError, match="1 metadatas for 2 texts"):
        store.add_texts(["a", "b"], [{}])
    with pytest.raises(ValueError, match="1 ids for 2 texts"):
        store.add_texts(["a", "b"], ids=["1"])
    assert store.similarity_search("  ", k=1), "a blank question has a vector too"
    store.index.close()


def test_a_store_is_not_pickled_without_its_index(store: LCAVectorStore) -> None:
    with pytest.raises(TypeError, match="open it there"):
        pickle.dumps(store)


@pytest.mark.parametrize(
    "filter",
    [
        {"place": "DE"},
        {"place": {"$in": ["DE", "CN"]}, "reference_year": 2015},
        {"place": {"$ne": "DE"}},
        {"place": ""},
        {"n": 1},
        {"kind": "text"},
        {"place": "Atlantis"},
    ],
)
def test_a_filter_gives_what_testing_each_document_gives(
    tmp_path: Path, embeddings: LCAEmbeddings, filter: dict[str, Any]
) -> None:
    index = make_index(tmp_path / "i")
    store = LCAVectorStore(index, embeddings)
    facts: list[dict[str, Any]] = [{"place": "DE", "n": 1}, {"place": ""}, {}, {"kind": "text"}]
    store.add_texts(["steel a", "steel b", "steel c", "steel d"], facts)
    everything = store.similarity_search("steel", k=99)
    passes = metadata_test(filter)
    expected = [document.id for document in everything if passes(document.metadata)]
    assert [d.id for d in store.similarity_search("steel", k=99, filter=filter)] == expected
    index.close()


def test_a_filter_that_nothing_passes_reads_no_data_set(
    store: LCAVectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def told(record: Record) -> dict[str, Any]:
        asked.append(record.id)
        return {}

    monkeypatch.setattr(vectorstore, "record_metadata", told)
    assert store.similarity_search("steel", filter={"kind": "process", "place": "Atlantis"}) == []
    assert asked == []
    store.similarity_search("steel", filter={"place": "DE"})
    assert len(asked) == 6, "those of the place alone"


def test_a_free_text_is_retrieved_as_it_was_stored(
    tmp_path: Path, embeddings: LCAEmbeddings
) -> None:
    index = make_index(tmp_path / "i")
    LCAVectorStore(index, embeddings).add_texts(["our steel memo"], [{"author": "Ann"}], ids=["m"])
    retriever = LCARetriever(retriever=Retriever(index), kind="text")
    (found,) = retriever.invoke("our steel memo")
    assert found.page_content == "our steel memo"
    assert found.metadata["author"] == "Ann"
    assert found.metadata.keys() >= retriever.invoke("steel", kind="process")[0].metadata.keys()
    index.close()


def test_tools_and_chains_take_either_retriever(index: Index) -> None:
    core = Retriever(index)
    search, get = create_lca_tools(LCARetriever(retriever=core, place="US", strict=True))
    assert "(US," in search.invoke({"query": "steel sheet", "k": 1})
    assert "(DE," in search.invoke({"query": "steel sheet", "place": "DE", "k": 1})
    hidden = create_lca_tools(LCARetriever(retriever=core, rights=frozenset()))
    assert hidden[0].invoke({"query": "steel"}).startswith("No data set fits")
    assert hidden[1].invoke({"record_id": RECORDS[0].id}).startswith("No data set")
    assert get.invoke({"record_id": RECORDS[0].id}).startswith("# ")
    wrapped = create_lca_qa_chain(LCARetriever(retriever=core)).invoke(QUESTION)["answer"]
    assert create_lca_qa_chain(core).invoke(QUESTION)["answer"] == wrapped
