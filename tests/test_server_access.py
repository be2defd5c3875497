"""Keys, rates, and concurrent queries that are encoded together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lca_rag.errors import AccessError, QueryError
from lca_rag.server.access import KeyRing, RateLimit, digest, make_key, require_local
from lca_rag.server.batching import MAX_BATCH, BatchedEncoder
from tests.hash_encoder import HashEncoder

ENTRY = '[[keys]]\nname = "a"\nsha256 = "{}"\n'


def ring(tmp_path: Path, text: str) -> KeyRing:
    path = tmp_path / "keys.toml"
    path.write_text(text)
    return KeyRing.load(path)


def test_a_made_key_opens_what_its_entry_says(tmp_path: Path) -> None:
    token, entry = make_key('team "A"')
    keys = ring(tmp_path, entry)
    found = keys.find(token)
    assert found is not None
    assert found.caller.name == 'team "A"'
    assert found.caller.databases is None
    assert found.role == "reader"
    assert token not in entry
    assert keys.find(token + "x") is None
    assert keys.find("") is None


def test_rights_are_what_is_listed(tmp_path: Path) -> None:
    text = ENTRY.format(digest("k")) + 'databases = ["demo", "uslci"]\nrole = "admin"\n'
    key = ring(tmp_path, text).find("k")
    assert key is not None
    assert key.role == "admin"
    assert key.caller.sees("demo")
    assert not key.caller.sees("demo2")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no \\[\\[keys\\]\\]"),
        ("[[keys]\n", "cannot be read"),
        (ENTRY.format("short"), "64 digits"),
        (ENTRY.format("z" * 64), "64 digits"),
        (
            ENTRY.format("0" * 64)
            + 'databases = ["*"]\n'
            + ENTRY.format("0" * 64)
            + 'databases = ["demo"]\n',
            "sha256 of another entry",
        ),
        (ENTRY.format("0" * 64), "must list its databases"),
        (ENTRY.format("0" * 64) + 'databases = "*"\n', "must list its databases"),
        (ENTRY.format("0" * 64) + 'databases = ["*"]\nrole = "root"\n', "use reader or admin"),
        (ENTRY.format("0" * 64) + 'databases = ["*"]\nrigths = 1\n', "takes"),
        (ENTRY.format("0" * 64) + 'databases = ["*"]\nrequests_per_minute = -1\n', "0 or more"),
    ],
)
def test_a_key_file_that_is_half_right_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(AccessError, match=sentence):
        ring(tmp_path, text)


def test_a_missing_key_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="cannot be read"):
        KeyRing.load(tmp_path / "none.toml")


def test_the_rate_refills_evenly_and_callers_do_not_share_it() -> None:
    now = 0.0
    limit = RateLimit(lambda: now)
    assert [limit.wait("a", 2) for _ in range(3)] == [0.0, 0.0, 30.0]
    assert limit.wait("b", 2) == 0.0
    now = 30.0
    assert limit.wait("a", 2) == 0.0
    assert limit.wait("a", 2) == pytest.approx(30.0)
    assert all(limit.wait("free", 0) == 0.0 for _ in range(1_000))


def test_a_refused_request_costs_nothing() -> None:
    now = 0.0
    limit = RateLimit(lambda: now)
    limit.wait("a", 1)
    for _ in range(50):
        limit.wait("a", 1)
    now = 60.0
    assert limit.wait("a", 1) == 0.0


def test_buckets_are_bounded_and_who_asks_on_is_counted_on() -> None:
    """Ten thousand addresses within a minute take no more memory, and let nobody start anew."""
    limit = RateLimit(lambda: 0.0)
    assert [limit.wait("greedy", 2) for _ in range(2)] == [0.0, 0.0]
    for number in range(25_000):
        if number % 5_000 == 0:
            assert limit.wait("greedy", 2) > 0
        limit.wait(str(number), 5)
    assert len(limit._buckets) == 10_000


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::"])
def test_a_network_is_not_served_by_accident(host: str) -> None:
    with pytest.raises(QueryError, match="--keys"):
        require_local(host, None, open_access=False)
    require_local(host, None, open_access=True)
    require_local(host, KeyRing(), open_access=False)


def test_a_local_server_needs_no_keys() -> None:
    require_local("127.0.0.1", None, open_access=False)


class SlowEncoder(HashEncoder):
    """Waits for a sign in each call, and notes how many texts came together."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.sizes: list[int] = []

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.sizes.append(len(texts))
        self.entered.set()
        self.gate.wait(10)
        if "poison" in texts:
            raise RuntimeError("poison")
        return super().encode_queries(texts)


def together(encoder: SlowEncoder, batched: BatchedEncoder, texts: Sequence[str]) -> list[object]:
    """Ask for `texts` from a thread each while the first call is held up."""

    def ask(text: str) -> object:
        try:
            return batched.encode_queries([text])[0]
        except RuntimeError as exc:
            return exc

    with ThreadPoolExecutor(len(texts) + 1) as pool:
        first = pool.submit(ask, "first")
        assert encoder.entered.wait(10)
        others = [pool.submit(ask, text) for text in texts]
        wait_until(lambda: len(batched._waiting) == len(texts))
        encoder.gate.set()
        return [first.result(10), *(other.result(10) for other in others)]


def wait_until(test: Callable[[], bool]) -> None:
    turn = threading.Event()
    for _ in range(1_000):
        if test():
            return
        turn.wait(0.01)
    raise AssertionError("it never happened")


def test_queries_that_wait_are_encoded_in_one_call() -> None:
    encoder, seen = SlowEncoder(), list[int]()
    batched = BatchedEncoder(encoder, observe=seen.append)
    texts = [f"text {number}" for number in range(20)]
    vectors = together(encoder, batched, texts)
    assert encoder.sizes == seen == [1, 20]
    expected = HashEncoder().encode_queries(["first", *texts])
    assert np.array_equal(np.stack(vectors), expected)  # type: ignore[arg-type]


def test_a_batch_has_a_limit() -> None:
    encoder = SlowEncoder()
    together(encoder, BatchedEncoder(encoder), [f"t{number}" for number in range(MAX_BATCH + 6)])
    assert encoder.sizes == [1, MAX_BATCH, 6]


def test_an_error_reaches_everybody_in_the_batch_and_nobody_after() -> None:
    encoder = SlowEncoder()
    batched = BatchedEncoder(encoder)
    results = together(encoder, batched, ["a", "poison", "b"])
    assert [isinstance(result, RuntimeError) for result in results] == [False, True, True, True]
    assert batched.encode_queries(["again"]).shape == (1, 64)


def test_batching_is_no_other_encoder() -> None:
    encoder = HashEncoder()
    batched = BatchedEncoder(encoder)
    assert (batched.name, batched.dimension) == (encoder.name, encoder.dimension)
    assert batched.fingerprint == encoder.fingerprint
    assert np.array_equal(batched.encode_documents(["x y"]), encoder.encode_documents(["x y"]))
