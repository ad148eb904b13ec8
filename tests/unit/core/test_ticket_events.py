"""The events of a person's word are plain values; what they do is in book_tickets."""

from __future__ import annotations

from typing import get_args

from trader.core import events as ev
from trader.core import ticket_events


def test_each_of_them_can_be_recorded() -> None:
    kinds = set(get_args(ticket_events.TicketEvent))
    assert len(kinds) == 4
    assert kinds <= set(get_args(ev.Event))
