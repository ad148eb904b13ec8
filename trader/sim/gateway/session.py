"""One client's protocol session: bytes in, frames out through its outlet, no I/O.

The host feeds what arrives and takes from the outlet what is to be written. Whatever a client
sends ends in an answer, in an error message to it, or in the end of this session alone.
"""

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType

from trader.sim.clock import utc
from trader.sim.gateway.desks.account_desk import AccountDesk
from trader.sim.gateway.desks.group_desk import GroupDesk
from trader.sim.gateway.desks.market_desk import MarketDesk
from trader.sim.gateway.desks.order_desk import OrderDesk
from trader.sim.gateway.desks.reference_desk import ReferenceDesk
from trader.sim.gateway.desks.world import World
from trader.sim.gateway.ways import handshake, intake
from trader.sim.gateway.ways.account_view import Shown
from trader.sim.gateway.ways.faults import UNKNOWN_COMMISSIONS
from trader.sim.gateway.ways.outlet import Outlet
from trader.sim.gateway.ways.pacing import TOO_FAST, Penalty, RateMeter, Verdict
from trader.sim.gateway.ways.times import execution_time
from trader.sim.model.orders import Execution, Order
from trader.sim.wire import (
    messages_executions,
    messages_orders,
    messages_reference,
    messages_session,
)
from trader.sim.wire.frames import FieldError, FrameReader, WireError
from trader.sim.wire.places import SINCE
from trader.sim.wire.reader import Fields

log = logging.getLogger("trader.sim")
VERSION_MIN = 157
PLACE_ORDER = 3
FARM_DELAY_S = 0.02
NOTICE_S = 0.01
# Zones as gateways have been recorded to write them; others by their abbreviation.
ZONE_NAMES: Mapping[str, str] = MappingProxyType(
    {"UTC": "Greenwich Mean Time", "CET": "Central European Standard Time"}
)


class SessionEnded(Exception):
    """The session must be closed; the text is the reason for the log."""


class Session:
    """Protocol state of one connection."""

    def __init__(self, world: World, wake: Callable[[], None]) -> None:
        self.world = world
        self.outlet = Outlet(world.faults, wake, world.gateway.clock)
        self.sv = 0
        self.client_id: int | None = None
        self.has_started = False
        self._is_deaf = False
        self._reader = FrameReader()
        self._rate = RateMeter(world.rate)
        self._orders = OrderDesk(self)
        self._market = MarketDesk(self)
        self._reference = ReferenceDesk(self)
        self._account = AccountDesk(self)
        self._handlers: dict[int, Callable[[list[str]], None]] = {
            8: self._ids, 14: _ignore, 17: self._accounts, 49: self._time,
            104: self._user_info, 105: self._time_ms,
            **self._orders.handlers(), **self._market.handlers(), **self._reference.handlers(),
            **self._account.handlers(), **GroupDesk(self).handlers(),
        }  # fmt: skip

    # -- in -------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes from the client. Raises SessionEnded when it cannot go on."""
        if self._is_deaf:
            return
        try:
            frames = self._reader.feed(data)
        except WireError as error:
            raise SessionEnded(f"malformed data: {error}") from None
        if not self.sv and self._reader.hello is not None:
            self._greet(self._reader.hello.version_min, self._reader.hello.version_max)
        for fields in frames:
            if not self._meter():
                return
            self._dispatch(fields)

    def _meter(self) -> bool:
        """Count the message; a client that is too fast is told (100), in the end cut off.

        The message itself is handled all the same, unless the session freezes: then the answer
        is False. Raises SessionEnded.
        """
        gateway, meter = self.world.gateway, self._rate
        verdict = meter.note(gateway.clock.monotonic())
        gateway.frames_in += 1
        gateway.frames_in_per_s_max = max(gateway.frames_in_per_s_max, meter.rate)
        if verdict is Verdict.FINE:
            return True
        rule = self.world.rate
        if verdict is Verdict.NEAR:
            text = "Approaching max rate of %s messages per second (%s): client %s"
            log.info(text, rule.limit_per_s, meter.rate, self.client_id)
            return True
        log.warning("client %s: over %s messages a second", self.client_id, rule.limit_per_s)
        self.show_error(-1, *TOO_FAST)
        if verdict is Verdict.VIOLATION:
            return True
        if rule.penalty is Penalty.DROP:
            raise SessionEnded(f"{meter.violations} violations of the message rate")
        self._is_deaf = True
        return False

    def _greet(self, version_min: int, version_max: int) -> None:
        fault = self.world.faults.handshakes.take(handshake.BEFORE_VERSION)
        kind, value = (fault.kind, fault.value) if fault else ("", "")
        if kind == "silence":
            self._is_deaf = True
            return
        if kind in ("eof", "reset"):
            self.outlet.drop_how = "rst" if kind == "reset" else "fin"
            raise SessionEnded(f"handshake fault: {kind}")
        version = min(self.world.server_version, version_max)
        if version < max(version_min, VERSION_MIN):
            raise SessionEnded(f"client speaks {version_min}..{version_max}, server {version}")
        if kind == "version":
            version = int(value)
        self.sv = self.outlet.sv = version
        now = utc(self.world.gateway.clock.time()).astimezone(self.world.gateway.zone)
        # A real gateway writes whatever its host calls the zone.
        zone = value if kind == "zone" else ZONE_NAMES.get(f"{now:%Z}", f"{now:%Z}")
        hello = messages_session.server_hello(version, f"{now:%Y%m%d %H:%M:%S} {zone}")
        self.outlet.push(-1, hello)

    def _dispatch(self, fields: list[str]) -> None:
        head = fields[0]
        message_id = int(head) if head.isascii() and head.isdigit() and len(head) < 6 else -1
        if self.client_id is None:
            if message_id != 71:
                raise SessionEnded(f"message {head[:20]!r} before startApi")
            self._start(fields)
            return
        witness = self.world.faults.witness
        if witness is not None and message_id > 0:
            witness.receiving(self.client_id, fields)
        if message_id < 0 or not self.world.faults.intake or not self._intercept(fields):
            self.handle(message_id, fields)
        if witness is not None and message_id > 0:
            witness.received(self.client_id, fields)

    def handle(self, message_id: int, fields: list[str], *, is_late: bool = False) -> None:
        """Let a desk answer a message; one that cannot be read is answered with 320."""
        head = fields[0]
        handler = self._handlers.get(message_id)
        if is_late and message_id == PLACE_ORDER:
            handler = self._orders.place_late
        try:
            if handler is None or self.sv < SINCE.get(message_id, 0):
                raise FieldError(f"unknown message id {head[:20]!r}")
            handler(fields)
        except FieldError as error:
            # What is no number is quoted: nobody writes lines of the log but the simulator.
            name = str(message_id) if message_id >= 0 else repr(head[:20])
            text = f"Error reading request. Message id {name}: {error}"
            log.warning("client %s: %s", self.client_id, text)
            self.show_error(self._request_id(message_id, fields), 320, text)

    def _intercept(self, fields: list[str]) -> bool:
        """Let the intake rules have the message; return whether it is not to be handled now."""
        assert self.client_id is not None, "dispatched after startApi"
        faults, gateway, message_id = self.world.faults, self.world.gateway, int(fields[0])
        ident = intake.own_id(fields, self.sv)
        is_change = gateway.live(self.client_id, ident) is not None
        rule = intake.find(faults.intake, fields, self.sv, self.client_id, is_change=is_change)
        if rule is None:
            return False
        is_kept = isinstance(rule.effect, intake.HoldBack | intake.Later)
        if message_id == PLACE_ORDER and is_kept and not is_change:
            gateway.keep_order_id(self.client_id, ident)

        def handle() -> None:
            self.handle(message_id, fields, is_late=True)

        if not isinstance(rule.effect, intake.Answer | intake.Double):
            self._note(fields)
        match rule.effect:
            case intake.Ignore():
                pass
            case intake.HoldBack(batch):
                faults.held_intake.append(intake.Held(batch, handle))
            case intake.Later(seconds):
                gateway.clock.call_later(seconds, handle)
            case intake.Answer() as answer:
                self.show_error(ident, answer.code, answer.text, advanced=answer.advanced)
                if answer.also_handled:
                    return False
                self._note(fields)
            case intake.Double(is_hidden=is_hidden):
                self._orders.place_beside(fields, is_hidden=is_hidden)
        return True

    def _note(self, fields: list[str]) -> None:
        """Keep the record of orders that came complete although nobody looks at them now."""
        if int(fields[0]) == PLACE_ORDER:
            self._orders.note(fields)

    def _request_id(self, message_id: int, fields: list[str]) -> int:
        """Return the id an unreadable request most likely carried, -1 when there is none."""
        has_version = message_id not in (3, 20, 22) and message_id < 78
        has_version &= message_id != 4 or self.sv < 192
        place = 1 + has_version
        text = fields[place] if len(fields) > place else ""
        known = message_id in self._handlers and text.isascii() and text.isdigit()
        return int(text) if known and len(text) < 10 else -1

    def _start(self, fields: list[str]) -> None:
        try:
            client_id = Fields(fields, 2).integer()
        except FieldError as error:
            raise SessionEnded(f"unreadable startApi: {error}") from None
        gateway = self.world.gateway
        refusal = gateway.admit(client_id, self)
        if refusal is not None:
            self.show_error(-1, refusal.code, refusal.text)
            self.outlet.close()
            raise SessionEnded(f"client {client_id} refused: {refusal.code} {refusal.text}")
        self.client_id = self.outlet.client_id = client_id
        own = gateway.orders_of(client_id)
        for order in own:
            self.show_order(order)
        if own:
            self.push(53, messages_session.end(53))
        fault = self.world.faults.handshakes.take(handshake.AFTER_START)
        kind = fault.kind if fault else ""
        if kind not in ("no-accounts", "no-session"):
            self._accounts(fields)
        if kind not in ("no-next-valid-id", "no-session"):
            self._ids(fields)
        self.has_started = True
        gateway.clock.call_later(NOTICE_S, lambda: self._notices(2104, 2106))
        gateway.clock.call_later(NOTICE_S + FARM_DELAY_S, lambda: self._notices(2158))

    def _notices(self, *codes: int) -> None:
        if self.world.faults.is_upstream_down:
            self.show_error(-1, 2110, messages_session.TEXTS[2110])
            return
        for code in codes:
            self.show_error(-1, code, messages_session.TEXTS[code])

    def leave(self) -> None:
        """Forget this session everywhere; the host calls it once when the connection is gone."""
        self.world.feeds.leave(self.outlet)
        if self.client_id is not None:
            self.world.gateway.leave(self.client_id, self)
            now_s = self.world.gateway.clock.monotonic()
            self.world.faults.handshakes.left(self.client_id, now_s)

    def _ids(self, _fields: list[str]) -> None:
        assert self.client_id is not None, "dispatched after startApi"
        self.push(
            9, messages_session.next_valid_id(self.world.gateway.next_order_id(self.client_id))
        )

    def _accounts(self, _fields: list[str]) -> None:
        self.push(15, messages_session.managed_accounts(",".join(self.world.exchange.bank.names)))

    def _time(self, _fields: list[str]) -> None:
        self.push(49, messages_session.current_time(int(self.world.gateway.clock.time())))

    def _time_ms(self, _fields: list[str]) -> None:
        now_ms = int(self.world.gateway.clock.time() * 1000)
        self.push(109, messages_session.current_time_ms(now_ms))

    def _user_info(self, fields: list[str]) -> None:
        # The white branding id is empty for clients of IBKR itself.
        self.push(107, messages_reference.user_info(Fields(fields, 1).integer()))

    # -- out (gateway.Client) -------------------------------------------------------------------

    def push(self, message_id: int, frame: bytes) -> None:
        """Send one frame."""
        self.outlet.push(message_id, frame)

    def show_order(self, order: Order) -> None:
        """Send openOrder and orderStatus."""
        self.push(5, messages_orders.open_order(self.sv, order))
        self.push(3, messages_orders.order_status(order))

    def show_status(self, order: Order) -> None:
        """Send orderStatus alone."""
        self.push(3, messages_orders.order_status(order))

    def show_bound(self, order: Order) -> None:
        """Send orderBound (message 100)."""
        assert self.client_id is not None, "only a started session owns orders"
        frame = messages_orders.order_bound(order.perm_id, self.client_id, order.order_id)
        self.push(100, frame)

    def show_execution(self, item: Execution, request_id: int = -1) -> None:
        """Send an execution; the request id is -1 for a live one."""
        text = execution_time(self.world.faults.execution_time, item.time_s)
        self.push(11, messages_executions.execution(self.sv, request_id, item, text))

    def show_commission(self, item: Execution) -> None:
        """Send a commission report."""
        unknown = UNKNOWN_COMMISSIONS.get(self.world.faults.commissions, "")
        self.push(59, messages_executions.commission_report(item, unknown))

    def show_error(self, request_id: int, code: int, text: str, *, advanced: str = "") -> None:
        """Send an error message; `advanced` is the JSON of a refusal that can be overridden."""
        time_ms = int(self.world.gateway.clock.time() * 1000)
        frame = messages_session.error(
            self.sv, request_id, code, text, advanced=advanced, time_ms=time_ms
        )
        self.push(4, frame)

    def show_position(self, account: str, row: Shown) -> None:
        """Send a position if the client asked for positions; one closed today shows 0."""
        self._account.position_changed(account, row)

    def account_changed(self, account: str, con_id: int = 0) -> None:
        """Note that account values are out of date."""
        self._account.account_changed(account, con_id)

    def data_lost(self) -> None:
        """Forget market data subscriptions (1101)."""
        self._market.data_lost()


def _ignore(_fields: list[str]) -> None:
    """Take a message that needs no answer."""
