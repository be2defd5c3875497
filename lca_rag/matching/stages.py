"""Words that make another thing of what they stand beside: copper ore is no copper."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from lca_rag.matching.vocabulary import folded

_STAGES: Mapping[str, str] = {
    "ore": r"\bores?\b|\bconcentrates?\b|\b\w*erz\b|\bminerai\b|\bmineral de\b|矿",
    "scrap": r"\bscrap\b|\w*schrott\w*|\bchatarra|\bferraille|\brottam\w*|\baltpapier|\bcullet|废",
    "slag": r"\bslag\b|\w*schlacke\b|\bdross\b|\bfly ash\b|\bash\b|\bdust\b|渣|灰",
    "straw": r"\bstraw\b|\w*stroh\b|\bbran\b|\bhusks?\b|\bhulls?\b|\bstover\b|\bstalks?\b|秸秆|麸",
    "bark": r"\bbark\b|\w*rinde\b|\bsawdust\b|\bshavings?\b|树皮|锯末",
    "oxide": r"\w*oxide?\b|\boxyde\b|\boxido\b|\bossido\b|氧化",
    "halide": r"\w*(?:chlorid|fluorid|bromid|iodid)e?\b|\bchlorure\b|\bcloruro\b|氯化|氟化",
    "sulfate": r"\w*sulf(?:ate?|ide?|ite)\b|\bsulfato\b|\bsolfato\b|硫酸|硫化",
    "nitrate": r"\w*nitr(?:ate?|ite?)\b|\bnitrato\b|\bnitro\w*|硝",
    "phosphate": r"\w*phosphate?\b|\bfosfato\b|磷酸",
    "carbonate": r"\w*carbonate?\b|\w*karbonat\b|\bcarbonato\b|碳酸",
    "hydroxide": r"\w*hydroxide?\b|\bhidroxido\b|\bidrossido\b",
    "organic salt": r"\w*(?:acetate?|stearate?|citrate?|silicate?|silikat)\b|醋酸|硅酸",
    "amine": r"\w*amine?\b|\w*amide?\b|胺",
    "acid": r"\bacid\b|\w*saure\b|\bacide\b|\bacido\b",
    "machine": r"\bmachines?\b|\bequipment\b|\w*maschine\b|\bmaquina\w*|\bmotors?\b|\bpumps?\b|机",
    "electric": r"\bbattery[- ]electric|\bfuel cell|\be-?(?:truck|lkw|lorry)\b|\bhybrid\b|电动",
}
_PATTERNS = {name: re.compile(pattern) for name, pattern in _STAGES.items()}


@lru_cache(maxsize=20_000)
def stages(text: str) -> frozenset[str]:
    """The stages, salts and makes that a text names."""
    plain = folded(text)
    return frozenset(name for name, pattern in _PATTERNS.items() if pattern.search(plain))


def left_over(runs: Iterable[str]) -> frozenset[str]:
    """The stages that those words of a line name which no concept accounts for."""
    return stages(" ".join(sorted(runs)))
