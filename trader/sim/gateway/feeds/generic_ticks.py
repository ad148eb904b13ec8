"""Generic ticks: what the numbers of a genericTickList bring, and which are legal for what.

A number asks for one or several tick types (IBKR's table of tick types). What makes no sense
here (news, ratings, fund values without a fund) is legal and brings nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from trader.sim.gateway.feeds.lines import Part, generic_part, price_part, size_part, text_part
from trader.sim.market import volatility
from trader.sim.market.chance import draw, unit
from trader.sim.market.market import Market
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument

_WEEK_DAYS = 5
_HALF_YEAR_WEEKS = 26
_NAMES = {
    100: "Option Volume", 101: "Option Open Interest", 104: "Historical Volatility",
    105: "Average Opt Volume", 106: "impvolat", 162: "Index Future Premium", 165: "Misc. Stats",
    221: "Mark Price", 225: "Auction", 232: "Mark Price", 233: "RTVolume", 236: "inventory",
    256: "inventory", 258: "Fundamentals", 291: "Closing Price", 292: "Wide_news",
    293: "TradeCount", 294: "TradeRate", 295: "VolumeRate", 318: "LastRTHTrade",
    370: "ParticipationMonitor", 375: "RTTrdVolume", 377: "CttTickTag", 381: "IB Rate",
    384: "RfqTickRespTag", 387: "DMM", 388: "Issuer Fundamentals", 391: "IBWarrantImpVolTick",
    405: "Index Capabilities", 407: "FuturesMargins", 411: "rthistvol", 428: "Monetary Close Price",
    439: "MonitorTickTag", 456: "IBDividends", 459: "RTCLOSE", 460: "Bond Factor Multiplier",
    499: "Fee and Rebate Rate", 506: "midiv", 511: "hvolrt10 (per-underlying)", 512: "hvolrt30",
    513: "hvolrt50", 514: "hvolrt75", 515: "hvolrt100", 516: "hvolrt150", 517: "hvolrt200",
    545: "vsiv", 576: "EtfNavBidAsk", 577: "EtfNavLast", 578: "EtfFrozenNavLast", 586: "IPOPRICES",
    587: "DELAYED PREOPEN", 588: "FuturesOpenInterest", 595: "Short-Term Volume X Mins",
    608: "EMA N", 614: "EtfNavMisc(hight/low)", 619: "CreditmanSlowMark", 623: "EtfFrozenNavLast",
}  # fmt: skip
_ONLY_FOR = {
    162: ("IND",), 460: ("BOND",), 588: ("FUT",), 576: ("STK",), 577: ("STK",), 578: ("STK",),
    614: ("STK",), 623: ("STK",), 100: ("STK", "IND", "OPT"), 101: ("STK", "IND", "OPT"),
    236: ("STK",), 456: ("STK", "IND"),
}  # fmt: skip


_DAILY = frozenset({101, 104, 105, 106, 162, 165, 225, 236, 411, 456, 588})


@dataclass(frozen=True, slots=True)
class Scene:
    """What generic ticks are computed from: the market, the quote as shown, the moment."""

    market: Market
    quote: Quote
    slot: int

    @property
    def item(self) -> Instrument:
        """Return the instrument."""
        return self.quote.instrument

    @property
    def day(self) -> int:
        """Return the day of the replay."""
        return self.market.moment(self.item, self.slot).day

    def number(self, salt: int, below: int) -> int:
        """Return a number that belongs to the instrument and the day."""
        return draw(self.market.seed + salt, self.item.con_id, self.day) % below


def legal(sec_type: str) -> dict[int, str]:
    """Return the numbers that may be asked for of a security type, with their names."""
    return {n: name for n, name in _NAMES.items() if sec_type in _ONLY_FOR.get(n, (sec_type,))}


def read_list(text: str, sec_type: str) -> tuple[tuple[int, ...], str]:
    """Return the numbers of a genericTickList and, when one is not legal, the error's cause.

    `mdoff` (no market data, only what the numbers bring) and news provider suffixes are taken.
    """
    numbers: list[int] = []
    allowed = legal(sec_type)
    for word in text.split(","):
        name = word.strip().partition(":")[0]
        if name in ("", "mdoff"):
            continue
        number = int(name) if name.isascii() and name.isdigit() and len(name) < 5 else -1
        if number not in allowed:
            names = ",".join(f"{n}({label})" for n, label in allowed.items())
            cause = (
                f"Incorrect generic tick list of {text[:100]}.  Legal ones for ({sec_type}) are: "
            )
            return (), cause + names
        numbers.append(number)
    return tuple(sorted(dict.fromkeys(numbers))), ""


def parts(scene: Scene, numbers: tuple[int, ...]) -> list[Part]:
    """Return the present values of all numbers asked for; the caller sends what changed."""
    found: list[Part] = []
    for number in numbers:
        make = _MAKERS.get(number)
        if make is not None:
            found += make(scene)
    return found


def moving(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Return the numbers whose values change within a day."""
    return tuple(number for number in numbers if number not in _DAILY)


def _option_volume(scene: Scene) -> list[Part]:
    share = scene.market.moment(scene.item, scene.slot).fraction
    calls, puts = (int(scene.number(salt, 90_000) * share) for salt in (1, 2))
    return [size_part(29, calls), size_part(30, puts)]


def _open_interest(scene: Scene) -> list[Part]:
    if scene.item.sec_type == "OPT":
        kind = 27 if scene.item.right.startswith("C") else 28
        return [size_part(kind, scene.number(3, 20_000))]
    return [size_part(27, scene.number(3, 2_000_000)), size_part(28, scene.number(4, 2_000_000))]


def _historical_volatility(scene: Scene) -> list[Part]:
    return [generic_part(23, _number(volatility.realised(scene.market, scene.item, scene.day)))]


def _implied_volatility(scene: Scene) -> list[Part]:
    return [generic_part(24, _number(volatility.implied(scene.market, scene.item, scene.day)))]


def _average_option_volume(scene: Scene) -> list[Part]:
    return [size_part(87, 50_000 + scene.number(5, 50_000))]


def _premium(scene: Scene) -> list[Part]:
    return [generic_part(31, _number(unit(scene.market.seed, scene.item.con_id, scene.day)))]


def _statistics(scene: Scene) -> list[Part]:
    """Return low and high of 13, 26 and 52 weeks and the average volume of 90 days."""
    market, item, day = scene.market, scene.item, scene.day
    first, found = -market.days_before(item), list[Part]()
    for place, weeks in enumerate((13, _HALF_YEAR_WEEKS, 52)):
        days = range(max(day - weeks * _WEEK_DAYS, first), day)
        bars = [market.day_bar(item, number) for number in days]
        if bars:
            found += [
                price_part(15 + 2 * place, min(bar.low for bar in bars), 0),
                price_part(16 + 2 * place, max(bar.high for bar in bars), 0),
            ]
    volumes = [market.day_bar(item, n).volume for n in range(max(day - 90, first), day)]
    return [*found, size_part(21, sum(volumes) // max(len(volumes), 1))] if found else []


def _mark(scene: Scene) -> list[Part]:
    return [price_part(37, scene.quote.last, 0)]


def _auction(scene: Scene) -> list[Part]:
    return [size_part(34, 0), price_part(35, Decimal(0), 0), size_part(36, 0), size_part(61, 0)]


def _trade_text(scene: Scene) -> str:
    """Return price;size;time in ms;total volume;average price;one trade only."""
    quote, market = scene.quote, scene.market
    size = market.traded(scene.item, scene.slot)
    average = (quote.open + quote.high + quote.low + quote.last) / 4
    time_ms = int(market.epoch_of(scene.slot) * 1000)
    return f"{quote.last};{size};{time_ms};{quote.volume};{average.normalize():f};true"


def _trade(kind: int) -> Callable[[Scene], list[Part]]:
    def make(scene: Scene) -> list[Part]:
        # Without a trade in this moment there is nothing to tell.
        if not scene.market.traded(scene.item, scene.slot):
            return []
        return [text_part(kind, _trade_text(scene))]

    return make


def _shortable(scene: Scene) -> list[Part]:
    shares = 1_000_000 + scene.number(6, 30_000_000)
    return [generic_part(46, "3.0"), size_part(89, shares)]


def _trade_count(scene: Scene) -> list[Part]:
    return [generic_part(54, f"{scene.quote.volume // 100}.0")]


def _trade_rate(scene: Scene) -> list[Part]:
    return [generic_part(55, f"{_volume_a_minute(scene) // 100}.0")]


def _volume_rate(scene: Scene) -> list[Part]:
    return [generic_part(56, f"{_volume_a_minute(scene)}.0")]


def _volume_a_minute(scene: Scene, minutes: int = 1) -> int:
    market, item = scene.market, scene.item
    before = max(scene.slot - int(60 * minutes / market.quantum_s), 0)
    if market.moment(item, before).day != scene.day:
        return scene.quote.volume
    return max(scene.quote.volume - market.cumulative(item, before), 0)


def _last_regular(scene: Scene) -> list[Part]:
    return [price_part(57, scene.quote.last, 0)]


def _realtime_volatility(scene: Scene) -> list[Part]:
    return [generic_part(58, _number(volatility.realised(scene.market, scene.item, scene.day)))]


def _dividends(scene: Scene) -> list[Part]:
    # Nothing pays here: twelve months back, twelve ahead, next date, next amount.
    return [text_part(59, ",,,")]


def _futures_interest(scene: Scene) -> list[Part]:
    return [size_part(86, 500_000 + scene.number(8, 1_500_000))]


def _short_volumes(scene: Scene) -> list[Part]:
    return [
        size_part(kind, _volume_a_minute(scene, minutes))
        for kind, minutes in ((63, 3), (64, 5), (65, 10))
    ]


def _fund_value(scene: Scene) -> list[Part]:
    is_fund = scene.item.stock_type == "ETF"
    return [price_part(96, scene.quote.last, 0)] if is_fund else []


def _slow_mark(scene: Scene) -> list[Part]:
    return [price_part(79, scene.quote.last, 0)]


def _number(value: float) -> str:
    return repr(round(value, 8))


_MAKERS: dict[int, Callable[[Scene], list[Part]]] = {
    100: _option_volume, 101: _open_interest, 104: _historical_volatility,
    105: _average_option_volume, 106: _implied_volatility, 162: _premium, 165: _statistics,
    221: _mark, 225: _auction, 232: _mark, 233: _trade(48), 236: _shortable,
    293: _trade_count, 294: _trade_rate, 295: _volume_rate, 318: _last_regular,
    375: _trade(77), 411: _realtime_volatility, 456: _dividends, 577: _fund_value,
    588: _futures_interest, 595: _short_volumes, 619: _slow_mark,
}  # fmt: skip
