"""The market: every instrument's price at every moment, present or past, drawn from one seed.

Time is cut into slots of `quantum_s` wall seconds. All that is shown of a slot (middle, sides,
sizes, trades) is a pure function of seed, instrument and slot, so bars and historical ticks
agree with what was sent live. Stocks and indices walk through the days of their price files;
futures and options follow their underlying; currencies and the rest walk generated days.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from trader.sim.clock import Clock
from trader.sim.market import generated, options
from trader.sim.market.book import Book, make_book
from trader.sim.market.chance import draw
from trader.sim.market.history import DayBar
from trader.sim.market.hours import SESSION_S, AlwaysOpen, Hours, Moment
from trader.sim.market.paths import DayPath, MappedPath, Path, SumPath, extent
from trader.sim.market.pins import Halts, Pins
from trader.sim.market.quotes import Quote, Touch, snapped, touch
from trader.sim.model.instruments import Instrument
from trader.sim.reference import calendar as calendars
from trader.sim.reference.catalogue import Catalogue

_PATHS_MAX = 512
_DAYS_NEEDED = 3
_MOMENTS_MAX, _CLOSES_MAX = 64, 4096
_DERIVED = ("FUT", "OPT", "FOP")
# Wall time that goes back by more than this is set and not merely corrected.
_SET_BACK_S = 60.0
_NEAR = 1e-4


@dataclass(frozen=True, slots=True)
class Replay:
    """How the days are played: session seconds a second, from which date, slots of what length."""

    speed: float = 1.0
    start_date: date | None = None
    quantum_s: float = 0.25
    hours: Hours = field(default_factory=AlwaysOpen)


class Market:
    """The replay of all instruments."""

    def __init__(
        self,
        clock: Clock,
        catalogue: Catalogue,
        bars: dict[str, tuple[DayBar, ...]],
        rng: random.Random,
        replay: Replay,
    ) -> None:
        self.catalogue, self._speed, self.quantum_s = catalogue, replay.speed, replay.quantum_s
        self._clock, self._bars, self.hours = clock, bars, replay.hours
        self.days = [bar.day for bar in next(iter(bars.values()))]
        self.start_index = self._first_day(replay.start_date)
        # Paths get a generator of their own each, so the order of asking does not matter.
        self.seed = rng.getrandbits(64)
        self._paths: dict[tuple[int, int], Path] = {}
        self._moments: dict[tuple[str, int], Moment] = {}
        self._closes: dict[tuple[int, int], Decimal] = {}
        self._mappers: dict[tuple[int, int], Callable[[int], int]] = {}
        self.pins = Pins(self.slot)
        self.halts = Halts(self.slot)
        self._last_slot = 0
        self._begin(clock.time())

    def _first_day(self, start_date: date | None) -> int:
        if start_date is None:
            # Leave a year of days before the start for those who ask for history.
            return min(252, len(self.days) // 2)
        return next((n for n, day in enumerate(self.days) if day >= start_date), len(self.days) - 1)

    # -- time ---------------------------------------------------------------------------------

    @property
    def speed(self) -> float:
        """Return the session seconds a second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._speed = speed
        self._begin(self._origin_s)

    def _begin(self, start_s: float) -> None:
        # On a full second of the wall, so that bars of whole seconds are cut between slots.
        self._origin_s = start_s // 1
        self.hours = self.hours.begun(self._origin_s, SESSION_S / self._speed)
        self._last_slot = self.slot_at(self._clock.time())
        self._moments.clear()
        self._paths.clear()
        self._closes.clear()
        self._mappers.clear()

    @property
    def elapsed_s(self) -> float:
        """Return the session seconds since the replay began."""
        return (self._clock.time() - self._origin_s) * self._speed

    def resume(self, elapsed_s: float) -> None:
        """Go on where an earlier run of the simulator stopped."""
        self._begin(self._clock.time() - elapsed_s / self._speed)

    def slot(self) -> int:
        """Return the number of the present slot; it never goes back.

        Where the host's wall time is set back the slots go on; what was shown before is then
        found at other times.
        """
        now_s = self._clock.time()
        slot = self.slot_at(now_s)
        if slot < self._last_slot:
            if (self._last_slot - slot) * self.quantum_s > _SET_BACK_S:
                self._begin(now_s - self._last_slot * self.quantum_s)
            return self._last_slot
        self._last_slot = slot
        return slot

    def slot_at(self, epoch_s: float) -> int:
        """Return the slot that a moment of wall time belongs to."""
        # The small addition keeps a timer that fires on the boundary out of the slot before.
        return math.floor((epoch_s - self._origin_s) / self.quantum_s + _NEAR)

    def slot_from(self, epoch_s: float) -> int:
        """Return the first slot that begins at or after a moment of wall time."""
        return math.ceil((epoch_s - self._origin_s) / self.quantum_s - _NEAR)

    def epoch_of(self, slot: int) -> float:
        """Return the wall time at which a slot begins."""
        return self._origin_s + slot * self.quantum_s

    def moment(self, item: Instrument, slot: int) -> Moment:
        """Return the place in the replay of an instrument at a slot."""
        key = (item.calendar, slot)
        found = self._moments.get(key)
        if found is None:
            found = self.hours.moment(item.calendar, self.epoch_of(slot))
            if len(self._moments) >= _MOMENTS_MAX:
                self._moments.clear()
            self._moments[key] = found
        return found

    def today(self) -> date:
        """Return the historical date being replayed."""
        day = self.moment(self.catalogue.all()[0], self.slot()).day
        return self.days[(self.start_index + day) % len(self.days)]

    # -- days -----------------------------------------------------------------------------------

    def bar(self, symbol: str, day: int) -> DayBar:
        """Return the true bar of a day counted from the start date."""
        return self._bars[symbol][(self.start_index + day) % len(self.days)]

    def first_s(self, item: Instrument) -> float:
        """Return the moment on the wall before which nothing of an instrument is known."""
        day = self.hours.date_of(item.calendar, -self.days_before(item))
        return calendars.trading_from(item.calendar, day).start_s

    def days_before(self, item: Instrument) -> int:
        """Return how many days of an instrument exist before the day of the start."""
        base = self._base(item)
        return self.start_index if self._has_file(base) else generated.DAYS_BEFORE

    def day_bar(self, item: Instrument, day: int) -> DayBar:
        """Return the bar of any instrument's day."""
        if self._has_file(item):
            return self.bar(item.symbol, day)
        if item.sec_type not in (*_DERIVED, "BAG") or self._base(item) is item:
            named = self.days[self.start_index] + timedelta(days=day)
            return generated.day_bar(self.seed, item, day, named)
        path, tick = self.path(item, day), item.tick
        named = self.day_bar(self._base(item), day).day
        return DayBar(
            named, path.open * tick, path.high * tick, path.low * tick, path.close * tick,
            path.volume,
        )  # fmt: skip

    def path(self, item: Instrument, day: int) -> Path:
        """Return the path of a day; the most recent ones are kept."""
        key = (item.con_id, day)
        found = self._paths.get(key)
        if found is None:
            if len(self._paths) >= _PATHS_MAX:
                del self._paths[next(iter(self._paths))]
            # As days go by only the last ones are needed: what is over does not pile up.
            self._paths.pop((item.con_id, day - _DAYS_NEEDED), None)
            made = self._combination(item, day) if item.sec_type == "BAG" else None
            found = self._paths[key] = made or self._make_path(item, day)
        return found

    def _make_path(self, item: Instrument, day: int) -> Path:
        base = self.underlying(item)
        if base is None:
            index = self.start_index + day
            place = index % len(self.days) if self._has_file(item) else index
            rng = random.Random(f"{self.seed}/{item.symbol}/{place}")
            return DayPath(self.day_bar(item, day), item.tick, rng)
        below = self.path(base, day)
        return MappedPath(below, self.mapper(item, day), self.day_volume(item, day))

    def day_volume(self, item: Instrument, day: int) -> int:
        """Return what trades on a whole day."""
        if item.sec_type == "BAG":
            return 0
        if self.underlying(item) is None:
            return self.day_bar(item, day).volume
        share = 50 + draw(self.seed, item.con_id, day) % 150
        return share * (100 if item.sec_type == "FUT" else 4)

    def day_range(self, item: Instrument, day: int) -> tuple[int, int]:
        """Return ticks that an instrument with a path of its own never leaves on a day."""
        found = self._paths.get((item.con_id, day))
        if found is not None:
            return found.low, found.high
        return extent(self.day_bar(item, day), item.tick)

    def _combination(self, item: Instrument, day: int) -> Path:
        parts = []
        for leg, weight in self.legs(item):
            parts.append((self.path(leg, day), weigher(leg.tick, item.tick, weight)))
        return SumPath(parts)

    def legs(self, item: Instrument) -> list[tuple[Instrument, Decimal]]:
        """Return the legs of a combination, each with its weight in the price."""
        return [(part.instrument, part.weight) for part in self.catalogue.parts(item)]

    # -- what follows what ----------------------------------------------------------------------

    def _has_file(self, item: Instrument) -> bool:
        return item.sec_type not in (*_DERIVED, "BAG", "CASH", "CRYPTO") and (
            item.symbol in self._bars
        )

    def underlying(self, item: Instrument) -> Instrument | None:
        """Return what a derivative's price follows; None for what has a price of its own."""
        if item.sec_type not in _DERIVED:
            return None
        if item.under_con_id:
            return self.catalogue.by_id(item.under_con_id)
        return self.catalogue.symbol(item.under_symbol or item.symbol)

    def _base(self, item: Instrument) -> Instrument:
        """Return what an instrument's price goes back to."""
        if item.sec_type == "BAG":
            return self._base(self.legs(item)[0][0])
        below = self.underlying(item)
        return item if below is None else self._base(below)

    def _left_days(self, item: Instrument, day: int) -> int:
        """Return the calendar days to expiry on a day of the replay, by the date it begins on."""
        if item.expiry is None:
            return 0
        return (item.expiry - self.hours.date_of(item.calendar, day)).days

    def mapper(self, item: Instrument, day: int) -> Callable[[int], int]:
        """Return how a derivative's price in ticks follows from its underlying's on a day.

        It rises or falls all along: the volatility of an option is that at the day's open.
        """
        found = self._mappers.get((item.con_id, day))
        if found is None:
            if len(self._mappers) >= _PATHS_MAX:
                self._mappers.clear()
            self._mappers.pop((item.con_id, day - _DAYS_NEEDED), None)
            found = self._mappers[(item.con_id, day)] = self._make_mapper(item, day)
        return found

    def _make_mapper(self, item: Instrument, day: int) -> Callable[[int], int]:
        base = self.underlying(item)
        assert base is not None, "a derivative has an underlying"
        left_days = self._left_days(item, day)
        left = max(left_days + 0.5, 0.0) / 365 if left_days >= 0 else 0.0
        below, tick = float(base.tick), float(item.tick)
        if item.sec_type == "FUT":
            factor = options.carried(1.0, left) * below / tick
            return lambda ticks: round(ticks * factor)
        terms = options.Terms(item.right[:1], float(item.strike or 1), left)
        volatility = self._volatility(base, day, terms)

        def value(ticks: int) -> int:
            return max(round(options.price(terms, max(ticks, 1) * below, volatility) / tick), 1)

        return value

    def _volatility(self, base: Instrument, day: int, terms: options.Terms) -> float:
        spot = float(max(self.day_bar(base, day).open, base.tick))
        return options.smile(self.seed, base.symbol, terms, spot)

    def mapped(
        self, item: Instrument, first: int, last: int
    ) -> tuple[Instrument, list[Callable[[int], int]]] | None:
        """Return what an instrument follows and how, from slot to slot; None for its own master."""
        base = self.underlying(item)
        if base is None:
            return None
        start, end = (self.moment(item, slot).day for slot in (first, last))
        return base, [self.mapper(item, day) for day in range(start, end + 1)]

    def option_terms(self, item: Instrument, slot: int) -> tuple[options.Terms, float, float]:
        """Return an option's terms, its underlying's price and its volatility at a slot."""
        base = self.underlying(item)
        assert base is not None, "an option of the catalogue has an underlying"
        day = self.moment(item, slot).day
        left = max(self._left_days(item, day) + 0.5, 0.0) / 365
        terms = options.Terms(item.right[:1], float(item.strike or 1), left)
        spot = float(max(self.middle(base, slot), 1) * base.tick)
        return terms, spot, self._volatility(base, day, terms)

    def changes(self, item: Instrument) -> list[int]:
        """Return the slots at which a pin or a halt of an instrument began or ended, ascending."""
        pins, halts = self.pins.changes(self.pin_key(item)), self.halts.changes(item.con_id)
        return sorted({*pins, *halts}) if pins or halts else []

    def is_held(self, item: Instrument, slot: int) -> bool:
        """Return whether a pin or a halt holds the price of an instrument itself at a slot."""
        return bool(self.halts.at(item.con_id, slot)[1]) or (
            self.pins.at(self.pin_key(item), slot) is not None
        )

    # -- prices -----------------------------------------------------------------------------------

    @staticmethod
    def pin_key(item: Instrument) -> str:
        """Return the name under which a price is held: symbol or, if derived, local symbol."""
        plain = item.sec_type in ("STK", "ETF", "IND")
        return item.symbol if plain else item.local_symbol

    def middle(self, item: Instrument, slot: int) -> int:
        """Return the price in ticks at a slot, past or present, as its market rule allows it."""
        return snapped(item, self._exact(item, slot))

    def _exact(self, item: Instrument, slot: int) -> int:
        shown, _ = self.halts.at(item.con_id, slot)
        pinned = self.pins.at(self.pin_key(item), shown)
        if pinned is not None:
            return round(pinned / item.tick)
        if item.sec_type == "BAG":
            return sum(
                weigher(leg.tick, item.tick, weight)(self.middle(leg, shown))
                for leg, weight in self.legs(item)
            )
        moment = self.moment(item, shown)
        base = self.underlying(item)
        if base is not None:
            return self.mapper(item, moment.day)(self.middle(base, shown))
        path = self.path(item, moment.day)
        if moment.pre_share < 1:
            before = self.ticks_before(item, moment.day)
            return round(before + (path.open - before) * moment.pre_share)
        return path.at(moment.fraction)

    def quote(self, item: Instrument) -> Quote:
        """Return the present quote."""
        return self.quote_at(item, self.slot())

    def quote_at(self, item: Instrument, slot: int) -> Quote:
        """Return the quote of a slot; the same each time it is asked for."""
        shown, halted = self.halts.at(item.con_id, slot)
        moment = self.moment(item, shown)
        shown = shown if moment.is_open else min(shown, self.slot_at(moment.active_s))
        path, tick, middle = self.path(item, moment.day), item.tick, self.middle(item, shown)
        if moment.pre_share < 1:
            # Nobody knows the open, the high or the low of a day that has not opened.
            opened = low = high = middle
        else:
            opened, (low, high) = path.open, path.range_between(0.0, moment.fraction)
        sides = self._touch(item, shown, middle, is_thin=moment.is_thin)
        if halted:
            # What has not traded has no volume: the day's stands where it was.
            counted = self._counted(item, slot)
            is_today = self.moment(item, counted).day == moment.day
            volume, traded = self.cumulative(item, counted) if is_today else 0, 0
        else:
            volume = self._cumulative(path, item, shown, moment)
            traded = self.traded(item, shown)
        # Without a trade in this slot the last one was an earlier one, of some size.
        last_size = traded or (1 if path.volume else 0)
        return Quote(
            item, sides.bid * tick, sides.ask * tick, middle * tick, sides.bid_size,
            sides.ask_size, last_size, opened * tick, max(high, middle) * tick,
            min(low, middle) * tick, self.close_before(item, moment.day), volume,
            min(path.low, sides.bid, middle) * tick, max(path.high, sides.ask, middle) * tick,
            halted, moment.is_open,
        )  # fmt: skip

    def touch_at(self, item: Instrument, slot: int) -> Touch:
        """Return the sides of a slot in ticks, the same as in its quote."""
        shown, _ = self.halts.at(item.con_id, slot)
        moment = self.moment(item, shown)
        shown = shown if moment.is_open else min(shown, self.slot_at(moment.active_s))
        middle = self.middle(item, shown)
        return self._touch(item, shown, middle, is_thin=moment.is_thin)

    def _touch(self, item: Instrument, slot: int, middle: int, *, is_thin: bool) -> Touch:
        if item.sec_type == "BAG":
            return self._combined(item, slot)
        return touch(item, middle, self.seed, slot, is_thin=is_thin)

    def _combined(self, item: Instrument, slot: int) -> Touch:
        """Return the touch of a combination: each leg is bought at its ask, sold at its bid."""
        bid = ask = 0
        sizes = []
        for leg, weight in self.legs(item):
            weigh = weigher(leg.tick, item.tick, weight)
            side = touch(leg, self.middle(leg, slot), self.seed, slot, is_thin=False)
            first, second = (side.bid, side.ask) if weight > 0 else (side.ask, side.bid)
            bid, ask = bid + weigh(first), ask + weigh(second)
            sizes.append(int(min(side.bid_size, side.ask_size) / abs(weight)))
        size = max(min(sizes), 1)
        return Touch(bid, max(ask, bid + 1), size, size)

    def close_before(self, item: Instrument, day: int) -> Decimal:
        """Return the close of the day before a day."""
        key = (item.con_id, day)
        found = self._closes.get(key)
        if found is None:
            self._closes.pop((item.con_id, day - _DAYS_NEEDED), None)
            if len(self._closes) >= _CLOSES_MAX:
                self._closes.clear()
            before = self.hours.day_before(item.calendar, day)
            found = self._closes[key] = self.day_bar(item, before).close
        return found

    def ticks_before(self, item: Instrument, day: int) -> int:
        """Return the close of the day before a day in ticks."""
        return round(self.close_before(item, day) / item.tick)

    def cumulative(self, item: Instrument, slot: int) -> int:
        """Return what has traded on a slot's day up to and with that slot, halts not counted."""
        moment = self.moment(item, slot)
        return self._cumulative(self.path(item, moment.day), item, slot, moment)

    def traded(self, item: Instrument, slot: int) -> int:
        """Return the size of the one trade of a slot; 0 when nothing traded."""
        return self.volume_between(item, slot - 1, slot)

    def volume_between(self, item: Instrument, after: int, last: int) -> int:
        """Return what traded in the slots after one up to and with another: the sum of `traded`.

        What would have traded during a halt trades in the slot that ends it.
        """
        first, end = self._counted(item, after), self._counted(item, last)
        if end <= first:
            return 0
        start_day, day = self.moment(item, first).day, self.moment(item, end).day
        volume = self.cumulative(item, end) - self.cumulative(item, first)
        while day > start_day:
            day = self.hours.day_before(item.calendar, day)
            volume += self.day_volume(item, day)
        return max(volume, 0)

    def _counted(self, item: Instrument, slot: int) -> int:
        """Return the slot up to which has traded all that had traded by a slot."""
        while True:
            first, kind = self.halts.at(item.con_id, slot)
            if not kind:
                return slot
            slot = first - 1

    def _cumulative(self, path: Path, item: Instrument, slot: int, moment: Moment) -> int:
        if not path.volume or moment.fraction <= 0:
            return 0
        share = self.quantum_s / moment.length_s
        # The last slot of a session takes the rest.
        if moment.fraction + share > 1 - _NEAR * share:
            return path.volume
        # Trades differ in size: what is drawn here moves volume from one slot to its neighbour.
        spread = int(path.volume * share)
        extra = (draw(self.seed, item.con_id, slot) >> 48) * spread >> 16
        return min(int(path.volume * moment.fraction) + extra, path.volume)

    def book(self, item: Instrument, slot: int | None = None) -> Book:
        """Return the order book behind the quote of a slot, now by default; empty when shut."""
        at = self.slot() if slot is None else slot
        return make_book(self.quote_at(item, at), self.seed, at)


def weigher(leg_tick: Decimal, tick: Decimal, weight: Decimal) -> Callable[[int], int]:
    """Return how a leg's price in ticks counts in the ticks of its combination."""
    factor = float(leg_tick / tick * weight)
    return lambda ticks: round(ticks * factor)
