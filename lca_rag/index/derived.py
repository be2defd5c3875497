"""Files made from the catalogue for fast reading: matrix, columns, lexical segments.

Each committed state has a folder of its own under `states/`, which appears whole and is never
changed; a reader who holds an older one keeps it mapped. Lexical segments lie under `lexical/`, one
folder per database and content, shared by every state in which that database is the same.
Positions are the ranks of the ids in code point order, so the same records give the same positions
whatever the history, and each database is one run of positions.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import orjson
from numpy.lib.format import write_array_header_1_0
from numpy.typing import NDArray

from lca_rag.errors import IndexStateError
from lca_rag.index.catalogue import Catalogue, unpack_fields
from lca_rag.index.columns import TEXT_COLUMNS, YEAR_COLUMNS
from lca_rag.index.lexical import Segment

STATES = "states"
LEXICAL = "lexical"
DIGEST_BYTES = 16
KEPT_STATES = 3
KEPT_SECONDS = 30.0
"""Older states stay on disk, so many and so long, for readers who are about to open them."""


def digest(data: bytes) -> bytes:
    """The content hash that the catalogue uses everywhere."""
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


class Deriver:
    """Writes the derived files of one index folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def derive(self, catalogue: Catalogue, generation: int) -> str:
        """Write the files of the state that `catalogue` shows; the name of their folder.

        Raises:
            IndexStateError: If they cannot be written; nothing of them stays.
        """
        name = f"{generation:08d}-{secrets.token_hex(4)}"
        part = self.folder / STATES / f"{name}.part"
        try:
            part.mkdir(parents=True)
            self._write(catalogue, part, generation)
            part.rename(part.with_name(name))
        except BaseException as exc:
            shutil.rmtree(part, ignore_errors=True)  # half a state must not fill the disk
            if isinstance(exc, OSError):
                raise IndexStateError(
                    f"{self.folder}: the files of a new state cannot be written ({exc}); readers "
                    "keep the last one. Make room, then run it again"
                ) from exc
            raise
        return name

    def stands(self, name: str | None) -> bool:
        """Whether the files of a state are there, or it needs none."""
        return name is None or (self.folder / STATES / name / "state.json").is_file()

    def _write(self, catalogue: Catalogue, part: Path, generation: int) -> None:
        identities = catalogue.rows("SELECT id, database, content FROM records ORDER BY id")
        (part / "ids.json").write_bytes(orjson.dumps([row[0] for row in identities]))
        contents = b"".join(row[2] for row in identities)
        np.save(
            part / "contents.npy",
            np.frombuffer(contents, dtype=np.uint8).reshape(len(identities), DIGEST_BYTES),
        )
        self._write_matrix(catalogue, part, len(identities))
        self._write_columns(catalogue, part)
        databases = self._write_segments(catalogue, identities)
        meta = {"generation": generation, "databases": databases}
        (part / "state.json").write_bytes(orjson.dumps(meta))

    def tidy(self, current: str | None) -> None:
        """Remove states and segments that nobody can be about to open."""
        states = sorted(path for path in self._folders(STATES) if path.name != current)
        whole = [path for path in states if (path / "state.json").exists()]
        whole = [path for path in whole if not path.name.endswith(".part")]
        late = time.time() - KEPT_SECONDS
        kept = {path for path in whole if path.stat().st_mtime > late} | {*whole[-KEPT_STATES:]}
        for path in states:
            if path not in kept:
                shutil.rmtree(path, ignore_errors=True)  # on Windows a mapped file stays for now
        used = set()
        for path in [*kept, *([self.folder / STATES / current] if current else [])]:
            meta = orjson.loads((path / "state.json").read_bytes())
            used |= {segment for _, _, _, segment in meta["databases"]}
        for path in self._folders(LEXICAL):
            if path.name not in used:
                shutil.rmtree(path, ignore_errors=True)

    def forget_words(self) -> None:
        """Let the next state build every lexical segment anew."""
        shutil.rmtree(self.folder / LEXICAL, ignore_errors=True)

    def _folders(self, name: str) -> list[Path]:
        folder = self.folder / name
        return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []

    def _write_matrix(self, catalogue: Catalogue, part: Path, size: int) -> None:
        key = catalogue.meta("fingerprint_key") or ""
        dimension = int(catalogue.meta("dimension") or 0)
        if not size:
            np.save(part / "matrix.npy", np.zeros((0, dimension), dtype=np.float32))
            return
        cursor = catalogue.connection.execute(
            "SELECT r.id, v.vector FROM records r LEFT JOIN vectors v "
            "ON v.text = r.text AND v.fingerprint = ? ORDER BY r.id",
            (key,),
        )
        # Written, not mapped: a full disk under a mapped file ends the process without a word.
        with (part / "matrix.npy").open("wb") as file:
            shape = {"descr": "<f4", "fortran_order": False, "shape": (size, dimension)}
            write_array_header_1_0(file, shape)
            for name, vector in cursor:
                if vector is None:
                    raise IndexStateError(
                        f"{self.folder}: {name!r} has no vector in the catalogue; "
                        "sync its database again"
                    )
                file.write(vector)

    def _write_columns(self, catalogue: Catalogue, part: Path) -> None:
        columns = part / "columns"
        columns.mkdir()
        for name in TEXT_COLUMNS:
            values = [row[0] for row in catalogue.rows(f"SELECT {name} FROM records ORDER BY id")]
            categories = sorted({value for value in values if value is not None})
            codes = {value: code for code, value in enumerate(categories)}
            np.save(
                columns / f"{name}.npy",
                np.array([codes.get(value, -1) for value in values], dtype=np.int32),
            )
            (columns / f"{name}.json").write_bytes(orjson.dumps(categories))
        for name in YEAR_COLUMNS:
            years = catalogue.rows(f"SELECT {name} FROM records ORDER BY id")
            np.save(
                columns / f"{name}.npy",
                np.array([np.nan if y is None else y for (y,) in years], dtype=np.float64),
            )
        newest = catalogue.rows("SELECT newest FROM records ORDER BY id")
        np.save(columns / "newest.npy", np.array([bool(row[0]) for row in newest], dtype=np.bool_))

    def _write_segments(
        self, catalogue: Catalogue, identities: Sequence[tuple[str, str, bytes]]
    ) -> list[tuple[str, int, int, str]]:
        """Per database: name, first position, position after its last, folder of its segment."""
        databases = []
        for database, start, stop in _runs([row[1] for row in identities]):
            members = identities[start:stop]
            content = digest(b"".join(row[0].encode() + row[2] for row in members)).hex()
            name = f"{database}-{content}"
            target = self.folder / LEXICAL / name
            if not target.is_dir():
                target.parent.mkdir(exist_ok=True)
                Segment.build(_fields(catalogue, database)).save(target)
            databases.append((database, start, stop, name))
        return databases


def _fields(catalogue: Catalogue, database: str) -> Iterator[dict[str, str]]:
    cursor = catalogue.connection.execute(
        "SELECT fields FROM records JOIN bodies USING (content) WHERE database = ? ORDER BY id",
        (database,),
    )
    for (blob,) in cursor:
        yield unpack_fields(blob)


def _runs(names: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Each stretch of equal names, with its first position and the one after its last."""
    start = 0
    for position in range(1, len(names) + 1):
        if position == len(names) or names[position] != names[start]:
            yield names[start], start, position
            start = position


def codes_of(categories: Sequence[str], codes: NDArray[np.int32]) -> NDArray[np.object_]:
    """The values that codes stand for; -1 is `None`."""
    values = np.empty(len(categories) + 1, dtype=np.object_)
    values[:-1] = categories
    values[-1] = None
    return values[codes]
