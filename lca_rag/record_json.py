"""A record as JSON and back, without loss.

One object per record. Fields that hold their default are left out; a `Text` is a list of
`[language, text]` pairs; `"schema"` carries the version of this form, so that a file written today
can be refused, or mended, by a later release.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields
from operator import attrgetter
from sys import intern
from typing import Literal, Union, cast, get_args, get_origin, get_type_hints

import orjson

from lca_rag.errors import ReadError
from lca_rag.record import (
    Classification,
    Exchange,
    FlowFacts,
    FlowProperty,
    ImpactResult,
    Licence,
    Name,
    Period,
    Place,
    Provenance,
    Record,
    Reference,
    Text,
)

__all__ = ["SCHEMA", "from_json", "to_json"]

SCHEMA = 1
"""Version of the JSON form."""

_Converter = Callable[[object], object]
_CLASSES: tuple[type, ...] = (
    Record,
    Exchange,
    Name,
    Classification,
    Place,
    Period,
    Licence,
    Reference,
    FlowProperty,
    FlowFacts,
    ImpactResult,
    Provenance,
)


@dataclass(frozen=True, slots=True)
class _Form:
    """How one class is written and read."""

    names: tuple[str, ...]
    values: Callable[[object], tuple[object, ...]]
    defaults: tuple[object, ...]
    converters: dict[str, _Converter]


def to_json(record: Record) -> bytes:
    """The record as one line of UTF-8 JSON, provenance included.

    Raises:
        ValueError: If a text of the record cannot be written as UTF-8.
    """
    try:
        return orjson.dumps(
            {"schema": SCHEMA, **_plain(record)},
            default=_plain_value,
            option=orjson.OPT_PASSTHROUGH_DATACLASS,
        )
    except orjson.JSONEncodeError as exc:  # a TypeError: orjson's word for half a surrogate pair
        raise ValueError(f"record {record.id!r} cannot be written as JSON: {exc}") from exc


def from_json(data: bytes | bytearray | memoryview | str) -> Record:
    """The record that `to_json` wrote.

    Raises:
        ReadError: If the JSON is broken, of another schema version, or no record.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        raise ReadError(f"a stored record is not valid JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise ReadError(f"a stored record must be a JSON object, found {type(value).__name__}")
    schema = value.pop("schema", None)
    if schema != SCHEMA:
        raise ReadError(
            f"a stored record has schema {schema!r}; this release reads schema {SCHEMA}",
            field="schema",
        )
    try:
        return cast(Record, _build(Record, value))
    except (TypeError, ValueError, AttributeError, KeyError) as exc:
        raise ReadError(
            f"a stored record with UUID {value.get('uuid')!r} does not fit schema {SCHEMA}: {exc}"
        ) from exc


def _plain(value: object) -> dict[str, object]:
    form = _FORMS[type(value)]
    return {
        name: item
        for name, item, default in zip(form.names, form.values(value), form.defaults, strict=True)
        if item is not default and item != default
    }


def _plain_value(value: object) -> object:
    """What orjson asks for each value that JSON does not know."""
    return value.entries if isinstance(value, Text) else _plain(value)


def _build(cls: type, value: object) -> object:
    if not isinstance(value, dict):
        raise TypeError(f"{cls.__name__} must be an object, found {type(value).__name__}")
    converters = _FORMS[cls].converters
    for name, item in value.items():  # freshly parsed and ours; no key comes or goes
        if (converter := converters.get(name)) is not None:
            value[name] = converter(item)
    return cls(**value)


def _text(value: object) -> Text:
    pairs = cast("list[tuple[str, str]]", value)
    return Text(tuple([(intern(language), intern(text)) for language, text in pairs]))


_string = cast("_Converter", intern)
"""Records of a database repeat their words: names of flows, units, categories, comments. One copy
of each is enough, and goes with the last record that says it."""


def _converter(hint: object) -> _Converter | None:
    """What turns parsed JSON into a value of type `hint`; `None` if it is that already."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is str or origin is Literal:
        return _string
    if origin in (Union, types.UnionType):
        return next(filter(None, map(_converter, arguments)), None)
    if hint is Text:
        return _text
    if isinstance(hint, type) and hint in _CLASSES:
        return lambda value: _build(hint, value)
    if origin is not tuple:
        return None
    if arguments[-1] is not Ellipsis:
        parts = tuple(_converter(argument) or _same for argument in arguments)
        return lambda value: tuple(
            part(item) for part, item in zip(parts, cast("list[object]", value), strict=True)
        )
    inner = _converter(arguments[0]) or _same
    return lambda value: tuple(map(inner, cast("list[object]", value)))


def _same(value: object) -> object:
    return value


def _default(item: Field[object]) -> object:
    return None if item.default is MISSING else item.default


def _form(cls: type) -> _Form:
    hints = get_type_hints(cls)
    items = fields(cls)
    names = tuple(item.name for item in items)
    converters = {name: found for name in names if (found := _converter(hints[name]))}
    return _Form(names, _getter(names), tuple(map(_default, items)), converters)


def _getter(names: tuple[str, ...]) -> Callable[[object], tuple[object, ...]]:
    """All values at once, as a tuple also for a class of one field."""
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda value: (get(value),)


_FORMS = {cls: _form(cls) for cls in _CLASSES}
