"""All faults are off at the start, and a swallow is used up."""

from __future__ import annotations

from trader.sim.gateway.ways.faults import Faults, Swallow


def test_a_new_simulator_has_no_fault() -> None:
    faults = Faults()
    assert [faults.is_muted, faults.is_upstream_down, faults.is_delivering] == [False] * 3
    assert not faults.held_messages
    assert (faults.copies, faults.commissions) == (1, "normal")
    assert faults.takes("placeOrder") is None


def test_a_swallow_counts_down_per_kind() -> None:
    faults = Faults()
    faults.swallow["cancelOrder"] = Swallow(2, register=True)
    assert faults.takes("placeOrder") is None
    assert [faults.takes("cancelOrder") is not None for _ in range(3)] == [True, True, False]
