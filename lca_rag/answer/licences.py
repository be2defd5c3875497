"""What may be shown to whom: one rule per database, enforced where evidence is made.

`open` may go anywhere. `internal` stays with the people and models of the house. `restricted`
shows only that a record exists and the fields that its rule allows. A database without a rule is
`open` only if its records say so themselves; otherwise it is `internal`, so that nothing reaches a
remote model by oversight.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from lca_rag.errors import AccessError
from lca_rag.record import NO_TEXT, FlowFacts, Licence, Period, Record

__all__ = ["AuditLog", "Level", "Policy", "Rule", "is_local"]

Level = Literal["open", "internal", "restricted"]
FIELDS = (
    "name",
    "place",
    "period",
    "classification",
    "texts",
    "exchanges",
    "results",
    "licence",
    "references",
)
"""Parts of a record that a rule can allow; identity is always shown: ids, name, kind, type of data
set, system model, and CAS number, EC number and formula of a flow."""
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "place": ("place",),
    "period": ("year_start", "year_end", "reference_year"),
    "classification": ("classes",),
    "texts": ("allocation",),
}
"""Columns of an index that tell a part of a record to whoever filters or ranks by them."""
_ALWAYS = frozenset(("name", "place", "period"))
_FREE = re.compile(
    r"free of charge for all users and uses|\bcc0\b|\bcc[- ]by\b(?![- ]nc)"
    r"|creative commons (zero|attribution)(?! non)"
    r"|public domain|\bmit\b|\bodc|open database licen[cs]e|can be accessed by everybody"
    r"|use of this dataset is not restricted",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What holds for one database."""

    level: Level
    allowed: frozenset[str] = _ALWAYS
    """Parts that are shown although the level is `restricted`."""

    def __post_init__(self) -> None:
        """Refuse words that no part bears, which would silently allow less or more."""
        if self.level not in ("open", "internal", "restricted"):
            raise AccessError(f"level {self.level!r} is unknown; use open, internal or restricted")
        unknown = self.allowed - set(FIELDS)
        if unknown:
            raise AccessError(f"field {min(unknown)!r} is unknown; use some of {', '.join(FIELDS)}")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Rules by database.

    Attributes:
        rules: Rule per database name.
        trusted_hosts: Hosts that belong to the house; models there count as local.
    """

    rules: Mapping[str, Rule] = field(default_factory=dict[str, Rule])
    trusted_hosts: frozenset[str] = frozenset()

    @classmethod
    def load(cls, path: Path) -> Policy:
        """The policy in a JSON file: `{"databases": {"ecoinvent": {"level": "restricted"}}}`.

        Raises:
            AccessError: If the file cannot be understood.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            _only(path, data, "databases", "trusted_hosts")
            for rule in data["databases"].values():
                _only(path, rule, "level", "allowed")
            rules = {
                str(name): Rule(
                    level=rule["level"], allowed=frozenset(rule.get("allowed", _ALWAYS))
                )
                for name, rule in data["databases"].items()
            }
            hosts = frozenset(map(str, data.get("trusted_hosts", ())))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            raise AccessError(
                f"{path}: no policy can be read ({exc}); write "
                '{"databases": {"name": {"level": "open"}}}'
            ) from exc
        return cls(rules=rules, trusted_hosts=hosts)

    def level(self, record: Record) -> Level:
        """The level that holds for a record."""
        rule = self.rules.get(record.database)
        if rule is not None:
            return rule.level
        licence = record.licence
        said = " ".join((licence.type or "", *licence.restrictions.all()))
        return "open" if _FREE.search(said) else "internal"

    def visible(self, record: Record) -> Record:
        """The record with what may be shown to a reader of this house."""
        rule = self.rules.get(record.database)
        if rule is None or rule.level != "restricted":
            return record
        return _reduced(record, rule.allowed)

    def hidden_columns(self, database: str) -> frozenset[str]:
        """Columns of an index that say what may not be shown of a database."""
        rule = self.rules.get(database)
        if rule is None or rule.level != "restricted":
            return frozenset()
        return frozenset(
            column
            for part, columns in _COLUMNS.items()
            if part not in rule.allowed
            for column in columns
        )

    def sendable(
        self, records: Iterable[Record], *, remote: bool
    ) -> tuple[list[Record], list[Record]]:
        """The records that may enter a prompt, and those that may not.

        A restricted record never enters a prompt for a remote model, not even in part.
        """
        may: list[Record] = []
        may_not: list[Record] = []
        for record in records:
            level = self.level(record)
            if level == "open" or (level == "internal" and not remote):
                may.append(record)
            elif level == "restricted" and not remote:
                may.append(self.visible(record))
            else:
                may_not.append(record)
        return may, may_not


def _only(path: Path, given: Mapping[str, object], *known: str) -> None:
    """Refuse a misspelt word: what it should have forbidden would be allowed."""
    unknown = [name for name in given if name not in known]
    if unknown:
        raise AccessError(f"{path}: {unknown[0]!r} is unknown here; write {' or '.join(known)}")


def _reduced(record: Record, allowed: frozenset[str]) -> Record:
    """Identity, and the parts that are allowed."""
    reduced = replace(record, details=(), extras=(), provenance=None, synonyms=NO_TEXT)
    if reduced.flow is not None:
        reduced = replace(reduced, flow=_flow(reduced.flow, allowed))
    if "period" not in allowed:
        reduced = replace(reduced, period=Period())
    if "place" not in allowed:
        reduced = replace(reduced, place=None)
    if "classification" not in allowed:
        reduced = replace(reduced, classifications=())
    if "texts" not in allowed:
        reduced = replace(
            reduced,
            comment=NO_TEXT,
            technology=NO_TEXT,
            applicability=NO_TEXT,
            functional_unit=NO_TEXT,
            reference_type=None,
            method_principle=None,
            method_approaches=(),
            place=replace(reduced.place, description=NO_TEXT) if reduced.place else None,
            period=replace(reduced.period, description=NO_TEXT),
        )
    if "exchanges" not in allowed:
        reduced = replace(reduced, exchanges=(), references_stated=0)
    if "results" not in allowed:
        reduced = replace(reduced, results=())
    if "licence" not in allowed:
        reduced = replace(
            reduced, licence=Licence(type=record.licence.type, owner=record.licence.owner)
        )
    return reduced if "references" in allowed else replace(reduced, references=())


def _flow(facts: FlowFacts, allowed: frozenset[str]) -> FlowFacts:
    """What tells a flow from others, without its amounts and origin unless they are allowed."""
    return replace(
        facts,
        properties=facts.properties if "exchanges" in allowed else (),
        supply=facts.supply if "place" in allowed else None,
    )


def is_local(url: str, trusted: frozenset[str] = frozenset()) -> bool:
    """Whether a URL leads to this machine or to a trusted host."""
    host = (urlsplit(url).hostname or "").lower()
    if host in trusted or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class AuditLog:
    """One JSON line for every text that left the machine; never the text itself."""

    def __init__(self, path: Path) -> None:
        """Keep where to write."""
        self._path = path
        self._lock = threading.Lock()

    def note(
        self, *, destination: str, model: str, records: Sequence[Record], payload: str
    ) -> None:
        """Record what is about to be sent.

        Raises:
            AccessError: If it cannot be written; then nothing may be sent.
        """
        data = payload.encode()
        line = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "destination": destination,
            "model": model,
            "records": [record.id for record in records],
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        try:
            with self._lock, self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as exc:
            raise AccessError(
                f"{self._path}: the audit log cannot be written ({exc.strerror}), "
                "so nothing is sent; "
                "make the file writable"
            ) from exc
