"""One committed state of an index, as arrays over positions; immutable, for any thread."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
from numpy.typing import NDArray

from lca_rag.errors import IndexStateError
from lca_rag.index.catalogue import Catalogue, unpack_sized
from lca_rag.index.columns import COLUMNS, TEXT_COLUMNS, YEAR_COLUMNS
from lca_rag.index.derived import LEXICAL, STATES, codes_of
from lca_rag.index.lexical import Lexical, Segment
from lca_rag.index.veil import Veil
from lca_rag.record import Record

ChromaQuery = Callable[
    [NDArray[np.float32], int, Mapping[str, object] | None], list[tuple[str, float]]
]
"""Unit vector, number of hits, Chroma's `where` -> ids with their cosine, best first."""
_HELD_BYTES = 32 << 20
"""Stored bytes of the records that are kept unpacked, as JSON; in memory they take about twice as
much. What is found once is mostly shown or asked for next."""
_AT_ONCE = 1024
"""Where more records are wanted at once, none is kept: they would drive out all others."""


class Snapshot:
    """The records, vectors and words of one state; positions run from 0 to `len(snapshot) - 1`.

    Positions follow the ids in code point order, so each database is one stretch of them.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        folder: Path,
        files: str | None,
        chroma: ChromaQuery,
        *,
        veil: Veil | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._veil = veil
        self._folder = folder
        self._files = folder / STATES / files if files else None
        self._chroma = chroma
        self._lock = threading.Lock()
        self._held: OrderedDict[int, tuple[Record, int]] = OrderedDict()
        self._held_bytes = 0
        self._columns: dict[str, NDArray[np.generic]] = {}
        self.generation = 0
        self.ids: Sequence[str] = ()
        """Record ids by position."""
        self.databases: Mapping[str, range] = {}
        """Positions of each database."""
        self.matrix: NDArray[np.float32]
        """Unit document vectors, float32 (n, d), memory-mapped; cosine = `matrix @ vector`."""
        self._load(int(catalogue.meta("dimension") or 0))

    def _load(self, dimension: int) -> None:
        if self._files is None:
            self.matrix = np.zeros((0, dimension), dtype=np.float32)
            self._contents = np.zeros((0, 16), dtype=np.uint8)
            self._segments: dict[str, str] = {}
            return
        meta = orjson.loads((self._files / "state.json").read_bytes())
        self.generation = meta["generation"]
        self.ids = orjson.loads((self._files / "ids.json").read_bytes())
        self.databases = {name: range(start, stop) for name, start, stop, _ in meta["databases"]}
        self._segments = {name: segment for name, _, _, segment in meta["databases"]}
        mode: Literal["r"] | None = "r" if self.ids else None  # an empty file cannot be mapped
        self.matrix = np.asarray(np.load(self._files / "matrix.npy", mmap_mode=mode))
        self._contents = np.asarray(np.load(self._files / "contents.npy", mmap_mode=mode))

    def __len__(self) -> int:
        """Number of records."""
        return len(self.ids)

    @cached_property
    def lexical(self) -> Lexical:
        """Words over the same positions, one segment per database.

        Raises:
            IndexStateError: If this state is so old that its files are gone.
        """
        try:
            return self._read_lexical()
        except FileNotFoundError as exc:
            raise self._outdated() from exc

    def _outdated(self) -> IndexStateError:
        return IndexStateError(
            f"{self._folder}: the files of state {self.generation} are gone; take a new snapshot, "
            "or run `lca-rag repair` if that does not help"
        )

    def _read_lexical(self) -> Lexical:
        segments = {
            name: (
                Segment.load(self._folder / LEXICAL / self._segments[name]),
                np.arange(positions.start, positions.stop, dtype=np.int64),
            )
            for name, positions in self.databases.items()
        }
        return Lexical(segments, len(self))

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.ids)}

    def position(self, id: str) -> int | None:
        """Where a record stands, or `None` if this state does not hold it."""
        return self._positions.get(id)

    def column(self, name: str) -> NDArray[np.generic]:
        """One column by position.

        Text columns hold objects (`None` where unknown), years floats (NaN where unknown, so that
        no comparison holds), and `newest` booleans.

        Raises:
            ValueError: If there is no such column.
            IndexStateError: If this state is so old that its files are gone.
        """
        if name not in self._columns:
            try:
                self._columns[name] = self._read_column(name)
            except FileNotFoundError as exc:
                raise self._outdated() from exc
        return self._columns[name]

    def _read_column(self, name: str) -> NDArray[np.generic]:
        if name not in COLUMNS and name != "newest":
            raise ValueError(f"no column {name!r}; there are {', '.join((*COLUMNS, 'newest'))}")
        if self._files is None:
            kind = np.object_ if name in TEXT_COLUMNS else np.float64
            return np.zeros(0, dtype=kind if name != "newest" else np.bool_)
        values: NDArray[np.generic] = np.load(self._files / "columns" / f"{name}.npy")
        unknown: Any = np.nan if name in YEAR_COLUMNS else None
        if name not in YEAR_COLUMNS and name != "newest":
            categories = orjson.loads((self._files / "columns" / f"{name}.json").read_bytes())
            values = codes_of(categories, values.astype(np.int32))
        if self._veil is not None:
            for database, positions in self.databases.items():
                if name in self._veil.hidden_columns(database):
                    values[positions.start : positions.stop] = unknown
        return values

    def record(self, position: int) -> Record:
        """The record at a position."""
        return self.records([position])[0]

    def records(self, positions: Iterable[int]) -> list[Record]:
        """The records at these positions, in the order asked.

        Raises:
            IndexStateError: If this state is so old that the catalogue has dropped its records.
        """
        wanted = [int(position) for position in positions]
        if len(wanted) > _AT_ONCE:
            return [record for record, _ in self._unpacked(wanted)]
        with self._lock:
            held = {position: self._held[position] for position in wanted if position in self._held}
        missing = [position for position in dict.fromkeys(wanted) if position not in held]
        held.update(zip(missing, self._unpacked(missing), strict=True))
        with self._lock:
            for position in wanted:
                self._hold(position, held[position])
        return [held[position][0] for position in wanted]

    def _hold(self, position: int, entry: tuple[Record, int]) -> None:
        """Keep a record, and let go of those that were longest not asked for."""
        if position not in self._held:
            self._held[position] = entry
            self._held_bytes += entry[1]
        self._held.move_to_end(position)
        while self._held_bytes > _HELD_BYTES and len(self._held) > 1:
            self._held_bytes -= self._held.popitem(last=False)[1][1]

    def _unpacked(self, wanted: list[int]) -> list[tuple[Record, int]]:
        """Records fresh from the catalogue, each with its size in bytes as JSON."""
        if not wanted:
            return []
        contents = [self._contents[position].tobytes() for position in wanted]
        bodies = dict(
            self._catalogue.rows_in(
                "SELECT content, body FROM bodies WHERE content IN ({})", set(contents)
            )
        )
        sources = dict(
            self._catalogue.rows_in(
                "SELECT id, provenance FROM records WHERE id IN ({})",
                {self.ids[position] for position in wanted},
            )
        )
        if not bodies.keys() >= set(contents):
            raise self._outdated()
        found = [
            unpack_sized(bodies[content], sources.get(self.ids[position]))
            for position, content in zip(wanted, contents, strict=True)
        ]
        if self._veil is None:
            return found
        return [(self._veil.visible(record), size) for record, size in found]

    def chroma_query(
        self, vector: NDArray[np.float32], k: int, where: Mapping[str, object] | None = None
    ) -> list[tuple[int, float]]:
        """The `k` nearest by Chroma's approximate search: positions and cosines, best first.

        Records that Chroma knows and this state does not are left out.
        """
        hits = ((self.position(name), score) for name, score in self._chroma(vector, k, where))
        return [(position, score) for position, score in hits if position is not None]
