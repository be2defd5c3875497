"""From what a file or a user writes to an area."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from lca_rag.places.table import Area, fold, table

_WITHOUT = re.compile(
    r"^(?P<base>.+?)[,，]?\s*[(（]?(?:\bwithout\b|\bw/o\b|\bexcluding\b|\bexcl\.|\bexcept\b|不含|不包括)"
    r"\s*(?P<left_out>.+?)[)）]?$",
    re.IGNORECASE,
)
_WITHOUT_CHINESE = re.compile(r"^除(?P<left_out>.+?)(?:以外|之外|外)的?(?P<base>.+)$")
_LIST = re.compile(r"\s*(?:,|\+|&|、|和|\band\b)\s*", re.IGNORECASE)
_OPENED = re.compile(r"\s*[(（\[].*$")
_BRACKETED = re.compile(r"[(（\[]([^)）\]]+)[)）\]]")
_BRACKETS = re.compile(r"\s*[(（\[][^)）\]]*[)）\]]")

# ecoinvent's codes for some provinces of China collide with ISO 3166-2, where they mean another.
_ECOINVENT: Mapping[str, str] = {
    "CN-HA": "CN-HI",
    "CN-HB": "CN-HE",
    "CN-HE": "CN-HA",
    "CN-HU": "CN-HB",
}
# Each province of China by its ISO 3166-2 code, its number (the code before 2017, from GB/T 2260),
# and the signs that stand for it on number plates and in tables.
_CHINA_TEXT = """
    BJ11京 TJ12津 HE13冀 SX14晋 NM15蒙 LN21辽 JL22吉 HL23黑 SH31沪 JS32苏
    ZJ33浙 AH34皖 FJ35闽 JX36赣 SD37鲁 HA41豫 HB42鄂 HN43湘 GD44粤 GX45桂
    HI46琼 CQ50渝 SC51川蜀 GZ52贵黔 YN53云滇 XZ54藏 SN61陕秦 GS62甘陇 QH63青
    NX64宁 XJ65新
"""
_CHINA: Mapping[str, str] = {
    written: f"CN-{code}"
    for code, number, signs in re.findall(r"([A-Z]{2})(\d\d)(\S+)", _CHINA_TEXT)
    for written in (f"CN-{number}", *signs)
}
# What a place is, written before or after its name, and what it then is for us.
_OFFICES: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), frozenset(kinds.split()))
    for pattern, kinds in (
        (r"(?:the )?(?:state|province) of (.+)", "subdivision"),
        (r"(?:the )?municipality of (.+)", "subdivision city"),
        (
            r"(?:the )?(?:kingdom|principality|commonwealth|republic) of (?:the )?"
            r"(?!(?:china|korea|congo)$)(.+)",  # two countries each
            "country",
        ),
        (r"(?:e-?grid|nerc)(?: (?:sub-?)?region)?[:,]? (.+)", "grid part"),
        (r"(.+?)(?: (?:zhuang|uygur|uyghur|hui))? autonomous region", "subdivision"),
        (r"(.+) (?:province|state)", "subdivision"),
        (r"(.+) municipality", "subdivision city"),
        (r"(.+) region", "grid part region"),
        (r"(.+) (?:city|prefecture)", "city"),
        (r"([\u3400-\u9fff]{2,})(?:省|州|邦|自治区)", "subdivision"),
        (r"([\u3400-\u9fff]{2,})市", "subdivision city"),
        (r"([\u3400-\u9fff]{2,})(?:王国|共和国)", "country"),
        (r"([\u3400-\u9fff]{2,})地区", "country region grid city"),
    )
)
_SAINT = re.compile(r"St\.? (.+)$", re.IGNORECASE)
_US_ONLY = re.compile(r"^(?P<grid>[A-Z]{3,4}),? (?:US|U\.S\.)(?: part)? only$")
_HAN = re.compile(r"[\u3400-\u9fff]+")


@lru_cache(maxsize=4096)
def find_places(text: str) -> tuple[Area, ...]:
    """Every area that `text` can mean, the largest first; empty if it is unknown.

    Args:
        text: A code ("SC-CN", "RER", "DEU"), a name in English or Chinese, several names from
            small to large ("Texas, US"), or an area less others ("Europe without Switzerland").
    """
    wanted = text.strip().strip("{}[]").strip()
    if not wanted:
        return ()
    known = table()
    if wanted in known.by_code:
        return (known.by_code[wanted],)
    found = known.by_name.get(fold(wanted))
    if found:
        return found
    if _parted(wanted):
        # What is left out cannot be passed over, so nothing else may answer for the phrase.
        less = _less(wanted)
        return () if less is None else (less,)
    return _coded(wanted) or _chain(wanted) or _without_office(wanted) or _run_together(wanted)


def find_place(text: str, *, database: str | None = None) -> Area | None:
    """The area that `text` means, or `None` if it is unknown or could be several of one size.

    Args:
        text: As in `find_places`. "Georgia" is the country, "Georgia, US" the state.
        database: Where the code was found; ecoinvent's province codes differ from ISO 3166-2.
    """
    if database is not None and database.startswith("ecoinvent"):
        text = _ECOINVENT.get(text.strip(), text)
    found = find_places(text)
    if not found or (len(found) > 1 and found[0].level == found[1].level):
        return None
    return found[0]


def names(code: str) -> tuple[str, ...]:
    """Code, English, Chinese and further names of a place; only `code` itself if it is unknown."""
    area = find_place(code)
    if area is None:
        return (code,)
    return tuple(dict.fromkeys((code, *area.names)))


def _parted(text: str) -> re.Match[str] | None:
    """The parts of a phrase such as "Europe without Switzerland", or `None`."""
    return _WITHOUT.match(text) or _WITHOUT_CHINESE.match(text)


def _less(text: str) -> Area | None:
    """An area less others, or `None` if one of them is unknown or nothing is left."""
    match = _parted(text)
    if match is None:
        return None
    base = find_place(match["base"])
    words = [word for word in _LIST.split(_OPENED.sub("", match["left_out"])) if word]
    if base is None or not words:
        return None
    gone = 0
    for word in words:
        # "CA w/o QC" means the province, "RER w/o CH" the country.
        area = table().by_code.get(f"{base.code}-{word}") or find_place(word)
        if area is None:
            return None
        gone |= area.extent & base.extent
    if not gone:
        return base  # the European Union of today is without the United Kingdom
    if gone == base.extent:
        return None
    # A country less a subdivision stands on the rung of a grid, below its country.
    return replace(
        base,
        code=text,
        name=text,
        chinese=text,
        aliases=(),
        kind="region" if base.level > 2 else "grid",
        level=min(3, base.level) if base.level > 2 else 1,
        extent=base.extent & ~gone,
        without=gone,
    )


def _chain(text: str) -> tuple[Area, ...]:
    """Areas for "Atlanta, Georgia, US" or "安徽 (Anhui), China": the smallest that fits."""
    bare = _BRACKETS.sub("", text).strip()
    parts = [part.strip() for part in re.split(r"[,，/;]", bare) if part.strip()]
    if bare == text and len(parts) < 2:
        return ()
    if len(parts) == 1:
        outer = find_places(parts[0])
        inner = [find_places(word) for word in _BRACKETED.findall(text)]
        return _smallest([outer, *filter(None, inner)]) or outer if outer else ()
    if len(parts) == 2:  # "CA, US" is no Canada, and "Western grid, India" a grid of ours
        wide = find_place(parts[1])
        code = table().by_code.get(f"{wide.code}-{parts[0]}") if wide else None
        if code is not None:
            return (code,)
    return _smallest([found for part in parts if (found := find_places(part))])


def _smallest(choices: Sequence[tuple[Area, ...]]) -> tuple[Area, ...]:
    """Of what several words can mean, the smallest that lies in all the others."""
    for candidates in sorted(choices, key=lambda found: min(area.level for area in found)):
        others = [found for found in choices if found is not candidates]
        fitting = tuple(
            area
            for area in candidates
            if all(any(wide == area or wide.holds(area) for wide in found) for found in others)
        )
        if fitting:
            return fitting
    return ()


def _coded(text: str) -> tuple[Area, ...]:
    """Areas by old, short and compound codes: "CN-44", "粤", "WECC, US only", "CA-Québec"."""
    known = table().by_code
    only = _US_ONLY.match(text)
    code = f"US-{only['grid']}" if only else _CHINA.get(text, "")
    if code in known:
        return (known[code],)
    wide, _, rest = (part.strip() for part in text.partition("-"))
    country = known.get(wide) or (find_place(wide) if rest else None)
    if rest and country is not None and country.kind == "country":
        return _inside(rest, country)
    saint = _SAINT.match(text)
    return find_places(f"Saint {saint[1]}") if saint else ()


def _inside(text: str, wide: Area) -> tuple[Area, ...]:
    """What a name or a short code means inside a country."""
    code = table().by_code.get(f"{wide.code}-{text}")
    return (code,) if code else tuple(area for area in find_places(text) if wide.holds(area))


def _without_office(text: str) -> tuple[Area, ...]:
    """Areas whose name is written with what they are: "Guangdong Province", "State of Texas"."""
    for pattern, kinds in _OFFICES:
        match = pattern.fullmatch(text)
        found = find_places(match[1]) if match else ()
        fitting = tuple(area for area in found if area.kind in kinds)
        if fitting:
            return fitting
    return ()


def _run_together(text: str) -> tuple[Area, ...]:
    """Chinese names from large to small without a sign between: "中国广东省"; or without 省, 州."""
    if not _HAN.fullmatch(text):
        return ()
    known = table().by_name
    for office in "省州邦市":
        if fold(text + office) in known:
            return known[fold(text + office)]
    for end in range(len(text) - 2, 1, -1):
        for wide in known.get(text[:end], ()):
            found = tuple(area for area in find_places(text[end:]) if wide.holds(area))
            if found:
                return found
    return ()
