"""A LlamaIndex ingestion pipeline that keeps a store in step with files, without stale nodes.

python examples/llama_index_ingestion.py
"""

from __future__ import annotations

import tempfile

from llama_index.core import VectorStoreIndex
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.storage.docstore import SimpleDocumentStore

from lca_rag import demo, load_encoder
from llama_index_lca import LCAEmbedding, LCAReader, LCAVectorStore


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        embedding = LCAEmbedding.from_encoder(load_encoder())
        store = LCAVectorStore(f"{folder}/nodes.lca")
        pipeline = IngestionPipeline(
            transformations=[embedding],
            vector_store=store,
            docstore=SimpleDocumentStore(),
            docstore_strategy=DocstoreStrategy.UPSERTS,
        )
        nodes = list(LCAReader().lazy_load_nodes(demo.path(), database="demo"))
        print("first run embeds", len(pipeline.run(nodes=nodes)))
        changed = nodes[0].model_copy(update={"text": nodes[0].text + "\n\nRevised."})
        print("second run embeds", len(pipeline.run(nodes=[changed, *nodes[1:]])))
        print("nodes in the store", len(store.get_nodes()))
        index = VectorStoreIndex.from_vector_store(store, embed_model=embedding)
        for found in index.as_retriever(similarity_top_k=2).retrieve("cement clinker"):
            print(f"{found.score:.2f}", found.node.metadata["name"])
        store.client.close()


if __name__ == "__main__":
    main()
