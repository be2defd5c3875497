"""Data sets of every format that lca-rag reads, as LlamaIndex documents or nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from llama_index.core.readers.base import BasePydanticReader
from llama_index.core.schema import Document, TextNode

from lca_rag import Record, read
from llama_index_lca.nodes import record_document, record_node


class LCAReader(BasePydanticReader):
    """Reads one document per data set; what is embedded of it is the trained text.

    Example:
        ```python
        from llama_index_lca import LCAReader

        documents = LCAReader().load_data("my_database.zip", database="my-database")
        ```

    Records need no splitter; `lazy_load_nodes` gives them ready to be embedded.
    """

    is_remote: bool = False

    @classmethod
    def class_name(cls) -> str:
        """Name under which the host serialises this class."""
        return "LCAReader"

    def lazy_load_data(
        self,
        path: str | Path,
        extra_info: dict[str, Any] | None = None,
        *,
        database: str | None = None,
        on_skip: Callable[[Any], None] | None = None,
    ) -> Iterable[Document]:
        """Documents, one at a time; memory stays flat.

        Args:
            path: A file, folder or archive that `lca_rag.read` knows.
            extra_info: Metadata that `SimpleDirectoryReader(file_extractor={".zip": LCAReader()})`
                gives each document of a file; it is not embedded.
            database: Name of the database; by default from the file's name.
            on_skip: Told of each data set that cannot be read; logged as a warning by default.
        """
        return (record_document(r, extra_info) for r in _records(path, database, on_skip))

    def lazy_load_nodes(
        self,
        path: str | Path,
        *,
        database: str | None = None,
        on_skip: Callable[[Any], None] | None = None,
    ) -> Iterator[TextNode]:
        """Nodes instead of documents, for stores and pipelines without a splitter."""
        return map(record_node, _records(path, database, on_skip))


def _records(
    path: str | Path, database: str | None, on_skip: Callable[[Any], None] | None
) -> Iterator[Record]:
    return read(path, database=database, on_skip=on_skip)
