"""Every example runs offline on the demo database; migration pages are applied and run."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_models import make_qwen3

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
EXPECTED = {
    "chatbot_backend": r"kWh per .*\[1\]",
    "langchain_agent": r"ai: It takes 13540 kWh per 1000 kg of Aluminium ingot \[demo/",
    "langchain_rag_chain": r"kWh per .*\[1\][\s\S]*verdict: verified",
    "llama_index_ingestion": r"second run embeds 1\n",
    "llama_index_query_engine": r"kWh per .*\[1\][\s\S]*cited: demo/",
}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_example_runs(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(script), run_name="__main__")
    assert re.search(EXPECTED[script.stem], capsys.readouterr().out)


@pytest.mark.filterwarnings("ignore")  # of Jupyter's own machinery
def test_notebook_runs() -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(ROOT / "examples" / "tour.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(ROOT)}}).execute()
    outputs = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])
    )
    assert "verified" in outputs


LANGCHAIN = """\
from langchain_huggingface import HuggingFaceEmbeddings
from langchain_chroma import Chroma
embeddings = HuggingFaceEmbeddings(model=MODEL)
store = Chroma(
    "records",
    embeddings,
    persist_directory=FOLDER,
)
store.add_texts(TEXTS, ids=["0", "1"])
found = [document.page_content for document in store.similarity_search(QUESTION, k=2)]
query = embeddings.embed_query(QUESTION)
documents = embeddings.embed_documents(TEXTS)
"""
LLAMA_INDEX = """\
import chromadb
from llama_index.core import VectorStoreIndex
from llama_index.core.schema import TextNode
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.vector_stores.chroma import ChromaVectorStore
embedding = HuggingFaceEmbedding(model_name=MODEL)
client = chromadb.PersistentClient(FOLDER)
store = ChromaVectorStore(chroma_collection=client.get_or_create_collection("records"))
nodes = [TextNode(text=text, embedding=embedding.get_text_embedding(text)) for text in TEXTS]
store.add(nodes)
index = VectorStoreIndex.from_vector_store(store, embed_model=embedding)
found = [node.get_content() for node in index.as_retriever(similarity_top_k=2).retrieve(QUESTION)]
query = embedding.get_query_embedding(QUESTION)
documents = embedding.get_text_embedding_batch(TEXTS)
"""
PAGES = {
    "langchain-lca": LANGCHAIN,
    "llama-index-lca": LLAMA_INDEX,
}


def diff_of(page: str) -> list[str]:
    text = (ROOT / "integrations" / page / "MIGRATION.md").read_text("utf-8")
    found = re.search(r"```diff\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found.group(1).splitlines()


def applied(script: str, diff: list[str]) -> str:
    """The script after the diff: each line taken away must stand in it, in order."""
    lines = script.splitlines()
    position = 0
    for line in diff:
        sign, body = line[:1], line[1:]
        if sign == "+":
            lines.insert(position, body)
            position += 1
        else:
            position = lines.index(body, position)
            if sign == "-":
                del lines[position]
            else:
                position += 1
    return "\n".join(lines)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("page", PAGES)
def test_migration_page_turns_a_running_script_into_a_right_one(page: str, tmp_path: Path) -> None:
    import numpy as np
    from sentence_transformers import SentenceTransformer

    model = make_qwen3(tmp_path / "model")
    reference = SentenceTransformer(str(model), device="cpu")
    texts = ["# Steel sheet\n\nhot rolled", "# Cement clinker\n\ndry process"]
    question = "steel"
    diff = diff_of(page)
    assert sum(line[:1] in "+-" for line in diff) <= 8

    def run(script: str, name: str) -> tuple[float, float]:
        names: dict[str, Any] = {
            "MODEL": str(model),
            "FOLDER": str(tmp_path / name),
            "TEXTS": texts,
            "QUESTION": question,
        }
        exec(compile(script, name, "exec"), names)
        assert sorted(names["found"]) == sorted(texts)
        query = float(np.dot(names["query"], reference.encode_query(question)))
        documents = float(np.dot(names["documents"][0], reference.encode_document(texts)[0]))
        return query, documents

    before, after = run(PAGES[page], "before"), run(applied(PAGES[page], diff), "after")
    assert min(before) < 0.99
    assert min(after) > 0.998
