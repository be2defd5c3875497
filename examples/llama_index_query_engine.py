"""A LlamaIndex query engine with checked citations.

python examples/llama_index_query_engine.py
"""

from __future__ import annotations

import tempfile

from lca_rag import Index, Retriever, demo, load_encoder, read
from llama_index_lca import LCAQueryEngine, LCARetriever

QUESTION = "How much electricity does primary aluminium production in China take?"


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Index.open(f"{folder}/demo.lca", encoder=load_encoder()) as index,
    ):
        index.sync(read(demo.path(), database="demo"))
        # Any LlamaIndex LLM may be given as `llm=`; without one the records are quoted.
        engine = LCAQueryEngine(LCARetriever(Retriever(index)))
        response = engine.query(QUESTION)
        print(response)
        for source in response.source_nodes:
            print("cited:", source.node.node_id, "|", source.node.metadata["name"])


if __name__ == "__main__":
    main()
