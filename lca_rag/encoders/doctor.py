"""Do all routes to a model give the same vectors, and if not, which mistake explains it?

A route is any way from a text to a vector: this package, a host framework, an endpoint. Other
distributions add theirs through the entry-point group `lca_rag.routes`: a function from a `Subject`
to routes. Each route embeds a fixed set of texts; what comes back is compared with the model itself
in float32, and where it differs, with the vectors that known mistakes would give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

import numpy as np

from lca_rag.encoders.faults import SAME, Reference, Role, cosine, explain
from lca_rag.encoders.files import read_prompts
from lca_rag.encoders.local import FloatArray, SentenceEncoder
from lca_rag.encoders.remote import RemoteEncoder
from lca_rag.errors import EncoderError, LcaRagError

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
        result = [f"reference: {self.model} in float32"]
        for report in self.routes:
            result.append(f"{report.route}: {'same vectors' if report.healthy else 'DIFFERS'}")
            for role, cosines in report.cosines.items():
                shown = ", ".join(f"{probe} {value:.4f}" for probe, value in cosines.items())
                result.append(f"  {role}: cosine to the reference: {shown}")
            for finding in report.findings:
                result.append(f"  fault: {finding.fault} ({finding.detail})")
                result.append(f"  mend:  {finding.mend}")
        return result


def installed_routes(subject: Subject) -> list[Route]:
    """Every route that an installed distribution offers.

    Raises:
        EncoderError: If one cannot be made; it says which.
    """
    routes: list[Route] = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name != "core"):
        try:
            maker: RouteMaker = point.load()
            routes.extend(maker(subject))
        except (LcaRagError, ImportError, ValueError, OSError) as error:
            raise EncoderError(f"the routes of {point.value} cannot be made: {error}") from error
    return routes


def diagnose(subject: Subject, routes: Iterable[Route] | None = None) -> Diagnosis:
    """Compare routes with the model itself.

    Args:
        subject: The model.
        routes: What to compare; by default every installed route.

    Raises:
        EncoderError: If the model itself cannot be read.
    """
    reference = Reference.load(
        subject.folder, query_prompt=subject.query_prompt, max_length=subject.max_length
    )
    probes = {**PROBES, "over-long": "steel, hot rolled; " * reference.max_length}
    if not reference.takes_nothing():
        del probes["empty"]
    chosen = installed_routes(subject) if routes is None else routes
    reports = tuple(_examine(route, reference, probes) for route in chosen)
    return Diagnosis(str(subject.folder), reports)


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
