"""Questions about a data set rather than its amounts: where, when, how, by whom, under what terms.

A field is quoted as the record states it; what no field answers, `passages` may.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lca_rag.answer.passages import short
from lca_rag.answer.view import View
from lca_rag.places import find_place
from lca_rag.record import Record, Text

__all__ = ["Fact", "asked_facts", "field_spans"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One stated fact: label in English and Chinese, and the source's own words."""

    label: str
    label_zh: str
    text: str


def _words(text: Text, language: str) -> str | None:
    return text.join("; ", language)


def _period(record: Record, language: str) -> Iterator[Fact]:
    period = record.period
    if period.reference_year is not None:
        yield Fact("Reference year", "参考年份", str(period.reference_year))
    if period.start is not None and period.end is not None:
        yield Fact("Valid", "有效期", f"{period.start} to {period.end}")
    elif period.valid_until is not None:
        yield Fact("Valid until", "有效期至", str(period.valid_until))
    if words := _words(period.description, language):
        yield Fact("Time", "时间说明", words)


def _place(record: Record, language: str) -> Iterator[Fact]:
    place = record.place
    if place is None:
        return
    area = find_place(place.code)
    name = place.name or (area.name if area is not None else None)
    yield Fact(
        "Place", "地点", f"{place.code} ({name})" if name and name != place.code else place.code
    )
    if words := _words(place.description, language):
        yield Fact("Geography", "地理说明", words)
    for label, text in (("Description", record.comment),):
        for found in re.findall(r"Geography:\s*([^\n;]+)", " ".join(text.all())):
            yield Fact(label, "说明", found.strip())


def _technology(record: Record, language: str) -> Iterator[Fact]:
    if words := _words(record.technology, language):
        yield Fact("Technology", "技术", words)
    if words := _words(record.applicability, language):
        yield Fact("Applicability", "适用范围", words)


def _roles(label: str, label_zh: str, *roles: str) -> Callable[[Record, str], Iterator[Fact]]:
    def facts(record: Record, language: str) -> Iterator[Fact]:
        said: set[str] = set()
        for reference in record.references:
            if reference.role in roles:
                for name in dict.fromkeys(
                    (_words(reference.name, language), *reference.name.all())
                ):
                    if name and name not in said:
                        said.add(name)
                        yield Fact(label, label_zh, name)

    return facts


def _owner(record: Record, language: str) -> Iterator[Fact]:
    if words := _words(record.licence.owner, language):
        yield Fact("Owner", "所有者", words)
    else:
        yield from _roles("Owner", "所有者", "owner")(record, language)


def _licence(record: Record, language: str) -> Iterator[Fact]:
    licence = record.licence
    if licence.type:
        yield Fact("Licence", "许可", licence.type)
    if words := _words(licence.restrictions, language):
        yield Fact("Access and use", "使用限制", words)
    if licence.copyright is not None:
        yield Fact("Copyright", "版权", "yes" if licence.copyright else "no")


def _method(record: Record, language: str) -> Iterator[Fact]:
    for label, label_zh, value in (
        ("Method principle", "方法原则", record.method_principle),
        ("Method approaches", "方法", "; ".join(record.method_approaches)),
        ("System model", "系统模型", record.system_model),
    ):
        if value:
            yield Fact(label, label_zh, value)
    yield from _details("LCI method", "Data treatment", "Treatment", "Cut-off")(record, language)


def _details(*labels: str) -> Callable[[Record, str], Iterator[Fact]]:
    def facts(record: Record, language: str) -> Iterator[Fact]:
        for label, text in record.details:
            if label in labels and (words := _words(text, language)):
                yield Fact(label, label, words)

    return facts


def _type(record: Record, language: str) -> Iterator[Fact]:
    if record.data_type:
        yield Fact("Type of data set", "数据集类型", record.data_type)


def _identity(record: Record, language: str) -> Iterator[Fact]:
    yield Fact("UUID", "UUID", record.uuid)
    yield Fact("Version", "版本", record.version)


def _classes(record: Record, language: str) -> Iterator[Fact]:
    for item in record.classifications:
        yield Fact("Classification", "分类", " > ".join(item.path))


def _numbers(record: Record, language: str) -> Iterator[Fact]:
    flow = record.flow
    if flow is None:
        return
    for label, label_zh, value in (
        ("CAS number", "CAS号", flow.cas),
        ("EC number", "EC号", flow.ec),
        ("Formula", "化学式", flow.formula),
    ):
        if value:
            yield Fact(label, label_zh, value)


_FIELDS: tuple[tuple[re.Pattern[str], tuple[Callable[[Record, str], Iterator[Fact]], ...]], ...] = (
    tuple(
        (re.compile(pattern, re.IGNORECASE), extractors)
        for pattern, extractors in (
            (
                r"\bwho\b[^?]*\b(generat|creat|made|compil|collect|author|wrote|prepar|enter"
                r"|document|model)"
                r"|\bdata (set )?generator\b|\bgenerator of (the|this) data"
                r"|\b(first |data )?(authors?|documentor|modeller)\b|\bcitation (for|of)\b"
                r"|谁(生成|编制|建立|创建|提供|录入)|(数据)?(生成|编制|提供|录入)者|作者",
                (
                    _roles("Data generator", "数据生成者", "data generator"),
                    _roles("Data entry by", "数据录入者", "data entry by"),
                ),
            ),
            (
                r"\bowner|\bowns?\b|\bowned\b|\bbelongs? to\b|\bto whom\b[^?]*\bbelongs?\b"
                r"|\bwhose (property|data)|\bholders? of the rights|\brights? holders?\b"
                r"|\bwho (holds|has the rights)|\bproprietor|\bproperty of\b"
                r"|所有者|所有权|归(谁|哪)[^，。？]{0,8}(所有)?|谁(拥有|的数据)|拥有者|持有(人|者)|权利人"
                r"|属于(谁|哪(个|家|一家)?(机构|单位|公司|组织))|哪(个|家|一家)(机构|单位|公司|组织)",
                (_owner,),
            ),
            (
                r"licen[cs]\w*|\bre-?use\b|\bfreely\b|\bfree (to use|of charge)|copyright\w*"
                r"|\brestriction\w*|\brestricted\b|\bterms (of|for) use|\bconditions? of use"
                r"|\bconditions apply|\busage rights|\battribution\b|\bcommercially\b"
                r"|\bredistribut\w*|\brepublish\w*|\ballowed to\b|\bpermitted to\b"
                r"|许可(证|协议|类型)?|版权(情况)?|使用(条件|限制|条款|权限)|访问限制|免费|授权(类型)?|商用|商业(使用|用途)"
                r"|再分发|开放(获取|使用|的)|公开使用|遵守[^，。？]{0,4}条款",
                (_licence,),
            ),
            (
                r"\b(which|what) (data )?(source|literature|publication|paper|thesis|study"
                r"|report)|\b(source|literature) (is|are|was|of)"
                r"|\bcited\b|(?<!air-)(?<!air )(?<!ground-)(?<!ground )\bsources?\b|publication"
                r"|数据来源|来源|文献|出处",
                (
                    _roles("Data source", "数据来源", "data source", "publication"),
                    _details("Data selection"),
                ),
            ),
            (
                r"\breview(ed|er|s)?\b|审核|评审",
                (_roles("Reviewer", "评审者", "reviewer"), _details("Review")),
            ),
            (
                r"\b(which|what|from when|for which) (reference |base )?years?\b"
                r"|reference (year|yr)s?\b|\bvalid (from|until|for)"
                r"|\btime (period|coverage|span|scope|frame)"
                r"|\bhow (old|recent|current|up[- ]to[- ]date)|\bwhen (is|was|were|are|did|do)\b"
                r"|\b(until|for|from|since) when\b|\bvintage\b|\btemporal(ly)? \w+"
                r"|\b(what|which) (time )?period\b|^\W*years? (of|for)\b|\byear\s*\?*$"
                r"|哪一?年(度|份)?|何年|几几年|年份|什么年代|参考年(份)?|基准年|有效期|时间(范围|代表性|跨度|覆盖)"
                r"|什么(时候|时期)|何时|多旧|多新|覆盖[^，。？]{0,3}时期",
                (_period,),
            ),
            (
                r"\bwhere\b|\btakes? place\b"
                r"|\b(which|what) (country|countries|place|region|province|state|city"
                r"|location|geograph\w*|site|area|part of (the|north|south|east|west|central))"
                r"|\b(to|from|for|in|of) (which|what) ([\w-]+ ){1,2}?(region|area|province|basin"
                r"|district|zone|country|state|city|county|location|place|site|field)\b"
                r"|\blocated\b"
                r"|part of the world|\bgeograph\w*( (scope|coverage|representativeness))?"
                r"|^\W*(place|location|province|country|region|city|state) of\b"
                r"|\blocation( code)?\s*\?*$|\bsituated\b"
                r"|\b(another|other) country\b|\bcountry of\b"
                r"|哪里|哪儿|哪国|哪个(国家|地区|省份?|城市|地方|区域)|什么(地方|地区|国家|区域)|地点"
                r"|地理(范围|代表性|位置|区域|说明)?|何地|何处|位置(代码)?|所在地|国外",
                (_place,),
            ),
            (
                r"\btechnolog\w*( (description|representativeness))?"
                r"|\btechnical(ly)?( description)?\b|\btechniques?\b|\bprocess (steps?|route)\b"
                r"|\bhow [^?]*\bworks?\b\W*$|\bby what (process|means)\b|\bhow (is|are|was|were)"
                r" [^?]*\b(done|carried out)\b"
                r"|\b(farming |production |cultivation )?techniques?\b|\b(chemical"
                r"|production|process|synthesis) (route|path)|\broute\b|\bhow (is|are|was"
                r"|were) [^?]*"
                r"\b(made|produced|manufactured|obtained|modelled)|工艺(路线|流程|步骤|说明|描述|方法)|(的|什么|何种|哪种|哪些|主要)"
                r"(生产)?(工艺|技术|方法)(?!品)|技术(是|路线|描述|说明|代表性)|采用(什么|何种|哪种)"
                r"|(怎么|如何|怎样)(做|生产|制造|制备|得到|加工)|养殖(方式|技术)",
                (_technology,),
            ),
            (
                r"allocat|multi-?output|system model|modelling principle|cut-?off"
                r"|分配方法|系统模型",
                (_method,),
            ),
            (r"\btype of (data ?set|process)|unit process or|aggregated or|数据集类型", (_type,)),
            (
                r"uuid|\bguid\b|\bversion( (number|no))?\b|\bedition\b|\bidentifiers?\b"
                r"|\b(unique|data ?set|the|what) ids?\b|\bids? (of|for|under|number)\b"
                r"|\b(what|which) release\b|版本(号|信息)?|标识(符|码)?|识别(码|号)|编号"
                r"|(数据集|唯一|的)\s*id\b|哪一?版|第几版|版次",
                (_identity,),
            ),
            (r"\bclassif|\bcategory\b|分类|类别", (_classes,)),
            (
                r"\b(which|what|whose) (manufacturer|maker|company|brand|supplier|model|standard"
                r"|software)\b|\bmodelled (on|after)\b|\bmanufacturer specification"
                r"|制造商|厂家|哪家公司|哪个企业",
                (_technology,),
            ),
            (r"\bcomplete(ness)?\b|完整性", (_details("Completeness", "Cut-off", "Notice"),)),
            (r"\bsampl(ing|ed)\b|\bsurvey|\bcover(ed|age)\b|抽样|样本", (_details("Sampling"),)),
            (
                r"\bintended (use|application)|\bpurpose\b|用途|适用",
                (_details("Intended use", "Use advice"),),
            ),
        )
    )
)


def field_spans(text: str) -> list[tuple[int, int]]:
    """Where a question names facts of a data set, in reading order; none if it asks for no fact."""
    found = (match.span() for pattern, _ in _FIELDS for match in pattern.finditer(text))
    return sorted(found)


def asked_facts(view: View, text: str, language: str) -> list[Fact]:
    """The facts that a question asks for, in the record's words; empty if it states none."""
    found: list[Fact] = []
    for pattern, extractors in _FIELDS:
        if pattern.search(text):
            for extractor in extractors:
                found.extend(extractor(view.record, language))
    cut = (Fact(fact.label, fact.label_zh, short(fact.text)) for fact in found)
    return list(dict.fromkeys(cut))[:8]
