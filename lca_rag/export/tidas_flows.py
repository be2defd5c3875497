"""Flows as TIDAS data sets, with the flow properties and unit groups that give them units.

In TIDAS an exchange has no unit: it inherits that of its flow. A flow that is not among the
exported records is therefore written from what the exchanges know of it; an exchange in another
unit than its flow's gets a flow of its own, because a number must never stand beside a wrong unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lca_rag.export.tidas_trees import (
    Tree,
    class_tree,
    data_set,
    number,
    one_or_many,
    pointer,
    put,
    words,
)
from lca_rag.readers import ilcd_flow
from lca_rag.readers.lookups import COMPARTMENTS
from lca_rag.readers.prose import derived_uuid
from lca_rag.record import (
    NO_VERSION,
    Classification,
    Exchange,
    FlowFacts,
    FlowProperty,
    Name,
    Record,
    Text,
)

_TYPES = {
    "elementary": "Elementary flow",
    "product": "Product flow",
    "waste": "Waste flow",
    "other": "Other flow",
}
Inherited = tuple[str | None, str | None, str | None, tuple[str, ...], str | None]
"""What an exchange inherits from its flow: unit, flow property, kind, category, CAS number."""
_NOTHING: Inherited = (None, None, None, (), None)


@dataclass(slots=True)
class Flows:
    """The flows of one export, and the quantities that they are measured in."""

    known: dict[str, Inherited] = field(default_factory=dict[str, Inherited])
    stubs: dict[str, Record] = field(default_factory=dict[str, Record])
    properties: dict[str, tuple[Text, str | None]] = field(
        default_factory=dict[str, tuple[Text, str | None]]
    )

    def learn(self, record: Record) -> None:
        """Take what exchanges will inherit from an exported flow."""
        if record.flow is not None:
            reference = next((item for item in record.flow.properties if item.reference), None)
            self.known[record.uuid] = (
                reference.unit if reference else None,
                reference.name.join(" | ") if reference else None,
                record.flow.kind,
                record.classifications[0].path if record.classifications else (),
                record.flow.cas,
            )

    def target(self, exchange: Exchange, database: str) -> str | None:
        """The flow that an exchange has to point to, so that it is read back with its unit."""
        inherited = _inherited(exchange)
        own = exchange.flow_uuid or exchange.flow_ref
        if inherited == _NOTHING or (own and self.known.get(own) == inherited):
            return own
        key = exchange.flow_uuid
        if key is None or key in self.known:
            parts = (*map(str, inherited[:3]), *inherited[3], str(inherited[4]))
            key = derived_uuid("flow", exchange.flow_uuid or "", *exchange.flow.all(), *parts)
        if key not in self.known:
            self.known[key] = inherited
            self.stubs[key] = _stub(exchange, key, database)
        return key

    def property_id(self, item: FlowProperty) -> str:
        """The flow property of a unit; one that is known in another unit gets another id."""
        facts = (item.name, item.unit)
        uuid = item.uuid or derived_uuid("flow property", *item.name.all(), item.unit or "")
        if self.properties.setdefault(uuid, facts)[1] != item.unit:
            uuid = derived_uuid("flow property", uuid, item.unit or "")
            self.properties[uuid] = facts
        return uuid


def flow_set(record: Record, flows: Flows) -> Tree:
    """The data set of a flow."""
    tree = data_set("flowDataSet", "Flow")
    body = tree["flowDataSet"]
    facts = record.flow or FlowFacts()
    information = "flowInformation/dataSetInformation"
    put(body, f"{information}/UUID", record.uuid)
    put_name(body, f"{information}/name", record.name, "flowProperties")
    put(body, f"{information}/synonyms", words(record.synonyms))
    put_classes(body, f"{information}/classificationInformation", record.classifications)
    put(body, f"{information}/CASNumber", facts.cas)
    put(body, f"{information}/sumFormula", facts.formula)
    put(body, f"{information}/generalComment", words(record.comment))
    put(body, f"{information}/other/ECNumber", facts.ec)
    reference = [str(i) for i, item in enumerate(facts.properties) if item.reference]
    put(
        body,
        "flowInformation/quantitativeReference/referenceToReferenceFlowProperty",
        reference[0] if reference else None,
    )
    supply = facts.supply or (record.place.code if record.place else None)
    put(body, "flowInformation/geography/locationOfSupply", supply)
    put(body, "flowInformation/technology/technologicalApplicability", words(record.applicability))
    kind = record.data_type or _TYPES[facts.kind]
    put(body, "modellingAndValidation/LCIMethod/typeOfDataSet", kind)
    put_administration(body, record)
    put_references(body, record, ilcd_flow.REFERENCES)
    put_extras(body, record, ilcd_flow.EXTRAS)
    put(
        body,
        "flowProperties/flowProperty",
        one_or_many(
            _property(number_, item, flows) for number_, item in enumerate(facts.properties)
        ),
    )
    return tree


def supporting_sets(flows: Flows) -> Iterator[tuple[str, str, Tree]]:
    """Folder, UUID and data set of each flow property and unit group in use."""
    groups: dict[str, str] = {}
    for uuid, (name, unit) in flows.properties.items():
        tree = data_set("flowPropertyDataSet", "FlowProperty")
        body = tree["flowPropertyDataSet"]
        put(body, "flowPropertiesInformation/dataSetInformation/UUID", uuid)
        put(body, "flowPropertiesInformation/dataSetInformation/name", words(name))
        if unit is not None:
            group = derived_uuid("unit group", unit)
            groups[group] = unit
            put(
                body,
                "flowPropertiesInformation/quantitativeReference/referenceToReferenceUnitGroup",
                pointer("unit group data set", group, Text.of(f"Units of {unit}")),
            )
        put(body, "administrativeInformation/publicationAndOwnership/dataSetVersion", NO_VERSION)
        yield "flowproperties", uuid, tree
    for group, unit in groups.items():
        yield "unitgroups", group, _unit_group(group, unit)


def _unit_group(uuid: str, unit: str) -> Tree:
    tree = data_set("unitGroupDataSet", "UnitGroup")
    body = tree["unitGroupDataSet"]
    put(body, "unitGroupInformation/dataSetInformation/UUID", uuid)
    put(
        body,
        "unitGroupInformation/dataSetInformation/name",
        words(Text.of(f"Units of {unit}")),
    )
    put(body, "unitGroupInformation/quantitativeReference/referenceToReferenceUnit", "0")
    put(body, "administrativeInformation/publicationAndOwnership/dataSetVersion", NO_VERSION)
    # The name of a unit is an element of the unit group itself, not of the common namespace.
    body["units"] = {"unit": {"@dataSetInternalID": "0", "name": unit, "meanValue": "1"}}
    return tree


def put_name(body: Tree, path: str, name: Name, functional: str) -> None:
    """The four parts of a name."""
    put(body, f"{path}/baseName", words(name.base))
    put(body, f"{path}/treatmentStandardsRoutes", words(name.treatment))
    put(body, f"{path}/mixAndLocationTypes", words(name.mix))
    put(body, f"{path}/{functional}", words(name.functional))


def put_classes(body: Tree, path: str, classifications: tuple[Classification, ...]) -> None:
    """Classifications; compartment paths go where ILCD keeps them."""
    for item in classifications:
        if (item.system or "").startswith(COMPARTMENTS):
            system = (item.system or "").removeprefix(COMPARTMENTS).removeprefix(": ") or None
            compartment = Classification(system=system, path=item.path, codes=item.codes)
            tree = class_tree(compartment, "category", "catId")
            put(body, f"{path}/elementaryFlowCategorization", tree)
        else:
            put(body, f"{path}/classification", class_tree(item, "class", "classId"))


def put_administration(body: Tree, record: Record) -> None:
    """Version and licence."""
    publication = "administrativeInformation/publicationAndOwnership"
    licence = record.licence
    put(body, f"{publication}/dataSetVersion", record.version)
    put(body, f"{publication}/licenseType", licence.type)
    if licence.copyright is not None:
        put(body, f"{publication}/copyright", "true" if licence.copyright else "false")
    put(body, f"{publication}/accessRestrictions", words(licence.restrictions))
    if licence.owner and not any(item.role == "owner" for item in record.references):
        owner = pointer("contact data set", None, licence.owner)
        put(body, f"{publication}/referenceToOwnershipOfDataSet", owner)


def put_references(body: Tree, record: Record, fields: tuple[tuple[str, str], ...]) -> None:
    """Pointers by role."""
    paths = dict(fields)
    for item in record.references:
        if item.role in paths:
            kind = "source data set" if "ource" in item.role else "contact data set"
            put(body, paths[item.role], pointer(kind, item.uuid, item.name))


def put_extras(body: Tree, record: Record, fields: tuple[tuple[str, str], ...]) -> None:
    """Short facts by label."""
    paths = dict(fields)
    for label, value in record.extras:
        if label in paths:
            put(body, paths[label], value)


def _property(number_: int, item: FlowProperty, flows: Flows) -> Tree:
    target = flows.property_id(item)
    tree: Tree = {
        "@dataSetInternalID": str(number_),
        "referenceToFlowPropertyDataSet": pointer("flow property data set", target, item.name),
    }
    if item.mean is not None:
        tree["meanValue"] = number(item.mean)
    return tree


def _inherited(exchange: Exchange) -> Inherited:
    return (
        exchange.unit,
        exchange.flow_property,
        exchange.flow_kind,
        exchange.category,
        exchange.cas,
    )


def _stub(exchange: Exchange, uuid: str, database: str) -> Record:
    """A flow made of what an exchange knows of it."""
    kind = exchange.flow_kind or "other"
    path = exchange.category
    system = COMPARTMENTS if kind == "elementary" else None
    named = exchange.flow_property or exchange.unit
    item = FlowProperty(
        name=Text.of(exchange.flow_property), mean=1.0, unit=exchange.unit, reference=True
    )
    return Record(
        database=database,
        uuid=uuid,
        kind="flow",
        name=Name(base=exchange.flow),
        classifications=(Classification(system=system, path=path),) if path else (),
        data_type=_TYPES[kind],
        flow=FlowFacts(kind=kind, cas=exchange.cas, properties=(item,) if named else ()),
    )
