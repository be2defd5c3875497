"""Small records for the tests of the index."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from lca_rag.record import Name, Period, Place, Provenance, Record, Text

_WORDS = ("steel", "cement", "electricity", "transport", "polyethylene", "wheat", "glass")


def make_record(
    number: int, *, version: str = "01.00.000", note: str = "", database: str = "demo"
) -> Record:
    """A process whose text says its number, so that its vector can be told from others."""
    return Record(
        database=database,
        uuid=str(UUID(int=number)),
        version=version,
        kind="process",
        name=Name(base=Text.of(f"{_WORDS[number % len(_WORDS)]} number{number} {note}".strip())),
        place=Place(code=("CN", "DE", "US")[number % 3]),
        period=Period(reference_year=2000 + number % 20) if number % 5 else Period(),
        provenance=Provenance(path=f"demo.zip!processes/{number}.xml", format="ilcd"),
    )


def make_records(count: int, *, note: str = "", database: str = "demo") -> Iterator[Record]:
    """Records 0 to `count` - 1."""
    return (make_record(number, note=note, database=database) for number in range(count))
