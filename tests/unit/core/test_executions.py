"""An execution moves position and cash; a correction replaces the one before (INC-048)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import BUY, CON, SELL, a_book, an_execution, executed, record
from trader.core import events as ev
from trader.core.executions import Execution, delta
from trader.core.intents import Side

PRICES = st.decimals(min_value=1, max_value=500, places=2)
QUANTITIES = st.integers(1, 1_000)
SIDES = st.sampled_from([BUY, SELL])
MULTIPLIERS = st.sampled_from([Decimal(1), Decimal(100)])


@pytest.mark.parametrize(("side", "quantity", "cash"), [(BUY, 10, -50_000), (SELL, -10, 50_000)])
def test_a_buy_costs_cash_and_a_sell_brings_it(side: Side, quantity: int, cash: int) -> None:
    execution = an_execution(side=side, price=Decimal(50), multiplier=Decimal(100))
    assert execution.signed_quantity == quantity
    assert execution.cash_change == cash


def test_the_first_report_of_an_execution_is_one_trade() -> None:
    execution = an_execution(quantity=4, price=Decimal(99))
    change = delta(None, execution)
    assert change.trades == ((Decimal(4), Decimal(99)),)
    assert change.cash == -396
    assert change.quantity == 4


@given(SIDES, st.lists(st.tuples(st.integers(0, 1_000), PRICES), min_size=1), MULTIPLIERS)
def test_the_changes_of_a_chain_of_corrections_add_up_to_the_last(
    side: Side, chain: list[tuple[int, Decimal]], multiplier: Decimal
) -> None:
    previous: Execution | None = None
    quantity = cash = filled = Decimal(0)
    for number, price in chain:
        current = an_execution(quantity=number, price=price, side=side, multiplier=multiplier)
        change = delta(previous, current)
        quantity += sum((signed for signed, _ in change.trades), start=Decimal(0))
        cash += change.cash
        filled += change.quantity
        previous = current
    assert previous is not None
    assert quantity == previous.signed_quantity
    assert cash == previous.cash_change
    assert filled == previous.quantity


def test_a_correction_to_nothing_only_takes_the_trade_back() -> None:
    change = delta(an_execution(quantity=10), an_execution(exec_id="e.01.02", quantity=0))
    assert change.trades == ((Decimal(-10), Decimal(100)),)
    assert change.cash == 1_000
    assert change.quantity == -10


CORRECTIONS = [
    pytest.param({"price": Decimal("99.5")}, id="another price"),
    pytest.param({"quantity": 7}, id="less"),
    pytest.param({"quantity": 12}, id="more"),
    pytest.param({"quantity": 0}, id="busted"),
    pytest.param({"quantity": 7, "price": Decimal(101)}, id="both"),
]


@pytest.mark.parametrize("change", CORRECTIONS)
@pytest.mark.parametrize("held", [0, 30, -5])
@pytest.mark.parametrize("numbers", [("01", "02"), ("02", "01"), ("01", "02", "01", "02")])
def test_a_corrected_execution_leaves_what_booking_only_the_last_one_leaves(
    change: dict[str, Decimal | int], held: int, numbers: tuple[str, ...]
) -> None:
    """INC-048: in whichever order the two reports come."""
    last = executed(exec_id="x.01.02", **change)
    reports = {"01": executed(exec_id="x.01.01"), "02": last}
    book, expected = a_book(held), a_book(held)
    for number in numbers:
        record(book, reports[number])
    record(expected, last)
    assert book.position_of(CON) == expected.position_of(CON)
    assert book.cash == expected.cash
    assert len(book.fills) == 1
    assert book.tally.executions == 1


@given(
    st.permutations([1, 2, 3, 10]),
    st.lists(st.tuples(st.integers(0, 50), PRICES), min_size=4, max_size=4),
)
def test_of_many_revisions_in_any_order_the_highest_number_counts(
    order: list[int], values: list[tuple[int, Decimal]]
) -> None:
    revisions = dict(zip([1, 2, 3, 10], values, strict=True))
    book = a_book()
    for revision in order:
        quantity, price = revisions[revision]
        record(book, executed(exec_id=f"x.01.{revision:02}", quantity=quantity, price=price))
    quantity, price = revisions[10]
    assert book.position_of(CON) == quantity
    assert book.cash["USD"] == 100_000 - quantity * price


@given(st.data())
def test_executions_repeated_and_shuffled_are_booked_once(data: st.DataObject) -> None:
    """INC-018: the broker replays the day's executions at every connection."""
    fills = [
        executed(exec_id=f"{name}.01.01", quantity=quantity, side=side)
        for name, quantity, side in [("a", 10, BUY), ("b", 3, SELL), ("c", 5, BUY)]
    ]
    arrived: list[ev.ExecutionSeen] = data.draw(
        st.permutations(fills + fills).map(list), label="arrived"
    )
    book = a_book()
    for seen in arrived:
        record(book, seen)
    assert book.position_of(CON) == 12
    assert book.cash["USD"] == 100_000 - 1_200
    assert book.tally.executions == 3
