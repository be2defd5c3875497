"""LangChain's own suites over our classes. No method is skipped, none is expected to fail.

`VectorStoreIntegrationTests` runs with all its properties at their defaults, which are the most it
can ask: sync, async and get by ids. Pytest reports a skip or an expected failure, had one any.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools import BaseTool
from langchain_tests.integration_tests import (
    EmbeddingsIntegrationTests,
    RetrieversIntegrationTests,
    ToolsIntegrationTests,
    VectorStoreIntegrationTests,
)
from langchain_tests.unit_tests import EmbeddingsUnitTests, ToolsUnitTests

from langchain_lca import LCAEmbeddings, LCARetriever, LCAVectorStore, create_lca_tools
from lca_rag import Retriever
from tests.hosts import RECORDS, make_index
from tests.tiny_models import make_qwen3


@pytest.fixture(scope="session", autouse=True)
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_qwen3(tmp_path_factory.mktemp("models") / "tiny")
    TestEmbeddings.folder = TestEmbeddingsOnline.folder = folder
    return folder


@pytest.fixture(scope="session", autouse=True)
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Retriever]:
    with make_index(tmp_path_factory.mktemp("standard") / "i") as index:
        retriever = Retriever(index)
        TestRetriever.searched = retriever
        TestSearchTool.searched = TestSearchToolUnit.searched = retriever
        TestRecordTool.searched = TestRecordToolUnit.searched = retriever
        yield retriever


class TestEmbeddings(EmbeddingsUnitTests):
    folder: Path

    @property
    def embeddings_class(self) -> type[LCAEmbeddings]:
        return LCAEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": str(self.folder)}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return {"LCA_RAG_MODEL": "mini"}, {}, {"model": "mini"}


class TestEmbeddingsOnline(EmbeddingsIntegrationTests):
    folder: Path

    @property
    def embeddings_class(self) -> type[LCAEmbeddings]:
        return LCAEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": str(self.folder)}


class TestRetriever(RetrieversIntegrationTests):
    searched: Retriever

    @property
    def retriever_constructor(self) -> type[LCARetriever]:
        return LCARetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"retriever": self.searched}

    @property
    def retriever_query_example(self) -> str:
        return "hot rolled steel sheet"


class TestVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> Iterator[LCAVectorStore]:
        store = LCAVectorStore(tmp_path / "i", self.get_embeddings())
        yield store
        store.index.close()


def tool(retriever: Retriever, name: str) -> BaseTool:
    return {found.name: found for found in create_lca_tools(retriever)}[name]


class TestSearchToolUnit(ToolsUnitTests):
    searched: Retriever

    @property
    def tool_constructor(self) -> BaseTool:
        return tool(self.searched, "search_lca")

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"query": "steel", "place": "DE"}


class TestSearchTool(ToolsIntegrationTests):
    searched: Retriever

    @property
    def tool_constructor(self) -> BaseTool:
        return tool(self.searched, "search_lca")

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"query": "steel", "place": "DE"}


class TestRecordToolUnit(ToolsUnitTests):
    searched: Retriever

    @property
    def tool_constructor(self) -> BaseTool:
        return tool(self.searched, "get_lca_record")

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"record_id": RECORDS[0].id}


class TestRecordTool(ToolsIntegrationTests):
    searched: Retriever

    @property
    def tool_constructor(self) -> BaseTool:
        return tool(self.searched, "get_lca_record")

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"record_id": RECORDS[0].id}
