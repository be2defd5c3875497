"""A LangChain RAG chain whose answer is checked: question in, cited figures out.

python examples/langchain_rag_chain.py
"""

from __future__ import annotations

import tempfile

from langchain_lca import LCARetriever, create_lca_qa_chain
from lca_rag import Index, Retriever, demo, load_encoder, read

QUESTION = "How much electricity does primary aluminium production in China take?"


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Index.open(f"{folder}/demo.lca", encoder=load_encoder()) as index,
    ):
        index.sync(read(demo.path(), database="demo"))
        retriever = LCARetriever(retriever=Retriever(index), k=5)
        # Any chat model may be given as second argument; without one the records are quoted.
        chain = create_lca_qa_chain(retriever)
        for piece in chain.stream(QUESTION):
            print(piece.get("answer", ""), end="")
            if "citations" in piece:
                print("\ncited:", *piece["citations"], "| verdict:", piece["checks"]["verdict"])


if __name__ == "__main__":
    main()
