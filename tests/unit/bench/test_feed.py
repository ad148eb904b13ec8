"""A flood of prices over the wire: none of the latest is lost, and others have their turn."""

from __future__ import annotations

from trader.bench.feed import Load, at, flood, main, price_of

# A busy machine makes everything late; what this holds is that nothing is late by a whole burst.
_LAG_MS_MAX = 2_000.0
_GROWTH_KIB_MAX = 20_000


def test_a_flood_loses_no_latest_price_and_does_not_hold_the_loop() -> None:
    """DAT-02: 20 instruments, 2,000 prices a second, bursts of 10,000."""
    found = flood(Load(instruments=20, strategies=5, seconds=3.0, burst_every_s=1.0))
    print(found)
    assert found.ticks > 20_000
    assert found.stale_latest == 0
    assert found.lag_p99_ms < _LAG_MS_MAX
    assert found.memory_kib_end - found.memory_kib_begin < _GROWTH_KIB_MAX
    assert found.looks > 100


def test_consecutive_prices_differ() -> None:
    assert price_of(3, 7) != price_of(3, 8)


def test_percentiles_of_nothing_and_of_some() -> None:
    assert at([], 99) == 0.0
    assert at([3.0, 1.0, 2.0], 50) == 2.0
    assert at([3.0, 1.0, 2.0], 99) == 3.0


def test_what_makes_no_sense_is_refused() -> None:
    assert main(["--seconds", "0"]) == 2
