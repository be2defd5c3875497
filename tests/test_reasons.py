"""Each sentence of each hit is worked out again from the record, without the code that wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lca_rag import Hit, Index, Retriever
from lca_rag.identifiers import cas_numbers
from lca_rag.places import find_place
from lca_rag.places.table import table
from lca_rag.record import Record
from lca_rag.render import embedding_text
from tests import server_fixtures
from tests.hash_encoder import HashEncoder

ASKED: tuple[tuple[str, str | None, int | None], ...] = (
    ("electricity, high voltage, production mix", "DE", 2015),
    ("primary aluminium at smelter", "CN-SH", 2026),
    ("carbon dioxide CAS 124-38-9 to air", None, None),
    ("水泥 cement clinker", "GLO", 1999),
    ("transport by lorry", "FR", None),
    ("electricity, medium voltage, grid mix", "CN-SH", 2018),
    ("electricity, medium voltage, grid mix", "China Southern Power Grid", 2018),
    ("steel production", "Europe without Switzerland", 2012),
)


@pytest.fixture(scope="module")
def hits(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[tuple[Hit, str, str | None, int | None]]]:
    folder = tmp_path_factory.mktemp("reasons") / "demo.lca"
    server_fixtures.build(folder, server_fixtures.demo_records())
    with Index.open(folder, encoder=HashEncoder()) as index:
        retriever = Retriever(index)
        yield [
            (hit, question, place, year)
            for question, place, year in ASKED
            for weight in (0.0, 0.4)
            for hit in retriever.search(
                question, place=place, year=year, k=40, pedigree_weight=weight
            )
        ]


def years(record: Record) -> tuple[int, int] | None:
    period = record.period
    first = period.reference_year if period.start is None else period.start
    last = period.valid_until if period.end is None else period.end
    known = [year for year in (first, last) if year is not None]
    return (known[0], max(known)) if known else None


def holds(hit: Hit, sentence: str, question: str, place: str | None, year: int | None) -> bool:
    """Whether a sentence is true of a hit; a sentence of no known form is not."""
    record, flow = hit.record, hit.record.flow
    if named := re.fullmatch("name holds (.+)", sentence):
        whole = str(record.name).casefold()
        words = re.findall(r"'([^']+)'", named[1])
        # Plural endings and spellings aside, the beginning of each word stands in the name.
        return bool(words) and all(
            word in question and word.casefold()[: max(2, len(word) - 3)] in whole for word in words
        )
    if cas := re.fullmatch("bears the CAS number asked for, (.+)", sentence):
        borne = set(cas_numbers(cas[1]))
        return flow is not None and flow.cas == cas[1] and bool(borne & set(cas_numbers(question)))
    if meaning := re.fullmatch(r"similarity of meaning (-?\d\.\d\d)", sentence):
        encoder = HashEncoder()
        text = encoder.encode_documents([embedding_text(record)])[0]
        cosine = float(text @ encoder.encode_queries([question])[0])
        return float(meaning[1]) == pytest.approx(cosine, abs=0.0051)
    if sentence.startswith("moved by "):
        parts = re.findall(r"([a-z_]+) ([+-]\d+\.\d\d)", sentence)
        gave = {name[5:]: value for name, value in hit.features.items() if name[:5] == "gave_"}
        largest = sorted(map(abs, gave.values()), reverse=True)[: len(parts)]
        told = all(float(value) == pytest.approx(gave[name], abs=0.0051) for name, value in parts)
        return told and [abs(float(v)) for _, v in parts] == pytest.approx(largest, abs=0.0051)
    if namesakes := re.fullmatch(r"the wishes move it (up|down) among .* its name", sentence):
        return (hit.features["gave_namesakes"] > 0) == (namesakes[1] == "up")
    if sentence.startswith("data quality weighs"):
        return weight_holds(hit, sentence)
    if sentence.startswith("data quality "):
        return quality_holds(record, sentence, place, year)
    if place is not None and sentence.startswith(f"asked {place}"):
        return place_holds(record, sentence, place)
    return year is not None and year_holds(record, sentence, year)


STEPS = {"one": 1, "two": 2, "three": 3, "four": 4}


def place_holds(record: Record, sentence: str, asked: str) -> bool:
    if record.place is None:
        return sentence == f"asked {asked}, place not stated"
    got, wish = find_place(record.place.code), find_place(asked)
    assert wish is not None
    if f"asked {asked}, got {record.place.code}:" not in sentence or got is None:
        return "no place that is known" in sentence and got is None
    inside, around = wish.extent & ~got.extent == 0, got.extent & ~wish.extent == 0
    if sentence.endswith("the same place"):
        return inside and around
    if climbed := re.search(r": (\w+) steps? (wider|narrower)$", sentence):
        rungs = max(1, abs(wish.level - got.level))
        held = inside if climbed[2] == "wider" else around
        return held and STEPS.get(climbed[1]) == rungs
    if sentence.endswith(f"what was asked for leaves {got.code} out"):
        return bool(wish.without) and not got.extent & ~wish.without
    shared = wish.extent & got.extent
    if sentence.endswith("they overlap, neither holds the other"):
        return bool(shared) and not inside and not around
    if within := re.search(r"another place within ([^,]+)(, which shares .*)?$", sentence):
        common = find_place(within[1])
        return (
            common is not None
            and common.holds(wish)
            and common.holds(got)
            and not inside
            and not around
            and bool(shared) == bool(within[2])
        )
    if "only GLO holds both" in sentence:
        return (
            not inside
            and not around
            and not any(
                area.kind == "region" and area.holds(wish) and area.holds(got)
                for area in table().areas
            )
        )
    return "rest of the world" in sentence and "rest" in (got.kind, wish.kind)


def year_holds(record: Record, sentence: str, asked: int) -> bool:
    covered = years(record)
    if covered is None:
        return sentence == f"asked {asked}, year not stated"
    first, last = covered
    span = str(first) if first == last else f"{first}-{last}"
    if first <= asked <= last:
        return sentence == f"asked {asked}, covers it ({span})"
    gap = first - asked if asked < first else asked - last
    return sentence == f"asked {asked}, got {span}: {gap} year{'s' * (gap > 1)} apart"


def quality_holds(record: Record, sentence: str, place: str | None, year: int | None) -> bool:
    scores = dict(re.findall(r"(time|geography|technology) ([1-5]) \(", sentence))
    wanted = (
        (set() if "technology not scored" in sentence else {"technology"})
        | ({"geography"} if place else set())
        | ({"time"} if year else set())
    )
    if set(scores) != wanted:
        return False
    if year is not None:
        covered = years(record)
        gap = 99 if covered is None else max(0, covered[0] - year, year - covered[1])
        if int(scores["time"]) != 1 + sum(gap > limit for limit in (3, 6, 10, 15)):
            return False
    if place is not None and not geography_holds(record, sentence, place):
        return False
    stated = re.search(r"technology (\d) \(it states (\d+) of (\d+) words asked\)", sentence)
    if stated is None:
        return "technology" not in scores
    share = int(stated[2]) / int(stated[3])
    return share <= 1 and int(stated[1]) == 1 + sum(share < bound for bound in (1, 0.75, 0.5, 0.25))


def geography_holds(record: Record, sentence: str, place: str) -> bool:
    """Whether the score fits its reason, and the reason the record."""
    told = re.search(r"geography (\d) \((.+?)\), technology", sentence)
    if told is None or not place_holds(record, told[2], place):
        return False
    climbed = re.search(r": (\w+) steps? wider$", told[2])
    if climbed:
        return int(told[1]) == min(4, 1 + STEPS[climbed[1]])
    for words, score in (
        ("the same place", 1),
        (" narrower", 3),
        ("another place within", 4),
        ("they overlap", 4),
    ):
        if words in told[2]:
            return int(told[1]) == score
    return told[1] == "5"


def weight_holds(hit: Hit, sentence: str) -> bool:
    """Whether the score is the share of relevance and of the pedigree scores that are told."""
    scored = next(reason for reason in hit.reasons if reason.startswith("data quality (1 best"))
    scores = [int(n) for n in re.findall(r"(?:time|geography|technology) ([1-5]) \(", scored)]
    told = re.fullmatch(
        r"data quality weighs (\d+)%: (?:mean score (\d\.\d\d)|not scored, taken as 3) of 5 makes "
        r"(\d\.\d\d), with relevance (\d\.\d\d) together (\d\.\d\d)",
        sentence,
    )
    if told is None:
        return False
    mean = sum(scores) / len(scores) if scores else 3.0
    share, quality, relevance = int(told[1]) / 100, (5 - mean) / 4, hit.features["relevance"]
    return (
        (float(told[2]) == pytest.approx(mean, abs=0.0051) if scores else told[2] is None)
        and float(told[3]) == pytest.approx(quality, abs=0.0051)
        and float(told[4]) == pytest.approx(relevance, abs=0.0051)
        and float(told[5]) == pytest.approx(hit.score, abs=0.0051)
        and hit.score == pytest.approx((1 - share) * relevance + share * quality, abs=1e-6)
    )


def test_every_reason_is_true(hits: list[tuple[Hit, str, str | None, int | None]]) -> None:
    assert len(hits) > 100
    for hit, question, place, year in hits:
        assert len(hit.reasons) >= 2
        weighed = any(sentence.startswith("data quality weighs") for sentence in hit.reasons)
        assert weighed == ("relevance" in hit.features)
        for sentence in hit.reasons:
            assert holds(hit, sentence, question, place, year), (hit.record.id, sentence)


def test_a_lie_would_be_noticed(hits: list[tuple[Hit, str, str | None, int | None]]) -> None:
    hit, question, place, year = hits[0]
    for lie in (
        "name holds 'unobtainium'",
        "bears the CAS number asked for, 1-1-1",
        "similarity of meaning 1.99",
        "moved by dense +99.00",
        "asked 2015, got 1801: 214 years apart",
        f"asked {place}, got Atlantis: one step wider",
        "data quality (1 best, 5 worst): time 9 (x)",
        "data quality weighs 40%: mean score 1.00 of 5 makes 1.00, with relevance 0.1 together 1",
        "it is simply the best",
    ):
        assert not holds(hit, lie, question, place, year), lie
