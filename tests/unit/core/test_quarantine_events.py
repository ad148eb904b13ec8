"""The events of the quarantine are plain values; what they do is in quarantine."""

from __future__ import annotations

from typing import get_args

from trader.core import events as ev
from trader.core import quarantine_events


def test_each_of_them_can_be_recorded() -> None:
    kinds = set(get_args(quarantine_events.QuarantineEvent))
    assert len(kinds) == 5
    assert kinds <= set(get_args(ev.Event))
