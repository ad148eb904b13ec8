"""One read-only view of the daemon, for HTTP, the page, metrics and the shell.

Every field is a plain value; ``dataclasses.asdict`` of it is what ``/ops/status`` serves, with
decimals and times as text. Ages are seconds and None where the thing never happened.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trader.core.entries import Tally
from trader.core.halts import HaltCause, Mode, Posture
from trader.engine.bar_status import BarRow
from trader.engine.data_status import DataStatus
from trader.engine.emergency_rows import EmergencyStatus
from trader.engine.exposure_status import NO_USAGE, BlindStatus, ExposureStatus, UsageStatus
from trader.engine.host import HostStatus
from trader.engine.output_status import OutputStatus
from trader.engine.quarantine_status import QuarantineStatus
from trader.engine.recording_status import RecordingStatus
from trader.engine.report_rows import ReportRow
from trader.engine.shadow_status import ShadowStatus


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """The API connection: socket, upstream and farms are three facts."""

    is_connected: bool
    account: str
    client_id: int
    server_version: int
    is_upstream_up: bool | None
    farms: tuple[tuple[str, bool], ...]
    heartbeat_age_s: float | None
    round_trip_s: float | None
    clock_skew_s: float | None
    is_read_only: bool
    connect_count: int
    problem: str


@dataclass(frozen=True, slots=True)
class PositionStatus:
    """One position at its current mark; whose word that is, and how old, where it is counted with.

    ``mark_source`` is ``quote``, ``last of the session`` or ``broker``; empty without a value.
    """

    symbol: str
    con_id: int
    quantity: Decimal
    average_price: Decimal
    mark: Decimal | None
    unrealized: Decimal | None
    realized: Decimal
    mark_source: str = ""
    mark_age_s: float | None = None


@dataclass(frozen=True, slots=True)
class OrderStatus:
    """One order of ours."""

    order_id: int
    intent_id: str
    strategy: str
    symbol: str
    side: str
    quantity: Decimal
    filled: Decimal
    order_type: str
    limit_price: Decimal | None
    stop_price: Decimal | None
    average_price: Decimal | None
    state: str
    broker_status: str
    perm_id: int
    note: str
    planned_utc: datetime
    # It is over, and what is left of it counts until no execution of it can come any more.
    is_settling: bool = False
    # The last change that was asked for; quantity and prices above are what the broker has shown.
    change_number: int | None = None
    change_state: str = ""
    # While it is open: the terms that the broker may hold instead.
    desired_quantity: Decimal | None = None
    desired_limit_price: Decimal | None = None
    desired_stop_price: Decimal | None = None
    good_till_utc: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExecutionStatus:
    """One execution; ``commission`` is None until it was reported."""

    exec_id: str
    order_id: int | None
    time_utc: datetime | None
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    commission: Decimal | None
    # How the broker names its order; it tells what left without the daemon.
    order_ref: str = ""


@dataclass(frozen=True, slots=True)
class QuoteStatus:
    """One instrument's quote and what is wrong with it, if anything."""

    symbol: str
    bid: Decimal | None
    ask: Decimal | None
    age_s: float | None
    fault: str
    # The short name of the rule that holds against it; empty where none does.
    rule: str = ""


@dataclass(frozen=True, slots=True)
class MoneyStatus:
    """Cash, equity and result in one currency; pnl is after commissions, pending ones at worst.

    ``missing`` names what has no price or rate; ``age_s`` is that of the oldest price in it.
    """

    currency: str
    cash: Decimal
    equity: Decimal | None
    realized: Decimal | None
    unrealized: Decimal | None
    commission_paid: Decimal | None
    commission_pending: Decimal
    pnl: Decimal | None
    missing: tuple[str, ...] = ()
    age_s: float | None = None


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """The account as the broker tells it; None where it has not said. Ages are seconds.

    ``is_usable`` is false for values that are too old to be counted with; those of the journal
    always are: they are what the broker said before this process.
    """

    currency: str
    account_type: str
    net_liquidation: Decimal | None
    available_funds: Decimal | None
    buying_power: Decimal | None
    initial_margin: Decimal | None
    maintenance_margin: Decimal | None
    age_s: float
    # Whose word they are, and where it was kept: ``broker`` or ``journal``.
    source: str = "broker"
    is_usable: bool = True


@dataclass(frozen=True, slots=True)
class ResultStatus:
    """The day's result, the broker's beside ours, and whether they move together.

    ``verdict`` is ``agrees``, ``comparing`` (too few readings yet), ``differs`` or
    ``not compared``; then ``problem`` says why. The days of the two begin at different moments:
    what is compared is what both have moved by since ``since_utc``.
    """

    verdict: str
    problem: str
    told_daily: Decimal | None
    told_unrealized: Decimal | None
    told_realized: Decimal | None
    told_age_s: float | None
    # False for figures that are too old to be counted with, as for those that were never told.
    is_told_usable: bool
    own_daily: Decimal | None
    difference: Decimal | None
    allowed: Decimal | None
    since_utc: datetime | None
    # The difference that stands until it has proven to be over; empty without one.
    finding: str


@dataclass(frozen=True, slots=True)
class ReconcileStatus:
    """The last reconciliation run."""

    run_id: str
    at_utc: datetime
    age_s: float
    trigger: str
    problem: str
    drift_count: int
    repair_count: int
    ticket_count: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class StrategyStatus:
    """One strategy task."""

    name: str
    is_running: bool
    problem: str
    intent_count: int
    checkpoint_utc: datetime | None
    # RUNNING, HALTED or FAILED: whether it may trade now, not only whether its task lives.
    state: str = ""
    # What it uses of the account, and what its limits leave it.
    usage: UsageStatus = NO_USAGE
    # How fresh what it puts out is, once somebody watches.
    output: OutputStatus | None = None


@dataclass(frozen=True, slots=True)
class BreakerStatus:
    """One breaker: where it stands, what its last reading said, and who holds it back."""

    name: str
    is_enabled: bool
    phase: str
    finding: str
    text: str
    limit: str
    action: str
    reset: str
    # Why it tripped; empty while it is closed.
    reason: str
    overridden_until_utc: datetime | None
    overridden_by: str


@dataclass(frozen=True, slots=True)
class ActionStatus:
    """One automatic risk action; ``verdict`` is empty until somebody has reviewed it."""

    number: int
    at_utc: datetime
    kind: str
    name: str
    text: str
    due_utc: datetime
    is_overdue: bool
    verdict: str
    reviewed_by: str


@dataclass(frozen=True, slots=True)
class ActionsStatus:
    """The automatic risk actions of two months, and the false positives of this one."""

    waiting_count: int
    overdue_count: int
    false_count: int
    false_count_max: int
    month: str
    # What waits first, the newest first.
    rows: tuple[ActionStatus, ...]


@dataclass(frozen=True, slots=True)
class SentinelStatus:
    """The dead-man's switch, as it shows itself; ages are seconds."""

    is_running: bool
    # What its watch is at, since when and why; empty where none has ever said.
    state: str
    text: str
    since: str
    # What its last action came to; empty when it never acted.
    outcome: str
    look_age_s: float | None
    # So long may the daemon give no sign of life before it acts.
    silence_s_max: float
    # What a person should know of it now; empty when all is well.
    warning: str


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """One stream on its way to one consumer: how many events wait, and for how long the oldest.

    The counts of events taken and of parts that failed are since the process began.
    """

    name: str
    pending: int
    lag_s: float
    taken_count: int
    error_count: int


@dataclass(frozen=True, slots=True)
class ConsumerStatus:
    """One consumer of the outbox; ``state`` is running, failing (tried again) or ended.

    It has all up to ``seq``, and would go on behind ``noted_seq`` after a crash.
    """

    name: str
    state: str
    problem: str
    seq: int
    noted_seq: int
    streams: tuple[StreamStatus, ...]


@dataclass(frozen=True, slots=True)
class FeedLine:
    """One recorded event in words."""

    seq: int
    at_utc: datetime
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class JournalStatus:
    """How far the journal is and whether it works.

    ``digest`` is that of the chain at ``durable_seq``: with ``lineage``, which names the journal,
    it is evidence of what was in it at this instant, for ``trader verify``.
    """

    seq: int
    durable_seq: int
    failure: str
    digest: str = ""
    lineage: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """Everything at one instant."""

    version: str
    mode: Mode
    posture: Posture
    is_ready: bool
    causes: tuple[tuple[HaltCause, str], ...]
    started_utc: datetime
    now_utc: datetime
    uptime_s: float
    loop_lag_s: float
    link: LinkStatus
    money: MoneyStatus | None
    positions: tuple[PositionStatus, ...]
    orders: tuple[OrderStatus, ...]
    executions: tuple[ExecutionStatus, ...]
    quotes: tuple[QuoteStatus, ...]
    equity_curve: tuple[tuple[float, float], ...]
    reconcile: ReconcileStatus | None
    tickets: tuple[tuple[str, str], ...]
    foreign_order_count: int
    strategies: tuple[StrategyStatus, ...]
    tally: Tally
    journal: JournalStatus
    task_ages_s: tuple[tuple[str, float], ...]
    feed: tuple[FeedLine, ...]
    # By breaker: what keeps new risk out while exits leave.
    restrictions: tuple[tuple[str, str], ...] = ()
    breakers: tuple[BreakerStatus, ...] = ()
    # The share of its usual size that new risk may have.
    allocation: Decimal = Decimal(1)
    emergency: tuple[EmergencyStatus, ...] = ()
    # The broker's own word on the account, once it was told.
    told_account: AccountStatus | None = None
    # What new risk waits for because nobody has told it.
    inputs_missing: tuple[str, ...] = ()
    sentinel: SentinelStatus | None = None
    host: HostStatus | None = None
    # Each share of the account against its limits, once somebody looks.
    exposure: ExposureStatus | None = None
    # The risk of what is held, and what the models of it cannot see.
    blind: BlindStatus | None = None
    actions: ActionsStatus | None = None
    # The broker's own result of its day, once somebody compares it with ours.
    result: ResultStatus | None = None
    # How the market data are, once somebody watches over them.
    data: DataStatus | None = None
    # Who follows the journal's streams; empty where the outbox is off.
    outbox: tuple[ConsumerStatus, ...] = ()
    # What could not be read, once somebody counts it.
    quarantine: QuarantineStatus | None = None
    # Each periodic report: how old its file is, and what it says.
    reports: tuple[ReportRow, ...] = ()
    # The bars that strategies want, by instrument and size.
    bars: tuple[BarRow, ...] = ()
    # The record of the market; None where the settings want none.
    recording: RecordingStatus | None = None
    # Strategies that trade as if; None where there are none.
    shadow: ShadowStatus | None = None
    # Below the highest value of the account there has been, as a share of it.
    drawdown: Decimal | None = None
    # Of the account's last 30 whole days, by the year; None while there are fewer.
    sharpe_30d: float | None = None
    # Since risk was last decided on; None before the first time of this process.
    risk_decision_age_s: float | None = None
