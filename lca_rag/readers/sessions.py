"""Members of one format as rounds: what one member tells of others is learnt between them.

Records of a round need only what the rounds before told. So a round may be read in order by one
process, or by several that are then told what each of them learnt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from lca_rag.readers.context import Package, ReadContext
from lca_rag.record import Record

__all__ = ["Counts", "Fact", "Knowledge", "PartedReader", "Round", "Session", "in_turn"]

Fact = tuple[object, ...]
"""Something learnt, as plain values that `marshal` can carry to another process."""
Counts = list[tuple[str, int]]
"""How often each path of the source held something."""
Round = tuple[int, Sequence[str]]
"""A number that says what belongs there, and its members in the order of their records."""


class Knowledge:
    """What members tell of others; a base for the tables of the formats.

    By default a fact is taken up at once. A process that reads a part of a round only writes down
    what it met (`news`), and takes up what all of them met once the round is over.
    """

    def __init__(self) -> None:
        """Take up facts at once, and write none down."""
        self.news: list[Fact] | None = None
        self.deferred = False

    def note(self, fact: Fact) -> None:
        """Learn a fact, now or when it comes back."""
        if self.news is not None:
            self.news.append(fact)
        if not self.deferred:
            self.take(fact)

    def take(self, fact: Fact) -> None:
        """Take up a fact, which replaces what it supersedes."""
        raise NotImplementedError


class Session(Protocol):
    """One reading of members that explain each other."""

    @property
    def knowledge(self) -> Knowledge:
        """What was learnt so far."""
        ...

    @property
    def strays(self) -> int:
        """How many data sets were met so far in members of another round than theirs."""
        ...

    @property
    def narrow(self) -> frozenset[int]:
        """Rounds whose members must be read one after another."""
        ...

    def rounds(self, names: Sequence[str]) -> Iterable[Round]:
        """The members by round, in the order to read them."""
        ...

    def member(self, name: str, number: int) -> Iterator[Record]:
        """The records of a member of a round; faults go to the context."""
        ...

    def take_counts(self) -> Counts:
        """What was counted since this was last asked."""
        ...

    def add_counts(self, counts: Counts) -> None:
        """Count what another process counted."""
        ...

    def finish(self) -> None:
        """Report what can be told only in the end."""
        ...


class PartedReader(Protocol):
    """A `Reader` whose members can be read in parts."""

    @property
    def format(self) -> str:
        """Short name of the format."""
        ...

    @property
    def quickness(self) -> int:
        """How many members are read in the time of one XML data set."""
        ...

    def session(self, package: Package, context: ReadContext) -> Session:
        """A new reading."""
        ...

    def databases(self, names: Sequence[str]) -> Iterable[Sequence[str]]:
        """Members that explain each other, one session for each group."""
        ...


def in_turn(
    reader: PartedReader, package: Package, names: Sequence[str], context: ReadContext
) -> Iterator[Record]:
    """Every record of the members, by this process, one after another."""
    for members in reader.databases(names):
        session = reader.session(package, context)
        for number, part in session.rounds(members):
            for name in part:
                yield from session.member(name, number)
        session.finish()
