"""The card of a run: what was trained, from what, how, on what."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path

from lca_rag.errors import EncoderError
from lca_rag.training.examples import Example
from lca_rag.training.presets import Preset

FILE = "training.json"
_PACKAGES = ("torch", "transformers", "sentence-transformers", "accelerate", "tokenizers")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCard:
    """Everything needed to run a training again, and to know that it was the same."""

    recipe: dict[str, object]
    base: str
    data_sha256: str
    documents: int
    queries: int
    hardware: str
    packages: dict[str, str]
    steps: int | None = None
    losses: tuple[tuple[int, float], ...] = ()

    @classmethod
    def of(cls, recipe: Preset, base: str, data: str, examples: Sequence[Example]) -> RunCard:
        """The card of a run that is about to start."""
        return cls(
            # As JSON has it, so that a card read back is equal.
            recipe=json.loads(json.dumps(asdict(recipe))),
            base=base,
            data_sha256=data,
            documents=len(examples),
            queries=sum(len(example.queries) for example in examples),
            hardware=_hardware(),
            packages={name: metadata.version(name) for name in _PACKAGES},
        )

    @classmethod
    def read(cls, directory: Path) -> RunCard:
        """The card in `directory`.

        Raises:
            EncoderError: If there is none that can be read.
        """
        path = directory / FILE
        if not path.is_file():
            raise EncoderError(
                f"{directory}: checkpoints without {FILE}; remove them to start anew"
            )
        try:
            value = json.loads(path.read_text("utf-8"))
            losses = tuple((int(step), float(loss)) for step, loss in value.pop("losses"))
            return cls(**value, losses=losses)
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise EncoderError(
                f"{path} is no run card ({exc}); remove it and the checkpoints to start anew"
            ) from exc

    def differences(self, other: RunCard) -> tuple[str, ...]:
        """Which of data, base and recipe differ."""
        names = {"data_sha256": "data", "base": "base", "recipe": "recipe"}
        return tuple(
            said for field, said in names.items() if getattr(self, field) != getattr(other, field)
        )

    def finished(self, losses: tuple[tuple[int, float], ...], steps: int) -> RunCard:
        """The card with what the run gave."""
        return replace(self, losses=losses, steps=steps)


def write_run_card(card: RunCard, directory: Path) -> None:
    """Write the card into `directory`, whole or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(card), ensure_ascii=False, indent=2)
    part = directory / f"{FILE}.part"
    part.write_text(text + "\n", "utf-8")
    part.replace(directory / FILE)


def _hardware() -> str:
    import torch

    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name(0))
    info = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in (info.read_text("utf-8", "ignore").splitlines() if info.is_file() else ())
        if line.startswith("model name")
    ]
    return f"{len(names)} x {names[0]}" if names else platform.processor() or platform.machine()
