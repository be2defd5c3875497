"""One directory or one server that holds databases: incremental, resumable, locked."""

from lca_rag.index.index import Index
from lca_rag.index.report import SyncReport
from lca_rag.index.snapshot import Snapshot

__all__ = ["Index", "Snapshot", "SyncReport"]
