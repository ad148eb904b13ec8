"""The bars that may be decided on: whole, one behind the other, and of now; pure.

A gap is not bridged. What is older than a gap says nothing of the present, whether the gap is a
lost minute or a night: it is left out, and who needs more bars than there are waits.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from trader.core.amounts import ZERO
from trader.core.bars import Bar


def unbroken(bars: Sequence[Bar], now_utc: datetime) -> Sequence[Bar]:
    """Return the newest bars back to the first gap; none when the newest is not of now.

    It is of now for as long as the next one lasts. A bar that is not whole, of another size, out
    of its order or without a price above 0 is a gap.
    """
    count = 0
    step = timedelta(seconds=bars[-1].size_s if bars else 0)
    for index in range(len(bars) - 1, -1, -1):
        bar = bars[index]
        if not _is_good(bar):
            break
        if count == 0:
            age_s = (now_utc - bar.end_utc).total_seconds()
            if not 0 <= age_s <= bar.size_s:
                return ()
        else:
            after = bars[index + 1]
            if bar.size_s != after.size_s or bar.start_utc + step != after.start_utc:
                break
        count += 1
    return bars[len(bars) - count :]


def aligned(
    one: Sequence[Bar], other: Sequence[Bar], now_utc: datetime
) -> tuple[Sequence[Bar], Sequence[Bar]]:
    """Return the newest bars of two instruments that cover the same unbroken time."""
    first, second = unbroken(one, now_utc), unbroken(other, now_utc)
    count = min(len(first), len(second))
    if count == 0 or first[-1].start_utc != second[-1].start_utc:
        return (), ()
    return first[-count:], second[-count:]


def since_s(then_utc: datetime | None, now_utc: datetime) -> float:
    """Return how long ago something was, in seconds; endless if it never was.

    Less than 0 where the clock was set back: nobody knows how long it has been.
    """
    if then_utc is None:
        return float("inf")
    return (now_utc - then_utc) / timedelta(seconds=1)


def _is_good(bar: Bar) -> bool:
    # Written out: this is asked of every bar of a window, each time that one ends.
    return (
        bar.is_whole
        and bar.open.is_finite()
        and bar.high.is_finite()
        and bar.low.is_finite()
        and bar.close.is_finite()
        and bar.open > ZERO
        and bar.high > ZERO
        and bar.low > ZERO
        and bar.close > ZERO
    )
