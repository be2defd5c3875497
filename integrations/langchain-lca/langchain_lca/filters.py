"""Filters of metadata as the host's Chroma store takes them, so that none is silently empty."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

COLUMNS = ("kind", "database", "uuid", "version", "name", "place", "data_type")
"""Metadata of a data set that are columns of the index, under the same name."""
Condition = Callable[[Any], bool]
"""A test of one value; `None` stands for a key that is not there."""


def metadata_test(filter: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], bool]:
    """A test of metadata.

    Args:
        filter: Values that must be equal, `{"place": "DE"}`; conditions on a value,
            `{"reference_year": {"$gte": 2015}}`, with `$eq`, `$ne`, `$gt`, `$gte`, `$lt`, `$lte`,
            `$in`, `$nin`, `$contains`, `$not_contains` (of a list); and `$and` or `$or` over a list
            of filters. Several keys must all pass. As in Chroma, `$ne`, `$nin` and
            `$not_contains` let pass what lacks the key.

    Raises:
        ValueError: If an operator is unknown, or its operand cannot be meant.
    """
    tests = [_entry(key, wanted) for key, wanted in filter.items()]
    return lambda metadata: all(test(metadata) for test in tests)


def _entry(key: str, wanted: Any) -> Callable[[Mapping[str, Any]], bool]:
    """A test of metadata by one entry of a filter."""
    if key in ("$and", "$or"):
        if not isinstance(wanted, list | tuple) or not wanted:
            raise ValueError(f"{key} takes a list of filters, not {wanted!r}")
        tests = [metadata_test(item) for item in wanted]
        join = all if key == "$and" else any
        return lambda metadata: join(test(metadata) for test in tests)
    if key.startswith("$"):
        raise ValueError(f"operator {key!r} is unknown here; use $and or $or over filters of keys")
    passes = condition(wanted)
    return lambda metadata: passes(metadata.get(key))


def column_tests(filter: Mapping[str, Any]) -> dict[str, Condition]:
    """What a filter wants of the columns of an index, where it wants a value to be there."""
    tests = {key: condition(wanted) for key, wanted in filter.items() if key in COLUMNS}
    return {key: test for key, test in tests.items() if not test("")}


def condition(wanted: Any) -> Condition:
    """A test of one value of metadata by what a filter wants of it."""
    operators = isinstance(wanted, dict) and any(str(name).startswith("$") for name in wanted)
    if not operators:
        return lambda value: bool(value == wanted)
    tests = [_operation(name, operand) for name, operand in wanted.items()]
    return lambda value: all(test(value) for test in tests)


def _operation(name: str, operand: Any) -> Condition:
    """One operator with what it is given."""
    if name in _ORDERS:
        return lambda value: _ordered(_ORDERS[name], value, operand)
    if name in ("$in", "$nin") and not isinstance(operand, list | tuple | set | frozenset):
        raise ValueError(f"{name} takes a list of values, not {operand!r}")
    if name not in _TESTS:
        known = ", ".join((*_TESTS, *_ORDERS))
        raise ValueError(f"operator {name!r} is unknown; use {known}, or a function of a document")
    return lambda value: _TESTS[name](value, operand)


def _ordered(compare: Callable[[Any, Any], bool], value: Any, operand: Any) -> bool:
    """A comparison of size; what cannot be compared does not pass."""
    try:
        return value is not None and bool(compare(value, operand))
    except TypeError:
        return False


_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda value, operand: bool(value == operand),
    "$ne": lambda value, operand: bool(value != operand),
    "$in": lambda value, operand: value in tuple(operand),
    "$nin": lambda value, operand: value not in tuple(operand),
    "$contains": lambda value, operand: isinstance(value, list) and operand in value,
    "$not_contains": lambda value, operand: not (isinstance(value, list) and operand in value),
}
