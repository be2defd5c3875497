"""Shapes of the operations that look at all records at once: flows, duplicates, clusters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lca_rag.operations.schema import Count, Input, KindName, Output, Short


class FlowInput(Input):
    """Names of flows as somebody else writes them."""

    names: tuple[Short, ...] = Field(
        description="Flow names, CAS numbers or UUIDs", min_length=1, max_length=500
    )
    compartment: Short | None = Field(
        default=None, description="Compartment, such as air or fresh water"
    )
    database: tuple[Short, ...] | None = Field(
        default=None, description="Only these databases", max_length=50
    )
    k: Count = Field(default=5, description="How many near flows to show for each name")


class FlowCandidate(Output):
    """A flow record that a name may mean."""

    id: str
    uuid: str
    name: str
    compartment: str | None
    step: str
    """By what it was found: uuid, cas, ec, formula, name, synonym, words, fuzzy or dense."""
    confidence: float
    reasons: tuple[str, ...]


class FlowLine(Output):
    """What one name means; a tie is left to the reader."""

    name: str
    decision: Literal["match", "tie", "none"]
    matches: tuple[FlowCandidate, ...]
    """The flow, or the tied flows."""
    near: tuple[FlowCandidate, ...]
    """Flows that do not fit and may help, such as those of another compartment."""
    note: str | None = None
    """What is wrong with the name itself, such as a CAS number whose check digit does not fit."""


class FlowOutput(Output):
    """One verdict per name, in the order asked."""

    flows: tuple[FlowLine, ...]


class WholeInput(Input):
    """Which records of an index are looked at together."""

    database: tuple[Short, ...] | None = Field(
        default=None, description="Only these databases", max_length=50
    )
    kind: KindName | None = Field(default=None, description="Kind of record: process, flow, ...")


class DuplicatesInput(WholeInput):
    """Where to look for duplicates."""

    k: Annotated[int, Field(ge=1, le=10_000)] = Field(default=100, description="How many groups")
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=0, description="How many groups to skip, for the next page"
    )


class DuplicateMember(Output):
    """One record of a group."""

    id: str
    name: str
    place: str | None


class DuplicateGroup(Output):
    """Records that say the same, and in which respects they do."""

    relations: tuple[str, ...]
    """Of copy, version, region, year, exchanges, text; the most frequent first."""
    members: tuple[DuplicateMember, ...]
    reasons: tuple[str, ...]


class DuplicatesOutput(Output):
    """Groups, the largest first."""

    total: int
    groups: tuple[DuplicateGroup, ...]


class ClustersInput(WholeInput):
    """Which records to put into groups of near meanings."""

    count: Annotated[int, Field(ge=1, le=500)] | None = Field(
        default=None, description="How many clusters; by default by the number of records, up to 30"
    )
    members: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=3, description="How many members to show of each cluster, the most typical first"
    )


class ClusterMember(Output):
    """One record of a cluster."""

    id: str
    name: str
    place: str | None
    similarity: float
    """Cosine with the mean of the cluster; higher is more typical."""


class ClusterOutput(Output):
    """Records of near meanings."""

    number: int
    name: str
    """Its most telling terms."""
    terms: tuple[str, ...]
    """Terms that tell it from the other clusters, English then Chinese."""
    size: int
    cohesion: float
    """Mean cosine of its records with their mean, in [0, 1]; 1 if all say the same."""
    members: tuple[ClusterMember, ...]
    """The most typical first."""


class ClustersOutput(Output):
    """Clusters, the largest first; every record is in one."""

    records: int
    clusters: tuple[ClusterOutput, ...]
