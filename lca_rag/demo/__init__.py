"""The demo database: small, ours, and illustrative in every amount.

`python -m benchmarks.demo_make` writes it from tables; `lca-rag demo`, the README and tests use it.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["DATABASE", "path"]

DATABASE = "demo"
"""Name under which the demo database is indexed."""


def path() -> Path:
    """The zip of TIDAS JSON files, ready for `lca_rag.read`."""
    return Path(__file__).with_name("demo.zip")
