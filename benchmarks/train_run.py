"""Train with a named recipe, some of its values replaced; what `lca-rag train` does, for scripts.

python -m benchmarks.train_run PAIRS BASE OUT --preset mini --set epochs=6 --precision float16
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from lca_rag.training import PRESETS, read_examples, train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("base")
    parser.add_argument("output", type=Path)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="modern")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=JSON")
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--checkpoint-steps", type=int, default=50)
    parser.add_argument("--max-steps", type=int)
    chosen = parser.parse_args()
    changes = {name: json.loads(value) for name, _, value in (s.partition("=") for s in chosen.set)}
    started = time.perf_counter()

    def tell(step: int, steps: int, loss: float) -> None:
        spent = time.perf_counter() - started
        print(f"step {step}/{steps} loss {loss:.4f} {spent:.0f} s", flush=True)

    trained = train(
        read_examples(chosen.pairs),
        chosen.base,
        chosen.output,
        preset=PRESETS[chosen.preset].with_(**changes),
        checkpoint_steps=chosen.checkpoint_steps,
        max_steps=chosen.max_steps,
        precision=chosen.precision,
        progress=tell,
    )
    print(f"{trained.model} after {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
