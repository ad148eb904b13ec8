"""Futures by rule: which months an underlying has, when they expire, what they are called.

A contract's id counts its month from a base that belongs to its root, so it is the same in every
run and can be read back into the contract.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from trader.sim.model.instruments import Instrument
from trader.sim.reference import calendar, holidays, rules, venues

BASE_ID = 800_000_000
_ROOT_IDS = 10_000
_FIRST_YEAR, _YEARS = 2000, 80
_MONTH_LETTERS = "FGHJKMNQUVXZ"
_QUARTERS = (3, 6, 9, 12)
# A gateway finds futures that expired up to two years ago (includeExpired).
_EXPIRED_DAYS_MAX = 731


@dataclass(frozen=True, slots=True)
class Root:
    """One kind of future; the months it is listed for and how its price moves."""

    symbol: str
    trading_class: str
    exchange: str
    name: str
    underlying: str
    multiplier: Decimal
    rule: int
    months: tuple[int, ...]
    listed: int
    last_trade_time: str
    is_weekly_rule: bool = False


ROOTS = (
    Root("ES", "ES", "CME", "E-mini S&P 500", "SPX", Decimal(50), rules.EQUITY_FUTURE,
         _QUARTERS, 5, "08:30"),
    Root("MES", "MES", "CME", "Micro E-Mini S&P 500 Stock Price Index", "SPX", Decimal(5),
         rules.EQUITY_FUTURE, _QUARTERS, 5, "08:30"),
    Root("VIX", "VX", "CFE", "CBOE Volatility Index", "VIX", Decimal(1000),
         rules.VOLATILITY_FUTURE, tuple(range(1, 13)), 8, "08:00", is_weekly_rule=True),
    # A new one comes last: a contract's id counts from the place of its root.
    Root("NQ", "NQ", "CME", "E-mini NASDAQ 100", "NDX", Decimal(20), rules.EQUITY_FUTURE,
         _QUARTERS, 5, "08:30"),
    Root("MNQ", "MNQ", "CME", "Micro E-Mini Nasdaq-100 Index", "NDX", Decimal(2),
         rules.EQUITY_FUTURE, _QUARTERS, 5, "08:30"),
)  # fmt: skip


def expiry(root: Root, year: int, month: int) -> date:
    """Return the last trading day of a contract month.

    Index futures end on the third Friday, volatility futures 30 days before the third Friday of
    the month after; a holiday moves it to the trading day before.
    """
    if root.is_weekly_rule:
        following = (year + month // 12, month % 12 + 1)
        day = holidays.third_friday(*following) - timedelta(days=30)
    else:
        day = holidays.third_friday(year, month)
    while calendar.trading_day("US-REGULAR", day) is None:
        day -= timedelta(days=1)
    return day


def months(root: Root, today: date, *, expired: bool) -> list[tuple[int, int]]:
    """Return the contract months (year, month) listed on a day; with those lately expired."""
    first = today - timedelta(days=_EXPIRED_DAYS_MAX)
    found: list[tuple[int, int]] = []
    live = 0
    for number in range(first.year * 12 + first.month - 1, today.year * 12 + today.month + 60):
        year, month = number // 12, number % 12 + 1
        if month not in root.months or not _FIRST_YEAR <= year < _FIRST_YEAR + _YEARS:
            continue
        ends = expiry(root, year, month)
        is_live = ends >= today
        if is_live or (expired and ends >= first):
            found.append((year, month))
        live += is_live
        if live == root.listed:
            break
    return found


def contract(root: Root, underlying: Instrument, year: int, month: int) -> Instrument:
    """Return the future of a month, listed now or not."""
    number = (year - _FIRST_YEAR) * 12 + month
    letter = _MONTH_LETTERS[month - 1]
    return Instrument(
        BASE_ID + ROOTS.index(root) * _ROOT_IDS + number, root.symbol, "FUT", root.exchange,
        underlying.currency, root.trading_class, root.name, tick=rules.finest(root.rule),
        local_name=f"{root.trading_class}{letter}{year % 10}", expiry=expiry(root, year, month),
        multiplier=root.multiplier, contract_month=f"{year}{month:02}",
        exchanges=(root.exchange, "QBALGO"), market_rule_id=root.rule, stock_type="",
        under_con_id=underlying.con_id, under_symbol=underlying.symbol,
        under_sec_type=underlying.sec_type, calendar="CME", time_zone="US/Central",
        last_trade_time=root.last_trade_time, order_types=venues.order_types("FUT"),
        size_suggested=Decimal(1),
    )  # fmt: skip


def read_id(con_id: int) -> tuple[Root, int, int] | None:
    """Return root, year and month behind a contract id, None when it is no future's."""
    place, number = divmod(con_id - BASE_ID, _ROOT_IDS)
    if con_id < BASE_ID or place >= len(ROOTS) or not 1 <= number <= _YEARS * 12:
        return None
    years, month = divmod(number - 1, 12)
    root = ROOTS[place]
    return (root, _FIRST_YEAR + years, month + 1) if month + 1 in root.months else None
