"""The story of an order that left without the daemon, from the journal alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.core.factories import an_execution, at, commissioned
from tests.unit.core.test_emergency_events import ORDER
from trader.core import events as ev
from trader.core.emergency_story import EmergencyStory, emergency_story_of
from trader.core.executions import Execution
from trader.core.ids import ExecId, OrderId, OrderRef, PermId, Seq
from trader.core.story import NoStory

REF = ORDER.order_ref


def part(exec_id: str, quantity: int, price: int) -> Execution:
    return replace(
        an_execution(),
        exec_id=ExecId(exec_id),
        order_ref=REF,
        order_id=OrderId(9),
        perm_id=PermId(77),
        side=ORDER.side,
        quantity=Decimal(quantity),
        price=Decimal(price),
    )


def told(events: Iterable[ev.Event]) -> EmergencyStory:
    rows = [ev.Recorded(Seq(5 + i), at(i), event) for i, event in enumerate(events)]
    return emergency_story_of(REF, rows)


def test_it_is_told_from_its_promise_to_its_commission() -> None:
    one, two = part("e.1.01", 4, 100), part("e.2.01", 6, 110)
    story = told([ORDER, ev.ExecutionSeen(one), ev.ExecutionSeen(two), commissioned("e.1.01")])
    assert story.order is ORDER
    assert (story.filled, story.average_price) == (Decimal(10), Decimal(106))
    assert story.outcome == "10 of 10 filled at 106"
    assert story.commission is None
    assert [row.seq for row in story.moments] == [5, 6, 7, 8]


def test_one_that_never_filled_says_so() -> None:
    story = told([ORDER])
    assert (story.outcome, story.commission) == ("0 of 10 filled", ())


def test_a_name_without_an_order_has_no_story() -> None:
    with pytest.raises(NoStory, match="kill-abc123-1"):
        told([])
    other = replace(ORDER, order_ref=OrderRef("kill-abc123-2"))
    with pytest.raises(NoStory):
        told([other])
