"""From a name to a model in memory, shared by all encoders that name the same one."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import transformers
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

from lca_rag.encoders.attention import BLOCKED, BLOCKED_TYPES, register_blocked_attention
from lca_rag.encoders.fingerprint import weights_digest
from lca_rag.encoders.forward import SharedModel
from lca_rag.encoders.local import Precision
from lca_rag.encoders.tokens import Tokenizer
from lca_rag.errors import EncoderError

__all__ = ["load_model", "no_bars"]

_shared: weakref.WeakValueDictionary[tuple[str, str, str], SharedModel] = (
    weakref.WeakValueDictionary()
)
_loading = threading.Lock()


def load_model(
    folder: Path, files: list[Path], *, device: str | None, precision: Precision
) -> SharedModel:
    """The model in a folder, read once per device and precision.

    Args:
        folder: Where the model lies.
        files: Its weight files, found safe to read.
        device: Name of a device, or `None` for the best there is.
        precision: Of the weights.

    Raises:
        EncoderError: If the model cannot be loaded, or the device is absent.
    """
    place = _device(device)
    dtype = _dtype(place, precision)
    key = (str(folder.resolve()), str(place), str(dtype))
    with _loading:
        shared = _shared.get(key)
        if shared is None:
            shared = _shared[key] = _read(folder, files, place, dtype)
        return shared


def _read(folder: Path, files: list[Path], device: torch.device, dtype: torch.dtype) -> SharedModel:
    """A model from disk."""
    try:
        with no_bars():
            model = SentenceTransformer(
                str(folder),
                device=str(device),
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"dtype": dtype, "use_safetensors": True},
            ).eval()
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise EncoderError(f"the model in {folder} cannot be loaded: {error}") from error
    if not isinstance(model[0], Transformer):
        raise EncoderError(
            f"{folder} begins with {type(model[0]).__name__}, not with a transformer"
        )
    _choose_attention(model, device, dtype)
    tokenizer = Tokenizer.of(model.tokenizer, str(folder))
    return SharedModel(
        model=model,
        tokenizer=tokenizer,
        weights=weights_digest(files),
        pooling=_pooling(model, folder),
        dimension=model.get_embedding_dimension(),
        max_length=model.max_seq_length or model.tokenizer.model_max_length,
    )


def _choose_attention(model: SentenceTransformer, device: torch.device, dtype: torch.dtype) -> None:
    """Take the attention that is fast in bfloat16 on a CPU, where the architecture allows it."""
    inner = model[0].auto_model
    plain = getattr(inner.config, "position_embedding_type", "absolute") == "absolute"
    if (
        device.type == "cpu"
        and dtype == torch.bfloat16
        and inner.config.model_type in BLOCKED_TYPES
        and plain
    ):
        register_blocked_attention()
        inner.set_attn_implementation(BLOCKED)


def _pooling(model: SentenceTransformer, folder: Path) -> str:
    """How token states become a vector, in words that old and new file layouts share."""
    words: list[str] = []
    for part in list(model)[1:]:
        if isinstance(part, Pooling):
            if not part.include_prompt:
                raise EncoderError(
                    f"{folder} leaves its prompt out of pooling (include_prompt is false), which "
                    "lca-rag does not do; choose another model"
                )
            modes = part.pooling_mode
            words.append(modes if isinstance(modes, str) else "+".join(modes))
        elif not isinstance(part, Normalize):  # every vector is normalised at the end, always
            words.append(type(part).__name__)
    return ", ".join(words)


def _device(name: str | None) -> torch.device:
    """The device of that name, or the best there is."""
    if name is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise EncoderError(f"device {name!r} cannot be used here: {error}") from error
    return device


def _dtype(device: torch.device, precision: Precision) -> torch.dtype:
    """The number type of that name; by default bfloat16 where the device computes in it."""
    names = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if precision in names:
        return names[precision]
    if precision != "auto":
        raise EncoderError(f"precision {precision!r} is none of auto, {', '.join(names)}")
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        able = torch.cpu.get_capabilities()
        fast = bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    else:
        fast = False
    return torch.bfloat16 if fast else torch.float32


@contextmanager
def no_bars() -> Iterator[None]:
    """No progress bars of transformers while weights are read."""
    shown = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers.utils.logging.enable_progress_bar()
