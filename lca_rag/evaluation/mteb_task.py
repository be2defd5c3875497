"""The benchmark as a retrieval task of `mteb`, so that any MTEB model can be run on it.

import mteb
task = retrieval_task("TianGongDev", queries, texts)
mteb.evaluate(mteb.get_model("intfloat/multilingual-e5-small"), task)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lca_rag.errors import MissingExtra
from lca_rag.evaluation.benchmark import Query
from lca_rag.evaluation.benchmark import qrels as exact_qrels
from lca_rag.evaluation.measures import Qrels


def retrieval_task(
    name: str,
    queries: Sequence[Query],
    texts: Mapping[str, str],
    *,
    qrels: Qrels | None = None,
    description: str = "Retrieval of life cycle assessment data sets.",
) -> Any:  # noqa: ANN401
    """A task object that needs no download.

    Args:
        name: Name of the task; letters and digits.
        queries: The questions.
        texts: Embedding text by record id.
        qrels: Gains; by default each query's own record.
        description: One sentence for MTEB's tables.

    Raises:
        MissingExtra: If mteb is not installed (it is in no extra of ours; `pip install mteb`).
    """
    try:
        from mteb.abstasks import AbsTaskRetrieval
        from mteb.abstasks.task_metadata import TaskMetadata
    except ImportError as exc:
        raise MissingExtra("eval", "an MTEB task (and the package mteb beside it)") from exc

    corpus = {record: {"title": "", "text": text} for record, text in texts.items()}
    asked = {query.id: query.text for query in queries}
    relevant = {query: dict(gains) for query, gains in (qrels or exact_qrels(queries)).items()}

    def load_data(self: Any, *_: object, **__: object) -> None:  # noqa: ANN401
        self.corpus = {"test": corpus}
        self.queries = {"test": asked}
        self.relevant_docs = {"test": relevant}
        self.data_loaded = True

    metadata = TaskMetadata(
        name=name,
        description=description,
        reference=None,
        dataset={"path": "local/" + name, "revision": "1"},
        type="Retrieval",
        category="t2t",
        modalities=["text"],
        eval_splits=["test"],
        eval_langs=["eng-Latn", "zho-Hans"],
        main_score="ndcg_at_10",
    )
    kind = type(name, (AbsTaskRetrieval,), {"metadata": metadata, "load_data": load_data})
    return kind()
