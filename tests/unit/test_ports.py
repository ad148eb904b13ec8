"""What the engine asks of the world: errors that a named place handles, and values that stay."""

from __future__ import annotations

import dataclasses

import pytest

from trader import ports
from trader.core.ids import ConId
from trader.ports import (
    ConnectRefused,
    HaltReading,
    JournalFailed,
    LinkDown,
    QuoteTick,
    SendUncertain,
    SnapshotUnavailable,
    WorldError,
)


@pytest.mark.parametrize(
    "error", [LinkDown, SendUncertain, SnapshotUnavailable, JournalFailed, ConnectRefused]
)
def test_every_error_of_the_world_is_one(error: type[Exception]) -> None:
    assert issubclass(error, WorldError)
    assert not issubclass(error, OSError | AssertionError)


def test_nothing_sent_and_perhaps_sent_are_never_caught_as_each_other() -> None:
    assert not issubclass(LinkDown, SendUncertain)
    assert not issubclass(SendUncertain, LinkDown)


def test_a_refused_connect_says_in_which_phase() -> None:
    error = ConnectRefused("client id", "in use")
    assert error.phase == "client id"
    assert str(error) == "client id: in use"


def test_every_value_that_crosses_a_port_is_frozen_and_without_a_dictionary() -> None:
    values = [
        kind
        for kind in vars(ports).values()
        if dataclasses.is_dataclass(kind) and kind.__module__ == ports.__name__
    ]
    assert {HaltReading, QuoteTick} <= set(values)
    for kind in values:
        assert kind.__dataclass_params__.frozen, kind  # type: ignore[union-attr]
        assert "__slots__" in vars(kind), kind


def test_a_reading_cannot_be_changed_after_it_was_taken() -> None:
    tick = QuoteTick(ConId(1), "bid", None, 1.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        tick.field = "ask"  # type: ignore[misc]
