"""Bills of materials to data sets: candidates, calibrated confidence, units, or "no match".

`Matcher(retriever).match(read_lines("bom.csv"))` gives a verdict per line;
`write_workbook(matches, "out.xlsx")` writes matches, gaps and sources.
"""

from __future__ import annotations

from lca_rag.matching.lines import BomLine, lines_of, read_lines
from lca_rag.matching.matcher import Candidate, LineMatch, Matcher
from lca_rag.matching.memory import Memory
from lca_rag.matching.model import MatchModel, load_model
from lca_rag.matching.report import Row, Source, write_rows, write_workbook

__all__ = [
    "BomLine",
    "Candidate",
    "LineMatch",
    "MatchModel",
    "Matcher",
    "Memory",
    "Row",
    "Source",
    "lines_of",
    "load_model",
    "read_lines",
    "write_rows",
    "write_workbook",
]
