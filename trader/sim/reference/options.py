"""Option chains by rule: Fridays, strikes around a first price, names in the OCC's form.

A contract's id is put together from the chain's slot, the week of expiry, the strike's number and
the right. So it is the same in every run, can be read back into the contract, and no list of all
contracts has to be kept.
"""

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from trader.sim.model.instruments import Instrument
from trader.sim.reference import calendar, holidays, rules, venues

BASE_ID = 1_000_000_000
MULTIPLIER = Decimal(100)
_SLOTS = 1000
_WEEKS, _STRIKES = 1024, 512
_CHAIN_IDS = _WEEKS * _STRIKES * 2
# The first Friday that has a number.
_FIRST_FRIDAY = date(2019, 1, 4)
_WEEKLIES, _MONTHS = 6, 12
_ROUND = (Decimal(1), Decimal("2.5"), Decimal(5))
_STEP_MIN = Decimal("0.5")
_STEPS_PER_PRICE = 40


@dataclass(frozen=True, slots=True)
class Chain:
    """The options of one underlying; strikes are multiples of the step."""

    underlying: Instrument
    slot: int
    step: Decimal
    lowest: int
    highest: int

    def strikes(self) -> list[Decimal]:
        """Return the strikes, ascending; every expiry has the same."""
        return [self.step * n for n in range(self.lowest, self.highest + 1)]

    def has_strike(self, strike: Decimal) -> bool:
        """Return whether a strike is listed."""
        is_between = self.lowest * self.step <= strike <= self.highest * self.step
        return is_between and rules.is_multiple(strike, self.step)


def chains(prices: Mapping[Instrument, Decimal]) -> list[Chain]:
    """Return the chain of each underlying, by its first price; slots depend on the names alone.

    Stocks have the first choice, so that an index takes none of theirs.
    """
    slots: dict[int, Instrument] = {}
    for item in sorted(prices, key=lambda one: (one.sec_type == "IND", one.symbol)):
        slot = zlib.crc32(item.symbol.encode()) % _SLOTS
        while slot in slots:
            slot = (slot + 1) % _SLOTS
        slots[slot] = item
    return [_chain(item, slot, prices[item]) for slot, item in slots.items()]


def _chain(item: Instrument, slot: int, price: Decimal) -> Chain:
    step = _step(price)
    lowest = max(1, math.ceil(price * Decimal("0.4") / step))
    highest = max(lowest + 9, math.floor(price * 3 / step))
    return Chain(item, slot, step, lowest, highest)


def _step(price: Decimal) -> Decimal:
    """Return the smallest round number (1, 2.5, 5 times a power of ten) from a 40th up."""
    wanted, scale = max(price / _STEPS_PER_PRICE, _STEP_MIN), Decimal(1)
    while scale > wanted:
        scale /= 10
    while scale * 10 <= wanted:
        scale *= 10
    return next(scale * unit for unit in (*_ROUND, Decimal(10)) if scale * unit >= wanted)


def fridays(today: date) -> list[date]:
    """Return the Fridays of the expiries listed on a day: six weeks, then twelve months."""
    first = today + timedelta(days=(4 - today.weekday()) % 7)
    if expiry(first) < today:
        first += timedelta(days=7)
    found = [first + timedelta(days=7 * n) for n in range(_WEEKLIES)]
    for ahead in range(_MONTHS + 1):
        number = today.year * 12 + today.month - 1 + ahead
        found.append(holidays.third_friday(number // 12, number % 12 + 1))
    return sorted({day for day in found if day >= first and _week(day) is not None})


def expiry(friday: date) -> date:
    """Return the last trading day: the Friday itself or the trading day before."""
    day = friday
    while calendar.trading_day("US-REGULAR", day) is None:
        day -= timedelta(days=1)
    return day


def _week(friday: date) -> int | None:
    week = (friday - _FIRST_FRIDAY).days // 7
    return week if 0 <= week < _WEEKS else None


def contract(chain: Chain, friday: date, strike: Decimal, right: str) -> Instrument:
    """Return one option, listed now or not; the strike is one of the chain's."""
    item, ends, week = chain.underlying, expiry(friday), _week(friday)
    assert week is not None, "fridays are those that have a number"
    number = (week * _STRIKES + int(strike / chain.step)) * 2 + (right == "P")
    return Instrument(
        BASE_ID + chain.slot * _CHAIN_IDS + number, item.symbol, "OPT", "CBOE", item.currency,
        item.symbol, item.long_name, tick=rules.finest(rules.OPTION),
        local_name=occ_name(item.symbol, ends, right, strike), expiry=ends, strike=strike,
        right=right, multiplier=MULTIPLIER, contract_month=f"{ends:%Y%m}", route="SMART",
        exchanges=venues.US_OPTIONS, market_rule_id=rules.OPTION, stock_type="",
        under_con_id=item.con_id, under_symbol=item.symbol, under_sec_type=item.sec_type,
        calendar="US-REGULAR", last_trade_time="16:00", order_types=venues.order_types("OPT"),
        size_suggested=Decimal(1),
    )  # fmt: skip


def occ_name(symbol: str, ends: date, right: str, strike: Decimal) -> str:
    """Return the 21 characters: root padded to six, date, right, strike in thousandths."""
    return f"{symbol:<6}{ends:%y%m%d}{right}{int(strike * 1000):08}"


def read_name(text: str) -> tuple[str, date, str, Decimal] | None:
    """Return symbol, expiry, right and strike of an OCC name, None when it is none."""
    symbol, tail = text[:-15].strip(), text[-15:]
    digits = tail[:6] + tail[7:]
    if not symbol or not (digits.isascii() and digits.isdecimal()) or tail[6] not in "CP":
        return None
    try:
        ends = date(2000 + int(tail[:2]), int(tail[2:4]), int(tail[4:6]))
    except ValueError:
        return None
    return symbol, ends, tail[6], Decimal(int(tail[7:])) / 1000


def read_id(con_id: int) -> tuple[int, date, int, str] | None:
    """Return slot, Friday, strike number and right of an id, None when it is no option's."""
    if not BASE_ID <= con_id < BASE_ID + _SLOTS * _CHAIN_IDS:
        return None
    slot, rest = divmod(con_id - BASE_ID, _CHAIN_IDS)
    rest, is_put = divmod(rest, 2)
    week, strike = divmod(rest, _STRIKES)
    return slot, _FIRST_FRIDAY + timedelta(days=7 * week), strike, "P" if is_put else "C"
