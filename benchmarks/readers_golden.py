"""Our readers beside independent ones: same names, units, amounts and places, and how fast.

    python -m benchmarks.readers_golden --python /path/to/venv/bin/python ... [--out FILE.md]

Each `--python` is an interpreter of an environment that holds some of bw2io, pyecospold,
olca-schema and bw_simapro_csv; none of them is a dependency of lca-rag. A peer reads the same
files in a process of its own and prints what it found; whatever it cannot do is said.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lca_rag.readers import read
from lca_rag.record import Record

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
COPIES = 20
"""How often the small samples are copied, so that times can be measured."""

ExchangeRow = tuple[str, str, float | None]

_PRELUDE = """
import json, sys, time, warnings, logging
from collections import Counter
from pathlib import Path
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
folder, now = Path(sys.argv[1]), time.process_time
class Refusals:
    seen = Counter()
    def __enter__(self): pass
    def __exit__(self, kind, error, trace):
        if error is not None:
            self.seen[f"{kind.__name__}: {error}"[:120]] += 1
        return isinstance(error, Exception) or error is None
refusals = Refusals()
def done(start, sets):
    answer = {"seconds": now() - start, "sets": sets, "refused": refusals.seen.most_common(2)}
    print("\\n@@" + json.dumps(answer))
"""

PEERS: dict[str, dict[str, str]] = {
    "ecospold1": {
        "bw2io": """
from bw2io.extractors import Ecospold1DataExtractor as X
start = now(); found = []
for path in sorted(folder.glob("*.xml")):
    with refusals:
        found += X.extract(str(path), "db", use_mp=False)
done(start, [
    [d["name"], d.get("location"), [[e["name"], e["unit"], e["amount"]] for e in d["exchanges"]]]
    for d in found
])
""",
        "pyecospold": """
from pyecospold import parse_file_v1
start = now(); found = []
for path in sorted(folder.glob("*.xml")):
    with refusals:
        for d in parse_file_v1(str(path)).datasets:
            info = d.metaInformation.processInformation
            rows = [[e.name, e.unit, e.meanValue] for e in d.flowData]
            found.append([info.referenceFunction.name, info.geography.location, rows])
done(start, found)
""",
    },
    "ecospold2": {
        "bw2io": """
from bw2io.extractors import Ecospold2DataExtractor as X
start = now(); found = []
for path in sorted(folder.glob("*.spold")):
    with refusals:
        found.append(X.extract_activity(str(folder), path.name, "db"))
done(start, [
    [d["name"], d["location"], [[e["name"], e["unit"], e["amount"]] for e in d["exchanges"]]]
    for d in found
])
""",
        "pyecospold": """
from pyecospold import parse_file_v2
start = now(); found = []
for path in sorted(folder.glob("*.spold")):
    with refusals:
        root = parse_file_v2(str(path))
        d = next(iter(root.iterchildren()))
        about, flows = d.activityDescription, d.flowData
        rows = [
            [str(e.names[0]), str(e.unitNames[0]), e.amount]
            for e in list(flows.intermediateExchanges) + list(flows.elementaryExchanges)
        ]
        name = about.activity[0].activityNames[0]
        found.append([str(name), str(about.geography[0].shortNames[0]), rows])
done(start, found)
""",
    },
    "jsonld-2": {
        "olca-schema": """
import olca_schema as o, olca_schema.zipio as z
start = now(); found = []
with z.ZipReader(str(next(folder.glob("*.zip")))) as reader:
    for p in reader.read_each(o.Process):
        rows = [[e.flow.name, e.unit.name, e.amount] for e in p.exchanges]
        found.append([p.name, p.location.name if p.location else None, rows])
    flows = sum(1 for _ in reader.read_each(o.Flow))
done(start, found)
""",
    },
    "jsonld-1": {
        "bw2io": """
from bw2io.extractors.json_ld import JSONLDExtractor
start = now()
data = JSONLDExtractor.extract(str(folder))
found = [
    [
        p["name"],
        (p.get("location") or {}).get("name"),
        [[e["flow"]["name"], e["unit"]["name"], e["amount"]] for e in p["exchanges"]],
    ]
    for p in data["processes"].values()
]
done(start, found)
""",
    },
    "simapro": {
        "bw_simapro_csv": """
from bw_simapro_csv import SimaProCSV
start = now(); found = []
for path in sorted(folder.glob("*.csv")):
    with refusals:
        sp = SimaProCSV(path, stderr_logs=False, write_logs=False)
        for block in sp.blocks:
            if type(block).__name__ != "Process":
                continue
            rows = [
                [item["name"], item["unit"], item["amount"]]
                for part in block.blocks.values()
                for item in getattr(part, "parsed", None) or []
                if isinstance(item, dict) and {"name", "unit", "amount"} <= item.keys()
            ]
            found.append([path.name, None, rows])
done(start, found)
""",
    },
}


@dataclass
class Found:
    """What one reader found in one format."""

    seconds: float
    """Processor time, since wall time says more about the neighbours than about the reader."""
    sets: list[tuple[str, str | None, list[ExchangeRow]]]
    refused: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", action="append", default=[], help="interpreter of a peer")
    parser.add_argument("--out", type=Path, help="Markdown file to write the figures to")
    options = parser.parse_args(arguments)
    lines = ["| format | reader | data sets | exchanges | data sets/s (CPU) | equal to ours |"]
    lines.append("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        for form, folder in samples(Path(place)).items():
            ours = our_sets(folder, form)
            lines.append(row(form, "lca-rag", ours, None))
            for name, script in PEERS[form].items():
                theirs, reason = run_peer(options.python, script, folder)
                said = f"| {form} | {name} | {reason} | | | |"
                lines.append(row(form, name, theirs, ours) if theirs else said)
    text = "\n".join(lines) + "\n"
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")
    return 0


def samples(place: Path) -> dict[str, Path]:
    """A folder of the same files for everybody, per format."""
    folders = {form: place / form for form in PEERS}
    for folder in folders.values():
        folder.mkdir()
    for copy in range(COPIES):
        for path in (DATA / "ecospold2-fixtures").rglob("*.spold"):
            shutil.copy(path, folders["ecospold2"] / f"{copy}-{path.parent.name}-{path.name}")
        aluminium = next((DATA / "ecospold1-uslci").glob("Aluminum*")).read_text(encoding="utf-8")
        # The peers validate and refuse the file for its missing geography; so one is added here.
        whole = aluminium.replace("<technology ", '<geography location="RNA"/><technology ', 1)
        (folders["ecospold1"] / f"{copy}.xml").write_text(whole, encoding="utf-8")
        for path in (DATA / "simapro-csv").glob("*.csv"):
            shutil.copy(path, folders["simapro"] / f"{copy}-{path.name}")
    shutil.copy(next((DATA / "uslci-2024-jsonld-v2").glob("*.zip")), folders["jsonld-2"])
    # The peer reads no zip, so both read a folder.
    with zipfile.ZipFile(next((DATA / "uslci-fy17-jsonld-v1").glob("*.zip"))) as archive:
        archive.extractall(folders["jsonld-1"])
    return folders


def our_sets(folder: Path, form: str) -> Found:
    start = time.process_time()
    records = list(read(folder, database="x", on_skip=lambda _: None, workers=1))
    seconds = time.process_time() - start
    return Found(seconds, [as_set(r, form) for r in records if r.kind == "process"])


def as_set(record: Record, form: str) -> tuple[str, str | None, list[ExchangeRow]]:
    place = record.place
    code = place.code if place else None
    if place and form == "jsonld-2":
        code = place.name or place.code  # the peer gives names
    name = str(record.name.base.all()[0])
    if form == "simapro" and record.provenance is not None:
        name, code = record.provenance.path.rpartition("!")[2], None
    return name, code, [(x.flow.all()[0], x.unit or "", x.amount) for x in record.exchanges]


def run_peer(pythons: Iterable[str], script: str, folder: Path) -> tuple[Found | None, str]:
    """What the first interpreter that can run the script finds."""
    reason = "no interpreter was given"
    for python in pythons:
        run = subprocess.run(
            [python, "-c", _PRELUDE + script, str(folder)],
            capture_output=True,
            text=True,
            check=False,
            timeout=1800,
        )
        mark = run.stdout.rfind("@@")
        if run.returncode == 0 and mark >= 0:
            value = json.loads(run.stdout[mark + 2 :])
            sets = [(n, p, [(a, b, c) for a, b, c in rows]) for n, p, rows in value["sets"]]
            refused = "; ".join(f"refused {n} files ({why})" for why, n in value["refused"])
            return Found(value["seconds"], sets, refused), ""
        reason = (run.stderr.strip().splitlines() or ["no output"])[-1][:160]
        if "ModuleNotFoundError" not in reason:
            break
    return None, reason


def row(form: str, name: str, found: Found, ours: Found | None) -> str:
    exchanges = sum(len(rows) for _, _, rows in found.sets)
    speed = len(found.sets) / found.seconds if found.seconds else 0.0
    equal = "" if ours is None else agreement(ours, found)
    equal = "; ".join(part for part in (equal, found.refused) if part).replace("|", "/")
    return f"| {form} | {name} | {len(found.sets)} | {exchanges} | {speed:,.0f} | {equal} |"


def agreement(ours: Found, theirs: Found) -> str:
    """Shares of equal exchanges (name, unit, amount) and places, over the peer's."""
    mine, other = exchange_counts(ours), exchange_counts(theirs)
    same = sum((mine & other).values())
    total = max(sum(other.values()), 1)
    places = [Counter((n.strip(), p) for n, p, _ in found.sets) for found in (ours, theirs)]
    located = sum((places[0] & places[1]).values())
    text = f"{same / total:.2%} of exchanges, "
    text += f"{located / max(len(theirs.sets), 1):.2%} of names and places"
    if other - mine:
        text += f"; theirs only, for example: {next(iter(other - mine))!r}"
    return text


def exchange_counts(found: Found) -> Counter[tuple[str, str, str, str]]:
    return Counter(
        (name.strip(), flow.strip(), unit.strip(), "" if amount is None else f"{float(amount):.9g}")
        for name, _, rows in found.sets
        for flow, unit, amount in rows
    )


if __name__ == "__main__":
    raise SystemExit(main())
