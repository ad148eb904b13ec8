"""The owner of what the account is worth now: kept up to date, never reckoned twice.

A fill is in it at once, a tick after a quarter of a second at most; only what has moved since is
valued anew, so that a review reads a number that is there already. A price that has not moved is
as old as its last tick: nothing makes it younger, and one that is older than its budget gives way
to the broker's own mark, and then to "not known" (:mod:`trader.core.marks`). Rates of currencies
are slower: they may be as old as the broker's account values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from trader.core import events as ev
from trader.core.account import AccountReading
from trader.core.amounts import ZERO
from trader.core.book import Book
from trader.core.ids import ConId
from trader.core.marks import Mark, MarkBudgets, Source, chosen, price_of
from trader.core.policy import ExposurePolicy
from trader.core.positions import Position
from trader.core.ticket_events import CashBooked, TradeBooked
from trader.core.valuation import Valuation, Worth, added_up, worth
from trader.engine.hub import MarketHub
from trader.engine.sessions import Sessions
from trader.ports import Clock

INTERVAL_S = 0.25
_MOVES_MONEY = (
    ev.AccountBaselined,
    ev.ExecutionSeen,
    ev.CommissionSeen,
    ev.CashAdjusted,
    ev.PositionAdjusted,
    TradeBooked,
    CashBooked,
)
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class _Held:
    """A holding with what it was valued at; all of them are values, replaced and not changed."""

    position: Position
    mark: Mark | str
    rate: Decimal | None
    worth: Worth


class Valuer:
    """Keeps the account's valuation."""

    def __init__(
        self,
        book: Book,
        hub: MarketHub,
        clock: Clock,
        *,
        sessions: Sessions,
        currency: str,
        exposure: ExposurePolicy,
    ) -> None:
        self._book = book
        self._hub = hub
        self._clock = clock
        self._sessions = sessions
        self._rate_age_s_max = exposure.account_age_s_max
        self._budgets = MarkBudgets(exposure.mark_age_s_max, exposure.broker_mark_age_s_max)
        self.currency = currency
        # The broker's own word: its rates serve where no pair is quoted here, its marks where
        # no quote of ours values a holding.
        self.account: AccountReading | None = None
        # Why the broker's last word on the account must not be counted with; empty when it may.
        self.account_problem = ""
        self._held: dict[ConId, _Held] = {}
        # When each holding's exchange was last not known to be closed, monotonic.
        self._open_s: dict[ConId, float] = {}
        self._valuation: Valuation | None = None
        self._made_s = float("-inf")

    def current(self) -> Valuation | None:
        """Return the account's value, at most a quarter of a second behind the ticks.

        None before existing holdings have been accepted: there is no cash to count from.
        """
        now_s = self._clock.monotonic()
        if self._valuation is None or not 0 <= now_s - self._made_s < INTERVAL_S:
            self.refresh()
        return self._valuation

    def mark_of(self, con_id: ConId) -> Mark | None:
        """Return what one unit of an instrument is worth now, held or not; None where unknown."""
        mark = self._mark(con_id, self._clock.monotonic())
        return mark if isinstance(mark, Mark) else None

    def on_account(self, reading: AccountReading) -> str | None:
        """Take the broker's word on the account; says why it must not be counted with, or None."""
        if reading.currency not in ("", self.currency):
            told = f"the account is kept in {reading.currency}, configured is {self.currency}"
            self.account_problem = told
        elif reading.currency:
            self.account_problem = ""
        # A reading that does not say its currency contradicts nothing that was said before.
        self.account = None if self.account_problem else reading
        return self.account_problem or None

    def on_recorded(self, recorded: ev.Recorded) -> None:
        """Value anew what has just been traded or paid."""
        if isinstance(recorded.event, _MOVES_MONEY):
            self.refresh()

    def refresh(self) -> None:
        """Value what has moved since the last time, and add everything up."""
        now_s = self._made_s = self._clock.monotonic()
        if self._book.account is None:
            self._valuation = None
            return
        rates = self._rates(now_s)
        held: dict[ConId, _Held] = {}
        for con_id, position in self._book.positions.items():
            if position.quantity != ZERO:
                held[con_id] = self._entry(con_id, position, rates, now_s)
        self._held = held
        self._valuation = added_up(
            (row.worth for row in held.values()), self._book.cash, rates=rates, as_of_s=now_s
        )

    def _entry(
        self, con_id: ConId, position: Position, rates: Mapping[str, Decimal], now_s: float
    ) -> _Held:
        mark = self._mark(con_id, now_s)
        rate = None if isinstance(mark, str) else rates.get(mark.currency)
        known = self._held.get(con_id)
        if (
            known is not None
            and known.position is position
            and known.mark == mark
            and known.rate == rate
        ):
            return known
        return _Held(position, mark, rate, worth(position, mark, rates))

    def _mark(self, con_id: ConId, now_s: float) -> Mark | str:
        """Return what a holding is valued at now, or why nobody knows."""
        mark = self._chosen(con_id, now_s, is_closed=False)
        is_own = isinstance(mark, Mark) and mark.source is Source.QUOTE
        if is_own or not self._sessions.is_closed(con_id):
            self._open_s[con_id] = now_s
            return mark
        return self._chosen(con_id, now_s, is_closed=True) if self._ended_young(con_id) else mark

    def _ended_young(self, con_id: ConId) -> bool:
        """Tell whether the last quote of the session was young when it ended, as far as we saw it.

        One that had died in it is not its last price.
        """
        _, at_s = price_of(self._hub.quotes.get(con_id))
        open_s = self._open_s.get(con_id, float("-inf"))
        return at_s is not None and open_s - at_s <= self._budgets.quote_s

    def _chosen(self, con_id: ConId, now_s: float, *, is_closed: bool) -> Mark | str:
        hub, told = self._hub, self.account
        return chosen(
            hub.quotes.get(con_id),
            None if told is None else told.holdings.get(con_id),
            hub.instruments.get(con_id),
            now_s=now_s,
            budgets=self._budgets,
            is_closed=is_closed,
        )

    # ---- currencies

    def _rates(self, now_s: float) -> dict[str, Decimal]:
        """Return what one unit of each needed currency is worth, where that is known."""
        rates = {self.currency: _ONE}
        for currency in self._foreign():
            rate = self._quoted_rate(currency, now_s)
            if rate is None:
                rate = self._told_rate(currency, now_s)
            if rate is not None:
                rates[currency] = rate
        return rates

    def _foreign(self) -> dict[str, None]:
        """Return the currencies of all that is traded, held, owned or was paid, but for our own."""
        found = dict.fromkeys(row.currency for row in self._hub.instruments.values())
        if self.account is not None:
            found |= dict.fromkeys(row.currency for row in self.account.holdings.values())
        found |= dict.fromkeys(key for key, amount in self._book.cash.items() if amount != ZERO)
        found |= dict.fromkeys(self._book.commission_paid)
        found.pop(self.currency, None)
        return found

    def _quoted_rate(self, currency: str, now_s: float) -> Decimal | None:
        """Return the middle of the pair of both currencies, either way round."""
        for con_id, row in self._hub.instruments.items():
            if row.sec_type != "CASH" or {row.symbol, row.currency} != {currency, self.currency}:
                continue
            mark, at_s = price_of(self._hub.quotes.get(con_id))
            if at_s is None or mark is None or mark <= ZERO:
                continue
            # As old as the price that is used: the last one may be older than bid or ask.
            if not 0 <= now_s - at_s <= self._rate_age_s_max:
                continue
            return mark if row.symbol == currency else _ONE / mark
        return None

    def _told_rate(self, currency: str, now_s: float) -> Decimal | None:
        told = self.account
        # A NaN age compares false with everything: the test is written so that it refuses.
        if told is None or not 0 <= now_s - told.as_of_s <= self._rate_age_s_max:
            return None
        rate = told.rates.get(currency)
        return rate if rate is not None and rate > ZERO else None
