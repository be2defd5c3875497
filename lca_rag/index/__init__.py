"""One directory or one server that holds databases: incremental, resumable, locked."""

from lca_rag.index.index import Index
from lca_rag.index.report import SyncReport
from lca_rag.index.snapshot import Snapshot
from lca_rag.index.texts import host_metadata, record_text

__all__ = ["Index", "Snapshot", "SyncReport", "host_metadata", "record_text"]
