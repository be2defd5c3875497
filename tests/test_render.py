"""The three texts of a record."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from lca_rag.record import (
    Classification,
    Exchange,
    FlowFacts,
    FlowProperty,
    ImpactResult,
    Licence,
    Name,
    Period,
    Place,
    Record,
    Reference,
    Text,
)
from lca_rag.render import embedding_text, evidence, search_fields, search_text
from lca_rag.render.evidence import number
from tests.conftest import Reading


def exchange(id: str, name: str, amount: float | None, unit: str | None = "kg") -> Exchange:
    return Exchange(id=id, flow=Text.of(name), direction="input", amount=amount, unit=unit)


STEEL = Record(
    database="demo",
    uuid="00000000-0000-4000-8000-000000000001",
    version="01.00.000",
    kind="process",
    name=Name(
        base=Text((("en", "Steel sheet"), ("zh", "钢板"))),
        mix=Text.of("at plant"),
        treatment=Text.of("cold rolled"),
    ),
    synonyms=Text.of("sheet steel"),
    classifications=(Classification(system="ISIC", path=("C", "Metals"), codes=("C", "24")),),
    place=Place(code="DE", parts=("DE-NW",)),
    period=Period(reference_year=2020, valid_until=2025),
    comment=Text((("en", "Rolled steel."), ("zh", "轧制钢。"))),
    technology=Text.of("Rolling mill"),
    references_stated=1,
    data_type="LCI result",
    exchanges=(
        Exchange(
            id="0",
            flow=Text.of("Steel sheet"),
            direction="output",
            amount=1000.0,
            unit="kg",
            reference=True,
        ),
        exchange("1", "Ore", 1600.0),
        exchange("2", "Electricity", 2000.0, "MJ"),
        exchange("3", "Coal", None),
        exchange("4", "Lime", 50.5),
        exchange("5", "Mystery", 7.25, None),
    ),
    results=(
        ImpactResult(
            indicator=Text.of("Climate change"),
            method="EF 3.1",
            amount=1.9,
            unit="kg CO2 eq",
            module="A1-A3",
        ),
    ),
    licence=Licence(type="CC BY 4.0", copyright=True, owner=Text.of("Owner Ltd")),
    references=(
        Reference(role="data source", name=Text.of("Steel book")),
        Reference(role="owner", name=Text.of("Owner Ltd")),
    ),
    details=(("Use advice", Text.of("Use with care")), ("Cut-off", Text.of("None"))),
    extras=(("Identifier", "SUB-9"),),
)
CARBON = Record(
    database="demo",
    uuid="00000000-0000-4000-8000-000000000002",
    kind="flow",
    name=Name(base=Text.of("carbon dioxide")),
    data_type="Elementary flow",
    flow=FlowFacts(
        kind="elementary",
        cas="000124-38-9",
        ec="204-696-9",
        formula="CO2",
        properties=(
            FlowProperty(name=Text.of("Mass"), mean=1.0, unit="kg", reference=True),
            FlowProperty(name=Text.of("Carbon"), mean=0.27, unit="kg"),
        ),
    ),
)


# --- embedding text ------------------------------------------------------------------------


def test_all_golden_texts_are_reproduced(shared: Path, tiangong: Reading) -> None:
    path = shared / "data" / "tiangong-ilcd" / "sdk_markdown_shared.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        golden = {(row["type"], row["uuid"]): row["text"] for row in map(json.loads, lines)}
    texts = {(record.kind, record.uuid): embedding_text(record) for record in tiangong.records}
    assert len(golden) == 7486
    assert [key for key, text in golden.items() if texts.get(key) != text] == []


def test_process_template() -> None:
    assert embedding_text(STEEL) == (
        "# Steel sheet | at plant | cold rolled\n\n"
        "**Entity:** Process\n"
        "**UUID:** `00000000-0000-4000-8000-000000000001`\n"
        "**Version:** 01.00.000\n"
        "**Location:** DE\n"
        "**Reference Flow:** Steel sheet\n"
        "**Amount:** 1000\n\n"
        "**Classification:** C > Metals\n\n"
        "## Description\n\nRolled steel.\n\n"
        "## Time Coverage\n\nReference Year: 2020 | Valid Until: 2025\n\n"
        "## Technology\n\nRolling mill\n\n"
        "## Methodology\n\n**Data Set Type:** LCI result\n\n"
        "## Main Inputs\n\n"
        "- Electricity: 2000\n- Ore: 1600\n- Lime: 50.5\n- Mystery: 7.25\n- Coal: \n\n"
        "## Main Outputs\n\n- Steel sheet: 1000"
    )


def test_only_ten_exchanges_are_listed() -> None:
    many = replace(STEEL, exchanges=tuple(exchange(str(i), f"f{i}", i) for i in range(30)))
    assert re.findall(r"- (f\d+):", embedding_text(many)) == [f"f{i}" for i in range(29, 19, -1)]


def test_missing_amounts_sort_below_negative_ones() -> None:
    odd = replace(STEEL, exchanges=(exchange("1", "a", None), exchange("2", "b", -1.0)))
    assert embedding_text(odd).endswith("- b: -1\n- a: ")


def test_the_other_kinds_use_the_same_template() -> None:
    assert "**Entity:** Life Cycle Model" in embedding_text(replace(STEEL, kind="model"))
    assert "**Entity:** LCIA Method" in embedding_text(replace(STEEL, kind="method"))


def test_elementary_flows_of_any_format_show_their_compartment() -> None:
    path = Classification(path=("Elementary flows", "Emission to air"))
    assert "**Classification:** Elementary flows > Emission to air\n" in embedding_text(
        replace(CARBON, classifications=(path,))
    )
    product = replace(CARBON, classifications=(path,), flow=FlowFacts(kind="product"))
    assert "Classification" not in embedding_text(product)


def test_a_free_text_is_itself() -> None:
    text = Record(
        database="texts", uuid="x", kind="text", name=Name(), comment=Text((("", " a\nb "),))
    )
    assert embedding_text(text) == " a\nb "


# --- search text ---------------------------------------------------------------------------


def test_search_fields_hold_every_language() -> None:
    fields = search_fields(STEEL)
    assert fields["name"] == "Steel sheet ; 钢板 ; cold rolled ; at plant"
    assert "轧制钢。" in fields["description"]


def test_place_holds_codes_and_names() -> None:
    words = search_fields(STEEL)["place"].split(" ; ")
    assert {"DE", "Germany", "德国", "DE-NW"} <= set(words)


def test_identifiers_are_found_padded_and_bare() -> None:
    words = search_fields(CARBON)["identifiers"].split(" ; ")
    assert words == [CARBON.uuid, "000124-38-9", "124-38-9", "204-696-9", "CO2"]
    assert "SUB-9" in search_fields(STEEL)["identifiers"]


def test_search_text_leaves_out_amounts_owners_and_fillers() -> None:
    text = search_text(STEEL)
    for unwanted in ("1600", "50.5", "1000", "1.9", "7.25", "Owner Ltd", "CC BY", "None"):
        assert unwanted not in text
    assert "Steel book" in text
    assert "Climate change" in text


def test_no_amount_is_searched(tiangong: Reading) -> None:
    """Whatever the amounts are, the searched words are the same."""
    for record in (STEEL, CARBON, *tiangong.records[-500:]):
        other = replace(
            record,
            exchanges=tuple(replace(item, amount=-123.456) for item in record.exchanges),
            results=tuple(replace(item, amount=-123.456) for item in record.results),
        )
        assert search_text(other) == search_text(record)


def test_empty_fields_are_left_out() -> None:
    bare = Record(database="d", uuid="u", kind="flow", name=Name(base=Text.of("x")))
    assert search_fields(bare) == {"name": "x", "identifiers": "u"}


def test_search_text_is_normalised() -> None:
    record = replace(CARBON, name=Name(base=Text.of("cafe\u0301  \n au   lait")))
    assert search_fields(record)["name"] == "café au lait"


# --- evidence ------------------------------------------------------------------------------


def rows(text: str, title: str) -> list[list[str]]:
    """Cells of the table under a heading, without its head."""
    part = text.split(f"\n## {title}\n\n")[1].split("\n\n")[0]
    lines = part.splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_identity_and_licence_come_first() -> None:
    lines = evidence(STEEL).splitlines()
    assert lines[0] == "# Steel sheet; cold rolled; at plant"
    assert lines[2] == "- **Record:** `demo/00000000-0000-4000-8000-000000000001@01.00.000`"
    assert "- **Licence:** CC BY 4.0" in lines[:8]
    assert "- **Owner:** Owner Ltd" in lines[:8]


def test_a_licence_that_is_not_stated_is_said_so() -> None:
    assert "- **Licence:** not stated" in evidence(CARBON)


def test_reference_flow_has_its_unit() -> None:
    assert "- **Reference flow (output):** Steel sheet, 1000 kg" in evidence(STEEL)


def test_inputs_fall_within_one_unit_and_missing_amounts_are_named() -> None:
    found = [row[:3] for row in rows(evidence(STEEL), "Inputs")]
    assert found == [
        ["Ore", "1600", "kg"],
        ["Lime", "50.5", "kg"],
        ["Coal", "not stated", "kg"],
        ["Electricity", "2000", "MJ"],
        ["Mystery", "7.25", "not stated"],
    ]


def test_results_show_method_module_and_unit() -> None:
    assert rows(evidence(STEEL), "Results") == [
        ["Climate change", "EF 3.1", "A1-A3", "1.9", "kg CO2 eq"]
    ]


def test_place_is_spelled_out() -> None:
    assert "- **Place:** DE (Germany)" in evidence(STEEL)


def test_flow_properties_have_units() -> None:
    assert rows(evidence(CARBON), "Flow properties per reference amount") == [
        ["Mass", "1", "kg", "reference property"],
        ["Carbon", "0.27", "kg", ""],
    ]


def test_limit_counts_what_it_leaves_out() -> None:
    text = evidence(STEEL, limit=2)
    assert len(rows(text, "Inputs")) == 2
    assert "3 further rows are not shown." in text


def test_prose_that_repeats_or_says_nothing_is_left_out() -> None:
    record = replace(STEEL, applicability=STEEL.technology)
    text = evidence(record)
    assert "## Technology" in text
    assert "## Applicability" not in text
    assert "## Cut-off" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "not stated"), (0.0, "0"), (1000.0, "1000"), (0.1 + 0.2, "0.30000000000000004")],
)
def test_numbers_are_exact(value: float | None, text: str) -> None:
    assert number(value) == text


def test_every_amount_of_real_records_is_in_their_evidence(tiangong: Reading) -> None:
    for record in tiangong.records[-300:]:
        text = evidence(record)
        for item in record.exchanges:
            assert f"| {number(item.amount)} | {item.unit or 'not stated'} |" in text


HOSTILE = [
    "# heading",
    "## Licence\n\nfree",
    "- **Licence:** free",
    "text\n===",
    "text\n---",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![track](https://example.org/t.png)",
    "[click](javascript:alert(1))",
    "[a]: https://example.org",
    "a | b | c",
    "`code` ```fence```",
    "1. one",
    "> quoted",
    "&lt;script&gt;",
    "__Licence:__ free",
    "\u202egnp.exe",
    "nul\x00byte",
    "\\<b>",
    "\\[x](y)",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_a_source_stays_inert(text: str) -> None:
    clean, hostile = Text.of("harmless"), Text.of(text)

    def record(words: Text) -> Record:
        plain = words.entries[0][1]
        return replace(
            STEEL,
            name=Name(base=words),
            comment=words,
            synonyms=words,
            licence=Licence(type=plain, owner=words),
            exchanges=(replace(STEEL.exchanges[0], flow=words, unit=plain, comment=words),),
            details=(("Use advice", words), (plain, Text.of("label"))),
            extras=((plain, plain),),
        )

    shown = evidence(record(hostile))
    assert not re.search(r"<(?!/?$)[a-zA-Z/!]", shown)
    assert not re.search(r"(?<!\\)\](\(|\[|:)", shown)
    assert not re.search("[\x00\u202e]", shown)

    def structure(document: str) -> list[str]:
        """What Markdown sees of each line that is not quoted prose."""
        return [
            re.match(r"(#{1,6} |- |\||)", line)[0]  # type: ignore[index]
            + "|" * len(re.findall(r"(?<!\\)\|", line))
            for line in document.splitlines()
            if not line.startswith(">")
        ]

    assert structure(shown) == structure(evidence(record(clean)))
    for line in shown.splitlines():
        if line.startswith("> "):
            assert not re.match(r"> ([#>]|[-+] |[-=]+$|\d+\. |\*\*|__)", line)
