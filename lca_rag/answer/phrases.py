"""The sentences of an extractive answer, in English and Chinese."""

from __future__ import annotations

from lca_rag.answer.amounts import written
from lca_rag.answer.figures import flow_name
from lca_rag.record import Exchange, Record

__all__ = ["amount_of", "basis_of", "described", "phrase", "plain_name", "title"]

_PHRASES: dict[str, tuple[str, str]] = {
    "figure": (
        "{title}: {side} {flow}, {amount} per {basis}{derived}.",
        "{title}：{side}“{flow}”，每 {basis} 为 {amount}{derived}。",
    ),
    "figure_no_basis": (
        "{title}: {side} {flow}, {amount}{derived}.",
        "{title}：{side}“{flow}”，{amount}{derived}。",
    ),
    "derived_per": ("; that is {derived} {unit} per {per}", "，即每 {per} 为 {derived} {unit}"),
    "derived": ("; that is {derived} {unit}", "，即 {derived} {unit}"),
    "reference": (
        "{title}: the reference flow is {amount} of {flow} ({side}).",
        "{title}：参考流为 {amount} {flow}（{side}）。",
    ),
    "no_reference": ("{title} states no reference flow.", "{title} 未说明参考流。"),
    "functional": ("Functional unit as stated: “{text}”.", "功能单位：“{text}”。"),
    "fact": ("{label}: {text}.", "{label}：{text}。"),
    "about": ("On {title}:", "关于 {title}："),
    "passage": ("{label}: “{text}”.", "{label}：“{text}”。"),
    "list": ("The database has these data sets:", "数据库中有以下数据集："),
    "listed": ("- {title}.", "- {title}。"),
    "larger": ("The larger amount is that of {title}.", "数值较大的是 {title}。"),
    "absent": (
        "This is not in the database: no data set was found for {what}.",
        "数据库中没有：未找到{what}的数据集。",
    ),
    "absent_here": (
        "This is not in the database: there are data sets for {what}, but none for {where}.",
        "数据库中没有：有{what}的数据集，但没有{where}的。",
    ),
    "absent_figure": (
        "This figure is not in the database: {title} reports no row for {what}.",
        "数据库中没有该数值：{title} 未列出{what}。",
    ),
    "absent_fact": (
        "{title} does not state this.",
        "{title} 未说明此项。",
    ),
    "rows": ("It does list: {rows}.", "其列出的流有：{rows}。"),
    "nearest": ("Nearest: {title}; it differs: {how}.", "最接近的是：{title}；差别：{how}。"),
    "nearest_plain": ("Nearest: {title}.", "最接近的是：{title}。"),
    "no_results": (
        "{title} holds an inventory and no impact results.",
        "{title} 只有清单，没有影响评价结果。",
    ),
    "no_footprint": (
        "A footprint adds up the whole supply chain; direct emissions of one process are not a "
        "footprint.",
        "碳足迹须累计整个供应链；单个过程的直接排放不是碳足迹。",
    ),
    "result": (
        "{title}: {indicator}, {amount} per {basis}.",
        "{title}：{indicator}，每{basis}为 {amount}。",
    ),
    "command": (
        "Parts of the question that try to change how answers are made were left out.",
        "问题中试图改变回答规则的部分已被忽略。",
    ),
    "no_question": (
        "There is no question here that the data sets could answer; figures are quoted from "
        "records only.",
        "这里没有可由数据集回答的问题；数值只引自记录。",
    ),
    "withheld": (
        "{count} matching record(s) are not shown: a licence or right is needed.",
        "有 {count} 条匹配记录未显示：需要许可或权限。",
    ),
    "input": ("input of", "输入"),
    "output": ("output of", "输出"),
    "side_input": ("an input", "输入"),
    "side_output": ("an output", "输出"),
    "place": ("asked for {asked}, this is for {got}", "所问为{asked}，该数据为{got}"),
    "no_place": ("asked for {asked}, this states no place", "所问为{asked}，该数据未说明地点"),
    "year": ("asked for {asked}, this is of {got}", "所问为{asked}年，该数据为{got}年"),
    "no_year": ("asked for {asked}, this states no year", "所问为{asked}年，该数据未说明年份"),
    "named": ("nothing in it is named {what}", "其中没有{what}"),
}


def phrase(key: str, language: str, **words: str) -> str:
    """A sentence in the language of the question."""
    return _PHRASES[key][1 if language == "zh" else 0].format(**words)


def plain_name(record: Record, language: str) -> str:
    """The name of a record on one line, in the language of the question where it has one."""
    parts = (record.name.base, record.name.treatment, record.name.mix, record.name.functional)
    said = (" | ".join(part.preferred(language) or part.all()) for part in parts if part)
    return " ".join("; ".join(said).split())


def title(record: Record, language: str) -> str:
    """Name, place and year of a record."""
    name = plain_name(record, language)
    facts = [record.place.code] if record.place is not None else []
    if (year := described(record)) is not None:
        facts.append(year)
    shown = (name or record.uuid).replace("“", '"').replace("”", '"')
    return f"“{shown}” ({', '.join(facts)})" if facts else f"“{shown}”"


def described(record: Record) -> str | None:
    """The year of a record in words."""
    period = record.period
    year = period.reference_year if period.reference_year is not None else period.start
    return None if year is None else str(year)


def amount_of(exchange: Exchange) -> str:
    """Amount and unit of a row."""
    if exchange.amount is None:
        return "?"
    unit = exchange.unit or ""
    return f"{written(exchange.amount)} {unit}".strip()


def basis_of(record: Record, language: str) -> str | None:
    """The reference flow of a record in words; `None` where it has none or several."""
    references = record.reference_exchanges
    if len(references) != 1 or references[0].amount is None:
        return None
    reference = references[0]
    name = flow_name(reference, language)
    joint = " " if language == "zh" else " of "
    return f"{amount_of(reference)}{joint}{name}"
