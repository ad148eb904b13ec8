"""Doubles of the ports, a loop in virtual time, and an engine built on them.

The loop's time jumps to the next timer when nothing is ready to run, so a test of ten minutes
takes a millisecond and always the same way. A loop in which nothing can ever happen again is an
error, not a wait: a lost wake-up fails its test at once.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.unit.core.policies import a_policy
from trader.core import events as ev
from trader.core.account import AccountReading, Holding, MarginPreview
from trader.core.bars import Bar
from trader.core.book import Book
from trader.core.calendar import ContractHours
from trader.core.checkpoint import BookState
from trader.core.executions import Commission, Execution
from trader.core.halts import HaltCause, Mode
from trader.core.history_pacing import HistoryTrouble
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    ExecId,
    IntentId,
    Lineage,
    OrderId,
    OrderRef,
    PermId,
    RunId,
    Seq,
    StrategyName,
    TicketId,
    intent_id,
)
from trader.core.instruments import Instrument, InstrumentSpec, PriceBand
from trader.core.intents import Intent, OrderType, Side, TimeInForce
from trader.core.market import Quote
from trader.core.orders import Order, OrderState
from trader.core.policy import Policy
from trader.core.risk import ApprovedChange, ApprovedOrder
from trader.core.snapshots import (
    BrokerSnapshot,
    CompletedOrderRow,
    ExecutionList,
    OpenOrderRow,
    PositionRow,
)
from trader.engine.acts.desk import Desk
from trader.engine.acts.drain import Drain, DrainSettings
from trader.engine.acts.liquidation import LiquidationSettings
from trader.engine.guard import Guard, GuardLimits
from trader.engine.hub import MarketHub
from trader.engine.ledger import Ledger
from trader.engine.link import LinkSettings, LinkWatch
from trader.engine.orders.gateway import GatewaySettings, OrderGateway
from trader.engine.pacer import LanePacer
from trader.engine.services import Services
from trader.engine.sessions import Sessions, SessionSettings
from trader.engine.supervisor import Supervisor
from trader.engine.truth.inbox import Inbox
from trader.engine.truth.reconciler import Reconciler, ReconcileSettings
from trader.engine.truth.settler import Settler
from trader.engine.valuer import Valuer
from trader.ibkr.rereading import reread
from trader.ibkr.settings import BrokerSettings
from trader.ports import (
    BrokerMessage,
    ChainHead,
    HaltReading,
    HistoryRefused,
    JournalFailed,
    LinkDown,
    LinkFacts,
    LinkWord,
    Reread,
    ServerTime,
    WorldError,
)

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
START_S = 1_000.0
ACCOUNT = AccountId("DU1")
CLIENT = ClientId(7)
LINEAGE = Lineage("abc123")
STRATEGY = StrategyName("alpha")
CON = ConId(101)
OTHER_CON = ConId(102)
BUY, SELL = Side.BUY, Side.SELL
DAY = timedelta(hours=24)
UTC_DAYS = SessionSettings(UTC)


# ---- time


class _VirtualSelector(selectors.DefaultSelector):
    """Never waits: where a real one would, the loop's time moves on."""

    now_s = START_S

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise RuntimeError("everybody waits and nothing is left that could happen")
        self.now_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only while everybody waits."""

    def __init__(self) -> None:
        self._virtual = _VirtualSelector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_s

    def jump(self, seconds: float) -> None:
        """Let time pass without a turn of the loop, as a blocking call would."""
        self._virtual.now_s += seconds


class LoopClock:
    """The clock port over the virtual loop."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def utc(self) -> datetime:
        return T0 + timedelta(seconds=self.monotonic() - START_S)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def turns(count: int = 10) -> None:
    """Let everything that is ready run, without any time passing."""
    for _ in range(count):
        await asyncio.sleep(0)


# ---- ports


class MemoryJournal:
    """A journal whose durability is in the test's hands."""

    def __init__(self) -> None:
        self.rows: list[ev.Recorded] = []
        self.durable_seq = Seq(0)
        self.failure: str | None = None
        self.fails_at_append = ""
        self.turns = 1
        self.checkpoints: list[BookState] = []
        self._released = asyncio.Event()
        self._released.set()

    def append(self, recorded: ev.Recorded) -> None:
        if self.fails_at_append:
            self.fail(self.fails_at_append)
        self._raise_failure()
        assert recorded.seq == len(self.rows) + 1, "the journal has a gap"
        self.rows.append(recorded)

    @property
    def head(self) -> ChainHead:
        return ChainHead(self.durable_seq, f"digest-{self.durable_seq}")

    async def durable(self, seq: Seq) -> None:
        assert seq <= len(self.rows), f"seq {seq} was never appended"
        await turns(self.turns)
        while seq > self.durable_seq:
            await self._released.wait()
            self._raise_failure()
            if self._released.is_set():
                self.durable_seq = Seq(len(self.rows))

    async def save_checkpoint(self, state: BookState) -> None:
        await self.durable(state.seq)
        self.checkpoints.append(state)

    def hold(self) -> None:
        """Make nothing durable until released."""
        self._released.clear()

    def release(self) -> None:
        self._released.set()

    def fail(self, reason: str) -> None:
        self.failure = reason
        self._released.set()

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise JournalFailed(self.failure)

    def events(self, kind: type[Any]) -> list[Any]:
        return [row.event for row in self.rows if isinstance(row.event, kind)]

    def kinds(self) -> list[str]:
        return [type(row.event).__name__ for row in self.rows]


@dataclass(frozen=True)
class Placed:
    """One order that reached the broker, and what was durable at that moment."""

    order: ApprovedOrder
    durable_seq: Seq
    durable_events: tuple[ev.Event, ...]

    @property
    def was_promised(self) -> bool:
        return any(
            isinstance(event, ev.OrderPlanned) and event.order_id == self.order.order_id
            for event in self.durable_events
        )


async def no_preview() -> MarginPreview | Exception:
    return WorldError("error 201: Order rejected")


async def no_history(instrument: Instrument, size_s: int, count: int) -> Sequence[Bar]:
    raise HistoryRefused(HistoryTrouble.NO_DATA, "HMDS query returned no data")


class ScriptedBroker:
    """A broker that does what it was told, and remembers what it was asked."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal
        self.client_id = CLIENT
        self.is_connected = True
        self.next_id = 1
        self.placed: list[Placed] = []
        # Each change with what was durable when it left.
        self.changed: list[tuple[ApprovedChange, tuple[ev.Event, ...]]] = []
        self.cancelled: list[OrderId] = []
        # Who asked what an order would leave behind, and what is answered.
        self.previewed: list[Intent] = []
        self.on_preview: Callable[[], Awaitable[MarginPreview | Exception]] = no_preview
        self.place_error: Exception | None = None
        self.cancel_error: Exception | None = None
        self.on_place: Callable[[ApprovedOrder], None] = lambda order: None
        self.on_change: Callable[[ApprovedChange], None] = lambda change: None
        self.on_cancel: Callable[[OrderId], None] = lambda order_id: None
        # A snapshot, an error, or a function that makes one of them.
        self.word: Any = a_snapshot()
        # The same of a list of executions asked for alone; None where it is the snapshot's.
        self.list_word: Any = None
        self.snapshot_s = 0.01
        self.snapshot_count = 0
        self.list_count = 0
        self.snapshots_at_once = 0
        self.snapshots_at_once_max = 0
        self.on_snapshot: Callable[[], None] = lambda: None
        # What connecting gives, attempt by attempt; the last one stays.
        self.connects: list[LinkFacts | Exception] = [a_link()]
        self.connect_s = 0.01
        self.connect_count = 0
        self.connects_at_once = 0
        self.connects_at_once_max = 0
        self.disconnect_count = 0
        self.order_id_highs: list[OrderId] = []
        self.is_mute = False
        # How long an answer takes, and when anything was last heard.
        self.heartbeat_s = 0.01
        self.heard_s: float | None = None
        self.heartbeat_count = 0
        self.resolve_errors: dict[str, Exception] = {}
        self.subscribe_error: Exception | None = None
        self.on_cancel_everything: Callable[[], None] = lambda: None
        self.beyond: dict[ConId, Instrument] = {}
        self.subscribed: list[ConId] = []
        self.hours: ContractHours | None = None
        # Monotonic seconds of each time somebody asked for the account's values.
        self.account_asked_s: list[float] = []
        self.account_error: Exception | None = None
        self.tell_account: Callable[[], None] = lambda: None
        # Who asked for how many bars of what size, and what is answered.
        self.history_asked: list[tuple[ConId, int, int]] = []
        self.on_history: Callable[[Instrument, int, int], Awaitable[Sequence[Bar]]] = no_history

    async def connect(self, order_id_high: OrderId) -> LinkFacts:
        self.connect_count += 1
        self.order_id_highs.append(order_id_high)
        self.connects_at_once += 1
        self.connects_at_once_max = max(self.connects_at_once, self.connects_at_once_max)
        try:
            await asyncio.sleep(self.connect_s)
        finally:
            self.connects_at_once -= 1
        told = self.connects.pop(0) if len(self.connects) > 1 else self.connects[0]
        if isinstance(told, Exception):
            raise told
        self.is_connected = True
        return told

    def cancel_everything(self) -> None:
        self.on_cancel_everything()

    async def resolve_id(self, con_id: ConId) -> Instrument:
        if con_id not in self.beyond:
            raise WorldError(f"contract {con_id}: the broker does not know it")
        return self.beyond[con_id]

    def disconnect(self) -> None:
        self.disconnect_count += 1
        self.is_connected = False

    def allocate_order_id(self) -> OrderId:
        self.next_id += 1
        return OrderId(self.next_id)

    def place(self, order: ApprovedOrder) -> None:
        if self.place_error is not None:
            raise self.place_error
        durable = self._journal.durable_seq
        events = tuple(row.event for row in self._journal.rows[:durable])
        self.placed.append(Placed(order, durable, events))
        self.on_place(order)

    def place_bracket(self, orders: tuple[ApprovedOrder, ...]) -> None:
        for order in orders:
            self.place(order)

    def modify(self, change: ApprovedChange) -> None:
        if self.place_error is not None:
            raise self.place_error
        events = tuple(row.event for row in self._journal.rows[: self._journal.durable_seq])
        self.changed.append((change, events))
        self.on_change(change)

    async def preview(self, intent: Intent, instrument: Instrument) -> MarginPreview:
        self.previewed.append(intent)
        found = await self.on_preview()
        if isinstance(found, Exception):
            raise found
        return found

    def cancel(self, order_id: OrderId) -> None:
        if self.cancel_error is not None:
            raise self.cancel_error
        self.cancelled.append(order_id)
        self.on_cancel(order_id)

    async def snapshot(self) -> BrokerSnapshot:
        self.snapshot_count += 1
        self.snapshots_at_once += 1
        self.snapshots_at_once_max = max(self.snapshots_at_once, self.snapshots_at_once_max)
        self.on_snapshot()
        try:
            await asyncio.sleep(self.snapshot_s)
        finally:
            self.snapshots_at_once -= 1
        word = self.word() if callable(self.word) else self.word
        if isinstance(word, Exception):
            raise word
        assert isinstance(word, BrokerSnapshot)
        return word

    async def executions(self) -> ExecutionList:
        self.list_count += 1
        await asyncio.sleep(self.snapshot_s)
        told = self.word if self.list_word is None else self.list_word
        word = told() if callable(told) else told
        if isinstance(word, Exception):
            raise word
        return ExecutionList(word.account, word.window_utc, word.executions)

    async def heartbeat(self) -> ServerTime:
        self.heartbeat_count += 1
        await asyncio.sleep(self.heartbeat_s)
        if self.is_mute or not self.is_connected:
            raise LinkDown("no answer to the heartbeat")
        self.heard_s = LoopClock().monotonic()
        return ServerTime(LoopClock().utc(), 0.01)

    def reread(self, fields: Sequence[str], server_version: int) -> Reread:
        settings = BrokerSettings("h", 1, CLIENT)
        clock = LoopClock()
        return reread(fields, server_version, settings=settings, clock=clock, account=ACCOUNT)

    async def resolve(self, spec: InstrumentSpec) -> Instrument:
        await asyncio.sleep(0)
        if spec.symbol in self.resolve_errors:
            raise self.resolve_errors[spec.symbol]
        return an_instrument(con_id=CONS[spec.symbol], symbol=spec.symbol, hours=self.hours)

    async def subscribe(self, instrument: Instrument) -> None:
        await asyncio.sleep(0)
        if self.subscribe_error is not None:
            raise self.subscribe_error
        self.subscribed.append(instrument.con_id)

    async def history(self, instrument: Instrument, size_s: int, count: int) -> Sequence[Bar]:
        self.history_asked.append((instrument.con_id, size_s, count))
        return await self.on_history(instrument, size_s, count)

    async def subscribe_account(self) -> None:
        await asyncio.sleep(0)
        self.account_asked_s.append(LoopClock().monotonic())
        if self.account_error is not None:
            raise self.account_error
        self.tell_account()


class Switch:
    """The kill switch: a reading that the test sets, and how often it was looked at."""

    def __init__(self) -> None:
        self.active = ""
        self.looks = 0
        self.is_missing = False

    def reading(self) -> HaltReading:
        self.looks += 1
        if self.is_missing:
            return HaltReading(True, "the halt file is missing", is_missing=True)
        return HaltReading(bool(self.active), self.active or "released")


class SwitchControl:
    """The desk's hand on the switch."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self.error: WorldError | None = None

    def engage(self, reason: str, by: str) -> None:
        if self.error is not None:
            raise self.error
        self._switch.active, self._switch.is_missing = f"{reason} ({by})", False

    def release(self, reason: str, by: str, seen: str) -> None:
        if self.error is not None:
            raise self.error
        assert seen == self._switch.active, "a release of another halt"
        self._switch.active = ""


@dataclass
class Pages:
    """A pager that keeps what it was told."""

    sent: list[tuple[str, str, str]] = field(default_factory=list)

    def page(self, severity: str, title: str, text: str) -> None:
        self.sent.append((severity, title, text))

    def titles(self) -> list[str]:
        return [title for _, title, _ in self.sent]


# ---- values

CONS = {"AAA": CON, "BBB": OTHER_CON}
POLICY = a_policy(
    order__notional_max=Decimal(1_000_000),
    position__notional_max=Decimal(2_000_000),
    price__quote_age_s_max=1_000.0,
    rate__orders_max=100,
    rate__orders_per_strategy_max=100,
    rate__orders_per_instrument_max=100,
    rate__daily_trades_max=1_000,
    rate__repeats_max=100,
    rate__executions_max=1_000,
    # Tests let a market exit stand for a protective order; it rests, and entries pass it.
    position__is_wash_prevented=False,
)


def an_instrument(**changes: Any) -> Instrument:
    instrument = Instrument(
        con_id=CON,
        symbol="AAA",
        sec_type="STK",
        exchange="SMART",
        currency="USD",
        multiplier=Decimal(1),
        bands=(PriceBand(Decimal(0), Decimal("0.01")),),
        size_increment=Decimal(1),
        price_magnifier=1,
    )
    return replace(instrument, **changes)


def an_intent(number: int = 1, **changes: Any) -> Intent:
    intent = Intent(
        intent_id=intent_id(LINEAGE, STRATEGY, number),
        strategy=STRATEGY,
        con_id=CON,
        side=BUY,
        quantity=Decimal(10),
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        limit_price=Decimal(100),
    )
    return replace(intent, **changes)


def an_exit(number: int = 1, quantity: int = 10, **changes: Any) -> Intent:
    return an_intent(
        number,
        side=SELL,
        quantity=Decimal(quantity),
        order_type=OrderType.MARKET,
        limit_price=None,
        is_reduce_only=True,
        **changes,
    )


def a_link(*accounts: str) -> LinkFacts:
    return LinkFacts(tuple(AccountId(name) for name in accounts or (ACCOUNT,)), 178, OrderId(1))


def a_reading(as_of_s: float, **changes: Any) -> AccountReading:
    """Return what an account says that lacks nothing."""
    much = Decimal(10**9)
    reading = AccountReading(
        net_liquidation=much,
        available_funds=much,
        buying_power=much,
        initial_margin=Decimal(0),
        maintenance_margin=Decimal(0),
        settled_cash={"USD": much},
        unsettled_cash={"USD": Decimal(0)},
        account_type=None,
        as_of_s=as_of_s,
    )
    return replace(reading, **changes)


def a_holding(quantity: int, price: int, at_s: float, **changes: Any) -> Holding:
    """Return what the broker says that shares of CON are worth."""
    size = Decimal(quantity)
    row = Holding(CON, "AAA", "STK", "USD", size, size * price, since_s=at_s, at_s=at_s)
    return replace(row, **changes)


def a_snapshot(**changes: Any) -> BrokerSnapshot:
    snapshot = BrokerSnapshot(
        account=ACCOUNT,
        started_utc=T0,
        finished_utc=T0,
        window_utc=T0 - DAY,
        open_orders=(),
        completed_orders=(),
        executions=(),
        commissions=(),
        positions=(),
        cash={"USD": Decimal(100_000)},
        net_liquidation=None,
    )
    return replace(snapshot, **changes)


def a_position(quantity: int, con_id: ConId = CON, symbol: str = "AAA") -> PositionRow:
    return PositionRow(ACCOUNT, con_id, symbol, Decimal(quantity), Decimal(100))


def an_open_row(order: Order, **changes: Any) -> OpenOrderRow:
    terms = order.terms
    row = OpenOrderRow(
        order_id=order.order_id,
        client_id=order.client_id,
        perm_id=order.perm_id or PermId(9_000 + order.order_id),
        order_ref=order.order_ref,
        account=terms.account,
        con_id=terms.con_id,
        symbol=terms.symbol,
        side=terms.side,
        quantity=terms.quantity,
        order_type=terms.order_type,
        limit_price=terms.limit_price,
        status="Submitted",
        stop_price=terms.stop_price,
        time_in_force=terms.told_time_in_force,
    )
    return replace(row, **changes)


def a_completed_row(order: Order, status: str = "Cancelled") -> CompletedOrderRow:
    return CompletedOrderRow(
        perm_id=order.perm_id or PermId(9_000 + order.order_id),
        order_ref=order.order_ref,
        account=ACCOUNT,
        con_id=order.terms.con_id,
        status=status,
        filled=order.filled,
        note="",
    )


def an_execution(order: Order | None = None, **changes: Any) -> Execution:
    execution = Execution(
        exec_id=ExecId("0001.aa.01.01"),
        account=ACCOUNT,
        con_id=CON,
        symbol="AAA",
        side=order.terms.side if order else BUY,
        quantity=order.terms.quantity if order else Decimal(10),
        price=Decimal(100),
        order_id=order.order_id if order else OrderId(0),
        client_id=order.client_id if order else ClientId(0),
        perm_id=PermId(9_000 + order.order_id) if order else PermId(1),
        order_ref=order.order_ref if order else OrderRef(""),
        time_utc=T0,
    )
    return replace(execution, **changes)


def a_status(order: Order, status: str = "Submitted", **changes: Any) -> ev.OrderStatusSeen:
    seen = ev.OrderStatusSeen(
        order_id=order.order_id,
        client_id=order.client_id,
        perm_id=PermId(9_000 + order.order_id),
        status=status,
        filled=Decimal(0),
        remaining=order.terms.quantity,
        why_held="",
    )
    return replace(seen, **changes)


def an_echo(order: Order, **changes: Any) -> ev.OpenOrderSeen:
    row = an_open_row(order)
    seen = ev.OpenOrderSeen(
        order_id=row.order_id,
        client_id=row.client_id,
        perm_id=row.perm_id,
        order_ref=row.order_ref,
        account=row.account,
        con_id=row.con_id,
        symbol=row.symbol,
        side=row.side,
        quantity=row.quantity,
        order_type=row.order_type,
        limit_price=row.limit_price,
        status=row.status,
        stop_price=row.stop_price,
        time_in_force=row.time_in_force,
    )
    return replace(seen, **changes)


def a_commission(execution: Execution, amount: str = "1.00") -> ev.CommissionSeen:
    return ev.CommissionSeen(Commission(execution.exec_id, Decimal(amount), "USD"))


def a_ticket(con_id: ConId | None = CON) -> ev.TicketOpened:
    return ev.TicketOpened(TicketId("run-position-AAA"), "position", con_id, "10 or 0", RunId("r"))


def baselined(held: int = 0, cash: int = 100_000) -> ev.AccountBaselined:
    rows = (ev.Holding(CON, "AAA", Decimal(held), Decimal(90), Decimal(1)),) if held else ()
    return ev.AccountBaselined(ACCOUNT, rows, (("USD", Decimal(cash)),), (), "test")


# ---- the engine on top


class World:
    """The engine with doubles of every port; armed unless asked otherwise."""

    def __init__(
        self,
        *,
        mode: Mode = Mode.PAPER,
        held: int = 0,
        cash: int = 100_000,
        is_armed: bool = True,
        is_baselined: bool = True,
        policy: Policy = POLICY,
        rate_per_s: float = 1_000.0,
        burst: float = 1_000.0,
        deadline_s: float = 5.0,
        heartbeat_age_s_max: float = 1e6,
        environment_halt: str = "",
        symbols: tuple[str, ...] = ("AAA",),
        sessions: SessionSettings = UTC_DAYS,
    ) -> None:
        self.clock = LoopClock()
        self.journal = MemoryJournal()
        self.broker = ScriptedBroker(self.journal)
        self.switch = Switch()
        self.control = SwitchControl(self.switch)
        self.pager = Pages()
        self.book = Book()
        self.policy = policy
        self.ledger = Ledger(self.book, self.journal, self.clock)
        self.ledger.record(ev.JournalOpened(LINEAGE))
        if is_baselined:
            self.ledger.record(baselined(held, cash))
        self.supervisor = Supervisor(self.clock)
        self.guard = Guard(
            ledger=self.ledger,
            clock=self.clock,
            kill_switch=self.switch,
            pager=self.pager,
            mode=mode,
            limits=GuardLimits(heartbeat_age_s_max, 0.5, environment_halt),
        )
        self.hub = MarketHub(self.clock)
        self.sessions = Sessions(self.hub, self.clock, sessions)
        self.valuer = Valuer(
            self.book,
            self.hub,
            self.clock,
            sessions=self.sessions,
            currency="USD",
            exposure=policy.exposure,
        )
        self.ledger.observe(self.valuer.on_recorded)
        self.pacer = LanePacer(self.clock, rate_per_s, burst)
        self.services = Services(
            clock=self.clock,
            supervisor=self.supervisor,
            ledger=self.ledger,
            guard=self.guard,
            hub=self.hub,
            valuer=self.valuer,
            sessions=self.sessions,
            broker=self.broker,
            pacer=self.pacer,
            pager=self.pager,
        )
        self.gateway = OrderGateway(self.services, settings=GatewaySettings(deadline_s, policy))
        self.latencies: list[tuple[str, float]] = []
        self.gateway.answers.observe = lambda name, ms: self.latencies.append((name, ms))
        self.ledger.observe(self.gateway.on_recorded)
        self.inbox = Inbox(
            ledger=self.ledger,
            guard=self.guard,
            hub=self.hub,
            supervisor=self.supervisor,
            account=ACCOUNT,
        )
        self.reconciler = Reconciler(
            self.services,
            inbox=self.inbox,
            settings=ReconcileSettings(2.0, 2.0, 20.0, Decimal(1), Decimal(100), policy.cash),
        )
        self.settler = Settler(
            self.services, inbox=self.inbox, reconciler=self.reconciler, policy=policy.order
        )
        self.inbox.wake_reconciler = self.reconciler.wake
        self.link = LinkWatch(
            self.services,
            gateway=self.gateway,
            reconciler=self.reconciler,
            chance=random.Random(1),
            settings=a_link_settings(mode, symbols),
        )
        self.inbox.on_link_word = self.link.on_word
        self.inbox.on_account = self.valuer.on_account
        self.broker.tell_account = lambda: self.inbox.put(a_reading(self.clock.monotonic()))
        self.desk = Desk(
            self.services,
            gateway=self.gateway,
            reconciler=self.reconciler,
            halt_control=self.control,
            settings=LiquidationSettings(3.0, 20.0, policy.order.settle_s),
        )
        self.drain = Drain(
            self.services,
            gateway=self.gateway,
            reconciler=self.reconciler,
            settings=DrainSettings(2.0, 3.0, 4.0, 5.0, must_cancel_orders=True),
        )
        self.hub.add(an_instrument())
        self.broker.word = self.mirror
        self.quote()
        if is_armed:
            self.arm()

    def arm(self) -> None:
        """Remove every cause that a fresh engine starts with."""
        for cause in tuple(self.book.halts):
            self.ledger.record(ev.HaltCleared(cause, "test", "test"))
        for level in (
            HaltCause.STARTING,
            HaltCause.LINK,
            HaltCause.UPSTREAM,
            HaltCause.NOT_RECONCILED,
        ):
            self.guard.clear_level(level)
        self.guard.on_compared()
        self.guard.on_heartbeat(ServerTime(self.clock.utc(), 0.01))

    def quote(self, bid: str = "100", ask: str = "100.02", con_id: ConId = CON) -> None:
        self.hub.quotes[con_id] = Quote(
            con_id=con_id,
            bid=Decimal(bid),
            ask=Decimal(ask),
            data_type=1,
            received_s=self.clock.monotonic(),
        )
        self.valuer.refresh()

    def mirror(self, **changes: Any) -> BrokerSnapshot:
        """Return a snapshot that agrees with the book."""
        rows = tuple(
            PositionRow(ACCOUNT, row.con_id, row.symbol, row.quantity, row.average_price)
            for row in self.book.positions.values()
            if row.quantity
        )
        live = tuple(
            an_open_row(order)
            for order in self.book.live_orders.values()
            if order.state in (OrderState.WORKING, OrderState.CANCELLING)
        )
        now = self.clock.utc()
        agreed = a_snapshot(
            started_utc=now,
            finished_utc=now,
            window_utc=now - DAY,
            open_orders=live,
            positions=rows,
            cash=dict(self.book.cash),
        )
        return replace(agreed, **changes)

    def say(self, *messages: BrokerMessage) -> None:
        """Have the broker say something, and the inbox handle it."""
        for message in messages:
            self.inbox.put(message)
        self.inbox.handle_queued()

    def fill(self, order: Order, exec_id: str = "0001.aa.01.01", **changes: Any) -> Execution:
        execution = an_execution(order, exec_id=ExecId(exec_id), **changes)
        self.say(ev.ExecutionSeen(execution))
        return execution

    async def working(self, intent: Intent | None = None) -> Order:
        """Submit an intent and have the broker acknowledge it."""
        outcome = await self.gateway.submit(intent or an_intent())
        assert outcome.order_id is not None, outcome
        self.say(a_status(self.book.orders[outcome.order_id]))
        return self.book.orders[outcome.order_id]

    def order(self, intent: IntentId | None = None) -> Order:
        found = self.book.order_of_intent(intent or an_intent().intent_id)
        assert found is not None, "there is no such order"
        return found

    def state(self, order_id: OrderId) -> OrderState:
        return self.book.orders[order_id].state

    def upstream(self, code: int) -> None:
        self.say(LinkWord("upstream", is_up=code != 1100, code=code, text="upstream"))


def a_link_settings(mode: Mode, symbols: tuple[str, ...]) -> LinkSettings:
    return LinkSettings(
        mode=mode,
        account=ACCOUNT,
        instruments=tuple(InstrumentSpec(symbol) for symbol in symbols),
        heartbeat_interval_s=3.0,
        silence_s_max=30.0,
        backoff_s_min=1.0,
        backoff_s_max=30.0,
        page_after_s=120.0,
        first_connect_deadline_s=3600.0,
        ack_deadline_s=4.0,
    )


@contextmanager
def running(*works: Callable[[], Awaitable[None]]) -> Iterator[list[asyncio.Task[None]]]:
    """Run endless work beside a test; it must still be running at the end."""

    async def run(work: Callable[[], Awaitable[None]]) -> None:
        await work()

    tasks = [asyncio.get_running_loop().create_task(run(work)) for work in works]
    try:
        yield tasks
        for task in tasks:
            if task.done():
                task.result()
                raise AssertionError("the task ended by itself")
    finally:
        for task in tasks:
            task.cancel()
