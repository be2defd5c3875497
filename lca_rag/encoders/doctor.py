"""Do all routes to a model give the same vectors, and if not, which mistake explains it?

A route is any way from a text to a vector: this package, a host framework, an endpoint. Other
distributions add theirs through the entry-point group `lca_rag.routes`: a function from a `Subject`
to routes. Each route embeds a fixed set of texts; what comes back is compared with the model itself
in float32, and where it differs, with the vectors that known mistakes would give.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

import numpy as np

from lca_rag.encoders.faults import SAME, Reference, Role, cosine, explain
from lca_rag.encoders.files import read_prompts
from lca_rag.encoders.local import FloatArray, SentenceEncoder
from lca_rag.encoders.remote import RemoteEncoder

__all__ = [
    "GROUP",
    "PROBES",
    "Diagnosis",
    "EncoderRoute",
    "Finding",
    "Route",
    "RouteReport",
    "Subject",
    "core_routes",
    "diagnose",
    "installed_routes",
]

GROUP = "lca_rag.routes"
PROBES: dict[str, str] = {
    "newlines": "electricity, high voltage\nproduction mix\n\nChina",
    "chinese": "低合金钢生产\n转炉，中国",
    "one token": "a",
    "over-long": "",  # made for each model, longer than it can take
    "empty": "",
}
"""Texts by what is special about them."""


class Route(Protocol):
    """A way from text to vectors, as an application would use it."""

    @property
    def name(self) -> str:
        """What the route is called in a report."""
        ...

    @property
    def mends(self) -> Mapping[str, str]:
        """The line that mends a fault of this route, by the fault's name."""
        ...

    def embed_query(self, text: str) -> Sequence[float]:
        """The vector of a question."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """The vectors of documents."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The model that is examined, ready on this machine."""

    folder: Path
    query_prompt: str | None = None
    """Given by the user, or `None` for the model's own."""
    max_length: int = 1024
    endpoints: tuple[str, ...] = ()
    """Remote routes to the same model, as "http(s)://host/v1#model"."""


RouteMaker = Callable[[Subject], Iterable[Route]]


@dataclass(frozen=True, slots=True)
class EncoderRoute:
    """An encoder of this package as a route."""

    name: str
    encoder: SentenceEncoder | RemoteEncoder
    mends: Mapping[str, str] = field(default_factory=dict[str, str])

    def embed_query(self, text: str) -> Sequence[float]:
        """The vector of a question."""
        return self.encoder.encode_queries([text])[0].tolist()  # type: ignore[no-any-return]

    def embed_documents(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """The vectors of documents."""
        return self.encoder.encode_documents(texts).tolist()  # type: ignore[no-any-return]


def core_routes(subject: Subject) -> Iterable[Route]:
    """The routes of this package: the model as applications load it, and its endpoints."""
    yield EncoderRoute(
        "lca_rag SentenceEncoder",
        SentenceEncoder(
            subject.folder, query_prompt=subject.query_prompt, max_length=subject.max_length
        ),
    )
    prompts, _ = read_prompts(subject.folder)
    prompt = subject.query_prompt if subject.query_prompt is not None else prompts.get("query")
    for endpoint in subject.endpoints:
        url, _, model = endpoint.partition("#")
        yield EncoderRoute(
            f"endpoint {endpoint}",
            RemoteEncoder(
                url, model, query_prompt=prompt, document_prompt=prompts.get("document", "")
            ),
            _ENDPOINT_MENDS,
        )


_ENDPOINT_MENDS = {
    "truncation differs": "start the server with the model's maximum length "
    "(vLLM: --max-model-len N; TEI: --max-batch-tokens N --auto-truncate)",
    "wrong pooling": "start the server with the model's pooling (TEI: --pooling last-token)",
    "prompt on documents": "switch off the server's default prompt (TEI: no --default-prompt)",
    "end token lost": "serve the model's own tokenizer.json, which adds the end token",
}
_MENDS = {
    "prompt missing on queries": "embed queries with SentenceEncoder.load(MODEL).encode_queries",
    "prompt on documents": "embed documents with SentenceEncoder.load(MODEL).encode_documents",
    "newlines flattened": "pass texts with their newlines: no text.replace('\\n', ' ')",
    "not normalised": "divide each vector by its length, or use normalize_embeddings=True",
    "dimension cut": "ask for all components: truncate_dim=None",
}
_MEND = "use SentenceEncoder.load(MODEL), or lca_rag's class for your framework"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a route and what mends it."""

    fault: str
    detail: str
    mend: str


@dataclass(frozen=True, slots=True)
class RouteReport:
    """What was seen of one route."""

    route: str
    cosines: dict[str, dict[str, float]]
    """By role and probe; a probe that the route failed on is left out."""
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """Whether the route gives the model's own vectors."""
        return not self.findings

    def lines(self) -> list[str]:
        """The report as text, one line for each role and for each fault."""
        result = [f"{self.route}: {'same vectors' if self.healthy else 'DIFFERS'}"]
        for role, cosines in self.cosines.items():
            shown = ", ".join(f"{probe} {value:.4f}" for probe, value in cosines.items())
            if shown:
                result.append(f"  {role}: cosine to the reference: {shown}")
        for finding in self.findings:
            result.append(f"  fault: {finding.fault} ({finding.detail})")
            result.append(f"  mend:  {finding.mend}")
        return result


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was seen of all routes to a model."""

    model: str
    routes: tuple[RouteReport, ...]

    @property
    def healthy(self) -> bool:
        """Whether every route gives the model's own vectors."""
        return all(report.healthy for report in self.routes)

    def to_json(self) -> dict[str, object]:
        """The diagnosis as JSON-able values."""
        routes = [{**asdict(report), "healthy": report.healthy} for report in self.routes]
        return {"model": self.model, "healthy": self.healthy, "routes": routes}

    def lines(self) -> list[str]:
        """The diagnosis as text, one line for each role of a route and for each fault."""
        head = f"reference: {self.model} in float32"
        return [head, *(line for report in self.routes for line in report.lines())]


@dataclass(frozen=True, slots=True)
class _Unmade:
    """Stands for routes that an installed distribution offers and cannot make."""

    name: str
    error: Exception
    mends: Mapping[str, str]

    def embed_query(self, text: str) -> Sequence[float]:
        raise self.error

    def embed_documents(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        raise self.error


def installed_routes(subject: Subject) -> Iterator[Route]:
    """Every route that an installed distribution offers, each made when it is asked for.

    One that cannot be made takes the place of its distribution's routes, and fails with the reason.
    """
    points = entry_points(group=GROUP)
    for point in sorted(points, key=lambda point: (point.name != "core", point.name)):
        try:
            maker: RouteMaker = point.load()
            yield from maker(subject)
        except Exception as error:  # a foreign distribution may raise anything; it is shown
            mend = f"mend or uninstall the distribution of {point.value}"
            yield _Unmade(f"routes of {point.value}", error, {"fails": mend})


def diagnose(
    subject: Subject,
    routes: Iterable[Route] | None = None,
    *,
    step: Callable[[str], None] | None = None,
    done: Callable[[RouteReport], None] | None = None,
) -> Diagnosis:
    """Compare routes with the model itself, one after the other; each is let go when it is done.

    Args:
        subject: The model.
        routes: What to compare; by default every installed route.
        step: Told what is worked on, before it is.
        done: Told of each route as soon as it was examined.

    Raises:
        EncoderError: If the model itself cannot be read.
    """
    step = step or _silent
    step("the model itself")
    reference = Reference.load(
        subject.folder, query_prompt=subject.query_prompt, max_length=subject.max_length
    )
    probes = {**PROBES, "over-long": "steel, hot rolled; " * reference.max_length}
    if not reference.takes_nothing():
        del probes["empty"]
    reports: list[RouteReport] = []
    with _quiet():
        for route in installed_routes(subject) if routes is None else routes:
            step(route.name)
            reports.append(_examine(route, reference, probes))
            if done is not None:
                done(reports[-1])
    return Diagnosis(str(subject.folder), tuple(reports))


def _silent(what: str) -> None:
    """For callers that want to hear nothing."""


@contextmanager
def _quiet() -> Iterator[None]:
    """No bars and no remarks of routes: a probe is over-long on purpose, and is cut by each."""
    from lca_rag.encoders.loading import no_bars

    loggers = [logging.getLogger(name) for name in _TALKERS]
    levels = [logger.level for logger in loggers]
    with no_bars(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


_TALKERS = ("lca_rag.encoders", "sentence_transformers", "transformers", "llama_index", "langchain")
"""Packages that log while they load a model or embed."""


def _examine(route: Route, reference: Reference, probes: Mapping[str, str]) -> RouteReport:
    """Embed the probes by one route, and explain what differs."""
    cosines: dict[str, dict[str, float]] = {}
    found: dict[str, str] = {}
    for role in _ROLES:
        vectors, failures = _embed(route, role, probes)
        for probe, failure in failures.items():
            found.setdefault("fails", f"{role}, {probe}: {failure}")
        vectors, shape_faults = _shaped(vectors, reference.fingerprint.dimension)
        found.update({fault: f"{role}: {detail}" for fault, detail in shape_faults.items()})
        cosines[role] = {
            probe: cosine(vector, reference.right(probes[probe], role))
            for probe, vector in vectors.items()
        }
        if any(value < SAME for value in cosines[role].values()):
            for fault, detail in explain(vectors, cosines[role], reference, role, probes).items():
                found.setdefault(fault, f"{role}: {detail}")
    findings = tuple(
        Finding(fault, detail, route.mends.get(fault) or _MENDS.get(fault, _MEND))
        for fault, detail in found.items()
    )
    return RouteReport(route.name, cosines, findings)


_ROLES: tuple[Role, ...] = ("query", "document")


def _embed(
    route: Route, role: Role, probes: Mapping[str, str]
) -> tuple[dict[str, FloatArray], dict[str, str]]:
    """Vectors by probe, and what the route says where it gives none."""
    vectors: dict[str, FloatArray] = {}
    failures: dict[str, str] = {}
    for probe, text in probes.items():
        try:
            row = route.embed_query(text) if role == "query" else route.embed_documents([text])[0]
            vectors[probe] = np.asarray(row, dtype=np.float32)
        except Exception as error:  # a foreign route may raise anything; it is shown
            failures[probe] = f"{type(error).__name__}: {str(error)[:200]}"
    return vectors, failures


def _shaped(
    vectors: Mapping[str, FloatArray], dimension: int
) -> tuple[dict[str, FloatArray], dict[str, str]]:
    """The vectors scaled to length one, and what is wrong with their shape."""
    faults: dict[str, str] = {}
    result: dict[str, FloatArray] = {}
    for probe, vector in vectors.items():
        length = float(np.linalg.norm(vector))
        if vector.shape != (dimension,):
            faults["dimension cut"] = f"{vector.shape} where the model gives {dimension}"
        if abs(length - 1.0) > 0.01:
            faults["not normalised"] = f"length {length:.3g} on {probe}"
        result[probe] = vector / length if length else vector
    return result, faults
