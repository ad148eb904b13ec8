"""Everything the broker says passes here once: to the sink, to an open request, or to both.

The callbacks run inside the decoder's guard, so what they say to the outside is collected and
delivered after the batch: an exception of the sink is never taken for a broken message. A word
that may be live always goes to the sink, whatever it was asked for (INC-072).
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ib_async.contract import Contract, ContractDetails
from ib_async.objects import PriceIncrement
from ib_async.order import Order, OrderState

from trader.core.account import AccountReading, ResultReading
from trader.core.amounts import decimal_from
from trader.core.events import (
    CommissionSeen,
    ExecutionSeen,
    OrderErrorSeen,
    OrderStatusSeen,
)
from trader.core.history_pacing import HistoryTrouble
from trader.core.ids import AccountId, ClientId, ConId, OrderId, PermId
from trader.core.quarantine import BrokenMessage
from trader.ibkr import codes, translate
from trader.ibkr.account import AccountStream
from trader.ibkr.beats import Beats
from trader.ibkr.connection import Connection
from trader.ibkr.decoder import Fields
from trader.ibkr.history_rows import rows_in
from trader.ibkr.quotes import Subscriptions
from trader.ibkr.requests import IdSequence, Kind, Requests
from trader.ibkr.settings import BrokerSettings
from trader.ports import (
    BrokerMessage,
    Clock,
    DataProblem,
    HistoryRefused,
    LinkWord,
    Sink,
    WorldError,
)

_STATUS_FIELDS = 12
_OVER = ("Filled", "Cancelled", "ApiCancelled")
_NOT_OURS_MAX = 10_000


class RequestFailed(WorldError):
    """The broker answered a request with an error."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"error {code}: {text}")
        self.code = code


def rule_key(rule_id: int) -> str:
    """Name the request for a price rule; its answer carries no request id (message 93)."""
    return f"market rule {rule_id}"


class Tap:
    """The receiver of the raw callbacks of one broker connection."""

    def __init__(self, settings: BrokerSettings, clock: Clock, sink: Sink) -> None:
        self._clock = clock
        self._sink = sink
        self._naive_zone = ZoneInfo(settings.naive_zone)
        self._client_id = settings.client_id
        self.account: AccountId | None = settings.account
        self.ids = IdSequence()
        self.requests = Requests(clock, settings.late_answer_s)
        self.beats = Beats(clock)
        # When a message was last decoded on this connection: bytes that mean nothing are no life.
        self.heard_s: float | None = None
        self.quotes = Subscriptions()
        self.account_values = AccountStream()
        # What prices of each contract come as: so many times the currency; it never changes.
        self.magnifiers: dict[ConId, int] = {}
        # The contract of each live order of ours, as this connection has echoed it.
        self.contracts: dict[OrderId, Contract] = {}
        self.decode_errors = 0
        self.connection: Connection | None = None
        self._now_s = 0.0
        self._outbox: list[BrokerMessage] = []
        self._is_socket_up = False
        # Executions of other accounts and of combos, whose commissions are not ours either.
        self._not_ours: dict[str, None] = {}
        # None until something was heard in this session.
        self._is_upstream_up: bool | None = None
        self._is_read_only: bool | None = None

    # ---- batches, the link

    def batch_arrived(self, at_s: float | None = None) -> None:
        """Stamp everything in the batch with one time: when it came, in monotonic seconds."""
        self._now_s = self._clock.monotonic() if at_s is None else at_s

    def batch_decoded(self) -> None:
        """Deliver what the batch said, in its order."""
        while self._outbox:
            messages, self._outbox = self._outbox, []
            for message in messages:
                self._sink(message)

    def socket_changed(self, is_up: bool, text: str, code: int = 0) -> None:
        """Say that the socket is up or down, once per change."""
        if is_up is not self._is_socket_up:
            self._is_socket_up = is_up
            self._say(LinkWord(axis="socket", is_up=is_up, code=code, text=text))

    def session_ended(self) -> None:
        """Forget what held for the last session only."""
        self.heard_s = None
        self.quotes.clear()
        self.contracts.clear()
        self.account_values.reset()
        self._is_upstream_up = None
        self._is_read_only = None

    def message_decoded(self) -> None:
        """Note a sign of life."""
        self.heard_s = self._now_s

    def undecodable(self, message: BrokenMessage) -> None:
        """Report a message that could not be read (INC-113)."""
        self.decode_errors += 1
        self._say(message)

    def version_seen(self, version: int) -> None:
        """Note the negotiated version."""
        self._opening().progress.version = version
        self._opening().heard()

    def stream_broke(self, reason: str) -> None:
        """Abort: what follows cannot be trusted (INC-118)."""
        self._opening().broke(reason)

    def nextValidId(self, order_id: int) -> None:  # noqa: N802 - ib_async's name
        """Raise the ids; a proposal below ours is a rollback and changes nothing (INC-006)."""
        self.ids.raise_to(order_id - 1)
        self._opening().progress.next_valid_id = order_id
        self._opening().heard()

    def managedAccounts(self, accounts: str) -> None:  # noqa: N802 - ib_async's name
        """Note the accounts of the login."""
        names = tuple(AccountId(name) for name in accounts.split(",") if name)
        self._opening().progress.accounts = names
        self._opening().heard()

    def _opening(self) -> Connection:
        assert self.connection is not None, "a tap without a connection"
        return self.connection

    def _say(self, message: BrokerMessage) -> None:
        self._outbox.append(message)

    # ---- errors (message 4)

    def error(self, request_id: int, code: int, text: str, reject_json: str) -> None:
        """Route a code by what its id stands for (INC-089)."""
        if reject_json:
            text = f"{text} {reject_json}"
        self._note_link(code, text)
        quoted = self.quotes.con_id_of(request_id)
        if quoted is not None:
            if codes.ends_request(code):
                self._say(DataProblem(con_id=quoted, code=code, text=text))
        elif self.quotes.is_retired(request_id):
            # "Can't find EId" (300) of a line that was refused, given up all the same: about no
            # order, and nobody needs to know (INC-150).
            return
        elif request_id == self.account_values.summary_id:
            self._say(LinkWord(axis="notice", is_up=False, code=code, text=f"summary: {text}"))
        elif request_id == self.account_values.result_id:
            self._say(LinkWord(axis="notice", is_up=False, code=code, text=f"result: {text}"))
        elif self.requests.is_request(request_id):
            if codes.ends_request(code):
                self.requests.fail(request_id, RequestFailed(code, text))
        elif request_id > 0:
            self._say(
                OrderErrorSeen(
                    order_id=OrderId(request_id),
                    code=code,
                    text=text,
                    evidence=codes.evidence_of(code),
                )
            )
        elif codes.connectivity_of(code, text) is None and not codes.is_read_only(code, text):
            self._say(LinkWord(axis="notice", is_up=False, code=code, text=text))

    def _note_link(self, code: int, text: str) -> None:
        if code == codes.CLIENT_ID_IN_USE:
            self._opening().refuse("client id", f"{code} {text}")
        elif codes.is_read_only(code, text):
            self._read_only_is(True, text)
            self.requests.fail(Kind.OPEN_ORDERS, RequestFailed(code, text))
            self.requests.fail(Kind.COMPLETED_ORDERS, RequestFailed(code, text))
        word = codes.connectivity_of(code, text)
        if word is None:
            self._opening().progress.last_words = f"{code} {text}"
        elif word.axis is codes.Axis.SOCKET:
            self.socket_changed(False, f"{code} {text}", code)
        elif word.axis is codes.Axis.UPSTREAM:
            self._is_upstream_up = word.is_up
            self._say(LinkWord(axis="upstream", is_up=word.is_up, code=code, text=word.text))
        else:
            state = codes.farm_state(code)
            self._say(
                LinkWord(axis="farm", is_up=word.is_up, code=code, text=word.text, state=state)
            )
            if word.proves_upstream and self._is_upstream_up is None:
                # A farm that answers is reached through the upstream; after 1100 only 1101 and
                # 1102 say that it is back.
                self._is_upstream_up = True
                self._say(LinkWord(axis="upstream", is_up=True, code=code, text=text))

    def _read_only_is(self, is_read_only: bool, text: str) -> None:
        if is_read_only is not self._is_read_only:
            self._is_read_only = is_read_only
            code = 321 if is_read_only else 0
            self._say(LinkWord(axis="read_only", is_up=not is_read_only, code=code, text=text))

    # ---- orders (messages 3, 5, 53, 101, 102)

    def status_text(self, fields: Fields) -> None:
        """Pass a status on; it is optional, repeated and unordered (INC-014)."""
        if len(fields) != _STATUS_FIELDS:
            raise translate.Unreadable(f"status of {len(fields)} fields, not {_STATUS_FIELDS}")
        seen = OrderStatusSeen(
            order_id=OrderId(max(int(fields[1]), 0)),
            client_id=ClientId(int(fields[9])),
            perm_id=PermId(int(fields[6] or 0)),
            status=translate.status_text(fields[2]),
            filled=translate.amount("filled", fields[3] or "0"),
            remaining=translate.amount("remaining", fields[4] or "0"),
            why_held=fields[10],
        )
        if seen.client_id == self._client_id and seen.status in _OVER:
            # The only word about a cancelled order: no echo comes with it.
            self.contracts.pop(seen.order_id, None)
        self._say(seen)

    def openOrder(  # noqa: N802 - ib_async's name
        self, order_id: int, contract: Contract, order: Order, state: OrderState
    ) -> None:
        """Pass an order's echo on, and keep it for whoever asked for the open orders."""
        if order.whatIf:
            self._on_preview(order_id, state)
            return
        magnifier = self.magnifiers.get(ConId(contract.conId))
        row = translate.open_order_in(contract, order, state, magnifier)
        if row.client_id == self._client_id:
            self.ids.raise_to(row.order_id)
            if row.status in _OVER:
                self.contracts.pop(row.order_id, None)
            else:
                self.contracts[row.order_id] = contract
        if self._is_foreign(row.account):
            return
        self._say(translate.open_order_event(row))
        self.requests.add(Kind.OPEN_ORDERS, row)

    def _on_preview(self, request_id: int, state: OrderState) -> None:
        """Answer a what-if, which is no order; a first answer without numbers is passed over."""
        preview = translate.preview_in(state)
        if preview is not None:
            self.requests.add(request_id, preview)
            self.requests.finish(request_id)

    def openOrderEnd(self) -> None:  # noqa: N802 - ib_async's name
        """End the open orders; a read-only API would have refused them."""
        if self.requests.finish(Kind.OPEN_ORDERS):
            self._read_only_is(False, "the API takes orders")

    def completedOrder(self, contract: Contract, order: Order, state: OrderState) -> None:  # noqa: N802
        """Keep a completed order."""
        row = translate.completed_order_in(contract, order, state)
        if not self._is_foreign(row.account):
            self.requests.add(Kind.COMPLETED_ORDERS, row)

    def completedOrdersEnd(self) -> None:  # noqa: N802 - ib_async's name
        """End the completed orders."""
        self.requests.finish(Kind.COMPLETED_ORDERS)

    # ---- executions (messages 11, 55, 59)

    def execution_text(self, request_id: int, fields: Fields) -> None:
        """Pass a live execution to the sink, an asked-for one to the request."""
        execution = translate.execution_in(fields, self._naive_zone)
        if execution.client_id == self._client_id:
            self.ids.raise_to(execution.order_id)
        # A combo's own row repeats its legs, which are booked one by one.
        if fields[5] == "BAG" or self._is_foreign(execution.account):
            self._not_ours[execution.exec_id] = None
            if len(self._not_ours) > _NOT_OURS_MAX:
                del self._not_ours[next(iter(self._not_ours))]
            return
        if self.requests.is_request(request_id):
            self.requests.add(request_id, execution)
        else:
            self._say(ExecutionSeen(execution))

    def execDetailsEnd(self, request_id: int) -> None:  # noqa: N802 - ib_async's name
        """End the executions."""
        self.requests.finish(request_id)

    def commission_text(self, exec_id: str, value: str, currency: str) -> None:
        """Pass a commission on, to the snapshot that is being taken as well."""
        commission = translate.commission_in(exec_id, value, currency)
        if commission is not None and commission.exec_id not in self._not_ours:
            self._say(CommissionSeen(commission))
            self.requests.add(Kind.COMMISSIONS, commission)

    def _is_foreign(self, account: AccountId) -> bool:
        return self.account is not None and account != self.account

    # ---- the account as it goes along (messages 6, 7, 8, 54, 63, 94)

    def updateAccountValue(self, key: str, value: str, currency: str, account: str) -> None:  # noqa: N802
        """Take one of the account's values in."""
        if account and self.account == account:
            self.account_values.value(key, value, currency, self._now_s)

    def portfolio_text(self, fields: Fields) -> None:
        """Take in what the broker says a holding is worth."""
        account, row = translate.holding_in(fields)
        if self.account == account:
            self.account_values.holding(row, self._now_s)

    def updateAccountTime(self, clock: str) -> None:  # noqa: N802 - ib_async's name
        """Pass on what the account's values say by now."""
        self._say_reading(self.account_values.listed(self._now_s))

    def accountDownloadEnd(self, account: str) -> None:  # noqa: N802 - ib_async's name
        """Pass on the first whole list."""
        if self.account == account:
            self._say_reading(self.account_values.ended(self._now_s))

    def accountSummary(  # noqa: N802 - ib_async's name
        self, request_id: int, account: str, tag: str, value: str, currency: str
    ) -> None:
        """Take a value in that the updates do not hold."""
        if self.account == account and request_id == self.account_values.summary_id:
            self.account_values.value(tag, value, currency, self._now_s)

    def accountSummaryEnd(self, request_id: int) -> None:  # noqa: N802 - ib_async's name
        """Need no end: the values count with the next list of updates."""

    def result_text(self, request_id: int, daily: str, unrealized: str, realized: str) -> None:
        """Pass on the broker's result of its day; what it has no number for is not told."""
        if request_id == self.account_values.result_id:
            self._say(
                ResultReading(
                    daily=decimal_from(daily),
                    unrealized=decimal_from(unrealized),
                    realized=decimal_from(realized),
                    at_s=self._now_s,
                )
            )

    def _say_reading(self, reading: AccountReading | None) -> None:
        if reading is not None:
            self._say(reading)

    # ---- positions and account values (messages 61, 62, 73, 74)

    def position(self, account: str, contract: Contract, quantity: float, cost: float) -> None:
        """Keep a position."""
        row = translate.position_in(account, contract, quantity, cost)
        if not self._is_foreign(row.account):
            self.requests.add(Kind.POSITIONS, row)

    def positionEnd(self) -> None:  # noqa: N802 - ib_async's name
        """End the positions."""
        self.requests.finish(Kind.POSITIONS)

    def accountUpdateMulti(  # noqa: N802 - ib_async's name and arguments
        self, request_id: int, account: str, model: str, key: str, value: str, currency: str
    ) -> None:
        """Keep an account value."""
        if not self._is_foreign(AccountId(account)):
            self.requests.add(request_id, (key, value, currency))

    def accountUpdateMultiEnd(self, request_id: int) -> None:  # noqa: N802 - ib_async's name
        """End the account values."""
        self.requests.finish(request_id)

    # ---- instruments and time (messages 10, 49, 52, 93)

    def contractDetails(self, request_id: int, details: ContractDetails) -> None:  # noqa: N802
        """Keep a matching contract."""
        self.requests.add(request_id, details)

    def contractDetailsEnd(self, request_id: int) -> None:  # noqa: N802 - ib_async's name
        """End the matching contracts."""
        self.requests.finish(request_id)

    def marketRule(self, rule_id: int, steps: list[PriceIncrement]) -> None:  # noqa: N802
        """Answer a question for a price rule."""
        for step in steps:
            self.requests.add(rule_key(rule_id), step)
        self.requests.finish(rule_key(rule_id))

    def currentTime(self, epoch_s: int) -> None:  # noqa: N802 - ib_async's name
        """Answer a heartbeat."""
        self.beats.answered(datetime.fromtimestamp(epoch_s, UTC), self._now_s)

    # ---- bars of the past (message 17)

    def history_text(self, request_id: int, fields: Fields) -> None:
        """Answer a question for history; one that cannot be read is that question's trouble."""
        try:
            rows = rows_in(fields)
        except translate.Unreadable as error:
            refused = HistoryRefused(HistoryTrouble.UNAVAILABLE, str(error))
            self.requests.fail(request_id, refused)
            return
        for row in rows:
            self.requests.add(request_id, row)
        self.requests.finish(request_id)

    # ---- quotes (messages 1, 2, 45, 46, 58)

    def price_text(self, request_id: int, tick_type: int, price: str, size: str) -> None:
        """Pass a price on."""
        self._outbox.extend(self.quotes.price(request_id, tick_type, (price, size), self._now_s))

    def size_text(self, request_id: int, tick_type: int, size: str) -> None:
        """Pass a size on."""
        self._say_tick(self.quotes.size(request_id, tick_type, size, self._now_s))

    def tickGeneric(self, request_id: int, tick_type: int, value: float) -> None:  # noqa: N802
        """Pass a trading halt on."""
        self._say_tick(self.quotes.generic(request_id, tick_type, value, self._now_s))

    def last_time_text(self, request_id: int, text: str) -> None:
        """Pass the time of the last trade on."""
        self._say_tick(self.quotes.last_time(request_id, text, self._now_s))

    def marketDataType(self, request_id: int, kind: int) -> None:  # noqa: N802 - ib_async's name
        """Pass on whether ticks are live."""
        self._say_tick(self.quotes.data_type(request_id, kind, self._now_s))

    def _say_tick(self, tick: BrokerMessage | None) -> None:
        if tick is not None:
            self._outbox.append(tick)
