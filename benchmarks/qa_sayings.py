"""What people call data sets and flows: parts turned round, fillers dropped, formulas for names."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass

from lca_rag.answer.lexicon import Words, tokens
from lca_rag.answer.phrases import plain_name
from lca_rag.record import Exchange, Record

__all__ = ["ABSENT", "Named", "Saying", "has_han"]

FILLERS = re.compile(
    r"^(at (plant|mill|mine|farm|facility|refinery|point-of-sale)|all sizes|nesps2|unspecified"
    r"|所有规模|全国第二次污染普查数据|production mix)$",
    re.IGNORECASE,
)
"""Parts of names that nobody says."""
FORMULAS = {
    "carbon dioxide": "CO2",
    "sulfur dioxide": "SO2",
    "sulphur dioxide": "SO2",
    "nitrogen oxides": "NOx",
    "dinitrogen monoxide": "N2O",
    "methane": "CH4",
    "carbon monoxide": "CO",
    "chemical oxygen demand": "COD",
    "volatile organic compound": "VOC",
    "ammonia": "NH3",
    "电力": "电",
}
ABSENT: dict[str, tuple[tuple[str, str], ...]] = {
    "product": (
        ("insulin", "胰岛素"),
        ("almonds", "杏仁"),
        ("smartphones", "智能手机"),
        ("chocolate", "巧克力"),
        ("jeans", "牛仔裤"),
        ("bicycles", "自行车"),
        ("vaccines", "疫苗"),
        ("perfume", "香水"),
        ("laptops", "笔记本电脑"),
        ("satellites", "卫星"),
        ("toothpaste", "牙膏"),
        ("pianos", "钢琴"),
        ("contact lenses", "隐形眼镜"),
        ("aspirin", "阿司匹林"),
        ("olive oil", "橄榄油"),
        ("bananas", "香蕉"),
        ("saffron", "藏红花"),
        ("graphene", "石墨烯"),
        ("telescopes", "望远镜"),
        ("umbrellas", "雨伞"),
        ("violins", "小提琴"),
        ("ice cream", "冰淇淋"),
        ("avocados", "牛油果"),
        ("sushi", "寿司"),
        ("hearing aids", "助听器"),
        ("surfboards", "冲浪板"),
        ("wristwatches", "手表"),
        ("carbon fibre", "碳纤维"),
    ),
    "flow": (
        ("cobalt", "钴"),
        ("uranium", "铀"),
        ("platinum", "铂"),
        ("helium", "氦"),
        ("gold", "黄金"),
        ("xenon", "氙"),
        ("palladium", "钯"),
        ("sulfur hexafluoride", "六氟化硫"),
        ("asbestos", "石棉"),
        ("tantalum", "钽"),
        ("olive oil", "橄榄油"),
        ("chloroform", "氯仿"),
    ),
}
"""What the corpora hardly hold; whether they do is looked up before it is asked."""


def has_han(text: str) -> bool:
    """Whether there is Chinese in a text."""
    return bool(re.search(r"[\u3400-\u9fff]", text))


@dataclass(frozen=True)
class Named:
    """Records with what they are called."""

    records: list[Record]
    saying: Saying


class Saying:
    """What the records of a corpus are called, where that fits no other."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._records = list(records)
        self._words = {
            language: [tokens(plain_name(record, language)) for record in self._records]
            for language in ("en", "zh")
        }
        self._holding: dict[str, set[int]] = {}
        for rows in self._words.values():
            for place, words in enumerate(rows):
                for word in words:
                    self._holding.setdefault(word, set()).add(place)
        self._text = "\n".join(
            " ".join((*r.name.base.all(), *r.name.treatment.all(), *r.synonyms.all()))
            for r in self._records
        ).lower()

    def bearing(self, text: str) -> list[Record]:
        """The records whose names hold every word of a text."""
        return [self._records[place] for place in sorted(self._places(tokens(text)))]

    def _places(self, words: Words) -> set[int]:
        found = [self._holding.get(word, set()) for word in words]
        return set.intersection(*found) if found else set()

    def anywhere(self, *texts: str) -> bool:
        """Whether any name holds one of these."""
        return any(text.lower().removesuffix("s") in self._text for text in texts)

    def name(self, record: Record, language: str, draw: random.Random) -> str | None:
        """What to call a record, with place or year if it needs them; `None` where none is its own.

        A shorter name of another record may hold none of it, and a longer one may: people mean the
        plain thing by the plain name.
        """
        said = self._said(plain_name(record, language), draw)
        words = tokens(said)
        rivals = [place for place in self._places(words) if self._records[place] is not record]
        extra = len(tokens(plain_name(record, language)) - words)
        if any(len(self._words[language][p] - words) <= extra + 1 for p in rivals):
            return None
        if rivals and extra:
            return None
        return said if len(said) < 160 else None

    def _said(self, name: str, draw: random.Random) -> str:
        """The parts of a name as one would say them."""
        name = re.sub(r"\s*[|;；]\s*", "; ", name).strip(" ;")
        split = "; " if "; " in name else ", "
        parts = [part.strip() for part in name.split(split) if part.strip()]
        kept = [part for part in parts if not FILLERS.match(part)] or parts
        if has_han(name):
            styles = (
                "，".join(kept),
                f"{kept[0]}（{'，'.join(kept[1:])}）" if kept[1:] else kept[0],
                "".join(kept),
            )
            return draw.choice(styles)
        lowered = [self._lower(part) for part in kept]
        english = (
            ", ".join(lowered),
            " ".join((*lowered[1:], lowered[0])),
            f"{lowered[0]} ({', '.join(lowered[1:])})" if lowered[1:] else lowered[0],
            " ".join((*lowered[1:2], lowered[0], *lowered[2:])),
        )
        return draw.choice(english)

    def _lower(self, part: str) -> str:
        """Lower case at the start, unless it is an abbreviation."""
        return part if part[:2].isupper() else part[:1].lower() + part[1:]

    def head(self, record: Record, language: str) -> str | None:
        """The first part of a name, which several records may share."""
        name = plain_name(record, language)
        first = re.split(r"\s*[|;；]\s*|, ", name)[0].strip()
        return self._lower(first) if 2 < len(first) < 60 else None

    def flow(
        self, exchange: Exchange, record: Record, language: str, draw: random.Random
    ) -> str | None:
        """What to call a row, where that fits no other row and not the data set's own name."""
        names = exchange.flow.preferred(language) or exchange.flow.all()
        if not names or len(names[0]) > 70:
            return None
        name = re.sub(r"^CUTOFF ", "", names[0]).replace("\xa0", " ").split(";")[0]
        parts = [part.strip() for part in name.split(",") if part.strip()]
        kept = [part for part in parts if not FILLERS.match(part)] or parts
        said = " ".join((*kept[1:], kept[0])) if not has_han(name) else "".join(kept[:1])
        said = self._lower(said) if draw.random() < 0.7 else ", ".join(kept)
        words = tokens(said)
        others = [
            tokens(*other.flow.all())
            for other in record.exchanges
            if other is not exchange and other.amount
        ]
        if not words or any(words <= other for other in others):
            return None
        for long, short in FORMULAS.items():
            if long in said.lower() and draw.random() < 0.5:
                said = re.sub(long, short, said, flags=re.IGNORECASE)
        return said
