"""What a searcher wishes for, as filters over a snapshot and as facts to rank by.

A filter is a boolean mask over positions, made from the catalogue's columns before anything is cut
to the best `k`; so it can lose nothing and is never dropped. The same wishes, when they are not
strict, rank hits and are explained (`ranking`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import NDArray

from lca_rag.errors import QueryError
from lca_rag.places import find_place
from lca_rag.places import relation as place_relation

if TYPE_CHECKING:
    from lca_rag.index.snapshot import Snapshot

    Mask = NDArray[np.bool_]

_KEPT_MASKS = 256
KINDS = ("process", "flow", "model", "method", "text")


class WishArguments(TypedDict, total=False):
    """The wishes of a search as keyword arguments, for whoever passes them on as they are.

    Each means what `Retriever.search` says of it; what is left out is not wished.
    """

    kind: str | None
    place: str | None
    year: int | tuple[int, int] | None
    database: str | Sequence[str] | None
    data_type: str | None
    system_model: str | None
    allocation: str | None
    classification: str | None
    strict: bool


class SearchArguments(WishArguments, total=False):
    """Wishes, and what the searcher may see."""

    rights: Collection[str] | None
    """Databases; `None` for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is asked of a record beside the words. `None` asks nothing."""

    kind: str | None = None
    place: str | None = None
    """A code or a name ("DE", "Germany", "中国")."""
    year: int | tuple[int, int] | None = None
    """A calendar year, or the first and last year of a range, both included."""
    database: str | tuple[str, ...] | None = None
    data_type: str | None = None
    """Type of data set: "unit", "aggregated", "market", or words of the source's own term."""
    system_model: str | None = None
    allocation: str | None = None
    classification: str | None = None
    """Words or a code that the classification holds."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, before any work is done."""
        if self.kind is not None and self.kind not in KINDS:
            raise QueryError(f"kind {self.kind!r} is unknown; use one of {', '.join(KINDS)}")
        first, last = self.years or (0, 0)
        if first > last:
            raise QueryError(f"year range {first}-{last} ends before it starts")
        if self.place is not None and find_place(self.place) is None:
            raise QueryError(
                f"place {self.place!r} is unknown; use a code such as 'DE', 'CN-SH', 'RER' or "
                "'GLO', or a country's name"
            )

    @property
    def years(self) -> tuple[int, int] | None:
        """The wished years as a range, both ends included."""
        if self.year is None or isinstance(self.year, tuple):
            return self.year
        return self.year, self.year

    @property
    def stated(self) -> tuple[str, ...]:
        """Names of the wishes that ask something."""
        return tuple(item.name for item in fields(self) if getattr(self, item.name) is not None)

    def only(self, *names: str) -> Wishes:
        """The same wishes, with every other one dropped."""
        return replace(Wishes(), **{name: getattr(self, name) for name in names})


class Facets:
    """The columns of one snapshot, each value numbered, so that a filter looks at values once."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._numbered: dict[str, tuple[list[str | None], NDArray[np.int64]]] = {}
        self._masks: dict[object, Mask] = {}

    def kept_mask(self, wishes: Wishes, *, rights: frozenset[str] | None, newest: bool) -> Mask:
        """The mask as `mask` makes it, kept for the next search of this same snapshot."""
        key = (wishes, rights, newest)
        found = self._masks.get(key)
        if found is None:
            found = self.mask(wishes, rights=rights, newest=newest)
            if len(self._masks) > _KEPT_MASKS:
                self._masks.clear()
            self._masks[key] = found
        return found

    def numbered(self, column: str) -> tuple[list[str | None], NDArray[np.int64]]:
        """Distinct values of a text column, and for each position the number of its value."""
        if column not in self._numbered:
            numbers: dict[str | None, int] = {}
            values = self.snapshot.column(column)
            codes = np.fromiter(
                (numbers.setdefault(value, len(numbers)) for value in values.tolist()),
                dtype=np.int64,
                count=len(values),
            )
            self._numbered[column] = (list(numbers), codes)
        return self._numbered[column]

    def where(self, column: str, test: Callable[[str], bool]) -> Mask:
        """Positions whose value passes a test; an unknown value passes none."""
        values, codes = self.numbered(column)
        passed = np.fromiter(
            (value is not None and test(value) for value in values), np.bool_, count=len(values)
        )
        return passed[codes] if len(values) else np.zeros(len(codes), dtype=np.bool_)

    def mask(
        self,
        wishes: Wishes,
        *,
        rights: Collection[str] | None = None,
        newest: bool = True,
    ) -> Mask:
        """Positions that meet every stated wish, shape (n,).

        Args:
            wishes: What is asked.
            rights: Databases that the searcher may see; all if `None`.
            newest: Whether superseded versions are left out.
        """
        size = len(self.snapshot.ids)
        mask = np.ones(size, dtype=np.bool_)
        if newest:
            mask &= self.snapshot.column("newest").astype(np.bool_)
        if rights is not None:
            mask &= self.where("database", lambda value: value in rights)
        for name in wishes.stated:
            mask &= _FILTERS[name](self, wishes)
        return mask


def year_spans(snapshot: Snapshot) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """First and last year for which each record is valid, shape (n,) each; NaN if not stated.

    The span runs from the first year of a range, or the reference year, to the last year of the
    range, or the year until which the data set is valid. A reference year alone is that year.
    """
    start = snapshot.column("year_start").astype(np.float64)
    end = snapshot.column("year_end").astype(np.float64)
    first = np.where(np.isnan(start), end, start)
    return first, np.where(np.isnan(end), first, np.maximum(first, end))


def _kind(facets: Facets, wishes: Wishes) -> Mask:
    return facets.where("kind", lambda value: value == wishes.kind)


def _database(facets: Facets, wishes: Wishes) -> Mask:
    wanted = (wishes.database,) if isinstance(wishes.database, str) else wishes.database or ()
    return facets.where("database", lambda value: value in wanted)


def _place(facets: Facets, wishes: Wishes) -> Mask:
    asked = wishes.place or ""
    return facets.where("place", lambda value: place_relation(asked, value).kind == "same")


def _year(facets: Facets, wishes: Wishes) -> Mask:
    asked_first, asked_last = wishes.years or (0, 0)
    first, last = year_spans(facets.snapshot)
    return (first <= asked_last) & (last >= asked_first)


DATA_TYPES: Mapping[str, tuple[str, ...]] = {
    "unit": ("unit process",),
    "aggregated": ("lci result", "aggregated", "terminated", "partly terminated"),
    "market": ("market",),
}
"""Common words for types of data set, and what sources write for them (in lower case)."""


def same_data_type(asked: str, value: str) -> bool:
    """Whether a source's type of data set is what a common word, or its own words, ask for."""
    wanted = DATA_TYPES.get(asked.lower(), (asked.lower(),))
    return any(words in value.lower() for words in wanted)


def _data_type(facets: Facets, wishes: Wishes) -> Mask:
    return facets.where("data_type", lambda value: same_data_type(wishes.data_type or "", value))


def _holds(column: str) -> Callable[[Facets, Wishes], Mask]:
    """A filter that wants the wished words inside a column, without regard to case."""
    wish = {"classes": "classification"}.get(column, column)

    def filtered(facets: Facets, wishes: Wishes) -> Mask:
        words = str(getattr(wishes, wish)).casefold()
        return facets.where(column, lambda value: words in value.casefold())

    return filtered


_FILTERS: Mapping[str, Callable[[Facets, Wishes], Mask]] = {
    "kind": _kind,
    "place": _place,
    "year": _year,
    "database": _database,
    "data_type": _data_type,
    "system_model": _holds("system_model"),
    "allocation": _holds("allocation"),
    "classification": _holds("classes"),
}
