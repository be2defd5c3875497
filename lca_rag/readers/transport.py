"""Records as plain values that `marshal` carries between processes, and back.

A record without its exchanges goes as JSON, and each exchange as one tuple: exchanges are by far
the most frequent objects, and this is several times as fast as pickling them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from operator import attrgetter
from typing import cast

from lca_rag.record import NO_TEXT, Exchange, Record, Text
from lca_rag.record_json import from_json, to_json

__all__ = ["Flat", "carrier", "flat", "rebuilt"]

Flat = tuple[bytes, list[tuple[object, ...]]]
"""JSON of a record without exchanges, and a row for each of them."""

_Entries = tuple[tuple[str, str], ...]
_NAMES = tuple(item.name for item in fields(Exchange))
_FLOW, _COMMENT = _NAMES.index("flow"), _NAMES.index("comment")
_values = attrgetter(
    *(f"{name}.entries" if name in ("flow", "comment") else name for name in _NAMES)
)
_setters = tuple(getattr(Exchange, name).__set__ for name in _NAMES)


def flat(records: list[Record]) -> list[Flat]:
    """The records as plain values.

    Raises:
        ValueError: If a text of a record cannot be written as UTF-8.
    """
    return [
        (
            to_json(replace(record, exchanges=()) if record.exchanges else record),
            [cast("tuple[object, ...]", _values(exchange)) for exchange in record.exchanges],
        )
        for record in records
    ]


def carrier() -> Callable[[list[Record]], list[Flat]]:
    """`flat`, for workers."""
    return flat


def rebuilt(value: Flat) -> Record:
    """The record that `flat` took apart."""
    head, rows = value
    record = from_json(head)
    if rows:
        # The record is ours alone still, so nobody sees it change.
        object.__setattr__(record, "exchanges", tuple(map(_exchange, rows)))
    return record


def _exchange(row: tuple[object, ...]) -> Exchange:
    """An exchange from its values; its slots are set one by one, at half the cost of a call."""
    values = list(row)
    flow, comment = cast("tuple[_Entries, _Entries]", (row[_FLOW], row[_COMMENT]))
    values[_FLOW] = Text(flow) if flow else NO_TEXT
    values[_COMMENT] = Text(comment) if comment else NO_TEXT
    exchange = object.__new__(Exchange)
    for setter, value in zip(_setters, values, strict=True):
        setter(exchange, value)
    return exchange
