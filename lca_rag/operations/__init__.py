"""The operations: one table from which the command line, HTTP and MCP are generated.

Whoever adds an operation adds one row here; a test fails while any door lacks it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from lca_rag.operations import runs, schema, schema_whole, whole
from lca_rag.operations.workspace import LOCAL, Caller, Workspace

__all__ = ["LOCAL", "OPERATIONS", "Caller", "Operation", "Workspace", "operation"]

In = TypeVar("In", bound=schema.Input)
Out = TypeVar("Out", bound=schema.Output)

Lane = Literal["quick", "answer", "bulk"]
"""Who waits for whom at a server: a search takes milliseconds, an answer some more, and what reads
all records or thousands of lines may take minutes."""

Run = Callable[[Workspace, schema.Input, Caller], schema.Output]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be asked of an index, with typed input and output; it changes nothing."""

    name: str
    title: str
    """A few words, for menus."""
    summary: str
    """One or two sentences that say what comes back, for people and for language models."""
    input: type[schema.Input]
    output: type[schema.Output]
    run: Run
    """Takes an instance of `input`, gives one of `output`."""
    subject: str | None
    """The field that the command line takes as its argument, without an option's name."""
    lane: Lane = "quick"


def _operation(
    run: Callable[[Workspace, In, Caller], Out],
    given: type[In],
    gives: type[Out],
    *,
    title: str,
    summary: str,
    subject: str | None = None,
    lane: Lane = "quick",
) -> Operation:
    """A row whose function, input and output fit together."""

    def checked(workspace: Workspace, asked: schema.Input, caller: Caller) -> schema.Output:
        if not isinstance(asked, given):
            raise TypeError(f"{run.__name__} takes {given.__name__}, not {type(asked).__name__}")
        return run(workspace, asked, caller)

    return Operation(
        name=run.__name__,
        title=title,
        summary=summary,
        input=given,
        output=gives,
        run=checked,
        subject=subject,
        lane=lane,
    )


OPERATIONS: tuple[Operation, ...] = (
    _operation(
        runs.search,
        schema.SearchInput,
        schema.SearchOutput,
        title="Search records",
        summary="Find LCA data sets by a question, a name or an identifier (CAS, EC number, UUID), "
        "in any language. Hits come best first, each with a score and the reasons why it is there.",
        subject="query",
    ),
    _operation(
        runs.show,
        schema.ShowInput,
        schema.ShowOutput,
        title="Show a record",
        summary="Give one record's evidence: identity, licence, facts, amounts with their units.",
        subject="id",
    ),
    _operation(
        runs.similar,
        schema.SimilarInput,
        schema.SimilarOutput,
        title="Find similar records",
        summary="Find records like this one, with the cosine similarity of each.",
        subject="id",
    ),
    _operation(
        runs.ask,
        schema.AskInput,
        schema.AskOutput,
        title="Answer a question",
        summary="Answer a question from the records, with citations. Every figure is checked "
        "against the record that it cites; what the records do not hold is said to be not there.",
        subject="question",
        lane="answer",
    ),
    _operation(
        runs.match,
        schema.MatchInput,
        schema.MatchOutput,
        title="Match a bill of materials",
        summary="Match lines of a bill of materials to data sets, each with a calibrated "
        "confidence, a unit factor and reasons, or an honest 'none'.",
        subject="lines",
        lane="bulk",
    ),
    _operation(
        whole.flow,
        schema_whole.FlowInput,
        schema_whole.FlowOutput,
        title="Resolve flow names",
        summary="Resolve names, CAS numbers or UUIDs of flows to flow records, bound to a "
        "compartment if one is given; ties are shown, not broken.",
        subject="names",
        lane="bulk",
    ),
    _operation(
        whole.duplicates,
        schema_whole.DuplicatesInput,
        schema_whole.DuplicatesOutput,
        title="Find duplicates",
        summary="List groups of records that say the same, with their relation: other version, "
        "other region, other year, other database, same exchanges, near-identical text.",
        lane="bulk",
    ),
    _operation(
        whole.clusters,
        schema_whole.ClustersInput,
        schema_whole.ClustersOutput,
        title="Group records by meaning",
        summary="Group the records by near meanings, each group named by its most telling words, "
        "with its size and most typical members: what a database is about, at one glance.",
        lane="bulk",
    ),
    _operation(
        runs.info,
        schema.InfoInput,
        schema.InfoOutput,
        title="Describe the index",
        summary="Say what the index holds: databases, records by kind, and the encoder.",
    ),
)


def operation(name: str) -> Operation:
    """The operation of this name.

    Raises:
        KeyError: If there is none.
    """
    for row in OPERATIONS:
        if row.name == name:
            return row
    raise KeyError(name)
