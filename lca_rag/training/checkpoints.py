"""Which checkpoint a run may go on from.

A process killed while it writes a checkpoint leaves a part of one, under the newest number. The
trainer writes `trainer_state.json` last, so a checkpoint whose state can be read is whole.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

__all__ = ["newest_checkpoint"]

_log = logging.getLogger(__name__)
_STATE = "trainer_state.json"


def newest_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint under `folder`, or `None` if there is none."""
    numbered = sorted(
        (int(path.name.rpartition("-")[2]), path)
        for path in folder.glob("checkpoint-*")
        if path.name.rpartition("-")[2].isdigit()
    )
    for _, path in reversed(numbered):
        if _is_whole(path):
            return path
        _log.warning("%s was cut off while it was written; going on from the one before", path)
    return None


def _is_whole(path: Path) -> bool:
    try:
        return isinstance(json.loads((path / _STATE).read_text("utf-8")), dict)
    except (OSError, ValueError):
        return False
