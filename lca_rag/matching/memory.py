"""Matches that a person confirmed, in a CSV file that can be edited by hand."""

from __future__ import annotations

import csv
import logging
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from lca_rag.errors import ReadError
from lca_rag.matching.lines import BomLine

_log = logging.getLogger(__name__)
_HEADER = ("description", "unit", "place", "record")


@dataclass
class Memory:
    """Confirmed matches by what the line says; unit and place may be left empty to fit all."""

    path: Path
    entries: dict[tuple[str, str, str], str] = field(
        default_factory=dict[tuple[str, str, str], str]
    )
    """Description, unit and place, folded, to `{database}/{uuid}` or a full id."""

    @classmethod
    def load(cls, path: str | Path) -> Memory:
        """The memory in a file; an empty one, with a warning, if there is no such file yet.

        Raises:
            ReadError: If the file lacks a column.
        """
        file = Path(path)
        memory = cls(file)
        if not file.exists():
            _log.warning(
                "%s: there is no such memory of matches; it starts empty, and the file is written "
                "when a match is confirmed",
                file,
            )
            return memory
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in _HEADER if name not in (reader.fieldnames or ())]
            if missing:
                raise ReadError(
                    f"{file}: column {missing[0]!r} is missing; the header must be "
                    f"{','.join(_HEADER)}",
                    path=str(file),
                )
            for row in reader:
                key = tuple(_folded(_plain(row[name])) for name in _HEADER[:3])
                memory.entries[key[0], key[1], key[2]] = _plain(row["record"])
        return memory

    def recall(self, line: BomLine) -> str | None:
        """The confirmed record of a line, or `None`."""
        text = _folded(line.description)
        unit, place = _folded(line.unit), _folded(line.place)
        for key in ((text, unit, place), (text, unit, ""), (text, "", place), (text, "", "")):
            if key in self.entries:
                return self.entries[key]
        return None

    def confirm(self, line: BomLine, record: str) -> None:
        """Note that a line means a record, and write the file."""
        self.entries[_folded(line.description), _folded(line.unit), _folded(line.place)] = record
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(f"{self.path.name}.partial")
        with partial.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(_HEADER)
            for key, value in self.entries.items():
                writer.writerow([guarded(cell) for cell in (*key, value)])
        partial.replace(self.path)


def guarded(text: str) -> str:
    """Text that a spreadsheet will not run as a formula: a quote before a leading = + - @."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _plain(cell: str | None) -> str:
    """A cell without the quote that `guarded` puts before a formula."""
    text = cell or ""
    return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@") else text


def _folded(text: str | None) -> str:
    return " ".join(unicodedata.normalize("NFKC", text or "").casefold().split())
