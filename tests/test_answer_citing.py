"""Citations leave as BibTeX, CSL-JSON and CSV, whole and harmless."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from lca_rag import demo
from lca_rag.answer import Citation, cite, export
from lca_rag.answer.lexicon import is_chinese
from lca_rag.readers import read
from lca_rag.record import Name, Text


@pytest.fixture(scope="module")
def citation() -> Citation:
    record = next(r for r in read(demo.path(), database="demo") if r.kind == "process")
    return cite(1, record)


def test_every_form_names_database_uuid_version_owner_and_licence(citation: Citation) -> None:
    for form in ("bibtex", "csl-json", "csv"):
        text = export([citation], form)
        for part in (citation.uuid, citation.version, "demo", "lca-rag contributors"):
            assert part in text, (form, part)
        assert "Free of charge for all users and uses" in text


def test_a_citation_bears_the_chinese_name_where_there_is_one() -> None:
    records = tuple(read(demo.path(), database="demo"))
    both = next(r for r in records if r.kind == "process" and len(r.name.base.entries) > 1)
    assert is_chinese(cite(1, both).name_zh or "")
    assert not is_chinese(cite(1, both).name)
    alone = replace(both, name=Name(base=Text.of("Steel")))
    assert cite(1, alone).name_zh is None


def test_csl_is_json_of_data_sets(citation: Citation) -> None:
    (item,) = json.loads(export([citation], "csl-json"))
    assert item["type"] == "dataset"
    assert item["issued"]["date-parts"] == [[citation.year]]


def test_bibtex_escapes_what_tex_would_run(citation: Citation) -> None:
    text = export([replace(citation, name="50 % {\\input x} & $y_1$")], "bibtex")
    assert r"50 \% \{\textbackslash{}input x\} \& \$y\_1\$" in text
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")


def test_csv_runs_no_formula(citation: Citation) -> None:
    text = export([replace(citation, name='=HYPERLINK("x")', owner="a\nb, c")], "csv")
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["name"] == '\'=HYPERLINK("x")'
    assert row["owner"] == "a b, c"
