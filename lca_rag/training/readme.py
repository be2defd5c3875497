"""The model card that is written beside exported weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from lca_rag.training.card import RunCard


def model_card(directory: Path, card: RunCard | None, measured: Mapping[str, object]) -> str:
    """Markdown with what the model is, how to load it, what it was trained on and what it gave.

    Only what was measured is printed; where nothing was, the card says so.
    """
    settings = json.loads((directory / "config_sentence_transformers.json").read_text("utf-8"))
    modules = json.loads((directory / "modules.json").read_text("utf-8"))
    config = json.loads((directory / "config.json").read_text("utf-8"))
    prompt = (settings.get("prompts") or {}).get("query", "")
    chain = " → ".join(module["type"].rsplit(".", 1)[-1] for module in modules)
    lines = [
        "---",
        "library_name: sentence-transformers",
        "pipeline_tag: sentence-similarity",
        "tags: [life-cycle-assessment, retrieval]",
        "---",
        "",
        "# An encoder for life-cycle-assessment records",
        "",
        f"Architecture `{config.get('model_type')}`, {chain}. Vectors have unit length; the score "
        "is their inner product.",
        "",
        "```python",
        "from sentence_transformers import SentenceTransformer",
        "",
        'model = SentenceTransformer("this/directory")',
        'queries = model.encode_query(["electric arc furnace steel, China"])',
        'documents = model.encode_document(["# Steel\\n\\n**Entity:** Process"])',
        "scores = queries @ documents.T",
        "```",
        "",
        f"Queries carry the prompt `{json.dumps(prompt, ensure_ascii=False)}`, documents none.",
        "",
        "## Training",
        "",
        *(_training(card) if card else ["Not recorded."]),
        "",
        "## Measured",
        "",
        *(_table(measured) if measured else ["Nothing was measured for this export."]),
    ]
    return "\n".join(lines) + "\n"


def _training(card: RunCard) -> list[str]:
    # A recipe has a `queries` too (how many share a document), which must not hide the count.
    recipe = {
        "queries a row" if name == "queries" else name: value for name, value in card.recipe.items()
    }
    facts = {
        "base": _said(card.base),
        "documents": card.documents,
        "queries": card.queries,
        "data (SHA-256)": card.data_sha256,
        "hardware": card.hardware,
        "steps": card.steps,
        **recipe,
        **card.packages,
    }
    return _table(facts)


def _said(base: str) -> str:
    """A hub id as it is; of a directory the last two names, for one alone says little."""
    path = Path(base)
    return "/".join(path.parts[-2:]) if path.is_absolute() else base


def _table(facts: Mapping[str, object]) -> list[str]:
    rows = [f"| {name} | {value} |" for name, value in facts.items()]
    return ["| | |", "|---|---|", *rows]
