"""Read an archive of 2 GB and 200,000 records; print speed, its steadiness, and peak memory.

    python -m benchmarks.readers_scale [--records 200000] [--format ilcd|tidas] [--keep FILE]
        [--workers 1 2 ...] [--hash]

The archive is synthetic: half flows, half processes of 15 exchanges that refer to them. Reading
runs in a process of its own, once for each number of workers; peak memory is `VmHWM` of it and of
each worker, because `ru_maxrss` of a child starts at its parent's. `--hash` proves equal records
and costs processor time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import xmltodict

PROSE = "A made-up step that turns made-up inputs into a made-up product for the sake of size. "
READ = """
import json, os, resource, sys, time
from pathlib import Path
from lca_rag.readers import ReadReport, read
from lca_rag.record_json import to_json
import hashlib

def peak(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if "VmHWM" in line)) / 1024

def workers():
    tasks = Path("/proc/self/task").iterdir()
    return [pid for task in tasks for pid in (task / "children").read_text().split()]

report, marks, digest, peaks = ReadReport(), [], hashlib.sha256(), {}
start = time.perf_counter()
last = time.process_time()
for number, record in enumerate(
    read(sys.argv[1], database="scale", report=report, workers=int(sys.argv[2])), 1
):
    if sys.argv[3] == "hash":
        digest.update(to_json(record))
    if number % 10_000 == 0:
        now = time.process_time()
        marks.append((record.kind, round(10_000 / (now - last))))
        last = now
        peaks.update((pid, peak(pid)) for pid in workers())
seconds = time.perf_counter() - start
others = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({
    "records": number, "seconds": seconds, "cpu": time.process_time(),
    "workers_cpu": others.ru_utime + others.ru_stime,
    "peak_mb": peak("self"), "workers_mb": list(peaks.values()), "load": os.getloadavg()[0],
    "speeds": marks, "skipped": len(report.skipped), "read": dict(report.read),
    "digest": digest.hexdigest()[:16],
}))
"""
COMMON = 'xmlns:common="http://lca.jrc.it/ILCD/Common"'


def uuid(kind: int, number: int) -> str:
    return f"{kind:08d}-0000-4000-8000-{number:012d}"


def unit_group() -> str:
    return f"""<unitGroupDataSet xmlns="http://lca.jrc.it/ILCD/UnitGroup" {COMMON}>
<unitGroupInformation><dataSetInformation><common:UUID>{uuid(1, 0)}</common:UUID>
</dataSetInformation><quantitativeReference><referenceToReferenceUnit>0</referenceToReferenceUnit>
</quantitativeReference></unitGroupInformation>
<units><unit dataSetInternalID="0"><name>kg</name></unit></units></unitGroupDataSet>"""


def flow_property() -> str:
    return f"""<flowPropertyDataSet xmlns="http://lca.jrc.it/ILCD/FlowProperty" {COMMON}>
<flowPropertiesInformation><dataSetInformation><common:UUID>{uuid(2, 0)}</common:UUID>
<common:name xml:lang="en">Mass</common:name></dataSetInformation><quantitativeReference>
<referenceToReferenceUnitGroup refObjectId="{uuid(1, 0)}"/></quantitativeReference>
</flowPropertiesInformation></flowPropertyDataSet>"""


def flow(number: int) -> str:
    return f"""<flowDataSet xmlns="http://lca.jrc.it/ILCD/Flow" {COMMON} version="1.1">
<flowInformation><dataSetInformation><common:UUID>{uuid(3, number)}</common:UUID>
<name><baseName xml:lang="en">Material {number}</baseName></name>
<common:synonyms xml:lang="en">substance {number};stuff {number * 7}</common:synonyms>
<classificationInformation><common:classification>
<common:class level="0">Materials</common:class>
<common:class level="1">Group {number % 50}</common:class></common:classification>
</classificationInformation>
<common:generalComment xml:lang="en">{PROSE * 20}</common:generalComment>
</dataSetInformation><quantitativeReference>
<referenceToReferenceFlowProperty>0</referenceToReferenceFlowProperty></quantitativeReference>
</flowInformation><modellingAndValidation><LCIMethod><typeOfDataSet>Product flow</typeOfDataSet>
</LCIMethod></modellingAndValidation><administrativeInformation><publicationAndOwnership>
<common:dataSetVersion>01.00.000</common:dataSetVersion></publicationAndOwnership>
</administrativeInformation><flowProperties><flowProperty dataSetInternalID="0">
<referenceToFlowPropertyDataSet refObjectId="{uuid(2, 0)}"><common:shortDescription xml:lang="en">
Mass</common:shortDescription></referenceToFlowPropertyDataSet><meanValue>1.0</meanValue>
</flowProperty></flowProperties></flowDataSet>"""


def exchange(number: int, index: int, flows: int) -> str:
    target = (number * 31 + index * 977) % flows
    direction = "Output" if index == 0 else "Input"
    amount = (number + index) / 7
    return f"""<exchange dataSetInternalID="{index}"><referenceToFlowDataSet type="flow data set"
refObjectId="{uuid(3, target)}" uri="../flows/{uuid(3, target)}.xml">
<common:shortDescription xml:lang="en">Material {target}</common:shortDescription>
</referenceToFlowDataSet><exchangeDirection>{direction}</exchangeDirection>
<meanAmount>{amount}</meanAmount><resultingAmount>{amount}</resultingAmount>
<dataDerivationTypeStatus>Calculated</dataDerivationTypeStatus>
<generalComment xml:lang="en">{PROSE}</generalComment></exchange>"""


def process(number: int, flows: int) -> str:
    exchanges = "".join(exchange(number, index, flows) for index in range(15))
    return f"""<processDataSet xmlns="http://lca.jrc.it/ILCD/Process" {COMMON} version="1.1">
<processInformation><dataSetInformation><common:UUID>{uuid(4, number)}</common:UUID>
<name><baseName xml:lang="en">Production of material {number}</baseName></name>
<classificationInformation><common:classification><common:class level="0">Steps</common:class>
</common:classification></classificationInformation>
<common:generalComment xml:lang="en">{PROSE * 40}</common:generalComment></dataSetInformation>
<quantitativeReference type="Reference flow(s)">
<referenceToReferenceFlow>0</referenceToReferenceFlow></quantitativeReference>
<time><common:referenceYear>{2000 + number % 25}</common:referenceYear></time>
<geography><locationOfOperationSupplyOrProduction location="CN"/></geography><technology>
<technologyDescriptionAndIncludedProcesses xml:lang="en">{PROSE * 30}
</technologyDescriptionAndIncludedProcesses></technology></processInformation>
<modellingAndValidation><LCIMethodAndAllocation><typeOfDataSet>Unit process, single operation
</typeOfDataSet></LCIMethodAndAllocation></modellingAndValidation><administrativeInformation>
<publicationAndOwnership><common:dataSetVersion>01.00.000</common:dataSetVersion>
</publicationAndOwnership></administrativeInformation><exchanges>{exchanges}</exchanges>
</processDataSet>"""


def as_is(xml: str) -> tuple[str, str]:
    return xml, "xml"


def as_tidas(xml: str) -> tuple[str, str]:
    return json.dumps(xmltodict.parse(xml)), "json"


def build(path: Path, records: int, convert: Callable[[str], tuple[str, str]]) -> int:
    """Write the archive; gives the number of unpacked bytes."""
    flows = records // 2
    size = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:

        def add(folder: str, name: str, xml: str) -> None:
            nonlocal size
            text, suffix = convert(xml)
            size += len(text)
            archive.writestr(f"ILCD/{folder}/{name}.{suffix}", text)

        add("unitgroups", uuid(1, 0), unit_group())
        add("flowproperties", uuid(2, 0), flow_property())
        for number in range(flows):
            add("flows", uuid(3, number), flow(number))
        for number in range(records - flows):
            add("processes", uuid(4, number), process(number, flows))
    return size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--format", choices=("ilcd", "tidas"), default="ilcd")
    parser.add_argument("--keep", type=Path, help="where to keep the archive, or where it is")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--hash", action="store_true", help="print a hash of all records")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.keep or Path(folder, "scale.zip")
        if not path.exists():
            start = time.perf_counter()
            size = build(path, options.records, as_is if options.format == "ilcd" else as_tidas)
            seconds = time.perf_counter() - start
            print(
                f"built {options.records:,} records, {size / 1e9:.2f} GB unpacked, "
                f"in {seconds:.0f} s"
            )
        for workers in options.workers:
            measure(path, workers, "hash" if options.hash else "plain")


def measure(path: Path, workers: int, mode: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path), str(workers), mode],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    cpu = found["cpu"] + found["workers_cpu"]
    peaks = [found["peak_mb"], *found["workers_mb"]]
    print(
        f"{workers} workers: read {found['records']:,} records in {found['seconds']:.0f} s "
        f"({found['records'] / found['seconds']:,.0f}/s), {cpu:.0f} s of processor time, "
        f"{found['cpu']:.0f} s of it in this process ({found['records'] / cpu:,.0f}/s); "
        f"peak memory {sum(peaks):.0f} MB ({' + '.join(f'{peak:.0f}' for peak in peaks)}), "
        f"{found['skipped']} skipped; load {found['load']:.1f}; hash {found['digest']}"
    )
    for kind in ("flow", "process"):
        speeds = [speed for name, speed in found["speeds"] if name == kind]
        if speeds and workers < 2:
            print(f"{kind}s per second of processor time: {', '.join(map(str, speeds))}")


if __name__ == "__main__":
    main()
