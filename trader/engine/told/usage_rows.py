"""What each strategy uses of the account, and what its limits leave it, to be seen."""

from decimal import Decimal

from trader.core.account import AccountReading
from trader.core.amounts import ZERO
from trader.core.book_view import BookView
from trader.core.exposures import counted_equity
from trader.core.ids import StrategyName
from trader.core.policy import CoordinationPolicy, StrategyLimits
from trader.core.usage import usage
from trader.core.valuation import Valuation
from trader.engine.exposure_status import UsageStatus


def usage_row(
    book: BookView,
    strategy: StrategyName,
    policy: CoordinationPolicy,
    *,
    valuation: Valuation | None,
    told: AccountReading | None,
) -> UsageStatus:
    """Count as the review counts; where that could not, say why, and that nothing is left."""
    limits = policy.limits_of(strategy)
    words = _words(limits)
    if valuation is None or valuation.missing:
        missing = ("no value of the account",) if valuation is None else valuation.missing
        return UsageStatus(limits=words, problem="; ".join(missing)[:200])
    try:
        used = usage(book, strategy, book.workings.of_strategy(strategy), valuation)
    except KeyError as error:
        return UsageStatus(limits=words, problem=f"no mark or rate for {error.args[0]}")
    equity = counted_equity(valuation, None if told is None else told.net_liquidation)
    most = _most(limits, equity)
    headroom = None if most is None else most - used.total
    return UsageStatus(used.held, used.working, most, headroom, words)


def _most(limits: StrategyLimits, equity: Decimal) -> Decimal | None:
    """Return the lower of both limits as an amount; None where there is neither."""
    found = [] if limits.notional_max is None else [limits.notional_max]
    if limits.share_max is not None:
        found.append(limits.share_max * max(equity, ZERO))
    return min(found, default=None)


def _words(limits: StrategyLimits) -> str:
    share = None if limits.share_max is None else f"{limits.share_max} of the account"
    amount = None if limits.notional_max is None else str(limits.notional_max)
    return ", ".join(text for text in (share, amount) if text is not None)
