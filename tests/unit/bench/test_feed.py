"""A flood of prices over the wire: none of the latest is lost, and others have their turn."""

from __future__ import annotations

from trader.bench.feed import Load, flood, main, price_of

# Where a burst holds the loop, each burst does, for 200 ms and more; a machine that does something
# else makes one flood late, and not each of several.
_LAG_MS_MAX = 60.0
_TRIES = 4
_GROWTH_KIB_MAX = 20_000


def test_a_flood_loses_no_latest_price_and_does_not_hold_the_loop() -> None:
    """DAT-02: 20 instruments, 2,000 prices a second, bursts of 10,000."""
    lags_ms: list[float] = []
    while not lags_ms or (lags_ms[-1] >= _LAG_MS_MAX and len(lags_ms) < _TRIES):
        found = flood(Load(instruments=20, strategies=5, seconds=3.0, burst_every_s=1.0))
        print(found)
        assert found.ticks > 20_000
        assert found.stale_latest == 0
        assert found.memory_kib_end - found.memory_kib_begin < _GROWTH_KIB_MAX
        assert found.looks > 100
        lags_ms.append(found.lag_p99_ms)
    assert lags_ms[-1] < _LAG_MS_MAX, lags_ms


def test_consecutive_prices_differ() -> None:
    assert price_of(3, 7) != price_of(3, 8)


def test_what_makes_no_sense_is_refused() -> None:
    assert main(["--seconds", "0"]) == 2
