"""Operations that look at all records at once: flows by name, duplicates, clusters.

What is made from the records is kept for the next question, apart for every set of rights: it is
made from what the caller sees, so nothing else can show through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lca_rag.identifiers import wrong_cas
from lca_rag.operations import schema_whole
from lca_rag.operations.runs import known, licence_needed
from lca_rag.operations.workspace import Caller, Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lca_rag.atlas import Cluster
    from lca_rag.duplicates import DuplicateGroup
    from lca_rag.flows import FlowMatch, FlowResolver
    from lca_rag.index import Snapshot

_REASONS = 3
"""Reasons shown for a group of duplicates."""


def visible(
    workspace: Workspace,
    snapshot: Snapshot,
    caller: Caller,
    *,
    kind: str | None,
    database: tuple[str, ...] | None,
) -> NDArray[np.int64]:
    """Positions of the newest records that the caller sees and asks for.

    Raises:
        QueryError: If a database does not exist for the caller.
    """
    import numpy as np

    from lca_rag.filters import Facets, Wishes

    known(workspace, database, caller)
    wishes = Wishes(kind=kind, database=database)
    return np.flatnonzero(Facets(snapshot).mask(wishes, rights=caller.databases))


def flow(
    workspace: Workspace, asked: schema_whole.FlowInput, caller: Caller
) -> schema_whole.FlowOutput:
    """What each name means. Meaning is asked only where words and numbers find nothing."""
    known(workspace, asked.database, caller)
    lines = []

    def shown(match: FlowMatch) -> schema_whole.FlowCandidate:
        return _candidate(workspace, match)

    for name in asked.names:
        found = _resolver(workspace, asked, caller, dense=False).resolve(
            name, compartment=asked.compartment
        )
        if found.decision == "none" and not found.near:
            found = _resolver(workspace, asked, caller, dense=True).resolve(
                name, compartment=asked.compartment
            )
        lines.append(
            schema_whole.FlowLine(
                name=name,
                decision=found.decision,
                matches=tuple(map(shown, found.matches)),
                near=tuple(map(shown, found.near[: asked.k])),
                note=wrong_cas(name),
            )
        )
    return schema_whole.FlowOutput(flows=tuple(lines))


def _resolver(
    workspace: Workspace, asked: schema_whole.FlowInput, caller: Caller, *, dense: bool
) -> FlowResolver:
    snapshot = workspace.index.snapshot()

    def make() -> FlowResolver:
        from lca_rag.flows import FlowResolver

        positions = visible(workspace, snapshot, caller, kind="flow", database=asked.database)
        encoder = workspace.encoder if dense else None
        return FlowResolver(snapshot.records(positions.tolist()), encoder=encoder)

    return workspace.kept(("flow", caller.databases, asked.database, dense), snapshot, make)


def _candidate(workspace: Workspace, match: FlowMatch) -> schema_whole.FlowCandidate:
    from lca_rag.flows.compartments import of_record

    record = match.record
    compartment = of_record(record)
    return schema_whole.FlowCandidate(
        id=record.id,
        uuid=record.uuid,
        name=str(record.name) or record.uuid,
        compartment=None if compartment is None else str(compartment),
        step=match.step,
        confidence=match.score,
        reasons=match.reasons + licence_needed(workspace, record.database),
    )


def duplicates(
    workspace: Workspace, asked: schema_whole.DuplicatesInput, caller: Caller
) -> schema_whole.DuplicatesOutput:
    """Groups of records that say the same, the largest first."""
    known(workspace, asked.database, caller)
    snapshot = workspace.index.snapshot()

    def make() -> list[DuplicateGroup]:
        from lca_rag.duplicates import find_duplicates

        positions = visible(workspace, snapshot, caller, kind=asked.kind, database=asked.database)
        return find_duplicates(snapshot.records(positions.tolist()), snapshot.matrix[positions])

    key = ("duplicates", caller.databases, asked.database, asked.kind)
    found = workspace.kept(key, snapshot, make)
    page = found[asked.offset : asked.offset + asked.k]
    return schema_whole.DuplicatesOutput(
        total=len(found), groups=tuple(_group(snapshot, group) for group in page)
    )


def _group(snapshot: Snapshot, group: DuplicateGroup) -> schema_whole.DuplicateGroup:
    names, places = snapshot.column("name"), snapshot.column("place")
    positions = [(id, snapshot.position(id)) for id in group.ids]
    members = tuple(
        schema_whole.DuplicateMember(id=id, name=names[position] or id, place=places[position])
        for id, position in positions
        if position is not None
    )
    reasons = dict.fromkeys(pair.reason for pair in group.pairs)
    return schema_whole.DuplicateGroup(
        relations=group.relations, members=members, reasons=tuple(reasons)[:_REASONS]
    )


def clusters(
    workspace: Workspace, asked: schema_whole.ClustersInput, caller: Caller
) -> schema_whole.ClustersOutput:
    """Groups of records with near meanings, the largest first."""
    snapshot = workspace.index.snapshot()
    positions = visible(workspace, snapshot, caller, kind=asked.kind, database=asked.database)
    key = ("clusters", caller.databases, asked.database, asked.kind, asked.count)
    found = workspace.kept(key, snapshot, lambda: clustered(snapshot, positions, asked.count))
    return schema_whole.ClustersOutput(
        records=len(positions),
        clusters=tuple(_cluster(snapshot, positions, item, asked.members) for item in found),
    )


def clustered(snapshot: Snapshot, positions: NDArray[np.int64], count: int | None) -> list[Cluster]:
    """Clusters of the records at these positions."""
    from lca_rag.atlas import cluster_records

    records = snapshot.records(positions.tolist())
    return cluster_records(records, snapshot.matrix[positions], count=count)


def _cluster(
    snapshot: Snapshot, positions: NDArray[np.int64], cluster: Cluster, shown: int
) -> schema_whole.ClusterOutput:
    names, places = snapshot.column("name"), snapshot.column("place")
    chosen = positions[cluster.members[:shown]].tolist()
    return schema_whole.ClusterOutput(
        number=cluster.number,
        name=cluster.name,
        terms=cluster.terms,
        size=len(cluster.members),
        cohesion=cluster.cohesion,
        members=tuple(
            schema_whole.ClusterMember(
                id=snapshot.ids[position],
                name=names[position] or snapshot.ids[position],
                place=places[position],
                similarity=float(similarity),
            )
            for position, similarity in zip(chosen, cluster.similarities, strict=False)
        ),
    )
