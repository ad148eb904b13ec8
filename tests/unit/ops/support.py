"""A status, a clock and a desk for tests of what the operator sees."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from trader.core.entries import Tally
from trader.core.halts import Mode, Posture
from trader.core.ticketing import Stated
from trader.engine.operator import Answer
from trader.engine.status import (
    ExecutionStatus,
    FeedLine,
    JournalStatus,
    LinkStatus,
    MoneyStatus,
    OrderStatus,
    PositionStatus,
    QuoteStatus,
    ReconcileStatus,
    ResultStatus,
    Status,
    StrategyStatus,
)
from trader.ops.error_counts import ErrorCounts
from trader.ops.metrics import Sources

NOW = datetime(2025, 3, 14, 14, 30, 5, tzinfo=UTC)
TOKEN = "t" * 43


class FakeClock:
    """Time by hand; sleeping advances it and lets others run."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s

    def utc(self) -> datetime:
        return NOW + timedelta(seconds=self.now_s - 100)

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        await asyncio.sleep(0)


SOURCES = Sources(lambda: 100.0, ErrorCounts(), {"warning": 0, "critical": 0}, ("momentum",))
DONE = Answer(True, "done", ("line one", "line two"))


@dataclass
class FakeDesk:
    """An operator's desk that writes down what it was asked."""

    calls: list[tuple[str, str, str]] = field(default_factory=list)
    outcome: Answer = DONE
    error: Exception | None = None
    wait: asyncio.Event | None = None
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)

    def halt(self, *, reason: str, by: str) -> Answer:
        self.calls.append(("halt", reason, by))
        return self.outcome

    async def _later(self, verb: str, reason: str, by: str) -> Answer:
        if self.wait is not None:
            await self.wait.wait()
        if self.error is not None:
            raise self.error
        self.calls.append((verb, reason, by))
        self.was_asked.set()
        return self.outcome

    async def resume(self, *, reason: str, by: str) -> Answer:
        return await self._later("resume", reason, by)

    async def cancel_orders(
        self, *, by: str, keeps_exits: bool = False, is_everything: bool = False
    ) -> Answer:
        told = "everything" if is_everything else "keeps exits" if keeps_exits else ""
        return await self._later("cancel_orders", told, by)

    async def liquidate(self, *, by: str, is_everything: bool = False) -> Answer:
        return await self._later("liquidate", "everything" if is_everything else "", by)

    async def reconcile(self, *, by: str) -> Answer:
        return await self._later("reconcile", "", by)

    async def baseline(self, *, by: str) -> Answer:
        return await self._later("baseline", "", by)

    async def reset(self, *, breaker: str, reason: str, by: str) -> Answer:
        return await self._later(f"reset {breaker}", reason, by)

    async def review(self, *, action: str, verdict: str, reason: str, by: str) -> Answer:
        return await self._later(f"review {action} {verdict}", reason, by)

    async def override(self, *, breaker: str, minutes: int, reason: str, by: str) -> Answer:
        return await self._later(f"override {breaker} {minutes}", reason, by)

    @property
    def tickets(self) -> "FakeDesk":
        return self

    @property
    def letters(self) -> "FakeDesk":
        return self

    async def retry(self, *, letter: str, reason: str, by: str) -> Answer:
        return await self._later(f"retry {letter}", reason, by)

    async def dismiss(self, *, letter: str, reason: str, by: str) -> Answer:
        return await self._later(f"dismiss {letter}", reason, by)

    async def adopt(self, *, ticket: str, reason: str, by: str) -> Answer:
        return await self._later(f"adopt {ticket}", reason, by)

    async def book(self, *, ticket: str, stated: Stated, reason: str, by: str) -> Answer:
        return await self._later(f"book {ticket} {stated.words}", reason, by)

    async def ignore(self, *, ticket: str, until: str, reason: str, by: str) -> Answer:
        return await self._later(f"ignore {ticket} {until}", reason, by)

    async def flatten(self, *, ticket: str, reason: str, by: str) -> Answer:
        return await self._later(f"flatten {ticket}", reason, by)


LINK = LinkStatus(
    is_connected=True,
    account="DU1234567",
    client_id=7,
    server_version=187,
    is_upstream_up=True,
    farms=(("usfarm", True), ("ushmds", False)),
    heartbeat_age_s=1.25,
    round_trip_s=0.031,
    clock_skew_s=-0.2,
    is_read_only=False,
    connect_count=2,
    problem="",
)
MONEY = MoneyStatus(
    currency="USD",
    cash=Decimal("95000.50"),
    equity=Decimal("100250.75"),
    realized=Decimal("120.25"),
    unrealized=Decimal("140.00"),
    commission_paid=Decimal("9.50"),
    commission_pending=Decimal("1.00"),
    pnl=Decimal("249.75"),
)
ORDER = OrderStatus(
    order_id=1001,
    intent_id="abc123-momentum-4",
    strategy="momentum",
    symbol="AAPL",
    side="BUY",
    quantity=Decimal(100),
    filled=Decimal(40),
    order_type="LMT",
    limit_price=Decimal("187.25"),
    stop_price=None,
    average_price=Decimal("187.20"),
    state="WORKING",
    broker_status="Submitted",
    perm_id=812345,
    note="",
    planned_utc=NOW,
)
RESULT = ResultStatus(
    verdict="agrees",
    problem="",
    told_daily=Decimal("12.5"),
    told_unrealized=None,
    told_realized=None,
    told_age_s=1.0,
    is_told_usable=True,
    own_daily=Decimal("10.25"),
    difference=Decimal("-0.5"),
    allowed=Decimal(25),
    since_utc=NOW,
    finding="",
)
READY = Status(
    version="0.1.0",
    mode=Mode.PAPER,
    posture=Posture.ARMED,
    is_ready=True,
    causes=(),
    started_utc=NOW - timedelta(hours=2),
    now_utc=NOW,
    uptime_s=7200.0,
    loop_lag_s=0.002,
    link=LINK,
    money=MONEY,
    positions=(
        PositionStatus(
            symbol="AAPL",
            con_id=265598,
            quantity=Decimal(40),
            average_price=Decimal("187.20"),
            mark=Decimal("190.70"),
            unrealized=Decimal("140.00"),
            realized=Decimal("120.25"),
        ),
    ),
    orders=(ORDER, replace(ORDER, order_id=1000, state="FILLED", filled=Decimal(100))),
    executions=(
        ExecutionStatus(
            exec_id="0000e0d5.67fe667b.01.01",
            order_id=1001,
            time_utc=NOW,
            symbol="AAPL",
            side="BUY",
            quantity=Decimal(40),
            price=Decimal("187.20"),
            commission=None,
        ),
    ),
    quotes=(QuoteStatus("AAPL", Decimal("190.69"), Decimal("190.71"), 0.4, ""),),
    equity_curve=((1741955405.0, 100.0), (1741955406.0, 120.0), (1741955407.0, 90.0)),
    drawdown=Decimal("0.25"),
    sharpe_30d=1.5,
    reconcile=ReconcileStatus(
        run_id="r-17",
        at_utc=NOW,
        age_s=12.0,
        trigger="timer",
        problem="",
        drift_count=1,
        repair_count=1,
        ticket_count=0,
        duration_s=0.21,
    ),
    tickets=(),
    foreign_order_count=1,
    strategies=(StrategyStatus("momentum", True, "", 4, NOW),),
    tally=Tally(intents=4, refusals=1, orders_sent=3, executions=2, drifts=5, repairs=4),
    journal=JournalStatus(seq=42, durable_seq=41, failure=""),
    task_ages_s=(("inbox", 0.1), ("reconcile-orders", 3.0)),
    feed=(FeedLine(42, NOW, "ExecutionSeen", "bought 40 AAPL at 187.20"),),
)


def status(**changes: Any) -> Status:
    """Return a ready daemon's status with some fields changed."""
    return replace(READY, **changes)
