"""Actions on the views of positions and values do on the wire what they say."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.sim.script.stages import Wire, act, memory, staged
from trader.sim.script.inputs import InputError


def test_an_end_marker_is_missing_until_switched_back() -> None:
    stage = staged()
    wire = Wire(memory(stage))
    act(stage, "missing-end", end="positions")
    wire.send(61, 1)
    assert wire.ids() == []
    act(stage, "missing-end", end="positions", on=False)
    wire.send(61, 1)
    assert wire.ids() == [62]


def test_positions_come_late_and_all_at_once_when_the_lag_ends() -> None:
    stage = staged()
    wire = Wire(memory(stage))
    wire.send(61, 1)
    act(stage, "position-lag", seconds=60)
    act(stage, "manual-trade", symbol="AAPL", side="BUY", quantity=5)
    wire.wait(1)
    assert wire.frames(61) == []
    act(stage, "position-lag")
    assert [frame[14] for frame in wire.frames(61)] == ["5"]
    with pytest.raises(InputError, match="fills"):
        act(stage, "position-lag", seconds=1, fills=1)


def test_rows_are_left_out_and_unknown_ones_listed() -> None:
    stage = staged()
    wire = Wire(memory(stage))
    act(stage, "manual-trade", symbol="AAPL", side="BUY", quantity=5)
    act(stage, "omit-position", con_id=265598)
    act(stage, "phantom-position", con_id=123, symbol="GHOST", quantity=9, average_cost=1)
    wire.send(61, 1)
    assert [(f[3], f[4], f[14]) for f in wire.frames(61)] == [("123", "GHOST", "9")]
    with pytest.raises(InputError, match="con_id"):
        act(stage, "phantom-position", con_id=265598, symbol="X", quantity=1, average_cost=1)
    act(stage, "phantom-position", con_id=123, symbol="GHOST", quantity=0, average_cost=1)
    act(stage, "omit-position", con_id=265598, on=False)
    wire.send(61, 1)
    assert [f[3] for f in wire.frames(61)] == ["265598"]


@pytest.mark.parametrize(("shows", "text"), [("nan", "NaN"), ("zero", "0.00"), ("empty", "")])
def test_a_value_is_shown_as_a_marker(shows: str, text: str) -> None:
    stage = staged()
    wire = Wire(memory(stage))
    act(stage, "account-value", key="NetLiquidation", shows=shows)
    wire.send(62, 1, 5, "All", "NetLiquidation")
    assert wire.frames(63)[0][5] == text
    with pytest.raises(InputError, match="key"):
        act(stage, "account-value", key="Wealth", shows=shows)


def test_switches_are_set_on_the_faults() -> None:
    stage = staged()
    switches = stage.host.faults.account
    act(stage, "values-lag", seconds=30)
    act(stage, "portfolio-rows", rows="missing")
    act(stage, "summary-cancel", stops_all=True)
    act(stage, "account-noise", amount=5, lists=3)
    assert (switches.values_lag_s, switches.portfolio_is_missing) == (30.0, True)
    assert (switches.cancel_stops_all, switches.noisy_lists) == (True, 3)
    assert switches.noise == Decimal(5)
