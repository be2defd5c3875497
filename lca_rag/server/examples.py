"""Questions to begin with, made from records that the asker sees; so each has an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from pydantic import BaseModel

from lca_rag.operations import Caller, Workspace
from lca_rag.record import Exchange, Record, Text

COUNT = 4
_TRIED = 24
"""Records looked at; not every one has what a question needs."""

_FIGURE = {
    "en": "How much {flow} goes into {name}?",
    "zh": "{name}需要多少{flow}？",
}
_YEAR = {"en": "Which year and place is {name} valid for?", "zh": "{name}适用于哪一年、哪个地区？"}
_LIST = {"en": "Which data sets are there for {name}?", "zh": "有哪些关于{name}的数据集？"}
_TEMPLATES: tuple[Mapping[str, str], ...] = (_FIGURE, _YEAR, _FIGURE, _LIST)


class Examples(BaseModel):
    """The same questions in both languages."""

    en: tuple[str, ...]
    zh: tuple[str, ...]


def examples(workspace: Workspace, caller: Caller) -> Examples:
    """Up to `COUNT` questions; the same for the same visible records."""
    snapshot = workspace.index.snapshot()
    kinds, databases = snapshot.column("kind").tolist(), snapshot.column("database").tolist()
    newest = snapshot.column("newest").tolist()
    visible = [
        position
        for position, (kind, database, new) in enumerate(zip(kinds, databases, newest, strict=True))
        if kind == "process" and new and caller.sees(database)
    ]
    spread = np.linspace(0, max(len(visible) - 1, 0), min(_TRIED, len(visible))).astype(int)
    records = snapshot.records(visible[index] for index in spread)
    asked = list(_questions(records))[:COUNT]
    return Examples(
        en=tuple(question["en"] for question in asked),
        zh=tuple(question["zh"] for question in asked),
    )


def _questions(records: list[Record]) -> Iterator[Mapping[str, str]]:
    """One question for each record that can answer the template whose turn it is."""
    asked = 0
    for record in records:
        template = _TEMPLATES[asked % len(_TEMPLATES)]
        flow = _notable_input(record)
        if not record.name.base or (template is _FIGURE and flow is None):
            continue
        asked += 1
        yield {
            language: words.format(
                name=_called(record.name.base, language),
                flow=_called(flow.flow, language) if flow else "",
            )
            for language, words in template.items()
        }


def _notable_input(record: Record) -> Exchange | None:
    """The first input with a name, an amount and a unit."""
    for exchange in record.exchanges:
        told = exchange.amount and exchange.unit and exchange.flow
        if exchange.direction == "input" and told and not exchange.reference:
            return exchange
    return None


def _called(name: Text, language: str) -> str:
    """A name without the clauses that follow its first comma or semicolon, where that is enough."""
    text = name.preferred(language)[0]
    return " ".join(text.split())[:90]
