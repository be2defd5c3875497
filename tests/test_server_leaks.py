"""Of a restricted database only the allowed parts leave, whichever operation is asked.

Each part of a record holds words and numbers of its own, so that a look at the bytes of an answer
tells which parts got out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from lca_rag.answer.licences import FIELDS
from lca_rag.cli import app as command_line
from lca_rag.errors import LcaRagError
from lca_rag.index import Index
from lca_rag.operations import LOCAL, OPERATIONS, Caller, Operation, Workspace
from lca_rag.operations.schema import InfoInput, Output
from lca_rag.record import (
    COMPARTMENTS,
    Classification,
    Exchange,
    FlowFacts,
    FlowProperty,
    ImpactResult,
    Licence,
    Name,
    Period,
    Place,
    Provenance,
    Record,
    Reference,
    Text,
)
from lca_rag.server.app import create_app
from tests import server_fixtures
from tests.hash_encoder import HashEncoder
from tests.operation_requests import requests_to

WORDS = ("zirconium smelting", "How much zirconium is needed?", "zirconium vapour")
PARTS: dict[str, tuple[str, ...]] = {
    "never": ("leakdetail", "leakextra", "leaksynonym", "leakpath"),
    "place": ("qz-leak", "leakland", "leaksupply"),
    "period": ("1987", "1993"),
    "classification": ("leakclass", "stratosphere"),
    "texts": ("leakcomment", "leaktechnology", "leakuse", "leakunit", "leakprinciple", "leaktype"),
    "exchanges": ("leakflow", "73519", "73 519", "73,519", "7.351925", "1ea41ea4", "leakproperty"),
    "results": ("leakindicator", "91827", "leakmethod"),
    "licence": ("leakrestriction",),
    "references": ("leaksource",),
}
"""By part of a record: what stands in this part alone."""


def marked(number: int, kind: str) -> Record:
    """A record with words and numbers of its own in every part."""
    process = kind == "process"
    zirconium = "Zirconium smelting" if process else "Zirconium vapour"
    flow = Exchange(
        id="1",
        flow=Text.of("zirconium leakflow"),
        flow_uuid="1ea41ea4-0000-4000-8000-000000000000",
        direction="input",
        amount=73519.25,
        unit="kg",
    )
    facts = FlowFacts(
        kind="elementary",
        cas="7440-67-7",
        properties=(FlowProperty(name=Text.of("leakproperty"), mean=73519.25, unit="MJ"),),
        supply="leaksupply",
    )
    return Record(
        database="secret",
        uuid=f"00000000-0000-4000-8000-{number:012d}",
        kind="process" if process else "flow",
        name=Name(base=Text.of(f"{zirconium}, plant {'abc'[number % 3]}")),
        synonyms=Text.of("zirconium leaksynonym"),
        classifications=(
            Classification(system="leakclass", path=("leakclass energy",))
            if process
            else Classification(system=COMPARTMENTS, path=("Emissions", "air", "stratosphere")),
        ),
        place=Place(code="QZ-LEAK", name="leakland", description=Text.of("zirconium leakland")),
        period=Period(reference_year=1987, valid_until=1993),
        comment=Text.of("zirconium leakcomment made of zirconium"),
        technology=Text.of("zirconium leaktechnology"),
        applicability=Text.of("zirconium leakuse"),
        functional_unit=Text.of("1 kg leakunit"),
        reference_type="leaktype",
        references_stated=1 if process else 0,
        method_principle="leakprinciple",
        method_approaches=("leakprinciple mass",),
        exchanges=(
            (flow, replace(flow, id="2", direction="output", reference=True)) if process else ()
        ),
        flow=None if process else facts,
        results=(
            ImpactResult(
                indicator=Text.of("zirconium leakindicator"),
                method="leakmethod",
                amount=91827.5,
                unit="kg CO2 eq",
            ),
        ),
        licence=Licence(restrictions=Text.of("zirconium leakrestriction")),
        references=(Reference(role="data source", name=Text.of("zirconium leaksource")),),
        details=(("Sampling", Text.of("zirconium leakdetail")),),
        extras=(("Note", "zirconium leakextra"),),
        provenance=Provenance(path="leakpath.xml", format="ilcd"),
    )


RECORDS = [marked(number, "process" if number % 3 else "flow") for number in range(9)]
IDS = (RECORDS[1].id, RECORDS[3].id, RECORDS[1].uuid)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("leaks") / "both.lca"
    return server_fixtures.build(place, [*server_fixtures.demo_records()[::2], *RECORDS])


def policy_file(folder: Path, allowed: Iterable[str]) -> Path:
    path = folder.with_suffix(f".{'-'.join(allowed) or 'nothing'}.json")
    rule = {"level": "restricted", "allowed": list(allowed)}
    path.write_text(json.dumps({"databases": {"secret": rule}}), "utf-8")
    return path


def workspace(folder: Path, policy: Path | None) -> Workspace:
    index = Index.open(folder, encoder=HashEncoder(), create=False)
    return Workspace.of(index, policy=policy)


def leaked(answer: str, allowed: Iterable[str]) -> list[str]:
    """What stands in an answer of parts that are not allowed."""
    text = answer.casefold()
    return [
        mark
        for part, marks in PARTS.items()
        if part not in allowed
        for mark in marks
        if re.search(rf"(?<![\d.]){mark}(?!\d)" if mark[0].isdigit() else mark, text)
    ]


def answers(
    space: Workspace, rows: Iterable[Operation]
) -> Iterator[tuple[str, dict[str, Any], str]]:
    """What each operation answers to the local user, who has every right."""
    for row in rows:
        for body in requests_to(row, WORDS, IDS, ("secret",)):
            try:
                told = row.run(space, row.input.model_validate(body), LOCAL).model_dump_json()
            except LcaRagError as exc:
                told = str(exc)
            yield row.name, body, told


@pytest.mark.parametrize("allowed", [(), *((part,) for part in FIELDS)])
def test_only_what_is_allowed_leaves(folder: Path, allowed: tuple[str, ...]) -> None:
    with workspace(folder, policy_file(folder, allowed)) as space:
        for name, body, told in answers(space, OPERATIONS):
            assert not leaked(told, allowed), (name, body)


def test_the_look_would_notice(folder: Path) -> None:
    """Without a rule the same questions bring parts of the records out, by every such operation."""
    with workspace(folder, None) as space:
        noticed = {name for name, _, told in answers(space, OPERATIONS) if leaked(told, ())}
    silent = {row.name for row in OPERATIONS} - noticed
    assert silent == {"info"}  # it counts records


class Forgetful(Output):
    """The answer of an operation that gives whole records."""

    records: tuple[str, ...]


def operation_without_a_policy(*, around: bool) -> Operation:
    """One that forgets the policy: by what it is given, or by opening the index on its own."""

    def run(space: Workspace, asked: object, caller: Caller) -> Forgetful:
        if not around:
            snapshot = space.index.snapshot()
            columns = [
                snapshot.column(name).tolist() for name in ("place", "classes", "allocation")
            ]
            found = [*map(repr, snapshot.records(range(len(snapshot)))), repr(columns)]
            return Forgetful(records=tuple(found))
        with Index.open(space.index.folder, create=False) as index:
            return Forgetful(records=(repr(index.get(IDS[0])),))

    return replace(
        OPERATIONS[-1], name="dump", input=InfoInput, output=Forgetful, run=run, subject=None
    )


def test_an_operation_that_forgets_the_policy_leaks_nothing_and_one_around_it_is_caught(
    folder: Path,
) -> None:
    with workspace(folder, policy_file(folder, ())) as space:
        [(_, _, told)] = answers(space, [operation_without_a_policy(around=False)])
        assert IDS[0].partition("@")[0].rpartition("/")[2] in told
        assert not leaked(told, ())
        [(_, _, told)] = answers(space, [operation_without_a_policy(around=True)])
        assert leaked(told, ())


def test_nothing_leaves_over_http(folder: Path) -> None:
    """The routes that are no operations too: examples, citations, chat."""
    app = create_app(workspace(folder, policy_file(folder, ())))
    asked = [
        (f"/api/{row.name}", body)
        for row in OPERATIONS
        for body in requests_to(row, WORDS[:1], IDS[:1], ())
    ]
    asked.append(("/chat/examples", {}))
    asked += [("/chat/citations", {"ids": IDS, "form": form}) for form in ("bibtex", "csl-json")]
    for words in WORDS:
        chat = {"messages": [{"role": "user", "content": words}]}
        asked += [("/v1/chat/completions", chat), ("/v1/chat/completions", chat | {"stream": True})]
    with TestClient(app) as client:
        for path, body in asked:
            assert not leaked(client.post(path, json=body).text, ()), (path, body)


@pytest.mark.parametrize("target", ["out.jsonl", "out.csv", "out.html"])
def test_files_that_are_written_hold_what_is_allowed(
    folder: Path, tmp_path: Path, target: str
) -> None:
    command = "map" if target.endswith(".html") else "export"
    path = tmp_path / target
    for policy, clean in ((policy_file(folder, ()), True), (None, False)):
        given = ["--policy", str(policy)] if policy else []
        line = [command, str(path), "--index", str(folder), "--database", "secret", *given]
        done = CliRunner().invoke(command_line, line, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        assert (not leaked(path.read_text("utf-8"), ())) is clean
