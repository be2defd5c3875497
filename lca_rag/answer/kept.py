"""What was made from records lately, kept for the next question within a bound on its size."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from lca_rag.record import Record

__all__ = ["ByRecord"]


class _OfRecord(Protocol):
    @property
    def record(self) -> Record: ...


Made = TypeVar("Made", bound=_OfRecord)


class ByRecord(Generic[Made]):
    """Things made from one record each; the one that was longest not asked for goes first.

    Records differ in size a thousandfold, and so does what is made from them; so not records are
    counted but their exchanges, and one for the rest of each record.
    """

    def __init__(self, make: Callable[[Record], Made], limit: int) -> None:
        """Keep what `make` gives, of records with at most `limit` exchanges together."""
        self._make = make
        self._limit = limit
        self._weight = 0
        self._kept: OrderedDict[str, Made] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def of(self, record: Record) -> Made:
        """What is made from a record; a changed record of the same id gets a new one."""
        with self._lock:
            kept = self._kept.get(record.id)
            if kept is not None and (kept.record is record or kept.record == record):
                self._kept.move_to_end(record.id)
                return kept
            if kept is not None:
                self._weight -= _weight(kept.record)
            made = self._kept[record.id] = self._make(record)
            self._kept.move_to_end(record.id)
            self._weight += _weight(record)
            while self._weight > self._limit and len(self._kept) > 1:
                self._weight -= _weight(self._kept.popitem(last=False)[1].record)
            return made


def _weight(record: Record) -> int:
    return 1 + len(record.exchanges)
