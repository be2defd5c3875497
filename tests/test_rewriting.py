from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pytest

from lca_rag.answer.llm import Message
from lca_rag.errors import AnswerError
from lca_rag.rewriting import rewrite


class Scripted:
    """A language model that gives one reply and keeps what it was sent."""

    name = "scripted"

    def __init__(self, reply: str) -> None:
        self.reply = reply
        self.sent: list[Message] = []

    def complete(self, messages: Sequence[Message]) -> str:
        self.sent.extend(messages)
        return self.reply

    def stream(self, messages: Sequence[Message]) -> Iterator[str]:
        yield self.complete(messages)


def test_terms_are_added_to_the_words_of_the_asker() -> None:
    told = {
        "term": "sodium hydroxide",
        "en": ["caustic soda", "lye"],
        "zh": ["氢氧化钠"],
        "cas": ["1310-73-2", "1310-73-9"],
    }
    model = Scripted(f"```json\n{json.dumps(told)}\n```")
    found = rewrite("lye 50 % from Germany", model)
    assert found.query == "lye 50 % from Germany sodium hydroxide caustic soda 氢氧化钠 1310-73-2"
    assert found.cas == ("1310-73-2",)
    assert "sodium hydroxide (caustic soda, lye, 氢氧化钠, 1310-73-2)" in found.sentence
    assert [message["content"] for message in model.sent][1:] == ["lye 50 % from Germany"]


@pytest.mark.parametrize("reply", ["", "I cannot", "{}", '{"term": "x", "en": "y"}', "[1]", "{x}"])
def test_another_form_is_an_error_in_words(reply: str) -> None:
    with pytest.raises(AnswerError, match="search without rewriting"):
        rewrite("lye", Scripted(reply))


def test_terms_stay_terms() -> None:
    reply = json.dumps({"term": "a\nb" * 200, "en": ["x"] * 50, "zh": [], "cas": []})
    found = rewrite("lye", Scripted(reply))
    assert len(found.term) <= 80
    assert "\n" not in found.term
    assert len(found.english) == 6
