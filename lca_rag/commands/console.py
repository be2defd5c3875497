"""Where commands write: results to stdout, everything else to stderr.

With `--json` stdout holds one JSON object and nothing else, so that a script can rely on it. Text
of records is never trusted by the terminal: control characters are shown, not sent.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import orjson
from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.status import Status
from rich.text import Text

from lca_rag.operations.schema import Output
from lca_rag.operations.words import lines

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line feed, and the marks that turn the reading direction."""

_STYLES: Mapping[str, str] = {"head": "bold", "plain": "", "faint": "dim", "prose": ""}

PATIENCE = 2.0
"""Seconds after which long work shows a progress bar."""


def clean(text: str) -> str:
    """`text` with each control character replaced by a visible sign."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def words(text: str, style: str = "") -> Text:
    """Record text for the terminal, clean and without rich's own markup."""
    return Text(clean(text), style=style)


def out() -> Console:
    """The console on stdout as it is now (tests and pipes exchange it)."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=True)


def err() -> Console:
    """The console on stderr."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


def emit(result: BaseModel | Mapping[str, object]) -> None:
    """Write one JSON object to stdout."""
    plain = result.model_dump(mode="json") if isinstance(result, BaseModel) else result
    sys.stdout.write(orjson.dumps(plain).decode() + "\n")
    sys.stdout.flush()


def show(result: Output) -> None:
    """Write a result for people to stdout; Markdown is laid out on a terminal only."""
    console = out()
    for line in lines(result):
        part: RenderableType = words(line.text, _STYLES[line.role])
        if line.role == "prose" and console.is_terminal:
            part = Markdown(clean(line.text), hyperlinks=False)
        console.print(part)


def note(sentence: str, style: str = "") -> None:
    """Say something beside the result, on stderr."""
    err().print(words(sentence, style))


@contextmanager
def progress(total: int | None = None) -> Iterator[Callable[[str, int], None]]:
    """A callback `(stage, records done)` that draws a bar for each stage after two seconds."""
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err(),
        transient=True,
    )
    tasks: dict[str, int] = {}
    started = time.monotonic()
    drawing = False

    def tell(stage: str, done: int) -> None:
        nonlocal drawing
        if stage not in tasks:
            tasks[stage] = bars.add_task(clean(stage), total=total)
        bars.update(bars.task_ids[tasks[stage]], completed=done)
        if not drawing and time.monotonic() - started > PATIENCE and bars.console.is_terminal:
            bars.start()
            drawing = True

    try:
        yield tell
    finally:
        if drawing:
            bars.stop()


@contextmanager
def working() -> Iterator[Callable[[str], None]]:
    """A callback that shows on a terminal what is worked on, and with `""` makes room for output.

    While it shows something, rich leads stdout to the terminal: say `""` before writing a result.
    """
    status = Status("", console=err())

    def step(what: str) -> None:
        status.stop()
        if what and status.console.is_terminal:
            status.update(words(f"{what} …"))
            status.start()

    try:
        yield step
    finally:
        status.stop()
