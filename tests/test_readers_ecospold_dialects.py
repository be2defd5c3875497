"""EcoSpold 1 and 2 as other tools write them; every fixture is our own."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.test_readers_ecospold import (
    MASTER,
    PRODUCT,
    exchange1,
    file1,
    master_archive,
    only,
    product,
    read_all,
    spold1,
    spold2,
)


def test_place_of_the_product_where_there_is_no_geography(tmp_path: Path) -> None:
    made = exchange1("o0", location="RNA")
    record = only(tmp_path, file1(spold1(made)))
    assert record.place is not None
    assert record.place.code == "RNA"
    assert record.provenance is not None
    assert "place taken from the reference product" in record.provenance.repairs
    stated = '<geography location="CH"/>'
    record = only(tmp_path, file1(spold1(made, meta=stated)))
    assert record.place is not None
    assert record.place.code == "CH"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Electricity, at grid/US U", "US"),
        ("steel {RER}| production", "RER"),
        ("steel {Europe without Switzerland}| market", "Europe without Switzerland"),
        ("Lime, at plant [DE]", "DE"),
        ("Electricity, at grid, US, 2008", "US"),
        ("Planed lumber, at mill, US SE", "US SE"),
        ("Loading, INW", "INW"),
        ("Piling, softwood, SE", None),
        ("Resin, PE", None),
        ("Resin, HDPE", None),
        ("Resin {HDPE}", None),
        ("Plate (ISO) {60 % recycled}", None),
    ],
)
def test_place_inside_a_name(tmp_path: Path, name: str, code: str | None) -> None:
    text = spold1(exchange1("o0")).replace("Acid, at plant", name)
    record = only(tmp_path, file1(text.replace(' localName="Säure"', "")))
    assert (record.place.code if record.place else None) == code
    assert record.provenance is not None
    assert ("place taken from the name" in record.provenance.repairs) is (code is not None)


def test_export_of_simapro_with_a_prefix_commas_and_places_in_names(tmp_path: Path) -> None:
    meta = '<geography location="unspecified"/><timePeriod><startYear>1995</startYear></timePeriod>'
    used = exchange1("i5", "2", name="Steel/RER S", meanValue="0,5", localName="Stahl")
    text = file1(spold1(exchange1("o0") + used, meta=meta))
    text = text.replace("<", "<es:").replace("<es:/", "</es:").replace("xmlns=", "xmlns:es=")
    record = only(tmp_path, text.replace("Acid, at plant", "Acid/DE U"))
    assert record.place is not None
    assert record.place.code == "DE", "unspecified is no place"
    steel = record.exchanges[1]
    assert steel.flow.entries == (("en", "Steel/RER S"), ("de", "Stahl"))
    assert (steel.amount, steel.location) == (0.5, "RER")
    assert record.provenance is not None
    assert "decimal comma read as point" in record.provenance.repairs


def test_impact_method_in_its_own_namespace(tmp_path: Path) -> None:
    text = file1(spold1(exchange1("i4", name="Methane", category="air"), kind="4"))
    record = only(tmp_path, text.replace("EcoSpold01", "EcoSpold01Impact"))
    assert record.kind == "method"
    assert record.results[0].indicator.join() == "Methane, air"


def test_activity_link_of_zeros_links_nothing(tmp_path: Path) -> None:
    used = product(group="x").replace("<outputGroup>x</outputGroup>", "<inputGroup>5</inputGroup>")
    zeros = "00000000-0000-0000-0000-000000000000"
    used = used.replace('id="x"', f'id="y" activityLinkId="{zeros}"')
    assert only(tmp_path, spold2(product() + used)).exchanges[1].provider is None


def test_undefined_system_model_with_several_products(tmp_path: Path) -> None:
    """As the supplier hands it in: `activityDataset`, formulas, parameters, two products."""
    cream = product("0.1").replace(PRODUCT, PRODUCT[:-1] + "c").replace("block", "cream")
    formula = product("0.9").replace('id="x"', 'id="x" mathematicalRelation="p" variableName="q"')
    parameter = (
        '<parameter parameterId="p" variableName="p" amount="0.9"><name>p</name></parameter>'
    )
    text = spold2(formula + cream + parameter).replace("childActivityDataset", "activityDataset")
    record = only(tmp_path, text)
    assert [(x.flow.all()[0], x.amount) for x in record.reference_exchanges] == [
        ("block", 0.9),
        ("cream", 0.1),
    ]
    assert record.references_stated == 2


def test_prefixed_names_and_decimal_commas(tmp_path: Path) -> None:
    text = spold2(product("0,4")).replace("<", "<e:").replace("<e:/", "</e:").replace("<e:?", "<?")
    record = only(tmp_path, text.replace("xmlns=", "xmlns:e="))
    assert [(x.amount, x.unit) for x in record.reference_exchanges] == [(0.4, "kg")]


def test_activity_that_speaks_of_master_data_is_an_activity(tmp_path: Path) -> None:
    about = '<generalComment><text index="1">see validUnits and validTags</text></generalComment>'
    assert only(tmp_path, spold2(product(), about), "x.xml").kind == "process"


def test_package_as_ecoinvent_ships_it(tmp_path: Path) -> None:
    """Beside the data sets: more master data than is used, a table of file names, schemas."""
    path = master_archive(tmp_path / "ecoinvent.zip")
    with zipfile.ZipFile(path, "a") as archive:
        for root in ("validActivityIndex", "validSystemModels", "validNewThings"):
            archive.writestr(f"MasterData/{root}.xml", MASTER.format(root, '<thing id="x"/>'))
        archive.writestr("FilenameToActivityLookup.csv", "Filename;ActivityName\na.spold;a\n")
        archive.writestr(
            "EcoSpold02.xsd", "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'/>"
        )
    _, skipped, report = read_all(path)
    assert skipped == []
    assert report.read == {"ecospold2/flow": 2, "ecospold2/process": 1}
    assert report.ignored == {".csv": 1, "schema": 1}
