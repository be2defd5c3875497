"""Lines made from the vocabulary and from data sets' names, to fit the matcher's model on.

Nothing of a benchmark is used. For each concept of the vocabulary a few spellings become lines as
a buyer may write them, with units, places and additions by chance (seed 520). Lines of a concept
that the corpus has are to find its data sets, the one for the place and year first; lines of all
other concepts are to find nothing, however near they come. Names of data sets become lines too,
with words left out and moved. Half of all lines hide what the vocabulary knows of them, so that
the fit learns what bare words, letters and the encoder's vectors are worth.

    python -m benchmarks.match_generated ../shared --model mini --fit lca_rag/matching/model.json
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.match_fit import EMPTY, Labelled, fit
from lca_rag import demo
from lca_rag.encoders import load_encoder
from lca_rag.index import Index
from lca_rag.matching.asked import PART, UNFINISHED, understand
from lca_rag.matching.concepts import closeness
from lca_rag.matching.confidence import Pool
from lca_rag.matching.features import mixed, route_unasked
from lca_rag.matching.lines import BomLine
from lca_rag.matching.matcher import Matcher
from lca_rag.matching.subjects import Subject
from lca_rag.matching.unitfit import unit_fit
from lca_rag.matching.vocabulary import Vocabulary, vocabulary, words
from lca_rag.places import relation
from lca_rag.readers import read
from lca_rag.retriever import Retriever

SEED = 520
_SPELLINGS = 3
_PLAIN = frozenset({"electricity", "heat", "steam", "steel", "truck transport", "rail transport"})
_PLAIN_SPELLINGS = 40
"""Of these more lines are made: that a mix serves who names no route is learned from few names."""
_CORPORA = ("uslci-fy17-jsonld-v1", "uslci-2024-jsonld-v2")
"""Beside the demo database, whose mixes and routes the others lack."""
_UNITS: Mapping[str, tuple[str, ...]] = {
    "transport": ("tkm", "ton-mile", "t*km"),
    "energy": ("kWh", "MWh", "t", "GJ", "m3", "L"),
    "services": ("kg", "m2", "t", "m3", "h", "ha"),
    "goods": ("pcs", "EA", "pcs", "set"),
}
_KINDS: Mapping[str, tuple[str, ...]] = {
    "plastics": ("bio-based", "recycled", "post-consumer recycled"),
    "metals": ("recycled", "secondary"),
    "chemicals": ("bio-based",),
    "wood_paper": ("recycled",),
    "energy": ("burned:",),
}
_MATTER = ("kg", "t", "lb", "short ton", "kg", "m3", "m2")
_PLACES = (
    "",
    "",
    "US",
    "US",
    "US",
    "Germany",
    "China",
    "Mexico",
    "France",
    "Ohio, US",
    "Texas, US",
)
_BEFORE = ("", "", "", "", "bulk ", "approx. ", "Pos. 4: ", "STD ", "industrial ")
_AFTER = (
    "",
    "",
    "",
    ", bulk",
    ", 25 kg bag",
    " 10 mm",
    ", grade A",
    " (delivered)",
    ", standard quality",
    " 2.5 x 1200",
    ", lose",
    ", qualité standard",
    " 散装",
    ", plant 2",
    ", per spec 7",
)


@dataclass(frozen=True)
class Made:
    """A line with what it asks for."""

    line: BomLine
    concept: str
    stem: str | None
    """The name of the data set that it was made from, without its year."""
    hidden: bool
    """Whether the vocabulary is kept from it."""
    wording: str | None = None
    """The spelling alone that is kept from it then; all if none is said."""


def made(subjects: Sequence[Subject], draw: random.Random) -> Iterator[Made]:
    """The lines for one corpus."""
    table = vocabulary()
    spelled: dict[str, list[str]] = defaultdict(list)
    for tokens, concept in table.spellings.items():
        spelled[concept].append(" ".join(tokens))
    for signs, concept in table.chinese.items():
        spelled[concept].append(signs)
    for concept in sorted(spelled):
        if concept == PART:
            continue
        domain = table.domains[concept]
        wanted = _PLAIN_SPELLINGS if concept in _PLAIN else _SPELLINGS
        for spelling in draw.sample(spelled[concept], min(wanted, len(spelled[concept]))):
            text = spelling.upper() if draw.random() < 0.15 else spelling.capitalize()
            if domain in _KINDS and draw.random() < 0.1:
                text = f"{draw.choice(_KINDS[domain])} {spelling}"
            described = f"{draw.choice(_BEFORE)}{text}{draw.choice(_AFTER)}"
            yield Made(
                _line(described, draw.choice(_UNITS.get(domain, _MATTER)), draw),
                concept,
                None,
                draw.random() < 0.5,
                spelling if draw.random() < 0.6 else None,
            )
    for item in draw.sample(list(subjects), min(250, len(subjects))):
        kept = [word for word in item.name.replace(",", " ").split() if draw.random() < 0.75]
        if len(kept) > 1 and draw.random() < 0.4:
            kept = kept[1:] + kept[:1]
        if kept and item.concepts:
            unit = next((product.unit for product in item.products if product.unit), "kg")
            line = _line(" ".join(kept), unit or "kg", draw)
            yield Made(line, item.concepts[0], _stem(item.name), draw.random() < 0.5)


def _line(description: str, unit: str, draw: random.Random) -> BomLine:
    return BomLine(
        line="1", description=description, amount=1.0, unit=unit, place=draw.choice(_PLACES) or None
    )


def _stem(name: str) -> str:
    return " ".join(word for word in words(name) if not word[0].isdigit())


def _without(table: Vocabulary, item: Made) -> Vocabulary:
    """The vocabulary less all that it says of a line, or less the line's own wording alone."""
    line = item.line
    if item.wording is not None:
        own = tuple(words(item.wording))
        return replace(
            table,
            spellings={key: value for key, value in table.spellings.items() if key != own},
            chinese={key: value for key, value in table.chinese.items() if key != item.wording},
            designations=(),
            compounds=(),
        )
    tokens = words(line.description)
    inside = {
        tuple(tokens[first:last])
        for first in range(len(tokens))
        for last in range(first + 1, first + 7)
    }
    return replace(
        table,
        spellings={key: value for key, value in table.spellings.items() if key not in inside},
        chinese={key: value for key, value in table.chinese.items() if key not in line.description},
        designations=(),
        compounds=(),
    )


def gains(item: Made, pool: Pool) -> dict[str, float]:
    """How good each data set is for a line; those left out are not acceptable."""
    found = {}
    nearest = {subject.uuid: _near(item, subject) for subject in pool.subjects}
    exact = 1.0 in nearest.values()
    for subject in pool.subjects:
        near = nearest[subject.uuid]
        alike = item.stem is not None and _stem(subject.name) == item.stem
        if near < 0.5 and not alike:
            continue
        if pool.asked.recycled != subject.recycled or pool.asked.burned != subject.burned:
            continue
        if pool.asked.bio and not subject.bio:
            continue
        if route_unasked(pool.asked, subject):
            if item.concept == "electricity" and not alike:
                continue
            near *= 0.5
        worth = (2.0 if alike else 1.0) * near ** (6 if exact else 2)
        if item.concept not in subject.concepts[:1]:
            worth *= 0.6
        worth *= 0.3 if subject.narrow or UNFINISHED & (subject.words - pool.asked.words) else 1.0
        worth *= 0.4 if unit_fit(pool.asked, subject).kind == "mismatch" else 1.0
        worth *= (3.0 if pool.asked.kind else 1.5) ** mixed(pool.asked, subject)
        worth *= 0.85 ** len(subject.words - pool.asked.words)
        served = _served(item, pool, subject)
        if served:
            found[subject.uuid] = worth * served
    return found


def _near(item: Made, subject: Subject) -> float:
    given = [product.concepts[0] for product in subject.products if product.concepts]
    about = (*subject.concepts[:1], *subject.pair, *given)
    return max((closeness(item.concept, got) for got in about), default=0.0)


def _served(item: Made, pool: Pool, subject: Subject) -> float:
    """How well a data set's place and year serve a line; 0 for the grid of another place."""
    newest = max((other.year or 0 for other in pool.subjects), default=0)
    worth: float = 0.97 ** min(20, newest - (subject.year or newest - 20))
    if pool.asked.place is None:
        return worth
    place = relation(pool.asked.place, subject.place)
    grid = item.concept.startswith("electricity")
    if place.kind in ("same", "wider"):
        wider: float = (0.15 if grid else 0.6) ** min(3.0, place.steps + 0.02 * place.breadth)
        return worth * wider
    if place.kind in ("narrower", "unknown"):
        return worth * 0.2
    return 0.0 if grid else worth * 0.25


def labelled(matcher: Matcher, draw: random.Random) -> list[Labelled]:
    """The lines of the matcher's corpus with their candidates."""
    whole = vocabulary()
    lines = list(made(matcher.subjects(), draw))
    tables = [_without(whole, item) if item.hidden else whole for item in lines]
    asked = [understand(item.line, table) for item, table in zip(lines, tables, strict=True)]
    pools = matcher.pools(asked)
    return [row for item, pool in zip(lines, pools, strict=True) for row in rows_of(item, pool)]


def rows_of(item: Made, pool: Pool) -> Iterator[Labelled]:
    """A line as it is, and once more with all that would do for it taken from the corpus."""
    worth = gains(item, pool)
    expected = tuple(sorted(worth, key=lambda uuid: -worth[uuid]))
    yield Labelled(item.line, expected, "", pool, item.hidden, worth)
    left = _missed(item, pool) if expected else None
    if left is not None and left.subjects:
        yield Labelled(item.line, (), "", left, item.hidden, near=True)


def _missed(item: Made, pool: Pool) -> Pool:
    """The pool of a line without its data sets and their near relatives: near misses are left."""
    return pool.without(
        {
            subject.uuid
            for subject in pool.subjects
            if _near(item, subject) > 0
            or (item.stem is not None and _stem(subject.name) == item.stem)
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", type=Path)
    parser.add_argument("--model", default=None)
    parser.add_argument("--fit", type=Path, required=True)
    options = parser.parse_args()
    data: list[Labelled] = []
    paths = [demo.path(), *(options.shared / "data" / name for name in _CORPORA)]
    for path in paths:
        with tempfile.TemporaryDirectory() as folder:
            index = Index.open(Path(folder) / "index", encoder=load_encoder(options.model))
            records = read(path, database="made", on_skip=lambda s: None)
            index.sync(record for record in records if record.kind == "process")
            rows = labelled(Matcher(Retriever(index), model=EMPTY), random.Random(SEED))
            index.close()
        matched = np.mean([bool(row.expected) for row in rows])
        print(f"{path.name}: {len(rows)} lines, {matched:.2f} of them with a match")
        data.extend(rows)
    fitted_on = f"{len(data)} lines made from the vocabulary and from names, seed {SEED}"
    model = fit(data, fitted_on)
    options.fit.write_text(model.to_json() + "\n", encoding="utf-8")
    print(f"wrote {options.fit}, threshold {model.threshold:.3f}")
    for part in (model.ranking, model.confidence):
        for feature, weight in zip(part.names, part.weights, strict=True):
            print(f"  {feature:20} {weight:7.3f}")


if __name__ == "__main__":
    main()
