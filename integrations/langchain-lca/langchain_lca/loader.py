"""Data sets of every format that lca-rag reads, as LangChain documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document

from langchain_lca.documents import Content, record_document
from lca_rag import Index, Record, read


class LCARecordLoader(BaseLoader):
    """Loads one document per data set, or one per section of each.

    Setup:
        ```bash
        pip install langchain-lca
        ```

    Instantiate:
        ```python
        from langchain_lca import LCARecordLoader

        loader = LCARecordLoader("my_database.zip", database="my-database")
        ```

    Lazy load:
        ```python
        for document in loader.lazy_load():
            print(document.metadata["name"])
        ```

    Async load:
        ```python
        documents = [document async for document in loader.alazy_load()]
        ```

    `page_content` is the very text that the model was trained on; give it to `LCAEmbeddings` as it
    is, without a splitter.
    """

    def __init__(
        self,
        path: str | Path | Index,
        *,
        database: str | None = None,
        content: Content = "embedding",
        sections: bool = False,
        on_skip: Callable[[Any], None] | None = None,
    ) -> None:
        """Keep what to load.

        Args:
            path: A file, folder or archive that `lca_rag.read` knows; or an index: its folder, its
                `http://host:port/collection` on a Chroma server, or an open one.
            database: Name of the database; by default from the file's name. For an index: only
                this database.
            content: What `page_content` holds.
            sections: One document per `##` section instead of one per record; the title stays on
                top of each.
            on_skip: Told of each data set that cannot be read; logged as a warning by default.
        """
        self.path = path
        self.database = database
        self.content: Content = content
        self.sections = sections
        self.on_skip = on_skip

    def lazy_load(self) -> Iterator[Document]:
        """Documents, one at a time; memory stays flat."""
        for record in self._records():
            document = record_document(record, self.content)
            if self.sections:
                yield from _sections(document)
            else:
                yield document

    def _records(self) -> Iterator[Record]:
        if isinstance(self.path, Index):
            yield from self._held(self.path)
        elif str(self.path).startswith(("http://", "https://")) or _is_index(Path(self.path)):
            with Index.open(self.path, create=False) as index:
                yield from self._held(index)
        else:
            yield from read(self.path, database=self.database, on_skip=self.on_skip)

    def _held(self, index: Index) -> Iterator[Record]:
        snapshot = index.snapshot()
        for position, name in enumerate(snapshot.ids):
            if self.database is None or name.startswith(f"{self.database}/"):
                yield snapshot.record(position)


def _is_index(path: Path) -> bool:
    return (path / "catalogue.sqlite3").exists()


def _sections(document: Document) -> Iterator[Document]:
    """The head and each section of a document, each under the record's title."""
    head, *rest = document.page_content.split("\n\n## ")
    title = head.split("\n", 1)[0]
    texts = [head, *(f"{title}\n\n## {section}" for section in rest)]
    for number, text in enumerate(texts):
        name = "head" if number == 0 else text[len(title) :].strip().split("\n")[0].lstrip("# ")
        yield Document(
            id=f"{document.id}#{number}",
            page_content=text,
            metadata=document.metadata | {"section": name},
        )
