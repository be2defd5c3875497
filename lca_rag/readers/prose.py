"""Free text, years and numbers as real files hold them, cleaned without losing what they say.

A `Mender` belongs to one record: it cleans what the reader hands it and remembers each kind of
repair once, for `Provenance.repairs`, from which the report of the run is counted.
"""

from __future__ import annotations

import math
import re
import sys
from functools import lru_cache
from uuid import NAMESPACE_URL, uuid5

from lca_rag.readers.context import Package
from lca_rag.record import NO_TEXT, Provenance, Text

UNKNOWN_YEAR = 9000
"""Years from here on mean "unknown" or "for ever": real files hold 9998-12-31 and 9999-01-01."""

_FILLERS = frozenset(
    (
        *("unspecified", "not specified", "none specified", "unknown", "undefined", "none", "tbd"),
        *("not available", "not applicable", "no data", "na", "n/a", "n.a.", "n.a", "null", "nan"),
        *("-", "--", "."),
    )
)
_FILLER_PREFIX = "text for "  # templates of data entry forms ("text for sampling procedure")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DOUBLED = re.compile(r'""(?=\w)|(?<=\w)""')
_YEAR = re.compile(r"\s*(\d{4})(?!\d)")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_COMMA = re.compile(r"\s*[+-]?\d*,\d+(?:[eE][+-]?\d+)?\s*")
_NAMESPACE = uuid5(NAMESPACE_URL, "urn:lca-rag:record")

FILLER = "filler text dropped"
CONTROLS = "control characters dropped"
LINE_ENDS = "line ends unified"
QUOTES = "doubled quotes undone"
NO_YEAR = "year that means unknown dropped"
COMMA = "decimal comma read as point"
NO_NUMBER = "amount that is no finite number dropped"


class Mender:
    """Cleans the values of one record and remembers what it mended."""

    def __init__(self) -> None:
        """Nothing is mended yet."""
        self._repairs: dict[str, None] = {}

    def note(self, phrase: str) -> None:
        """Remember a repair, once per record."""
        self._repairs[phrase] = None

    def provenance(self, path: str, format: str) -> Provenance:
        """Where the record was found and all that was mended."""
        return Provenance(path=path, format=format, repairs=tuple(self._repairs))

    def clean(self, value: object) -> str | None:
        """`value` without filler, control characters, odd line ends and outer blanks."""
        if not isinstance(value, str):
            return None
        text = value
        if not text.isprintable():
            text = self._unify(text)
        if '""' in text and _DOUBLED.search(text):
            self.note(QUOTES)
            text = text.replace('""', '"')
        text = text.strip()
        if len(text) <= 20 and text.casefold() in _FILLERS:
            self.note(FILLER)
            return None
        if text[:9].casefold() == _FILLER_PREFIX and len(text) < 80:
            self.note(FILLER)
            return None
        return text or None

    def text(self, value: object, language: str = "") -> Text:
        """`clean` as one statement."""
        cleaned = self.clean(value)
        return Text(((language, cleaned),)) if cleaned else NO_TEXT

    def year(self, value: object) -> int | None:
        """The year a date starts with; `None` for none, and for the years that mean unknown."""
        found = _YEAR.match(value) if isinstance(value, str) else None
        if not found:
            return None
        year = int(found.group(1))
        if year == 0 or year >= UNKNOWN_YEAR:
            self.note(NO_YEAR)
            return None
        return year

    def number(self, value: object) -> float | None:
        """A finite number; text is read with a decimal point. Absent stays absent, never zero."""
        if value is None or value == "":
            return None
        if isinstance(value, str) and _COMMA.fullmatch(value):
            self.note(COMMA)
            value = value.replace(",", ".")
        try:
            number = float(value) if isinstance(value, int | float | str) else math.nan
        except (ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number) or isinstance(value, bool):
            self.note(NO_NUMBER)
            return None
        return number

    def _unify(self, text: str) -> str:
        if "\r" in text:
            self.note(LINE_ENDS)
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if _CONTROL.search(text):
            self.note(CONTROLS)
            text = _CONTROL.sub("", text)
        return text


def name(value: object) -> str | None:
    """A label on one line, without outer blanks; "unspecified" can be one, so no filler rule."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    if not text.isprintable():
        text = " ".join(_CONTROL.sub("", text).split())
    return text or None


def interned(value: object) -> str | None:
    """`name` for the short words that repeat by the thousand: units, codes, ids, compartments."""
    return one_copy(value) if isinstance(value, str) else None


@lru_cache(maxsize=1 << 17)
def one_copy(value: str) -> str | None:
    """`interned` of what is known to be text, which saves a call for each exchange."""
    text = name(value)
    return sys.intern(text) if text else None


def words(text: str) -> frozenset[str]:
    """The blank-separated words of `text`; lists of field names read best so."""
    return frozenset(text.split())


def is_uuid(value: str) -> bool:
    """Whether `value` has the form of a UUID, with or without hyphens."""
    return _UUID.fullmatch(value) is not None


def derived_uuid(*parts: str) -> str:
    """A UUID (version 5) from what identifies a data set in a format that has none."""
    return str(uuid5(_NAMESPACE, "\x1f".join(parts)))


def member_path(package: Package, member: str) -> str:
    """Where a member lies, for messages and provenance."""
    label = package.label
    return label if label.endswith(member) else f"{label}!{member}"
