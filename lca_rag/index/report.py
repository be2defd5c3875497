"""What a sync tells: on its way, and at its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from lca_rag.encoders import Encoder, SentenceEncoder
from lca_rag.readers.context import Skip

Progress = Callable[[str, int], None]
"""Told a stage ("read", "embedded", "stored") and how many records it has done so far."""

INCOMPLETE = "nothing was removed, because not everything was read"


def texts_cut(encoder: Encoder | None) -> int:
    """How many texts an encoder has cut so far; 0 where it does not count them (an endpoint)."""
    return int(getattr(encoder, "truncated", 0))


def untold(encoder: Encoder | None, *, counting: bool) -> AbstractContextManager[None]:
    """Within it, no warning is logged of texts that are cut; `cut_note` tells of those counted."""
    if isinstance(encoder, SentenceEncoder):
        return encoder.quiet(counting=counting)
    return nullcontext()


def cut_note(cut: int, embedded: int) -> tuple[str, ...]:
    """What to know of texts longer than the encoder takes, if there were any."""
    if not cut:
        return ()
    return (
        f"{cut} of {embedded} texts are longer than the encoder takes: their ends count in the "
        "search by words, but not in the search by meaning",
    )


def double_note(doubles: int) -> tuple[str, ...]:
    """What to know of records that came more than once, if there were any."""
    if not doubles:
        return ()
    return (f"{doubles} records came again under an id that was read already; the first counts",)


def silent(_stage: str, _done: int) -> None:
    """Progress that tells nobody."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did."""

    read: int
    added: int
    updated: int
    unchanged: int
    removed: int
    skipped: tuple[Skip, ...]
    """What could not be read or stored; each keeps the version that the index held."""
    embedded: int
    """Texts that were encoded; equal texts are encoded once, known ones never."""
    duplicates: int = 0
    """Records that came a second time in this run; the first one counts."""
    seconds: float = field(default=0.0, compare=False)
    """Wall time of the whole run, Chroma included."""
    notes: tuple[str, ...] = ()
    """What the caller should know, one sentence each."""
