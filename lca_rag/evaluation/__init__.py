"""Evaluation: what to ask, what is relevant, how systems compare.

from lca_rag.evaluation import Bm25System, EncoderSystem, evaluate, read_queries
report = evaluate([Bm25System(texts), EncoderSystem(encoder, texts)], read_queries(path))
report.write(Path("report"))
"""

from __future__ import annotations

from lca_rag.evaluation.benchmark import Query, qrels, read_queries, write_queries
from lca_rag.evaluation.measures import Qrels, Run, all_measures, measure
from lca_rag.evaluation.relevance import duplicate_groups, group_qrels
from lca_rag.evaluation.report import Figure, Report, Result, evaluate
from lca_rag.evaluation.splits import (
    Split,
    database_split,
    document_split,
    in_calibration_fold,
    row_split,
)
from lca_rag.evaluation.systems import (
    Bm25System,
    EncoderSystem,
    FusedSystem,
    SearchSystem,
    System,
)

__all__ = [
    "Bm25System",
    "EncoderSystem",
    "Figure",
    "FusedSystem",
    "Qrels",
    "Query",
    "Report",
    "Result",
    "Run",
    "SearchSystem",
    "Split",
    "System",
    "all_measures",
    "database_split",
    "document_split",
    "duplicate_groups",
    "evaluate",
    "group_qrels",
    "in_calibration_fold",
    "measure",
    "qrels",
    "read_queries",
    "row_split",
    "write_queries",
]
