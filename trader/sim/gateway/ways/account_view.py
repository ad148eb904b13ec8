"""What clients are shown of accounts: the truth, or what the switches make of it.

A gateway's positions and values are views that may lag behind the broker, miss rows, or carry
numbers that mean "none" (S13, S14). All sessions of a simulator share one view; the broker itself
is never touched.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from trader.sim.broker.money.account_values import Row
from trader.sim.broker.money.accounts import Position
from trader.sim.broker.money.bank import Bank
from trader.sim.broker.money.money import UNSET, money
from trader.sim.broker.money.statement import BASE
from trader.sim.broker.money.summary import summary_rows
from trader.sim.clock import Clock
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import ZERO

# Markers by name that may stand in place of a number.
SENTINELS = {"unset": UNSET, "nan": "NaN", "empty": "", "zero": "0.00"}
_NOISY = ("NetLiquidation", "EquityWithLoanValue", "NetLiquidation-S", "EquityWithLoanValue-S")


@dataclass(slots=True)
class AccountSwitches:
    """What is wrong with the views; nothing at the start."""

    # End markers that are never sent, by message id: 54, 62, 64, 72, 74.
    missing_ends: dict[int, None] = field(default_factory=dict)
    # Position changes are shown only after so many seconds, or so many later changes.
    position_lag_s: float = 0.0
    position_lag_fills: int = 0
    # Contract ids whose rows are left out, and rows of holdings that do not exist.
    omitted: dict[int, None] = field(default_factory=dict)
    phantoms: dict[int, Position] = field(default_factory=dict)
    # Values may be so many seconds old.
    values_lag_s: float = 0.0
    # Account value key -> what stands in its place.
    sentinels: dict[str, str] = field(default_factory=dict)
    # Portfolio rows (7) carry no price and no cost, or do not come at all.
    portfolio_is_unset: bool = False
    portfolio_is_missing: bool = False
    # A cancel of one account summary ends all of them.
    cancel_stops_all: bool = False
    # The equity of the next so many lists is off by this amount, up and down by turns.
    noise: Decimal = ZERO
    noisy_lists: int = 0
    # Whether the broker closes positions of accounts that lack margin.
    liquidates: bool = False

    @property
    def has_lag(self) -> bool:
        """Return whether positions are held back."""
        return self.position_lag_s > 0 or self.position_lag_fills > 0


@dataclass(frozen=True, slots=True)
class Shown:
    """A position as clients are shown it."""

    instrument: Instrument
    quantity: Decimal
    average_cost: Decimal


@dataclass(frozen=True, slots=True)
class _Pending:
    """A change that is not shown yet, and what is shown until then."""

    account: str
    before: Shown
    after: Shown


class AccountView:
    """Positions and values of all accounts, as shown."""

    def __init__(self, bank: Bank, clock: Clock, switches: AccountSwitches) -> None:
        self.bank, self.switches = bank, switches
        self._clock = clock
        self._pending: deque[_Pending] = deque()
        # What each position was before its next change, while changes are held back.
        self._known: dict[tuple[str, int], Shown] | None = None
        self._lists: dict[str, tuple[float, list[Row]]] = {}

    # -- positions --------------------------------------------------------------------------------

    def start_lag(self) -> None:
        """Remember what is shown now; called before the switches hold changes back."""
        if self._known is None:
            self._known = {
                (account.name, con_id): _shown(entry)
                for account in self.bank.accounts.values()
                for con_id, entry in account.positions.items()
            }

    def end_lag(self, show: Callable[[str, Shown], None]) -> None:
        """Show everything that was held back."""
        while self._pending:
            self._release(show)
        self._known = None

    def moved(self, name: str, entry: Position, show: Callable[[str, Shown], None]) -> None:
        """Take note of a position's change and show it now or when its time comes."""
        after, con_id = _shown(entry), entry.instrument.con_id
        if con_id in self.switches.omitted:
            return
        if not self.switches.has_lag:
            show(name, after)
            return
        self.start_lag()
        assert self._known is not None, "set by start_lag"
        nothing = Shown(entry.instrument, ZERO, ZERO)
        before = self._known.get((name, con_id), nothing)
        self._known[name, con_id] = after
        self._pending.append(_Pending(name, before, after))
        if self.switches.position_lag_s > 0:
            self._clock.call_later(self.switches.position_lag_s, lambda: self._due(show))
        else:
            while len(self._pending) > self.switches.position_lag_fills:
                self._release(show)

    def _due(self, show: Callable[[str, Shown], None]) -> None:
        if self._pending:
            self._release(show)

    def _release(self, show: Callable[[str, Shown], None]) -> None:
        change = self._pending.popleft()
        show(change.account, change.after)

    def held(self, name: str) -> list[Shown]:
        """Return the rows of a snapshot: what is not flat, as far as it is shown."""
        return [row for row in self._positions(name) if row.quantity]

    def _positions(self, name: str) -> list[Shown]:
        rows = {
            con_id: _shown(entry)
            for con_id, entry in self.bank.account(name).positions.items()
            if con_id not in self.switches.omitted
        }
        for change in reversed(self._pending):
            if change.account == name:
                rows[change.before.instrument.con_id] = change.before
        return [*rows.values(), *map(_shown, self.switches.phantoms.values())]

    def portfolio(self, name: str) -> list[Shown]:
        """Return what has a portfolio row: everything held or closed today but currencies."""
        if self.switches.portfolio_is_missing:
            return []
        return [row for row in self._positions(name) if row.instrument.sec_type != "CASH"]

    # -- values -----------------------------------------------------------------------------------

    def rows(self, name: str) -> list[Row]:
        """Return an account's values as shown now."""
        found = self._list(name)
        switches = self.switches
        if switches.noisy_lists > 0:
            switches.noisy_lists -= 1
            off = switches.noise if switches.noisy_lists % 2 else -switches.noise
            found = [
                (key, money(Decimal(value) + off), currency) if key in _NOISY
                else (key, value, currency)
                for key, value, currency in found
            ]  # fmt: skip
        return self._masked(found)

    def _list(self, name: str) -> list[Row]:
        now, kept = self._clock.monotonic(), self._lists.get(name)
        if kept is not None and now - kept[0] < self.switches.values_lag_s:
            return kept[1]
        found = self.bank.rows(name)
        if self.switches.values_lag_s:
            self._lists[name] = (now, found)
        else:
            self._lists.pop(name, None)
        return found

    def summary(self, name: str, tags: list[str]) -> list[Row]:
        """Return the rows of an account summary as shown now."""
        return self._masked(
            summary_rows(self.bank.statement(name), tags, self.bank.next_change_s())
        )

    def _masked(self, found: list[Row]) -> list[Row]:
        masks = self.switches.sentinels
        if not masks:
            return found
        return [(key, masks.get(key, value), currency) for key, value, currency in found]

    def ledger(self, name: str) -> list[Row]:
        """Return the values that `ledgerAndNLV` means: the currencies' and the net liquidation."""
        return [
            row
            for row in self.rows(name)
            if row[0] == "NetLiquidation" or (row[2] == BASE or _is_by_currency(row[0]))
        ]


def invalid_account(name: str) -> str:
    """Return the text of error 321 for an account that is not managed here."""
    return f"Error validating request.-'bO' : cause - Invalid account code: {name}"


def _is_by_currency(key: str) -> bool:
    return key in ("CashBalance", "TotalCashBalance", "NetLiquidationByCurrency", "ExchangeRate")


def _shown(entry: Position) -> Shown:
    return Shown(entry.instrument, entry.quantity, entry.average_cost)
