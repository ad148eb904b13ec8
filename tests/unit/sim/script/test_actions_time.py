"""Time passes at once when told, and everything due in it happens in order."""

from __future__ import annotations

import pytest

from tests.unit.sim.script.stages import EPOCH_S, act_on, memory_host
from trader.sim.script.inputs import InputError


def test_an_hour_passes_at_once() -> None:
    host = memory_host()
    seen: list[float] = []
    for delay_s in (10.0, 5.0):
        host.clock.call_later(delay_s, lambda: seen.append(host.clock.time() - EPOCH_S))
    answer = act_on(host, "advance", seconds=3600)
    assert seen == [5.0, 10.0]
    assert answer["utc"].startswith("2026-11-23T15:40:00")


@pytest.mark.parametrize("seconds", [-1, "long", None])
def test_a_span_that_is_none_is_refused(seconds: object) -> None:
    host = memory_host()
    with pytest.raises(InputError, match="seconds"):
        act_on(host, "advance", seconds=seconds)
    assert host.clock.time() == EPOCH_S
