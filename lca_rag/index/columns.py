"""What can be filtered by: a few plain values of each record, picked once when it is stored."""

from __future__ import annotations

from collections.abc import Callable

from lca_rag.record import Classification, Record

Value = str | int | None

TEXT_COLUMNS = (
    "kind",
    "database",
    "uuid",
    "version",
    "name",
    "place",
    "data_type",
    "system_model",
    "allocation",
    "classes",
    "cas",
    "ec",
    "formula",
)
YEAR_COLUMNS = ("year_start", "year_end", "reference_year")
COLUMNS = (*TEXT_COLUMNS, *YEAR_COLUMNS)
"""Columns of the catalogue and of a snapshot; `newest` comes beside them."""


def _year_start(record: Record) -> int | None:
    period = record.period
    return period.start if period.start is not None else period.reference_year


def _year_end(record: Record) -> int | None:
    period = record.period
    return period.end if period.end is not None else period.valid_until


def _classes(record: Record) -> str | None:
    return "\n".join(_class_path(path) for path in record.classifications) or None


def _class_path(classification: Classification) -> str:
    """`System: Top / Middle / Leaf [code/code]`, the parts that there are."""
    path = " / ".join(classification.path)
    system = f"{classification.system}: " if classification.system else ""
    codes = f" [{'/'.join(classification.codes)}]" if classification.codes else ""
    return f"{system}{path}{codes}"


def _allocation(record: Record) -> str | None:
    parts = (record.method_principle, *record.method_approaches)
    return "\n".join(part for part in parts if part) or None


_PICK: dict[str, Callable[[Record], Value]] = {
    "kind": lambda record: record.kind,
    "database": lambda record: record.database,
    "uuid": lambda record: record.uuid,
    "version": lambda record: record.version,
    "name": lambda record: str(record.name),
    "place": lambda record: record.place.code if record.place else None,
    "data_type": lambda record: record.data_type,
    "system_model": lambda record: record.system_model,
    "allocation": _allocation,
    "classes": _classes,
    "cas": lambda record: record.flow.cas if record.flow else None,
    "ec": lambda record: record.flow.ec if record.flow else None,
    "formula": lambda record: record.flow.formula if record.flow else None,
    "year_start": _year_start,
    "year_end": _year_end,
    "reference_year": lambda record: record.period.reference_year,
}


def column_values(record: Record) -> tuple[Value, ...]:
    """The values of a record, in the order of `COLUMNS`; unknown is `None`."""
    return tuple(_PICK[name](record) for name in COLUMNS)
