"""The table of operations: what each gives, and that no door lacks one."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic import ValidationError

from lca_rag.commands import generated
from lca_rag.errors import IndexStateError, NotFound, QueryError
from lca_rag.operations import (
    LOCAL,
    OPERATIONS,
    Caller,
    Operation,
    Workspace,
    operation,
    schema,
    schema_whole,
)
from lca_rag.operations.words import as_text
from lca_rag.operations.workspace import recall_model, remember_model
from lca_rag.server.app import create_app
from lca_rag.server.mcp import tool
from tests import server_fixtures

Out = TypeVar("Out", bound=schema.Output)
RESTRICTED = Caller("guest", frozenset({"demo"}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    records = server_fixtures.demo_records()
    newer = replace(records[0], version="99.00.000")
    place = tmp_path_factory.mktemp("operations") / "both.lca"
    return server_fixtures.build(place, [*records, newer, *server_fixtures.secret_records(records)])


@pytest.fixture(scope="module")
def workspace(folder: Path) -> Iterator[Workspace]:
    with server_fixtures.workspace(folder) as opened:
        yield opened


def run(
    workspace: Workspace, name: str, gives: type[Out], caller: Caller = LOCAL, **given: object
) -> Out:
    row = operation(name)
    result = row.run(workspace, row.input.model_validate(given), caller)
    assert isinstance(result, gives)
    return result


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The OpenAPI document of an application whose index is never opened."""
    with Workspace("nowhere") as unopened:
        return create_app(unopened).openapi()


def missing(table: tuple[Operation, ...], document: dict[str, Any]) -> list[str]:
    """What a door lacks or offers too much, in words."""
    names = {row.name for row in table}
    doors = {
        "command line": set(generated.commands()),
        "HTTP": {path[5:] for path in document["paths"] if path.startswith("/api/")},
        "MCP": {tool(row).name for row in OPERATIONS},
    }
    return [
        f"{door}: {name}" for door, offered in doors.items() for name in sorted(names ^ offered)
    ]


def test_every_door_offers_every_operation(document: dict[str, Any]) -> None:
    assert missing(OPERATIONS, document) == []


def test_the_drift_test_bites(document: dict[str, Any]) -> None:
    """An operation that no door has heard of is found missing at each of them."""
    stranger = replace(OPERATIONS[0], name="stranger")
    assert missing((*OPERATIONS, stranger), document) == [
        "command line: stranger",
        "HTTP: stranger",
        "MCP: stranger",
    ]


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
def test_every_field_reaches_every_door(row: Operation, document: dict[str, Any]) -> None:
    fields = set(row.input.model_fields)
    skipped = {name for command, name in generated.NOT_ON_COMMAND_LINE if command == row.name}
    assert set(generated.fields_on_command_line(row)) == fields - skipped
    assert set(tool(row).input_schema.get("properties", {})) == fields
    shapes = document["components"]["schemas"]
    assert set(shapes[row.input.__name__].get("properties", {})) == fields
    assert set(shapes[row.output.__name__]["properties"]) == set(row.output.model_fields)


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
def test_every_field_says_what_it_means(row: Operation) -> None:
    for name, field in row.input.model_fields.items():
        assert field.description, f"{row.name}.{name}"
    assert row.summary.endswith(".")
    assert row.subject is None or row.subject in row.input.model_fields


def test_an_operation_refuses_the_input_of_another(workspace: Workspace) -> None:
    with pytest.raises(TypeError, match="show takes ShowInput"):
        operation("show").run(workspace, schema.InfoInput(), LOCAL)


def test_unknown_operations_are_unknown() -> None:
    with pytest.raises(KeyError):
        operation("delete")


def test_search_finds_and_pages(workspace: Workspace) -> None:
    whole = run(workspace, "search", schema.SearchOutput, query="electricity wind", k=6)
    page = run(workspace, "search", schema.SearchOutput, query="electricity wind", k=3, offset=3)
    assert [hit.id for hit in page.hits] == [hit.id for hit in whole.hits[3:]]
    assert whole.hits[0].reasons
    assert sorted((hit.score for hit in whole.hits), reverse=True) == [h.score for h in whole.hits]


def test_search_output_has_the_promised_shape(workspace: Workspace) -> None:
    result = run(workspace, "search", schema.SearchOutput, query="cement", k=1).model_dump()
    assert set(result) == {"query", "hits", "understood"}
    assert set(result["hits"][0]) == {
        *("id", "uuid", "version", "database", "kind", "name", "place", "score", "reasons"),
        "variants",
    }


def test_doubles_are_folded_on_demand(workspace: Workspace) -> None:
    name = str(server_fixtures.demo_records()[2].name)
    plain = run(workspace, "search", schema.SearchOutput, query=name, k=10)
    folded = run(workspace, "search", schema.SearchOutput, query=name, k=10, collapse=True)
    assert not any(hit.variants for hit in plain.hits)
    assert folded.hits[0].id == plain.hits[0].id
    ids = {variant.split(": ")[0] for hit in folded.hits for variant in hit.variants}
    assert ids
    assert not ids & {hit.id for hit in folded.hits}


def test_what_was_understood_is_shown(workspace: Workspace) -> None:
    query = "electricity in Germany 2020"
    result = run(workspace, "search", schema.SearchOutput, query=query, k=1)
    assert result.understood == ("place: Germany = DE", "year: 2020")
    assert "understood: place: Germany = DE; year: 2020" in as_text(result)
    with pytest.raises(QueryError, match="name one with --llm"):
        run(workspace, "search", schema.SearchOutput, query=query, rewrite=True)


def test_strict_wishes_filter(workspace: Workspace) -> None:
    result = run(
        workspace, "search", schema.SearchOutput, query="electricity", place="DE", strict=True, k=50
    )
    assert result.hits
    assert {hit.place for hit in result.hits} == {"DE"}


def test_a_misspelt_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="plase"):
        schema.SearchInput.model_validate({"query": "x", "plase": "DE"})


def test_an_unknown_place_is_refused(workspace: Workspace) -> None:
    with pytest.raises(QueryError, match="Nowhereland"):
        run(workspace, "search", schema.SearchOutput, query="x", place="Nowhereland")


def test_show_gives_the_newest_version_and_names_the_others(workspace: Workspace) -> None:
    key = server_fixtures.demo_records()[0].key
    shown = run(workspace, "show", schema.ShowOutput, id=key)
    assert shown.version == "99.00.000"
    assert len(shown.versions) == 2
    assert shown.versions[0] == shown.id
    older = run(workspace, "show", schema.ShowOutput, id=shown.versions[1])
    assert older.id == shown.versions[1]
    assert older.versions == shown.versions


def test_show_limits_rows(workspace: Workspace) -> None:
    hit = run(workspace, "search", schema.SearchOutput, query="grid mix", kind="process", k=1)
    short = run(workspace, "show", schema.ShowOutput, id=hit.hits[0].id, limit=1)
    assert "are not shown" in short.evidence


def test_similar_leaves_the_record_itself_out(workspace: Workspace) -> None:
    record = server_fixtures.demo_records()[1]
    result = run(workspace, "similar", schema.SimilarOutput, id=record.id, k=5)
    assert len(result.hits) == 5
    assert record.id not in {hit.id for hit in result.hits}


def test_info_counts(workspace: Workspace) -> None:
    result = run(workspace, "info", schema.InfoOutput)
    assert [database.database for database in result.databases] == ["demo", "secret"]
    assert result.records == sum(sum(item.kinds.values()) for item in result.databases)
    assert result.dimension == 64


def test_a_hidden_database_does_not_exist(workspace: Workspace) -> None:
    record = server_fixtures.secret_records(server_fixtures.demo_records())[0]
    with pytest.raises(NotFound) as hidden:
        run(workspace, "show", schema.ShowOutput, RESTRICTED, id=record.id)
    with pytest.raises(NotFound) as absent:
        run(workspace, "show", schema.ShowOutput, RESTRICTED, id="secret/nothing@1")
    assert str(hidden.value).replace(record.id, "ID") == str(absent.value).replace(
        "secret/nothing@1", "ID"
    )
    shown = run(workspace, "show", schema.ShowOutput, RESTRICTED, id=record.uuid)
    assert shown.database == "demo"
    info = run(workspace, "info", schema.InfoOutput, RESTRICTED)
    assert [database.database for database in info.databases] == ["demo"]


def test_clusters_hold_every_visible_record(workspace: Workspace) -> None:
    whole = run(
        workspace, "clusters", schema_whole.ClustersOutput, kind="process", count=4, members=500
    )
    assert [cluster.size for cluster in whole.clusters] == [len(c.members) for c in whole.clusters]
    assert sum(cluster.size for cluster in whole.clusters) == whole.records
    info = run(workspace, "info", schema.InfoOutput)
    assert whole.records == sum(item.kinds["process"] for item in info.databases)
    assert f"{whole.records} records in 4 clusters" in as_text(whole)
    guest = run(workspace, "clusters", schema_whole.ClustersOutput, RESTRICTED, members=500)
    ids = {member.id for cluster in guest.clusters for member in cluster.members}
    assert ids
    assert all(id.startswith("demo/") for id in ids)
    with pytest.raises(QueryError, match="no database 'secret' here"):
        run(workspace, "clusters", schema_whole.ClustersOutput, RESTRICTED, database=("secret",))


def test_every_result_can_be_said_in_words(workspace: Workspace) -> None:
    found = run(workspace, "search", schema.SearchOutput, query="cement clinker", k=2)
    text = as_text(found)
    assert found.hits[0].id in text
    assert "1. [" in text
    nothing = schema.SearchOutput(query="q", hits=())
    assert as_text(nothing) == "Nothing found for 'q'."


def test_the_model_of_an_index_is_remembered(tmp_path: Path) -> None:
    assert recall_model(tmp_path) == {}
    remember_model(tmp_path, str(tmp_path), "query: ")
    assert recall_model(tmp_path) == {"model": str(tmp_path.resolve()), "query_prompt": "query: "}
    remember_model(tmp_path, "mini", None)
    assert recall_model(tmp_path)["model"] == "mini"
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(IndexStateError, match="not a JSON object"):
        recall_model(tmp_path)


def test_a_workspace_opens_nothing_before_it_is_asked(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "missing.lca")
    with pytest.raises(IndexStateError, match="no index is here"):
        _ = workspace.index


def test_runs_take_what_the_table_says() -> None:
    for row in OPERATIONS:
        assert list(inspect.signature(row.run).parameters) == ["workspace", "asked", "caller"]


def test_what_is_kept_belongs_to_the_state_it_was_made_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer commits while duplicates are looked for: the next question sees the new state."""
    from lca_rag import duplicates
    from lca_rag.index import Index
    from tests.hash_encoder import HashEncoder

    records = server_fixtures.demo_records()
    place = server_fixtures.build(tmp_path / "x.lca", records[:20])
    searched: list[int] = []
    real = duplicates.find_duplicates

    def slow(given: Any, matrix: Any) -> Any:
        searched.append(len(given))
        if len(searched) == 1:
            with Index.open(place, encoder=HashEncoder()) as writer:
                writer.sync(records)
        return real(given, matrix)

    monkeypatch.setattr("lca_rag.duplicates.find_duplicates", slow)
    with server_fixtures.workspace(place) as opened:
        old = opened.index.snapshot()
        run(opened, "duplicates", schema_whole.DuplicatesOutput)
        assert opened.index.snapshot().generation > old.generation
        run(opened, "duplicates", schema_whole.DuplicatesOutput)
        run(opened, "duplicates", schema_whole.DuplicatesOutput)
        # Whoever took the old state before the commit and asks only now must not pass it on, and
        # what is made for them is not kept.
        monkeypatch.setattr(opened.index, "snapshot", lambda: old)
        assert run(opened, "duplicates", schema_whole.DuplicatesOutput).total >= 0
        monkeypatch.undo()
        run(opened, "duplicates", schema_whole.DuplicatesOutput)
    assert searched == [20, len(records), 20]


def test_warming_up_loads_what_the_first_question_needs(workspace: Workspace) -> None:
    from lca_rag.answer.lexicon import _tables

    _tables.cache_clear()
    workspace.warm()
    assert _tables.cache_info().currsize == 1
    assert workspace.retriever.index.snapshot().lexical._spelling is not None
