"""Runs and judgements in the format of trec_eval, so that others can measure them again."""

from __future__ import annotations

import re
from pathlib import Path

from lca_rag.errors import ReadError
from lca_rag.evaluation.measures import Qrels, Run


def write_run(run: Run, directory: Path, system: str) -> Path:
    """Write `query Q0 record rank score system` lines; the path of the file."""
    directory.mkdir(parents=True, exist_ok=True)
    tag = re.sub(r"[^\w.+-]+", "_", system).strip("_")
    path = directory / f"{tag}.run"
    with path.open("w", encoding="utf-8") as out:
        for query, hits in run.items():
            for rank, (record, score) in enumerate(hits, start=1):
                out.write(f"{query} Q0 {record} {rank} {score:.9g} {tag}\n")
    return path


def read_run(path: Path) -> dict[str, list[tuple[str, float]]]:
    """A run that `write_run` (or any TREC participant) wrote, in the order of its ranks.

    Raises:
        ReadError: If a line has not the six columns of the format.
    """
    ranked: dict[str, list[tuple[int, str, float]]] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        columns = line.split()
        if len(columns) != 6:
            raise ReadError(f"{path}:{number}: expected six columns of a TREC run", path=str(path))
        query, _, record, rank, score, _ = columns
        ranked.setdefault(query, []).append((int(rank), record, float(score)))
    return {
        query: [(record, score) for _, record, score in sorted(hits)]
        for query, hits in ranked.items()
    }


def write_qrels(qrels: Qrels, path: Path) -> None:
    """Write `query 0 record gain` lines."""
    lines = [
        f"{query} 0 {record} {gain}"
        for query, gains in qrels.items()
        for record, gain in gains.items()
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")
