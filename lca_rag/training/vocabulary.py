"""A smaller, LCA-shaped vocabulary for a WordPiece encoder.

`prune_vocabulary` copies a BERT-like sentence-transformers model with another vocabulary: pieces
that LCA text uses stay, the most frequent English pieces fill up to the wanted size (BERT's own
order is by frequency), and every wanted character that the model lacks gets a row of its own. The
tokenizer also learns to read over what carries no meaning in the text of a record (its UUID and
version, Markdown marks, amounts of the exchange lists), so that the input length is spent on words.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lca_rag.errors import EncoderError

UNREAD = (
    # UUID and version of the header: an exact look-up finds them, a vector cannot.
    r"^\*\*(?:UUID|Version):\*\* .*\n",
    # "- name: 0.0026" of the exchange lists: the name stays, the amount goes.
    r"^- .*\K: [-+0-9.eE]+(?=\n|$)",
    # Markdown marks of headings and labels.
    r"^#+ ",
    r"\*\*",
)
"""Patterns that the tokenizer drops before it splits, in this order."""

_EMBEDDING = "embeddings.word_embeddings.weight"
_COPIED = ("modules.json", "1_Pooling", "config.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabularyReport:
    """What became of a vocabulary."""

    before: int
    after: int
    added: tuple[str, ...]
    """Characters that got a new row."""


def prune_vocabulary(
    source: Path,
    output: Path,
    texts: Iterable[str],
    *,
    characters: Iterable[str] = (),
    translations: Sequence[tuple[str, str]] = (),
    size: int = 20_000,
    unread: Sequence[str] = UNREAD,
    query_prompt: str = "query: ",
    max_length: int = 256,
) -> VocabularyReport:
    """Write the model at `source` to `output` with a vocabulary made for `texts`.

    Args:
        source: Directory of a sentence-transformers model with a WordPiece tokenizer.
        output: Directory to write; it must not hold a model yet.
        texts: Text whose pieces must survive.
        characters: Characters that must have a piece each, such as common Chinese ones.
        translations: Pairs of (text in the new characters, text that the model can read already);
            a new row starts as the mean of what its character is translated by.
        size: Pieces to keep of the old vocabulary, those of `texts` always included.
        unread: Patterns that the tokenizer drops before it splits.
        query_prompt: Prompt to write into the configuration; documents get the empty one.
        max_length: Tokens that the model reads, special ones included.

    Raises:
        EncoderError: If the model has no WordPiece tokenizer with its weights in safetensors.
    """
    from safetensors.numpy import load_file, save_file

    state = _tokenizer_state(source)
    vocabulary: dict[str, int] = state["model"]["vocab"]
    weights = load_file(source / "model.safetensors")
    if _EMBEDDING not in weights:
        raise EncoderError(
            f"{source}: no {_EMBEDDING} in model.safetensors; give a BERT-like model"
        )
    kept = _kept_pieces(state, texts, size)
    added = sorted({character for character in characters if character not in vocabulary})
    pieces = [*kept, *added]
    rows = weights[_EMBEDDING]
    fresh = _fresh_rows(added, rows, vocabulary, state, translations)
    weights[_EMBEDDING] = np.concatenate([rows[[vocabulary[piece] for piece in kept]], fresh])
    weights.pop("embeddings.position_ids", None)  # a buffer that older versions saved

    output.mkdir(parents=True, exist_ok=True)
    _write_tokenizer(state, pieces, unread, output, max_length)
    _write_configuration(source, output, len(pieces), query_prompt, max_length)
    save_file(weights, output / "model.safetensors", metadata={"format": "pt"})
    return VocabularyReport(before=len(vocabulary), after=len(pieces), added=tuple(added))


def _tokenizer_state(source: Path) -> dict[str, Any]:
    path = source / "tokenizer.json"
    if not path.is_file() or not (source / "model.safetensors").is_file():
        raise EncoderError(f"{source}: needs tokenizer.json and model.safetensors")
    state: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if state["model"]["type"] != "WordPiece":
        raise EncoderError(
            f"{path}: a {state['model']['type']} tokenizer; only WordPiece is pruned"
        )
    return state | {"truncation": None, "padding": None}


def _kept_pieces(state: Mapping[str, Any], texts: Iterable[str], size: int) -> list[str]:
    """Special pieces, single characters, the pieces of `texts`, then the most frequent ones."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(json.dumps(state))
    by_id = sorted(state["model"]["vocab"], key=state["model"]["vocab"].__getitem__)
    special = {token["content"] for token in state["added_tokens"]}
    used = {
        index
        for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)
        for index in encoding.ids
    }
    needed = [
        piece
        for index, piece in enumerate(by_id)
        if piece in special or index in used or len(piece.removeprefix("##")) == 1
    ]
    chosen = set(needed)
    ordinary = (
        p for p in by_id if p not in chosen and p.removeprefix("##").isascii() and p[0] != "["
    )
    for piece in ordinary:
        if len(chosen) >= size:
            break
        chosen.add(piece)
    return [piece for piece in by_id if piece in chosen]


def _fresh_rows(
    added: Sequence[str],
    rows: NDArray[np.float32],
    vocabulary: Mapping[str, int],
    state: Mapping[str, Any],
    translations: Sequence[tuple[str, str]],
) -> NDArray[np.float32]:
    """One row per new character: what its translations mean beyond what all of them mean.

    The difference to the overall mean is scaled to the norm of an ordinary row, so that a rare
    character is as distinct as a frequent one; an untranslated character starts at the mean of the
    characters that the model knows.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(json.dumps(state))
    place = {character: position for position, character in enumerate(added)}
    total = np.zeros((len(added), rows.shape[1]))
    count = np.zeros(len(added))
    encodings = tokenizer.encode_batch([text for _, text in translations], add_special_tokens=False)
    means = np.array([rows[e.ids].mean(axis=0) if e.ids else rows.mean(axis=0) for e in encodings])
    for (text, _), mean in zip(translations, means, strict=True):
        for character in {c for c in text if c in place}:
            total[place[character]] += mean
            count[place[character]] += 1
    known = [i for p, i in vocabulary.items() if len(p) == 1 and not p.isascii()]
    start = rows[known].mean(axis=0) if known else rows.mean(axis=0)
    fresh = np.tile(start, (len(added), 1)).astype(np.float64)
    met = count > 0
    if met.any():
        shift = total[met] / count[met, None] - means.mean(axis=0)
        spread = float(np.linalg.norm(rows - rows.mean(axis=0), axis=1).mean())
        fresh[met] += shift / (np.linalg.norm(shift, axis=1, keepdims=True) + 1e-9) * spread * 0.7
    # A little noise keeps characters apart that were never met.
    noise = np.random.default_rng(520).normal(0.0, 0.01, fresh.shape)
    return (fresh + noise).astype(np.float32)


def _write_tokenizer(
    state: dict[str, Any],
    pieces: Sequence[str],
    unread: Sequence[str],
    output: Path,
    max_length: int,
) -> None:
    number = {piece: index for index, piece in enumerate(pieces)}
    state["model"]["vocab"] = number
    for token in state["added_tokens"]:
        token["id"] = number[token["content"]]
    for name, token in state["post_processor"]["special_tokens"].items():
        token["ids"] = [number[name]]
    drops = [{"type": "Replace", "pattern": {"Regex": p}, "content": ""} for p in unread]
    state["normalizer"] = {"type": "Sequence", "normalizers": [*drops, state["normalizer"]]}
    (output / "tokenizer.json").write_text(json.dumps(state, ensure_ascii=False), "utf-8")
    named = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "sep", "pad", "cls", "mask")}
    # Not "BertTokenizer": that class would rebuild the normaliser and lose what is read over.
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": max_length}
    _write_json(output / "tokenizer_config.json", settings | named)
    _write_json(output / "special_tokens_map.json", named)


def _write_configuration(
    source: Path, output: Path, size: int, query_prompt: str, max_length: int
) -> None:
    for name in _COPIED:
        if (source / name).is_dir():
            shutil.copytree(source / name, output / name, dirs_exist_ok=True)
        else:
            shutil.copyfile(source / name, output / name)
    (output / "2_Normalize").mkdir(exist_ok=True)
    config = json.loads((source / "config.json").read_text("utf-8"))
    _write_json(output / "config.json", config | {"vocab_size": size, "pad_token_id": 0})
    _write_json(
        output / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": False}
    )
    prompts = {"prompts": {"query": query_prompt, "document": ""}, "default_prompt_name": None}
    _write_json(
        output / "config_sentence_transformers.json", prompts | {"similarity_fn_name": "cosine"}
    )


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", "utf-8")
