"""How people word what they ask, in English and Chinese: kinds of question, sides, wanted flows.

Patterns only; `question` reads by them. They are searched in the folded question or, where that
makes no difference, in the question as it was typed.
"""

from __future__ import annotations

import re

from lca_rag.record import Direction

__all__ = [
    "ASKED",
    "ASKED_HAN",
    "COMMAND",
    "COMPARE",
    "DATABASES",
    "EMITTED",
    "FIGURE",
    "FLOW",
    "IMPACT",
    "JOINT",
    "LIST",
    "MEDIA",
    "PREAMBLE",
    "REFERENCE",
    "SENTENCE",
    "SIDES",
    "TWO_SIZES",
    "YEAR",
]

COMMAND = re.compile(
    r"ignore (all|any|the|your|previous)|forget (your|all|the|previous)|system override|override:"
    r"|i am (the|an?) (administrator|admin|developer|owner|root)|you (do not|don't) need (a|any)"
    r"|(check|citations?|rules?|safety) (is|are|has been) (switched|turned) off|drop all citations"
    r"|before you (answer|reply)|reply only|do not (mention|cite|say)|do not tell|pretend"
    r"|creative writing|(^|[,:;.!]\s*|\b(please|and|to|just|now|then|or|should|can|could|must) )"
    r"make up (a|an|the|some)\b|\binvent (a|an|the|some)|as if it were|act as"
    r"|you are now|new instructions"
    r"|disregard|confirm that|without (any )?(source|citation)s?|multiply every|developer mode"
    r"|忽略|无视|忘记|不需要来源|编造|假装|管理员",
    re.IGNORECASE,
)
SENTENCE = re.compile(r"(?<=[.!?;:。！？；])\s+|(?<=[。！？；])")
PREAMBLE = re.compile(
    r"^\s*(for|in) (our|my|a|an|the) [^,:?]{0,60}\b(study|report|project|model|assessment|bid"
    r"|client|paper)\b\s*[,:]",
    re.IGNORECASE,
)
"""What the figure is wanted for, which names no data set."""
DATABASES = re.compile(
    r"\b(in|from|of|according to)?\s*(the\s+)?(u\.?s\.?\s*lci|uslci|tian\s?gong|ecoinvent|gabi"
    r"|agribalyse|"
    r"this database|the database)(\s+(database|data|data set|record|dataset))?",
    re.IGNORECASE,
)

LIST = re.compile(
    r"^\s*(please\s+)?(list|enumerate|show (me )?all|name all)\b"
    r"|\bwhich\b[^?]*\b(data ?sets|records|processes|entries|inventories)\b[^?]*\b(are there|exist|"
    r"describe|cover|deal|available|do you have|does the database|treat|concern|include|contain"
    r"|are in)"
    r"|\b(which|what)\b[^?]*\b(does|do) (the|this|your|you)( database| collection)?\s+(cover|have"
    r"|hold|contain|offer|include|describe|know|list)\b(?!\s+(for|as|on|about|of)\b)"
    r"|\bwhat (data ?sets? |records? |processes )?(do you have|is there|are there|exists?)\b"
    r"|\bare there (any )?(data ?sets?|records|processes)|\bwhat (data ?sets?|records|processes)\b"
    r"|\bwhich\b[^?]{0,60}\b(data ?sets|records|processes)\b"
    r"|有哪些|列出|哪些(数据集|记录|过程)|都有什么",
    re.IGNORECASE,
)
REFERENCE = re.compile(
    r"reference (flow|amount|unit|quantity)|quantitative reference|functional unit|normali[sz]ed"
    r"|(to|for) (what|which|how (much|many))\b[^?]*\b(refer|relate|given|stand|normal|valid"
    r"|scaled|based)"
    r"|^\W*(for|per) how (much|many)\b[^?]*\b(list|record|report|express|state|calculat|compil"
    r"|document|tabulat)"
    r"|\b(is|are|amount is) the reference\b|declared unit"
    r"|(refer|relate|scaled) to how (much|many)|given per how (much|many)|per how (much|many)"
    r"|how many\b[^?]*\b(stands? for|represents?|refers? to)|what (amount"
    r"|quantity) is the reference"
    r"|\bwhat (amount|quantity)\b[^?]*\brefers? to\s*\??$"
    r"|basis of the (inventory|data)|参考流|功能单位|基准流|参考产品",
    re.IGNORECASE,
)
IMPACT = re.compile(
    r"\bgwp\d*|global warming|climate (change )?impact|footprint|lcia|impact (result|categor"
    r"|assess|score)"
    r"|(acidification|eutrophication)(?=\s*(potential|impact|result|score|of|per|in|for|[?.,]|$))"
    r"|ozone depletion|cumulative energy|toxicity|co2[- ]?eq"
    r"|carbon intensity"
    r"|碳足迹|全球变暖|酸化|富营养化|环境影响",
    re.IGNORECASE,
)
COMPARE = re.compile(
    r"\bcompare|\bversus\b|\bvs\b\.?|\bagainst\b|\bcompared (with|to)\b|\bdifference between\b"
    r"|\bwhich of the (two|three)\b|\bfor each\b|\bfor both\b|\beach of\b|\brespectively\b"
    r"|\b(in|by|for|from|with|of|on)\s+(the\s+)?([^,?.]{2,60}?)\s+and\s+(in|by|for|from|with|of"
    r"|on)\s+"
    r"|\bhigher\b[^?]*\bor\b|\bmore\b[^?]*,[^?]*\bor\b|分别|比较|对比|相比|哪个更|差别",
    re.IGNORECASE,
)
TWO_SIZES = re.compile(
    r"\d+(\.\d+)?\s*(mw|kw|mm|micron)\b[^?.]{0,20}\b(and|or|to)\b[^?.]{0,20}\d+(\.\d+)?\s*(mw|kw"
    r"|mm|micron)\b",
    re.IGNORECASE,
)
FIGURE = re.compile(
    r"\bhow (much|many|large|high|big|heavy)\b|\bper\b|多少|\bemissions? of\b|\bamount of\b"
    r"|\bquantity\b",
    re.IGNORECASE,
)

SIDES: tuple[tuple[re.Pattern[str], Direction], ...] = (
    (
        re.compile(
            r"\bemi(t|ts|tted|ssions?)\b|\breleas|\bdischarg|\bgiven? off\b|\bairborne\b|\b(lost"
            r"|loss|losses)\b|\bto (air|water|soil)\b"
            r"|\b(leave|leaves|leaving|recovered|obtained|yield|yields|deliver|delivers"
            r"|by-?products?|outputs?)\b"
            r"|排放|释放|产出|输出|得到|回收(了)?多少|副产",
            re.IGNORECASE,
        ),
        "output",
    ),
    (
        re.compile(
            r"\bconsum|\b(uses?|used|needs?|needed|requires?|required|demands?|inputs?|takes?"
            r"|fed|feed|"
            r"feedstock|applied|receives?|burnt|burned|goes into|go into|enters?|share|shares)\b"
            r"|消耗|需要|使用|投入|输入|用量|占|施用",
            re.IGNORECASE,
        ),
        "input",
    ),
)
MEDIA = {
    "air": re.compile(
        r"\bairborne\b|\bto (the )?(air|atmosphere)\b|\bair emission|大气|空气", re.IGNORECASE
    ),
    "water": re.compile(
        r"\bto (the )?(water|river|sea|surface water)\b|\bwater(borne)? (emission|discharge)|水体"
        r"|废水中",
        re.IGNORECASE,
    ),
    "soil": re.compile(r"\bto (the )?soil\b|土壤", re.IGNORECASE),
}
EMITTED = re.compile(
    r"\bemi(t|ts|tted|ssions?)\b|\breleas|\bdischarg|\bgiven? off\b|\bairborne\b|\b(lost|loss"
    r"|losses)\b|排放|释放",
    re.IGNORECASE,
)
FLOW = re.compile(
    r"\bcas\b|\bec number|\beinecs\b|(sum|chemical|molecular) formula|cas号|化学式|分子式"
)
YEAR = re.compile(
    r"(?<![\d.,])(19[5-9]\d|20[0-4]\d)(?![\d.]*\d)(?!\s*(kg|mw|t|kwh|mj|m3|mm)\b)", re.IGNORECASE
)

_STOP_AT = (
    r"(?=\s+(?:is|are|was|were|does|do|did|goes|go|went|leaves?|used|needed|required|emitted"
    r"|released|given"
    r"|applied|obtained|recovered|fed|consumed|burnt|burned|booked|reported|come|comes|came"
    r"|stored|has|have|had|arises?|occurs?|results?|accrues?|drawn|taken|withdrawn|intake|makes?"
    r"|listed|remains?|escapes?"
    r"|in|into|to|for|from|of|per|by|at|on|with|within|when|during|enters?|lost|listed|made"
    r"|produced|delivered)\b|[,?;:(]|\.(?!\d)|$)"
)
_UNIT_WORDS = (
    r"(?:thousand |million )?(?:kilo(?:gram|gramme)s?|grams?|milligrams?|kg|g|mg|tonnes?|tons?|t"
    r"|kwh|mwh|mj|gj"
    r"|lit(?:re|er)s?|l|cubic met(?:re|er)s?|m3|square met(?:re|er)s?|m2|hectares?|ha|pounds?|lbs?)"
)
_PLAIN = r"(?:(?!\b(?:of|in|for|from|to|with|by|on|at|does|do|is|are)\b)(?:[\w ()/+-]|\.(?=\d)))+?"
"""Words up to the first preposition or verb."""
ASKED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"how (?:much|many) (?:(?:{_UNIT_WORDS}) of )?(?P<x>[\w ,()/.+-]+?){_STOP_AT}",
        rf"(?:quantity|amount|mass|volume) of (?P<x>[\w ()/+-]+?){_STOP_AT}",
        r"what (?:direct )?(?P<x>[\w ()/+-]+?) emissions? (?:is|are|was|were|does|do)\b",
        r"(?:^|[.:!?]\s+|\bthe\s+)(?:direct\s+)?(?P<x>[\w ()/+-]+?)\s+emissions?\b",
        rf"emissions? of (?P<x>[\w ()/+-]+?){_STOP_AT}",
        r"(?:large|high|big) (?:is|are) the (?:direct )?(?P<x>[\w -]+?)(?:\s+(?:input|use|demand"
        r"|share|need))?\s+(?:per|in|of|for)\b",
        rf"\b(?:takes?|uses?|needs?|consumes?|requires?|emits?|releases?|has) (?:more|less"
        rf"|the most|the least) (?P<x>[\w -]+?){_STOP_AT}",
        r"\bthe (?P<x>[\w -]+?)\s+(?:that|which) (?:goes|go|is|are|enters?)\b",
        r"\bis the (?:direct )?(?P<x>[\w -]+?)\s+(?:of|in|for|per)\b",
        r"\bthe (?P<x>[\w -]+?) (?:released|emitted|used|needed|consumed|required)\b",
        r"(?:^|:\s+|[.?!]\s+)(?:direct\s+)?(?P<x>[\w ()/+-]+?)\s+(?:use|demand|consumption|input"
        r"|content|share)\b",
        rf"share of (?P<x>[\w -]+?){_STOP_AT}",
        r"\bwhat (?P<x>[\w ()/+-]+?) (?:does|do|is|are|was|were)\b",
        rf":\s+(?:airborne\s+|direct\s+)?(?P<x>{_PLAIN})\s+per\b",
        rf"^(?:airborne\s+|direct\s+)?(?P<x>{_PLAIN})\s+per\b",
        rf":\s+(?:airborne\s+|direct\s+)?(?P<x>(?:[\w ()/+-]|\.(?=\d))+?){_STOP_AT}",
        rf"^(?:airborne\s+|direct\s+)?(?P<x>(?:[\w ()/+-]|\.(?=\d))+?){_STOP_AT}",
        rf"\bneed(?:s)? in (?P<x>[\w -]+?){_STOP_AT}",
    )
)
ASKED_HAN = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:排放|消耗|需要|使用|投入|产生|产出|释放|施用|得到|回收)(?:了)?多少(?:千克|公斤|克|吨|升|千瓦时|兆焦|度|立方米"
        r"|的)?(?P<x>[\u3400-\u9fffA-Za-z0-9.]+)",
        r"多少(?:千克|公斤|克|吨|升|千瓦时|兆焦|度|立方米)(?:的)?(?P<x>[\u3400-\u9fffA-Za-z0-9.]+)",
        r"多少(?:的)?(?P<x>[\u3400-\u9fffA-Za-z0-9.]+)",
        r"(?P<x>[\u3400-\u9fffA-Za-z0-9.]{1,10}?)(?:占|的排放|排放量|消耗量|用量|排放为|的消耗|耗量|产生量|使用量)",
        r"的(?P<x>[^的，,。？?\s]{1,10}?)量?(?:是|为|有)多少",
        r"(?:排放|消耗)(?:的)?(?P<x>[\u3400-\u9fffA-Za-z0-9.]+?)(?:是|为|有|$)",
    )
)

JOINT = (
    r"[\s,(]*((19|20)\d\d)?[\s)]*(and|or|,|vs\.?|versus|与|和|跟|、|and in|against|or in)\s*"
    r"((in|the|of|from) )*"
)
"""What may stand between two places or two years that are compared."""
