"""Which column of an emission-factor table says what, and presets for tables that many use.

A table of another make is read by declaring its `FactorColumns` (`factor_mapping.py` takes them
from a file), or by renaming its header to the words of `PLAIN`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

Header = Sequence[str]
YEAR = r"(?P<year>\d{4})"


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorColumns:
    """A declared column mapping. Columns are regular expressions over the whole header cell.

    Factors of one table differ in what they count; `amounts` gives each column of numbers its
    meaning, so that "with margins" and "without margins" never become one number.
    """

    key: str
    """Slug of the table, which stays the same from release to release."""
    title: str
    activity: tuple[str, ...]
    """Columns that name what the factor is for, from general to special; later ones optional."""
    amounts: tuple[tuple[str, str], ...]
    """Columns of numbers with what they mean; a group named `year` in the expression is kept."""
    unit: str | None
    """Column of the unit of the number ("kg CO2e", "kg CO2e/2022 USD, purchaser price")."""
    unit_text: str | None = None
    """Unit of the whole table, where it has no column for it."""
    per: str | None = None
    """Column of the unit that the number is given per, where `unit` does not say it."""
    gas: str | None = None
    """Column of the gas, where `unit` does not say it."""
    code: str | None = None
    """Column of a class code of the activity."""
    code_system: str | None = None
    scope: str | None = None
    place: str | None = None
    """Column of the place."""
    place_code: str | None = None
    """Place of the whole table, where it has no column for it."""
    year: str | None = None
    """Column of the year."""
    source: str | None = None
    """Column of the source."""
    total: tuple[str, ...] = ("All GHGs", "kg CO2e", "kgCO2e", "Total", "")
    """Values of the gas that mean the total of all gases."""
    others: tuple[str, ...] = ()
    """Columns kept as they are, under their own header."""

    def match(self, header: Header) -> Match | None:
        """Where the columns stand in a header, or `None` if one that is needed is missing."""
        cells = _cells(header)
        if self.missing(header):
            return None
        activity = [_find(column, cells) for column in self.activity]
        amounts = [
            (position, meaning, _year(column, cells[position]))
            for column, meaning in self.amounts
            if (position := _find(column, cells)) is not None
        ]
        optional = ("unit", "per", "gas", "code", "scope", "place", "year", "source")
        places = {name: _find(getattr(self, name), cells) for name in optional}
        return Match(
            columns=self,
            activity=tuple(position for position in activity if position is not None),
            amounts=tuple(amounts),
            others=tuple(
                (cells[position], position)
                for column in self.others
                if (position := _find(column, cells)) is not None
            ),
            **places,
        )

    def missing(self, header: Header, *, every: bool = False) -> tuple[str, ...]:
        """The columns that a header lacks: those that are needed, or `every` one that is named."""
        cells = _cells(header)
        amounts = [column for column, _ in self.amounts]
        needed = [self.activity[0], *filter(None, (self.unit, self.per))]
        if every:
            named = (self.gas, self.code, self.scope, self.place, self.year, self.source)
            needed = [*self.activity, *amounts, *filter(None, (self.unit, self.per, *named))]
            needed += self.others
        elif not any(_find(column, cells) is not None for column in amounts):
            needed += amounts
        return tuple(column for column in needed if _find(column, cells) is None)

    def touches(self, header: Header) -> bool:
        """Whether a header has the first column of the activity, or one of numbers."""
        cells = _cells(header)
        columns = (self.activity[0], *(column for column, _ in self.amounts))
        return any(_find(column, cells) is not None for column in columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The columns of one table by position."""

    columns: FactorColumns
    activity: tuple[int, ...]
    amounts: tuple[tuple[int, str, int | None], ...]
    unit: int | None = None
    per: int | None = None
    gas: int | None = None
    code: int | None = None
    scope: int | None = None
    place: int | None = None
    year: int | None = None
    source: int | None = None
    others: tuple[tuple[str, int], ...] = field(default=())


EPA_SUPPLY_CHAIN = FactorColumns(
    key="epa-supply-chain",
    title="US EPA supply chain greenhouse gas emission factors",
    activity=(r"\d{4} NAICS Title",),
    amounts=(
        (r"Supply Chain Emission Factors without Margins", "supply chain, without margins"),
        (r"Margins of Supply Chain Emission Factors", "margins only"),
        (r"Supply Chain Emission Factors with Margins", "supply chain, with margins"),
    ),
    unit=r"Unit",
    gas=r"GHG",
    code=r"\d{4} NAICS Code",
    code_system="NAICS 2017",
    place_code="US",
    others=(r"Reference USEEIO Code",),
)

EPA_SECTORS = FactorColumns(
    key="epa-supply-chain-sectors",
    title="US EPA supply chain emission factors by sector",
    activity=(r"(?:Commodity|Industry) Name",),
    amounts=EPA_SUPPLY_CHAIN.amounts,
    unit=r"Unit",
    gas=r"Substance",
    code=r"(?:Commodity|Industry) Code",
    code_system="US BEA",
    place_code="US",
)
"""The releases of 2020 to 2022, whose sectors are those of the input-output tables."""

UK_FLAT_FILE = FactorColumns(
    key="uk-conversion-factors",
    title="UK government greenhouse gas conversion factors",
    activity=(
        r"(?:Level|Category) 1",
        r"(?:Level|Category) 2",
        r"(?:Level|Category) 3",
        r"(?:Level|Category) 4",
        r"Column Text",
    ),
    amounts=((r"(?:GHG )?Conversion Factor\s*(?P<year>\d{4})?", "greenhouse gases"),),
    unit=r"GHG(?:/| )?Unit|GHG",
    per=r"UOM",
    scope=r"Scope",
    place_code="GB",
    others=(r"ID",),
)

PLAIN = FactorColumns(
    key="factors",
    title="emission factors",
    activity=(r"activity", r"category", r"sub-?category"),
    amounts=((r"(?:emission )?factor", "emission factor"),),
    unit=r"(?:factor )?unit",
    per=None,
    gas=r"gas|GHG|indicator",
    code=r"code",
    scope=r"scope",
    place=r"place|location|region|country|geography",
    year=r"year",
    source=r"source",
)
"""Plain words: `activity, factor, unit`; where known `gas, code, scope, place, year, source`."""

PRESETS = (EPA_SUPPLY_CHAIN, EPA_SECTORS, UK_FLAT_FILE, PLAIN)


def plain_column(column: str) -> str:
    """A column for a person: the header text itself where it was declared as such."""
    return re.sub(r"\\(\W)", r"\1", column.replace(YEAR, "{year}"))


def literal_column(text: str) -> str:
    """The expression for a header text as written; `{year}` stands for a year."""
    return re.escape(" ".join(text.split())).replace(r"\{year\}", YEAR)


def _cells(header: Header) -> list[str]:
    """Header cells on one line each: workbooks break them for the eye."""
    return [" ".join(cell.split()) for cell in header]


def _find(column: str | None, cells: Header) -> int | None:
    if column is None:
        return None
    pattern = re.compile(column, re.IGNORECASE)
    return next((i for i, cell in enumerate(cells) if pattern.fullmatch(cell)), None)


def _year(column: str, cell: str) -> int | None:
    found = re.fullmatch(column, cell, re.IGNORECASE)
    year = found.groupdict().get("year") if found else None
    return int(year) if year else None
