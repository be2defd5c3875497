"""EcoSpold 2: one activity per file, and the `MasterData` that its names and units may live in.

An activity id is shared by all products of an activity, so a record is identified by activity and
reference product together (the two halves of ecoinvent's file names).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from lca_rag.errors import ReadError
from lca_rag.readers.context import Package, ReadContext
from lca_rag.readers.ecospold2_activity import MAPPED, activity_record
from lca_rag.readers.ecospold2_master import FLOW_ROOTS, Master, flow_records
from lca_rag.readers.nodes import Node, Paths, xml_root
from lca_rag.readers.prose import member_path
from lca_rag.readers.sessions import Counts, Round, in_turn
from lca_rag.record import Record

_NAMESPACE = re.compile(rb"EcoInvent\.org/EcoSpold02|<(?:\w+:)?(?:child)?[aA]ctivityDataset[\s>]")
_WITHIN = re.compile(r"(/(?:uncertainty|property|parameter))/.*")  # one count for the whole element
_ACTIVITIES = ("activityDataset", "childActivityDataset")
_ROOT = re.compile(rb"<(?:[\w.-]+:)?(\w+)(?=[\s>/])")
_FORMAT = "ecospold2"
_MASTER, _MASTER_FLOWS, _ACTIVITY = range(3)
"""The rounds."""


class EcoSpold2Reader:
    """Reads EcoSpold 2 files and their master data."""

    format = _FORMAT
    quickness = 1

    def recognise(self, name: str, head: bytes) -> bool:
        """Whether the head names the EcoSpold 2 namespace or an activity data set."""
        return _NAMESPACE.search(plain(head)) is not None

    def read(
        self, package: Package, names: Sequence[str], context: ReadContext
    ) -> Iterator[Record]:
        """Flows of the master data first, then one record for each activity and product."""
        return in_turn(self, package, names, context)

    def session(self, package: Package, context: ReadContext) -> EcoSpold2Session:
        """A new reading."""
        return EcoSpold2Session(package, context)

    def databases(self, names: Sequence[str]) -> list[Sequence[str]]:
        """All members share the master data."""
        return [names]


class EcoSpold2Session:
    """One package with its master data."""

    strays = 0
    narrow = frozenset((_MASTER, _MASTER_FLOWS))

    def __init__(self, package: Package, context: ReadContext) -> None:
        """Begin without master data."""
        self.knowledge = Master()
        self._package = package
        self._context = context
        self._paths = Paths()

    def rounds(self, names: Sequence[str]) -> Iterator[Round]:
        """Master data first, its flows last among them, since they point to units."""
        groups: tuple[list[str], list[str], list[str]] = ([], [], [])
        for name in names:
            root = None if name.endswith(".spold") else _master_root(self._package, name)
            if root is None:
                groups[_ACTIVITY].append(name)
            else:
                groups[_MASTER_FLOWS if root in FLOW_ROOTS else _MASTER].append(name)
        yield _MASTER, sorted(groups[_MASTER])
        yield _MASTER_FLOWS, sorted(groups[_MASTER_FLOWS])
        yield _ACTIVITY, groups[_ACTIVITY]

    def member(self, name: str, number: int) -> Iterator[Record]:
        """The records of one file."""
        paths = self._paths if number == _ACTIVITY else Paths()
        found = _parse(self._package, name, self._context, paths)
        if found is None:
            return
        place = member_path(self._package, name)
        if number == _ACTIVITY:
            yield from _activities(found, place, self.knowledge, self._context)
        else:
            self.knowledge.add(*found)
            yield from flow_records(*found, place, self.knowledge, self._context)

    def take_counts(self) -> Counts:
        """How often each path was met since this was last asked."""
        counts = list(self._paths.leaves())
        self._paths = Paths()
        return counts

    def add_counts(self, counts: Counts) -> None:
        """Count the paths that another process met."""
        self._paths.add(counts)

    def finish(self) -> None:
        """Report the elements that no record field holds."""
        self._context.report.unmapped.update(_unmapped(self._paths))


def _unmapped(paths: Paths) -> Counter[str]:
    """How often each element was met that no record field holds."""
    found: Counter[str] = Counter()
    for path, count in paths.leaves():
        label = _WITHIN.sub(r"\1", path.removeprefix("ecoSpold/"))
        if not MAPPED.match(label):
            found[f"{_FORMAT}:{label}"] = max(found[f"{_FORMAT}:{label}"], count)
    return found


def plain(head: bytes) -> bytes:
    """The head as ASCII, whatever Unicode form the byte order mark announces."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "ignore").encode("ascii", "ignore")
    return head


def _master_root(package: Package, name: str) -> str | None:
    """The root element of a master data file, or `None` if the member is none."""
    try:
        head = plain(package.head(name))
    except ReadError:
        return None  # reported when its turn comes
    found = _ROOT.search(head)
    return found[1].decode("ascii") if found and found[1].startswith(b"valid") else None


def _parse(
    package: Package, name: str, context: ReadContext, paths: Paths
) -> tuple[str, Node] | None:
    try:
        return xml_root(package.read(name), paths)
    except ReadError as exc:
        context.skip(member_path(package, name), str(exc))
        return None


def _activities(
    found: tuple[str, Node], path: str, master: Master, context: ReadContext
) -> Iterator[Record]:
    root, node = found
    data_sets = [item for tag in _ACTIVITIES for item in node.all(tag)]
    if root != "ecoSpold":
        context.skip(path, f"the root element is <{root}>, not <ecoSpold>")
    elif not data_sets:
        context.skip(path, "it holds no activityDataset and no childActivityDataset")
    for item in data_sets:
        activity = item.one("activityDescription", "activity").attribute("id")
        if activity is None:
            context.skip(path, "an activity has no id, so it cannot be told from others")
        else:
            yield activity_record(item, activity, path, master, context)


READER = EcoSpold2Reader()
