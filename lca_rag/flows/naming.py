"""Names of flows made comparable, and the marks that keep different substances apart."""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Marks:
    """What must agree before two names can mean one flow."""

    origin: str | None = None
    """"fossil", "biogenic" or "land use"."""
    isotope: str | None = None
    """Mass number with its "m" ("222", "137m")."""
    charge: int | None = None
    """Oxidation state or charge, if stated."""
    ion: bool = False

    def conflict(self, other: Marks) -> bool:
        """Whether both cannot be one flow; an unstated origin conflicts with none."""
        origins = self.origin is not None and other.origin is not None
        return (
            (origins and self.origin != other.origin)
            or self.isotope != other.isotope
            or self.charge != other.charge
        )


@dataclass(frozen=True, slots=True)
class Label:
    """A name made comparable."""

    key: str
    """Letters and digits only."""
    bag: tuple[str, ...]
    """Words without units and fillers, sorted."""
    digits: tuple[str, ...]
    marks: Marks


_ELEMENTS = (
    "actinium|aluminium|aluminum|americium|antimony|argon|arsenic|astatine|barium|beryllium|bismuth|"
    "cadmium|caesium|cesium|carbon|cerium|chlorine|chromium|cobalt|copper|curium|europium|francium|"
    "gold|hydrogen|iodine|iridium|iron|krypton|lanthanum|lead|manganese|mercury|molybdenum|"
    "neptunium|nickel|niobium|palladium|phosphorus|plutonium|polonium|potassium|praseodymium|"
    "promethium|protactinium|radium|radon|rubidium|ruthenium|samarium|scandium|selenium|silver|"
    "sodium|strontium|sulfur|sulphur|technetium|tellurium|thallium|thorium|tin|titanium|tritium|"
    "tungsten|uranium|vanadium|xenon|yttrium|zinc|zirconium"
)
_ISOTOPE = re.compile(
    rf"\b(?:{_ELEMENTS})[ -](\d{{1,3}}m?)(?!\w|[-,+]\w|\+)|\b[a-z]{{1,2}}-(\d{{2,3}}m?)(?![\w,-])"
)
_ROMAN = re.compile(rf"\b(?:{_ELEMENTS})[ ,]*\(?\s*(i{{1,3}}|iv|vi{{0,3}})\s*\)?(?![a-z])")
_BRACKETED = re.compile(r"\(\s*(i{1,3}|iv|vi{0,3})\s*\)")
_CHARGE = re.compile(
    r"\(\s*([1-7])\s*\+\s*\)|\b([1-7])\+(?!\d)|\+\s*([1-7])(?!\d)"
    r"|(?<=[a-z])([1-7])\+(?!\w)"
)
_ROMAN_VALUES = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8}
# Asked in this order: a denial ("non-fossil", "非化石") comes before the word that it denies.
_ORIGINS: tuple[tuple[str, str], ...] = (
    ("land use", r"land[- ]use|land transformation|peat|土地利用|soil or biomass stock"),
    ("fossil", r"\bno[nt][- ]?biogenic|非生物(?=成因|源|来源|质)"),
    ("biogenic", r"biogenic|\bno[nt][- ]?fossil|非化石|(?<!非)生物"),
    ("fossil", r"\bfossil|化石"),
)
_TRITIUM = re.compile(r"\btritium\b|^h-3\b|氚")
_FILLER_WORDS = (
    "kg g mg t kbq bq mj kwh m3 m2 l to air water soil in from ground of the and unspecified into "
    "emission emissions resource resources as ion tonne ton lb per unit units"
)
_FILLERS = frozenset(_FILLER_WORDS.split())
_SYNONYMS = {"aluminum": "aluminium", "sulfur": "sulphur", "cesium": "caesium", "sulf": "sulph"}
_LATIN: dict[str, str] = {
    "ferric": "iron(iii)",
    "ferrous": "iron(ii)",
    "cupric": "copper(ii)",
    "cuprous": "copper(i)",
    "stannic": "tin(iv)",
    "stannous": "tin(ii)",
    "plumbic": "lead(iv)",
    "plumbous": "lead(ii)",
    "mercuric": "mercury(ii)",
    "mercurous": "mercury(i)",
    "chromic": "chromium(iii)",
    "chromous": "chromium(ii)",
    "cobaltic": "cobalt(iii)",
    "cobaltous": "cobalt(ii)",
    "manganic": "manganese(iii)",
    "manganous": "manganese(ii)",
    "auric": "gold(iii)",
    "aurous": "gold(i)",
}
_LATIN_NAME = re.compile(rf"\b({'|'.join(_LATIN)})\b(?! acid)")
_WORD = re.compile(r"[^\W_]+")


@lru_cache(maxsize=20_000)
def label(name: str) -> Label:
    """A name made comparable: case, accents, punctuation, spelling and word order play no part."""
    text = unicodedata.normalize("NFKC", html.unescape(html.unescape(name)))
    plain = "".join(
        sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign)
    ).casefold()
    plain = _LATIN_NAME.sub(lambda match: _LATIN[match[1]], plain)
    marks = _marks(plain)
    for american, british in _SYNONYMS.items():
        plain = plain.replace(american, british)
    words = _WORD.findall(plain)
    bag = tuple(sorted(word for word in words if word not in _FILLERS))
    digits = tuple(sorted(re.findall(r"\d+", plain)))
    return Label("".join(words), bag, digits, marks)


def _marks(plain: str) -> Marks:
    origin = next((name for name, words in _ORIGINS if re.search(words, plain)), None)
    isotope = _ISOTOPE.search(plain)
    roman = _ROMAN.search(plain) or _BRACKETED.search(plain)
    charge = _CHARGE.search(plain)
    state = None
    if roman:
        state = _ROMAN_VALUES.get(roman[1])
    elif charge:
        state = int(next(group for group in charge.groups() if group))
    number = next((group for group in isotope.groups() if group), None) if isotope else None
    if number is None and _TRITIUM.search(plain):
        number = "3"
    return Marks(origin, number, state, bool(re.search(r"\bion\b", plain)))


_FROM = re.compile(
    r", (?:in |from )?(?:surface|ground|river|lake|sea|ocean|salt|fresh|well)(?: water)?$",
    re.IGNORECASE,
)
_ORE = re.compile(r",? (?:in )?ores?$", re.IGNORECASE)
_DEGREE = r"i{1,3}|iv|vi{0,3}|[1-7]\s*\+|\+\s*[1-7]"
_STATE = re.compile(
    rf"((?:{_ELEMENTS}))[ ,]*(?:\(\s*)?(?:{_DEGREE})\s*\)?(?: ions?)?", re.IGNORECASE
)


def without_charge(name: str) -> str | None:
    """The element of a name that is an element with a charge ("nickel (ii)"), else `None`."""
    found = _STATE.fullmatch(unicodedata.normalize("NFKC", name).strip())
    return found[1] if found else None


def spellings(name: str, *, resource: bool | None = None) -> tuple[str, ...]:
    """A name and the ways to read its commas: "Ethane, 1,1-dichloro-, HFC-x" and the like.

    Args:
        name: As a source writes it.
        resource: Whether a resource is meant, `False` for an emission, `None` if it is not known.
            "Cobalt ore" is what is called cobalt among resources; "water, surface" that is emitted
            is water, while among resources its place is a part of the name.
    """
    read = _by_commas(name)
    bare: list[str] = []
    if resource:
        bare = [_ORE.sub("", text) for text in read]
    elif resource is False:
        bare = [_FROM.sub("", name)]
    return tuple(dict.fromkeys((*read, *bare)))


_BETWEEN = re.compile(
    r",\s+|\s+\(|\)|;|\s+\[|\]|(?<=[\u3400-\u9fff])[,(\[]"  # Chinese writes no blank there
)
_CHINESE_SIGNS = str.maketrans("（），；", "(),;")


def _by_commas(name: str) -> tuple[str, ...]:
    parts = [
        part.strip() for part in _BETWEEN.split(name.translate(_CHINESE_SIGNS)) if part.strip()
    ]
    found = [name]
    if len(parts) > 1:
        if parts[1].endswith("-"):
            found.append(parts[1] + parts[0])
            found.append(parts[1].rstrip("-") + parts[0])
        found.append(" ".join(reversed(parts[:2])))
        if all(_QUALIFIER.fullmatch(part) for part in parts[1:]):
            found.append(parts[0])
        found.extend(part for part in parts[1:] if _is_name(part))
    return tuple(dict.fromkeys(found))


_QUALIFIER = re.compile(
    r"fossil|biogenic|non-fossil|unspecified|total|ions?|in (?:ground|water|air|sand|ore)|to \w+"
    r"|dissolved|particulate|elemental|origin unspecified"
    r"|(?:非)?化石(?:源|来源|成因)?|(?:非)?生物(?:源|来源|成因|质)",
    re.IGNORECASE,
)


def _is_name(part: str) -> bool:
    """Whether a part of a name can stand alone: an agent's code, not "in ground" or "fossil"."""
    return bool(re.search(r"[A-Za-z]", part) and re.search(r"\d", part)) and not part.endswith("-")


_STEMS = re.compile(
    "meth|eth|prop|but|pent|hex|hept|oct|non|dec|undec|dodec|chlor|brom|fluor|iod|mono|di|tri|tetra"
    "|penta|hexa|bis|tris|nitro|nitra|nitri|amino|hydroxy|hydro|oxo|phenyl|phenol|benz|tolu|xyl|ane"
    "|ene|yne|anol|enol|one|ate|ite|ide|ous|ic|yl|sulph|phosph|phosphi|carb|ortho|meta|para|iso|cis"
    "|trans|sec|tert|alpha|beta|gamma|sodium|potassium|calcium|lithium|magnesium|per|hypo|thio|seleno"
)


def swapped_stem(one: str, other: str) -> bool:
    """Whether two keys differ by a chemical word part put in place of another ("meth" for "eth").

    Such names are a slip apart and still two substances.
    """
    difference = Counter(_STEMS.findall(one))
    difference.subtract(Counter(_STEMS.findall(other)))
    counts = [count for count in difference.values() if count]
    return any(count > 0 for count in counts) and any(count < 0 for count in counts)


def edits(one: str, other: str, limit: int) -> int:
    """Slips of the finger between two keys (a swap of neighbours is one); `limit + 1` if more.

    Source: optimal string alignment, as in Damerau 1964, doi:10.1145/363958.363994.
    """
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, start=1):
        before, previous, row = row, before, [i]
        for j, right in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            swap = i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right
            row.append(min(cost, previous[j - 2] + 1) if swap else cost)
        if min(row) > limit:
            return limit + 1
    return min(row[-1], limit + 1)
