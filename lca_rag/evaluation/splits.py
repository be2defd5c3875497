"""Which queries and records train, which calibrate, which test; fixed by seed or by hash."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from lca_rag.errors import QueryError
from lca_rag.evaluation.benchmark import Query

CARD_SEED = 520
"""Seed of the model card's split."""


def in_calibration_fold(uuid: str) -> bool:
    """Whether a record is of the fixed tenth that no encoder trains on.

    It serves to fit fusion weights, rankers and thresholds. Decided by the hash of the UUID alone,
    so that it is the same in every benchmark and every process.
    """
    return int(hashlib.sha256(uuid.encode()).hexdigest()[:8], 16) % 10 == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Queries to train on, queries to test, and the records that are searched in the test."""

    name: str
    train: tuple[Query, ...]
    test: tuple[Query, ...]
    corpus: tuple[str, ...]
    """Ids of records, in the order of the database."""

    def statistics(self) -> dict[str, int]:
        """Sizes, and how many tested records have a query in training."""
        trained = {query.record for query in self.train}
        tested = {query.record for query in self.test}
        return {
            "train queries": len(self.train),
            "train records": len(trained),
            "test queries": len(self.test),
            "test records": len(tested),
            "test records seen in training": len(tested & trained),
            "corpus": len(self.corpus),
        }


def row_split(
    queries: Sequence[Query],
    records: Sequence[str],
    *,
    corpus_size: int | None = None,
    share: float = 0.1,
    seed: int = CARD_SEED,
) -> Split:
    """The model card's protocol: a random tenth of the rows is tested.

    A tested record has been seen in training through its other queries. The corpus holds every
    record that has a query, filled up with others, drawn by the seed, to `corpus_size`.
    """
    order = list(queries)
    random.Random(seed).shuffle(order)  # noqa: S311
    held = round(len(order) * share)
    if not 0 < held < len(order):
        raise QueryError(f"a share of {share} of {len(order)} queries leaves nothing on one side")
    asked = {query.record for query in queries}
    corpus = _corpus(asked, records, corpus_size, seed)
    return Split(name="row", train=tuple(order[held:]), test=tuple(order[:held]), corpus=corpus)


def document_split(
    queries: Sequence[Query],
    records: Sequence[str],
    *,
    corpus_size: int | None = None,
    share: float = 0.1,
    seed: int = CARD_SEED,
) -> Split:
    """A random tenth of the records is tested; none of their queries is trained on."""
    asked = sorted({query.record for query in queries})
    held = set(random.Random(seed).sample(asked, round(len(asked) * share)))  # noqa: S311
    if not 0 < len(held) < len(asked):
        raise QueryError(f"a share of {share} of {len(asked)} records leaves nothing on one side")
    return _held_out("document", queries, held, records, corpus_size, seed)


def database_split(
    queries: Sequence[Query],
    databases: Mapping[str, str],
    held_out: str,
    *,
    corpus_size: int | None = None,
    seed: int = CARD_SEED,
) -> Split:
    """All records of one database are tested, those of the others are trained on.

    Args:
        queries: Queries over every database.
        databases: Database by record id.
        held_out: The database to test.
        corpus_size: Records to search; `None` for all of the tested database.
        seed: Seed that draws the corpus.
    """
    tested = {record for record, database in databases.items() if database == held_out}
    if not tested:
        known = ", ".join(sorted(set(databases.values())))
        raise QueryError(f"no record of database {held_out!r}; there are {known}")
    return _held_out("database", queries, tested, sorted(tested), corpus_size, seed)


def _held_out(
    name: str,
    queries: Sequence[Query],
    held: Collection[str],
    records: Sequence[str],
    corpus_size: int | None,
    seed: int,
) -> Split:
    test = tuple(query for query in queries if query.record in held)
    return Split(
        name=name,
        train=tuple(query for query in queries if query.record not in held),
        test=test,
        corpus=_corpus({query.record for query in test}, records, corpus_size, seed),
    )


def _corpus(
    needed: Collection[str], records: Sequence[str], size: int | None, seed: int
) -> tuple[str, ...]:
    """`needed` and as many other records as make `size`, in the order of `records`."""
    missing = sorted(set(needed) - set(records))
    if missing:
        raise QueryError(f"{len(missing)} records with queries are not there, as {missing[0]!r}")
    if size is None:
        return tuple(records)
    others = [record for record in records if record not in needed]
    extra = size - len(set(needed))
    if not 0 <= extra <= len(others):
        raise QueryError(
            f"a corpus of {size} cannot be made: {len(set(needed))} records have queries and "
            f"{len(others)} others are there"
        )
    chosen = set(needed) | set(random.Random(seed).sample(others, extra))  # noqa: S311
    return tuple(record for record in records if record in chosen)
