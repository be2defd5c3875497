"""The doctor: each fault has a route that has it, and is named with the line that mends it."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from lca_rag.encoders.doctor import (
    GROUP,
    PROBES,
    Diagnosis,
    EncoderRoute,
    Subject,
    core_routes,
    diagnose,
    installed_routes,
)
from lca_rag.encoders.local import SentenceEncoder
from tests.tiny_models import QUERY_PROMPT, make_qwen3

LENGTH = 200
Encode = Callable[[str], np.ndarray]


@dataclass
class Scripted:
    """A route made of two functions."""

    query: Encode
    document: Encode
    name: str = "scripted"
    mends: Mapping[str, str] = field(default_factory=dict[str, str])

    def embed_query(self, text: str) -> Sequence[float]:
        vector: list[float] = self.query(text).tolist()
        return vector

    def embed_documents(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        return [self.document(text).tolist() for text in texts]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_qwen3(tmp_path_factory.mktemp("doctor") / "model", max_seq_length=LENGTH)


@pytest.fixture(scope="module")
def right(folder: Path) -> SentenceEncoder:
    return SentenceEncoder.load(folder, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def bare(folder: Path) -> Encode:
    """sentence-transformers as it comes, without any prompt."""
    return model_of(folder)


def model_of(folder: Path, *, length: int = LENGTH) -> Encode:
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    model.max_seq_length = length
    return lambda text: np.asarray(model.encode(text, normalize_embeddings=True))


def prompted(encode: Encode) -> Encode:
    return lambda text: encode(QUERY_PROMPT + text)


def look(folder: Path, query: Encode, document: Encode) -> Diagnosis:
    return diagnose(Subject(folder=folder), [Scripted(query, document)])


def faults(diagnosis: Diagnosis) -> set[str]:
    return {finding.fault for report in diagnosis.routes for finding in report.findings}


def test_the_packages_own_route_is_sound(folder: Path) -> None:
    diagnosis = diagnose(Subject(folder=folder), core_routes(Subject(folder=folder)))
    assert diagnosis.healthy, diagnosis.lines()
    (report,) = diagnosis.routes
    assert report.route == "lca_rag SentenceEncoder"
    assert list(report.cosines["query"]) == list(PROBES) == list(report.cosines["document"])
    assert min(report.cosines["query"].values()) > 0.998


def test_right_vectors_have_no_fault(folder: Path, bare: Encode) -> None:
    diagnosis = look(folder, prompted(bare), bare)
    assert diagnosis.healthy, diagnosis.lines()
    assert all(cosine > 0.99999 for cosine in diagnosis.routes[0].cosines["document"].values())


def test_prompt_missing_on_queries(folder: Path, bare: Encode) -> None:
    assert faults(look(folder, bare, bare)) == {"prompt missing on queries"}


def test_prompt_on_documents(folder: Path, bare: Encode) -> None:
    assert faults(look(folder, prompted(bare), prompted(bare))) == {"prompt on documents"}


def test_a_blank_between_prompt_and_text(folder: Path, bare: Encode) -> None:
    spaced = lambda text: bare(f"{QUERY_PROMPT} {text}".strip())  # noqa: E731
    assert faults(look(folder, spaced, bare)) == {"blank between prompt and text on queries"}


def test_newlines_flattened(folder: Path, bare: Encode) -> None:
    flat = lambda text: bare(text.replace("\n", " "))  # noqa: E731
    assert faults(look(folder, prompted(bare), flat)) == {"newlines flattened"}


def test_two_faults_at_once(folder: Path, bare: Encode) -> None:
    flat = lambda text: bare(text.replace("\n", " "))  # noqa: E731
    diagnosis = look(folder, flat, flat)
    assert faults(diagnosis) == {"prompt missing on queries", "newlines flattened"}


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_wrong_pooling(folder: Path, tmp_path: Path, pooling: str) -> None:
    other = make_qwen3(tmp_path / "other", pooling=pooling, max_seq_length=LENGTH)
    wrong = model_of(other)
    assert faults(look(folder, prompted(wrong), wrong)) == {"wrong pooling"}


def test_not_normalised(folder: Path, bare: Encode) -> None:
    assert faults(look(folder, lambda text: prompted(bare)(text) * 3, bare)) == {"not normalised"}


def test_end_token_lost(folder: Path, tmp_path: Path, bare: Encode) -> None:
    without = model_of(make_qwen3(tmp_path / "none", end="none", max_seq_length=LENGTH))
    pad_empty = lambda text: without(text) if text else bare(text)  # noqa: E731  # nothing to pool
    assert faults(look(folder, prompted(without), pad_empty)) == {"end token lost"}


def test_end_token_lost_when_a_text_is_cut(tmp_path: Path) -> None:
    folder = make_qwen3(tmp_path / "text", end="text", max_seq_length=LENGTH)
    loses = model_of(folder)  # cuts the appended end token off; ours mends that
    ours = SentenceEncoder.load(folder, device="cpu", precision="float32")
    # Without a token in an empty text sentence-transformers fails, which is not what is tested.
    document = lambda text: loses(text) if text else ours.encode_documents([""])[0]  # noqa: E731
    diagnosis = look(folder, prompted(loses), document)
    assert faults(diagnosis) == {"end token lost"}
    assert "when a text is cut" in diagnosis.routes[0].findings[0].detail


def test_truncation_differs(folder: Path, bare: Encode) -> None:
    long = model_of(folder, length=256)
    diagnosis = look(folder, prompted(bare), long)
    assert faults(diagnosis) == {"truncation differs"}
    (finding,) = diagnosis.routes[0].findings
    assert finding.detail == "document: cut after 256 tokens, not 200"


def test_dimension_cut(folder: Path, bare: Encode) -> None:
    def cut(text: str) -> np.ndarray:
        head = bare(text)[:32]
        return np.asarray(head / np.linalg.norm(head))

    assert faults(look(folder, prompted(bare), cut)) == {"dimension cut"}


def test_another_model_is_no_known_mistake(folder: Path, tmp_path: Path, bare: Encode) -> None:
    other = model_of(make_qwen3(tmp_path / "other", seed=1, max_seq_length=LENGTH))
    assert faults(look(folder, prompted(bare), other)) == {"unknown difference"}


def test_a_route_that_fails_is_shown(folder: Path, bare: Encode) -> None:
    def refuses_empty(text: str) -> np.ndarray:
        if not text:
            raise RuntimeError("input must not be empty")
        return bare(text)

    diagnosis = look(folder, prompted(bare), refuses_empty)
    (finding,) = diagnosis.routes[0].findings
    assert finding.fault == "fails"
    assert finding.detail == "document, empty: RuntimeError: input must not be empty"
    assert "empty" not in diagnosis.routes[0].cosines["document"]


def test_the_report(folder: Path, bare: Encode) -> None:
    route = Scripted(bare, bare, mends={"prompt missing on queries": "pass prompt_name='query'"})
    diagnosis = diagnose(Subject(folder=folder), [route])
    lines = diagnosis.lines()
    assert "scripted: DIFFERS" in lines
    assert any(line.startswith("  fault: prompt missing on queries (query: ") for line in lines)
    assert "  mend:  pass prompt_name='query'" in lines
    data = json.loads(json.dumps(diagnosis.to_json()))
    assert data["healthy"] is False
    assert data["routes"][0]["findings"][0]["mend"] == "pass prompt_name='query'"


def test_routes_of_installed_distributions(
    folder: Path, monkeypatch: pytest.MonkeyPatch, right: SentenceEncoder
) -> None:
    class Point:
        def __init__(self, name: str, maker: object) -> None:
            self.name, self.value, self.maker = name, f"somewhere:{name}", maker

        def load(self) -> object:
            if isinstance(self.maker, Exception):
                raise self.maker
            return self.maker

    points = [
        Point("adapter", lambda _: [EncoderRoute("theirs", right)]),
        Point("core", core_routes),
    ]

    def found(*, group: str) -> list[Point]:
        assert group == GROUP
        return points

    monkeypatch.setattr("lca_rag.encoders.doctor.entry_points", found)
    subject = Subject(folder=folder)
    assert [route.name for route in installed_routes(subject)] == [
        "lca_rag SentenceEncoder",
        "theirs",
    ]
    points += [
        Point("broken", ImportError("no host")),
        Point("older", AttributeError("no such class")),
    ]
    sound, _, broken, older = diagnose(subject).routes
    assert "AttributeError: no such class" in older.lines()[1]
    assert sound.healthy
    assert broken.route == "routes of somewhere:broken"
    assert broken.lines() == [
        "routes of somewhere:broken: DIFFERS",
        "  fault: fails (query, newlines: ImportError: no host)",
        "  mend:  mend or uninstall the distribution of somewhere:broken",
    ]


def test_each_route_is_told_when_it_is_done(folder: Path, bare: Encode) -> None:
    told: list[str] = []
    routes = (Scripted(prompted(bare), bare, name=name) for name in ("first", "second"))
    diagnose(
        Subject(folder=folder),
        routes,
        step=lambda what: told.append(f"step {what}"),
        done=lambda report: told.append(f"done {report.route}"),
    )
    assert told == [
        "step the model itself",
        "step first",
        "done first",
        "step second",
        "done second",
    ]


def test_routes_are_not_heard(
    folder: Path,
    right: SentenceEncoder,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def talks(text: str) -> np.ndarray:
        logging.getLogger("sentence_transformers").warning("look at me")
        warnings.warn("look at me", stacklevel=1)
        model_of(folder)  # draws a bar for its weights
        return np.asarray(right.encode_documents([text])[0])

    before = logging.getLogger("sentence_transformers").level
    fresh = EncoderRoute("ours", SentenceEncoder(folder, device="cpu", precision="float32"))
    diagnose(Subject(folder=folder), [fresh, Scripted(talks, talks)])
    assert caplog.messages == [], "the over-long probe is cut on purpose"
    assert capsys.readouterr() == ("", "")
    assert logging.getLogger("sentence_transformers").level == before
