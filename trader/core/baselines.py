"""What losses are measured against: the account's value at the start of its day, and its highest.

Deposits and withdrawals move both, so that money that was put in is no gain and money that was
taken out is no loss. A flow whose value in the account's currency nobody knows makes the baseline
doubtful: then nothing is measured, and what needs a measure restricts (INC-020, BRK-11, BRK-13).
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from trader.core.amounts import ZERO, decimal_from

# A year of trading days and a little: what the rolling ratios look at.
RETURNS_KEPT = 260


@dataclass(frozen=True, slots=True)
class Baseline:
    """One account's measure; amounts are in its currency, ``day`` is its own day (YYYY-MM-DD)."""

    day: str
    opened: Decimal
    high: Decimal
    last: Decimal
    # Deposits less withdrawals since the start of the day.
    flows: Decimal = ZERO
    is_doubtful: bool = False
    # Of each whole day, oldest first, flows taken out; a day that could not be measured is absent.
    returns: tuple[Decimal, ...] = ()


def marked(baseline: Baseline | None, day: str, value: Decimal) -> Baseline:
    """Return the baseline after the account was worth ``value`` on ``day``.

    The first value of a later day opens it; a day that steps back is taken for the present one.
    """
    assert decimal_from(value) is not None, f"account value {value}"
    if baseline is None:
        return Baseline(day, opened=value, high=value, last=value)
    if day <= baseline.day:
        high = max(baseline.high, value)
        return replace(baseline, last=value, high=high)
    whole = change_of_day(baseline)
    returns = baseline.returns if whole is None else (*baseline.returns, whole)[-RETURNS_KEPT:]
    return replace(
        baseline,
        day=day,
        opened=value,
        last=value,
        flows=ZERO,
        # A new day measures itself from a value that already holds every flow before it.
        is_doubtful=False,
        high=max(baseline.high, value),
        returns=returns,
    )


def flowed(baseline: Baseline, amount: Decimal | None) -> Baseline:
    """Return the baseline after a deposit, or with a negative amount a withdrawal.

    ``amount`` is None when its value in the account's currency is not known.
    """
    number = decimal_from(amount) if amount is not None else None
    if number is None:
        return replace(baseline, is_doubtful=True)
    return replace(
        baseline,
        flows=baseline.flows + number,
        high=baseline.high + number,
        last=baseline.last + number,
    )


def opening(baseline: Baseline | None, day: str) -> Decimal | None:
    """Return what losses of ``day`` count from: its first value, deposits and withdrawals added.

    None where that cannot be said: no value yet, of another day, or a flow nobody could value.
    """
    if baseline is None or baseline.is_doubtful or baseline.day != day:
        return None
    return baseline.opened + baseline.flows


def change_of_day(baseline: Baseline, value: Decimal | None = None) -> Decimal | None:
    """Return the change since the start of the day as a fraction of its value, flows taken out.

    Of ``value``, or of the last one marked; None where it cannot be measured.
    """
    now = decimal_from(baseline.last if value is None else value)
    if now is None or baseline.is_doubtful or baseline.opened <= ZERO:
        return None
    return (now - baseline.flows - baseline.opened) / baseline.opened


def drawdown(baseline: Baseline, value: Decimal | None = None) -> Decimal | None:
    """Return the fall from the highest value as a fraction of it, 0 at a new high.

    None where it cannot be measured.
    """
    now = decimal_from(baseline.last if value is None else value)
    if now is None or baseline.is_doubtful or baseline.high <= ZERO:
        return None
    return max(ZERO, (baseline.high - now) / baseline.high)
