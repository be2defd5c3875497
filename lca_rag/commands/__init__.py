"""The commands of `lca-rag`, one module for each group; `lca_rag.cli` puts them together."""
