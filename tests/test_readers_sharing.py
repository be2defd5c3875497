"""Several processes read a big source: what comes out, and how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lca_rag.errors import ReadError
from lca_rag.index import Index
from lca_rag.readers import ReadReport, Records, Skip, Together, files, read, sharing, stream
from lca_rag.readers.pool import SWITCH, Pool
from lca_rag.record import Provenance, Record
from tests.hash_encoder import HashEncoder
from tests.test_readers_ecospold import exchange1, file1, master_archive, product, spold1, spold2
from tests.test_readers_jsonld import exchange, flow, package, process

DATA = Path(__file__).parent / "data"
COPIES = 12
"""How often each data set of a fixture is written, under UUIDs of its own."""


class WatchedPool(Pool):
    """A pool that remembers its processes."""

    started: list[subprocess.Popen[bytes]]

    def __init__(self, size: int, label: str) -> None:
        super().__init__(size, label)
        WatchedPool.started = list(self._workers)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fixtures count as big sources; and no worker outlives the test that started it."""
    WatchedPool.started = []
    monkeypatch.setattr(stream, "MANY", 5)
    monkeypatch.setattr(stream, "Pool", WatchedPool)
    monkeypatch.setattr(sharing, "WIDE", 8)
    monkeypatch.setattr(sharing, "_TOGETHER", 3)
    yield
    assert all(worker.poll() is not None for worker in WatchedPool.started)


Outcome = tuple[list[tuple[Record, Provenance | None]], ReadReport, list[Skip]]


def outcome(path: Path, workers: int) -> Outcome:
    report, skipped = ReadReport(), list[Skip]()
    WatchedPool.started = []
    found = read(path, database="x", report=report, on_skip=skipped.append, workers=workers)
    records = [(record, record.provenance) for record in found]
    assert bool(WatchedPool.started) == (workers > 1)
    return records, report, skipped


def assert_same(path: Path) -> Outcome:
    """Records, provenance, counts and skips of three workers are those of one process."""
    alone = outcome(path, 1)
    assert outcome(path, 3) == alone
    return alone


def multiplied(folder: Path) -> Path:
    """The fixtures of ILCD many times: flows and processes refer to those of their own copy."""
    for path in (DATA / "ilcd").rglob("*.xml"):
        text = path.read_text(encoding="utf-8")
        for copy in range(COPIES):
            target = folder / path.parent.name / f"{path.stem}-{copy:02d}.xml"
            target.parent.mkdir(parents=True, exist_ok=True)
            own = text.replace("0000-4000-8000", f"{copy:04d}-4000-8000")
            target.write_text(own, encoding="utf-8")
    return folder


def zipped(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return target


# --- what comes out ------------------------------------------------------------------------


def test_ilcd_with_all_its_rounds(small: None, tmp_path: Path) -> None:
    records, report, _ = assert_same(multiplied(tmp_path / "ilcd"))
    kinds = {record.kind for record, _ in records}
    assert kinds == {"flow", "process", "method", "model"}
    assert report.unmapped
    assert report.repaired
    assert any(x.unit == "kg" for record, _ in records for x in record.exchanges)


def test_zip_and_zip_in_a_zip(small: None, tmp_path: Path) -> None:
    archive = zipped(multiplied(tmp_path / "ilcd"), tmp_path / "plain.zip")
    assert len(assert_same(archive)[0]) > 100
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as outer:
        outer.write(archive, "inner.zip")
    assert len(assert_same(tmp_path / "outer.zip")[0]) > 100


def test_openlca_flows_are_known_before_processes(small: None, tmp_path: Path) -> None:
    flows = [flow(**{"@id": f"f{n}", "cas": f"50-00-{n}"}) for n in range(30)]
    made = [
        process(
            **{
                "@id": f"p{n}",
                "unheard of": "x",
                "exchanges": [exchange(flow={"@type": "Flow", "@id": f"f{n}", "name": "f"})],
            }
        )
        for n in range(30)
    ]
    records, report, _ = assert_same(package(tmp_path / "olca", *flows, *made))
    assert {x.cas for record, _ in records for x in record.exchanges} == {
        f"50-00-{n}" for n in range(30)
    }
    assert report.unmapped["jsonld:Process.unheard of"] == 30


def test_ecospold_2_with_master_data(small: None, tmp_path: Path) -> None:
    archive = master_archive(tmp_path / "ecoinvent.zip")
    bare = (
        product()
        .replace('<unitName xml:lang="en">kg</unitName>', "")
        .replace('id="x"', 'id="x" unitId="u"')
    )
    with zipfile.ZipFile(archive, "a") as more:
        for n in range(30):
            more.writestr(f"datasets/{n}.spold", spold2(bare, activity=f"activity {n}"))
    records, report, _ = assert_same(archive)
    assert report.read == {"ecospold2/flow": 2, "ecospold2/process": 31}
    assert {x.unit for record, _ in records for x in record.exchanges} == {"kg"}


def test_ecospold_1(small: None, tmp_path: Path) -> None:
    for n in range(30):
        text = file1(spold1(exchange1("0"), number=str(n)), spold1(number=f"9{n}"))
        (tmp_path / f"{n}.xml").write_text(text, encoding="utf-8")
    assert len(assert_same(tmp_path)[0]) == 60


def test_tidas_members_with_data_sets_of_other_rounds(small: None, tmp_path: Path) -> None:
    """A process that follows its own flow in a list, and one that needs the flow of another."""
    text = json.loads((DATA / "tidas" / "shapes.json").read_text(encoding="utf-8"))
    information = text["processDataSet"]["processInformation"]["dataSetInformation"]
    given = {
        "flowDataSet": {
            "flowInformation": {
                "dataSetInformation": {
                    "common:UUID": "",
                    "name": {"baseName": {"@xml:lang": "en", "#text": ""}},
                }
            }
        }
    }
    for n in range(60):
        information["common:UUID"] = f"00000000-0000-4000-8000-{n:012d}"
        text["processDataSet"]["exchanges"] = {
            "exchange": {
                "@dataSetInternalID": "1",
                "exchangeDirection": "Input",
                "meanAmount": "1",
                "referenceToFlowDataSet": {
                    "@refObjectId": f"10000000-0000-4000-8000-{n // 2:012d}"
                },
            }
        }
        flow_information = given["flowDataSet"]["flowInformation"]["dataSetInformation"]
        flow_information["common:UUID"] = f"10000000-0000-4000-8000-{n // 2:012d}"
        flow_information["name"]["baseName"]["#text"] = f"flow {n // 2}"  # type: ignore[index]
        pair = [text, given] if n % 2 == 0 else [text]
        (tmp_path / f"{n:02d}.json").write_text(json.dumps(pair), encoding="utf-8")
    records, _, _ = assert_same(tmp_path)
    names = [str(x.flow.join()) for record, _ in records for x in record.exchanges]
    assert names == [f"flow {n // 2}" for n in range(60)]


def test_faults_are_told_in_the_order_of_one_process(small: None, tmp_path: Path) -> None:
    folder = multiplied(tmp_path / "ilcd")
    processes = sorted((folder / "processes").iterdir())
    processes[5].write_bytes(processes[5].read_bytes()[:-40])
    processes[40].write_text("<processDataSet/>", encoding="utf-8")
    archive = zipped(folder, tmp_path / "faults.zip")
    with zipfile.ZipFile(archive) as found:
        info = found.getinfo("processes/census-07.xml")
    data = bytearray(archive.read_bytes())
    start = info.header_offset + 30 + len(info.filename)
    data[start + info.compress_size - 20] ^= 0xFF  # past what a look at its head unpacks
    archive.write_bytes(data)
    _, _, skipped = assert_same(archive)
    assert [Path(skip.path).name for skip in skipped] == sorted(
        ["census-07.xml", processes[5].name, processes[40].name]
    )
    assert any("damaged" in skip.reason for skip in skipped)


def test_a_file_that_vanishes_is_told(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_KEPT_BYTES", 0)  # what is kept in memory cannot vanish
    folder = multiplied(tmp_path / "ilcd")
    skipped: list[Skip] = []
    with read(folder, database="x", on_skip=skipped.append, workers=2) as records:
        next(records)
        (folder / "processes" / "full-11.xml").unlink()
        rest = sum(1 for _ in records)
    assert rest > 100
    assert [Path(skip.path).name for skip in skipped] == ["full-11.xml"]


def test_work_that_no_worker_can_do_is_told(small: None, tmp_path: Path) -> None:
    unknown = stream.Work("lca_rag.readers.transport", "nothing of this name")
    with pytest.raises(ReadError, match="ended before its time"):
        list(read(multiplied(tmp_path / "ilcd"), database="x", workers=2).through(unknown, list))


def test_real_archives(small: None, shared: Path) -> None:
    for name in ("uslci-2024-jsonld-v2", "tiangong-tidas"):
        path = next((shared / "data" / name).glob("*.zip"))
        assert len(assert_same(path)[0]) > 1000


# --- how they end --------------------------------------------------------------------------


@pytest.mark.parametrize("leave", [lambda records: records.close(), lambda _: None])
def test_a_consumer_that_stops_early_ends_them(
    small: None, tmp_path: Path, leave: Callable[[Records], None]
) -> None:
    records = read(multiplied(tmp_path / "ilcd"), database="x", workers=2)
    next(records)
    assert len(WatchedPool.started) == 2
    leave(records)
    del records
    assert all(worker.poll() is not None for worker in WatchedPool.started)


def test_an_error_of_the_consumer_ends_them(small: None, tmp_path: Path) -> None:
    def fail() -> None:
        with read(multiplied(tmp_path / "ilcd"), database="x", workers=2) as records:
            next(records)
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fail()
    assert len(WatchedPool.started) == 2


def test_a_worker_that_dies_is_a_sentence(small: None, tmp_path: Path) -> None:
    folder = multiplied(tmp_path / "ilcd")
    records = read(folder, database="x", workers=2)
    next(records)
    WatchedPool.started[1].kill()
    with pytest.raises(ReadError, match="ended before its time") as caught:
        list(records)
    assert caught.value.path == str(folder)
    assert f"{SWITCH}=1" in str(caught.value)


SCRIPT = """
import os, sys, time
from lca_rag.readers import read, sharing, stream
stream.MANY, sharing.WIDE, sharing._TOGETHER = 5, 8, 1
records = read(sys.argv[1], database="x", workers=2)
next(records)
children = [
    pid for pid in os.listdir("/proc") if pid.isdigit()
    and open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1] == str(os.getpid())
]
print(*children, flush=True)
for record in records:
    time.sleep(0.05)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_whoever_ends_the_owner_ends_them(tmp_path: Path, end: signal.Signals) -> None:
    """The script has no main guard: workers do not run it again."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    owner = subprocess.Popen(
        [sys.executable, str(script), str(multiplied(tmp_path / "ilcd"))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    children = [int(pid) for pid in owner.stdout.readline().split()]
    assert len(children) == 2
    owner.send_signal(end)
    _, said = owner.communicate(timeout=30)
    assert said.count("Traceback") == (end == signal.SIGINT), "only the owner's own interrupt"
    deadline = time.monotonic() + 10
    while any(map(alive, children)):
        assert time.monotonic() < deadline, "a worker outlived its owner"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


# --- when they start -----------------------------------------------------------------------


def no_pool(*_: object) -> Pool:
    raise AssertionError("a worker was started")


def test_small_sources_start_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "Pool", no_pool)
    monkeypatch.setattr(stream, "MANY", 1_000)
    assert len(list(read(multiplied(tmp_path / "ilcd"), database="x", workers=4))) > 100


def test_openlca_starts_them_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "Pool", no_pool)
    monkeypatch.setattr(stream, "MANY", 10)
    flows = package(tmp_path, *(flow(**{"@id": f"f{n}"}) for n in range(50)))
    assert len(list(read(flows, database="x", workers=2))) == 50
    package(tmp_path, *(flow(**{"@id": f"f{n}"}) for n in range(51)))
    with pytest.raises(AssertionError, match="a worker was started"):
        next(read(flows, database="x", workers=2))


@pytest.mark.parametrize("said", ["1", "0"])
def test_the_environment_turns_them_off(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setattr(stream, "Pool", no_pool)
    monkeypatch.setenv(SWITCH, said)
    assert len(list(read(multiplied(tmp_path / "ilcd"), database="x"))) > 100


def test_the_environment_says_how_many(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, "3")
    assert len(list(read(multiplied(tmp_path / "ilcd"), database="x"))) > 100
    assert len(WatchedPool.started) == 3
    monkeypatch.setenv(SWITCH, "many")
    with pytest.raises(ReadError, match="is no number of processes"):
        read(tmp_path, database="x")


def test_a_worker_is_light() -> None:
    code = (
        "import sys, lca_rag.readers.worker\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'chromadb', 'openpyxl'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": ""})


# --- into an index -------------------------------------------------------------------------


def stored(folder: Path) -> list[tuple[object, ...]]:
    with Index.open(folder) as index:
        return index._catalogue.rows(
            "SELECT r.*, b.body, b.fields, v.document FROM records r JOIN bodies b USING (content) "
            "JOIN vectors v ON v.text = r.text ORDER BY r.id"
        )


def test_an_index_made_by_workers_is_the_same(
    small: None, tmp_path: Path, hash_encoder: HashEncoder
) -> None:
    """With a set that comes twice, one that cannot be told apart, and a second run."""
    folder = multiplied(tmp_path / "ilcd")
    for name in ("full-03.xml", "full-04.xml"):
        again = (folder / "processes" / name).read_text(encoding="utf-8")
        if name == "full-04.xml":
            again = again.replace("</common:generalComment>", "other</common:generalComment>", 1)
        (folder / "processes" / f"z-{name}").write_text(again, encoding="utf-8")
    reports = []
    for workers in (1, 3):
        with Index.open(tmp_path / f"index{workers}", encoder=hash_encoder) as index:
            for _ in range(2):
                source = read(folder, database="x", workers=workers)
                reports.append(index.sync(Together([source])))
    new, known = reports[:2]
    assert (new.duplicates, len(new.skipped)) == (2, 1)
    assert known.unchanged == new.added > 100
    assert reports[2:] == [new, known]
    assert stored(tmp_path / "index1") == stored(tmp_path / "index3")


def test_what_was_taken_is_not_stored_again(tmp_path: Path, hash_encoder: HashEncoder) -> None:
    source = read(multiplied(tmp_path / "ilcd"), database="x")
    first = next(source)
    with Index.open(tmp_path / "index", encoder=hash_encoder) as index:
        assert index.sync(source).read > 100
        assert index.get(first.id) is None


def test_a_worker_takes_no_module_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("open('was_run', 'w').close()")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    with closing(Pool(1, "some.zip")):
        time.sleep(1.0)  # the module would be imported first of all
    assert not (tmp_path / "was_run").exists()
