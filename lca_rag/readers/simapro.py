"""SimaPro CSV exports of processes, product stages and methods."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from lca_rag.errors import ReadError
from lca_rag.readers.context import Package, ReadContext
from lca_rag.readers.prose import member_path
from lca_rag.readers.simapro_blocks import Block, blocks, decoded, dialect_of
from lca_rag.readers.simapro_lists import COMPARTMENTS, cas_numbers, flow_records, method_records
from lca_rag.readers.simapro_numbers import Numbers
from lca_rag.readers.simapro_records import (
    NO_BRACES,
    SimaProFile,
    is_nameless,
    process_record,
    unmapped,
)
from lca_rag.record import Record

_HEADER = re.compile(r'\s*"?\{?SimaPro\b')
_BLOCK = re.compile(
    r"^(?:Process|Product stage|Method|Literature reference|System description)[;,\t]*\s*?\n"
    r"(?:[;,\t]*\s*?\n)*(?:Category type|PlatformId|Name)\b",
    re.MULTILINE,
)
_PARAMETERS = ("database input parameters", "project input parameters")
_CALCULATED = ("database calculated parameters", "project calculated parameters")
_NO_RECORDS = frozenset((*_PARAMETERS, *_CALCULATED, "quantities", "units"))
"""Blocks that only serve others."""
_KEPT = 4 << 20
"""Characters of a file up to which its blocks are kept: they take ten times as much memory."""
Rows = list[tuple[str, str]]


class SimaProReader:
    """Reads SimaPro CSV in all its dialects."""

    format = "simapro"

    def recognise(self, name: str, head: bytes) -> bool:
        """Whether the head starts with SimaPro's name, or holds one of its blocks."""
        text = decoded(head).replace("\r\n", "\n").replace("\r", "\n")
        return bool(_HEADER.match(text) or _BLOCK.search(text))

    def read(
        self, package: Package, names: Sequence[str], context: ReadContext
    ) -> Iterator[Record]:
        """The records of each file, in file order."""
        for name in names:
            path = member_path(package, name)
            try:
                text = decoded(package.read(name))
            except ReadError as exc:
                context.skip(path, str(exc))
                continue
            yield from _records(text, path, context)


def _records(text: str, path: str, context: ReadContext) -> Iterator[Record]:
    """Parameters and CAS numbers stand at the end of a file, hence two walks over its blocks.

    The blocks of a file of common size are kept between them; those of a large one are made again.
    """
    dialect = dialect_of(text)
    kept = list(blocks(text, dialect)) if len(text) <= _KEPT else None
    walk = kept if kept is not None else blocks(text, dialect)
    given, calculated, cas, kinds = _shared(walk)
    if not kinds:
        context.skip(path, "it holds no block of SimaPro, only a header")
    elif kinds.keys() <= _NO_RECORDS:
        context.skip(path, f"it holds no data set, only {', '.join(kinds)}")
    file = SimaProFile(
        database=context.database,
        path=path,
        numbers=Numbers(dialect.decimal).with_parameters(given, calculated),
        old=dialect.old,
        project=dialect.header.get("project") or dialect.header.get("projet") or None,
        repair=None if _HEADER.match(text) else NO_BRACES,
        cas=cas,
    )
    for block in kept if kept is not None else blocks(text, dialect):
        yield from _block(block, file, context)


def _shared(
    walk: Iterable[Block],
) -> tuple[Rows, Rows, dict[tuple[str, str], str], dict[str, None]]:
    """Given and calculated parameters, CAS numbers, and the kinds of blocks in their order."""
    given: Rows = []
    calculated: Rows = []
    cas: dict[tuple[str, str], str] = {}
    kinds: dict[str, None] = {}
    for block in walk:
        kinds[block.kind] = None
        if block.kind in COMPARTMENTS:
            cas.update(cas_numbers(block))
        elif block.kind in _PARAMETERS + _CALCULATED:
            target = given if block.kind in _PARAMETERS else calculated
            target += [(row[0], row[1]) for row in block.rows(block.kind) if len(row) > 1]
    return given, calculated, cas, kinds


def _block(block: Block, file: SimaProFile, context: ReadContext) -> Iterator[Record]:
    if block.kind in ("process", "product stage"):
        if is_nameless(block):
            reason = f"the {block.kind} on line {block.line} names neither itself nor a product"
            context.skip(file.path, reason, block.text("process identifier"))
            return
        context.report.unmapped.update(f"simapro:{name}" for name in unmapped(block))
        yield process_record(block, file)
    elif block.kind == "method":
        yield from method_records(block, file)
    elif block.kind in COMPARTMENTS:
        yield from flow_records(block, file)
    elif block.kind in ("system description", "literature reference"):
        context.report.unmapped[f"simapro:{block.kind} (block)"] += 1


READER = SimaProReader()
