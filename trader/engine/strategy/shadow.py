"""A compartment in which strategies trade as if: all of the engine, a book of its own, no broker.

Gateway, review, order machine, book and context are those that trade live; the broker is
:class:`~trader.engine.strategy.local_broker.LocalBroker`, the journal keeps nothing, and the
account begins with cash alone. Nothing of it reaches the real book: it has another one. Its intents
carry the compartment's lineage for good, and every real gateway and socket refuses those (EVT-20).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

import structlog

from trader.core.account import AccountReading
from trader.core.amounts import ZERO
from trader.core.book import Book
from trader.core.events import (
    AccountBaselined,
    DaemonStarted,
    HaltCleared,
    JournalOpened,
    OrderSettled,
)
from trader.core.halts import HaltCause, Mode, Restraint
from trader.core.ids import UNREAL, AccountId, Lineage
from trader.core.policy import Policy, WhatIf
from trader.core.settling import Proof, why_unsettled
from trader.engine.guard import Guard, GuardLimits
from trader.engine.hub import MarketHub
from trader.engine.ledger import Ledger
from trader.engine.orders.bracket_watch import BracketWatch
from trader.engine.orders.gateway import GatewaySettings, OrderGateway
from trader.engine.pacer import LanePacer
from trader.engine.risk.equity import Equity
from trader.engine.services import Services
from trader.engine.sessions import Sessions
from trader.engine.strategy.local_broker import LocalBroker, LocalTerms
from trader.engine.strategy.memory_journal import MemoryJournal
from trader.engine.supervisor import Ended, Supervisor
from trader.engine.truth.inbox import Inbox
from trader.engine.valuer import Valuer
from trader.ports import BrokerMessage, Clock, HaltReading, Pager, ServerTime

log = structlog.get_logger(__name__)

_LOOK_S = 1.0
_FOREVER_S = float("inf")
_NO_HALT = HaltReading(is_active=False, reason="")
# Levels that a daemon lowers once it has a broker: here there is none to wait for.
_OF_A_BROKER = (
    HaltCause.STARTING,
    HaltCause.LINK,
    HaltCause.UPSTREAM,
    HaltCause.NOT_RECONCILED,
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the compartment shares with the daemon around it, or with the replay."""

    clock: Clock
    supervisor: Supervisor
    hub: MarketHub
    sessions: Sessions
    pager: Pager


@dataclass(frozen=True, slots=True)
class ShadowTerms:
    """How it trades; fixed when it is made."""

    lineage: Lineage
    policy: Policy
    currency: str
    cash: Decimal
    latency_s: float
    intent_deadline_s: float
    messages_per_s: float
    messages_burst: float

    def __post_init__(self) -> None:
        """Refuse a lineage that a real journal could have."""
        assert self.lineage in UNREAL, f"lineage {self.lineage!r} is a real one"


class Shadow:
    """Built once; the lineage that it was made with is its tag for as long as it lives."""

    def __init__(self, around: Surroundings, terms: ShadowTerms, version: str) -> None:
        self._terms = terms
        self._clock = clock = around.clock
        self._supervisor = around.supervisor
        # Only the broker knows its margin, and nobody here asks one.
        exposure = replace(terms.policy.exposure, what_if=WhatIf.NEVER)
        policy = self._policy = replace(terms.policy, exposure=exposure)
        self.account = AccountId(terms.lineage.upper())
        self.ledger = ledger = Ledger(Book(), MemoryJournal(), clock)
        pager = _ShadowPager(around.pager, terms.lineage)
        self.guard = Guard(
            ledger=ledger,
            clock=clock,
            kill_switch=_NoKillSwitch(),
            pager=pager,
            mode=Mode.SHADOW,
            limits=GuardLimits(_FOREVER_S, _FOREVER_S, is_local=True),
        )
        valuer = Valuer(
            ledger.book,
            around.hub,
            clock,
            sessions=around.sessions,
            currency=terms.currency,
            exposure=policy.exposure,
        )
        self._inbox = Inbox(
            ledger=ledger,
            guard=self.guard,
            hub=around.hub,
            supervisor=around.supervisor,
            account=self.account,
        )
        self.broker = LocalBroker(
            clock,
            around.hub,
            around.sessions,
            LocalTerms(terms.latency_s, policy.price.quote_age_s_max, policy.cash),
            self._take,
        )
        self.services = Services(
            clock=clock,
            supervisor=around.supervisor,
            ledger=ledger,
            guard=self.guard,
            hub=around.hub,
            valuer=valuer,
            sessions=around.sessions,
            broker=self.broker,
            pacer=LanePacer(clock, terms.messages_per_s, terms.messages_burst),
            pager=pager,
        )
        self.gateway = OrderGateway(
            self.services,
            settings=GatewaySettings(terms.intent_deadline_s, policy, tag=terms.lineage),
        )
        self._equity = Equity(self.services, policy)
        self._brackets = BracketWatch(self.services)
        self._brackets.cancel = self.gateway.cancel
        ledger.observe(valuer.on_recorded)
        ledger.observe(self.gateway.on_recorded)
        ledger.observe(self._brackets.on_recorded)
        self.problem = ""
        self._open(version)

    def _open(self, version: str) -> None:
        terms = self._terms
        self.ledger.record(JournalOpened(terms.lineage))
        self.ledger.record(DaemonStarted(version, Mode.SHADOW, self.account))
        cash = ((terms.currency, terms.cash),)
        self.ledger.record(AccountBaselined(self.account, (), cash, (), str(terms.lineage)))
        # What a new journal halts for is for a person to look at: here is nothing to look at.
        for cause in tuple(self.ledger.book.halts):
            self.ledger.record(HaltCleared(cause, "no real order can leave", str(terms.lineage)))
        self.guard.on_heartbeat(ServerTime(self._clock.utc(), 0.0))
        for cause in _OF_A_BROKER:
            self.guard.clear_level(cause)
        self.guard.on_compared()

    @property
    def task_names(self) -> tuple[str, str]:
        """Return the names of its tasks."""
        return f"{self._terms.lineage}-market", f"{self._terms.lineage}-watch"

    def start(self) -> None:
        """Start its tasks; one that fails stops the compartment alone."""
        market, watch = self.task_names
        beat = self._supervisor.beat
        self._supervisor.start(market, lambda: self.broker.run(lambda: beat(market)), self._on_end)
        look = self.look
        self._supervisor.start(
            watch, lambda: self._supervisor.every(watch, _LOOK_S, look), self._on_end
        )

    def follow(self, causes: Callable[[], Restraint], is_up: Callable[[], bool]) -> None:
        """Halt as what is around it halts, and trade only while its link is up."""
        self.guard.restraint = causes
        self.broker.is_up = is_up

    def look(self) -> None:
        """Do what a living daemon does in its rounds: value, settle, send what waited."""
        valuer = self.services.valuer
        valuer.refresh()
        self._equity.look()
        reading = self._reading()
        if reading is not None:
            valuer.on_account(reading)
        self._settle()
        self._brackets.look()
        if self.broker.is_connected:
            self.gateway.send_cancels()

    # ---- inside

    def _take(self, message: BrokerMessage) -> None:
        self._inbox.put(message)
        self._inbox.handle_queued()

    def _settle(self) -> None:
        """Free what is left of orders that are over: as late as live, and nothing comes after."""
        book, settle_s = self.ledger.book, self._policy.order.settle_s
        now_utc = self._clock.utc()
        for order in tuple(book.settling.values()):
            since = order.changed_utc or now_utc
            proof = Proof((now_utc - since).total_seconds(), since, is_position_agreed=True)
            if not why_unsettled(order, proof, settle_s):
                text = f"nothing of it is left on the local market: {order.filled}"
                self.ledger.record(OrderSettled(order.order_id, order.filled, text))

    def _reading(self) -> AccountReading | None:
        """Return the account as a broker would tell it, every holding at its full margin."""
        valuation = self.services.valuer.current()
        if valuation is None or valuation.missing:
            return None
        exposure = self._policy.exposure
        margin = ZERO
        for sec_type, gross in valuation.gross_by_class.items():
            kind = exposure.class_of(sec_type)
            margin += gross * (Decimal(1) if kind is None else kind.initial_margin_fraction)
        cash = dict(valuation.cash)
        funds = max(valuation.nav - margin, ZERO)
        return AccountReading(
            net_liquidation=valuation.nav,
            available_funds=funds,
            buying_power=2 * funds,
            initial_margin=margin,
            maintenance_margin=margin,
            settled_cash=cash,
            account_type=None,
            as_of_s=self._clock.monotonic(),
            currency=self._terms.currency,
            rates=valuation.rates,
            samples=2,
            unsettled_cash=dict.fromkeys(cash, ZERO),
        )

    def _on_end(self, ended: Ended) -> None:
        self.problem = ended.problem
        self.guard.set_level(HaltCause.STALLED, f"{ended.name}: {ended.problem}")
        text = f"{ended.name}: {ended.problem}; nothing else is touched by it"
        self.services.pager.page("warning", "it trades no more", text)


class _NoKillSwitch:
    """What is around the compartment halts it; see :meth:`Shadow.follow`."""

    def reading(self) -> HaltReading:
        return _NO_HALT


class _ShadowPager:
    """Says in every page that nothing real is meant, and wakes nobody at night."""

    def __init__(self, pager: Pager, lineage: Lineage) -> None:
        self._pager = pager
        self._lineage = lineage

    def page(self, severity: str, title: str, text: str) -> None:
        self._pager.page("warning", f"{self._lineage}: {title}", text)
