"""Records as a TIDAS package: a folder or a zip of one JSON file per data set.

Flows are written first, because processes point to them for their units; until all are known the
processes wait in a temporary file, so that memory stays flat.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import orjson

from lca_rag.errors import LcaRagError
from lca_rag.export.report import ExportReport
from lca_rag.export.tidas_flows import Flows, flow_set, supporting_sets
from lca_rag.export.tidas_processes import left_out, process_set
from lca_rag.export.tidas_trees import Tree
from lca_rag.readers.prose import is_uuid
from lca_rag.record import NO_VERSION, Record
from lca_rag.record_json import from_json, to_json

_Put = Callable[[str, bytes], None]


def write_folder(records: Iterable[Record], path: Path, report: ExportReport) -> None:
    """A TIDAS package as a folder, which must be new or empty.

    Raises:
        LcaRagError: If there is something in the folder already.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise LcaRagError(f"{path}: a TIDAS export needs a new or an empty folder; name another")
    path.mkdir(parents=True, exist_ok=True)

    def put(name: str, data: bytes) -> None:
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    _write(records, put, report)


def write_zip(records: Iterable[Record], path: Path, report: ExportReport) -> None:
    """A TIDAS package as one zip archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        _write(records, archive.writestr, report)


def _write(records: Iterable[Record], put: _Put, report: ExportReport) -> None:
    sets = _Sets(put, report)
    flows = Flows()
    with _waiting() as (keep, kept):
        for record in records:
            if record.kind == "flow":
                flows.learn(record)
                if sets.put("flows", record.uuid, record.version, flow_set(record, flows)):
                    report.left_out.update(left_out(record))
            elif record.kind == "process":
                keep(record)
            else:
                report.left_out[f"record of kind {record.kind!r}"] += 1
        for record in kept():
            tree = process_set(record, flows)
            if sets.put("processes", record.uuid, record.version, tree):
                report.left_out.update(left_out(record))
    for uuid, stub in flows.stubs.items():
        tree = flow_set(stub, flows)
        sets.put("flows", uuid, stub.version, tree, counted="flows made of exchanges")
    for folder, uuid, tree in supporting_sets(flows):
        sets.put(folder, uuid, NO_VERSION, tree)


class _Sets:
    """Writes data sets, each id and version once."""

    def __init__(self, put: _Put, report: ExportReport) -> None:
        self._put = put
        self._report = report
        self._names: set[str] = set()

    def put(
        self, folder: str, uuid: str, version: str, tree: Tree, *, counted: str | None = None
    ) -> bool:
        """Write one data set; what cannot have a file of its own is counted as left out."""
        name = f"{folder}/{uuid}_{_safe(version)}.json"
        if not is_uuid(uuid):
            self._report.left_out[f"data set in {folder} whose id is no UUID"] += 1
            return False
        if name in self._names:
            self._report.left_out["record with the id and version of another one"] += 1
            return False
        self._names.add(name)
        self._put(name, orjson.dumps(tree, option=orjson.OPT_INDENT_2))
        self._report.written[counted or folder] += 1
        return True


def _safe(version: str) -> str:
    """A version as part of a file name."""
    return "".join(sign if sign.isalnum() or sign == "." else "-" for sign in version)


@contextmanager
def _waiting() -> Iterator[tuple[Callable[[Record], None], Callable[[], Iterator[Record]]]]:
    """A place on disk where records wait: one function to put them there, one to take them."""
    with TemporaryFile() as file:

        def keep(record: Record) -> None:
            file.write(to_json(record) + b"\n")

        def kept() -> Iterator[Record]:
            file.seek(0)
            return map(from_json, file)

        yield keep, kept
