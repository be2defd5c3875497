"""How each operation is carried out: typed input and a caller in, typed output out.

Rights are applied here and below, never at a door: for a caller without a right to a database, it
does not exist. The policy is applied below, where the workspace opens its index: no operation ever
holds a part of a record that may not be shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lca_rag
from lca_rag.errors import NotFound, QueryError
from lca_rag.operations import schema
from lca_rag.operations.workspace import Caller, Workspace
from lca_rag.record import version_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lca_rag.answer import Answer
    from lca_rag.matching import Candidate
    from lca_rag.record import Hit, Record


_FOLDING = 4
"""Hits looked at for each that is wanted where doubles are folded."""

LICENCE_NEEDED = "This database is restricted: the record exists, its content needs a licence."


def known(workspace: Workspace, databases: Sequence[str] | None, caller: Caller) -> None:
    """Refuse a database that does not exist for this caller; "nothing found" would be no answer.

    Raises:
        QueryError: If there is none of that name.
    """
    if not databases:
        return
    held = [name for name, _ in workspace.index.databases() if caller.sees(name)]
    for name in databases:
        if name not in held:
            there = ", ".join(sorted(held)) or "none at all"
            raise QueryError(f"there is no database {name!r} here; there is: {there}")


def search(workspace: Workspace, asked: schema.SearchInput, caller: Caller) -> schema.SearchOutput:
    """Hits for a question, and what was understood of it."""
    from lca_rag.question import understand

    known(workspace, asked.database, caller)
    told = understand(asked.query).sentences()
    query = asked.query
    if asked.rewrite:
        rewriting = workspace.rewritten(asked.query)
        query, told = rewriting.query, (*told, rewriting.sentence)
    wanted = asked.offset + asked.k
    hits = workspace.retriever.search(
        query,
        k=wanted * _FOLDING if asked.collapse else wanted,
        **asked.arguments(),
        mode=asked.mode,
        rights=caller.databases,
        pedigree_weight=asked.pedigree_weight,
    )
    shown = _folded(workspace, hits) if asked.collapse else [_hit(workspace, hit) for hit in hits]
    return schema.SearchOutput(
        query=asked.query, hits=tuple(shown[asked.offset : wanted]), understood=told
    )


def _folded(workspace: Workspace, hits: list[Hit]) -> list[schema.HitOutput]:
    """Hits with their doubles as variants."""
    from lca_rag.duplicates import collapse

    found = []
    for folded in collapse(hits):
        variants = tuple(
            f"{item.hit.record.id}: {item.relation} ({item.reason})" for item in folded.variants
        )
        found.append(_hit(workspace, folded.hit).model_copy(update={"variants": variants}))
    return found


def _hit(workspace: Workspace, hit: Hit) -> schema.HitOutput:
    """A hit as every door shows it."""
    record = hit.record
    return schema.HitOutput(
        id=record.id,
        uuid=record.uuid,
        version=record.version,
        database=record.database,
        kind=record.kind,
        name=display_name(record),
        place=record.place.code if record.place else None,
        score=hit.score,
        reasons=hit.reasons + licence_needed(workspace, record.database),
    )


def licence_needed(workspace: Workspace, database: str) -> tuple[str, ...]:
    """The sentence that goes with whatever is shown of a restricted database."""
    return (LICENCE_NEEDED,) if workspace.restricted(database) else ()


def display_name(record: Record) -> str:
    """The name of a record, or its UUID where it has none."""
    return str(record.name) or record.uuid


def find_records(workspace: Workspace, id: str, caller: Caller) -> list[Record]:
    """The record of an id first, then its other versions, newest first.

    A bare UUID is looked for in every database that the caller sees, never in another: the answer
    is that of an index that holds only these.

    Raises:
        NotFound: If the caller sees no such record.
    """
    index = workspace.index
    found = [record for record in index.versions(id) if caller.sees(record.database)]
    if not found:
        raise NotFound(f"no record {id!r} in this index; `search` gives ids")
    first = found[0]
    return [first, *(other for other in index.versions(first.key) if other.id != first.id)]


def show(workspace: Workspace, asked: schema.ShowInput, caller: Caller) -> schema.ShowOutput:
    """One record's evidence."""
    from lca_rag.render import evidence

    record, *others = find_records(workspace, asked.id, caller)
    text = evidence(record, limit=asked.limit)
    for sentence in licence_needed(workspace, record.database):
        text += f"\n> {sentence}\n"
    versions = sorted((record, *others), key=lambda item: version_key(item.version), reverse=True)
    return schema.ShowOutput(
        id=record.id,
        uuid=record.uuid,
        version=record.version,
        database=record.database,
        kind=record.kind,
        name=display_name(record),
        place=record.place.code if record.place else None,
        evidence=text,
        licence=record.licence.type,
        owner=record.licence.owner.join("; "),
        versions=tuple(item.id for item in versions),
    )


def similar(
    workspace: Workspace, asked: schema.SimilarInput, caller: Caller
) -> schema.SimilarOutput:
    """Records like one."""
    record = find_records(workspace, asked.id, caller)[0]
    hits = workspace.retriever.similar(record.id, k=asked.k, rights=caller.databases)
    return schema.SimilarOutput(id=record.id, hits=tuple(_hit(workspace, hit) for hit in hits))


def info(workspace: Workspace, asked: schema.InfoInput, caller: Caller) -> schema.InfoOutput:
    """What the caller may see of the index."""
    index = workspace.index
    databases = tuple(
        schema.DatabaseInfo(database=name, records=sum(kinds.values()), kinds=kinds)
        for name, kinds in sorted(index.databases())
        if caller.sees(name)
    )
    fingerprint = index.fingerprint
    encoder = index.info()["encoder"]
    return schema.InfoOutput(
        records=sum(database.records for database in databases),
        databases=databases,
        encoder=None if encoder is None else str(encoder),
        dimension=fingerprint.dimension if fingerprint else None,
        version=lca_rag.__version__,
    )


def ask(workspace: Workspace, asked: schema.AskInput, caller: Caller) -> schema.AskOutput:
    """A checked answer."""
    *_, answer = stream(workspace, asked, caller)
    if not isinstance(answer, schema.AskOutput):
        raise TypeError("a stream of an answer must end with the answer")
    return answer


def stream(
    workspace: Workspace, asked: schema.AskInput, caller: Caller
) -> Iterator[str | schema.AskOutput]:
    """The answer in pieces that are checked already, and at last the whole of it."""
    known(workspace, asked.database, caller)
    pieces = workspace.answerer.stream(
        asked.question,
        history=[turn.model_dump() for turn in asked.history],
        **asked.arguments(),
        rights=caller.databases,
    )
    for piece in pieces:
        yield piece if isinstance(piece, str) else _answered(piece)


def _answered(answer: Answer) -> schema.AskOutput:
    return schema.AskOutput(
        answer=answer.text,
        citations=tuple(
            schema.CitationOutput(
                id=citation.id,
                uuid=citation.uuid,
                version=citation.version,
                name=citation.name,
                database=citation.database,
                place=citation.place,
                year=citation.year,
                owner=citation.owner,
                licence=citation.licence,
                name_zh=citation.name_zh,
            )
            for citation in answer.citations
        ),
        abstained=answer.abstained,
        checks=tuple(
            schema.CheckOutput(
                claim=check.claim,
                kind=check.kind,
                status=check.status,
                reason=check.reason,
                start=check.start,
                end=check.end,
            )
            for check in answer.checks.items
        ),
        notes=answer.notes,
    )


def match(workspace: Workspace, asked: schema.MatchInput, caller: Caller) -> schema.MatchOutput:
    """One verdict per line of a bill of materials."""
    from lca_rag.matching import BomLine

    known(workspace, asked.database, caller)
    lines = [BomLine(**line.model_dump()) for line in asked.lines]
    verdicts = workspace.matcher.match(
        lines, k=asked.k, database=asked.database, rights=caller.databases
    )
    return schema.MatchOutput(
        lines=tuple(
            schema.MatchLine(
                line=verdict.line.line,
                description=verdict.line.description,
                amount=verdict.line.amount,
                unit=verdict.line.unit,
                decision=verdict.decision,
                confidence=verdict.confidence,
                matches=tuple(_candidate(workspace, item) for item in verdict.candidates),
            )
            for verdict in verdicts
        )
    )


def _candidate(workspace: Workspace, candidate: Candidate) -> schema.MatchCandidate:
    record = candidate.record
    return schema.MatchCandidate(
        id=record.id,
        uuid=record.uuid,
        version=record.version,
        database=record.database,
        name=display_name(record),
        confidence=candidate.confidence,
        unit_factor=candidate.unit.factor,
        unit=candidate.unit.unit,
        place=record.place.code if record.place else None,
        year=record.period.reference_year or record.period.start,
        data_type=record.data_type,
        licence=record.licence.type or record.licence.restrictions.join(" "),
        reasons=candidate.reasons + licence_needed(workspace, record.database),
    )
