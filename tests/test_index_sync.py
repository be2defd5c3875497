"""Syncing: what is stored, what is embedded, what is removed, and what readers see of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lca_rag.encoders import Fingerprint, SentenceEncoder
from lca_rag.errors import EncoderError, FingerprintMismatch, IndexLocked, IndexStateError
from lca_rag.index import Index
from lca_rag.readers import read
from lca_rag.readers.context import Skip
from lca_rag.record import Exchange, Name, Record, Text
from lca_rag.render import embedding_text
from tests.hash_encoder import HashEncoder
from tests.index_records import make_record, make_records
from tests.tiny_models import make_qwen3


@pytest.fixture
def index(tmp_path: Path, hash_encoder: HashEncoder) -> Iterator[Index]:
    with Index.open(tmp_path / "index", encoder=hash_encoder) as opened:
        yield opened


def encoded_records(encoder: HashEncoder) -> int:
    """How many record texts were encoded; the probes of a new index are not counted."""
    return sum("number" in text for text in encoder.encoded)


def test_first_run_adds_and_second_embeds_nothing(index: Index, hash_encoder: HashEncoder) -> None:
    first = index.sync(make_records(300))
    assert (first.read, first.added, first.unchanged, first.embedded) == (300, 300, 0, 300)
    second = index.sync(make_records(300))
    assert (second.read, second.added, second.unchanged, second.embedded) == (300, 0, 300, 0)
    assert encoded_records(hash_encoder) == 300
    assert index.snapshot().generation == 1, "nothing changed, so there is no new state"


def test_vectors_are_the_encoders_own(index: Index, hash_encoder: HashEncoder) -> None:
    index.sync(make_records(50))
    snapshot = index.snapshot()
    texts = [embedding_text(record) for record in snapshot.records(range(len(snapshot)))]
    assert np.array_equal(snapshot.matrix, hash_encoder.encode_queries(texts))


def test_changed_record_is_embedded_again_and_others_are_not(index: Index) -> None:
    index.sync(make_records(20))
    report = index.sync([make_record(3, note="changed"), make_record(4)])
    assert (report.updated, report.unchanged, report.embedded) == (1, 1, 1)
    found = index.get(make_record(3).id)
    assert found is not None
    assert "changed" in str(found.name)


def test_change_outside_the_text_updates_without_embedding(index: Index) -> None:
    index.sync([make_record(1)])
    changed = replace(make_record(1), extras=(("note", "not in the embedding text"),))
    assert embedding_text(changed) == embedding_text(make_record(1))
    report = index.sync([changed])
    assert (report.updated, report.embedded) == (1, 0)
    assert index.get(changed.id) == changed


def test_moved_file_is_no_change(index: Index) -> None:
    index.sync([make_record(1)])
    assert index.sync([replace(make_record(1), provenance=None)]).unchanged == 1


def test_equal_texts_share_one_vector(index: Index) -> None:
    report = index.sync([make_record(1), make_record(1, database="other")])
    assert (report.added, report.embedded) == (2, 1)


def test_text_that_comes_back_is_not_embedded_again(index: Index) -> None:
    index.sync([make_record(1)])
    index.sync([make_record(1, note="other")])
    assert index.sync([make_record(1)]).embedded == 0


def test_get_finds_by_id_key_and_uuid(index: Index) -> None:
    old, new = make_record(1, version="01.00.009"), make_record(1, version="01.00.010")
    index.sync([new, old, make_record(2)])
    assert index.get(old.id) == old
    assert index.get(old.key) == new
    assert index.get(old.uuid) == new
    assert [record.version for record in index.versions(old.key)] == ["01.00.010", "01.00.009"]
    assert index.get("demo/nothing") is None


def test_newest_column_follows_versions(index: Index) -> None:
    index.sync([make_record(1)])
    index.sync([make_record(1, version="02.00.000")])
    snapshot = index.snapshot()
    newest = dict(zip(snapshot.ids, snapshot.column("newest"), strict=True))
    assert newest == {make_record(1).id: False, make_record(1, version="02.00.000").id: True}
    index.delete([make_record(1, version="02.00.000").id])
    assert index.snapshot().column("newest").all()


def test_cut_texts_are_told_and_probes_are_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_qwen3(tmp_path / "model")
    records = [make_record(1), make_record(2, note="long " * 40)]
    lengths = [len(embedding_text(record)) for record in records]
    encoder = SentenceEncoder.load(folder, max_length=max(64, lengths[0] + 8))
    assert lengths[0] < encoder.max_length < lengths[1], "a token of this model is a byte"
    with Index.open(tmp_path / "index", encoder=encoder) as opened:
        assert encoder.truncated == 0
        assert not caplog.records, "the probes of a new index are too long on purpose"
        report = opened.sync(records)
    assert encoder.truncated == 1
    assert not caplog.records, "the report tells it, once and whole"
    assert report.notes == (
        "1 of 2 texts are longer than the encoder takes: their ends count in the search by "
        "words, but not in the search by meaning",
    )


def test_prune_removes_what_was_not_read_in_databases_that_were(index: Index) -> None:
    index.sync([*make_records(10), *make_records(5, database="other")])
    assert index.sync(make_records(7)).removed == 0
    report = index.sync(make_records(7), prune=True)
    assert report.removed == 3
    assert dict(index.databases()) == {"demo": {"process": 7}, "other": {"process": 5}}


def test_prune_is_held_back_after_an_early_end(index: Index) -> None:
    index.sync(make_records(10))
    report = index.sync(make_records(2), prune=True, complete=False)
    assert report.removed == 0
    assert report.notes
    assert len(index.snapshot()) == 10


@pytest.mark.parametrize(
    "skip",
    [
        Skip("elsewhere/demo.zip!processes/8.xml", None, "broken"),
        Skip("elsewhere/demo.zip", None, "truncated"),
        Skip("renamed.xml", make_record(8).uuid, "no reference flow"),
    ],
)
def test_prune_keeps_what_was_skipped(index: Index, skip: Skip) -> None:
    index.sync(make_records(10))
    skipped: list[Skip] = []

    def source() -> Iterator[Record]:
        yield from make_records(8)
        skipped.append(skip)

    report = index.sync(source(), prune=True, skipped=skipped)
    assert index.get(make_record(8).id) is not None
    assert report.skipped == (skip,)


def test_failing_source_changes_nothing_and_loses_no_vector(
    index: Index, hash_encoder: HashEncoder
) -> None:
    index.sync(make_records(5))

    def source() -> Iterator[Record]:
        yield from make_records(400)
        raise OSError("the disk was pulled out")

    with pytest.raises(OSError, match="pulled out"):
        index.sync(source(), prune=True)
    assert len(index.snapshot()) == 5
    before = encoded_records(hash_encoder)
    assert index.sync(make_records(400)).added == 395
    assert encoded_records(hash_encoder) == 400
    assert before > 5, "what was embedded before the failure was kept"


def test_failing_encoder_keeps_earlier_slices(tmp_path: Path) -> None:
    kept = 0

    class Failing(HashEncoder):
        def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            nonlocal kept
            if encoded_records(self) >= 200:
                raise EncoderError("out of memory")
            kept = encoded_records(self)
            return super()._encode(texts)

    encoder = Failing()
    with Index.open(tmp_path / "index", encoder=encoder) as index:
        with pytest.raises(EncoderError, match="out of memory"):
            index.sync(make_records(400))
        assert len(index.snapshot()) == 0
    assert kept
    with Index.open(tmp_path / "index", encoder=HashEncoder()) as index:
        assert index.sync(make_records(400)).embedded == 400 - kept


def test_bad_vectors_are_refused(tmp_path: Path) -> None:
    class Broken(HashEncoder):
        def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            rows = super()._encode(texts)
            if any("number" in text for text in texts):
                rows[0, 0] = np.nan
            return rows

    with Index.open(tmp_path / "index", encoder=Broken()) as index:
        with pytest.raises(EncoderError, match="NaN"):
            index.sync(make_records(3))
        assert len(index.snapshot()) == 0


def test_repeated_ids_in_one_run(index: Index) -> None:
    report = index.sync([make_record(1), make_record(1), make_record(1, note="another text")])
    assert (report.read, report.added, report.duplicates) == (3, 1, 2)
    assert report.notes == (
        "2 records came again under an id that was read already; the first counts",
    )
    assert [skip.record for skip in report.skipped] == [make_record(1).id]
    assert index.get(make_record(1).id) == make_record(1)


def test_record_that_cannot_be_written_is_named(index: Index) -> None:
    broken = replace(make_record(1), name=Name(base=Text.of("half a sign \ud83d")))
    report = index.sync([broken, make_record(2)])
    assert report.added == 1
    assert report.skipped[0].record == broken.id


def test_snapshot_stays_as_it_was(index: Index) -> None:
    index.sync(make_records(30))
    old = index.snapshot()
    index.sync([make_record(3, note="changed"), *make_records(5, database="aaa")])
    new = index.snapshot()
    assert (len(old), len(new)) == (30, 35)
    position = old.position(make_record(3).id)
    assert position is not None
    assert old.record(position) == make_record(3)
    assert np.argmax(old.lexical.scores("number17")) == old.position(make_record(17).id)


def test_positions_do_not_depend_on_history(index: Index, tmp_path: Path) -> None:
    index.sync(make_records(5, database="b"))
    index.sync(make_records(5, database="a"))
    index.sync([make_record(2, database="b", note="x")])
    records = [*make_records(5, database="a"), *make_records(5, database="b")]
    with Index.open(tmp_path / "second", encoder=HashEncoder()) as other:
        other.sync(reversed([r for r in records if r.id != make_record(2, database="b").id]))
        other.sync([make_record(2, database="b", note="x")])
        assert other.snapshot().ids == index.snapshot().ids
        assert np.array_equal(other.snapshot().matrix, index.snapshot().matrix)
        assert dict(other.snapshot().databases) == {"a": range(5), "b": range(5, 10)}


def test_columns_tell_unknown_from_known(index: Index) -> None:
    index.sync(make_records(6))
    snapshot = index.snapshot()
    years = snapshot.column("year_start")
    assert np.isnan(years[0]), "record 0 has no year, which no comparison may match"
    assert years[1] == 2001
    assert list(snapshot.column("place")) == ["CN", "DE", "US"] * 2
    assert snapshot.column("cas")[0] is None
    with pytest.raises(ValueError, match="no column 'colour'"):
        snapshot.column("colour")


def test_empty_index_has_an_empty_snapshot(index: Index) -> None:
    snapshot = index.snapshot()
    assert len(snapshot) == 0
    assert snapshot.column("place").shape == (0,)
    assert snapshot.lexical.scores("steel").shape == (0,)
    assert index.get("x") is None
    assert index.sync([]).read == 0


def test_other_encoder_is_refused_and_difference_named(
    tmp_path: Path, hash_encoder: HashEncoder
) -> None:
    with Index.open(tmp_path, encoder=hash_encoder) as index:
        index.sync(make_records(3))
    with pytest.raises(FingerprintMismatch, match=r"weights .*hash-of-words2"):
        Index.open(tmp_path, encoder=HashEncoder(seed="2"))


def test_remote_route_to_the_same_vectors_is_accepted(
    tmp_path: Path, hash_encoder: HashEncoder
) -> None:
    class Remote(HashEncoder):
        @property
        def fingerprint(self) -> Fingerprint:
            return replace(super().fingerprint, weights="remote:hash", max_length=0)

    with Index.open(tmp_path, encoder=hash_encoder) as index:
        index.sync(make_records(3))
    with Index.open(tmp_path, encoder=Remote()) as index:
        assert index.sync(make_records(4)).embedded == 1
    with pytest.raises(FingerprintMismatch, match="cosine"):
        Index.open(tmp_path, encoder=Remote(seed="2"))


def test_endpoint_that_serves_another_model_under_the_same_name_cannot_write(
    tmp_path: Path,
) -> None:
    class Remote(HashEncoder):
        @property
        def fingerprint(self) -> Fingerprint:
            return replace(super().fingerprint, weights="remote:hash", max_length=0)

    with Index.open(tmp_path, encoder=Remote()) as index:
        index.sync(make_records(3))
        assert index.sync(make_records(4)).embedded == 1
    with (
        Index.open(tmp_path, encoder=Remote(seed="2")) as index,
        pytest.raises(FingerprintMismatch, match="agree only to cosine"),
    ):
        index.sync(make_records(5))


def test_empty_index_may_change_its_encoder(tmp_path: Path) -> None:
    with Index.open(tmp_path, encoder=HashEncoder()) as index:
        index.sync([])
    with Index.open(tmp_path, encoder=HashEncoder(dimension=16)) as index:
        index.sync(make_records(3))
        assert index.snapshot().matrix.shape == (3, 16)


def test_opening_without_an_encoder_reads_and_refuses_new_texts(
    tmp_path: Path, hash_encoder: HashEncoder
) -> None:
    with Index.open(tmp_path, encoder=hash_encoder) as index:
        index.sync(make_records(3))
    with Index.open(tmp_path) as index:
        assert index.sync(make_records(3)).unchanged == 3
        with pytest.raises(IndexStateError, match="need an encoder"):
            index.sync(make_records(4))


def test_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").touch()
    with pytest.raises(IndexStateError, match=r"thesis\.docx"):
        Index.open(tmp_path)


def test_missing_index_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(IndexStateError, match="no index is here"):
        Index.open(tmp_path / "nothing", create=False)
    assert not (tmp_path / "nothing").exists()


def test_second_writer_in_one_process_is_refused(index: Index) -> None:
    def source() -> Iterator[Record]:
        yield make_record(1)
        with Index.open(index.folder, encoder=HashEncoder()) as second:
            with pytest.raises(IndexLocked, match="chroma run"):
                second.sync([make_record(9)])
            assert len(second.snapshot()) == 0
        yield make_record(2)

    assert index.sync(source()).added == 2


def test_repair_builds_everything_anew_without_embedding(
    index: Index, hash_encoder: HashEncoder
) -> None:
    index.sync(make_records(40))
    expected = np.array(index.snapshot().matrix)
    for folder in ("states", "lexical", "chroma"):
        for path in sorted((index.folder / folder).rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    with Index.open(index.folder) as reader:
        with pytest.raises(IndexStateError, match="repair"):
            reader.snapshot()
        count = len(hash_encoder.encoded)
        info = reader.repair()
        assert len(hash_encoder.encoded) == count
        snapshot = reader.snapshot()
    assert np.array_equal(snapshot.matrix, expected)
    assert snapshot.lexical.scores("number17").argmax() == snapshot.position(make_record(17).id)
    assert info["databases"] == {"demo": {"process": 40}}


def test_old_states_are_cleared_away(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lca_rag.index.derived.KEPT_SECONDS", -1.0)
    for number in range(8):
        index.sync([make_record(number)])
    assert len(list((index.folder / "states").iterdir())) <= 4
    assert len(index.snapshot()) == 8


def test_outdated_snapshot_says_so(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lca_rag.index.derived.KEPT_SECONDS", -1.0)
    monkeypatch.setattr("lca_rag.index.writer.BODY_RETENTION", -1.0)
    index.sync([make_record(1)])
    old = index.snapshot()
    for number in range(6):
        index.sync([make_record(1, note=str(number))])
    with pytest.raises(IndexStateError, match="take a new snapshot"):
        old.record(0)
    with pytest.raises(IndexStateError, match="take a new snapshot"):
        old.column("place")


def test_progress_tells_every_stage(index: Index) -> None:
    told: dict[str, int] = {}
    index.sync(make_records(300), progress=lambda stage, done: told.update({stage: done}))
    assert told == {"read": 300, "embedded": 300, "stored": 300}


def test_info_describes_the_index(index: Index, hash_encoder: HashEncoder) -> None:
    index.sync(make_records(3))
    info = index.info()
    assert info["databases"] == {"demo": {"process": 3}}
    assert info["encoder"] == "hash"
    assert info["fingerprint"] == hash_encoder.fingerprint.to_json()
    run = info["run"]
    assert isinstance(run, dict)
    assert run["finished"] is True
    assert run["added"] == 3


def test_missing_amount_survives_storage(index: Index) -> None:
    exchanges = (
        Exchange(id="0", direction="input", amount=None, flow=Text.of("water")),
        Exchange(id="1", direction="input", amount=0.0, flow=Text.of("water")),
    )
    index.sync([replace(make_record(1), exchanges=exchanges)])
    found = index.get(make_record(1).id)
    assert found is not None
    assert [exchange.amount for exchange in found.exchanges] == [None, 0.0]
    assert found.provenance == make_record(1).provenance


def test_prune_keeps_the_rows_of_a_table_that_cannot_be_read_this_time(
    index: Index, tmp_path: Path
) -> None:
    for name, words in (("a", "steel"), ("b", "glass")):
        rows = f"activity,factor,unit\n{words},1.5,kg CO2e/kg\n{words} scrap,0.5,kg CO2e/kg\n"
        (tmp_path / f"{name}.csv").write_text(rows)
    assert index.sync(read(tmp_path, database="demo")).added == 4
    (tmp_path / "b.csv").write_text("nothing,of,use\n1,2,3\n")
    skipped: list[Skip] = []
    source = read(tmp_path, database="demo", on_skip=skipped.append)
    report = index.sync(source, prune=True, skipped=skipped)
    assert skipped
    assert report.removed == 0
    assert len(index.snapshot()) == 4
