"""Requests to every operation, made from its own input schema: a new operation is asked at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lca_rag.operations import Operation

OPTIONS: Mapping[str, Sequence[object]] = {
    "place": ("DE",),
    "year": (2015,),
    "compartment": ("air",),
    "rewrite": (),  # needs a language model
}
"""Values of optional fields that a schema does not tell."""


def requests_to(
    row: Operation, words: Sequence[str], ids: Sequence[str], databases: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Bodies that ask for each of some words and ids, and with each option in turn.

    Raises:
        LookupError: If a field is of a kind that nothing here can fill; then add it here, for an
            operation that is not asked is not looked at.
    """
    schema = row.input.model_json_schema()
    needed = schema.get("required", [])
    bases: list[dict[str, Any]] = [{}]
    for name in needed:
        values = list(_required(name, schema["properties"][name], schema, (*words, *ids)))
        bases = [{**base, name: value} for base in bases for value in values]
    for base in bases:
        yield base
        for name, field in schema["properties"].items():
            if name in needed:
                continue
            for value in _optional(name, field, databases):
                yield {**base, name: value}


def _required(
    name: str, field: dict[str, Any], schema: dict[str, Any], texts: Sequence[str]
) -> Iterator[object]:
    if field.get("type") == "string":
        yield from texts
        return
    items = field.get("items", {})
    if items.get("type") == "string":
        yield list(texts)
        return
    if "$ref" in items:
        inner = schema["$defs"][items["$ref"].rsplit("/", 1)[-1]]
        told = [part for part in inner["required"] if inner["properties"][part]["type"] == "string"]
        yield [dict.fromkeys(told, text) for text in texts]
        return
    raise LookupError(f"nothing here fills the field {name!r}: {field}")


def _optional(name: str, field: dict[str, Any], databases: Sequence[str]) -> Iterator[object]:
    if name in OPTIONS:
        yield from OPTIONS[name]
        return
    kinds = [field, *field.get("anyOf", [])]
    for kind in kinds:
        if "enum" in kind:
            yield from kind["enum"]
        elif kind.get("type") == "string":
            yield "energy"
        elif kind.get("type") == "boolean":
            yield from (True, False)
        elif kind.get("type") in ("integer", "number"):
            yield min(kind.get("maximum", 50), 50)
        elif name == "database":
            yield from ([database] for database in databases if kind.get("type") == "array")
        elif kind.get("type") == "array" or "anyOf" in kind or kind.get("type") == "null":
            continue
        else:
            raise LookupError(f"nothing here fills the option {name!r}: {field}")
