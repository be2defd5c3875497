"""A model that lies or fails: the user gets a checked answer or one clear sentence."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from lca_rag import demo
from lca_rag.answer import Answer, Answerer, AuditLog, Policy, RemoteModel, Rule, load_llm
from lca_rag.answer.llm import Message
from lca_rag.answer.prompts import assemble, estimate, messages
from lca_rag.errors import AccessError, AnswerError
from lca_rag.readers import read
from lca_rag.record import Record
from tests.lexical_retriever import LexicalRetriever
from tests.lying_server import Script, serve

QUESTION = "How much electricity does primary aluminium take in China in 2020?"
TRUE = "Smelting takes 13540 kWh of electricity per 1000 kg of aluminium ingot [1]."


@pytest.fixture(scope="module")
def retriever() -> LexicalRetriever:
    return LexicalRetriever(list(read(demo.path(), database=demo.DATABASE)))


def answered(retriever: LexicalRetriever, text: str, *, chunk: int = 7) -> Answer:
    with serve(Script(text, chunk=chunk)) as url:
        return Answerer(retriever, RemoteModel(url, "liar")).ask(QUESTION)


def test_a_true_answer_stays(retriever: LexicalRetriever) -> None:
    answer = answered(retriever, TRUE)
    assert answer.text == TRUE
    assert answer.model == "liar"
    assert answer.checks.verdict == "verified"
    assert not answer.abstained
    assert answer.citations[0].place == "CN"


@pytest.mark.parametrize(
    ("lie", "never"),
    [
        ("Smelting takes 13560 kWh of electricity per 1000 kg of aluminium [1].", "13560"),
        ("Smelting takes 13540 MJ of electricity per 1000 kg of aluminium [1].", "13540 MJ"),
        ("Smelting takes 1354.0 kWh of electricity per 1000 kg of aluminium [1].", "1354.0"),
        ("Smelting takes 13540 kWh of electricity per kg of aluminium [1].", "per kg of"),
        ("It emits 12.5 kg of CO2 per kg of aluminium.", "12.5"),
        (f"{TRUE} Its footprint is 16.5 kg CO2e per kg [1].", "16.5"),
        (f"{TRUE} See data set {uuid.UUID(int=7, version=4)} [1].", "00000000-0000"),
        (f"{TRUE} Another source gives 14000 kWh [9].", "14000"),
        ("The process has 7 alloys and 93 shifts [1].", "93 shifts"),
    ],
)
@pytest.mark.parametrize("chunk", [3, 1000])
def test_a_lie_never_reaches_the_user(
    retriever: LexicalRetriever, lie: str, never: str, chunk: int
) -> None:
    answer = answered(retriever, lie, chunk=chunk)
    assert never not in answer.text
    assert "13540 kWh" in answer.text
    assert answer.checks.verdict == "corrected"
    assert answer.checks.count("removed") + answer.checks.count("repaired") >= 1
    if answer.model is None:
        assert any("did not pass the checks" in note for note in answer.notes)


def test_a_wrong_citation_is_put_right(retriever: LexicalRetriever) -> None:
    answer = answered(retriever, TRUE.replace("[1]", "[2]"))
    assert "13540 kWh" in answer.text
    assert len(answer.citations) == 1
    assert answer.citations[0].place == "CN"
    assert answer.checks.count("repaired") >= 1


def test_an_invented_name_is_marked(retriever: LexicalRetriever) -> None:
    answer = answered(retriever, f"{TRUE} It is called “Moon aluminium, lunar smelter” [1].")
    assert "not found in the records" in answer.text
    assert answer.checks.verdict == "doubtful"


def test_streamed_pieces_are_checked_before_they_leave(retriever: LexicalRetriever) -> None:
    lie = f"{TRUE} It also emits 77.7 kg of xenon per kg [1]. The anodes are prebaked [1]."
    with serve(Script(lie, chunk=4)) as url:
        *pieces, last = Answerer(retriever, RemoteModel(url, "liar")).stream(QUESTION)
    assert isinstance(last, Answer)
    shown = "".join(piece for piece in pieces if isinstance(piece, str))
    assert "77.7" not in shown
    assert len(pieces) >= 2
    assert shown == last.text


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("status", "status 503"),
        ("stall", "no word for"),
        ("drop", "ended before the answer did"),
        ("damaged", "damaged piece"),
        ("error", "out of memory"),
        ("no choices", "without choices"),
        ("no text", "no text"),
    ],
)
def test_trouble_is_one_clear_sentence(
    retriever: LexicalRetriever, trouble: str, words: str
) -> None:
    with serve(Script(TRUE, trouble=trouble)) as url:
        answerer = Answerer(retriever, RemoteModel(url, "liar", timeout=0.4))
        with pytest.raises(AnswerError, match=words):
            answerer.ask(QUESTION)


def test_comments_in_the_stream_are_no_trouble(retriever: LexicalRetriever) -> None:
    with serve(Script(TRUE, trouble="comment")) as url:
        assert Answerer(retriever, RemoteModel(url, "liar")).ask(QUESTION).text == TRUE


def test_whole_answers_and_their_failures() -> None:
    with serve(Script("hello")) as url:
        assert RemoteModel(url, "m").complete([]) == "hello"
    with serve(Script("")) as url, pytest.raises(AnswerError, match="empty"):
        RemoteModel(url, "m").complete([])
    with (
        serve(Script(trouble="html")) as url,
        pytest.raises(AnswerError, match="no chat completion"),
    ):
        RemoteModel(url, "m").complete([])
    with pytest.raises(AnswerError, match="no server answers"):
        RemoteModel("http://127.0.0.1:9/v1", "m", timeout=2).complete([])


def test_without_a_fitting_record_no_model_is_asked(retriever: LexicalRetriever) -> None:
    script = Script("It takes 5 kWh [1].")
    with serve(script) as url:
        answer = Answerer(retriever, RemoteModel(url, "liar")).ask("Water of avocados per kg?")
    assert answer.abstained
    assert script.seen == []


@pytest.mark.parametrize(
    ("spec", "base", "model"),
    [
        ("http://localhost:11434/v1/llama3", "http://localhost:11434/v1", "llama3"),
        ("http://h:1/v1/org/model", "http://h:1/v1", "org/model"),
        ("http://h:1/v1#org/model", "http://h:1/v1", "org/model"),
        ("https://h/openai/m", "https://h/openai", "m"),
    ],
)
def test_model_specs(spec: str, base: str, model: str) -> None:
    found = load_llm(spec)
    assert (found.base_url, found.model) == (base, model)


def test_a_spec_without_model_is_refused() -> None:
    for spec in ("llama3", "http://localhost:11434/v1/", "ftp://x/v1/m"):
        with pytest.raises(AnswerError, match="BASE_URL/MODEL"):
            load_llm(spec)


def test_records_are_data_in_the_prompt(retriever: LexicalRetriever) -> None:
    record = retriever.search("primary aluminium China", k=1, kind="process")[0].record
    system, user = messages("Q?", [record], budget=3000)
    assert "to be ignored" in system["content"]
    assert record.uuid in user["content"]
    one, other = (messages("Q?", [record])[1]["content"][:40] for _ in range(2))
    assert one != other, "the marker must not be guessable"


def test_evidence_keeps_to_its_budget(retriever: LexicalRetriever) -> None:
    records = [hit.record for hit in retriever.search("steel aluminium cement", k=5)]
    for budget in (200, 800, 4000):
        assert sum(map(estimate, assemble(records, budget=budget))) <= budget * 1.2 + 60


class Remote:
    """A model somewhere else that keeps what it is sent."""

    name = "somewhere"
    base_url = "https://llm.example/v1"

    def __init__(self) -> None:
        self.sent: list[str] = []

    def complete(self, messages: Sequence[Message]) -> str:
        return "".join(self.stream(messages))

    def stream(self, messages: Sequence[Message]) -> Iterator[str]:
        self.sent.append(json.dumps(messages, ensure_ascii=False))
        yield TRUE


@pytest.mark.parametrize("level", ["restricted", "internal"])
def test_nothing_restricted_reaches_a_remote_model(retriever: LexicalRetriever, level: str) -> None:
    policy = Policy(rules={"demo": Rule(level=level)})  # type: ignore[arg-type]
    model = Remote()
    answer = Answerer(retriever, model, policy=policy).ask(QUESTION)
    assert model.sent == []
    if level == "internal":
        assert "13540 kWh" in answer.text
        assert any("Nothing was sent" in note for note in answer.notes)
    else:
        assert "13540" not in repr(answer)
        assert any("licence or right" in note for note in answer.notes)


def test_what_leaves_is_noted(retriever: LexicalRetriever, tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    model = Remote()
    answer = Answerer(retriever, model, audit=AuditLog(log)).ask(QUESTION)
    assert answer.text == TRUE
    (line,) = map(json.loads, log.read_text().splitlines())
    assert line["destination"] == "https://llm.example/v1"
    assert answer.citations[0].id in line["records"]
    assert "13540" not in log.read_text()


def test_without_a_note_nothing_leaves(retriever: LexicalRetriever, tmp_path: Path) -> None:
    model = Remote()
    answerer = Answerer(retriever, model, audit=AuditLog(tmp_path / "no" / "audit.jsonl"))
    with pytest.raises(AccessError, match="cannot be written"):
        answerer.ask(QUESTION)
    assert model.sent == []


def test_restricted_parts_stay_away_from_a_local_model_too(retriever: LexicalRetriever) -> None:
    policy = Policy(rules={"demo": Rule(level="restricted")})
    script = Script("It is there [1].")
    with serve(script) as url:
        Answerer(retriever, RemoteModel(url, "m"), policy=policy).ask(QUESTION)
    assert "13540" not in json.dumps(script.seen)


def test_policies_are_read_and_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text('{"databases": {"a": {"level": "restricted", "allowed": ["name"]}}}')
    assert Policy.load(path).rules["a"].allowed == {"name"}
    for text in (
        "{}",
        "[",
        '{"databases": {"a": {"level": "secret"}}}',
        '{"databases": {"a": {"level": "open", "allowed": ["x"]}}}',
        '{"databases": {"a": {"level": "restricted", "alowed": []}}}',
        '{"databases": {}, "trusted_host": []}',
        '{"databases": {"a": "restricted"}}',
        "[]",
    ):
        path.write_text(text)
        with pytest.raises(AccessError):
            Policy.load(path)


def test_levels_follow_what_records_state(retriever: LexicalRetriever) -> None:
    record: Record = retriever.records[0]
    assert Policy().level(record) == "open"
    from dataclasses import replace

    silent = replace(
        record, licence=replace(record.licence, type=None, restrictions=record.synonyms)
    )
    assert Policy().level(silent) == "internal"
