"""Profit and loss of one session: an account's (94) and a position's (95), about once a second.

A number the broker does not have is the largest double: the result of a day of a position that has
neither been through the start of a day nor traded, and all results of what is not held.
"""

from collections.abc import Callable
from dataclasses import dataclass

from trader.sim.broker.money.money import UNSET, double
from trader.sim.gateway.desks.world import Asker
from trader.sim.gateway.ways.account_view import invalid_account
from trader.sim.model.orders import ZERO
from trader.sim.wire import messages_account, requests_account
from trader.sim.wire.frames import plain
from trader.sim.wire.reader import Fields

PNL_PERIOD_S = 1.0
PNL_DELAY_S = 0.2
Handler = Callable[[list[str]], None]


@dataclass(frozen=True, slots=True)
class _Line:
    """One subscription; contract id 0 means the whole account."""

    account: str
    con_id: int = 0


class PnlDesk:
    """What one session is told of results."""

    def __init__(self, session: Asker) -> None:
        self._session, self._world = session, session.world
        self._lines: dict[int, _Line] = {}
        self._is_running = False
        self._stale: dict[str, None] = {}

    def handlers(self) -> dict[int, Handler]:
        """Return the message ids answered here."""
        return {
            92: self._ask, 93: self._cancel, 94: self._ask_single, 95: self._cancel,
        }  # fmt: skip

    def _ask(self, fields: list[str]) -> None:
        wanted = requests_account.parse_pnl(fields)
        self._begin(wanted.request_id, wanted.account, 0)

    def _ask_single(self, fields: list[str]) -> None:
        wanted = requests_account.parse_pnl_single(fields)
        self._begin(wanted.request_id, wanted.account, wanted.con_id)

    def _begin(self, request_id: int, name: str, con_id: int) -> None:
        bank = self._world.exchange.bank
        if name and name not in bank.accounts:
            self._session.show_error(request_id, 321, invalid_account(name))
            return
        if request_id in self._lines:
            text = "Error validating request.-'cd' : cause - Duplicate PNL request id"
            self._session.show_error(request_id, 321, text)
            return
        line = self._lines[request_id] = _Line(name or bank.main.name, con_id)
        self._send(request_id, line)
        if not self._is_running:
            self._is_running = True
            self._world.gateway.clock.call_later(PNL_PERIOD_S, self._round)

    def _cancel(self, fields: list[str]) -> None:
        request_id = Fields(fields, 1).integer()
        if self._lines.pop(request_id, None) is None:
            self._session.show_error(request_id, 10185, "Failed to cancel PNL (not subscribed)")

    def account_changed(self, account: str) -> None:
        """Send results soon, together with what else changes until then."""
        if not self._lines:
            return
        if not self._stale:
            self._world.gateway.clock.call_later(PNL_DELAY_S, self._send_stale)
        self._stale[account] = None

    def _send_stale(self) -> None:
        stale, self._stale = self._stale, {}
        if self._is_open():
            for request_id, line in self._lines.items():
                if line.account in stale:
                    self._send(request_id, line)

    def _round(self) -> None:
        self._is_running = bool(self._lines) and self._is_open()
        if not self._is_running:
            return
        for request_id, line in self._lines.items():
            self._send(request_id, line)
        self._world.gateway.clock.call_later(PNL_PERIOD_S, self._round)

    def _is_open(self) -> bool:
        session = self._session
        assert session.client_id is not None, "subscribed after startApi"
        client: object = self._world.gateway.clients.get(session.client_id)
        return client is session

    def _send(self, request_id: int, line: _Line) -> None:
        if line.con_id:
            self._send_single(request_id, line)
            return
        bank = self._world.exchange.bank
        account = bank.account(line.account)
        daily, unrealized, realized = ZERO, ZERO, ZERO
        for entry in account.positions.values():
            if entry.instrument.sec_type == "CASH":
                continue
            found = bank.result(entry)
            rate = bank.rates.rate(entry.instrument.currency, account.base)
            daily += (found.daily or ZERO) * rate
            unrealized += found.unrealized * rate
            realized += found.realized * rate
        values = [double(daily), double(unrealized), double(realized)]
        self._session.push(94, messages_account.pnl(request_id, values))

    def _send_single(self, request_id: int, line: _Line) -> None:
        bank = self._world.exchange.bank
        entry = bank.account(line.account).positions.get(line.con_id)
        if entry is None:
            values = ["0", UNSET, UNSET, UNSET, UNSET]
        else:
            found = bank.result(entry)
            has_any = bool(entry.quantity)
            values = [
                plain(entry.quantity), double(found.daily),
                double(found.unrealized if has_any else None), double(found.realized),
                double(found.value if has_any else None),
            ]  # fmt: skip
        self._session.push(95, messages_account.pnl_single(request_id, values))
