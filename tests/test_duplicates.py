from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lca_rag.duplicates import (
    DuplicatePair,
    collapse,
    compare,
    duplicate_pairs,
    find_duplicates,
    sketch,
)
from lca_rag.record import Exchange, Hit, Name, Period, Place, Record, Text

COMMENT = (
    "Hot rolled coil made from slabs of a basic oxygen furnace in an integrated works, with coke "
    "oven, sinter plant and blast furnace; scrap is credited; transport of ore is included, "
    "capital goods are left out; the figures are weighted means of seven sites of the association"
)
FLOWS = {"iron ore": 1.6, "coal": 0.7, "limestone": 0.2, "electricity": 0.4, "steam": 0.1}


def process(
    uuid: str = "a" * 8,
    *,
    name: str = "Hot rolled coil, steel",
    comment: str = COMMENT,
    place: str | None = "DE",
    year: int | None = 2015,
    database: str = "one",
    version: str = "01.00.000",
    scale: float = 1.0,
    flows: dict[str, float] = FLOWS,
) -> Record:
    inputs = tuple(
        Exchange(id=str(i), flow=Text.of(flow), direction="input", amount=amount * scale, unit="kg")
        for i, (flow, amount) in enumerate(flows.items(), start=1)
    )
    product = Exchange(
        id="0", flow=Text.of("product"), direction="output", amount=1.0, unit="kg", reference=True
    )
    return Record(
        database=database,
        uuid=f"{uuid}-0000-4000-8000-000000000000",
        version=version,
        kind="process",
        name=Name(base=Text.of(name)),
        comment=Text.of(comment),
        place=Place(code=place) if place else None,
        period=Period(reference_year=year),
        exchanges=(product, *inputs),
    )


def pair_of(one: Record, other: Record) -> DuplicatePair | None:
    return compare(sketch(one), sketch(other))


@pytest.mark.parametrize(
    ("other", "relation", "reason"),
    [
        (process(version="02.00.000"), "version", "01.00.000 and 02.00.000"),
        (process(database="two"), "copy", "one and two"),
        (process("b" * 8, database="two"), "copy", "one and two"),
        (
            process("b" * 8, name="Hot rolled coil, steel, FR", place="FR", scale=1.1),
            "region",
            "another region: DE and FR",
        ),
        (process("b" * 8, name="Hot rolled coil, steel 2020", year=2020), "year", "2015 and 2020"),
        (
            process("b" * 8, name="Hot rolled coil, carbon steel", scale=2.0),
            "text",
            "nearly the same words",
        ),
        (
            process("b" * 8, name="Warmband", comment="Aus Brammen."),
            "exchanges",
            "the same exchanges",
        ),
    ],
)
def test_each_relation_is_named_with_its_reason(other: Record, relation: str, reason: str) -> None:
    for pair in (pair_of(process(), other), pair_of(other, process())):
        assert pair is not None
        assert pair.relation == relation
    assert reason in (pair_of(process(), other) or pytest.fail("no pair")).reason


@pytest.mark.parametrize(
    "other",
    [
        process("b" * 8, name="Hot rolled coil, steel, 20 mm", scale=2.0),
        process("b" * 8, flows={"wood": 1.0, "glue": 0.1, "diesel": 0.2}),
        process("b" * 8, name="Warmband", comment="Aus Brammen.", scale=0.5),
        process("b" * 8, name="Aluminium sheet", comment="Cold rolled.", flows={"alumina": 2.0}),
        replace(process("b" * 8), kind="flow"),
    ],
)
def test_near_misses_are_no_doubles(other: Record) -> None:
    assert pair_of(process(), other) is None


def test_amounts_are_compared_per_reference_amount() -> None:
    tonne = process("b" * 8, name="Warmband", comment="Aus Brammen.", scale=1000.0)
    product = replace(tonne.exchanges[0], amount=1000.0)
    tonne = replace(tonne, exchanges=(product, *tonne.exchanges[1:]))
    pair = pair_of(process(), tonne)
    assert pair is not None
    assert pair.relation == "exchanges"


def in_units(uuid: str, product: tuple[float, str], *inputs: tuple[float, str | None]) -> Record:
    """A process of other words whose exchanges are stated in units of its own."""
    made = process(uuid, name="Warmband", comment="Aus Brammen.")
    stated = zip(made.exchanges, (product, *inputs), strict=True)
    return replace(
        made,
        exchanges=tuple(replace(item, amount=amount, unit=unit) for item, (amount, unit) in stated),
    )


def test_amounts_are_compared_with_their_units() -> None:
    kilograms = process()
    power = tuple(
        replace(item, unit="MJ") if str(item.flow) == "electricity" else item
        for item in kilograms.exchanges
    )
    kilograms = replace(kilograms, exchanges=power)
    rest = ((700.0, "kg"), (0.2, "t"), (0.4 / 3.6, "MWh"), (0.1, "t"))
    same = in_units("b" * 8, (1.0, "t"), (1600.0, "kg"), *rest)
    pair = pair_of(kilograms, same)
    assert pair is not None
    assert pair.relation == "exchanges"
    # The figures alone are equal; a MJ is no kWh, and a kilogram no pound.
    for energy, mass in (("kWh", "kg"), ("MJ", "lb")):
        inputs = ((1.6, mass), (0.7, "kg"), (0.2, "kg"), (0.4, energy), (0.1, "kg"))
        assert pair_of(kilograms, in_units("b" * 8, (1.0, "kg"), *inputs)) is None
    unknown = in_units("b" * 8, (1.0, "kg"), (1.6, None), *((n, "kg") for n in (0.7, 0.2)),
                       (0.4, "MJ"), (0.1, "kg"))  # fmt: skip
    assert pair_of(kilograms, unknown) is not None


def test_regions_that_only_the_names_tell_are_other_regions() -> None:
    def grid(region: str, uuid: str, year: int = 2010, scale: float = 1.0) -> Record:
        name = f"Electricity, at eGrid, {region}, {year}"
        return process(uuid, name=name, place="RNA", year=year, scale=scale)

    camx = grid("CAMX", "a" * 8)
    for other in (grid("NWPP", "b" * 8, scale=1.5), grid("NWPP", "b" * 8, 2008)):
        pair = pair_of(camx, other)
        assert pair is not None
        assert pair.relation == "region"
        assert pair.reason == "the same process in another region: CAMX and NWPP"
    year = pair_of(camx, grid("CAMX", "b" * 8, 2008))
    assert year is not None
    assert year.relation == "year"
    hits = [Hit(record=record, score=1.0) for record in (camx, grid("NWPP", "b" * 8, scale=1.5))]
    assert [item.relation for item in collapse(hits)[0].variants] == ["region"]


def test_a_region_in_one_name_alone_is_no_other_region() -> None:
    one = process(name="Hot rolled coil, steel", scale=2.0)
    pair = pair_of(one, process("b" * 8, name="Hot rolled coil, carbon steel, Texas"))
    assert pair is not None
    assert pair.relation == "text"


def test_chinese_place_names_leave_the_stem() -> None:
    one = sketch(process(name="中国热轧卷板", place="CN"))
    other = sketch(process(name="日本热轧卷板", place="JP"))
    assert one.stem == other.stem


def test_groups_hang_together_by_pairs() -> None:
    lonely = process("f" * 8, name="Glue", comment="Resin", flows={"urea": 1.0})
    records = [
        process(),
        process(version="02.00.000"),
        process(version="03.00.000"),
        process("c" * 8, place="FR", name="Hot rolled coil, steel, FR", version="09.00.000"),
        lonely,
    ]
    (group,) = find_duplicates(records)
    assert len(group.ids) == 4
    assert lonely.id not in group.ids
    # Each version is a pair with the region's double too.
    assert set(group.relations) == {"version", "region"}


def test_vectors_bring_together_rewritten_texts() -> None:
    words = COMMENT.split()
    one = process(flows={})
    other = process(
        "b" * 8, name="Hot rolled coil, carbon steel", comment=" ".join(words[:-12]), flows={}
    )
    vectors = np.array([[1.0, 0.0], [0.999, 0.0447]], dtype=np.float32)
    sketches = [sketch(one), sketch(other)]
    assert [pair.relation for pair in duplicate_pairs(sketches, vectors)] == ["text"]
    far = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    assert duplicate_pairs(sketches, far) == duplicate_pairs(sketches) == []


def test_crowds_are_compared_in_a_chain() -> None:
    records = [process(f"{number:08d}", scale=1 + number) for number in range(60)]
    pairs = duplicate_pairs([sketch(record) for record in records])
    assert len(pairs) < 60 * 4
    (group,) = find_duplicates(records)
    assert len(group.ids) == 60


def test_hits_are_folded_under_their_doubles() -> None:
    one, other = process("a" * 8), process("b" * 8, place="FR", scale=1.1)
    apart = process("c" * 8, name="Wheat grain", comment="Sown", flows={"seed": 3.0, "urea": 1.0})
    hits = [Hit(record=record, score=1.0) for record in (one, apart, other)]
    folded = collapse(hits)
    assert [item.hit.record for item in folded] == [one, apart]
    assert [item.hit.record for item in folded[0].variants] == [other]
    assert folded[0].variants[0].relation == "region"
    assert folded[1].variants == ()
    assert collapse([]) == []
