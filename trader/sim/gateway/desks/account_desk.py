"""Account values of one session: updates (6 to 8, 54), summaries (63), multi-account values (73).

They go out when asked for, when something changed (at most five times a second) and every 180 s;
after the first list only what has changed since is sent, as a real gateway does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from trader.sim.broker.money.account_values import Row
from trader.sim.broker.money.money import UNSET, cost, money
from trader.sim.broker.money.summary import unsupported
from trader.sim.clock import utc
from trader.sim.gateway.desks.exercise_desk import ExerciseDesk
from trader.sim.gateway.desks.pnl_desk import PnlDesk
from trader.sim.gateway.desks.position_desk import PositionDesk
from trader.sim.gateway.desks.world import Asker
from trader.sim.gateway.ways.account_view import Shown, invalid_account
from trader.sim.wire import messages_account, messages_session, requests_account
from trader.sim.wire.frames import plain
from trader.sim.wire.reader import Fields

ACCOUNT_PERIOD_S = 180.0
ACCOUNT_DELAY_S = 0.2
SUMMARIES_MAX = 2
Handler = Callable[[list[str]], None]
Known = dict[tuple[str, str], str]


@dataclass(eq=False, slots=True)
class _Values:
    """One subscription to account values, and what it was last sent."""

    account: str
    ledger_only: bool = False
    known: Known = field(default_factory=dict)
    portfolio: dict[int, tuple[str, ...]] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class _Summary:
    """One account summary, and what it was last sent."""

    accounts: list[str]
    tags: list[str]
    known: dict[str, Known] = field(default_factory=dict)


class AccountDesk:
    """What one session wants to know about accounts."""

    def __init__(self, session: Asker) -> None:
        self._session, self._world = session, session.world
        self._view = session.world.gateway.account_view
        self._positions = PositionDesk(session)
        self._pnl = PnlDesk(session)
        self._exercises = ExerciseDesk(session)
        self._updates: _Values | None = None
        self._multi: dict[int, _Values] = {}
        self._summaries: dict[int, _Summary] = {}
        self._stale: dict[str, dict[int, None]] = {}

    def handlers(self) -> dict[int, Handler]:
        """Return the message ids answered here."""
        return {
            6: self._account_updates, 62: self._ask_summary, 63: self._cancel_summary,
            76: self._account_multi, 77: self._cancel_multi, **self._positions.handlers(),
            **self._pnl.handlers(), **self._exercises.handlers(),
        }  # fmt: skip

    # -- news -------------------------------------------------------------------------------------

    def position_changed(self, account: str, row: Shown) -> None:
        """Send a live position to a client that asked for them; one that was closed shows 0."""
        self._positions.changed(account, row)

    def account_changed(self, account: str, con_id: int = 0) -> None:
        """Send account values soon, together with what else changes until then."""
        self._pnl.account_changed(account)
        if self._updates is None and not self._multi:
            return
        if not self._stale:
            self._world.gateway.clock.call_later(ACCOUNT_DELAY_S, self._send_stale)
        self._stale.setdefault(account, {})[con_id] = None

    def _send_stale(self) -> None:
        stale, self._stale = self._stale, {}
        if not self._is_open():
            return
        updates = self._updates
        if updates is not None and updates.account in stale:
            moved = stale[updates.account]
            rows = self._view.portfolio(updates.account)
            self._send_values(updates, [row for row in rows if row.instrument.con_id in moved])
        for request_id, values in self._multi.items():
            if values.account in stale:
                self._send_multi(request_id, values)

    def _is_open(self) -> bool:
        session = self._session
        assert session.client_id is not None, "subscribed after startApi"
        client: object = self._world.gateway.clients.get(session.client_id)
        return client is session

    # -- updates of one account -------------------------------------------------------------------

    def _account_updates(self, fields: list[str]) -> None:
        wanted = requests_account.parse_account_updates(fields)
        name = wanted.account
        if not wanted.is_on:
            self._updates = None
            return
        bank = self._world.exchange.bank
        if name and name not in bank.accounts:
            self._session.show_error(-1, 321, invalid_account(name))
            return
        name = name or bank.main.name
        if self._updates is not None and self._updates.account != name:
            self._session.show_error(-1, 2100, _UNSUBSCRIBED)
        values = self._updates = _Values(name)
        self._send_values(values, self._view.portfolio(name))
        self._end(54, messages_account.account_download_end(name))
        self._repeat(lambda: self._updates is values, lambda: self._refresh(values))

    def _refresh(self, values: _Values) -> None:
        self._send_values(values, self._view.portfolio(values.account))

    def _repeat(self, is_wanted: Callable[[], bool], send: Callable[[], None]) -> None:
        def again() -> None:
            if is_wanted() and self._is_open():
                send()
                self._world.gateway.clock.call_later(ACCOUNT_PERIOD_S, again)

        self._world.gateway.clock.call_later(ACCOUNT_PERIOD_S, again)

    def _send_values(self, values: _Values, rows: list[Shown]) -> None:
        name = values.account
        for key, value, currency in _changed(values.known, self._view.rows(name)):
            self._session.push(6, messages_account.account_value(key, value, currency, name))
        for row in rows:
            figures = self._figures(name, row)
            if values.portfolio.get(row.instrument.con_id) != figures:
                values.portfolio[row.instrument.con_id] = figures
                frame = messages_account.portfolio(row.instrument, figures, name)
                self._session.push(7, frame)
        now = utc(self._world.gateway.clock.time())
        self._session.push(8, messages_account.account_time(now.strftime("%H:%M")))

    def _figures(self, name: str, row: Shown) -> tuple[str, ...]:
        """Return position, market price and value, average cost, unrealized, realized."""
        if self._view.switches.portfolio_is_unset:
            return (plain(row.quantity), UNSET, UNSET, UNSET, "0.00", "0.00")
        bank, item = self._world.exchange.bank, row.instrument
        entry = bank.account(name).positions.get(item.con_id)
        if entry is None:
            return (plain(row.quantity), "0", "0.00", cost(row.average_cost), "0.00", "0.00")
        found = bank.result(entry)
        price = found.price / item.price_magnifier
        return (
            plain(row.quantity), cost(price), money(price * row.quantity * item.multiplier),
            cost(row.average_cost),
            money((price * item.multiplier - row.average_cost) * row.quantity),
            money(found.realized),
        )  # fmt: skip

    def _end(self, message_id: int, frame: bytes) -> None:
        if message_id not in self._view.switches.missing_ends:
            self._session.push(message_id, frame)

    # -- values by request ------------------------------------------------------------------------

    def _account_multi(self, fields: list[str]) -> None:
        wanted = requests_account.parse_account_updates_multi(fields)
        request_id, name = wanted.request_id, wanted.account
        bank = self._world.exchange.bank
        if name and name not in bank.accounts:
            self._session.show_error(request_id, 321, invalid_account(name))
            return
        values = self._multi[request_id] = _Values(name or bank.main.name, wanted.is_ledger)
        self._send_multi(request_id, values)
        self._end(74, messages_session.end(74, request_id))
        self._repeat(
            lambda: self._multi.get(request_id) is values,
            lambda: self._send_multi(request_id, values),
        )

    def _send_multi(self, request_id: int, values: _Values) -> None:
        name = values.account
        rows = self._view.ledger(name) if values.ledger_only else self._view.rows(name)
        for row in _changed(values.known, rows):
            self._session.push(73, messages_account.account_update_multi(request_id, name, row))

    def _cancel_multi(self, fields: list[str]) -> None:
        self._multi.pop(Fields(fields, 2).integer(), None)

    # -- summaries --------------------------------------------------------------------------------

    def _ask_summary(self, fields: list[str]) -> None:
        wanted = requests_account.parse_account_summary(fields)
        request_id, group, tags = wanted.request_id, wanted.group, list(wanted.tags)
        flaw = self._summary_flaw(request_id, group, tags)
        if flaw:
            self._session.show_error(request_id, *flaw)
            return
        bank = self._world.exchange.bank
        accounts = [group] if group in bank.accounts else bank.names
        summary = self._summaries[request_id] = _Summary(accounts, tags)
        self._send_summary(request_id, summary)
        self._end(64, messages_session.end(64, request_id))
        self._repeat(
            lambda: self._summaries.get(request_id) is summary,
            lambda: self._send_summary(request_id, summary),
        )

    def _summary_flaw(self, request_id: int, group: str, tags: list[str]) -> tuple[int, str] | None:
        if request_id in self._summaries or len(self._summaries) >= SUMMARIES_MAX:
            return 322, _TOO_MANY_SUMMARIES
        if group != "All" and group not in self._world.exchange.bank.accounts:
            return 321, f"Error validating request.-'bQ' : cause - Invalid account group: {group}"
        unknown = unsupported(tags)
        if not tags or unknown:
            named = ",".join(unknown) or "none given"
            return 321, f"Error validating request.-'bQ' : cause - Invalid tags: {named}"
        return None

    def _send_summary(self, request_id: int, summary: _Summary) -> None:
        for name in summary.accounts:
            known = summary.known.setdefault(name, {})
            for row in _changed(known, self._view.summary(name, summary.tags)):
                self._session.push(63, messages_account.account_summary(request_id, name, row))

    def _cancel_summary(self, fields: list[str]) -> None:
        request_id = Fields(fields, 2).integer()
        if self._view.switches.cancel_stops_all:
            self._summaries.clear()
        self._summaries.pop(request_id, None)


_UNSUBSCRIBED = (
    "New account data requested from TWS. API client has been unsubscribed from account data."
)
_TOO_MANY_SUMMARIES = (
    "Error processing request.-'bS' : cause - Maximum number of account summary requests exceeded"
)


def _changed(known: Known, rows: list[Row]) -> list[Row]:
    """Return the rows that are not known yet as they are, and know them from now on."""
    found = []
    for row in rows:
        key = (row[0], row[2])
        if known.get(key) != row[1]:
            known[key] = row[1]
            found.append(row)
    return found
