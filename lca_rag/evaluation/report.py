"""`evaluate` and what it returns."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lca_rag.errors import QueryError
from lca_rag.evaluation.benchmark import Query
from lca_rag.evaluation.benchmark import qrels as exact_qrels
from lca_rag.evaluation.measures import Qrels, Run, all_measures, measure
from lca_rag.evaluation.relevance import group_qrels
from lca_rag.evaluation.statistics import gain_interval, interval, paired_p
from lca_rag.evaluation.systems import System

DEPTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One mean with what is known about it."""

    value: float
    interval: tuple[float, float]
    """95 % bootstrap interval."""
    gain: float | None = None
    """Relative gain over the first system, or `None` for itself and where that has zero."""
    gain_interval: tuple[float, float] | None = None
    p: float | None = None
    """Paired randomisation test against the first system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One system under one scheme of relevance."""

    system: str
    scheme: str
    """`"exact"` or `"group"`."""
    values: Mapping[str, NDArray[np.float64]]
    """Per measure, one value per query in the order of the report's queries."""
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All systems of a comparison, the first one being what the others are compared with."""

    name: str
    queries: tuple[Query, ...]
    corpus: int | None
    results: tuple[Result, ...]
    runs: Mapping[str, Run]
    seconds: Mapping[str, float]
    not_run: Mapping[str, str] = field(default_factory=dict[str, str])
    """Systems that could not run, with the reason; they get no number."""

    @property
    def systems(self) -> tuple[str, ...]:
        """Names, in the order of the comparison."""
        return tuple(dict.fromkeys(result.system for result in self.results))

    @property
    def schemes(self) -> tuple[str, ...]:
        """Schemes of relevance that were scored."""
        return tuple(dict.fromkeys(result.scheme for result in self.results))

    def result(self, system: str, scheme: str = "exact") -> Result:
        """The result of one system.

        Raises:
            QueryError: If there is none.
        """
        for result in self.results:
            if (result.system, result.scheme) == (system, scheme):
                return result
        raise QueryError(f"no result of {system!r} ({scheme}); there are {', '.join(self.systems)}")

    def figure(self, system: str, measured: str, scheme: str = "exact") -> Figure:
        """One figure, as `report.figure("mini", "NDCG@10")`."""
        return self.result(system, scheme).figures[measured]

    @property
    def headline(self) -> str:
        """The measure that is broken down by type of query: NDCG@10, or the first there is."""
        figures = self.results[0].figures
        return "NDCG@10" if "NDCG@10" in figures else next(iter(figures))

    def by_type(self, scheme: str = "exact") -> dict[str, dict[str, float]]:
        """Mean of the headline measure per system and type of query."""
        types = np.array([query.type for query in self.queries])
        names = sorted(set(types.tolist()))
        return {
            system: {
                name: float(self.result(system, scheme).values[self.headline][types == name].mean())
                for name in names
            }
            for system in self.systems
        }

    def to_json(self) -> str:
        """Everything but the runs and the values per query."""
        return json.dumps(
            {
                "name": self.name,
                "queries": len(self.queries),
                "corpus": self.corpus,
                "systems": [_as_json(result) for result in self.results],
                "seconds": dict(self.seconds),
                "by_type": {scheme: self.by_type(scheme=scheme) for scheme in self.schemes},
                "not_run": dict(self.not_run),
            },
            ensure_ascii=False,
            indent=2,
        )

    def write(self, directory: Path, *, plots: bool = True) -> None:
        """Write `report.json`, `report.md`, one TREC run per system, the qrels, and plots."""
        from lca_rag.evaluation.tables import markdown
        from lca_rag.evaluation.trec import write_qrels, write_run

        directory.mkdir(parents=True, exist_ok=True)
        (directory / "report.json").write_text(self.to_json() + "\n", "utf-8")
        for system, run in self.runs.items():
            write_run(run, directory / "runs", system)
        write_qrels(exact_qrels(self.queries), directory / "qrels.txt")
        pictures: Sequence[Path] = ()
        if plots:
            from lca_rag.evaluation.plots import draw

            pictures = draw(self, directory)
        (directory / "report.md").write_text(markdown(self, pictures), "utf-8")


def evaluate(
    systems: Iterable[System],
    queries: Sequence[Query],
    qrels: Qrels | None = None,
    *,
    groups: Mapping[str, str] | None = None,
    name: str = "benchmark",
    measures: Sequence[str] = all_measures(),
    depth: int = DEPTH,
    corpus: int | None = None,
    not_run: Mapping[str, str] | None = None,
) -> Report:
    """Let every system answer every query, and measure the rankings.

    Args:
        systems: What to compare; gains and tests are against the first one.
        queries: The questions.
        qrels: Gains by query and record; by default each query's own record is relevant.
        groups: Group of every record (see `duplicate_groups`); if given, everything is scored a
            second time with all records of a relevant record's group as relevant.
        name: Name of the benchmark, for the report.
        measures: Measures to calculate.
        depth: Hits asked for per query.
        corpus: Number of records searched, for the report.
        not_run: Systems that could not run, and why; the tables say so.

    Raises:
        QueryError: If there is no system or no query, or two systems have one name.
    """
    asked = tuple(queries)
    runs: dict[str, Run] = {}
    seconds: dict[str, float] = {}
    for system in systems:
        if system.name in runs:
            raise QueryError(f"two systems are called {system.name!r}; give each a name of its own")
        started = time.perf_counter()
        runs[system.name] = system.run(asked, depth)
        seconds[system.name] = time.perf_counter() - started
    if not runs or not asked:
        raise QueryError("nothing to compare; give at least one system and one query")
    judged: dict[str, Qrels] = {"exact": exact_qrels(asked) if qrels is None else qrels}
    if groups is not None:
        judged["group"] = group_qrels(judged["exact"], groups)
    results = [
        result
        for scheme, relevant in judged.items()
        for result in _results(runs, relevant, scheme, measures, [query.id for query in asked])
    ]
    return Report(
        name=name,
        queries=asked,
        corpus=corpus,
        results=tuple(results),
        runs=runs,
        seconds=seconds,
        not_run=dict(not_run or {}),
    )


def _results(
    runs: Mapping[str, Run],
    relevant: Qrels,
    scheme: str,
    measures: Sequence[str],
    order: Sequence[str],
) -> Iterable[Result]:
    missing = sorted(set(order) - set(relevant))
    if missing:
        raise QueryError(f"query {missing[0]!r} has no judgement")
    judged = {query: relevant[query] for query in order}
    first: Mapping[str, NDArray[np.float64]] | None = None
    for system, run in runs.items():
        values = measure(run, judged, measures)
        figures = {name: _figure(values[name], first[name] if first else None) for name in measures}
        yield Result(system=system, scheme=scheme, values=values, figures=figures)
        first = first or values


def _figure(values: NDArray[np.float64], first: NDArray[np.float64] | None) -> Figure:
    value = float(values.mean())
    if first is None:
        return Figure(value=value, interval=interval(values))
    start = float(first.mean())
    return Figure(
        value=value,
        interval=interval(values),
        gain=value / start - 1.0 if start > 0 else None,
        gain_interval=gain_interval(values, first),
        p=paired_p(values, first),
    )


def _as_json(result: Result) -> dict[str, object]:
    figures = {
        name: {
            "value": figure.value,
            "interval": figure.interval,
            "gain": figure.gain,
            "gain_interval": figure.gain_interval,
            "p": figure.p,
        }
        for name, figure in result.figures.items()
    }
    return {"system": result.system, "relevance": result.scheme, "measures": figures}
