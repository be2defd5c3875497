"""A benchmark: queries, and for each the records that answer it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lca_rag.errors import ReadError


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question and the record that it was written for."""

    id: str
    text: str
    record: str
    """Id of the record; the UUID in the files of the TianGong benchmark."""
    kind: str | None = None
    """Kind of the record, where the file says it."""
    perspective: int | None = None
    """Which of the five perspectives of the model card's generator the query takes."""

    @property
    def type(self) -> str:
        """Kind and perspective in one word, for tables by type of query."""
        kind = self.kind or "record"
        return kind if self.perspective is None else f"{kind}-{self.perspective}"


def read_queries(path: Path) -> list[Query]:
    """The queries of a JSON Lines file with `qid`, `query` and `uuid` (or `record`) a line.

    Raises:
        ReadError: If the file is missing, a line is no such object, or an id comes twice.
    """
    if not path.is_file():
        raise ReadError(f"{path}: no such query file", path=str(path))
    queries = [
        _query(line, f"{path}:{number}")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if line.strip()
    ]
    if not queries:
        raise ReadError(f"{path}: holds no query", path=str(path))
    seen = set[str]()
    for query in queries:
        if query.id in seen:
            raise ReadError(f"{path}: query id {query.id!r} comes twice", path=str(path))
        seen.add(query.id)
    return queries


def _query(line: str, where: str) -> Query:
    try:
        value = json.loads(line)
        perspective = value.get("perspective")
        return Query(
            id=str(value["qid"]),
            text=str(value["query"]),
            record=str(value["uuid"] if "uuid" in value else value["record"]),
            kind=value.get("kind"),
            perspective=None if perspective is None else int(perspective),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise ReadError(f"{where}: needs 'qid', 'query' and 'uuid' ({exc})", path=where) from exc


def write_queries(queries: Iterable[Query], path: Path) -> None:
    """Write a file that `read_queries` reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as out:
        for query in queries:
            value = {"qid": query.id, "query": query.text, "record": query.record}
            if query.kind is not None:
                value["kind"] = query.kind
            line: dict[str, object] = dict(value)
            if query.perspective is not None:
                line["perspective"] = query.perspective
            out.write(json.dumps(line, ensure_ascii=False) + "\n")


def qrels(queries: Sequence[Query]) -> dict[str, dict[str, int]]:
    """Exact relevance: each query's own record, with gain 1."""
    return {query.id: {query.record: 1} for query in queries}


def by_type(queries: Sequence[Query]) -> Iterator[tuple[str, list[str]]]:
    """Query ids by type of query, types in alphabetical order."""
    types: dict[str, list[str]] = {}
    for query in queries:
        types.setdefault(query.type, []).append(query.id)
    yield from sorted(types.items())


def texts(queries: Sequence[Query]) -> Mapping[str, str]:
    """Query text by id."""
    return {query.id: query.text for query in queries}
