"""Small seeds of every format, ways to break them, and what reading a broken file may do."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

from openpyxl import Workbook

from lca_rag.errors import ReadError
from lca_rag.readers import Skip, read
from lca_rag.record_json import from_json, to_json
from lca_rag.render import embedding_text, evidence, search_text

DATA = Path(__file__).parent / "data"
Seed = tuple[str, bytes]
"""Suffix and content of a file."""

_SPOLD1 = """<?xml version="1.0"?><ecoSpold xmlns="http://www.EcoInvent.org/EcoSpold01">
<dataset number="7"><metaInformation><processInformation><referenceFunction name="Acid, at plant"
category="chemicals" subCategory="inorganics" amount="2" unit="kg" generalComment="One&#xA;two">
<synonym>acid</synonym></referenceFunction><geography location="RER" text="Europe"/><timePeriod
text="years"><startYear>2001</startYear><endYear>2005</endYear></timePeriod><dataSetInformation
type="1" version="2.1" languageCode="en"/></processInformation></metaInformation><flowData>
<exchange number="1" name="Acid" unit="kg" meanValue="1"><outputGroup>0</outputGroup></exchange>
<exchange number="2" name="Carbon dioxide" category="air" subCategory="unspecified" unit="kg"
CASNumber="000124-38-9" meanValue="1.5e-3"><outputGroup>4</outputGroup></exchange></flowData>
</dataset></ecoSpold>"""
_SPOLD2 = """<?xml version="1.0"?><ecoSpold xmlns="http://www.EcoInvent.org/EcoSpold02">
<activityDataset><activityDescription><activity id="00000000-0000-4000-8000-00000000000a" type="1">
<activityName xml:lang="en">block production</activityName><generalComment><text xml:lang="en"
index="1">Made up</text></generalComment></activity><geography geographyId="g"><shortname
xml:lang="en">DE</shortname></geography><timePeriod startDate="2001-01-01" endDate="2018-12-31"/>
</activityDescription><flowData><intermediateExchange id="x" amount="1"
intermediateExchangeId="00000000-0000-4000-8000-00000000000b"><name xml:lang="en">block</name>
<unitName xml:lang="en">kg</unitName><outputGroup>0</outputGroup></intermediateExchange>
<elementaryExchange id="y" amount="0.5" elementaryExchangeId="00000000-0000-4000-8000-00000000000c">
<name xml:lang="en">Methane</name><unitName xml:lang="en">kg</unitName><compartment><compartment
xml:lang="en">air</compartment><subcompartment xml:lang="en">low</subcompartment></compartment>
<outputGroup>4</outputGroup></elementaryExchange></flowData></activityDataset></ecoSpold>"""
_SIMAPRO = """{SimaPro 9.5.0.0}\r\n{processes}\r\n{CSV separator: Semicolon}
{Decimal separator: ,}\r\n{Short date format: dd/MM/yyyy}\r\n\r\nProcess\r\n\r\nCategory type
material\r\n\r\nProcess identifier\r\nID1\r\n\r\nType\r\nUnit process\r\n\r\nGeography
Europe\r\n\r\nComment\r\n"A comment; in\x7ftwo lines"\r\n\r\nProducts
Steel;kg;1,5;60;not defined;Metals\\Steel;\r\nSlag;kg;0,2;40;not defined;Metals\\Slag;\r\n
Materials/fuels\r\nOre;kg;2,5;Undefined;0;0;0;\r\n\r\nEmissions to air
Carbon dioxide;low. pop.;kg;1,9;Undefined;0;0;0;\r\n\r\nEnd\r\n\r\n"""
_FACTORS = """2017 NAICS Code,2017 NAICS Title,GHG,Unit,\
Supply Chain Emission Factors without Margins,\
Margins of Supply Chain Emission Factors,\
Supply Chain Emission Factors with Margins,\
Reference USEEIO Code
111110,Soybean Farming,All GHGs,"kg CO2e/2022 USD, purchaser price",0.488,0.044,0.532,1111A0
111120,Oilseed Farming,All GHGs,"kg CO2e/2022 USD, purchaser price",0.5,0.04,0.54,1111A0
"""
_OPENLCA = {
    "processes/p.json": {
        "@context": "http://greendelta.github.io/olca-schema/context.jsonld",
        "@type": "Process",
        "@id": "00000000-0000-4000-8000-000000000001",
        "name": "Steel production",
        "version": "00.00.003",
        "location": {"@type": "Location", "@id": "de", "name": "Germany"},
        "processDocumentation": {"validFrom": "2001-01-01", "timeDescription": "years"},
        "exchanges": [
            {
                "@type": "Exchange",
                "flow": {"@type": "Flow", "@id": "f", "name": "Steel", "flowType": "PRODUCT_FLOW"},
                "unit": {"@type": "Unit", "name": "kg"},
                "isQuantitativeReference": True,
                "amount": 1.0,
            }
        ],
    },
    "flows/f.json": {
        "@type": "Flow",
        "@id": "f",
        "name": "Steel",
        "flowType": "PRODUCT_FLOW",
        "flowProperties": [{"isRefFlowProperty": True, "flowProperty": {"name": "Mass"}}],
    },
    "olca-schema.json": {"version": 2},
}


_OPENLCA_MORE = [
    {
        "@type": "Epd",
        "@id": "e",
        "name": "Brick",
        "product": {"flow": {"@id": "f", "name": "Steel"}, "amount": 1.0},
        "modules": [{"name": "A1-A3", "result": {"@id": "r"}, "multiplier": 0.5}],
    },
    {"@type": "Result", "@id": "r", "impactResults": [{"indicator": {"name": "GWP"}, "amount": 2}]},
    {"@type": "ImpactMethod", "@id": "m", "name": "EF", "impactCategories": [{"@id": "c"}]},
    {"@type": "ImpactCategory", "@id": "c", "name": "Climate change", "refUnit": "kg CO2-Eq"},
    {"@type": "UnitGroup", "@id": "u", "units": [{"name": "kg", "isRefUnit": True}]},
]
_BRIGHTWAY = [
    {
        "name": "steel making",
        "code": "p",
        "database": "m",
        "type": "process",
        "exchanges": [
            {"input": ["m", "s"], "amount": 2.0, "type": "production", "loc": float("nan")},
            {"input": ["m", "p"], "amount": 0.5, "type": "technosphere"},
        ],
    },
    {"name": "steel", "code": "s", "database": "m", "type": "product", "unit": "kilogram"},
]
_SIMAPRO_UNDECLARED = """{SimaPro 8.5}\n{processes}\n\nProcess\n\nProcess identifier\nID2

Time period\n2010 and after\n\nProducts\nSteel {DE}| production | Cut-off, U;kg;1,5;100;;Metals;\n
Materials/fuels\nOre;kg;"Iff(yield>2; 1,5; max(2,5; yield))";Undefined;0;0;0;\n
Input parameters\nyield;0,9;Undefined;0;0;0;No;\n
Calculated parameters\nlambda;yield^2;\n\nEnd\n"""


def seeds() -> list[Seed]:
    """Small files of every format."""
    found = [
        (path.suffix, path.read_bytes())
        for folder in ("ilcd", "tidas", "brightway", "jsonld")
        for path in sorted((DATA / folder).rglob("*"))
        if path.is_file()
    ]
    found += [
        (".xml", _SPOLD1.encode()),
        (".spold", _SPOLD2.encode()),
        (".csv", _SIMAPRO.encode("cp1252")),
        (".csv", _FACTORS.encode()),
        (".json", json.dumps(_OPENLCA["processes/p.json"]).encode()),
        (".json", json.dumps(_OPENLCA["flows/f.json"]).encode()),
        (".zip", _zipped({name: json.dumps(v).encode() for name, v in _OPENLCA.items()})),
        (".zip", _zipped({"a.spold": _SPOLD2.encode(), "b/in.zip": _zipped({"c.xml": b"<c/>"})})),
        (".xlsx", _workbook()),
        (".json", json.dumps([*_OPENLCA.values(), *_OPENLCA_MORE]).encode()),
        (".json", json.dumps(_BRIGHTWAY).encode()),
        (".csv", _SIMAPRO_UNDECLARED.encode("cp1252")),
    ]
    record = next(read(DATA / "ilcd" / "processes" / "full.xml", database="x"))
    return [*found, (".jsonl", to_json(record) + b"\n" + to_json(record))]


def _zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _workbook() -> bytes:
    book = Workbook()
    sheet = book.create_sheet("factors", 0)
    for line in _FACTORS.splitlines():
        sheet.append(line.split(",")[:6])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


# --- ways to break a file ------------------------------------------------------------------

_TOKENS = (
    *(b"", b"0", b"-1", b"1e999", b"-1e-999", b"NaN", b"Infinity", b"1,5", b"9" * 400, b"null"),
    *(b"true", b"[]", b"{}", b'""', b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n\n", b"\x7f"),
    *(
        b"<",
        b">",
        b"&",
        b"&#0;",
        b"&#xD800;",
        b"]]>",
        b"<![CDATA[",
        b"<!--",
        b"<?xml?>",
        b"\\ud800",
    ),
    *(b"<a>" * 400, b"[" * 3000, b'{"a":' * 900, b";" * 300, b'"', b"'", b"{", b"}", b"\\"),
    b'<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;&a;">]>',
    b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
    *("钢；".encode(), "é".encode("latin-1"), "钢".encode("gb18030"), "\u2028\u202e".encode()),
    *(b"../../x", b"C:\\x", b"0001-01-01", b"9999-99-99T99:99:99", b"00.00.00.00", b"en", b"zh"),
)
Mutation = Callable[[bytes, random.Random], bytes]


def _span(data: bytes, source: random.Random, most: int = 200) -> tuple[int, int]:
    start = source.randrange(len(data) + 1)
    return start, min(len(data), start + source.randrange(1, most))


def _flip(data: bytes, source: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(source.randrange(1, 9) if out else 0):
        out[source.randrange(len(out))] ^= 1 << source.randrange(8)
    return bytes(out)


def _cut(data: bytes, source: random.Random) -> bytes:
    start, end = _span(data, source)
    return data[:start] + data[end:]


def _repeat(data: bytes, source: random.Random) -> bytes:
    start, end = _span(data, source)
    return data[:end] + data[start:end] * source.choice((1, 2, 50)) + data[end:]


def _move(data: bytes, source: random.Random) -> bytes:
    start, end = _span(data, source)
    rest = data[:start] + data[end:]
    at = source.randrange(len(rest) + 1)
    return rest[:at] + data[start:end] + rest[at:]


def _insert(data: bytes, source: random.Random) -> bytes:
    at = source.randrange(len(data) + 1)
    return data[:at] + source.choice(_TOKENS) + data[at:]


def _replace(data: bytes, source: random.Random) -> bytes:
    """Put a token in the place of a value between quotes, tags or separators."""
    marks = [i for i, byte in enumerate(data) if byte in b'"<>;,:']
    if len(marks) < 2:
        return _insert(data, source)
    first = source.randrange(len(marks) - 1)
    return data[: marks[first] + 1] + source.choice(_TOKENS) + data[marks[first + 1] :]


def _truncate(data: bytes, source: random.Random) -> bytes:
    return data[: source.randrange(len(data) + 1)]


def _recode(data: bytes, source: random.Random) -> bytes:
    text = data.decode("utf-8", errors="replace")
    encoding = source.choice(("utf-16", "utf-32", "latin-1", "cp1252", "gb18030", "utf-8-sig"))
    return text.encode(encoding, errors="replace")


_MUTATIONS: tuple[Mutation, ...] = (
    *(_flip, _cut, _repeat, _move, _insert, _insert, _replace, _replace, _replace),
    *(_truncate, _recode),
)


def mutate(data: bytes, source: random.Random) -> bytes:
    """`data` with one to six faults."""
    for _ in range(source.choice((1, 1, 2, 3, 6))):
        data = source.choice(_MUTATIONS)(data, source)
    return data[: 1 << 20]


# --- what reading may do -------------------------------------------------------------------


def survive(path: Path) -> tuple[int, int]:
    """Read a file as a user would; gives the number of records and of rejections.

    Raises:
        AssertionError: If a rejection does not say where and why, or a record does not survive
            being stored.
    """
    skipped: list[Skip] = []
    count = 0
    refusal: ReadError | None = None
    try:
        for record in read(path, database="fuzz", on_skip=skipped.append):
            count += 1
            for text in (embedding_text(record), search_text(record), evidence(record, limit=20)):
                text.encode()
            assert from_json(to_json(record)) == record
    except ReadError as exc:
        refusal = exc
    assert refusal is None or path.name in str(refusal), refusal
    for skip in skipped:
        assert path.name in skip.path, skip
        assert len(skip.reason.split()) > 2, skip
        assert "Traceback" not in skip.reason, skip
    return count, len(skipped) + (refusal is not None)
