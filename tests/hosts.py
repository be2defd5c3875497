"""What the tests of both hosts share: an index of a few data sets, and a small real model."""

from __future__ import annotations

from pathlib import Path

from lca_rag import Index, Record
from lca_rag.record import Exchange, Licence, Name, Period, Place, Text
from tests.hash_encoder import HashEncoder

PLACES = ("DE", "CN", "RER", "US")
PRODUCTS = ("steel sheet, hot rolled", "aluminium ingot, primary", "cement clinker")


def process(number: int) -> Record:
    """A data set: product by number, then place, then year."""
    product = PRODUCTS[number % 3]
    place = PLACES[(number // 3) % 4]
    return Record(
        database="shop",
        uuid=f"00000000-0000-4000-8000-{number:012d}",
        version="01.00.000",
        kind="process",
        name=Name(base=Text.of(product)),
        place=Place(code=place),
        period=Period(reference_year=2015 + number // 12),
        data_type="Unit process, single operation",
        comment=Text.of(f"Line {number}.\n\nA second paragraph stays one."),
        exchanges=(
            Exchange(
                id="0",
                flow=Text.of(product),
                direction="output",
                amount=1.0,
                unit="kg",
                reference=True,
            ),
            Exchange(
                id="1",
                flow=Text.of("electricity"),
                direction="input",
                amount=1.5 + number,
                unit="kWh",
            ),
        ),
        licence=Licence(type="CC0"),
    )


RECORDS = [process(number) for number in range(24)]


def make_index(folder: Path, encoder: HashEncoder | None = None) -> Index:
    """An index of `RECORDS`, open."""
    index = Index.open(folder, encoder=encoder or HashEncoder())
    index.sync(RECORDS)
    return index
