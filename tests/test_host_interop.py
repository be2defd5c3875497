"""One index, three readers: what one of them writes, the others read, with and without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
import pytest
from langchain_chroma import Chroma
from langchain_core.documents import Document
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.vector_stores.chroma import ChromaVectorStore

from langchain_lca import LCAEmbeddings, LCAVectorStore
from langchain_lca.documents import record_document
from lca_rag import Index, Retriever, embedding_text
from lca_rag.index.chroma import COLLECTION, server_client
from llama_index_lca import LCAEmbedding
from llama_index_lca.nodes import record_node
from tests.hash_encoder import HashEncoder
from tests.hosts import RECORDS
from tests.index_server import chroma_server

QUERIES = ("steel sheet China", "aluminium", "cement clinker line 17", "electricity 2016")
FIRST = 6


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chroma_server(tmp_path_factory.mktemp("server")) as url:
        yield url


@dataclass(frozen=True)
class Place:
    """Where an index or a collection lies, and plain Chroma clients to it."""

    ours: str | Path
    settings: dict[str, Any]
    connect: Callable[[], Any]
    """A plain Chroma client; called when no index of ours has the folder open."""
    collection: str


@pytest.fixture(params=["embedded", "server"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        if request.param == "embedded":

            def connect() -> Any:
                opened = chromadb.PersistentClient(str(tmp_path / "ours" / "chroma"))
                stack.callback(opened.close)
                return opened

            yield Place(tmp_path / "ours", {}, connect, COLLECTION)
        else:
            url = str(request.getfixturevalue("server"))
            name = f"c-{request.node.name.split('[')[0][-40:]}".replace("_", "-")
            port = int(url.rsplit(":", 1)[1])
            client = stack.enter_context(server_client("127.0.0.1", port, ssl=False))
            yield Place(
                f"{url}/{name}", {"catalogue": tmp_path / "catalogue"}, lambda: client, name
            )


def told_apart(scores: np.ndarray[Any, Any]) -> int:
    """How many to ask for, so that the cut tears no tie apart."""
    gaps = scores[:-1] - scores[1:] > 1e-4
    return FIRST + int(np.argmax(gaps[FIRST - 1 :]))


def same(theirs: list[str], ids: list[str], scores: list[float]) -> bool:
    """Same ids in the same order, up to ties of the score."""
    rank = {id: round(score, 4) for id, score in zip(ids, scores, strict=True)}
    return set(theirs) == set(ids) and [rank[id] for id in theirs] == [rank[id] for id in ids]


def test_the_hosts_own_classes_find_in_our_index_what_we_find(place: Place) -> None:
    with Index.open(place.ours, encoder=HashEncoder(), **place.settings) as index:
        index.sync(RECORDS)
        expected = {}
        for query in QUERIES:
            every = Retriever(index).search(query, k=len(RECORDS), mode="dense")
            k = told_apart(np.array([hit.score for hit in every]))
            expected[query] = [(hit.record.id, hit.score) for hit in every[:k]]
    client = place.connect()
    collection = client.get_collection(place.collection, embedding_function=None)
    langchain = Chroma(place.collection, LCAEmbeddings.from_encoder(HashEncoder()), client=client)
    llama = VectorStoreIndex.from_vector_store(
        ChromaVectorStore(chroma_collection=collection),
        embed_model=LCAEmbedding.from_encoder(HashEncoder()),
    )
    texts = {record.id: embedding_text(record) for record in RECORDS}
    for query, hits in expected.items():
        ids, scores = [id for id, _ in hits], [score for _, score in hits]
        documents = langchain.similarity_search(query, k=len(ids))
        assert same([str(found.metadata["record_id"]) for found in documents], ids, scores)
        assert [d.page_content for d in documents] == [
            texts[d.metadata["record_id"]] for d in documents
        ]
        nodes = llama.as_retriever(similarity_top_k=len(ids)).retrieve(query)
        assert same([found.node.node_id for found in nodes], ids, scores)


@pytest.mark.parametrize("host", ["langchain", "llama-index"])
def test_we_find_in_the_hosts_own_collections_what_they_find(
    place: Place, host: str, tmp_path: Path
) -> None:
    name, client = f"theirs-{host}", place.connect()
    if host == "langchain":
        embeddings = LCAEmbeddings.from_encoder(HashEncoder())
        theirs = Chroma(
            name,
            embeddings,
            client=client,
            collection_configuration={"hnsw": {"space": "cosine"}},
        )
        documents: list[Document] = [record_document(record) for record in RECORDS]
        theirs.add_documents(documents)
        found = [d.metadata["record_id"] for d in theirs.similarity_search(QUERIES[0], k=24)]
    else:
        raw = client.create_collection(
            name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )
        context = StorageContext.from_defaults(
            vector_store=ChromaVectorStore(chroma_collection=raw)
        )
        made = VectorStoreIndex(
            [record_node(record) for record in RECORDS],
            storage_context=context,
            embed_model=LCAEmbedding.from_encoder(HashEncoder()),
        )
        nodes = made.as_retriever(similarity_top_k=24).retrieve(QUERIES[0])
        found = [node.node.node_id for node in nodes]
    collection = client.get_collection(name, embedding_function=None)
    with Index.from_chroma(
        collection, encoder=HashEncoder(), folder=tmp_path / "adopted", database="adopted"
    ) as index:
        store = LCAVectorStore(index, LCAEmbeddings.from_encoder(HashEncoder()), database="adopted")
        ours = store.similarity_search_with_score(QUERIES[0], k=24)
        ids = [str(document.id) for document, _ in ours]
        assert same(found, ids, [score for _, score in ours])
        texts = {record.id: embedding_text(record) for record in RECORDS}
        assert all(d.page_content.strip() == texts[str(d.id)].strip() for d, _ in ours)
    if place.settings:
        client.delete_collection(name)
