"""Every kind that the breakers record is an event, folds into the book and is told in words."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.book import _HANDLERS


def test_every_kind_is_an_event_of_the_journal_and_has_a_handler() -> None:
    kinds = get_args(be.BreakerEvent)
    assert len(kinds) > 10, "the union is flat: each kind stands for itself"
    for kind in kinds:
        assert kind in get_args(ev.Event)
        assert kind in _HANDLERS


def test_a_trip_records_what_it_was_judged_by() -> None:
    """BRK-09: inputs, threshold, policy and decision."""
    names = [row.name for row in fields(be.BreakerTripped)]
    assert names == ["name", "inputs", "limit", "policy_hash", "action", "day"]
