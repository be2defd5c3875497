"""Write the demo database: TIDAS JSON files in one zip, the same bytes on every run.

The tables in `demo_tables/` are ours; every amount in them is illustrative. A family of processes
shares a technology text and a base inventory; each variant (`@ place year valid-until`) overrides
amounts and has its own comment, so that place and year matter in search.

    python -m benchmarks.demo_make [lca_rag/demo/demo.zip]
"""

from __future__ import annotations

import sys
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

import orjson

from benchmarks.demo_read import Family, Flow, families, flows, rows

TARGET = Path(__file__).parents[1] / "lca_rag" / "demo" / "demo.zip"
VERSION = "01.00.000"
Json = dict[str, object]

PROPERTIES = {
    "mass": ("Mass", "质量", "kg", ("t", 1000.0)),
    "volume": ("Volume", "体积", "m3", ("l", 0.001)),
    "energy": ("Net calorific value or heat", "热值或热量", "MJ", ("kWh", 3.6)),
    "electricity": ("Electrical energy", "电能", "kWh", ("MJ", 1 / 3.6)),
    "transport": ("Goods transport (mass*distance)", "货物运输量", "t*km", ("kg*km", 0.001)),
    "persontransport": (
        "Person transport (persons*distance)",
        "旅客运输量",
        "p*km",
        ("p*m", 0.001),
    ),
    "areatime": ("Area time", "面积时间", "m2*a", ("ha*a", 10000.0)),
}
COMPARTMENTS = {
    "air": ("Emissions", "Emissions to air", "Emissions to air, unspecified"),
    "water": ("Emissions", "Emissions to water", "Emissions to fresh water"),
    "res": ("Resources",),
}
TYPES = {"p": "Product flow", "w": "Waste flow"}
METHODS = {
    "gwp": ("Climate change, GWP100, IPCC 2021 factors [kg CO2-eq]", "气候变化，GWP100"),
    "ap": ("Acidification, accumulated exceedance [mol H+-eq]", "酸化"),
    "pe": ("Primary energy, non-renewable, net calorific value [MJ]", "不可再生一次能源"),
}
OWNER = ("lca-rag contributors", "lca-rag 贡献者")
SOURCE = (
    "lca-rag demo tables, illustrative amounts (2026)",
    "lca-rag 演示数据表，示例数值（2026）",
)


def uid(kind: str, key: str) -> str:
    """A UUID that depends on nothing but the key."""
    return str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_DNS, "demo.lca-rag"), f"{kind}/{key}"))


def words(english: str, chinese: str = "") -> object:
    """Multi-language text as TIDAS writes it: a dict when single, a list when several."""
    entries = [{"@xml:lang": "en", "#text": english}]
    if chinese:
        entries.append({"@xml:lang": "zh", "#text": chinese})
    return entries if len(entries) > 1 else entries[0]


def pointer(kind: str, folder: str, key: str, names: tuple[str, str]) -> Json:
    """A reference to another data set of the package."""
    return {
        "@type": f"{kind} data set",
        "@refObjectId": uid(folder, key),
        "common:shortDescription": words(*names),
    }


def root(kind: str, body: Json, *, licence: bool = True) -> Json:
    """A data set with the administration that all of them share."""
    publication: Json = {"common:dataSetVersion": VERSION}
    if licence:
        publication |= {
            "common:referenceToOwnershipOfDataSet": pointer("contact", "contacts", "owner", OWNER),
            "common:copyright": "false",
            "common:licenseType": "Free of charge for all users and uses",
            "common:accessRestrictions": words("MIT licence."),
        }
    administration = {
        "publicationAndOwnership": publication,
    }
    name = kind[0].upper() + kind[1:]
    return {
        f"{kind}DataSet": {
            "@xmlns": f"http://lca.jrc.it/ILCD/{name}",
            "@xmlns:common": "http://lca.jrc.it/ILCD/Common",
            "@version": "1.1",
            **body,
            "administrativeInformation": administration,
        }
    }


def classes(path: tuple[str, ...]) -> Json:
    """A class path; a leading ISIC code becomes the class id."""
    levels = []
    for level, text in enumerate(path):
        code, _, rest = text.partition(" ")
        coded = rest and (code.isdigit() or len(code) == 1)
        item = {"@level": str(level)} | ({"@classId": code} if coded else {})
        levels.append(item | {"#text": rest if coded else text})
    return {"common:classification": {"common:class": levels}}


def exchange(number: int, side: str, flow: Flow, amount: float) -> Json:
    """One exchange; the number 0 is the reference flow."""
    return {
        "@dataSetInternalID": str(number),
        "referenceToFlowDataSet": pointer("flow", "flows", flow.key, (flow.name, flow.zh)),
        "exchangeDirection": side,
        "meanAmount": f"{amount:.12g}",
    }


def results(line: str) -> Json:
    """Impact results of an aggregated data set."""
    found = []
    for item in line.split(","):
        key, amount = item.split()
        method = pointer("LCIA method", "lciamethods", key, METHODS[key])
        found.append({"referenceToLCIAMethodDataSet": method, "meanAmount": repr(float(amount))})
    return {"LCIAResult": found}


def process(
    family: Family, variant: str, known: dict[str, Flow], used: set[str]
) -> tuple[str, Json]:
    """One process; `used` learns its flows."""
    where, overrides, comment, *zh = [cell.strip() for cell in variant.split("|")]
    place, year, until = where.split()
    inventory = rows(family, overrides, known)
    reference = known[family.reference]
    used |= {reference.key, *inventory}
    side = "Input" if reference.kind == "w" else "Output"
    exchanges = [exchange(0, side, reference, family.amount)]
    for number, (key, (way, amount)) in enumerate(inventory.items(), start=1):
        exchanges.append(exchange(number, way, known[key], amount))
    key = uid("processes", f"{family.name}/{family.route}/{place}/{year}")
    unit = PROPERTIES[reference.property][2]
    texts = family.texts
    body: Json = {
        "processInformation": {
            "dataSetInformation": {
                "common:UUID": key,
                "name": {
                    "baseName": words(family.name, family.zh),
                    "treatmentStandardsRoutes": words(family.route),
                    "mixAndLocationTypes": words(family.mix),
                },
                "classificationInformation": classes(family.classes),
                "common:generalComment": words(
                    f"{comment} All amounts are illustrative.".strip(),
                    f"{zh[0]}所有数值均为示例。" if zh else "",
                ),
            },
            "quantitativeReference": {
                "@type": "Reference flow(s)",
                "referenceToReferenceFlow": "0",
                "functionalUnitOrOther": words(
                    texts.get("FU", f"{family.amount:g} {unit} of {reference.name}")
                ),
            },
            "time": {"common:referenceYear": year, "common:dataSetValidUntil": until},
            "geography": {"locationOfOperationSupplyOrProduction": {"@location": place}},
            "technology": {
                "technologyDescriptionAndIncludedProcesses": words(texts["T"], texts.get("TZ", "")),
                "technologicalApplicability": words(texts["A"]),
            },
        },
        "modellingAndValidation": {
            "LCIMethodAndAllocation": {
                "typeOfDataSet": family.data_type,
                "LCIMethodPrinciple": "Attributional",
            }
            | ({"LCIMethodApproaches": texts["M"]} if "M" in texts else {}),
            "dataSourcesTreatmentAndRepresentativeness": {
                "referenceToDataSource": pointer("source", "sources", "tables", SOURCE)
            },
        },
        "exchanges": {"exchange": exchanges},
    }
    if "R" in texts:
        body["LCIAResults"] = results(texts["R"])
    return key, root("process", body)


def flow(row: Flow) -> Json:
    """One flow."""
    elementary = row.kind in COMPARTMENTS
    name, zh, _, _ = PROPERTIES[row.property]
    path = COMPARTMENTS.get(row.kind, ("Products" if row.kind == "p" else "Wastes",)) + row.path
    levels = [{"@level": str(level), "#text": text} for level, text in enumerate(path)]
    information: Json = {
        "common:UUID": uid("flows", row.key),
        "name": {"baseName": words(row.name, row.zh)},
        "classificationInformation": (
            {"common:elementaryFlowCategorization": {"common:category": levels}}
            if elementary
            else classes(path)
        ),
        "common:generalComment": words(row.text),
    }
    optional = {
        "common:synonyms": words(row.synonyms),
        "CASNumber": row.cas,
        "sumFormula": row.formula,
    }
    filled = {"common:synonyms": row.synonyms, "CASNumber": row.cas, "sumFormula": row.formula}
    information |= {key: value for key, value in optional.items() if filled[key]}
    return root(
        "flow",
        {
            "flowInformation": {
                "dataSetInformation": information,
                "quantitativeReference": {"referenceToReferenceFlowProperty": "0"},
            },
            "modellingAndValidation": {
                "LCIMethod": {"typeOfDataSet": TYPES.get(row.kind, "Elementary flow")}
            },
            "flowProperties": {
                "flowProperty": {
                    "@dataSetInternalID": "0",
                    "meanValue": "1.0",
                    "referenceToFlowPropertyDataSet": pointer(
                        "flow property", "flowproperties", row.property, (name, zh)
                    ),
                }
            },
        },
    )


def support() -> Iterator[tuple[str, str, Json]]:
    """Flow properties, unit groups, the owner and the source: folder, UUID, data set."""
    for key, (name, zh, unit, (other, factor)) in PROPERTIES.items():
        group = (f"Units of {name.lower()}", f"{zh}单位")
        reference = pointer("unit group", "unitgroups", key, group)
        yield (
            "flowproperties",
            uid("flowproperties", key),
            root(
                "flowProperty",
                {
                    "flowPropertiesInformation": {
                        "dataSetInformation": {
                            "common:UUID": uid("flowproperties", key),
                            "common:name": words(name, zh),
                        },
                        "quantitativeReference": {"referenceToReferenceUnitGroup": reference},
                    }
                },
                licence=False,
            ),
        )
        units = [
            {"@dataSetInternalID": "0", "name": unit, "meanValue": "1"},
            {"@dataSetInternalID": "1", "name": other, "meanValue": repr(factor)},
        ]
        yield (
            "unitgroups",
            uid("unitgroups", key),
            root(
                "unitGroup",
                {
                    "unitGroupInformation": {
                        "dataSetInformation": {
                            "common:UUID": uid("unitgroups", key),
                            "common:name": words(*group),
                        },
                        "quantitativeReference": {"referenceToReferenceUnit": "0"},
                    },
                    "units": {"unit": units},
                },
                licence=False,
            ),
        )
    yield (
        "contacts",
        uid("contacts", "owner"),
        root(
            "contact",
            {
                "contactInformation": {
                    "dataSetInformation": {
                        "common:UUID": uid("contacts", "owner"),
                        "common:shortName": words(*OWNER),
                    }
                }
            },
            licence=False,
        ),
    )
    yield (
        "sources",
        uid("sources", "tables"),
        root(
            "source",
            {
                "sourceInformation": {
                    "dataSetInformation": {
                        "common:UUID": uid("sources", "tables"),
                        "common:shortName": words(*SOURCE),
                    }
                }
            },
            licence=False,
        ),
    )


def members() -> Iterator[tuple[str, Json]]:
    """Every file of the package."""
    known, used = flows(), set[str]()
    for family, variants in families():
        for variant in variants:
            key, data = process(family, variant, known, used)
            yield f"processes/{key}_{VERSION}.json", data
    for row in known.values():
        if row.key in used:
            yield f"flows/{uid('flows', row.key)}_{VERSION}.json", flow(row)
    for folder, key, data in support():
        yield f"{folder}/{key}_{VERSION}.json", data


def main(target: Path = TARGET) -> None:
    """Write the zip and say what is in it."""
    files = sorted(members())
    if len({name for name, _ in files}) != len(files):
        raise SystemExit("two variants share name, route, place and year; make one of them differ")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in files:
            entry = zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, orjson.dumps(data))
    counts = {
        folder: sum(n.startswith(folder + "/") for n, _ in files)
        for folder in ("processes", "flows")
    }
    print(f"{target}: {counts}, {len(files)} files, {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
