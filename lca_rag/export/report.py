"""What an export wrote, and what the form could not hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class ExportReport:
    """Counts of one export, so that nothing is lost silently."""

    written: Counter[str] = field(default_factory=Counter[str])
    """Records (and, for TIDAS, supporting data sets) by kind."""
    left_out: Counter[str] = field(default_factory=Counter[str])
    """What the form has no place for, one phrase each."""
