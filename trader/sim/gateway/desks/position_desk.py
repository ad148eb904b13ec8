"""Positions of one session: all accounts' (61, 62), and by request (71, 72), live afterwards.

A snapshot has no row for what is flat; a position that is closed while a client listens is sent
once with quantity 0.
"""

from collections.abc import Callable

from trader.sim.broker.money.money import cost
from trader.sim.gateway.desks.world import Asker
from trader.sim.gateway.ways.account_view import Shown, invalid_account
from trader.sim.wire import messages_account, messages_session, requests_account
from trader.sim.wire.frames import plain
from trader.sim.wire.reader import Fields

Handler = Callable[[list[str]], None]


class PositionDesk:
    """What one session is told of positions."""

    def __init__(self, session: Asker) -> None:
        self._session, self._world = session, session.world
        self._view = session.world.gateway.account_view
        self._is_asked = False
        self._multi: dict[int, tuple[str, ...]] = {}

    def handlers(self) -> dict[int, Handler]:
        """Return the message ids answered here."""
        return {
            61: self._ask, 64: self._cancel, 74: self._ask_multi, 75: self._cancel_multi,
        }  # fmt: skip

    def _ask(self, _fields: list[str]) -> None:
        self._is_asked = True
        for name in self._world.exchange.bank.names:
            for row in self._view.held(name):
                self._show(name, row)
        if 62 not in self._view.switches.missing_ends:
            self._session.push(62, messages_session.end(62))

    def _cancel(self, _fields: list[str]) -> None:
        self._is_asked = False

    def _ask_multi(self, fields: list[str]) -> None:
        wanted = requests_account.parse_positions_multi(fields)
        request_id, name = wanted.request_id, wanted.account
        bank = self._world.exchange.bank
        if name and name not in bank.accounts:
            self._session.show_error(request_id, 321, invalid_account(name))
            return
        names = self._multi[request_id] = (name,) if name else tuple(bank.names)
        for one in names:
            for row in self._view.held(one):
                self._show_multi(request_id, one, row)
        if 72 not in self._view.switches.missing_ends:
            self._session.push(72, messages_session.end(72, request_id))

    def _cancel_multi(self, fields: list[str]) -> None:
        self._multi.pop(Fields(fields, 2).integer(), None)

    def changed(self, name: str, row: Shown) -> None:
        """Send a position that has changed to whoever asked for it."""
        if self._is_asked:
            self._show(name, row)
        for request_id, names in self._multi.items():
            if name in names:
                self._show_multi(request_id, name, row)

    def _show(self, name: str, row: Shown) -> None:
        frame = messages_account.position(
            name, row.instrument, plain(row.quantity), cost(row.average_cost)
        )
        self._session.push(61, frame)

    def _show_multi(self, request_id: int, name: str, row: Shown) -> None:
        frame = messages_account.position_multi(
            request_id, name, row.instrument, plain(row.quantity), cost(row.average_cost)
        )
        self._session.push(71, frame)
