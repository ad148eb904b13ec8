"""How bars are written: stamps in the instrument's own zone, dates for whole days."""

from datetime import datetime
from zoneinfo import ZoneInfo

from trader.sim.market.bars import Bar
from trader.sim.model.instruments import Instrument
from trader.sim.wire.frames import plain

_AS_EPOCH = 2


def moment(item: Instrument, epoch_s: float) -> str:
    """Write a moment as `yyyymmdd hh:mm:ss zone` in the instrument's zone."""
    local = datetime.fromtimestamp(epoch_s, ZoneInfo(item.time_zone))
    return f"{local:%Y%m%d %H:%M:%S} {item.time_zone}"


def stamp(item: Instrument, bar: Bar, format_date: int) -> str:
    """Write a bar's stamp; format 2 asks for epoch seconds, which day bars never have."""
    if bar.day is not None:
        return f"{bar.day:%Y%m%d}"
    if format_date == _AS_EPOCH:
        return str(int(bar.start_s))
    return moment(item, bar.start_s)


def row(item: Instrument, bar: Bar, format_date: int) -> list[object]:
    """Return date, open, high, low, close, volume, average, count of message 17."""
    prices: list[object] = [plain(v) for v in (bar.open, bar.high, bar.low, bar.close)]
    when = stamp(item, bar, format_date)
    if bar.volume < 0:
        return [when, *prices, -1, -1, -1]
    return [when, *prices, bar.volume, plain(bar.average), bar.count]


def update(item: Instrument, bar: Bar, format_date: int) -> list[object]:
    """Return date, open, close, high, low, average, volume of message 90, in its own order."""
    prices: list[object] = [plain(v) for v in (bar.open, bar.close, bar.high, bar.low)]
    volume: list[object] = [-1, -1] if bar.volume < 0 else [plain(bar.average), bar.volume]
    return [stamp(item, bar, format_date), *prices, *volume]
