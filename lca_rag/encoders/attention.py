"""Attention for bfloat16 on a CPU, in matrix products that the CPU has instructions for.

torch's own attention kernel does not use them: on an AMD EPYC (Zen 5), in bfloat16 and for 512
tokens, it takes half of the whole forward pass. Here queries go in blocks; a causal model needs for
each block no key beyond the block's end, which halves the work on long texts.
"""

from __future__ import annotations

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

__all__ = ["BLOCKED", "BLOCKED_TYPES", "register_blocked_attention"]

BLOCKED = "lca_blocked"
BLOCKED_TYPES = frozenset({"bert", "qwen3", "roberta", "xlm-roberta"})
"""Model types whose attention is plain scaled dot products, each compared in the tests."""

_BLOCK = 128
_MASKED = -1e30


def register_blocked_attention() -> None:
    """Make the name `BLOCKED` known to transformers."""
    AttentionInterface.register(BLOCKED, blocked_attention)
    AttentionMaskInterface.register(BLOCKED, sdpa_mask)


def blocked_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float,
    is_causal: bool | None = None,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """Scaled dot product attention, as transformers asks for it.

    Args:
        module: The attention layer; says whether it is causal.
        query: `[texts, heads, tokens, size]`.
        key: `[texts, key heads, tokens, size]`; each serves an equal share of the heads.
        value: As `key`.
        attention_mask: Boolean `[texts, 1, tokens, tokens]`, true where a key is seen, or `None`
            if no text is padded.
        scaling: Factor on the products of queries and keys.
        is_causal: Overrides what the layer says.

    Returns:
        `[texts, tokens, heads, size]`, and no weights.
    """
    causal = bool(getattr(module, "is_causal", True) if is_causal is None else is_causal)
    texts, heads, tokens, size = query.shape
    groups = texts * key.shape[1]
    keys = key.reshape(groups, tokens, size).transpose(1, 2)
    values = value.reshape(groups, tokens, size)
    result = query.new_empty(texts, tokens, heads, size)
    for start in range(0, tokens, _BLOCK):
        stop = min(start + _BLOCK, tokens)
        end = _last_key(attention_mask, causal, start, stop, tokens)
        block = query.new_empty(texts, heads, stop - start, size)
        torch.mul(query[:, :, start:stop], scaling, out=block)
        scores = torch.bmm(block.view(groups, -1, size), keys[:, :, :end])
        by_head = scores.view(texts, heads, stop - start, end)
        if attention_mask is not None:
            by_head.masked_fill_(~attention_mask[..., start:stop, :end], _MASKED)
        elif causal:
            later = torch.ones(stop - start, stop - start, dtype=torch.bool).triu_(1)
            by_head[..., start:].masked_fill_(later, _MASKED)
        torch.softmax(by_head, -1, out=by_head)
        mixed = torch.bmm(scores, values[:, :end])
        result[:, start:stop] = mixed.view(texts, heads, stop - start, size).transpose(1, 2)
    return result, None


def _last_key(mask: torch.Tensor | None, causal: bool, start: int, stop: int, tokens: int) -> int:
    """How many keys the block of queries from `start` to `stop` can see at most."""
    if mask is None:
        return stop if causal else tokens
    return tokens if bool(mask[..., start:stop, stop:].any()) else stop
