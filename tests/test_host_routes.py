"""What `lca-rag doctor` sees of the hosts: ours give the model's vectors, their own do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lca_rag.cli import app
from lca_rag.commands.models import MODEL_DIFFERS
from lca_rag.encoders.doctor import Diagnosis, Subject, diagnose
from lca_rag.encoders.faults import SAME
from tests.tiny_models import make_qwen3


@pytest.fixture(scope="module")
def diagnosis(tmp_path_factory: pytest.TempPathFactory) -> Diagnosis:
    folder = make_qwen3(tmp_path_factory.mktemp("doctor") / "tiny", max_seq_length=64)
    found = diagnose(Subject(folder=folder))
    print(*found.lines(), sep="\n")  # noqa: T201 the comparison is meant to be seen with -s
    return found


@pytest.mark.parametrize(
    "route",
    ["lca_rag SentenceEncoder", "langchain_lca LCAEmbeddings", "llama_index_lca LCAEmbedding"],
)
def test_ours_give_the_models_own_vectors(diagnosis: Diagnosis, route: str) -> None:
    report = next(report for report in diagnosis.routes if report.route == route)
    assert report.healthy, report.findings
    assert all(cosine >= SAME for cosines in report.cosines.values() for cosine in cosines.values())


@pytest.mark.parametrize(
    ("route", "faults"),
    [
        (
            "langchain_huggingface HuggingFaceEmbeddings",
            {"prompt missing on queries", "newlines flattened"},
        ),
        ("llama_index HuggingFaceEmbedding", {"prompt missing on queries"}),
    ],
)
def test_the_hosts_own_classes_are_named_with_their_faults(
    diagnosis: Diagnosis, route: str, faults: set[str]
) -> None:
    report = next(report for report in diagnosis.routes if report.route == route)
    found = {finding.fault: finding for finding in report.findings}
    assert faults <= set(found)
    assert all("lca." in found[fault].mend for fault in faults)


def test_the_command_tells_every_route_and_nothing_else(tmp_path: Path) -> None:
    folder = str(make_qwen3(tmp_path / "tiny", max_seq_length=64))
    shown = CliRunner().invoke(app, ["doctor", "--model", folder])
    assert shown.exit_code == MODEL_DIFFERS
    assert shown.stderr == "", "neither bars nor warnings"
    heads = [line.partition(":")[0] for line in shown.stdout.splitlines() if line[0] != " "]
    assert heads == [
        "reference",
        "lca_rag SentenceEncoder",
        "langchain_lca LCAEmbeddings",
        "langchain_huggingface HuggingFaceEmbeddings",
        "llama_index_lca LCAEmbedding",
        "llama_index HuggingFaceEmbedding",
    ]
    found = CliRunner().invoke(app, ["doctor", "--model", folder, "--json"])
    assert [route["route"] for route in json.loads(found.stdout)["routes"]] == heads[1:]
