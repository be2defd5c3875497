"""An index as a whole: groups of records with near meanings, and a picture of all of them."""

from __future__ import annotations

from lca_rag.atlas.clusters import Cluster, cluster_records
from lca_rag.atlas.picture import MapPoint, map_points, write_atlas, write_map
from lca_rag.atlas.plane import neighbour_plane, principal_plane

__all__ = [
    "Cluster",
    "MapPoint",
    "cluster_records",
    "map_points",
    "neighbour_plane",
    "principal_plane",
    "write_atlas",
    "write_map",
]
