"""The chat page: four files put into one document, with a policy that lets nothing else run.

The page is self-contained: no build step, no font, script or style from elsewhere. Its policy names
the digests of its own script and style, so markup that slipped in could neither run nor load.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

_SCRIPTS = ("words.js", "prose.js", "chat.js")


@dataclass(frozen=True, slots=True)
class Page:
    """A document and the Content-Security-Policy it is served with."""

    html: str
    policy: str


@lru_cache(maxsize=1)
def chat_page() -> Page:
    """The chat page, put together once."""
    folder = files(__package__) / "chat"
    style = (folder / "chat.css").read_text("utf-8")
    script = "\n".join((folder / name).read_text("utf-8") for name in _SCRIPTS)
    html = (folder / "chat.html").read_text("utf-8")
    html = html.replace("/*STYLE*/", style).replace("/*SCRIPT*/", script)
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_digest(script)}'",
            f"style-src '{_digest(style)}'",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )
    return Page(html, policy)


def _digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
