"""Small models with random weights in the file layout of the real ones, for tests and benchmarks.

`make_qwen3` lays out what the card of `BIaoo/lca-qwen3-embedding` names: `config.json`,
`modules.json`, `config_sentence_transformers.json`, `sentence_bert_config.json`, `1_Pooling/`,
`2_Normalize/` and the tokenizer's files; as sentence-transformers wrote them before version 5.4, or
as the installed version writes them.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.processors import ByteLevel, Sequence, TemplateProcessing
from transformers import Qwen3Config, Qwen3Model

Layout = Literal["old", "new"]
End = Literal["template", "text", "none"]

QUERY_PROMPT = (
    "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
)
END = "<|endoftext|>"
TEXT_END = "\x03"
"""The end-of-text character that `end="text"` appends before the text is cut."""
SPECIAL = (END, "<|im_start|>", "<|im_end|>")


def make_qwen3(
    folder: Path,
    *,
    layout: Layout = "old",
    prompts: dict[str, str] | None = None,
    end: End = "template",
    pooling: str = "lasttoken",
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    **sizes: int,
) -> Path:
    """Write a Qwen3 embedding model with random weights.

    Args:
        folder: Where to; it is made.
        layout: "old" as sentence-transformers before 5.4 writes it, "new" as the installed one.
        prompts: What the configuration states; by default those of Qwen3-Embedding.
        end: How the tokenizer adds the end-of-text token: in its template as the real one, as
            text (which truncation loses), or not at all.
        pooling: "lasttoken", "mean" or "cls".
        seed: Of the weights.
        dtype: Of the weights on disk.
        **sizes: Fields of `Qwen3Config` that replace the small ones, and `max_seq_length`.

    Returns:
        The folder.
    """
    folder.mkdir(parents=True)
    max_length = sizes.pop("max_seq_length", 1024)
    tokenizer = _tokenizer(end)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = _qwen3_config(tokenizer.get_vocab_size(), sizes)
    _write_weights(folder, config, seed, dtype)
    _write_tokenizer_files(folder, tokenizer)
    _write_old_layout(
        folder,
        config.hidden_size,
        max_length,
        pooling,
        _default_prompts() if prompts is None else prompts,
    )
    if layout == "new":
        _rewrite(folder)
    return folder


def _default_prompts() -> dict[str, str]:
    return {"query": QUERY_PROMPT, "document": ""}


def _qwen3_config(vocabulary: int, sizes: dict[str, int]) -> Qwen3Config:
    fields: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 32768,
        "tie_word_embeddings": True,
        "bos_token_id": 0,
        "eos_token_id": 0,
        **sizes,
    }
    return Qwen3Config(**fields)


def _write_weights(folder: Path, config: Qwen3Config, seed: int, dtype: torch.dtype) -> None:
    config.architectures = ["Qwen3Model"]
    config.dtype = dtype
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Qwen3Model(config)
        # Wider than a model starts from: otherwise every vector points nearly the same way, and a
        # test could not tell two texts apart.
        for parameter in model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=1.2 / parameter.shape[1] ** 0.5)
    save_file(
        {name: value.to(dtype).contiguous() for name, value in model.state_dict().items()},
        str(folder / "model.safetensors"),
        metadata={"format": "pt"},
    )
    config.save_pretrained(str(folder))


def _tokenizer(end: End) -> Tokenizer:
    """Bytes as tokens, so that any text has a known length and nothing has to be trained."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in SPECIAL]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    bytes_only = ByteLevel(trim_offsets=False)
    tokenizer.post_processor = bytes_only
    if end == "template":
        template = TemplateProcessing(
            single=f"$A {END}", pair=f"$A {END} $B {END}", special_tokens=[(END, vocabulary[END])]
        )
        tokenizer.post_processor = Sequence([bytes_only, template])
    if end == "text":
        tokenizer.normalizer = normalizers.Replace(Regex(r"\z"), TEXT_END)
    return tokenizer


def _write_tokenizer_files(folder: Path, tokenizer: Tokenizer) -> None:
    vocabulary = tokenizer.get_vocab()
    added = {
        str(vocabulary[token]): {
            "content": token,
            "lstrip": False,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
            "special": True,
        }
        for token in SPECIAL
    }
    _write(folder / "vocab.json", vocabulary)
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    names = {"eos_token": "<|im_end|>", "pad_token": END}
    _write(folder / "special_tokens_map.json", names)
    _write(
        folder / "tokenizer_config.json",
        {
            **names,
            "add_bos_token": False,
            "added_tokens_decoder": added,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 131072,
            "padding_side": "left",
            "tokenizer_class": "PreTrainedTokenizerFast",
            "unk_token": None,
        },
    )


def _write_old_layout(
    folder: Path, dimension: int, max_length: int, pooling: str, prompts: dict[str, str]
) -> None:
    """The files that sentence-transformers 2 to 5.3 writes beside a transformer."""
    parts = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    _write(
        folder / "modules.json",
        [
            {
                "idx": number,
                "name": str(number),
                "path": path,
                "type": f"sentence_transformers.models.{kind}",
            }
            for number, (path, kind) in enumerate(parts)
        ],
    )
    _write(
        folder / "config_sentence_transformers.json",
        {
            "prompts": prompts,
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
            "model_type": "SentenceTransformer",
            "__version__": {"sentence_transformers": "5.1.2", "transformers": "4.51.3"},
        },
    )
    _write(
        folder / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": False}
    )
    (folder / "1_Pooling").mkdir()
    modes = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "lasttoken")
    chosen = {"cls": "cls_token", "mean": "mean_tokens"}.get(pooling, pooling)
    _write(
        folder / "1_Pooling" / "config.json",
        {
            "word_embedding_dimension": dimension,
            **{f"pooling_mode_{mode}": mode == chosen for mode in modes},
            "include_prompt": True,
        },
    )
    (folder / "2_Normalize").mkdir()


def _rewrite(folder: Path) -> None:
    """Have the installed sentence-transformers write the model anew, weights unchanged."""
    from sentence_transformers import SentenceTransformer

    fresh = folder.with_name(f"{folder.name}.new")
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    model.save_pretrained(str(fresh), create_model_card=False)
    # Saving renames tensors; the digest of the weights must be that of the old layout.
    shutil.copy(folder / "model.safetensors", fresh / "model.safetensors")
    shutil.rmtree(folder)
    fresh.rename(folder)


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False), encoding="utf-8")
