"""Which encoder an index belongs to, and whether another may stand in for it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from lca_rag.encoders import Encoder, Fingerprint, FloatArray
from lca_rag.errors import FingerprintMismatch
from lca_rag.index.catalogue import Catalogue
from lca_rag.index.report import untold
from lca_rag.index.writer import Writer

PROBES = (
    "steel",
    "Electricity, low voltage\n\nTechnology: - wind\n- solar; mix at grid, 230 V",
    "低合金钢生产，转炉，中国",
    "Portland cement, at plant, per 1 kg. " * 400,
)
"""A word, newlines, Chinese, and more than any model takes: where routes to one model differ."""
SAME_COSINE = 0.999


def stored_fingerprint(catalogue: Catalogue) -> Fingerprint | None:
    """The fingerprint of the vectors in an index, or `None` if it holds none yet."""
    found = catalogue.meta("fingerprint")
    return Fingerprint.from_json(json.loads(found)) if found else None


def store_fingerprint(writer: Writer, fingerprint: Fingerprint) -> None:
    """Make an index that of `fingerprint`, within the transaction of the caller."""
    writer.set_meta("fingerprint", json.dumps(fingerprint.to_json()))
    writer.set_meta("fingerprint_key", fingerprint.key)
    writer.set_meta("dimension", str(fingerprint.dimension))


def unknown_fingerprint(dimension: int) -> Fingerprint:
    """Stands for vectors that somebody else made and did not name."""
    return Fingerprint("given by the caller", "", "", dimension, 0)


def bind(writer: Writer, encoder: Encoder) -> None:
    """Make an empty index that of `encoder`; one that holds records must be already.

    Raises:
        FingerprintMismatch: If the vectors in the index come from another encoder.
    """
    if stored_fingerprint(writer) and writer.rows("SELECT 1 FROM records LIMIT 1"):
        check(writer, encoder)
        if _is_remote(encoder.fingerprint):
            _check_probes(writer, encoder)
        return
    vectors = _probe(encoder, PROBES)
    with writer.transaction() as connection:
        store_fingerprint(writer, encoder.fingerprint)
        writer.set_meta("encoder", encoder.name)
        connection.execute("DELETE FROM probes")
        connection.executemany(
            "INSERT INTO probes VALUES (?, ?)",
            (
                (text, np.asarray(vector, dtype="<f4").tobytes())
                for text, vector in zip(PROBES, vectors, strict=True)
            ),
        )


def _probe(encoder: Encoder, texts: Sequence[str]) -> FloatArray:
    """Vectors of texts of our own, one of which every model cuts: nothing to tell a user of."""
    with untold(encoder, counting=False):
        return encoder.encode_documents(texts)


def check(catalogue: Catalogue, encoder: Encoder) -> None:
    """Accept `encoder` for an index if its document vectors are those that the index holds.

    A remote route cannot show its weights, so it is accepted if it gives the stored probe vectors;
    one that made the index is known by its model's name here, and by its vectors when it writes.

    Raises:
        FingerprintMismatch: If the vectors in the index come from another encoder.
    """
    stored = stored_fingerprint(catalogue)
    if stored is None:
        return
    found = encoder.fingerprint
    differences = stored.differences(found)
    if not differences:
        return
    reason = ""
    if _is_remote(stored) != _is_remote(found) and stored.dimension == found.dimension:
        cosine = probe_cosine(catalogue, encoder)
        if cosine is not None and cosine >= SAME_COSINE:
            return
        if cosine is not None:
            reason = f"; its probe vectors agree only to cosine {cosine:.4f}"
    raise FingerprintMismatch(
        f"{catalogue.path.parent}: this index was made by another encoder "
        f"({catalogue.meta('encoder') or 'unnamed'}) than {encoder.name}: "
        f"{'; '.join(differences)}{reason}. Open it with the encoder that made it, or index into a "
        "new folder"
    )


def _check_probes(catalogue: Catalogue, encoder: Encoder) -> None:
    """Refuse an endpoint that serves another model than before under the same name."""
    cosine = probe_cosine(catalogue, encoder)
    if cosine is not None and cosine < SAME_COSINE:
        raise FingerprintMismatch(
            f"{catalogue.path.parent}: {encoder.name} does not give the vectors that it gave when "
            f"this index was made (its probe vectors agree only to cosine {cosine:.4f}); serve the "
            "model of then, or index into a new folder"
        )


def probe_cosine(catalogue: Catalogue, encoder: Encoder) -> float | None:
    """The smallest cosine between stored and fresh probe vectors; `None` if none are stored."""
    probes = catalogue.rows("SELECT text, vector FROM probes")
    if not probes:
        return None
    fresh = _probe(encoder, [text for text, _ in probes])
    kept = np.stack([np.frombuffer(vector, dtype="<f4") for _, vector in probes])
    return float(np.einsum("ij,ij->i", kept, fresh).min())


def _is_remote(fingerprint: Fingerprint) -> bool:
    return fingerprint.weights.startswith("remote:")
