"""Writes the broker's account values to the journal, so that a restart can show the last ones.

They are a fact that may be lost with the process, as any other; nobody waits for them.
"""

from datetime import timedelta

from trader.core.account import AccountReading
from trader.core.account_events import AccountTold, Teller
from trader.core.account_record import is_worth_a_row
from trader.engine.services import Services

LOOK_S = 5.0


class AccountLog:
    """Looks at the newest values, and records them when that is due."""

    def __init__(self, services: Services) -> None:
        self._ledger = services.ledger
        self._clock = services.clock
        self._valuer = services.valuer
        # When the last row was written, and of when its values were; monotonic seconds.
        self._recorded_s = self._told_s = float("-inf")

    def look(self) -> None:
        """Record the values that the broker has told, when they are worth a row."""
        told, now_s = self._valuer.account, self._clock.monotonic()
        if told is None or told.as_of_s <= self._told_s:
            return  # nothing was heard since
        event, last = self._event(told, now_s), self._ledger.book.account_record.told
        if is_worth_a_row(last, event, now_s - self._recorded_s):
            self._recorded_s, self._told_s = now_s, told.as_of_s
            self._ledger.record(event)

    def _event(self, told: AccountReading, now_s: float) -> AccountTold:
        return AccountTold(
            source=Teller.UPDATES,
            as_of_utc=self._clock.utc() - timedelta(seconds=now_s - told.as_of_s),
            currency=told.currency,
            account_type=told.account_type,
            net_liquidation=told.net_liquidation,
            available_funds=told.available_funds,
            buying_power=told.buying_power,
            initial_margin=told.initial_margin,
            maintenance_margin=told.maintenance_margin,
            settled_cash=tuple(sorted(told.settled_cash.items())),
        )
