"""What a process that only serves sets for itself: memory, collection of garbage, taking turns.

Each of these is of the whole process, so that `lca-rag serve` asks for it and a program that mounts
the application does not get it by surprise.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys

__all__ = ["prepare", "settle"]

_ARENA_MAX = -8
"""glibc's M_ARENA_MAX."""
_ARENAS = 2
_PRIMITIVES = "256"
"""Kernels that oneDNN keeps, one for each length of a batch: 0.3 MB each, 1,024 by default."""
_TURN = 0.0005
"""Seconds after which a thread hands on the interpreter. Encoding a question takes it back after
each of a hundred tensor operations, and waits so long each time while another thread computes."""
_YOUNG, _MIDDLE, _OLD = 20_000, 20, 50
"""Thresholds of the collector. Records are trees without cycles: there is next to nothing to
collect, and a full pass over them stops every request."""


def prepare() -> None:
    """Before anything is loaded: bound what libraries keep, and let threads take short turns."""
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", _PRIMITIVES)
    sys.setswitchinterval(_TURN)
    if sys.platform == "linux" and "MALLOC_ARENA_MAX" not in os.environ:
        # An arena for each thread keeps what that thread once freed; glibc alone knows the call.
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_ARENA_MAX, _ARENAS)


def settle() -> None:
    """After everything is loaded: it stays, so the collector need not look at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
