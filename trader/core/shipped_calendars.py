"""The calendars that come with the program: tables of rules, and which instrument has which; pure.

Each day of them was held against a second source (tests/unit/core/test_exchange_oracle.py); where
the two differ, tests/calendar_differences.yaml says why. A closing that was announced later is one
more row, and a new version.

There is none for Eurex, and none for futures on anything but American stock indices: each product
has hours and holidays of its own there. Of these the broker's word is all that is known.
"""

from collections.abc import Mapping
from datetime import date, time
from types import MappingProxyType

from trader.core.exchanges import Compared, Early, ExchangeCalendar, WholeDay
from trader.core.holidays import (
    BY_TWO_DAYS,
    FROM_SUNDAY,
    MONDAY,
    NEAREST,
    THURSDAY,
    TO_FRIDAY,
    TO_MONDAY,
    Easter,
    Fixed,
    Holiday,
    Nth,
    Once,
)

_VERSION = "2026.12"
_FROM, _UNTIL = date(2014, 1, 1), date(2027, 12, 31)
_MONDAY_TO_THURSDAY = range(MONDAY, THURSDAY + 1)

# ---- holidays that several exchanges keep

_GOOD_FRIDAY = Holiday("Good Friday", Easter(-2))
_EASTER_MONDAY = Holiday("Easter Monday", Easter(1))
_NEW_YEAR = Holiday("New Year's Day", Fixed(1, 1))
_LABOUR_DAY = Holiday("Labour Day", Fixed(5, 1))
_CHRISTMAS_EVE = Holiday("Christmas Eve", Fixed(12, 24))
_CHRISTMAS = Holiday("Christmas Day", Fixed(12, 25))
_BOXING_DAY = Holiday("Boxing Day", Fixed(12, 26))
_NEW_YEARS_EVE = Holiday("New Year's Eve", Fixed(12, 31))

# ---- the United States

_US_NEW_YEAR = Holiday("New Year's Day", Fixed(1, 1, FROM_SUNDAY))
_US_KING = Holiday("Martin Luther King Day", Nth(1, MONDAY, 3))
_US_WASHINGTON = Holiday("Washington's Birthday", Nth(2, MONDAY, 3))
_US_MEMORIAL = Holiday("Memorial Day", Nth(5, MONDAY, -1))
_US_JUNETEENTH = Holiday("Juneteenth", Fixed(6, 19, NEAREST), range(2022, 10_000))
_US_INDEPENDENCE = Holiday("Independence Day", Fixed(7, 4, NEAREST))
_US_LABOR = Holiday("Labor Day", Nth(9, MONDAY, 1))
_US_THANKSGIVING = Holiday("Thanksgiving Day", Nth(11, THURSDAY, 4))
_US_CHRISTMAS = Holiday("Christmas Day", Fixed(12, 25, NEAREST))
_US_MOURNING = (
    Holiday("mourning for President G. H. W. Bush", Once(date(2018, 12, 5))),
    Holiday("mourning for President Carter", Once(date(2025, 1, 9))),
)
_US_SHUT = (
    _US_NEW_YEAR, _US_KING, _US_WASHINGTON, _GOOD_FRIDAY, _US_MEMORIAL, _US_JUNETEENTH,
    _US_INDEPENDENCE, _US_LABOR, _US_THANKSGIVING, _US_CHRISTMAS, *_US_MOURNING,
)  # fmt: skip
# Two eves and the day after a third holiday. Where the holiday falls on a weekend, its eve is the
# day off, or a day like any other.
_US_HALF_DAYS = (
    Holiday("day after Thanksgiving", Nth(11, THURSDAY, 4, plus=1)),
    Holiday("eve of Independence Day", Fixed(7, 3, weekdays=_MONDAY_TO_THURSDAY)),
    Holiday("eve of Christmas Day", Fixed(12, 24, weekdays=_MONDAY_TO_THURSDAY)),
)

# NYSE, NASDAQ, ARCA and the smaller ones keep the same days and regular hours.
US_STOCKS = ExchangeCalendar(
    name="US stocks",
    version=_VERSION,
    valid_from=_FROM,
    valid_until=_UNTIL,
    zone="America/New_York",
    hours=(WholeDay(_FROM, ((time(9, 30), time(16)),), ((time(4), time(20)),)),),
    shut=_US_SHUT,
    early=(Early(_US_HALF_DAYS, time(13), time(17)),),
)

# VIX and its like: a quarter of an hour longer than stocks. Its night hours have changed several
# times and are left out: an index takes no orders.
CBOE_INDICES = ExchangeCalendar(
    name="Cboe indices",
    version=_VERSION,
    valid_from=_FROM,
    valid_until=_UNTIL,
    zone="America/Chicago",
    hours=(
        WholeDay(_FROM, ((time(8, 30), time(15, 15)),), ((time(8, 30), time(15, 15)),)),
    ),
    shut=_US_SHUT,
    early=(Early(_US_HALF_DAYS, time(12, 15), time(12, 15)),),
)  # fmt: skip

# On a Good Friday with the government's report on jobs the night session is held and ends when
# that has been digested. The report comes on the first Friday of a month.
_JOBS_FRIDAYS = (2015, 2021, 2023, 2026)
_CME_HALTED = (
    _US_MEMORIAL, _US_JUNETEENTH, _US_INDEPENDENCE, _US_LABOR, _US_THANKSGIVING,
    Holiday(_US_KING.name, _US_KING.when, range(2015, 10_000)),
    Holiday(_US_WASHINGTON.name, _US_WASHINGTON.when, range(2015, 10_000)),
)  # fmt: skip
_CME_HALTED_IN_2014 = (
    Holiday(_US_KING.name, _US_KING.when, range(2014, 2015)),
    Holiday(_US_WASHINGTON.name, _US_WASHINGTON.when, range(2014, 2015)),
)

# Futures on American stock indices: a day is from 17:00 of the evening before until 16:00. Most
# holidays of the stock exchanges are days here that are halted at noon, until the next day opens.
CME_INDICES = ExchangeCalendar(
    name="CME stock index futures",
    version=_VERSION,
    valid_from=_FROM,
    valid_until=_UNTIL,
    zone="America/Chicago",
    hours=(
        WholeDay(
            _FROM,
            regular=((time(8, 30), time(15, 15)),),
            trading=((time(17), time(15, 15)), (time(15, 30), time(16, 15))),
        ),
        WholeDay(
            date(2015, 9, 21),
            regular=((time(8, 30), time(15, 15)), (time(15, 30), time(16))),
            trading=((time(17), time(15, 15)), (time(15, 30), time(16))),
        ),
        WholeDay(
            date(2021, 6, 28),
            regular=((time(8, 30), time(16)),),
            trading=((time(17), time(16)),),
        ),
    ),
    shut=(_US_NEW_YEAR, Holiday("Good Friday", Easter(-2), but=_JOBS_FRIDAYS), _US_CHRISTMAS),
    early=(
        Early(_CME_HALTED, time(12), time(12)),
        Early(_CME_HALTED_IN_2014, time(10, 30), time(10, 30)),
        Early(_US_HALF_DAYS, time(12, 15), time(12, 15)),
        Early(
            tuple(
                Holiday("Good Friday, with the report on jobs", Easter(-2), range(year, year + 1))
                for year in _JOBS_FRIDAYS
            ),
            time(8, 15),
            time(8, 15),
        ),
        Early(_US_MOURNING, time(8, 30), time(8, 30)),
    ),
    compared=Compared.TRADING,
)

# ---- Europe: continuous trading, without the auctions before and after it

# A closing auction of five minutes, and as many or ten at its price; with some to spare.
_CLOSING_S = 1_200.0

XETRA_STOCKS = ExchangeCalendar(
    name="Xetra",
    version=_VERSION,
    valid_from=_FROM,
    valid_until=_UNTIL,
    zone="Europe/Berlin",
    hours=(WholeDay(_FROM, ((time(9), time(17, 30)),), ((time(9), time(17, 30)),)),),
    shut=(
        _NEW_YEAR, _GOOD_FRIDAY, _EASTER_MONDAY, _LABOUR_DAY, _CHRISTMAS_EVE, _CHRISTMAS,
        _BOXING_DAY, _NEW_YEARS_EVE,
        Holiday("Whit Monday", Easter(50), range(2015, 2022)),
        Holiday("Day of German Unity", Fixed(10, 3), range(2014, 2022)),
        Holiday("500 years of the Reformation", Once(date(2017, 10, 31))),
    ),
    # The last weekday before New Year's Eve.
    early=(
        Early((Holiday("last day of the year", Fixed(12, 30, TO_FRIDAY)),), time(14), time(14)),
    ),
    closing_s=_CLOSING_S,
)  # fmt: skip

_MAY, _SPRING = "Early May Bank Holiday", "Spring Bank Holiday"
LONDON_STOCKS = ExchangeCalendar(
    name="London",
    version=_VERSION,
    valid_from=_FROM,
    valid_until=_UNTIL,
    zone="Europe/London",
    hours=(WholeDay(_FROM, ((time(8), time(16, 30)),), ((time(8), time(16, 30)),)),),
    shut=(
        Holiday("New Year's Day", Fixed(1, 1, TO_MONDAY)),
        _GOOD_FRIDAY,
        _EASTER_MONDAY,
        Holiday(_MAY, Nth(5, MONDAY, 1), but=(2020,)),
        Holiday(_SPRING, Nth(5, MONDAY, -1), but=(2022,)),
        Holiday("Summer Bank Holiday", Nth(8, MONDAY, -1)),
        Holiday("Christmas Day", Fixed(12, 25, BY_TWO_DAYS)),
        Holiday("Boxing Day", Fixed(12, 26, BY_TWO_DAYS)),
        Holiday(f"{_MAY}, moved to VE Day", Once(date(2020, 5, 8))),
        Holiday(f"{_SPRING}, moved to the Jubilee", Once(date(2022, 6, 2))),
        Holiday("Platinum Jubilee", Once(date(2022, 6, 3))),
        Holiday("funeral of Queen Elizabeth II", Once(date(2022, 9, 19))),
        Holiday("coronation of King Charles III", Once(date(2023, 5, 8))),
    ),
    early=(
        Early(
            (
                Holiday("Christmas Eve", Fixed(12, 24, TO_FRIDAY)),
                Holiday("New Year's Eve", Fixed(12, 31, TO_FRIDAY)),
            ),
            time(12, 30),
            time(12, 30),
        ),
    ),
    closing_s=_CLOSING_S,
)

# Paris, Amsterdam and Brussels keep the same days on the same clock.
EURONEXT_STOCKS = ExchangeCalendar(
    name="Euronext",
    version=_VERSION,
    valid_from=_FROM,
    valid_until=_UNTIL,
    zone="Europe/Paris",
    hours=(WholeDay(_FROM, ((time(9), time(17, 30)),), ((time(9), time(17, 30)),)),),
    shut=(_NEW_YEAR, _GOOD_FRIDAY, _EASTER_MONDAY, _LABOUR_DAY, _CHRISTMAS, _BOXING_DAY),
    early=(Early((_CHRISTMAS_EVE, _NEW_YEARS_EVE), time(14, 5), time(14, 5)),),
    closing_s=_CLOSING_S,
)

# ---- currencies

# At the broker from Sunday 17:15 to Friday 17:00, with a quarter of an hour off every evening.
IDEALPRO = ExchangeCalendar(
    name="IDEALPRO currencies",
    version=_VERSION,
    valid_from=_FROM,
    valid_until=_UNTIL,
    zone="America/New_York",
    hours=(WholeDay(_FROM, ((time(17, 15), time(17)),), ((time(17, 15), time(17)),)),),
    shut=(_NEW_YEAR, _CHRISTMAS),
    compared=Compared.TRADING,
)

SHIPPED = (
    US_STOCKS, CBOE_INDICES, CME_INDICES, XETRA_STOCKS, LONDON_STOCKS, EURONEXT_STOCKS, IDEALPRO,
)  # fmt: skip

# ---- which instrument has which, by the broker's names

_STOCKS: Mapping[str, ExchangeCalendar] = MappingProxyType(
    dict.fromkeys(
        ("NYSE", "NASDAQ", "ISLAND", "ARCA", "AMEX", "BATS", "IEX", "PINK", "LTSE",
         "NASDAQ.NMS", "NASDAQ.SCM"),
        US_STOCKS,
    )
    | dict.fromkeys(("IBIS", "IBIS2"), XETRA_STOCKS)
    | dict.fromkeys(("LSE", "LSEETF"), LONDON_STOCKS)
    | dict.fromkeys(("SBF", "AEB", "ENEXT.BE"), EURONEXT_STOCKS)
)  # fmt: skip
# Other futures of these exchanges (rates, cattle, coins) have other hours.
_INDEX_FUTURES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "CME": frozenset({"ES", "MES", "NQ", "MNQ", "RTY", "M2K", "EMD"}),
        "CBOT": frozenset({"YM", "MYM"}),
    }
)
_CURRENCIES = frozenset({"USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "NZD", "SEK", "NOK"})


def calendar_for(
    sec_type: str, exchange: str, currency: str, *, symbol: str = "", primary_exchange: str = ""
) -> ExchangeCalendar | None:
    """Return the calendar of what trades there; None where none is shipped.

    A stock in dollars may trade elsewhere, and SMART does not say where: who has the broker's
    hours asks :func:`trader.core.exchanges.is_same_clock` as well.
    """
    match sec_type:
        case "STK" if exchange == "SMART" and not primary_exchange:
            return US_STOCKS if currency == "USD" else None
        case "STK":
            return _STOCKS.get(primary_exchange if exchange == "SMART" else exchange)
        case "IND" if exchange == "CBOE":
            return CBOE_INDICES
        case "FUT" if symbol in _INDEX_FUTURES.get(exchange, ()):
            return CME_INDICES
        case "CASH" if exchange == "IDEALPRO" and {symbol, currency} <= _CURRENCIES:
            return IDEALPRO
    return None
