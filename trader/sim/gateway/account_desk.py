"""Account values and positions of one session: updates, summaries, profit and loss.

They go out when asked for, when something changed (at most five times a second) and every
180 s, as a real gateway does.
"""

from collections.abc import Callable

from trader.sim.broker.accounts import Position, cost, money
from trader.sim.clock import utc
from trader.sim.gateway.world import Asker
from trader.sim.wire import messages_account, messages_session
from trader.sim.wire.frames import plain
from trader.sim.wire.reader import Fields

ACCOUNT_PERIOD_S = 180.0
ACCOUNT_DELAY_S = 0.2
Handler = Callable[[list[str]], None]


class AccountDesk:
    """What one session wants to know about the account."""

    def __init__(self, session: Asker) -> None:
        self._session, self._world = session, session.world
        self._has_account = False
        self._has_positions = False
        self._account_round = 0
        self._stale: set[int] = set()
        self._summaries: dict[int, set[str]] = {}
        self._pnl: dict[int, int] = {}

    def handlers(self) -> dict[int, Handler]:
        """Return the message ids answered here."""
        return {
            6: self._account_updates, 62: self._summary, 63: self._cancel_summary,
            76: self._account_multi, 92: self._pnl_start, 93: self._pnl_cancel,
            94: self._pnl_single, 95: self._pnl_cancel, 61: self._positions,
            64: self._cancel_positions, 74: self._positions_multi, 75: _ignore, 77: _ignore,
        }  # fmt: skip

    def _rows(self) -> list[tuple[str, str, str]]:
        return self._world.exchange.bank.rows("")

    def _account_updates(self, fields: list[str]) -> None:
        read = Fields(fields, 2)
        self._has_account = read.flag()
        self._account_round += 1
        if self._has_account:
            self._send_account(self._world.exchange.bank.main.held())
            name = self._world.exchange.bank.main.name
            self._session.push(54, messages_account.account_download_end(name))
            self._repeat_account(self._account_round)

    def _repeat_account(self, number: int) -> None:
        def again() -> None:
            if self._has_account and number == self._account_round and self._is_open():
                self._send_account(self._world.exchange.bank.main.held())
                self._repeat_account(number)

        self._world.gateway.clock.call_later(ACCOUNT_PERIOD_S, again)

    def _is_open(self) -> bool:
        session = self._session
        assert session.client_id is not None, "subscribed after startApi"
        client: object = self._world.gateway.clients.get(session.client_id)
        return client is session

    def account_changed(self, con_id: int) -> None:
        """Send account values soon, together with what else changes until then."""
        if not (self._has_account or self._pnl):
            return
        if not self._stale:
            self._world.gateway.clock.call_later(ACCOUNT_DELAY_S, self._send_stale)
        self._stale.add(con_id)

    def _send_stale(self) -> None:
        stale, self._stale = self._stale, set()
        if not self._is_open():
            return
        positions = self._world.exchange.bank.main.positions
        if self._has_account:
            self._send_account([positions[con_id] for con_id in sorted(stale)])
        for request_id, con_id in self._pnl.items():
            self._send_pnl(request_id, con_id)

    def _send_account(self, entries: list[Position]) -> None:
        account = self._world.exchange.bank.main
        for key, value, currency in self._rows():
            self._session.push(
                6, messages_account.account_value(key, value, currency, account.name)
            )
        for entry in entries:
            price = self._world.exchange.quote(entry.instrument).last
            worth = entry.quantity * price
            gain = (price - entry.average_cost) * entry.quantity
            values = [
                plain(entry.quantity), plain(price), money(worth),
                cost(entry.average_cost), money(gain), money(entry.realized),
            ]  # fmt: skip
            self._session.push(
                7, messages_account.portfolio(entry.instrument, values, account.name)
            )
        now = utc(self._world.gateway.clock.time())
        self._session.push(8, messages_account.account_time(now.strftime("%H:%M")))

    def _account_multi(self, fields: list[str]) -> None:
        request_id = Fields(fields, 2).integer()
        name = self._world.exchange.bank.main.name
        for row in self._rows():
            self._session.push(73, messages_account.account_update_multi(request_id, name, row))
        self._session.push(74, messages_session.end(74, request_id))

    def _summary(self, fields: list[str]) -> None:
        read = Fields(fields, 2)
        request_id = read.integer()
        read.text()  # group
        self._summaries[request_id] = {tag.strip() for tag in read.text().split(",")}
        self._send_summary(request_id)
        self._session.push(64, messages_session.end(64, request_id))

    def _send_summary(self, request_id: int) -> None:
        tags = self._summaries.get(request_id)
        if tags is None:
            return
        name = self._world.exchange.bank.main.name
        for row in self._rows():
            if row[0] in tags and row[2] != "BASE":
                self._session.push(63, messages_account.account_summary(request_id, name, row))

        def again() -> None:
            if self._summaries.get(request_id) is tags and self._is_open():
                self._send_summary(request_id)

        self._world.gateway.clock.call_later(ACCOUNT_PERIOD_S, again)

    def _cancel_summary(self, fields: list[str]) -> None:
        self._summaries.pop(Fields(fields, 2).integer(), None)

    def _pnl_start(self, fields: list[str]) -> None:
        request_id = Fields(fields, 1).integer()
        self._pnl[request_id] = 0
        self._send_pnl(request_id, 0)

    def _pnl_single(self, fields: list[str]) -> None:
        read = Fields(fields, 1)
        request_id = read.integer()
        read.skip(2)
        con_id = self._pnl[request_id] = read.integer()
        self._send_pnl(request_id, con_id)

    def _pnl_cancel(self, fields: list[str]) -> None:
        self._pnl.pop(Fields(fields, 1).integer(), None)

    def _send_pnl(self, request_id: int, con_id: int) -> None:
        exchange = self._world.exchange
        account = exchange.bank.main
        prices = exchange.bank.prices(account)
        if not con_id:
            open_result, closed = account.unrealized(prices), account.realized()
            values = [money(open_result + closed), money(open_result), money(closed)]
            self._session.push(94, messages_account.pnl(request_id, values))
            return
        entry = account.positions.get(con_id)
        if entry is None:
            return
        price = prices[con_id]
        gain = (price - entry.average_cost) * entry.quantity
        values = [
            plain(entry.quantity), money(gain + entry.realized), money(gain),
            money(entry.realized), money(entry.quantity * price),
        ]  # fmt: skip
        self._session.push(95, messages_account.pnl_single(request_id, values))

    # -- positions --------------------------------------------------------------------------------

    def _positions(self, _fields: list[str]) -> None:
        self._has_positions = True
        for entry in self._world.exchange.bank.main.held():
            self._show_position(entry)
        self._session.push(62, messages_session.end(62))

    def _cancel_positions(self, _fields: list[str]) -> None:
        self._has_positions = False

    def position_changed(self, entry: Position) -> None:
        """Send a live position to a client that asked for them."""
        if self._has_positions:
            self._show_position(entry)

    def _show_position(self, entry: Position) -> None:
        frame = messages_account.position(
            self._world.exchange.bank.main.name, entry.instrument, plain(entry.quantity),
            cost(entry.average_cost),
        )  # fmt: skip
        self._session.push(61, frame)

    def _positions_multi(self, fields: list[str]) -> None:
        request_id = Fields(fields, 2).integer()
        account = self._world.exchange.bank.main
        for entry in account.held():
            frame = messages_account.position_multi(
                request_id, account.name, entry.instrument, plain(entry.quantity),
                cost(entry.average_cost),
            )  # fmt: skip
            self._session.push(71, frame)
        self._session.push(72, messages_session.end(72, request_id))


def _ignore(_fields: list[str]) -> None:
    """Take a message that needs no answer."""
