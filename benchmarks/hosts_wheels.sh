#!/usr/bin/env bash
# What a user gets who installs the wheels: built, looked into, installed outside the repository, run.
#
#   bash benchmarks/hosts_wheels.sh
#
# Takes minutes: no part of `.ci/run`. The virtual environment is removed at the end; KEEP=1 keeps it.
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}" TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1
root="$PWD"
folder="$(mktemp -d)"
[ -n "${KEEP:-}" ] || trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
# shellcheck disable=SC1091
. "$folder/venv/bin/activate"
pip install -q -U pip

echo "--- wheels"
pip wheel -q --no-deps -w "$folder/wheels" . integrations/langchain-lca integrations/llama-index-lca
python benchmarks/hosts_wheels.py contents "$folder"/wheels/*.whl

echo "--- installed outside the repository, dependencies resolved"
pip install -q -c constraints.txt "$folder/wheels"/lca_rag-*.whl
mkdir "$folder/elsewhere"
cd "$folder/elsewhere"
# As the issue has it: an adapter from its folder beside an installed core; the other from its wheel.
pip install -q -c "$root/constraints.txt" "$root/integrations/langchain-lca"
pip install -q -c "$root/constraints.txt" "$folder/wheels"/llama_index_lca-*.whl
pip check
python -I "$root/benchmarks/hosts_wheels.py" readmes "$root"
python -I "$root/benchmarks/hosts_wheels.py" light
lca-rag demo >demo.txt
tail -n 3 demo.txt
