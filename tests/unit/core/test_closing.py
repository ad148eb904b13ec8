"""No sequence of fills, lags and cancels makes a close cross zero, and strangers stop it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ibkr.fake_gateway import AAPL
from trader.core.closing import (
    ATTEMPTS_MAX,
    Closing,
    ClosingOrder,
    Flat,
    Send,
    Sight,
    Stop,
    Wait,
    next_step,
)
from trader.core.ids import AccountId, ClientId, OrderId, OrderRef
from trader.core.intents import Side

TEN = Decimal(10)
SEEN = Sight(position=TEN, exits=Decimal(0), closing=Decimal(0), increment=Decimal(1))
HELD = Closing(start=TEN)


def test_a_held_position_is_closed_whole() -> None:
    assert next_step(HELD, SEEN) == Send(Side.SELL, TEN)
    short = replace(SEEN, position=-TEN)
    assert next_step(Closing(start=-TEN), short) == Send(Side.BUY, TEN)


def test_what_others_take_off_is_left_to_them() -> None:
    assert next_step(HELD, replace(SEEN, exits=Decimal(4))) == Send(Side.SELL, Decimal(6))
    step = next_step(HELD, replace(SEEN, exits=Decimal(12)))
    assert isinstance(step, Stop)
    assert "other orders may still take 12 of 10 off" in step.reason


def test_what_an_order_that_is_over_may_have_taken_off_waits() -> None:
    # INC-024: executions may come after its cancel.
    part = replace(SEEN, settling=Decimal(4), is_settling=True)
    assert next_step(HELD, part) == Send(Side.SELL, Decimal(6))
    whole = replace(part, settling=TEN)
    assert next_step(HELD, whole) == Wait("orders that are over may have taken 10 off")
    flat = replace(part, position=Decimal(0))
    assert isinstance(next_step(replace(HELD, moved=-TEN), flat), Wait)


def test_nothing_is_sent_while_a_close_works() -> None:
    assert isinstance(next_step(HELD, replace(SEEN, closing=Decimal(3))), Wait)


def test_a_fill_that_the_position_does_not_show_yet_is_waited_for() -> None:
    # INC-032: the second close of the same shares.
    step = next_step(replace(HELD, moved=-TEN), SEEN)
    assert isinstance(step, Wait)
    assert "our executions make 0" in step.reason


def test_flat_is_flat_only_when_the_executions_say_so_too() -> None:
    flat = replace(SEEN, position=Decimal(0))
    assert next_step(replace(HELD, moved=-TEN), flat) == Flat()
    assert isinstance(next_step(HELD, flat), Wait)
    assert next_step(Closing(start=Decimal(0)), flat) == Flat()


def test_an_execution_that_is_too_young_is_waited_for() -> None:
    assert isinstance(next_step(HELD, replace(SEEN, is_fresh=True)), Wait)


@pytest.mark.parametrize(
    ("closing", "sight", "word"),
    [
        (HELD, replace(SEEN, foreign="client 0 sold 10"), "somebody else"),
        (HELD, replace(SEEN, position=Decimal(-1)), "from 10 to -1"),
        (replace(HELD, moved=Decimal(-11)), SEEN, "make it -1"),
    ],
)
def test_any_sign_of_a_flip_or_a_stranger_stops_and_takes_our_order_back(
    closing: Closing, sight: Sight, word: str
) -> None:
    for working in (Decimal(0), Decimal(5)):
        step = next_step(closing, replace(sight, closing=working))
        assert isinstance(step, Stop)
        assert step.must_cancel
        assert word in step.reason


def test_a_late_fill_of_an_entry_of_ours_is_closed_too() -> None:
    grown = replace(HELD, moved=Decimal(5))
    assert isinstance(next_step(grown, SEEN), Wait)
    assert next_step(grown, replace(SEEN, position=Decimal(15))) == Send(Side.SELL, Decimal(15))


def test_it_gives_up_after_a_few_orders() -> None:
    closing = HELD
    for _ in range(ATTEMPTS_MAX):
        assert isinstance(next_step(closing, SEEN), Send)
        closing = replace(closing, sent=closing.sent + 1)
    assert isinstance(next_step(closing, SEEN), Stop)


def test_a_part_below_the_increment_is_told_and_left() -> None:
    step = next_step(Closing(start=Decimal("0.4")), replace(SEEN, position=Decimal("0.4")))
    assert step == Stop("0.4 is below the size increment of 1")


@pytest.mark.parametrize(
    ("side", "quantity", "held"),
    [(Side.SELL, 11, 10), (Side.BUY, 1, 10), (Side.SELL, 0, 10), (Side.SELL, 1, 0)],
)
def test_an_order_that_would_do_more_than_shrink_cannot_be_made(
    side: Side, quantity: int, held: int
) -> None:
    def make(quantity: int, held: int, side: Side) -> ClosingOrder:
        return ClosingOrder(
            order_id=OrderId(1),
            client_id=ClientId(7),
            order_ref=OrderRef("kill-abcdef-1"),
            account=AccountId("DU1"),
            instrument=AAPL,
            side=side,
            quantity=Decimal(quantity),
            held=Decimal(held),
        )

    assert make(10, 10, Side.SELL).quantity == 10
    assert make(3, -10, Side.BUY).quantity == 3
    with pytest.raises(AssertionError):
        make(quantity, held, side)


class _World:
    """A broker with one instrument: fills in parts, cancels, and positions that lag behind."""

    def __init__(self, held: int, draw: Callable[[int, int], int]) -> None:
        self.truth = Decimal(held)
        self.shown = [self.truth]
        self.closing = Closing(start=self.truth)
        self.working = Decimal(0)
        self.side = Side.SELL
        self.exits = Decimal(0)
        self._draw = draw

    def move(self) -> None:
        """Let something happen at the broker."""
        match self._draw(0, 4):
            case 0 | 1 if self.working:
                self.fill(Decimal(self._draw(1, int(self.working))))
            case 2 if self.working:
                self.working = Decimal(0)
            case 3:
                # An exit of somebody of ours appears, or goes.
                self.exits = Decimal(self._draw(0, 5)) if not self.exits else Decimal(0)
            case _:
                pass

    def fill(self, quantity: Decimal) -> None:
        signed = quantity * self.side.sign
        self.working -= quantity
        self.truth += signed
        self.shown.append(self.truth)
        self.closing = replace(self.closing, moved=self.closing.moved + signed)

    def sight(self) -> Sight:
        lag = self._draw(0, min(3, len(self.shown) - 1))
        return Sight(
            position=self.shown[len(self.shown) - 1 - lag],
            exits=self.exits,
            closing=self.working,
            increment=Decimal(1),
        )


@given(st.integers(-40, 40), st.data())
def test_no_sequence_of_fills_and_lags_crosses_zero(held: int, data: st.DataObject) -> None:
    world = _World(held, lambda low, high: data.draw(st.integers(low, high)))
    for _ in range(25):
        world.move()
        step = next_step(world.closing, world.sight())
        if isinstance(step, Send):
            assert world.working == 0, "two closing orders at a time"
            reach = step.quantity + world.exits
            assert reach <= abs(world.truth), f"{reach} would leave {world.truth}"
            assert step.side.sign * world.truth < 0
            world.closing = replace(world.closing, sent=world.closing.sent + 1)
            world.side, world.working = step.side, step.quantity
        assert world.truth * held >= 0, "it crossed zero"
        if isinstance(step, Flat):
            assert world.truth == 0


@given(st.integers(1, 40), st.integers(-80, 80).filter(bool), st.data())
def test_nothing_is_sent_once_a_stranger_was_seen(
    held: int, traded: int, data: st.DataObject
) -> None:
    world = _World(held, lambda low, high: data.draw(st.integers(low, high)))
    world.truth += traded
    world.shown.append(world.truth)
    for _ in range(5):
        world.move()
        # Whether the execution or only the position has shown it yet.
        foreign = "" if data.draw(st.booleans()) else "somebody"
        sight = replace(world.sight(), foreign=foreign)
        step = next_step(world.closing, sight)
        if foreign:
            assert isinstance(step, Stop)
        elif sight.position == world.truth:
            assert not isinstance(step, Send), "the position is not what our executions make"
