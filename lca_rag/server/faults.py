"""What is wrong with the fields of a request, in one sentence: where, what, and what would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["explained"]

_SAYS: Mapping[str, str] = {
    "missing": "is missing; it is needed",
    "extra_forbidden": "is unknown here; leave it out, or see /openapi.json for the fields",
    "json_invalid": "is not valid JSON ({error}); send one JSON object",
    "model_attributes_type": "must be a JSON object; send {{...}} with the header "
    "'Content-Type: application/json'",
    "model_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "string_type": "must be a text in quotes, not {got}",
    "string_too_short": "is too short; give at least {min_length} characters",
    "string_too_long": "is too long; give at most {max_length} characters",
    "string_pattern_mismatch": "must hold something other than blanks",
    "int_type": "must be a whole number, not {got}",
    "int_parsing": "must be a whole number, not {got}",
    "int_from_float": "must be a whole number, not {got}",
    "float_type": "must be a number, not {got}",
    "float_parsing": "must be a number, not {got}",
    "bool_type": "must be true or false, not {got}",
    "bool_parsing": "must be true or false, not {got}",
    "tuple_type": "must be a list in square brackets, not {got}",
    "list_type": "must be a list in square brackets, not {got}",
    "too_short": "has too few entries; give at least {min_length}",
    "too_long": "has too many entries; give at most {max_length}",
    "greater_than_equal": "must be at least {ge}, not {got}",
    "greater_than": "must be more than {gt}, not {got}",
    "less_than_equal": "must be at most {le}, not {got}",
    "less_than": "must be less than {lt}, not {got}",
    "literal_error": "must be one of {expected}, not {got}",
    "enum": "must be one of {expected}, not {got}",
    "finite_number": "must be a finite number",
    "none_required": "must be null or left out",
}
"""By pydantic's kind of error."""
_SHOWN = 60
"""Characters of a wrong value that are repeated."""


def explained(faults: Sequence[Mapping[str, Any]], *, within: int = 1) -> tuple[str | None, str]:
    """The field and the sentence of the first fault, and how many more there are.

    Args:
        faults: As pydantic lists them.
        within: How many parts of each `loc` come before the field; FastAPI begins with "body".

    Returns:
        The path of the field (`None` for the request as a whole), and what is wrong with it.
    """
    first, field = faults[0], _field(faults[0], within)
    others = len({_field(fault, within) for fault in faults} - {field})
    more = f"; {others} more field{'s are' if others > 1 else ' is'} wrong too" if others else ""
    return field, f"{field or 'the request'} {_wrong(first)}{more}"


def _field(fault: Mapping[str, Any], within: int) -> str | None:
    """The path of the field as the client wrote it, without the branches that pydantic tried."""
    if fault["type"] == "json_invalid":
        return None
    parts = [part for part in fault["loc"][within:] if isinstance(part, int) or part.isidentifier()]
    return ".".join(str(part) for part in parts if part not in _BRANCHES) or None


_BRANCHES = frozenset({"str", "int", "float", "bool", "Part", "Document"})
"""Alternatives of a field that pydantic names in its path."""


def _wrong(fault: Mapping[str, Any]) -> str:
    context = {name: str(value) for name, value in (fault.get("ctx") or {}).items()}
    words = _SAYS.get(fault["type"])
    if words is None:  # a rule of our own says itself what to do
        told = context.get("error") or str(fault["msg"])
        return f"cannot be used: {told[:1].lower()}{told[1:]}"
    return words.format_map(context | {"got": _got(fault.get("input"))})


def _got(value: object) -> str:
    """A wrong value as JSON names it, short, and never a whole text."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    written = f'"{value}"' if isinstance(value, str) else str(value)
    return written if len(written) <= _SHOWN else f"{written[:_SHOWN]}…"
