"""Pieces of a TIDAS data set: texts, pointers and values at paths, under their proper prefixes.

TIDAS is ILCD as a mechanical conversion writes it: a repeatable element is an object when single,
a list when many, absent when none; numbers are strings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lca_rag.record import NO_VERSION, Classification, Text

Tree = dict[str, Any]

_COMMON = frozenset(
    (
        *("UUID", "name", "shortName", "synonyms", "generalComment", "shortDescription"),
        *("referenceYear", "dataSetValidUntil", "timeRepresentativenessDescription"),
        *("classification", "class", "elementaryFlowCategorization", "category"),
        *("dataSetVersion", "permanentDataSetURI", "dateOfLastRevision", "timeStamp"),
        *("workflowAndPublicationStatus", "copyright", "licenseType", "accessRestrictions"),
        *("registrationNumber", "intendedApplications", "project", "reviewDetails"),
        *("otherReviewDetails", "other", "referenceToOwnershipOfDataSet"),
        *("referenceToPrecedingDataSetVersion", "referenceToComplianceSystem"),
        *("referenceToNameOfReviewerAndInstitution", "referenceToCompleteReviewReport"),
        *("referenceToCommissioner", "referenceToPersonOrEntityGeneratingTheDataSet"),
        *("referenceToPersonOrEntityEnteringTheData", "referenceToRegistrationAuthority"),
    )
)
"""Elements of ILCD's common namespace. `name` is common but in processes and flows."""

_OTHER = {"ECNumber": "ecn:ECNumber", "subType": "epd:subType"}
_NAMESPACES = {
    "common": "http://lca.jrc.it/ILCD/Common",
    "ecn": "http://eplca.jrc.ec.europa.eu/ILCD/Extensions/2018/ECNumber",
    "epd": "http://www.iai.kit.edu/EPD/2013",
}
_OWN_NAME = ("processInformation", "flowInformation")


def data_set(kind: str, namespace: str) -> Tree:
    """The attributes that every data set of a kind begins with."""
    tree: Tree = {"@xmlns": f"http://lca.jrc.it/ILCD/{namespace}"}
    tree |= {f"@xmlns:{prefix}": uri for prefix, uri in _NAMESPACES.items()}
    return {kind: tree | {"@version": "1.1"}}


def put(tree: Tree, path: str, value: object) -> None:
    """Set the value at a slash-separated path of local names; nothing is set for nothing.

    The last step of a path that exists already becomes a list.
    """
    if value is None or value in ([], {}):
        return
    steps = path.split("/")
    for step in steps[:-1]:
        inner = tree.setdefault(qualified(step, steps), {})
        tree = inner[0] if isinstance(inner, list) else inner  # all pointers on the first review
    last = steps[-1] if steps[-1].startswith("@") else qualified(steps[-1], steps)
    if last in tree:
        known = tree[last] if isinstance(tree[last], list) else [tree[last]]
        tree[last] = [*known, *(value if isinstance(value, list) else [value])]
    else:
        tree[last] = value


def qualified(step: str, steps: Sequence[str] = ()) -> str:
    """An element's name with its prefix."""
    if step in _OTHER:
        return _OTHER[step]
    own_name = step == "name" and steps[:1] and steps[0] in _OWN_NAME
    return f"common:{step}" if step in _COMMON and not own_name else step


def one_or_many(values: Iterable[object]) -> object:
    """A single value as it is, several as a list, none as `None`."""
    found = list(values)
    return found[0] if len(found) == 1 else found or None


def words(text: Text) -> object:
    """A text with its language tags."""
    return one_or_many(
        {"@xml:lang": language, "#text": value} if language else {"#text": value}
        for language, value in text.entries
    )


def pointer(kind: str, uuid: str | None, text: Text, version: str = NO_VERSION) -> Tree:
    """A reference to another data set."""
    tree: Tree = {"@type": kind}
    if uuid:
        tree |= {"@refObjectId": uuid, "@version": version}
    if text:
        tree["common:shortDescription"] = words(text)
    return tree


def number(value: float | None) -> str | None:
    """A number as the shortest text that reads back as the same number."""
    return None if value is None else repr(float(value))


def class_tree(classification: Classification, element: str, code: str) -> Tree:
    """One classification path."""
    tree: Tree = {"@name": classification.system} if classification.system else {}
    codes = classification.codes or ("",) * len(classification.path)
    tree[f"common:{element}"] = one_or_many(
        {"@level": str(number), **({f"@{code}": key} if key else {}), "#text": label}
        for number, (label, key) in enumerate(zip(classification.path, codes, strict=False))
    )
    return tree
