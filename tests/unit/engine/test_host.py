"""What is known of the machine: values that compare, and unknown is not zero."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from trader.engine.host import HeadroomStatus, HostStatus, TimeServiceStatus


def test_what_is_unknown_stays_none_and_nothing_changes() -> None:
    time = TimeServiceStatus(None, None, None, "not asked")
    room = HeadroomStatus(None, None, None, None, None, None, None, None, None)
    host = HostStatus(time, room, (), (), ())
    assert host == HostStatus(time, room, (), (), ())
    assert host.headroom.resident_bytes is None
    with pytest.raises(FrozenInstanceError):
        host.low = ("cpu",)  # type: ignore[misc]
