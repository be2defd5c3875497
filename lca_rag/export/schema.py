"""The JSON Schema of an exported record, made from the record's own types.

`record.schema.json` in the package is what `record_schema()` gives; a test keeps them the same.
"""

from __future__ import annotations

import types
from dataclasses import MISSING, fields, is_dataclass
from importlib.resources import files
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from lca_rag.record import Record, Text
from lca_rag.record_json import SCHEMA

Schema = dict[str, Any]

_PLAIN: dict[object, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}
_ID = "urn:lca-rag:record:{0}"


def record_schema() -> Schema:
    """The schema of one line of a JSON Lines export, as a JSON Schema of 2020-12."""
    definitions: dict[str, Schema] = {}
    body = _object(Record, definitions)
    body["properties"] = {"schema": {"const": SCHEMA}, **body["properties"]}
    body["required"] = ["schema", *body["required"]]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": _ID.format(SCHEMA),
        "title": "lca-rag record",
        "description": (
            "One data set. Fields that hold their default (null, an empty list, 00.00.000) are "
            "left out."
        ),
        **body,
        "$defs": dict(sorted(definitions.items())),
    }


def packaged_schema() -> bytes:
    """The schema file that ships with the package."""
    return files("lca_rag").joinpath("record.schema.json").read_bytes()


def _object(cls: type, definitions: dict[str, Schema]) -> Schema:
    hints = get_type_hints(cls)
    items = fields(cls)
    return {
        "type": "object",
        "properties": {item.name: _schema(hints[item.name], definitions) for item in items},
        "required": [
            item.name
            for item in items
            if item.default is MISSING and item.default_factory is MISSING
        ],
        "additionalProperties": False,
    }


def _schema(hint: object, definitions: dict[str, Schema]) -> Schema:
    """The schema of a value of one type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        inner = [argument for argument in arguments if argument is not type(None)]
        return {"anyOf": [*(_schema(part, definitions) for part in inner), {"type": "null"}]}
    if origin is tuple:
        return _array(arguments, definitions)
    if isinstance(hint, type) and is_dataclass(hint):
        return _reference(hint, definitions)
    raise TypeError(f"record fields of type {hint!r} have no JSON Schema yet; add them here")


def _array(arguments: tuple[object, ...], definitions: dict[str, Schema]) -> Schema:
    if arguments[-1] is Ellipsis:
        return {"type": "array", "items": _schema(arguments[0], definitions)}
    parts = [_schema(argument, definitions) for argument in arguments]
    return {"type": "array", "prefixItems": parts, "minItems": len(parts), "items": False}


def _reference(cls: type, definitions: dict[str, Schema]) -> Schema:
    if cls.__name__ not in definitions:
        definitions[cls.__name__] = {}  # holds the place, should a class ever refer to itself
        definitions[cls.__name__] = _text() if cls is Text else _object(cls, definitions)
    return {"$ref": f"#/$defs/{cls.__name__}"}


def _text() -> Schema:
    return {
        "description": "Pairs of language tag (empty if the source gives none) and text.",
        "type": "array",
        "items": {
            "type": "array",
            "prefixItems": [{"type": "string"}, {"type": "string"}],
            "minItems": 2,
            "items": False,
        },
    }
