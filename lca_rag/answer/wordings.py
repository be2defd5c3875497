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
    "EXISTS",
    "FIGURE",
    "FLOW",
    "IMPACT",
    "JOINER",
    "JOINT",
    "LIST",
    "LISTED",
    "MEASURE",
    "MEDIA",
    "PREAMBLE",
    "REFERENCE",
    "SENTENCE",
    "SIDES",
    "TO_MEDIUM",
    "TWO_SIZES",
    "YEAR",
]

COMMAND = re.compile(
    r"ignore (all|any|the|your|previous)|forget (your|all|the|previous)|\bfrom now on\b"
    r"|system override|override:"
    r"|i am (the|an?) (administrator|admin|developer|owner|root)|you (do not|don't) need (a|any)"
    r"|(check|citations?|rules?|safety) (is|are|has been) (switched|turned) off|drop all citations"
    r"|before you (answer|reply)|reply only|do not (mention|cite|say)|do not tell|pretend"
    r"|creative writing|(^|[,:;.!]\s*|\b(please|and|to|just|now|then|or|should|can|could|must) )"
    r"make up (a|an|the|some)\b|\binvent (a|an|the|some)|as if it were|act as"
    r"|you are now|new instructions|\bnew rules?\b\s*(:|from|for (you|this))"
    r"|\b(reply|answer|respond|write|speak) (only |just |always )?(in|with|as|like) (a |an |the )?"
    r"(rhymes?|verses?|poems?|haikus?|songs?|riddles?|limericks?|pirate|capitals|emojis?"
    r"|one word)\b"
    r"|\b(halve|double|triple|inflate|divide|round|negate|swap) (all|every|each|your)\b"
    r"|disregard|confirm that|without (any )?(source|citation)s?|multiply every|developer mode"
    r"|忽略|无视|忘记|不需要来源|编造|假装|管理员",
    re.IGNORECASE,
)
SENTENCE = re.compile(r"(?<=[.!?;:。！？；])\s+|(?<=[。！？；])")
PREAMBLE = re.compile(
    r"^\s*(for|in) (our|my|a|an|the) [^,:?]{0,60}\b(study|report|project|model|assessment|bid"
    r"|client|paper)\b\s*[,:]"
    r"|^\s*for (our|my) [^,:?]{0,60}\b(study|report|project|model|assessment|bid|paper)\b"
    r"(?= (i|we|could|can|please|what|how)\b)"
    r"|^\s*(we|i|our|my)\b[^:?\d]{0,80}:(?=\s*\S+\s+\S+\s+\S+\s+\S)",
    re.IGNORECASE,
)
"""What the figure is wanted for, which names no data set."""
DATABASES = re.compile(
    r"\b(in|from|of|according to)?\s*(the\s+)?(u\.?s\.?\s*lci|uslci|tian\s?gong|ecoinvent|gabi"
    r"|agribalyse|"
    r"this database|the database)(\s+(database|data|data set|record|dataset))?"
    r"|\b(on (file|record)|in the (data|files|collection|catalogue|catalog))\b(?!\s+(of|for|on)\b)",
    re.IGNORECASE,
)

LIST = re.compile(
    r"(^|[-–—:,.]\s)\s*(please\s+)?(list|enumerate|show (me )?all|name all)\b"
    r"|\bwhich\b[^?]*\b(data ?sets|records|processes|entries|inventories)\b[^?]*\b(are there|exist|"
    r"describe|cover|deal|available|do you have|does the database|treat|concern|include|contain"
    r"|are in)"
    r"|\b(which|what)\b[^?]*\b(does|do) (the|this|your|you)( database| collection)?\s+(cover|have"
    r"|hold|contain|offer|include|describe|know|list)\b(?!\s+(for|as|on|about|of)\b)"
    r"|\bwhat (data ?sets? |records? |processes )?(do you have|is there|are there|exists?)\b"
    r"|\b(what|which) (steps|stages|phases|kinds|types|variants|routes|parts)\b[^?]*\bare (there\b"
    r"|available|covered|included|recorded|on (file|record)|in the (data|collection))"
    r"|\bare there (any )?(data ?sets?|records|processes)|\bwhat (data ?sets?|records|processes)\b"
    r"|\bwhich\b[^?]{0,60}\b(data ?sets|records|processes|inventories|entries)\b"
    r"|\b(any|have you) (data|records|inventor(y|ies)|information) (on|for|about)\b"
    r"|\bdo you have (any(thing)? )?(data ?sets?|records|inventor(y|ies)|on|about)\b"
    r"|\bwhat have you( got)?\b|\bwhat can (i|we) find\b|\boverview of\b|\beverything (about|on)\b"
    r"|\blooking for (data|records|inventories)|\bwhat is there\b|\bwhat else\b"
    r"|\b(show|find|give)( me| us)? (all|every|the available)\b"
    r"|^\s*all\b[^?]{0,60}\b(processes|records|data ?sets|inventories|entries)\b"
    r"|有哪些(?!主?要?(工艺|技术|步骤|环境|限制))|列(出|举)|哪些[^，。？]{0,20}(清单|数据|记录|过程|条目)|都有(什么|哪些)"
    r"|有(什么|哪些|没有)(可用的?)?(数据|记录|过程|清单)|(数据集|过程|记录)有几个|全部(的)?(数据|记录|过程)"
    r"|(数据集|记录|过程)(清单|列表|一览)|(有关|相关)的(数据|过程|记录|清单)|有[^，。？]{1,30}的(数据|数据集|记录)吗"
    r"|(关于|有关)[^，。？]{1,30}(有|是)(什么|哪些)",
    re.IGNORECASE,
)
_DATA = (
    r"(data|records?|data ?sets?|inventor(y|ies)|information|entr(y|ies)|process(es)?|numbers|lci)"
)
EXISTS = re.compile(
    rf"\b(do|does|have|has|can|could) (you|it|this|the|your|i|we)\b[^?]*?\b(have|hold|contain"
    rf"|offer|include|cover|got|find|get|store|keep)\b[^?]*\b{_DATA}\b"
    rf"|\b(do|does) (you|the|this|your) (\w+ )?(have|hold|contain|offer|include|cover|know)\b"
    rf"|\b(is|are) there (also )?(an?|any|some|no)?\s*(\w+ ){{0,4}}?{_DATA}\b"
    rf"|\b(got|have you|have we|any|there) (any )?{_DATA} (on|for|about|of|from)\b"
    r"|\b(any|some)thing (in (here|there) |at all )?(on|about|for|from)\b"
    r"|\b(is|are|was|were) [^?]{2,90}\b(covered|included|available|represented|on record|on file"
    r"|in here|in there|part of (it|this|the (data|collection)))\W*$"
    r"|\b(exist|exists)\W*$"
    r"|有没有|有无|是否(有|包含|包括|收录|涵盖|存在|提供)|能(查|找|搜)到|(包含|收录|涵盖|覆盖|提供)了?[^，。？]{1,40}(吗|么|没有)"
    r"|有[^，。？]{1,40}(数据|数据集|记录|清单|资料|过程|条目)(吗|么|没有?)?\s*[？?]?$"
    r"|有关于[^，。？]{1,40}(吗|么|没有)",
    re.IGNORECASE,
)
"""Whether there are data on something."""
REFERENCE = re.compile(
    r"\b(mass|amount|quantity|volume|area|number|count|size|weight)\b[^?]*\b(relates?|refers?"
    r"|(is|are) (given|stated|based|valid|expressed|compiled)) (to|for|on)\b"
    r"|\bwhat (output|product|flow|input|amount|quantity)\b[^?]*\b(relates?|refers?) to\b"
    r"|\b(is|are|was|were) for (how (much|many)|what (amount|quantity|mass|volume))\b"
    r"|代表(的是)?多少"
    r"|\bto what (mass|amount|quantity|volume|area|number|weight|size)\b"
    r"|(按|以|对应|针对|基于|相对于)多少[^，。？]{0,10}(算|计|给出|统计|编制|表示|建模|为基准|列出)"
    r"|是多少[^，。？]{1,8}的(数据|清单)"
    r"|reference (flow|amount|unit|quantity|mass|weight|volume|area|size|output)"
    r"|quantitative reference|functional unit|normali[sz]ed"
    r"|(to|for) (what|which|how (much|many))\b(?! (region|country|place|area|year|period|time|state"
    r"|location|market|version))[^?]*\b(refer|relate|given|stand|normal|valid"
    r"|scaled|based)"
    r"|^\W*(for|per) how (much|many)\b[^?]*\b(list|record|report|express|state|calculat|compil"
    r"|document|tabulat)"
    r"|\b(is|are|amount is) the reference\b|declared unit"
    r"|(refer|relate|scaled) to how (much|many)|given per how (much|many)|per how (much|many)"
    r"|how many\b[^?]*\b(stands? for|represents?|refers? to)|what (amount"
    r"|quantity) is the reference"
    r"|\bwhat (amount|quantity)\b[^?]*\brefers? to\s*\??$"
    r"|basis of the (inventory|data)|\b(on )?what basis\b"
    r"|\bfor (what|which) (quantity|amount)\b|\bas its reference\b|\breference product\b"
    r"|how much product\b|\b(scaled|related|normali[sz]ed) to\s*\?*\s*$|\bper how\b"
    r"|参考(流|产品|单位|数量|量(?!程))|功能单位|功能单元|基准(流|量|单位)|定量参考|声明单位|计算基准"
    r"|(按|以|对应|针对|基于|相对于|折合)多少(产品|数量|单位)|以什么(数量|产品)|为基准",
    re.IGNORECASE,
)
IMPACT = re.compile(
    r"\bgwp\d*|global warming|climate (change )?impact|footprint|lcia|impact (result|categor"
    r"|assess|score)"
    r"|(acidification|eutrophication)(?=\s*(potential|impact|result|score|of|per|in|for|[?.,]|$))"
    r"|ozone depletion|cumulative energy|toxicity|co2[- ]?eq"
    r"|carbon intensity|\bco2[- ]?e(q\w*)?\b|co2[- ]equivalents?|carbon dioxide equivalents?"
    r"|\bpcf\b|environmental impacts?\b|impacts? (on|of|to) (the )?(climate|environment)"
    r"|climate[- ]friendly"
    r"|life[- ]cycle emissions|greenhouse gas (balance|performance)|global-warming"
    r"|碳足迹|全球变暖|酸化(?!剂)|富营养化|环境影响|温室气体足迹|二氧化碳当量|co2当量|气候变化|影响评价|臭氧(层|消耗)"
    r"|碳排放强度|碳强度",
    re.IGNORECASE,
)
COMPARE = re.compile(
    r"\bcompare|\bversus\b|\bvs\b\.?|\bagainst\b|\bcompared (with|to)\b|\bdifference between\b"
    r"|\bwhich of the (two|three)\b|\bfor each\b|\bfor both\b|\beach of\b|\brespectively\b"
    r"|\b(in|by|for|from|with|of|on)\s+(the\s+)?([^,?.]{2,60}?)\s+and\s+(in|by|for|from|with|of"
    r"|on)\s+"
    r"|\bdiffer(s|ences?)?\b|\bside by side\b|\bnext to (the|that)\b|\bchoose between\b"
    r"|\bboth\b[^?]*\band\b|\beach\s*\??\s*$|\b(less|more|lower|higher|fewer)\s(?!than\b|or\b)"
    r"[^?]*\bthan\b(?! or equal| ?\d)"
    r"|\b(does|do|did|is|would|will) each (give|emit|release|use|take|need|consume|require|have"
    r"|cause|produce|contain|show)\b"
    r"|\b(higher|lower|more|less|fewer|larger|smaller|better|worse|cleaner|dirtier)\b[^?]*\bor\b"
    r"|\bwhich (one |of them )?(is|has|uses|needs|emits|burns|takes|gives|consumes|releases"
    r"|requires|produces|causes|contains)\b[^?]*\b(higher|lower|more|less|fewer|larger|smaller|better|worse"
    r"|cleaner|dirtier|bigger)\b|\bwhich (one |of them |of these )?\w+ (\w+ )?(more|less|fewer)\b"
    r"|\bwhich (one )?(wins|is the (better|worse|cleaner))"
    r"|\bmore\b[^?]*,[^?]*\bor\b|分别|比较|对比|相比|哪个(的|更)|差别|差异|相差|对照|(哪|谁)(个|种|一个|者)?[^，。？]{0,8}(更|比较|较|高|低|多|少)|孰|(高|低|多|少|大|小)多少"
    r"|各(自)?(是|为|有|用|需|耗|消耗|排放|需要|用了)*多少|谁的|相对于|有何不同|两者|放在一起|(低|高|多|少|大|小)于(?!等于|\d)|差多少"
    r"|比[^，。？]{2,60}(多|少|高|低|大|小)(吗|多少|不少)?[？?]?$",
    re.IGNORECASE,
)
TWO_SIZES = re.compile(
    r"\d+(\.\d+)?\s*(mw|kw|mm|micron)\b[^?.]{0,20}\b(and|or|to)\b[^?.]{0,20}\d+(\.\d+)?\s*(mw|kw"
    r"|mm|micron)\b",
    re.IGNORECASE,
)
FIGURE = re.compile(
    r"\bhow (much|many|large|high|big|heavy)\b|\bper\b|多少|\bemissions? of\b|\bamount of\b"
    r"|\bquantity\b"
    r"|\b(needed|required|used|consumed|emitted|released|burnt|burned) (for|in|by|to|from|with) "
    r"((make|making|produce|producing) )?(a|an|one|each|every|\d[\d.,]*) ",
    re.IGNORECASE,
)

SIDES: tuple[tuple[re.Pattern[str], Direction], ...] = (
    (
        re.compile(
            r"\bemi(t|ts|tted|ssions?)\b|\breleas|\bdischarg|\bgiven? off\b|\bairborne\b|\b(lost"
            r"|loss|losses)\b|\b(in)?to (air|water|soil)\b"
            r"|\b(leave|leaves|leaving|recovered|obtained|yield|yields|deliver|delivers"
            r"|by-?products?|outputs?)\b"
            r"|排放|释放|产出|输出|得到|回收(了)?多少|副产|放出|排出|排掉|产生",
            re.IGNORECASE,
        ),
        "output",
    ),
    (
        re.compile(
            r"\bconsum|\b(uses?|used|needs?|needed|requires?|required|demands?|inputs?|takes?"
            r"|fed|feed|"
            r"feedstock|applied|receives?|burnt|burned|goes into|go into|enters?|share|shares)\b"
            r"|消耗|需要|使用|投入|输入|用量|占|施用|耗用|单耗|所需|用掉|要用|原料",
            re.IGNORECASE,
        ),
        "input",
    ),
)
MEASURE = re.compile(r"\s+(gallons?|tons?|short|dollars?|units?)\b", re.IGNORECASE)
"""What makes a country's name a part of a unit ("US gallons")."""
MEDIA = {
    "air": re.compile(
        r"\bairborne\b|\b(in)?to (the )?(air|atmosphere)\b|\bair emission|大气|空气", re.IGNORECASE
    ),
    "water": re.compile(
        r"\b(in)?to (the )?(water|river|sea|surface water)\b|\bwater(borne)? (emission|discharge)"
        r"|水体|废水中",
        re.IGNORECASE,
    ),
    "soil": re.compile(r"\b(in)?to (the )?soil\b|土壤", re.IGNORECASE),
}
EMITTED = re.compile(
    r"\bemi(t|ts|tted|ssions?)\b|\breleas|\bdischarg|\bgiven? off\b|\bairborne\b|\b(lost|loss"
    r"|losses)\b|\b(let|lets|comes?) off\b|\bleach\w* (in)?to\b|排放|释放|放出|排出|排掉",
    re.IGNORECASE,
)
TO_MEDIUM = re.compile(
    r"\b(in)?to (the )?(air|atmosphere|water|rivers?|sea|soil|surface water|environment)\b"
    r"|(向|到|至|入)(大气|空气|水体|土壤|环境)中?",
    re.IGNORECASE,
)
"""Where something goes that is emitted; it names neither the flow nor the data set."""
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
    r"|an?|each|in|into|to|for|from|of|per|by|at|on|with|within|when|during|enters?|lost|listed|made"
    r"|produced|delivered|put|spread|added|charged|injected|discharged|burned|let|leach\w*|leak\w*|contributions?|escaping|coming"
    r"|versus|vs|compared|against|instead|rather|volume)\b|\s[-–—]\s|[,?;:(]|\.(?!\d)|$)"
)
_UNIT_WORDS = (
    r"(?:thousand |million )?(?:kilo(?:gram|gramme)s?|grams?|milligrams?|kg|g|mg|tonnes?|tons?|t"
    r"|kwh|mwh|mj|gj|ml|millilit(?:re|er)s?|micrograms?|µg|ug|kbq|bq"
    r"|lit(?:re|er)s?|l|cubic met(?:re|er)s?|m3|square met(?:re|er)s?|m2|hectares?|ha|pounds?|lbs?"
    r"|gallons?|t\*?km|p\*?km)"
)
_PLAIN = r"(?:(?!\b(?:of|in|for|from|to|with|by|on|at|does|do|is|are)\b)(?:[\w ()/+-]|\.(?=\d)))+?"
"""Words up to the first preposition or verb."""
ASKED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"how (?:much|many) (?:(?:us )?(?:{_UNIT_WORDS}) of )?(?P<x>[\w ()/.+-]{{2,70}}?)"
        r" (?:goes|go|went|is fed|are fed|enters?)(?: in)?to\b",
        rf"how (?:much|many) (?:(?:us )?(?:{_UNIT_WORDS}) of )?(?P<x>[\w ,()/.+-]+?){_STOP_AT}",
        r"\bhow (?:does|do|is|are) the (?P<x>[\w -]+?) (?:per|of|in|for|differ|compare)\b",
        rf"(?:quantity|amount|mass|volume|number|figure|kilograms|grams) (?:of|for) "
        rf"(?P<x>[\w ,()/.+-]+?){_STOP_AT}",
        rf"(?:^|[:,(] ?|[-–—] | in )(?:how many )?{_UNIT_WORDS} (?:of )?"
        rf"(?P<x>(?!per\b|of\b){_PLAIN})\s+(?:per|each|for|in|behind)\b",
        rf"\bhow far (?:by|on|with) (?:a )?(?P<x>[\w -]+?){_STOP_AT}",
        r"\b(?:the|a|an|any) (?P<x>[\w -]+?) (?:dosage|dose|rate|requirements?|intensity"
        r"|intake|input|use|usage|consumption|demand|need|content|share|load|figure|value|amount)"
        r" (?:in|of|for|per|to|from|by|that)\b",
        r"what (?:direct )?(?P<x>[\w ()/+-]+?) emissions? (?:is|are|was|were|does|do)\b",
        r"(?:^|[.:!?]\s+|\bthe\s+)(?:direct\s+)?(?P<x>[\w ()/+-]+?)\s+emissions?\b",
        rf"emissions? of (?P<x>[\w ()/+-]+?){_STOP_AT}",
        r"(?:large|high|big) (?:is|are) the (?:direct )?(?P<x>[\w -]+?)(?:\s+(?:input|use|demand"
        r"|share|need))?\s+(?:per|in|of|for)\b",
        rf"\b(?:takes?|uses?|needs?|burns?|eats?|draws?|consumes?|requires?|emits?|releases?|has)"
        rf" (?:more|less|the most|the least) (?P<x>[\w -]+?){_STOP_AT}",
        r"\bthe (?P<x>[\w -]+?)\s+(?:that|which) (?:goes|go|is|are|enters?)\b",
        r"\b(?:is|are|what'?s) the (?:direct )?(?P<x>[\w -]+?)\s+(?:of|in|for|per)\b",
        r"\bthe (?P<x>[\w -]+?) (?:released|emitted|used|needed|consumed|required)\b",
        r"(?:^|:\s+|[.?!]\s+)(?:direct\s+)?(?P<x>[\w ()/+-]+?)\s+(?:use|demand|consumption|input"
        r"|content|share)\b",
        rf"share of (?P<x>[\w -]+?){_STOP_AT}",
        r"\bwhat (?P<x>[\w ()/+-]+?) (?:does|do|is|are|was|were)\b",
        r"\b(?:does|do|did|will|would) [^?]{2,160}? (?:need|use|consume|require|release|emit"
        r"|discharge|contain|produce|take) (?P<x>(?!of\b|in\b|for\b|to\b|by\b|per\b)[\w ()/.+-]+?)"
        rf"{_STOP_AT}",
        rf":\s+(?:airborne\s+|direct\s+)?(?P<x>{_PLAIN})\s+per\b",
        rf"^(?:airborne\s+|direct\s+)?(?P<x>{_PLAIN})\s+per\b",
        rf",\s+(?:airborne\s+|direct\s+)?(?P<x>{_PLAIN})\s+(?:per|in)\b",
        rf":\s+(?:airborne\s+|direct\s+)?(?P<x>(?:[\w ()/+-]|\.(?=\d))+?){_STOP_AT}",
        rf"^(?:airborne\s+|direct\s+)?(?P<x>(?:[\w ()/+-]|\.(?=\d))+?){_STOP_AT}",
        rf"\bneed(?:s)? in (?P<x>[\w -]+?){_STOP_AT}",
        r"\bdiffer(?:s|ences?)? in (?P<x>[\w ,()/.+-]+?) (?:between|of|for|btw)\b",
        r"\b(?:more|less|fewer) (?P<x>[\w ()/.+-]+?)(?:,| than| per)",
        r"^(?P<x>[\w ,()/.+-]+?),? (?:for both|side by side)",
        r"\b(?:the|me) (?P<x>[\w ()/.+-]+?) of\b",
        rf"(?:how much|[,:]| [-–—]) (?P<x>{_PLAIN}) each\b",
        rf"[-–—] (?P<x>{_PLAIN})\s+(?:per|in|of)\b",
        r"(?:\bin|[:,]| -) (?P<x>[\w ()/.+-]+?)(?: \([^()]*\))?\s*\??\s*$",
    )
)
_X = r"[\u3400-\u9fffa-z0-9 .,()/+%<>_-]"
_ZH_UNIT = r"(?:千克|公斤|克|毫克|吨|升|千瓦时|兆焦|吉焦|度|立方米|公顷)"
_ZH_END = (
    r"(?=(?:的)?(?:消耗|单耗|用量|耗量|排放|产生|投入|输入|输出|使用|释放|需求|数值|数量|含量|系数)|的[值量]|是|为|有|被|等于"
    r"|折合|换算|转换|合多少|在|吗|[，,。？?；;：:]|$)"
)
ASKED_HAN = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:排放|消耗|需要|使用|投入|产生|产出|释放|施用|得到|回收|涉及|耗用|用掉|放出|排出|含有)(?:了)?(?:多少|几)"
        rf"{_ZH_UNIT}?(?:的)?(?P<x>{_X}+?){_ZH_END}",
        rf"(?:多少|几){_ZH_UNIT}(?:的)?(?P<x>(?!是|为){_X}+?){_ZH_END}",
        rf"多少(?:的)?(?P<x>{_X}+?){_ZH_END}",
        rf"^(?:请问)?(?P<x>{_X}{{1,40}}?)在.{{2,80}}(?:中|里)的?(?:消耗|用量|排放|投入|有)?",
        r"的(?P<x>[^的，。？?；;：:]{1,40}?)(?:的)?(?:排放|消耗|用量|耗量|单耗|产生|投入|输入|输出|使用量|释放|需求|数值|系数)",
        r"的(?P<x>[^的，。？?；;：:\s]{1,24}?)量?(?:是|为|有|等于|折合|换算|转换|合|用|比|在|上|各)",
        rf"(?:所需|耗用|消耗|释放|排放|排出|放出|投入|产生|伴随)(?:的)?(?P<x>{_X}+?){_ZH_END}",
        r"(?:里|中|，|,|、|:|：)(?P<x>[^的，。？?；;：:]{1,40}?)(?:的|被)?(?:排放|消耗|用量|耗量|产生|投入|输入|输出)",
        r"(?P<x>[\u3400-\u9fffa-z0-9.]{1,10}?)(?:占|的排放|排放量|消耗量|用量|排放为|的消耗|耗量|产生量|使用量)",
        rf"(?:排放|消耗)(?:的)?(?P<x>{_X}+?)(?:是|为|有|$)",
        r"的(?P<x>[^的，。？?；;：:]{1,40}?)\s*[？?，,。]?\s*$",
        r"的(?P<x>[^的，。？?；;：:]{1,40}?)[，,(]",
        r"[：:](?P<x>[^的，。？?；;：:]{1,40}?)\s*(?:投入|排放|消耗|用)?量?\s*[？?，,。]?\s*$",
        r"^(?P<x>[^的，。？?；;：:]{1,40}?)(?:排放|投入|消耗)?量?\s*(?:\([^)]*\))?\s*[：:]",
        r"[，,](?P<x>[^的，。？?；;：:，,]{1,40}?)[，,]",
    )
)

JOINER = re.compile(
    r"\s(?:and|or|vs\.?|versus|than|against|with|to|from|compared)\s|与|和|跟|、|及|对比|相对于|比|相比"
)
"""Words that may part the two data sets of a comparison."""
LISTED = re.compile(r"\s(?:and|&)\s|与|和|跟|、|及")
"""Those of them that may name two data sets where no word compares."""
JOINT = (
    r"[\s,(]*((19|20)\d\d)?[\s)]*(and|or|,|vs\.?|versus|与|和|跟|、|and in|against|or in)\s*"
    r"((in|the|of|from) )*"
)
"""What may stand between two places or two years that are compared."""
