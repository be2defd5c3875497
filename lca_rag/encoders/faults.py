"""The vectors that a model gives, and those it would give if a route made a certain mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

from lca_rag.encoders.fingerprint import Fingerprint
from lca_rag.encoders.local import FloatArray, SentenceEncoder

__all__ = ["SAME", "Reference", "Role", "cosine", "explain"]

Role = Literal["query", "document"]

_MISTAKEN_LENGTHS = (64, 128, 256, 384, 512, 1024, 2048, 4096, 8192)
"""Lengths after which routes are known to cut, in tokens."""

SAME = 0.998
"""Cosine from which two vectors count as the same; bfloat16 stays well above it."""

_POOLINGS = ("lasttoken", "mean", "cls")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Suspicion:
    """A way to encode a text: the right one, or one with mistakes."""

    prompt: str
    prompt_fault: str | None = None
    flattened: bool = False
    pooling: str | None = None
    """Another pooling than the model's own."""
    end_lost: bool = False
    max_length: int | None = None
    """Another length to cut at than the model's own."""

    @property
    def faults(self) -> tuple[str, ...]:
        """The mistakes by name, none for the right way."""
        named = (
            (self.prompt_fault, self.prompt_fault is not None),
            ("newlines flattened", self.flattened),
            ("wrong pooling", self.pooling is not None),
            ("end token lost", self.end_lost),
            ("truncation differs", self.max_length is not None),
        )
        return tuple(name for name, made in named if made and name)


def _suspicions(prompts: dict[Role, str], role: Role, own_pooling: str) -> Iterator[_Suspicion]:
    """Every combination of mistakes on texts that are not cut, those with fewest first."""
    right, other = prompts[role], prompts["document" if role == "query" else "query"]
    ways: dict[str, str | None] = {right: None}
    if right:
        plural = "queries" if role == "query" else "documents"
        ways.setdefault("", f"prompt missing on {plural}")
        ways.setdefault(right + " ", f"blank between prompt and text on {plural}")
    if other:
        ways.setdefault(
            other, "prompt on documents" if role == "document" else "document prompt on queries"
        )
    poolings = [None, *(name for name in _POOLINGS if name != own_pooling.split(", ")[0])]
    found = [
        _Suspicion(
            prompt=prompt, prompt_fault=fault, flattened=flattened, pooling=pooling, end_lost=lost
        )
        for (prompt, fault), flattened, pooling, lost in product(
            ways.items(), (False, True), poolings, (False, True)
        )
    ]
    yield from sorted(found, key=lambda suspicion: len(suspicion.faults))


@dataclass(slots=True)
class Reference:
    """The model itself, in float32 on the CPU, one text at a time."""

    model: SentenceTransformer
    prompts: dict[Role, str]
    max_length: int
    fingerprint: Fingerprint
    final: int | None
    """Id of the token that ends every text, or `None` if there is none."""
    _known: dict[tuple[tuple[int, ...], str | None], FloatArray] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path, *, query_prompt: str | None, max_length: int) -> Reference:
        """Read the model in a folder.

        Raises:
            EncoderError: If it cannot be read.
        """
        encoder = SentenceEncoder.load(
            folder,
            device="cpu",
            precision="float32",
            query_prompt=query_prompt,
            max_length=max_length,
        )
        loaded = encoder._model()
        return cls(
            model=loaded.shared.model,
            prompts={"query": loaded.query_prompt, "document": loaded.document_prompt},
            max_length=loaded.max_length,
            fingerprint=encoder.fingerprint,
            final=loaded.shared.tokenizer.final,
        )

    def right(self, text: str, role: Role) -> FloatArray:
        """The unit vector of one text, encoded as the model was trained."""
        return self.suspected(text, _Suspicion(prompt=self.prompts[role]))

    def takes_nothing(self) -> bool:
        """Whether an empty text has a vector: some token must be there to pool."""
        return self.final is not None or bool(self.model.tokenizer("")["input_ids"])

    def suspected(self, text: str, suspicion: _Suspicion) -> FloatArray:
        """The unit vector of one text, encoded the way that is suspected."""
        body = text.strip()
        if suspicion.flattened:
            body = body.replace("\n", " ")
        ids = self._ids(suspicion.prompt + body, suspicion)
        key = (ids, suspicion.pooling)
        if key not in self._known:
            self._known[key] = self._pooled(ids, suspicion.pooling)
        return self._known[key]

    def lengths_to_try(self, suspicion: _Suspicion) -> Iterator[_Suspicion]:
        """The same way with other ends of a text that is too long."""
        yield suspicion
        if self.final is not None and not suspicion.end_lost:
            yield replace(suspicion, end_lost=True)
        for length in _MISTAKEN_LENGTHS:
            if length != self.max_length:
                yield replace(suspicion, max_length=length)

    def _ids(self, text: str, suspicion: _Suspicion) -> tuple[int, ...]:
        """Token ids as a route with these mistakes would have them."""
        backend = self.model.tokenizer.backend_tokenizer
        backend.no_padding()
        backend.no_truncation()
        ids = backend.encode(text).ids
        limit = suspicion.max_length or self.max_length
        if self.final is None:
            return tuple(ids[:limit])
        if suspicion.end_lost:
            return tuple(ids[:-1][:limit])
        return (*ids[:-1][: limit - 1], self.final)

    def _pooled(self, ids: tuple[int, ...], pooling: str | None) -> FloatArray:
        """The unit vector of token ids."""
        features = {
            "input_ids": torch.tensor([ids]),
            "attention_mask": torch.ones(1, len(ids), dtype=torch.int64),
        }
        with torch.inference_mode():
            if pooling is None:
                vector = self.model(features)["sentence_embedding"]
            else:
                states = self.model[0](features)["token_embeddings"]
                pooled = {
                    "lasttoken": states[:, -1],
                    "cls": states[:, 0],
                    "mean": states.mean(dim=1),
                }[pooling]
                rest = {"sentence_embedding": pooled}
                for part in list(self.model)[1:]:
                    if not isinstance(part, Pooling | Normalize):
                        rest = part(rest)
                vector = rest["sentence_embedding"]
        row = vector[0].float().numpy()
        return np.asarray(row / np.linalg.norm(row), dtype=np.float32)


def cosine(vector: FloatArray, right: FloatArray) -> float:
    """Cosine over the components that both have."""
    shared = right[: vector.shape[0]]
    if vector.ndim != 1 or vector.shape[0] > right.shape[0] or not shared.any():
        return 0.0
    return float(vector @ shared / np.linalg.norm(shared))


def explain(
    vectors: Mapping[str, FloatArray],
    cosines: Mapping[str, float],
    reference: Reference,
    role: Role,
    probes: Mapping[str, str],
) -> dict[str, str]:
    """The fewest mistakes that give these vectors, by name, with how well they do.

    Args:
        vectors: Unit vectors by probe.
        cosines: Their cosines to the right vectors.
        reference: The model itself.
        role: As what the probes were embedded.
        probes: The texts.
    """
    short = [probe for probe in vectors if probe not in {"over-long", "empty"}]
    way, agreement = _best_way(vectors, reference, role, short, probes)
    if way is None:
        seen = ", ".join(f"{probe} {cosines[probe]:.3f}" for probe in vectors)
        return {"unknown difference": f"no known mistake gives these vectors; cosines {seen}"}
    found = dict.fromkeys(way.faults, f"with it the vectors agree to {agreement:.4f}")
    if "over-long" in vectors:
        found.update(_explain_cut(vectors["over-long"], reference, way, probes["over-long"]))
    if not found and cosines.get("empty", 1.0) < SAME:
        found["empty text differs"] = f"cosine {cosines['empty']:.4f}, all others agree"
    return found


def _best_way(
    vectors: Mapping[str, FloatArray],
    reference: Reference,
    role: Role,
    short: Sequence[str],
    probes: Mapping[str, str],
) -> tuple[_Suspicion | None, float]:
    """The first way, fewest mistakes first, that gives the vectors of the short probes."""
    for way in _suspicions(reference.prompts, role, reference.fingerprint.pooling):
        if way.end_lost and reference.final is None:
            continue
        agreement = min(
            (cosine(vectors[p], reference.suspected(probes[p], way)) for p in short), default=0.0
        )
        if agreement >= SAME:
            return way, agreement
    return None, 0.0


def _explain_cut(
    vector: FloatArray, reference: Reference, way: _Suspicion, text: str
) -> dict[str, str]:
    """What is wrong only with a text that is too long."""
    for tried in reference.lengths_to_try(way):
        agreement = cosine(vector, reference.suspected(text, tried))
        if agreement >= SAME:
            new = [fault for fault in tried.faults if fault not in way.faults]
            where = f"cut after {tried.max_length} tokens, not {reference.max_length}"
            detail = where if tried.max_length else f"when a text is cut; agrees to {agreement:.4f}"
            return dict.fromkeys(new, detail)
    return {"truncation differs": f"not cut after {reference.max_length} tokens, nor as known"}
