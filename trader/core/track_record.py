"""What each day brought a strategy, as a share of the account: its rolling record.

A strategy has no account of its own, so a day's result is held against what the whole account was
worth that day. Nothing is put in or taken out: the result of a night, and of a time in which
nobody looked, counts to the day after it. A day in which the result did not move says nothing of
skill and is no part of the record (BRK-12).
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from trader.core.amounts import ZERO, decimal_from
from trader.core.ids import StrategyName

# A year of trading days and a little, as for the account's own returns.
RETURNS_KEPT = 260
_PLACES = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """One strategy's record; amounts are in the account's currency, ``day`` is the account's."""

    strategy: StrategyName
    day: str
    # What it had brought in all when the day began, and what it has brought by now.
    carried: Decimal
    last: Decimal
    # What the account was worth on that day.
    capital: Decimal
    # Of each whole day that moved, oldest first.
    returns: tuple[Decimal, ...] = ()
    # Its holdings were put right by hand: the step that this makes is nobody's result.
    is_rebased: bool = False


def marked(
    record: TrackRecord | None,
    strategy: StrategyName,
    day: str,
    *,
    result: Decimal,
    capital: Decimal,
) -> TrackRecord:
    """Return the record after the strategy had brought ``result`` in all on ``day``.

    The first mark of a later day closes the one before; a day that steps back is taken for the
    present one.
    """
    assert decimal_from(result) is not None, f"result {result}"
    assert decimal_from(capital) is not None, f"capital {capital}"
    assert capital > ZERO, f"capital {capital}"
    if record is None:
        return TrackRecord(strategy, day, carried=ZERO, last=result, capital=capital)
    if record.is_rebased:
        step = result - record.last
        record = replace(
            record, carried=record.carried + step, last=record.last + step, is_rebased=False
        )
    if day <= record.day:
        return replace(record, last=result, capital=capital)
    change = record.last - record.carried
    returns = record.returns
    if change != ZERO:
        share = (change / record.capital).quantize(_PLACES)
        returns = (*returns, share)[-RETURNS_KEPT:]
    return TrackRecord(
        strategy, day, carried=record.last, last=result, capital=capital, returns=returns
    )


def rebased(record: TrackRecord) -> TrackRecord:
    """Return the record whose next mark is a new start and no result."""
    return replace(record, is_rebased=True)


def begun_anew(record: TrackRecord) -> TrackRecord:
    """Return the record without its past: a person has judged it and lets it begin again."""
    return replace(record, carried=record.last, returns=())
