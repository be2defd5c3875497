"""The vocabulary of the matcher: what things are called in purchasing and in inventories.

`terms/<domain>.tsv` holds concepts with their spellings in several languages, one row each.
A parent is what may stand in as a proxy. Children of one parent may stand in for each other too,
unless their parent is written with "!" before it: nylon 6 and nylon 66 are both polyamides, and
neither is a proxy for the other. A row whose parent is "*" lists different things of one kind,
each a concept of its own, with "=" between the spellings of one thing.

`terms/designations.tsv` holds grades that are made by rule ("1.4301", "AW-6060 T66", "CEM III/A")
as regular expressions, and `terms/compounds.tsv` the parts of words written together
("Edelstahlblech").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files

HAN = re.compile(r"[㐀-鿿]+")
TOKEN = re.compile(r"[㐀-鿿]+|\d+(?:\.\d+)?%?|[^\W\d_㐀-鿿]+\d*[\w']*")
LONGEST = 6
"""Words of the longest spelling that is looked for."""
_RULES = ("designations.tsv", "compounds.tsv")
_AMERICAN = (
    (re.compile(r"(?<=alumin)ium"), "um"),
    (re.compile(r"sulph"), "sulf"),
    (re.compile(r"fibre"), "fiber"),
    (re.compile(r"mould"), "mold"),
    (re.compile(r"colour"), "color"),
    (re.compile(r"\bgrey\b"), "gray"),
    (re.compile(r"(?<=galvan)is(?=e|i|a)"), "iz"),
    (re.compile(r"(?<=anod)is(?=e|i)"), "iz"),
    (re.compile(r"\btyre"), "tire"),
    (re.compile(r"litre\b"), "liter"),
    (re.compile(r"plough"), "plow"),
    (re.compile(r"(?<=fertil)is(?=e)"), "iz"),
    (re.compile(r"caesium"), "cesium"),
    (re.compile(r"(?<=labo)ur\b"), "r"),
    (re.compile(r"(?<=vap)our\b"), "or"),
    (re.compile(r"(?<=pulver)is(?=e)"), "iz"),
    (re.compile(r"programme\b"), "program"),
    (re.compile(r"carburis"), "carburiz"),
)
"""British spellings, and the aluminium of half of Europe, as American ones."""
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


@dataclass(frozen=True, slots=True)
class Designation:
    """A rule for grades of a concept."""

    concept: str
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Compound:
    """How words written together begin or end that name a concept."""

    concept: str
    heads: tuple[str, ...]
    tails: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The table of concepts."""

    parents: Mapping[str, str | None]
    apart: frozenset[str]
    """Concepts that never stand in for others of the same parent."""
    domains: Mapping[str, str]
    """Concept to the file that holds it: "metals", "transport" and so on."""
    spellings: Mapping[tuple[str, ...], str]
    """Words of a spelling to its concept."""
    chinese: Mapping[str, str]
    english: Mapping[str, str]
    """Concept to the spelling that searches best."""
    designations: tuple[Designation, ...]
    compounds: tuple[Compound, ...]


def folded(text: str) -> str:
    """A text in small letters, American spelling and without accents: as spellings compare."""
    plain = (
        unicodedata.normalize("NFKC", text)
        .lower()
        .replace("’", "'")
        .replace("ß", "ss")
        .replace("_", " ")
    )
    if not plain.isascii():
        parts = unicodedata.normalize("NFKD", plain)
        plain = "".join(sign for sign in parts if not unicodedata.combining(sign))
    for pattern, american in _AMERICAN:
        plain = pattern.sub(american, plain)
    return plain


def words(text: str) -> list[str]:
    """Words of a text as `folded`, plural endings off; Chinese stays in one piece."""
    return [singular(word) for word in TOKEN.findall(folded(text))]


def singular(word: str) -> str:
    """A word without the plural ending of English, French and Spanish."""
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """The tables, read once."""
    parents: dict[str, str | None] = {}
    apart: set[str] = set()
    domains: dict[str, str] = {}
    spellings: dict[tuple[str, ...], str] = {}
    chinese: dict[str, str] = {}
    english: dict[str, str] = {}
    for domain, concept, parent, cell in _terms():
        parents[concept] = None if parent == "-" else parent.lstrip("!")
        if parent.startswith("!"):
            apart.add(concept)
        domains[concept] = domain
        english[concept] = f"{concept} {cell.split('|')[0]}"
        for spelling in cell.split("|"):
            if HAN.fullmatch(spelling):
                chinese[spelling] = concept
                continue
            spellings[tuple(words(spelling))] = concept
            spellings.setdefault(tuple(words(spelling.translate(_UMLAUTS))), concept)
    return Vocabulary(
        parents,
        frozenset(apart),
        domains,
        spellings,
        chinese,
        english,
        tuple(
            Designation(concept, re.compile(rf"(?<![\w.])(?:{pattern})(?![\w])"))
            for concept, pattern in _rows("designations.tsv", 2)
        ),
        tuple(
            Compound(concept, _parts(heads), _parts(tails))
            for concept, heads, tails in _rows("compounds.tsv", 3)
        ),
    )


def known_by(texts: Iterable[str]) -> Vocabulary:
    """The vocabulary with those spellings alone that some texts use; to test with words unseen.

    Rules for grades and compounds are left out: they too are foresight.
    """
    whole = vocabulary()
    seen: set[tuple[str, ...]] = set()
    chinese: set[str] = set()
    for text in texts:
        tokens = words(text)
        for first in range(len(tokens)):
            seen.update(tuple(tokens[first:last]) for last in range(first + 1, first + LONGEST + 1))
        chinese.update(spelling for spelling in whole.chinese if spelling in text)
    return replace(
        whole,
        spellings={key: value for key, value in whole.spellings.items() if key in seen},
        chinese={key: value for key, value in whole.chinese.items() if key in chinese},
        designations=(),
        compounds=(),
    )


def _terms() -> Iterator[tuple[str, str, str, str]]:
    """Domain, concept, parent and spellings of all rows; rows of different things taken apart."""
    folder = files(__package__).joinpath("terms")
    for file in sorted(folder.iterdir(), key=lambda item: item.name):
        if not file.name.endswith(".tsv") or file.name in _RULES:
            continue
        domain = file.name.removesuffix(".tsv")
        for concept, parent, cell in _rows(file.name, 3):
            if parent != "*":
                yield domain, concept, parent, cell
                continue
            for thing in cell.split("|"):
                names = thing.split("=")
                yield domain, f"{concept}: {names[0]}", "-", "|".join(names)


def _rows(name: str, width: int) -> Iterator[list[str]]:
    """Rows of a table.

    Raises:
        ValueError: If a row has not as many cells as it should.
    """
    text = files(__package__).joinpath("terms", name).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        if line and not line.startswith("#"):
            cells = line.split("\t")
            if len(cells) != width:
                raise ValueError(f"{name}: line {number} has {len(cells)} cells, not {width}")
            yield cells


def _parts(cell: str) -> tuple[str, ...]:
    return () if cell == "-" else tuple(sorted(map(folded, cell.split("|")), key=len, reverse=True))
