"""What a model learns from: documents, each with the queries that ask for it.

A training file is JSON Lines, one object a line: `{"query": ..., "document": ...}`, or with a list
under `queries`. Optional are `id` (of the document), `group` (documents of one group are never each
other's negatives; without it, equal documents form a group), `negatives` (texts) and `weight`
(share of the epochs in which the document is seen).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lca_rag.errors import ReadError


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One document and the queries that it answers."""

    id: str
    document: str
    """The text that is encoded, as `embedding_text` makes it."""
    queries: tuple[str, ...]
    group: str
    """Documents of one group are never used as negatives for one another."""
    negatives: tuple[tuple[str, str], ...] = ()
    """Documents that look like an answer and are none: pairs of group and text."""
    weight: float = 1.0
    """Share of the epochs in which this example is seen, in (0, 1]."""


def read_examples(path: Path) -> list[Example]:
    """The examples of a JSON Lines file; queries of one document come together.

    Raises:
        ReadError: If the file is missing or a line lacks a query or a document.
    """
    if not path.is_file():
        raise ReadError(f"{path}: no such file with training pairs", path=str(path))
    found: dict[str, Example] = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            example = _example(line, f"{path}:{number}")
            known = found.get(example.id)
            if known is not None:
                queries = (*known.queries, *example.queries)
                example = replace(known, queries=tuple(dict.fromkeys(queries)))
            found[example.id] = example
    if not found:
        raise ReadError(f"{path}: holds no training pair", path=str(path))
    return list(found.values())


def _example(line: str, where: str) -> Example:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as exc:
        raise ReadError(f"{where}: not JSON ({exc})", path=where) from exc
    if not isinstance(value, dict):
        raise ReadError(f"{where}: expected a JSON object", path=where)
    document = value.get("document")
    queries = value.get("queries", [value["query"]] if "query" in value else [])
    if not isinstance(document, str) or not document.strip() or not _texts(queries) or not queries:
        raise ReadError(
            f"{where}: needs 'document' and 'query' (or a list of 'queries'); where a line names "
            "its record by 'uuid', give the records as a corpus",
            path=where,
        )
    negatives, weight = value.get("negatives", []), value.get("weight", 1.0)
    if not _texts(negatives):
        raise ReadError(f"{where}: 'negatives' is no list of texts", path=where)
    if not isinstance(weight, int | float) or not 0 < weight <= 1:
        raise ReadError(f"{where}: 'weight' is {weight!r}, not a share above 0 up to 1", path=where)
    content = text_group(document)
    return Example(
        id=str(value.get("id", content)),
        document=document,
        queries=tuple(queries),
        group=str(value.get("group", content)),
        negatives=tuple((text_group(text), text) for text in negatives),
        weight=float(weight),
    )


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) and text.strip() for text in value)


def write_examples(examples: Iterable[Example], path: Path) -> None:
    """Write a file that `read_examples` reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as out:
        for example in examples:
            line = {
                "id": example.id,
                "group": example.group,
                "queries": example.queries,
                "document": example.document,
                "negatives": [text for _, text in example.negatives],
                "weight": example.weight,
            }
            out.write(json.dumps(line, ensure_ascii=False) + "\n")


def text_group(text: str) -> str:
    """A group that a text shares only with equal texts: a short digest."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def data_hash(examples: Sequence[Example]) -> str:
    """SHA-256 over everything that training sees, independent of the order of the examples."""
    digest = hashlib.sha256()
    for example in sorted(examples, key=lambda one: one.id):
        parts = (example.id, example.group, example.document, *example.queries)
        for part in (*parts, *(text for _, text in example.negatives), repr(example.weight)):
            digest.update(part.encode())
            digest.update(b"\0")
    return digest.hexdigest()
