"""One directory or one server that holds databases: incremental, resumable, locked."""

from lca_rag.index.index import Index
from lca_rag.index.snapshot import Snapshot
from lca_rag.index.sync import SyncReport

__all__ = ["Index", "Snapshot", "SyncReport"]
