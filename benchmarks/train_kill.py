"""Train, kill a second training at a random step, resume it, and compare both on dev.

    python -m benchmarks.train_kill ../shared PAIRS BASE OUT [--seed 520] [ARGUMENTS OF train_run]

Prints the step of the kill, the logged losses of both runs and NDCG@10 on the 600 dev queries.
Fails if the two figures differ by more than 0.005, or if nothing was killed.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

from benchmarks.eval_tiangong import questions, tiangong
from lca_rag import embedding_text, load_encoder
from lca_rag.evaluation import EncoderSystem, duplicate_groups, evaluate

ALLOWED = 0.005
_STEP = re.compile(r"step (\d+)/(\d+) loss ([\d.]+)")


def run(words: list[str], kill_at: float | None) -> tuple[int | None, dict[int, float]]:
    """Train in a process of its own; kill it at that share of its steps.

    Returns:
        The step at which it was killed, and the logged losses.
    """
    losses: dict[int, float] = {}
    job = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.train_run", *words], stdout=subprocess.PIPE, text=True
    )
    assert job.stdout is not None
    for line in job.stdout:
        if found := _STEP.match(line):
            step, steps = int(found[1]), int(found[2])
            losses[step] = float(found[3])
            if kill_at is not None and step >= kill_at * steps:
                job.send_signal(signal.SIGKILL)
                job.wait()
                return step, losses
    if job.wait():
        raise SystemExit(f"training ended with {job.returncode}")
    return None, losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("pairs")
    parser.add_argument("base")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=520)
    chosen, rest = parser.parse_known_args()
    job = [chosen.pairs, chosen.base]

    _, whole = run([*job, str(chosen.out / "whole"), *rest], None)
    share = random.Random(chosen.seed).uniform(0.2, 0.8)
    killed, before = run([*job, str(chosen.out / "killed"), *rest], share)
    if killed is None or (chosen.out / "killed/model").exists():
        raise SystemExit("the second training was not killed")
    _, after = run([*job, str(chosen.out / "killed"), *rest], None)
    print(f"killed at step {killed}; resumed after step {min(after) - 1} at the latest")
    print("step   whole   killed, then resumed")
    for step, loss in whole.items():
        print(f"{step:5}  {loss:.4f}  {after.get(step, before.get(step, float('nan'))):.4f}")

    text = {record.uuid: embedding_text(record) for record in tiangong(chosen.shared)}
    queries, _ = questions(chosen.shared, "dev", list(text))
    systems = [
        EncoderSystem(load_encoder(chosen.out / name / "model"), text, name=name)
        for name in ("whole", "killed")
    ]
    report = evaluate(
        systems, queries, groups=duplicate_groups(text), name="killed", corpus=len(text)
    )
    figures = {name: report.figure(name, "NDCG@10").value for name in ("whole", "killed")}
    difference = abs(figures["whole"] - figures["killed"])
    print(json.dumps(figures | {"difference": difference, "killed_at_step": killed}))
    raise SystemExit(0 if difference <= ALLOWED else 1)


if __name__ == "__main__":
    main()
