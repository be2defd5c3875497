"""Results in words: the same lines for a terminal, which styles them, and for a language model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lca_rag.operations import schema, schema_whole

Role = Literal["head", "plain", "faint", "prose"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a result, or a stretch of Markdown ("prose")."""

    text: str
    role: Role = "plain"


Lines = Iterator[Line]


def lines(result: schema.Output) -> Sequence[Line]:
    """The lines of a result."""
    return list(_SAY[type(result)](result))


def as_text(result: schema.Output) -> str:
    """A result as compact plain text."""
    return "\n".join(line.text for line in lines(result))


def _joined(*parts: str | None) -> str:
    return " · ".join(part for part in parts if part)


def _hits(hits: Sequence[schema.HitOutput], first: int = 1) -> Lines:
    for rank, hit in enumerate(hits, first):
        yield Line(f"{rank}. [{hit.score:.3f}] {hit.name}", "head")
        yield Line(f"   {_joined(hit.id, hit.place, hit.kind)}", "faint")
        for reason in hit.reasons:
            yield Line(f"   - {reason}")
        for variant in hit.variants:
            yield Line(f"   = {variant}", "faint")


def _search(result: schema.SearchOutput) -> Lines:
    if result.understood:
        yield Line(f"understood: {'; '.join(result.understood)}", "faint")
    yield from _hits(result.hits)
    if not result.hits:
        yield Line(f"Nothing found for {result.query!r}.")


def _similar(result: schema.SimilarOutput) -> Lines:
    yield from _hits(result.hits)
    if not result.hits:
        yield Line(f"Nothing else is like {result.id}.")


def _show(result: schema.ShowOutput) -> Lines:
    yield Line(result.evidence, "prose")
    if len(result.versions) > 1:
        yield Line(f"Versions: {', '.join(result.versions)}", "faint")


def _ask(result: schema.AskOutput) -> Lines:
    yield Line(result.answer, "prose")
    if result.citations:
        yield Line("")
        yield Line("Sources", "head")
    for number, citation in enumerate(result.citations, 1):
        yield Line(f"[{number}] {citation.name}")
        yield Line(f"    {citation.id}", "faint")


def _match(result: schema.MatchOutput) -> Lines:
    for line in result.lines:
        sure = line.decision == "match"
        verdict = "" if sure else "  (no match)"
        yield Line(f"{line.line}  {line.description}  {line.confidence:.0%}{verdict}", "head")
        for match in line.matches[: 1 if sure else 2]:
            factor = f"× {match.unit_factor:g}" if match.unit_factor is not None else "units differ"
            yield Line(f"   {'→' if sure else 'nearest:'} {match.name} ({factor})")
            yield Line(f"   {_joined(match.id, *match.reasons)}", "faint")


def _flow(result: schema_whole.FlowOutput) -> Lines:
    verdicts = {"match": "", "tie": "  (several fit equally)", "none": "  (no match)"}
    for line in result.flows:
        yield Line(line.name + verdicts[line.decision], "head")
        if line.note:
            yield Line(f"   {line.note}")
        for match in line.matches:
            yield from _candidate("→", match)
        for match in line.near:
            yield from _candidate("near:", match)


def _candidate(sign: str, match: schema_whole.FlowCandidate) -> Lines:
    yield Line(f"   {sign} {_joined(match.name, match.compartment)} [{match.confidence:.2f}]")
    yield Line(f"     {_joined(match.id, *match.reasons)}", "faint")


def _duplicates(result: schema_whole.DuplicatesOutput) -> Lines:
    yield Line(f"{result.total} groups", "head")
    for group in result.groups:
        yield Line(_joined(", ".join(group.relations), *group.reasons))
        for member in group.members:
            yield Line(f"   {_joined(member.name, member.place, member.id)}", "faint")


def _clusters(result: schema_whole.ClustersOutput) -> Lines:
    yield Line(f"{result.records} records in {len(result.clusters)} clusters", "head")
    for cluster in result.clusters:
        yield Line(f"{cluster.number}. {cluster.name} ({cluster.size})")
        for member in cluster.members:
            yield Line(f"   {_joined(member.name, member.place, member.id)}", "faint")


def _info(result: schema.InfoOutput) -> Lines:
    yield Line(f"{result.records} records, encoder {result.encoder or 'none'}", "head")
    for database in result.databases:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(database.kinds.items()))
        yield Line(f"{database.records:>9}  {database.database}  ({kinds})")


_SAY: Mapping[type[schema.Output], Callable[..., Lines]] = {
    schema.SearchOutput: _search,
    schema.SimilarOutput: _similar,
    schema.ShowOutput: _show,
    schema.AskOutput: _ask,
    schema.MatchOutput: _match,
    schema_whole.FlowOutput: _flow,
    schema_whole.DuplicatesOutput: _duplicates,
    schema_whole.ClustersOutput: _clusters,
    schema.InfoOutput: _info,
}
