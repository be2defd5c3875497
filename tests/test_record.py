"""Values are frozen and behave as the dataclasses that they are, however they are made."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from lca_rag.record import Exchange, Licence, Name, Period, Record, Text

EXCHANGE = Exchange(id="1", flow=Text.of("Steel"), direction="input", amount=2.0, unit="kg")
VALUES: list[Any] = [
    EXCHANGE,
    Record(database="x", uuid="u", kind="process", name=Name(base=Text.of("Steel"))),
    Period(reference_year=2020),
    Licence(copyright=True),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_is_frozen_and_can_be_copied(value: Any) -> None:
    for item in fields(value):
        with pytest.raises(FrozenInstanceError):
            setattr(value, item.name, None)
        with pytest.raises(FrozenInstanceError):
            delattr(value, item.name)
    for twin in (copy.deepcopy(value), pickle.loads(pickle.dumps(value)), replace(value)):
        assert twin == value
        assert type(twin) is type(value)
        assert hash(twin) == hash(value)
        assert repr(twin) == repr(value)
    assert not hasattr(value, "__dict__")


def test_fields_are_given_by_name_and_default_as_declared() -> None:
    assert (EXCHANGE.category, EXCHANGE.avoided, EXCHANGE.comment) == ((), False, Text())
    assert replace(EXCHANGE, amount=None) != EXCHANGE
    parameters = inspect.signature(Exchange).parameters
    assert list(parameters) == [item.name for item in fields(Exchange)]
    assert parameters["id"].default is inspect.Parameter.empty
    wrong: Any = Exchange
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'direction'"):
        wrong(id="1")
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        wrong(id="1", direction="input", colour="red")
