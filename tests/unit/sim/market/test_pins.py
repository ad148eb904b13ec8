"""Pins and halts are remembered with their moments."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trader.sim.market.pins import Halts, Pins


class Slots:
    """A slot number that moves when a test says so."""

    def __init__(self) -> None:
        self.now = 10

    def __call__(self) -> int:
        return self.now


def test_a_pin_holds_from_its_moment_until_it_is_let_go() -> None:
    slots = Slots()
    pins = Pins(slots)
    pins["AAPL"] = Decimal(5)
    slots.now = 20
    pins["AAPL"] = Decimal(6)
    slots.now = 30
    del pins["AAPL"]
    shown = [pins.at("AAPL", slot) for slot in (9, 10, 19, 20, 29, 30, 99)]
    assert shown == [None, Decimal(5), Decimal(5), Decimal(6), Decimal(6), None, None]
    assert pins.at("IBM", 10) is None


def test_pins_are_a_mapping_of_what_is_held_now() -> None:
    pins = Pins(Slots())
    pins["AAPL"] = Decimal(5)
    pins["AAPL"] = Decimal(7)
    assert dict(pins) == {"AAPL": Decimal(7)}
    assert pins.at("AAPL", 10) == Decimal(7)
    pins.clear()
    assert len(pins) == 0
    with pytest.raises(KeyError):
        pins["AAPL"]


def test_very_many_changes_are_forgotten_from_the_oldest_on() -> None:
    slots = Slots()
    pins = Pins(slots)
    for slots.now in range(10_001):
        pins["AAPL"] = Decimal(slots.now)
    assert pins.at("AAPL", 10_000) == Decimal(10_000)
    assert pins.at("AAPL", 100) is None


def test_a_halt_shows_the_moment_it_began_until_the_reopening() -> None:
    slots = Slots()
    halts = Halts(slots)
    halts.halt(7, 2)
    slots.now = 20
    halts.reopen(7)
    assert [halts.at(7, slot) for slot in (9, 10, 19, 20)] == [(9, 0), (10, 2), (10, 2), (20, 0)]
    assert halts.at(8, 15) == (15, 0)


def test_a_second_halt_takes_the_place_of_the_first_and_a_reopening_needs_one() -> None:
    slots = Slots()
    halts = Halts(slots)
    halts.reopen(7)
    halts.halt(7)
    slots.now = 15
    halts.halt(7, 2)
    assert halts.at(7, 14) == (10, 1)
    assert halts.at(7, 16) == (15, 2)
