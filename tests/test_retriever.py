from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lca_rag import Hit, Index, Record, Retriever
from lca_rag.errors import QueryError
from lca_rag.filters import Wishes, same_data_type
from lca_rag.pedigree import pedigree
from lca_rag.places import relation
from lca_rag.reasons import place_reason, year_reason
from lca_rag.record import (
    Classification,
    Exchange,
    FlowFacts,
    Name,
    Period,
    Place,
    Text,
)
from lca_rag.retriever import Mode
from lca_rag.telling import among_namesakes
from tests.hash_encoder import HashEncoder

PRODUCTS = (
    "steel sheet",
    "primary aluminium ingot",
    "electricity from hard coal",
    "cement clinker",
)
PLACES = ("DE", "CN", "CN-SH", "RER", "GLO", "US", None)
MODES: tuple[Mode, ...] = ("hybrid", "dense", "lexical")
TYPES = ("Unit process, single operation", "LCI result")


def process(number: int, *, database: str = "db", version: str = "01.00.000") -> Record:
    place = PLACES[number % len(PLACES)]
    start = 2000 + number % 9
    return Record(
        database=database,
        uuid=f"00000000-0000-4000-8000-{number:012d}",
        version=version,
        kind="process",
        name=Name(base=Text.of(f"{PRODUCTS[number % 4]}, route {number}")),
        place=Place(code=place) if place else None,
        period=Period(
            reference_year=None if number % 10 == 9 else start,
            valid_until=start + 5 if number % 3 == 0 else None,
        ),
        classifications=(
            Classification(system="ISIC", path=("Manufacturing", f"Branch {number % 5}")),
        ),
        data_type=TYPES[number % 2],
        system_model="cut-off" if number % 2 else "consequential",
        method_approaches=("Allocation - mass",) if number % 3 else (),
        exchanges=(
            Exchange(id="1", flow=Text.of("product"), direction="output", amount=1.0, unit="kg"),
        ),
    )


def flow(number: int) -> Record:
    return Record(
        database="db",
        uuid=f"00000000-0000-4000-9000-{number:012d}",
        kind="flow",
        name=Name(base=Text.of("carbon dioxide" if number else "n-tetradecane")),
        data_type="Elementary flow",
        flow=FlowFacts(kind="elementary", cas="000124-38-9" if number else "629-59-4"),
    )


RECORDS = [*(process(number) for number in range(60)), flow(0), flow(1)]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with Index.open(tmp_path_factory.mktemp("index") / "i", encoder=HashEncoder()) as opened:
        opened.sync([*RECORDS, *(process(number, database="secret") for number in range(0, 60, 2))])
        opened.sync([process(1, version="02.00.000")])
        yield opened


@pytest.fixture(scope="module")
def retriever(index: Index) -> Retriever:
    return Retriever(index)


def ids(hits: list[Hit]) -> list[str]:
    return [hit.record.id for hit in hits]


def covers(record: Record, first: int, last: int) -> bool:
    period = record.period
    start = period.start or period.reference_year
    end = period.end or period.valid_until or start
    start = start or end
    return start is not None and end is not None and start <= last and end >= first


FILTERS: dict[str, tuple[object, Callable[[Record], bool]]] = {
    "kind": ("flow", lambda r: r.kind == "flow"),
    "place": ("DE", lambda r: r.place is not None and r.place.code == "DE"),
    "year": (2006, lambda r: covers(r, 2006, 2006)),
    "year range": ((2001, 2003), lambda r: covers(r, 2001, 2003)),
    "database": ("db", lambda r: r.database == "db"),
    "databases": (("db", "absent"), lambda r: r.database == "db"),
    "data_type": ("aggregated", lambda r: r.data_type == "LCI result"),
    "system_model": ("cut-off", lambda r: r.system_model == "cut-off"),
    "allocation": ("mass", lambda r: r.method_approaches == ("Allocation - mass",)),
    "classification": (
        "branch 3",
        lambda r: any("Branch 3" in c.path for c in r.classifications),
    ),
}
WISH = {"year range": "year", "databases": "database"}


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
@pytest.mark.parametrize("name", FILTERS)
def test_strict_filters_equal_brute_force(
    index: Index, retriever: Retriever, name: str, mode: str
) -> None:
    wish, test = FILTERS[name]
    snapshot = index.snapshot()
    newest = snapshot.column("newest")
    expected = {
        record.id
        for position, record in enumerate(snapshot.records(range(len(snapshot))))
        if test(record) and newest[position]
    }
    found = retriever.search(
        "steel sheet route aluminium ingot carbon dioxide product tetradecane",
        k=500,
        strict=True,
        mode=mode,  # type: ignore[arg-type]
        **{WISH.get(name, name): wish},  # type: ignore[arg-type]
    )
    if mode == "lexical":
        assert set(ids(found)) <= expected
    else:
        assert set(ids(found)) == expected
    assert found


def test_exact_dense_equals_a_matrix_product(index: Index, retriever: Retriever) -> None:
    snapshot = index.snapshot()
    vector = HashEncoder().encode_queries(["cement clinker route 7"])[0]
    cosines = snapshot.matrix @ vector
    mask = snapshot.column("newest").astype(bool)
    order = [i for i in np.argsort(-cosines, kind="stable") if mask[i]][:10]
    hits = retriever.search("cement clinker route 7", mode="dense")
    assert ids(hits) == [snapshot.ids[i] for i in order]
    assert [hit.score for hit in hits] == pytest.approx([float(cosines[i]) for i in order])


@pytest.mark.parametrize("wishes", [{}, {"place": "CN", "strict": True}, {"kind": "flow"}])
def test_chroma_and_exact_mode_agree(index: Index, wishes: dict[str, object]) -> None:
    exact = Retriever(index, dense="exact")
    chroma = Retriever(index, dense="chroma")
    for question in ("steel sheet", "coal electricity route 14", "carbon dioxide"):
        for mode in ("dense", "hybrid"):
            first = exact.search(question, mode=mode, **wishes)  # type: ignore[arg-type]
            second = chroma.search(question, mode=mode, **wishes)  # type: ignore[arg-type]
            scores = [hit.score for hit in second]
            assert scores == pytest.approx([hit.score for hit in first], abs=1e-3)


def test_a_named_uuid_comes_first(retriever: Retriever) -> None:
    wanted = RECORDS[17].uuid
    hits = retriever.search(f"cement clinker, compare {wanted.upper()}")
    assert hits[0].record.uuid == wanted
    assert hits[0].reasons[0] == f"bears the UUID asked for, {wanted}"


def test_a_cas_number_is_found_padded_or_not(retriever: Retriever) -> None:
    hits = retriever.search("CAS 124-38-9", k=3)
    assert hits[0].record.uuid == RECORDS[-1].uuid
    assert "bears the CAS number asked for, 000124-38-9" in hits[0].reasons


def test_only_the_newest_version_is_found_unless_asked(retriever: Retriever) -> None:
    question = process(1).uuid
    assert ids(retriever.search(question, database="db", k=1))[0].endswith("@02.00.000")
    found = retriever.search(question, database="db", k=2, all_versions=True)
    assert {hit.record.version for hit in found} == {"01.00.000", "02.00.000"}


def test_a_wished_place_ranks_and_is_explained(retriever: Retriever) -> None:
    hits = retriever.search("steel sheet route", place="CN", k=20)
    places = [hit.record.place.code if hit.record.place else None for hit in hits]
    assert places[0] == "CN"
    assert set(places) > {"CN"}
    for hit in hits:
        assert place_reason("CN", hit.record) in hit.reasons
        if hit.record.place:
            assert relation("CN", hit.record.place.code).sentence in hit.reasons


def test_the_place_gives_most_where_it_is_met_then_less_up_the_ladder(tmp_path: Path) -> None:
    climbing = ["DE", "RER", "GLO", "RoW", "FR"]
    records = [
        replace(process(4 * i), name=Name(base=Text.of("Steel sheet")), place=Place(code=code))
        for i, code in enumerate(reversed(climbing))
    ]
    with Index.open(tmp_path / "index", encoder=HashEncoder()) as opened:
        opened.sync(records)
        hits = Retriever(opened).search("steel sheet", place="DE")
    assert hits[0].record.place == Place(code="DE")
    gave = {
        hit.record.place.code: sum(
            value for name, value in hit.features.items() if name.startswith("gave_place_")
        )
        for hit in hits
        if hit.record.place
    }
    assert sorted(gave, key=lambda code: -gave[code]) == climbing


def test_a_wished_year_ranks_and_is_explained(retriever: Retriever) -> None:
    def near(hits: list[Hit]) -> int:
        return sum(covers(hit.record, 2003, 2005) for hit in hits)

    asked = retriever.search("steel sheet route", year=2004, database="db", k=8)
    assert near(asked) > near(retriever.search("steel sheet route", database="db", k=8))
    for hit in asked:
        assert year_reason((2004, 2004), hit.record.period) in hit.reasons


def test_among_data_sets_of_one_name_the_wishes_decide(tmp_path: Path) -> None:
    """The words lean to one of them (it repeats what is asked), the wishes to another."""
    asked = "grid mix electricity medium voltage"

    def mix(number: int, place: str, year: int, until: int, extra: str, name: str) -> Record:
        return replace(
            process(number),
            name=Name(base=Text.of(name)),
            place=Place(code=place),
            period=Period(reference_year=year, valid_until=until),
            synonyms=Text.of(extra),
        )

    name = "Electricity, grid mix"
    records = [
        mix(0, "CN", 2020, 2023, f"{asked} {asked}", name),
        mix(1, "CN", 2023, 2026, "", name),
        mix(2, "CN", 2022, 2022, asked, name),
        mix(3, "RER", 2023, 2023, asked, name),
        mix(4, "CN", 2023, 2023, "", "Cement"),
    ]
    with Index.open(tmp_path / "index", encoder=HashEncoder()) as opened:
        opened.sync(records)
        retriever = Retriever(opened)
        plain = retriever.search(asked)
        assert plain[0].record.uuid != records[1].uuid
        hits = retriever.search(asked, place="CN", year=2023)
        wider = retriever.search(asked, place="DE", year=2023)
    numbers = [int(hit.record.uuid[-2:]) for hit in hits]
    assert numbers == [1, 0, 2, 3, 4], "place and year, the nearest own year, then the rest"
    assert wider[0].record.uuid == records[3].uuid, "no CN mix, but Europe's"
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert among_namesakes(1) in hits[0].reasons
    assert "gave_namesakes" not in {name for hit in plain for name in hit.features}
    gave = [
        sum(value for key, value in hit.features.items() if key.startswith("gave_")) for hit in hits
    ]
    assert gave == sorted(gave, reverse=True), "what each feature gave still adds up"


def test_records_without_a_name_are_no_namesakes(tmp_path: Path) -> None:
    records = [
        replace(process(number), name=Name(), place=Place(code=place), synonyms=Text.of(words))
        for number, (place, words) in enumerate([("US", "steel sheet"), ("DE", "cement")])
    ]
    with Index.open(tmp_path / "index", encoder=HashEncoder()) as opened:
        opened.sync(records)
        hits = Retriever(opened).search("steel sheet", place="DE")
    assert "gave_namesakes" not in {name for hit in hits for name in hit.features}


@pytest.mark.parametrize(
    ("period", "sentence"),
    [
        (Period(), "asked 2020, year not stated"),
        (Period(reference_year=2020), "asked 2020, covers it (2020)"),
        (Period(reference_year=2012, valid_until=2024), "asked 2020, covers it (2012-2024)"),
        (Period(start=2022, end=2023), "asked 2020, got 2022-2023: 2 years apart"),
        (Period(reference_year=2019), "asked 2020, got 2019: 1 year apart"),
        (Period(valid_until=2018), "asked 2020, got 2018: 2 years apart"),
    ],
)
def test_year_reasons(period: Period, sentence: str) -> None:
    assert year_reason((2020, 2020), period) == sentence


def test_rights_hide_hits_scores_and_reasons(tmp_path: Path, retriever: Retriever) -> None:
    with Index.open(tmp_path / "alone", encoder=HashEncoder()) as alone:
        alone.sync(RECORDS)
        alone.sync([process(1, version="02.00.000")])
        other = Retriever(alone)
        for mode in MODES:
            for question in ("steel sheet", "cement route 5", RECORDS[4].uuid):
                expected = other.search(question, mode=mode, k=30)
                found = retriever.search(
                    question,
                    mode=mode,
                    k=30,
                    rights={"db"},
                )
                assert ids(found) == ids(expected)
                np.testing.assert_array_equal(
                    [hit.score for hit in found], [hit.score for hit in expected]
                )
                assert [hit.reasons for hit in found] == [hit.reasons for hit in expected]


def test_similar_leaves_the_record_itself_out(retriever: Retriever) -> None:
    hits = retriever.similar(RECORDS[2].id, k=5)
    assert len(hits) == 5
    assert RECORDS[2].id not in ids(hits)
    assert all("electricity" in str(hit.record.name) for hit in hits[:3])
    with pytest.raises(QueryError, match="no record 'db/nothing'"):
        retriever.similar("db/nothing")
    with pytest.raises(QueryError, match="no record"):
        retriever.similar(process(2, database="secret").id, rights={"db"})


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        ({"kind": "proces"}, "kind 'proces' is unknown"),
        ({"place": "Atlantis"}, "place 'Atlantis' is unknown"),
        ({"year": (2020, 2010)}, "year range 2020-2010 ends before it starts"),
    ],
)
def test_wishes_that_cannot_be_meant_are_refused(wishes: dict[str, object], sentence: str) -> None:
    with pytest.raises(QueryError, match=sentence):
        Wishes(**wishes)  # type: ignore[arg-type]


def test_empty_questions_are_refused(retriever: Retriever) -> None:
    with pytest.raises(QueryError, match="the query is empty"):
        retriever.search("  ")
    with pytest.raises(QueryError, match="ask for at least one hit"):
        retriever.search("steel", k=0)


def test_a_filter_that_nothing_meets_gives_nothing(retriever: Retriever) -> None:
    assert retriever.search("steel", year=1900, strict=True) == []
    assert retriever.search("steel", rights=()) == []


def test_what_each_feature_gave_adds_up(retriever: Retriever) -> None:
    hits = retriever.search("steel sheet route 4", k=10)
    gave = [
        sum(value for name, value in hit.features.items() if name.startswith("gave_"))
        for hit in hits
    ]
    assert gave == sorted(gave, reverse=True)
    assert all(0 < hit.score < 1 for hit in hits)
    assert any(reason.startswith("moved by ") for reason in hits[0].reasons)


def test_common_words_for_data_types() -> None:
    assert same_data_type("unit", "Unit process, black box")
    assert same_data_type("aggregated", "LCI result")
    assert not same_data_type("unit", "LCI result")


def test_data_quality_is_weighed_only_when_asked(retriever: Retriever) -> None:
    def search(weight: float) -> list[Hit]:
        return retriever.search("steel sheet", place="DE", year=2004, k=200, pedigree_weight=weight)

    plain = retriever.search("steel sheet", place="DE", year=2004, k=200)
    assert plain == search(0.0)
    for weight in (0.3, 1.0):
        weighed = search(weight)
        assert {hit.record.id for hit in weighed} == {hit.record.id for hit in plain}
        relevance = {hit.record.id: hit.score for hit in plain}
        wishes = Wishes(place="DE", year=2004)
        for hit in weighed:
            quality = pedigree(hit.record, "steel sheet", wishes).quality
            expected = (1 - weight) * relevance[hit.record.id] + weight * quality
            assert hit.score == pytest.approx(expected, abs=1e-6)
        assert [hit.score for hit in weighed] == sorted((h.score for h in weighed), reverse=True)
    best = retriever.search("steel sheet", pedigree_weight=1.0, place="DE", year=2004, k=1)[0]
    assert best.record.place == Place(code="DE")


def test_a_named_record_stays_first_however_poor_its_data(retriever: Retriever) -> None:
    record = process(6)
    hits = retriever.search(f"steel {record.uuid}", place="DE", year=2020, pedigree_weight=1.0)
    assert hits[0].record.uuid == record.uuid


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_a_weight_is_a_share(retriever: Retriever, weight: float) -> None:
    with pytest.raises(QueryError, match="give a share from 0 to 1"):
        retriever.search("steel", pedigree_weight=weight)


def test_one_side_alone_weighs_nothing(retriever: Retriever) -> None:
    with pytest.raises(QueryError, match="needs mode='hybrid'"):
        retriever.search("steel", mode="dense", pedigree_weight=0.5)
