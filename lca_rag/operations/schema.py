"""What goes into each operation and what comes out: the one place where the doors' shapes are set.

The command line, HTTP and MCP are generated from these models, so a field that is added here
appears at every door. Only pydantic is imported: `lca-rag --help` must not load an index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

if TYPE_CHECKING:
    from lca_rag.filters import WishArguments

KindName = Literal["process", "flow", "model", "method", "text"]
Mode = Literal["hybrid", "dense", "lexical"]

Question = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8_000)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]
RecordId = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Count = Annotated[int, Field(ge=1, le=100)]
Year = Annotated[int, Field(ge=1900, le=2200)]


class Input(BaseModel):
    """Base of every input: unknown fields are refused, so that a typing error is never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Output(BaseModel):
    """Base of every output."""

    model_config = ConfigDict(frozen=True)


class Wishes(Input):
    """What a caller may wish of records; wishes rank unless `strict` makes them filters."""

    kind: KindName | None = Field(
        default=None, description="Kind of record: process, flow, model, ..."
    )
    place: Short | None = Field(
        default=None, description="Place as code or name: DE, CN-SH, Europe, 上海"
    )
    year: Year | None = Field(default=None, description="Year that the data should be valid for")
    database: tuple[Short, ...] | None = Field(
        default=None, description="Only these databases", max_length=50
    )
    data_type: Short | None = Field(
        default=None, description="Data set type: unit, aggregated, market"
    )
    system_model: Short | None = Field(default=None, description="System model, such as cut-off")
    allocation: Short | None = Field(default=None, description="Allocation method, such as mass")
    classification: Short | None = Field(
        default=None, description="Words of a class, such as Energy"
    )
    strict: bool = Field(
        default=False, description="Drop what misses a wish, rather than rank it lower"
    )

    def arguments(self) -> WishArguments:
        """These wishes as the retriever and the answerer take them."""
        return {
            "kind": self.kind,
            "place": self.place,
            "year": self.year,
            "database": self.database,
            "data_type": self.data_type,
            "system_model": self.system_model,
            "allocation": self.allocation,
            "classification": self.classification,
            "strict": self.strict,
        }


class SearchInput(Wishes):
    """A question or any words, and what is wished of the records."""

    query: Question = Field(description="Question, name, CAS number, UUID, in any language")
    k: Count = Field(default=10, description="How many hits")
    offset: Annotated[int, Field(ge=0, le=1_000)] = Field(
        default=0, description="How many of the best hits to skip, for the next page"
    )
    mode: Mode = Field(default="hybrid", description="How to search: hybrid, dense or lexical")
    pedigree_weight: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.0,
        description="Share of data quality (pedigree score) in the ranking, 0 to 1; hybrid only",
    )
    collapse: bool = Field(
        default=False, description="Fold doubles under the best of them, as its variants"
    )
    rewrite: bool = Field(
        default=False, description="Let the language model add canonical terms and synonyms"
    )


class HitOutput(Output):
    """A record found, with what speaks for it."""

    id: str
    uuid: str
    version: str
    database: str
    kind: str
    name: str
    place: str | None
    score: float
    reasons: tuple[str, ...]
    variants: tuple[str, ...] = ()
    """Doubles that were folded under it, each with its id and the relation."""


class SearchOutput(Output):
    """Hits, best first."""

    query: str
    hits: tuple[HitOutput, ...]
    understood: tuple[str, ...] = ()
    """What rules read in the question, and what a language model made of it; none of it filters."""


class ShowInput(Input):
    """A record by id."""

    id: RecordId = Field(
        description="Record id {database}/{uuid}@{version}; {database}/{uuid} or a UUID: the newest"
    )
    limit: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=100, description="Rows of each table; what is left out is counted"
    )


class ShowOutput(Output):
    """One record as a reader or a language model is shown it."""

    id: str
    uuid: str
    version: str
    database: str
    kind: str
    name: str
    place: str | None
    evidence: str
    """Markdown: identity, licence, facts, amounts with their units."""
    licence: str | None
    owner: str | None
    versions: tuple[str, ...]
    """Ids of every version of this record that is held, newest first."""


class SimilarInput(Input):
    """A record whose likes are wanted."""

    id: RecordId = Field(description="Record id, as `show` takes it")
    k: Count = Field(default=10, description="How many hits")


class SimilarOutput(Output):
    """Records like the one asked for; `score` is the cosine of the two vectors."""

    id: str
    hits: tuple[HitOutput, ...]


class Turn(Input):
    """One earlier turn of a conversation."""

    role: Literal["user", "assistant"]
    content: Annotated[str, StringConstraints(max_length=20_000)]


class AskInput(Wishes):
    """A question to be answered from the records, with citations."""

    question: Question = Field(description="Question in any language")
    history: tuple[Turn, ...] = Field(
        default=(), description="Earlier turns, oldest first", max_length=50
    )


class CitationOutput(Output):
    """A record that an answer rests on; `[n]` in the answer is the n-th citation."""

    id: str
    uuid: str
    version: str
    name: str
    database: str
    place: str | None
    year: int | None
    owner: str | None
    licence: str | None
    name_zh: str | None = None
    """The Chinese name, where the source gives one."""


class CheckOutput(Output):
    """One claim of an answer and what became of it."""

    claim: str
    kind: Literal["number", "citation", "identifier", "name"]
    status: Literal["verified", "repaired", "removed", "marked"]
    reason: str
    start: int | None
    """Where the claim stands in the answer; `None` if it was removed."""
    end: int | None


class AskOutput(Output):
    """An answer whose figures were checked against the records it cites."""

    answer: str
    citations: tuple[CitationOutput, ...]
    abstained: bool
    """Whether the answer says that the records do not hold what was asked."""
    checks: tuple[CheckOutput, ...]
    notes: tuple[str, ...]
    """Sentences on how the answer was made, such as what was withheld."""


class BomLine(Input):
    """One line of a bill of materials."""

    line: Short = Field(description="Number or id of the line")
    description: Short
    amount: float | None = None
    unit: Short | None = None
    place: Short | None = None
    note: Short | None = None


class MatchInput(Input):
    """Lines of a bill of materials that want data sets."""

    lines: tuple[BomLine, ...] = Field(
        description="Lines of a bill of materials", min_length=1, max_length=2_000
    )
    k: Count = Field(default=5, description="How many candidates for each line")
    database: tuple[Short, ...] | None = Field(
        default=None, description="Only these databases", max_length=50
    )


class MatchCandidate(Output):
    """A data set that may stand for a line."""

    id: str
    uuid: str
    version: str
    database: str
    name: str
    confidence: float
    unit_factor: float | None
    """Reference amounts of the data set per unit of the line; `None` if units do not fit."""
    unit: str | None
    """Unit of the data set's product."""
    place: str | None
    year: int | None
    data_type: str | None
    licence: str | None
    reasons: tuple[str, ...]


class MatchLine(Output):
    """The verdict on one line; `matches` are best first, also for undecided lines."""

    line: str
    description: str
    amount: float | None
    unit: str | None
    decision: Literal["match", "none"]
    confidence: float
    """Probability in [0, 1] that the first match is acceptable."""
    matches: tuple[MatchCandidate, ...]


class MatchOutput(Output):
    """One verdict per line, in the order asked."""

    lines: tuple[MatchLine, ...]


class InfoInput(Input):
    """Nothing: `info` describes what the caller may see."""


class DatabaseInfo(Output):
    """One database and how many records of each kind it holds."""

    database: str
    records: int
    kinds: dict[str, int]


class InfoOutput(Output):
    """What is in the index, and by which encoder."""

    records: int
    databases: tuple[DatabaseInfo, ...]
    encoder: str | None
    dimension: int | None
    version: str
    """Version of lca-rag."""
