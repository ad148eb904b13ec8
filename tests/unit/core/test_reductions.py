"""A plan of reductions: everything holds after it, nothing flips, and nothing is in vain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.core.factories import BUY, CON, OTHER_CON, SELL
from trader.core.exposures import Bounds
from trader.core.ids import ConId
from trader.core.marks import Mark, Source
from trader.core.positions import Position
from trader.core.reductions import Plan, excesses_after, planned
from trader.core.valuation import Valuation, valued

D = Decimal
THIRD = ConId(103)
NAMES = {CON: "AAA", OTHER_CON: "BBB", THIRD: "CCC"}
WIDE = Bounds(D(10**9), D(10**9), D(10**9))
Held = Mapping[ConId, tuple[Decimal, Decimal]]


def a_mark(price: Decimal) -> Mark:
    return Mark(price, "USD", "STK", Source.QUOTE, 5.0)


def valuation_of(held: Held) -> tuple[Valuation, dict[ConId, Position]]:
    """Return the account that holds these (quantity, price), and its positions."""
    positions = {key: Position(key, NAMES[key], row[0]) for key, row in held.items()}
    marks: dict[ConId, Mark | str] = {key: a_mark(row[1]) for key, row in held.items()}
    worth = valued(positions, marks, {"USD": D(0)}, rates={"USD": D(1)}, as_of_s=1.0)
    return worth, positions


def a_plan(
    bounds: Bounds, increments: Mapping[ConId, Decimal] | None = None, **held: tuple[int, int]
) -> Plan:
    ids = {name: key for key, name in NAMES.items()}
    rows = {ids[name]: (D(quantity), D(price)) for name, (quantity, price) in held.items()}
    plan = planned(*valuation_of(rows), bounds, increments or {})
    assert isinstance(plan, Plan)
    return plan


def told(plan: Plan) -> list[tuple[str, str, Decimal]]:
    return [(row.symbol, str(row.side), row.quantity) for row in plan.orders]


def test_nothing_is_planned_when_nothing_is_exceeded() -> None:
    at_the_limit = Bounds(D(3_000), D(1_000), D(2_000))
    assert a_plan(at_the_limit, AAA=(20, 100), BBB=(-10, 100)) == Plan()
    assert a_plan(Bounds(D(0), D(0), D(0))) == Plan()


def test_everything_gives_in_proportion_when_the_gross_exposure_is_too_large() -> None:
    plan = a_plan(replace(WIDE, gross=D(3_000)), AAA=(40, 100), BBB=(-20, 100))
    assert [row.words for row in plan.excesses] == ["gross 6000.00, at most 3000.00"]
    assert told(plan) == [("AAA", "SELL", D(20)), ("BBB", "BUY", D(10))]
    assert (plan.value, plan.remains) == (D(3_000), ())


def test_only_the_larger_side_gives_when_the_net_exposure_is_too_large() -> None:
    plan = a_plan(replace(WIDE, net=D(1_000)), AAA=(30, 100), BBB=(10, 100), CCC=(-10, 100))
    assert [row.limit for row in plan.excesses] == ["net"]
    assert told(plan) == [("AAA", "SELL", D(15)), ("BBB", "SELL", D(5))]
    short = a_plan(replace(WIDE, net=D(1_000)), AAA=(-30, 100), CCC=(10, 100))
    assert told(short) == [("AAA", "BUY", D(10))]
    assert short.excesses[0].value == -2_000


def test_one_instrument_comes_down_to_its_own_limit() -> None:
    plan = a_plan(replace(WIDE, box=D(1_000)), AAA=(15, 100), BBB=(-13, 100), CCC=(10, 100))
    assert [row.words for row in plan.excesses] == [
        "AAA box 1500.00, at most 1000.00",
        "BBB box 1300.00, at most 1000.00",
    ]
    assert told(plan) == [("AAA", "SELL", D(5)), ("BBB", "BUY", D(3))]


def test_what_is_furthest_beyond_its_limit_goes_first_then_the_larger_side() -> None:
    bounds = Bounds(gross=D(4_000), net=D(2_000), box=D(3_000))
    plan = a_plan(bounds, AAA=(20, 100), BBB=(35, 100), CCC=(-30, 100))
    assert [(row.limit, row.over) for row in plan.excesses] == [
        ("gross", D(4_500)),
        ("box", D(500)),
        ("net", D(500)),
    ]
    assert [row.symbol for row in plan.orders] == ["BBB", "AAA", "CCC"]


def test_orders_are_whole_increments_and_coarse_ones_give_back_to_fine_ones() -> None:
    # One lot of AAA is 10 000: selling it leaves room to keep all of BBB.
    plan = a_plan(replace(WIDE, gross=D(25_000)), {CON: D(100)}, AAA=(200, 100), BBB=(100, 60))
    assert told(plan) == [("BBB", "SELL", D(17))]
    tight = a_plan(replace(WIDE, gross=D(15_999)), {CON: D(100)}, AAA=(200, 100), BBB=(100, 60))
    assert told(tight) == [("AAA", "SELL", D(100)), ("BBB", "SELL", D(1))]


def test_an_account_that_is_worth_nothing_may_hold_nothing() -> None:
    plan = a_plan(Bounds(D(0), D(0), D(0)), AAA=(15, 100), BBB=(-13, 100))
    assert told(plan) == [("AAA", "SELL", D(15)), ("BBB", "BUY", D(13))]


def test_a_holding_below_one_increment_stays_and_is_told() -> None:
    plan = a_plan(replace(WIDE, box=D(500)), {CON: D(10)}, AAA=(8, 100))
    assert plan.orders == ()
    assert [row.words for row in plan.remains] == ["AAA box 800.00, at most 500.00"]


def test_a_price_below_zero_counts_on_the_other_side_and_is_closed_all_the_same() -> None:
    plan = a_plan(replace(WIDE, net=D(500)), AAA=(10, -100))
    assert plan.excesses[0].value == -1_000
    assert told(plan) == [("AAA", "SELL", D(5))]


def test_without_a_whole_value_there_is_no_plan_and_it_says_why() -> None:
    assert planned(None, {}, WIDE, {}) == "existing holdings have not been accepted"
    positions = {CON: Position(CON, "AAA", D(10))}
    worth = valued(positions, {}, {"USD": D(0)}, rates={"USD": D(1)}, as_of_s=1.0)
    assert planned(worth, positions, WIDE, {}) == "AAA (101): no mark"
    whole, positions = valuation_of({CON: (D(1), D(100))})
    assert planned(whole, positions, None, {}) == "the limits are not known"


def test_a_plan_of_before_is_held_against_what_is_so_now() -> None:
    bounds = replace(WIDE, gross=D(3_000))
    worth, positions = valuation_of({CON: (D(40), D(100))})
    plan = planned(worth, positions, bounds, {})
    assert isinstance(plan, Plan)
    assert [(row.side, row.quantity) for row in plan.orders] == [(SELL, D(10))]
    assert excesses_after(plan.orders, worth, positions, bounds) == ()
    dearer, _ = valuation_of({CON: (D(40), D(101))})
    still = excesses_after(plan.orders, dearer, positions, bounds)
    assert still is not None
    assert [row.over for row in still] == [D(30)]
    smaller, held = valuation_of({CON: (D(9), D(100))})
    assert excesses_after(plan.orders, smaller, held, bounds) is None
    turned, held = valuation_of({CON: (D(-40), D(100))})
    assert excesses_after(plan.orders, turned, held, bounds) is None
    assert excesses_after([replace(plan.orders[0], side=BUY)], worth, positions, bounds) is None


# ---- properties

PRICES = st.decimals(min_value=D("0.01"), max_value=D(5_000), places=2)
AMOUNTS = st.decimals(min_value=D(0), max_value=D(400_000), places=2)
HELD = st.dictionaries(
    st.sampled_from([CON, OTHER_CON, THIRD]),
    st.tuples(st.integers(-500, 500).map(Decimal), PRICES),
    min_size=1,
)
BOUNDS = st.builds(Bounds, gross=AMOUNTS, net=AMOUNTS, box=AMOUNTS)
# Of one, so that nothing is too small to be sold; lots of other sizes are drawn below.
LOTS = st.sampled_from([D(1), D(5), D(100)])


def limits_broken(quantities: Mapping[ConId, Decimal], held: Held, bounds: Bounds) -> list[str]:
    """Reckon anew, by the definition of each limit, what these quantities exceed."""
    values = [quantity * held[key][1] for key, quantity in quantities.items()]
    found = [f"box {value}" for value in values if abs(value) > bounds.box]
    if sum((abs(value) for value in values), start=D(0)) > bounds.gross:
        found.append("gross")
    if abs(sum(values, start=D(0))) > bounds.net:
        found.append("net")
    return found


def after_fills(held: Held, plan: Plan) -> dict[ConId, Decimal]:
    quantities = {key: row[0] for key, row in held.items()}
    for order in plan.orders:
        quantities[order.con_id] += order.side.sign * order.quantity
    return quantities


@given(HELD, BOUNDS)
def test_after_the_plans_fills_every_limit_holds(held: Held, bounds: Bounds) -> None:
    plan = planned(*valuation_of(held), bounds, {})
    assert isinstance(plan, Plan)
    before = {key: row[0] for key, row in held.items()}
    assert bool(plan.orders) == bool(limits_broken(before, held, bounds))
    assert plan.remains == ()
    assert limits_broken(after_fills(held, plan), held, bounds) == []


@given(HELD, BOUNDS, st.dictionaries(st.sampled_from([CON, OTHER_CON, THIRD]), LOTS))
@example(
    {CON: (D(-500), D(1)), OTHER_CON: (D(1), D(1_000))},
    Bounds(D(1_300), D(499), D(2_000)),
    {},
)
def test_nothing_flips_and_no_order_could_be_an_increment_smaller(
    held: Held, bounds: Bounds, lots: dict[ConId, Decimal]
) -> None:
    plan = planned(*valuation_of(held), bounds, lots)
    assert isinstance(plan, Plan)
    left = after_fills(held, plan)
    for order in plan.orders:
        before, lot = held[order.con_id][0], lots.get(order.con_id, D(1))
        assert before * left[order.con_id] >= 0, "it crossed zero"
        assert 0 < order.quantity <= abs(before)
        assert order.quantity % lot == 0
        if not plan.remains:
            less = left | {order.con_id: left[order.con_id] - order.side.sign * lot}
            assert limits_broken(less, held, bounds), f"{order} is larger than needed"
    # What remains is told, and only what is too small to be sold can remain.
    assert bool(plan.remains) == bool(limits_broken(left, held, bounds))
    if plan.remains:
        assert any(abs(left[key]) % lot for key, lot in lots.items() if key in left)


@given(HELD, BOUNDS)
def test_no_split_over_the_limits_sells_less_than_rounding_explains(
    held: Held, bounds: Bounds
) -> None:
    """The least value that any reductions need, reckoned without increments."""
    plan = planned(*valuation_of(held), bounds, {})
    assert isinstance(plan, Plan)
    values = [row[0] * row[1] for row in held.values()]
    boxed = {1: D(0), -1: D(0)}
    total = {1: D(0), -1: D(0)}
    for value in values:
        side = 1 if value > 0 else -1
        boxed[side] += max(abs(value) - bounds.box, D(0))
        total[side] += abs(value)
    net = (total[1] - boxed[1]) - (total[-1] - boxed[-1])
    least = max(
        boxed[1] + boxed[-1] + max(abs(net) - bounds.net, D(0)),
        total[1] + total[-1] - bounds.gross,
    )
    steps = [row[1] for row in held.values()]
    # Each holding may be rounded up once, and once more for what the rounding of others undid.
    assert plan.value <= max(least, D(0)) + 2 * sum(steps)
    assert plan.value >= least


@pytest.mark.parametrize("order", [[CON, OTHER_CON, THIRD], [THIRD, OTHER_CON, CON]])
def test_the_plan_does_not_depend_on_the_order_of_the_books(order: list[ConId]) -> None:
    held: dict[ConId, Any] = {
        CON: (D(40), D(100)),
        OTHER_CON: (D(40), D(100)),
        THIRD: (D(-40), D(100)),
    }
    plan = planned(*valuation_of({key: held[key] for key in order}), replace(WIDE, gross=D(1)), {})
    expected = planned(*valuation_of(held), replace(WIDE, gross=D(1)), {})
    assert plan == expected
