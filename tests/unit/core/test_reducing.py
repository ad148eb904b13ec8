"""When a plan of reductions goes by itself, row by row; its parts add up and stay in bounds."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.policies import a_policy
from trader.core.ids import ConId
from trader.core.intents import Side
from trader.core.reducing import (
    LOOKS,
    NO_ROUNDS,
    PARTS_MAX,
    PAUSE_S,
    ROUNDS_MAX,
    Rounds,
    Step,
    lasting,
    next_step,
    parts,
    wait_s,
)
from trader.core.reduction_events import Reduction

D = Decimal
ORDER = a_policy().order
AFTER_S = 100.0
# A plan that has stood unobstructed since 1000.
STOOD = Rounds(clear_since_s=1_000.0)


def stepped(
    rounds: Rounds, now_s: float, *, is_planned: bool = True, objection: str = "", count: int = 0
) -> tuple[Rounds, Step]:
    return next_step(
        rounds,
        is_planned=is_planned,
        objection=objection,
        count=count,
        after_s=AFTER_S,
        now_s=now_s,
    )


def test_it_goes_once_the_plan_has_stood_for_as_long_as_the_policy_says() -> None:
    rounds, step = stepped(NO_ROUNDS, 1_000.0)
    assert (rounds, step) == (STOOD, Step.WAIT)
    assert stepped(rounds, 1_099.9) == (STOOD, Step.WAIT)
    rounds, step = stepped(rounds, 1_100.0)
    assert (rounds, step) == (Rounds(1_000.0, last_s=1_100.0), Step.SEND)


def test_what_objects_makes_the_time_begin_anew_and_forgets_no_round() -> None:
    rounds, step = stepped(replace(STOOD, last_s=900.0), 1_500.0, objection="halted")
    assert (rounds, step) == (Rounds(None, last_s=900.0), Step.WAIT)
    rounds, step = stepped(rounds, 1_501.0)
    assert (rounds.clear_since_s, step) == (1_501.0, Step.WAIT)
    assert stepped(rounds, 1_600.9)[1] is Step.WAIT
    assert stepped(rounds, 1_601.0)[1] is Step.SEND


def test_between_two_rounds_there_is_a_pause() -> None:
    rounds, _ = stepped(STOOD, 1_100.0)
    assert stepped(rounds, 1_100.0 + PAUSE_S - 0.1) == (rounds, Step.WAIT)
    assert stepped(rounds, 1_100.0 + PAUSE_S)[1] is Step.SEND


def test_it_gives_up_after_some_rounds_until_no_plan_stands_any_more() -> None:
    rounds, now_s = STOOD, 1_100.0
    for count in range(ROUNDS_MAX):
        rounds, step = stepped(rounds, now_s, count=count)
        assert step is Step.SEND
        now_s += PAUSE_S
    assert stepped(rounds, now_s, count=ROUNDS_MAX) == (rounds, Step.GIVE_UP)
    assert stepped(rounds, now_s, is_planned=False) == (NO_ROUNDS, Step.WAIT)


def asked(*quantities: int, side: Side = Side.SELL, con_id: int = 1) -> list[list[Reduction]]:
    """Return a look for each quantity, and an empty one for 0."""
    return [
        [Reduction(ConId(con_id), "AAA", side, D(quantity), D(1_000), D(1))] if quantity else []
        for quantity in quantities
    ]


@pytest.mark.parametrize(
    ("looks", "wanted"),
    [
        (asked(*[200] * LOOKS), {(1, Side.SELL): D(200)}),
        (asked(*[200] * (LOOKS - 1), 900), {(1, Side.SELL): D(200)}),
        (asked(900, *[200] * (LOOKS - 1)), {(1, Side.SELL): D(200)}),
        (asked(0, *[200] * (LOOKS - 1)), {}),
        (asked(*[200] * (LOOKS - 1), 0), {(1, Side.SELL): D(0)}),
        (asked(*[200] * (LOOKS - 1)) + asked(200, side=Side.BUY), {(1, Side.SELL): D(0)}),
        (asked(*[200] * (LOOKS - 1)) + asked(200, con_id=2), {(1, Side.SELL): D(0)}),
        (asked(*[200] * (LOOKS - 1)), {}),
        ([], {}),
    ],
)
def test_only_what_every_look_wanted_lasts(
    looks: list[list[Reduction]], wanted: dict[tuple[ConId, Side], Decimal]
) -> None:
    assert lasting(looks) == wanted


@pytest.mark.parametrize(
    ("rounds", "now_s", "left_s"),
    [
        (NO_ROUNDS, 1_000.0, AFTER_S),
        (STOOD, 1_030.0, 70.0),
        (STOOD, 1_200.0, 0.0),
        (replace(STOOD, last_s=1_190.0), 1_200.0, PAUSE_S - 10.0),
    ],
)
def test_how_long_it_still_takes_is_what_the_table_says(
    rounds: Rounds, now_s: float, left_s: float
) -> None:
    assert wait_s(rounds, AFTER_S, now_s) == left_s
    begun, step = stepped(rounds, now_s)
    assert step is (Step.WAIT if left_s else Step.SEND)
    if left_s:
        assert stepped(begun, now_s + left_s - 0.01)[1] is Step.WAIT
        assert stepped(begun, now_s + left_s)[1] is Step.SEND


@given(
    quantity=st.decimals("0", "100000", places=2),
    increment=st.sampled_from([D("0.01"), D("0.5"), D(1), D(100)]),
    unit=st.decimals("0.01", "5000", places=2),
    quantity_max=st.decimals("1", "1000", places=2),
    notional_max=st.decimals("1", "100000", places=2),
)
def test_parts_are_whole_increments_within_one_orders_limits_and_never_too_much(
    quantity: Decimal,
    increment: Decimal,
    unit: Decimal,
    quantity_max: Decimal,
    notional_max: Decimal,
) -> None:
    policy = replace(ORDER, quantity_max=quantity_max, notional_max=notional_max)
    sizes = parts(quantity, increment, unit, policy)
    assert len(sizes) <= PARTS_MAX
    for size in sizes:
        assert size > 0
        assert size % increment == 0
        assert len(f"{size:f}") <= 12, "as short as an increment is"
        assert size <= quantity_max
        assert size * unit <= notional_max
    left = quantity - sum(sizes, D(0))
    assert left >= 0
    fits = increment <= quantity_max and increment * unit <= notional_max
    if fits and len(sizes) < PARTS_MAX:
        assert left < increment, "nothing that could be sold is left out"


@pytest.mark.parametrize(("unit", "increment"), [(D(0), D(1)), (D(-1), D(1)), (D(1), D(0))])
def test_without_a_value_or_an_increment_there_is_no_part(
    unit: Decimal, increment: Decimal
) -> None:
    assert parts(D(10), increment, unit, ORDER) == ()
