"""What seeds have reached is counted, and what none has reached is named."""

from __future__ import annotations

from collections import Counter

from tests.simulation.reached import count_drifts, count_moves, possible, table
from tests.simulation.run import Wish, load_configuration, played
from trader.core import orders
from trader.core.changes import ChangeState
from trader.core.drifts import Drift, DriftKind
from trader.core.orders import OrderEvent, OrderState


def test_moves_are_counted_and_come_out_as_before() -> None:
    into: Counter[str] = Counter()
    before = dict(vars(orders))
    try:
        count_moves(into)
        assert orders.next_state(OrderState.SENT, OrderEvent.ACKNOWLEDGED) is OrderState.WORKING
        assert orders.next_state(OrderState.FILLED, OrderEvent.SENT) is None
    finally:
        vars(orders).update(before)
    assert into == {"order SENT, acknowledged": 1, "refused by the order machine": 1}


def test_the_table_names_what_was_never_reached() -> None:
    everything = Counter(dict.fromkeys(possible(), 1))
    assert "never" not in table(everything)
    del everything["order UNKNOWN, proven absent"]
    first, *others = table(everything).splitlines()
    assert first.endswith("; never *UNKNOWN, proven absent*")
    assert all("never" not in line for line in others)
    assert {str(state) for state in ChangeState} & {
        one.split()[1].rstrip(",") for one in possible() if one.startswith("change")
    }


def test_differences_are_counted_by_kind() -> None:
    into: Counter[str] = Counter()
    count_drifts(into, (Drift(DriftKind.CASH, "USD", "1", "2"),) * 2)
    assert into == {"drift cash": 2}


def test_a_seed_says_what_it_has_reached() -> None:
    ((_, result),) = played(Wish(load_configuration()), [43000])
    assert result.reached["order SENT, acknowledged"] > 10
    assert set(result.reached) <= {*possible(), "refused by the order machine"}
