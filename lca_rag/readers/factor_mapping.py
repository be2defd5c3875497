"""A column mapping from a JSON or TOML file, for emission-factor tables of any make.

    key = "mine"                       # stays the same from release to release
    title = "My factors"
    activity = ["Produkt", "Sorte"]    # from general to special; the first is needed
    unit = "Einheit"                   # or unit_text = "kg CO2e/kg" for the whole table

    [amounts]
    "Wert {year}" = "cradle to gate"   # column of numbers, and what they mean

Columns are given as the table writes them; capitals and blanks do not matter.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from lca_rag.errors import ReadError
from lca_rag.readers.factor_columns import FactorColumns, literal_column

__all__ = ["load_columns"]

_COLUMNS = ("unit", "per", "gas", "code", "scope", "place", "year", "source")
_TEXTS = ("key", "title", "unit_text", "code_system", "place_code")
_LISTS = ("activity", "total", "others")


def load_columns(path: str | Path) -> FactorColumns:
    """The column mapping in a file.

    Raises:
        ReadError: If the file is missing, broken, or says something that no mapping has.
    """
    location = Path(path)
    form = ""
    try:
        text = location.read_text("utf-8-sig")
        form = _form(location, text)
        value = tomllib.loads(text) if form == "TOML" else json.loads(text)
    except OSError as exc:
        raise ReadError(
            f"{location}: the column mapping cannot be opened ({exc.strerror}); check the path",
            path=str(location),
        ) from exc
    except (ValueError, RecursionError) as exc:
        raise ReadError(
            f"{location}: the column mapping is no valid {form or 'text'} ({exc}); "
            "write it as TOML or JSON, as the README shows",
            path=str(location),
        ) from exc
    return _columns(_checked(value, location), location)


def _form(path: Path, text: str) -> str:
    """TOML or JSON, as the suffix says; under any other suffix, as the first character does."""
    form = {".toml": "TOML", ".json": "JSON"}.get(path.suffix.lower())
    return form or ("JSON" if text.lstrip()[:1] in ("{", "[") else "TOML")


def _checked(value: object, path: Path) -> dict[str, Any]:
    """The parsed file, if it names what is needed and nothing else."""
    if not isinstance(value, dict):
        raise _fault(path, "it must be an object with activity, amounts and unit", None)
    known = [item.name for item in fields(FactorColumns)]
    for name in value:
        if name not in known:
            raise _fault(path, f"{name!r} is no field of it; the fields are {_and(known)}", name)
    for name in ("activity", "amounts"):
        if not value.get(name):
            raise _fault(path, f"it needs {name!r}", name)
    if not (value.get("unit") or value.get("unit_text")):
        raise _fault(path, "it needs 'unit', a column, or 'unit_text' for the whole table", "unit")
    return value


def _columns(value: Mapping[str, Any], path: Path) -> FactorColumns:
    found: dict[str, Any] = {"key": path.stem, "title": path.stem, "unit": None}
    for name in _TEXTS + _COLUMNS:
        if name in value:
            text = _text(value, name, path)
            found[name] = literal_column(text) if name in _COLUMNS else text
    for name in _LISTS:
        if name in value:
            texts = _texts(value, name, path)
            found[name] = texts if name == "total" else tuple(map(literal_column, texts))
    found["amounts"] = _amounts(value["amounts"], path)
    return FactorColumns(**found)


def _amounts(value: object, path: Path) -> tuple[tuple[str, str], ...]:
    """Columns of numbers with their meaning; a bare column is its own meaning."""
    if isinstance(value, str):
        value = [value]
    pairs: list[tuple[Any, Any]] = list(value.items()) if isinstance(value, dict) else []
    if isinstance(value, list):
        pairs = [(item, item) for item in value]
    texts = all(isinstance(part, str) and part.strip() for pair in pairs for part in pair)
    if not pairs or not texts:
        raise _fault(path, "'amounts' must give the meaning of each column of numbers", "amounts")
    return tuple((literal_column(column), meaning.strip()) for column, meaning in pairs)


def _text(value: Mapping[str, object], name: str, path: Path) -> str:
    text = value[name]
    if not isinstance(text, str) or not text.strip():
        raise _fault(path, f"{name!r} must be a text, not {text!r}", name)
    return text.strip()


def _texts(value: Mapping[str, object], name: str, path: Path) -> tuple[str, ...]:
    found = value[name]
    texts = [found] if isinstance(found, str) else found
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise _fault(path, f"{name!r} must be a text or a list of texts, not {found!r}", name)
    return tuple(texts)


def _fault(path: Path, what: str, field: str | None) -> ReadError:
    return ReadError(f"{path}: in the column mapping, {what}", path=str(path), field=field)


def _and(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
