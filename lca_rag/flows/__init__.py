"""Which flow is meant: by identifier, name, synonym, spelling or meaning, within a compartment.

`FlowResolver(records).resolve("000124-38-9", compartment="air")` shows a tie of fossil and biogenic
carbon dioxide, since the number alone cannot tell them apart.
"""

from __future__ import annotations

from lca_rag.flows.compartments import Compartment, compartment
from lca_rag.flows.resolver import Decision, FlowMatch, FlowResolver, Resolution, Step

__all__ = [
    "Compartment",
    "Decision",
    "FlowMatch",
    "FlowResolver",
    "Resolution",
    "Step",
    "compartment",
]
