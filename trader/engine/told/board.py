"""Builds the one read-only view of the daemon from its parts."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice

from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.account import AccountReading
from trader.core.account_events import AccountTold
from trader.core.amounts import ZERO
from trader.core.baselines import drawdown
from trader.core.halts import HaltCause, Posture, posture
from trader.core.ids import ConId, StrategyName
from trader.core.market import quote_fault
from trader.core.policy import Policy
from trader.core.reserves import pending_commission
from trader.core.statistics import annual_sharpe
from trader.core.strategy_events import StrategyCheckpointed
from trader.core.valuation import Valuation
from trader.core.words import words
from trader.engine import status as st
from trader.engine.bar_status import BarRow
from trader.engine.data_status import DataStatus
from trader.engine.emergency_rows import EmergencyStatus, with_fills
from trader.engine.exposure_status import BlindStatus, ExposureStatus
from trader.engine.host import HostStatus
from trader.engine.link import LinkWatch
from trader.engine.orders.order_rows import order_row
from trader.engine.output_status import OutputStatus
from trader.engine.quarantine_status import quarantine_status
from trader.engine.recording_status import RecordingStatus
from trader.engine.report_rows import ReportRow
from trader.engine.risk.inputs import missing_inputs
from trader.engine.services import Services
from trader.engine.shadow_status import ShadowStatus
from trader.engine.strategy.runner import StrategyRunner
from trader.engine.told.usage_rows import usage_row
from trader.ports import Journal

_ROWS_MAX = 50
_CURVE_MAX = 900
_SHARPE_DAYS = 30
# Too frequent to be read by a person; each is in the journal.
_NOT_IN_FEED = (
    AccountTold,
    be.EquityMarked,
    be.StrategyMarked,
    ev.CommissionSeen,
    StrategyCheckpointed,
    ev.OrderStatusSeen,
    ev.OpenOrderSeen,
)


@dataclass(frozen=True, slots=True)
class About:
    """What does not change while the process lives."""

    version: str
    currency: str


class Board:
    """Keeps the few things that no other part keeps: the feed and the equity curve."""

    def __init__(
        self,
        services: Services,
        *,
        journal: Journal,
        link: LinkWatch,
        runners: tuple[StrategyRunner, ...],
        policy: Policy,
        about: About,
    ) -> None:
        self._services = services
        self._book = services.ledger.book
        self._journal = journal
        self._guard = services.guard
        self._hub = services.hub
        self._valuer = services.valuer
        self._link = link
        self._broker = services.broker
        self.runners = runners
        self._supervisor = services.supervisor
        self._clock = services.clock
        self._policy = policy
        self._about = about
        self._started_utc = services.clock.utc()
        self._started_s = services.clock.monotonic()
        self._feed: deque[ev.Recorded] = deque(maxlen=_ROWS_MAX)
        self._curve: deque[tuple[float, float]] = deque(maxlen=_CURVE_MAX)
        self._checkpoint_utc: dict[str, datetime] = {}
        # Of the breakers, once they are there.
        self.breakers: Callable[[], tuple[st.BreakerStatus, ...]] = tuple
        self.allocation: Callable[[], Decimal] = lambda: Decimal(1)
        self.actions: Callable[[], st.ActionsStatus | None] = lambda: None
        # Of the sentinel's files, where there is one to look for.
        self.sentinel: Callable[[], st.SentinelStatus | None] = lambda: None
        # Of the machine: its time, its room.
        self.host: Callable[[], HostStatus | None] = lambda: None
        # Of what is held against the limits, once somebody looks.
        self.exposure: Callable[[], ExposureStatus | None] = lambda: None
        # Of what the models of risk cannot see, once somebody looks for it.
        self.blind: Callable[[], BlindStatus | None] = lambda: None
        # The broker's result of its day beside ours, once somebody compares them.
        self.result: Callable[[], st.ResultStatus | None] = lambda: None
        # How the market data are, once somebody watches over them.
        self.data: Callable[[], DataStatus | None] = lambda: None
        # Who follows the journal's streams.
        self.outbox: Callable[[], tuple[st.ConsumerStatus, ...]] = tuple
        # Of the messages that could not be read, by message id.
        self.broken_counts: Mapping[int, int] = {}
        # The periodic reports, once they are written.
        self.reports: Callable[[], tuple[ReportRow, ...]] = tuple
        # How fresh the output of each strategy is, and the last risk decision.
        self.outputs: Callable[[], Mapping[StrategyName, OutputStatus]] = dict
        self.risk_age_s: Callable[[], float | None] = lambda: None
        # The bars that are kept.
        self.bars: Callable[[], tuple[BarRow, ...]] = tuple
        # The record of the market, where one is made.
        # Strategies that trade where nothing is sent.
        self.shadow: Callable[[], ShadowStatus | None] = lambda: None
        self.recording: Callable[[], RecordingStatus | None] = lambda: None
        # What was sent without the daemon before this start.
        self.emergency: tuple[EmergencyStatus, ...] = ()

    def on_recorded(self, recorded: ev.Recorded) -> None:
        """Keep the feed."""
        event = recorded.event
        if isinstance(event, StrategyCheckpointed):
            self._checkpoint_utc[event.strategy] = recorded.at_utc
        if not isinstance(event, _NOT_IN_FEED):
            # Told in words only when somebody asks: this runs in every order's way.
            self._feed.append(recorded)

    def sample_equity(self) -> None:
        """Add a point to the equity curve."""
        money = self._money()
        if money is not None and money.equity is not None:
            self._curve.append((self._clock.utc().timestamp(), float(money.equity)))

    def status(self) -> st.Status:
        """Return everything at this instant."""
        causes = self._guard.causes()
        restrictions = self._guard.restrictions()
        now_posture = posture(causes, restrictions)
        money = self._money()
        return st.Status(
            version=self._about.version,
            mode=self._guard.mode,
            posture=now_posture,
            is_ready=now_posture is Posture.ARMED,
            causes=tuple(causes.items()),
            started_utc=self._started_utc,
            now_utc=self._clock.utc(),
            uptime_s=self._clock.monotonic() - self._started_s,
            loop_lag_s=self._guard.loop_lag_s,
            link=self._link_status(causes),
            money=money,
            positions=self._positions(),
            orders=self._orders(),
            executions=self._executions(),
            quotes=self._quotes(),
            equity_curve=tuple(self._curve),
            reconcile=self._reconcile(),
            tickets=self._tickets(),
            foreign_order_count=len(self._book.foreign),
            strategies=self._strategies(now_posture),
            tally=self._book.tally,
            journal=self._journal_status(),
            task_ages_s=self._supervisor.ages_s(),
            feed=tuple(_feed_line(recorded) for recorded in self._feed),
            restrictions=tuple(restrictions.items()),
            breakers=self.breakers(),
            allocation=self.allocation(),
            emergency=with_fills(self._book, self.emergency),
            told_account=self._told_account(),
            inputs_missing=missing_inputs(self._services, self._policy),
            sentinel=self.sentinel(),
            host=self.host(),
            exposure=self.exposure(),
            blind=self.blind(),
            actions=self.actions(),
            result=self.result(),
            data=self.data(),
            outbox=self.outbox(),
            quarantine=quarantine_status(self._book.quarantine, self.broken_counts),
            reports=self.reports(),
            bars=self.bars(),
            recording=self.recording(),
            shadow=self.shadow(),
            risk_decision_age_s=self.risk_age_s(),
            drawdown=self._drawdown(money),
            sharpe_30d=self._sharpe(),
        )

    def _drawdown(self, money: st.MoneyStatus | None) -> Decimal | None:
        baseline = self._book.safety.baseline
        if baseline is None or money is None or money.equity is None:
            return None
        return drawdown(baseline, money.equity)

    def _sharpe(self) -> float | None:
        baseline = self._book.safety.baseline
        if baseline is None:
            return None
        return annual_sharpe([float(value) for value in baseline.returns], _SHARPE_DAYS)

    def _tickets(self) -> tuple[tuple[str, str], ...]:
        waits = self._guard.ignored.waits
        return tuple((row.ticket_id, row.text + waits(row)) for row in self._book.tickets.values())

    def _link_status(self, causes: Mapping[HaltCause, str]) -> st.LinkStatus:
        facts, beat = self._link.facts, self._guard.heartbeat
        # Of this link: what another one answered says nothing of now.
        age_s, round_trip_s, skew_s = self._guard.heartbeat_age_s(), None, None
        if beat is not None and age_s is not None:
            round_trip_s = beat.round_trip_s
            # Whole seconds on the wire: a skew below one second is not seen.
            skew_s = (beat.server_utc - self._clock.utc()).total_seconds()
            # The age counts from the question, and the server's time is of the answer.
            skew_s += age_s - round_trip_s
        return st.LinkStatus(
            is_connected=self._broker.is_connected,
            account=str(self._book.account or ""),
            client_id=self._broker.client_id,
            server_version=facts.server_version if facts else 0,
            is_upstream_up="upstream" not in causes if self._broker.is_connected else None,
            farms=tuple(sorted(self._guard.farms.items())),
            heartbeat_age_s=age_s,
            round_trip_s=round_trip_s,
            clock_skew_s=skew_s,
            is_read_only="read_only_api" in causes,
            connect_count=self._link.connect_count,
            problem=self._link.problem,
        )

    def _journal_status(self) -> st.JournalStatus:
        head = self._journal.head
        return st.JournalStatus(
            seq=self._book.seq,
            durable_seq=head.seq,
            failure=self._journal.failure or "",
            digest=head.digest,
            lineage=self._book.lineage or "",
        )

    def _money(self) -> st.MoneyStatus | None:
        book, currency = self._book, self._about.currency
        valuation = self._valuer.current()
        if valuation is None:
            return None
        rates = valuation.rates
        is_whole = not valuation.missing
        # All in our own currency: what the holdings have cost, and what closed ones brought.
        cost = ZERO
        for con_id, row in book.positions.items():
            mark = valuation.marks.get(con_id)
            if mark is not None:
                cost += row.average_price * row.quantity * row.multiplier * rates[mark.currency]
        realized, no_results = _in_own(self._realized(valuation), rates)
        paid, no_paid = _in_own(book.commission_paid.items(), rates)
        pending = pending_commission(book, self._policy.cash)
        unrealized = valuation.net - cost if is_whole else None
        pnl = None
        if unrealized is not None and realized is not None and paid is not None:
            pnl = realized + unrealized - paid - pending
        return st.MoneyStatus(
            currency=currency,
            cash=book.cash.get(currency, ZERO),
            equity=valuation.nav - pending if is_whole else None,
            realized=realized,
            unrealized=unrealized,
            commission_paid=paid,
            commission_pending=pending,
            pnl=pnl,
            missing=(
                *valuation.missing,
                *(f"{key}: no rate for results" for key in no_results),
                *(f"{key}: no rate for commissions" for key in no_paid),
            ),
            age_s=self._clock.monotonic() - valuation.oldest_s,
        )

    def _realized(self, valuation: Valuation) -> Iterator[tuple[str, Decimal]]:
        """Give what each holding has brought so far with its currency, a name where not known."""
        for con_id, row in self._book.positions.items():
            if row.realized == ZERO:
                continue
            instrument, mark = self._hub.instruments.get(con_id), valuation.marks.get(con_id)
            if instrument is not None:
                yield instrument.currency, row.realized
            elif mark is not None:
                yield mark.currency, row.realized
            else:
                yield self._traded_in(con_id) or f"the currency of {row.symbol}", row.realized

    def _traded_in(self, con_id: ConId) -> str | None:
        """Return in what it was last traded, of what is no longer described."""
        fills = reversed(self._book.fills.values())
        return next(
            (row.execution.currency for row in fills if row.execution.con_id == con_id), None
        )

    def _told_account(self) -> st.AccountStatus | None:
        told = self._valuer.account
        if told is None:
            return account_of_journal(self._book.account_record.told, self._clock.utc())
        age_s = self._clock.monotonic() - told.as_of_s
        is_usable = 0 <= age_s <= self._policy.exposure.account_age_s_max
        return _account_status(told, age_s, "broker", is_usable=is_usable)

    def _positions(self) -> tuple[st.PositionStatus, ...]:
        rows = []
        now_s, valuation = self._clock.monotonic(), self._valuer.current()
        marks = {} if valuation is None else valuation.marks
        for row in self._book.positions.values():
            used = marks.get(row.con_id)
            mark = self._hub.mark_of(row.con_id)
            if used is not None:
                mark = used.unit_value / row.multiplier
            unrealized = row.unrealized(mark) if mark is not None else None
            rows.append(
                st.PositionStatus(
                    symbol=row.symbol,
                    con_id=row.con_id,
                    quantity=row.quantity,
                    average_price=row.average_price,
                    mark=mark,
                    mark_source="" if used is None else used.source.value,
                    mark_age_s=None if used is None else now_s - used.at_s,
                    unrealized=unrealized,
                    realized=row.realized,
                )
            )
        return tuple(sorted(rows, key=lambda row: row.symbol))

    def _orders(self) -> tuple[st.OrderStatus, ...]:
        # What is over and still counts is shown like what works, however old it is.
        live = [*self._book.settling.values(), *self._book.live_orders.values()]
        recent = list(self._book.orders.values())[-_ROWS_MAX:]
        done = [row for row in reversed(recent) if row.is_final and not row.is_settling]
        return tuple(order_row(order) for order in [*reversed(live), *done][:_ROWS_MAX])

    def _executions(self) -> tuple[st.ExecutionStatus, ...]:
        rows = []
        for family, fill in islice(reversed(self._book.fills.items()), _ROWS_MAX):
            execution, commission = fill.execution, self._book.commissions.get(family)
            rows.append(
                st.ExecutionStatus(
                    exec_id=execution.exec_id,
                    order_id=fill.order_id,
                    time_utc=execution.time_utc,
                    symbol=execution.symbol,
                    side=execution.side,
                    quantity=execution.quantity,
                    price=execution.price,
                    commission=commission.amount if commission else None,
                    order_ref=execution.order_ref,
                )
            )
        return tuple(rows)

    def _quotes(self) -> tuple[st.QuoteStatus, ...]:
        now_s = self._clock.monotonic()
        rows = []
        for con_id, instrument in self._hub.instruments.items():
            quote = self._hub.quotes.get(con_id)
            problem = self._hub.problems.get(con_id)
            received_s = quote.received_s if quote else None
            found = quote_fault(quote, now_s, self._policy.price.quote_age_s_max)
            rows.append(
                st.QuoteStatus(
                    symbol=instrument.symbol,
                    bid=quote.bid if quote else None,
                    ask=quote.ask if quote else None,
                    age_s=now_s - received_s if received_s is not None else None,
                    fault=problem or (found.text if found else ""),
                    rule="refused" if problem else str(found.rule) if found else "",
                )
            )
        return tuple(rows)

    def _reconcile(self) -> st.ReconcileStatus | None:
        last = self._book.last_reconcile
        if last is None:
            return None
        at_utc, run = last
        return st.ReconcileStatus(
            run_id=run.run_id,
            at_utc=at_utc,
            age_s=(self._clock.utc() - at_utc).total_seconds(),
            trigger=run.trigger,
            problem=run.problem,
            drift_count=run.drift_count,
            repair_count=run.repair_count,
            ticket_count=run.ticket_count,
            duration_s=run.duration_s,
        )

    def _strategies(self, now: Posture) -> tuple[st.StrategyStatus, ...]:
        book, rules = self._book, self._policy.coordination
        valuation, told = self._valuer.current(), self._valuer.account
        outputs = self.outputs()
        return tuple(
            st.StrategyStatus(
                name=row.strategy.name,
                is_running=not row.problem,
                problem=row.problem,
                intent_count=row.intent_count,
                checkpoint_utc=self._checkpoint_utc.get(row.strategy.name),
                state=self._strategy_state(row, now),
                usage=usage_row(book, row.strategy.name, rules, valuation=valuation, told=told),
                output=outputs.get(row.strategy.name),
            )
            for row in self.runners
        )

    def _strategy_state(self, row: StrategyRunner, now: Posture) -> str:
        if row.problem:
            return "FAILED"
        is_halted = self._book.safety.halt_of(row.strategy.name) is not None
        return "HALTED" if now is Posture.HALTED or is_halted else "RUNNING"


def account_of_journal(told: AccountTold | None, now_utc: datetime) -> st.AccountStatus | None:
    """Show what the broker said before this process: with its age, and never to be counted with."""
    if told is None:
        return None
    age_s = (now_utc - told.as_of_utc).total_seconds()
    return _account_status(told, age_s, "journal", is_usable=False)


def _account_status(
    told: AccountReading | AccountTold, age_s: float, source: str, *, is_usable: bool
) -> st.AccountStatus:
    return st.AccountStatus(
        currency=told.currency,
        account_type="" if told.account_type is None else told.account_type.value,
        net_liquidation=told.net_liquidation,
        available_funds=told.available_funds,
        buying_power=told.buying_power,
        initial_margin=told.initial_margin,
        maintenance_margin=told.maintenance_margin,
        age_s=age_s,
        source=source,
        is_usable=is_usable,
    )


def _feed_line(recorded: ev.Recorded) -> st.FeedLine:
    event = recorded.event
    return st.FeedLine(recorded.seq, recorded.at_utc, type(event).__name__, words(event))


def _in_own(
    amounts: Iterable[tuple[str, Decimal]], rates: Mapping[str, Decimal]
) -> tuple[Decimal | None, tuple[str, ...]]:
    """Add up in one currency; without a rate the sum is None, and the currency is named."""
    total, missing = ZERO, dict[str, None]()
    for currency, amount in amounts:
        rate = rates.get(currency)
        if rate is not None:
            total += amount * rate
        elif amount != ZERO:
            missing[currency] = None
    return (None if missing else total), tuple(missing)
