"""Requests at the API door are recorded in a form that the journal gives back."""

from __future__ import annotations

from typing import get_args

import pytest

from tests.unit.core.factories import T0
from trader.core import events as ev
from trader.core import request_events as rq
from trader.core.ids import IntentId, OrderId, Seq
from trader.store.rows import recorded_of, row_of

EVENTS: tuple[rq.RequestEvent, ...] = (
    rq.RequestReceived("alice k", "d", IntentId("abc123-api-1"), "alice"),
    rq.OrderRequestReceived("alice k", "d", OrderId(7), "alice"),
    rq.RequestDecided("alice k", False, "LINK", "order 7: not connected"),
)


def test_each_kind_is_tried_here() -> None:
    assert {type(one) for one in EVENTS} == set(get_args(rq.RequestEvent))


@pytest.mark.parametrize("event", EVENTS)
def test_a_request_is_an_event_that_is_read_back_as_it_was_written(event: rq.RequestEvent) -> None:
    recorded = ev.Recorded(Seq(5), T0, event)
    assert recorded_of(row_of(recorded)) == recorded
