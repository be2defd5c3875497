"""Places that a question names, without taking "us", "in" or "polish" for one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product

from lca_rag.places.lookup import find_places
from lca_rag.places.table import Area, fold, table


@dataclass(frozen=True, slots=True)
class Mention:
    """A place named in a text; to be offered, never forced."""

    text: str
    start: int
    end: int
    areas: tuple[Area, ...]
    """What it can mean, the largest first; more than one if the name is ambiguous."""
    certain: bool
    """Whether it is one place and hardly anything else ("china" may be porcelain)."""


# Tokens that are written like a country code and usually mean something else: English words,
# element symbols, polymers, compounds.
_OTHER_WORDS_TEXT = """
    AD AE AG AI AL AM AN AS AT AU AX BA BB BE BI BM BO BR BS CA CC CD CF CG CI CL CM CO CR
    CS CU CV DC DM DO EC EH ER ES FM GA GE GM GS HM HN HR HT IL IM IN IO IR IS IT JE KM LA
    LC LI LV MA MC MD ME MG ML MM MN MO MR MS MT MV MW MY NA NC NE NI NO NR OM PA PC PE PF
    PG PM PN PR PS PT PW RE RO SB SC SD SE SI SM SN SO SR SS ST SV SX TC TD TF TG TH TM TO
    TT TV UM VA VC VI WS XK
"""
_OTHER_WORDS = frozenset(_OTHER_WORDS_TEXT.split())
_BEFORE = re.compile(
    r"(?:\b(?:in|from|for|within|of|at|code|location|place|geography|region|country)\s+|[{\[(,]\s*)$",
    re.IGNORECASE,
)
_IN = re.compile(r"\b(?:in|from|within)\s+$", re.IGNORECASE)
_AFTER = re.compile(r"^\s*(?:[}\]),;.?!]|$|\d{4}\b)")
_TOKEN = re.compile(r"[^\W_][\w'’&+.-]*[^\W_]|[^\W_]", re.UNICODE)
_CJK = re.compile(r"[\u3400-\u9fff（）、]+")
_CODE_TOKEN = re.compile(r"(?<![\w-])(?:[A-Z]{2,6}(?:[-&][A-Z0-9+]{1,6}){0,2}|RoW)(?![\w-])")
_CHINESE_LESS = re.compile("不含|不包括|除(?=.{2,12}外)")
_CHINESE_REACH = 14
"""Signs looked at before and after the word that leaves something out."""
_MOST_LEFT_OUT = 8
"""Such words that are looked at; a question that has more must not cost more."""
_LONGEST = 7
"""Words of the longest name that is looked for."""

# Phrases in which a place name is no place.
_NO_PLACE = re.compile(
    r"global warming|bone china|china clay|vitreous china|norway spruce|scots pine"
    r"|french (?:fry|fries|beans?)|brazil nuts?|turkey (?:meat|breast|feed|manure|litter)"
    r"|guinea (?:pig|fowl)s?"
    r"|douglas fir|bermuda grass|canada thistle|kentucky bluegrass|swiss cheese|polish(?:ed|ing)"
    r"|jersey (?:cow|cattle|fabric)s?|world bank|greek yog(?:h)?urt|rare earths?"
    r"|global temperature|plaster of paris|english language|irish moss|world war|india ink"
    r"|dutch oven|indian corn|danish pastry|canada balsam|turkish towel",
    re.IGNORECASE,
)
# Names that are places only when written with a capital, and may be something else even then.
_CAPITAL_TEXT = """
    polish chad jersey guinea jordan mali niger oman reunion maine wales goa victoria hesse
    para acre bahia midwest world
"""
_CAPITAL = frozenset(_CAPITAL_TEXT.split())
_UNSURE_TEXT = """
    china turkey Jordan Chad Jersey Guinea Acre Goa Victoria Hesse Bahia 世界 朝阳 安康 来宾
    大同 天水 和田 金华 中山 阿里 资阳 北海 商品 黄南 海东 海北 海西 兴安 白银 黄山 中卫
    通化 长治 东北 西北 西南 东南 安庆 铜陵 大理 红河
"""
_UNSURE = frozenset(_UNSURE_TEXT.split())
_SKIP = frozenset({"el", "an", "as", "cs", "the world", "001", "world", "g7"})


@lru_cache(maxsize=1)
def _spoken() -> tuple[dict[str, tuple[Area, ...]], dict[str, tuple[Area, ...]]]:
    """Names by folded Latin words, and by Chinese characters."""
    latin: dict[str, tuple[Area, ...]] = {}
    chinese: dict[str, tuple[Area, ...]] = {}
    for area in table().areas:
        for name in area.names:
            if _CJK.search(name):
                chinese[name] = table().by_name[fold(name)]
            elif len(name) > 3 and not name.isupper() and not name.isdigit():
                latin[" ".join(_TOKEN.findall(fold(name)))] = table().by_name[fold(name)]
    return latin, chinese


def recognise(question: str) -> list[Mention]:
    """Places named in a question, in reading order, longest names first, without overlaps."""
    found = [
        *_less(question),
        *_less_chinese(question),
        *_names(question),
        *_chinese(question),
        *_codes(question),
    ]
    found.sort(key=lambda mention: (mention.start - mention.end, mention.start))
    blocked = [(match.start(), match.end()) for match in _NO_PLACE.finditer(question)]
    taken: list[Mention] = []
    for mention in found:
        spans = [*blocked, *((other.start, other.end) for other in taken)]
        if all(mention.end <= start or mention.start >= end for start, end in spans):
            taken.append(mention)
    return _narrowed(sorted(taken, key=lambda mention: mention.start), question)


def _mention(question: str, start: int, end: int, areas: tuple[Area, ...]) -> Mention:
    text = question[start:end]
    # "china" in small letters may be porcelain, unless it says "in china".
    named = text not in _UNSURE or bool(_IN.search(question[:start]))
    return Mention(text, start, end, areas, len(areas) == 1 and named)


def _names(question: str) -> Iterator[Mention]:
    """English names: runs of up to seven words that stand in the table."""
    latin, _ = _spoken()
    tokens = list(_TOKEN.finditer(question))
    for first in range(len(tokens)):
        for last in range(min(len(tokens), first + _LONGEST) - 1, first - 1, -1):
            start, end = tokens[first].start(), tokens[last].end()
            words = " ".join(fold(token.group()) for token in tokens[first : last + 1])
            areas = latin.get(words)
            if areas is None and words.endswith("'s"):
                areas, end = latin.get(words[:-2]), end - 2
            if (
                areas is not None
                and words not in _SKIP
                and _written_as_name(question, start, areas)
            ):
                yield _mention(question, start, end, areas)
                break


def _written_as_name(question: str, start: int, areas: tuple[Area, ...]) -> bool:
    """Small places and common words need their capital letter."""
    word = _TOKEN.match(question, start)
    small = all(area.level == 0 or area.kind == "grid" for area in areas)
    needs = small or (word is not None and fold(word.group()) in _CAPITAL)
    return not needs or question[start].isupper()


def _chinese(question: str) -> Iterator[Mention]:
    """Chinese names: the longest one at each position of a run of characters."""
    _, chinese = _spoken()
    for run in _CJK.finditer(question):
        at = run.start()
        while at < run.end():
            for end in range(min(run.end(), at + 12), at + 1, -1):
                areas = chinese.get(question[at:end])
                if areas is not None:
                    yield _mention(question, at, end, areas)
                    at = end - 1
                    break
            at += 1


def _codes(question: str) -> Iterator[Mention]:
    """Codes in capitals; two letters that mean other things need a place's position."""
    shouting = question.isupper() and len(question.split()) > 1
    for match in _CODE_TOKEN.finditer(question):
        code = match.group()
        area = table().by_code.get(code)
        if area is None or fold(code) in _SKIP - {"el"} or code == "EL":
            continue
        before, after = question[: match.start()], question[match.end() :]
        placed = bool(_BEFORE.search(before)) and bool(_AFTER.match(after))
        braced = before.rstrip().endswith("{") and after.lstrip().startswith("}")
        if len(code) > 2 or code in ("US", "UK", "EU"):
            wanted = placed or not shouting or len(code) > 3
        elif code in _OTHER_WORDS:
            wanted = braced or (placed and not before.rstrip().endswith(("(", "[")))
        else:
            wanted = placed or braced or not shouting
        if wanted:
            yield _mention(question, match.start(), match.end(), (area,))


def _less(question: str) -> Iterator[Mention]:
    """Phrases such as "Europe without Switzerland and France"."""
    for match in re.finditer(r"\b(?:without|w/o)\b", question):
        before = list(_TOKEN.finditer(question, 0, match.start()))
        after = list(_TOKEN.finditer(question, match.end()))
        for first in reversed(before[-4:]):
            for last in reversed(after[:7]):
                areas = find_places(question[first.start() : last.end()])
                if areas and areas[0].without:
                    yield Mention(
                        question[first.start() : last.end()], first.start(), last.end(), areas, True
                    )
                    return


def _less_chinese(question: str) -> Iterator[Mention]:
    """Phrases such as "欧洲（不含瑞士）" and "除中国以外的亚洲"."""
    for match in islice(_CHINESE_LESS.finditer(question), _MOST_LEFT_OUT):
        at, last = match.span()
        starts = [at] if match.group() == "除" else range(max(0, at - _CHINESE_REACH), at)
        ends = range(min(len(question), last + _CHINESE_REACH), last, -1)
        for start, end in product(starts, ends):
            text = question[start:end]
            areas = find_places(text) if text == text.strip() else ()
            if areas and areas[0].without:
                yield Mention(text, start, end, areas, True)
                break


def _narrowed(mentions: list[Mention], question: str) -> list[Mention]:
    """An ambiguous name beside its country ("Georgia, US") means what lies in that country."""
    result: list[Mention] = []
    for position, mention in enumerate(mentions):
        following = mentions[position + 1] if position + 1 < len(mentions) else None
        if following is not None and re.fullmatch(
            r"[\s,，(（]+", question[mention.end : following.start]
        ):
            inside = tuple(
                area for area in mention.areas if any(wide.holds(area) for wide in following.areas)
            )
            if inside:
                certain = len(inside) == 1
                mention = Mention(mention.text, mention.start, mention.end, inside, certain)
        result.append(mention)
    return result
