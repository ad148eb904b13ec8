"""The settings themselves: frozen, each with its type, its range and its default.

Nothing is converted that was not meant: a number in quotes is a text, ``true`` is no number, and
an endless or missing number is no limit.
"""

import ipaddress
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from trader.core.halts import Mode
from trader.core.retiring import HISTORY_DAYS_MIN

# IBKR counts 50 messages over any second and all requests of a connection.
PACING_PER_S_MAX = 45.0
# A time of the wall clock, from 00:00 to 23:59.
CLOCK_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
# A weekday before it.
WEEKLY_PATTERN = r"^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([01][0-9]|2[0-3]):[0-5][0-9]$"
# The simulator's account: a name that no real account can have, with a nonce.
DEMO_ACCOUNT_FORM = re.compile(r"DUSIM[0-9a-f]{16}")


def _number(value: object) -> object:
    # A text is no number here; true and false are refused by the decimal itself.
    if not isinstance(value, int | float | Decimal):
        raise PydanticCustomError("number", "Input should be a number")
    return value


def _usable_path(value: Path) -> Path:
    # Relative ones were made absolute before; what is left is empty.
    if not value.is_absolute() or not str(value).isprintable():
        raise PydanticCustomError("path", "Input should be a path of printable characters")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError):
        text = "Input should be the name of a time zone, for example America/New_York"
        raise PydanticCustomError("zone", "{text}", {"text": text}) from None
    return value


def is_loopback(host: str) -> bool:
    """Tell whether a name or address is this machine's own for certain."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _loopback(value: str) -> str:
    if not is_loopback(value):
        raise PydanticCustomError("loopback", "Input should be 127.0.0.1, ::1 or localhost")
    return value


def redis_parts(url: str) -> tuple[bool, str, int, int] | None:
    """Return whether there is TLS, host, port and database of an address; None if it is none."""
    try:
        found = urlsplit(url)
        port = found.port or 6379
    except ValueError:
        return None
    database = found.path.removeprefix("/") or "0"
    is_right = (
        found.scheme in ("redis", "rediss")
        and found.hostname
        and not (found.query or found.fragment or "@" in found.netloc)
        and re.fullmatch(r"[0-9]{1,4}", database, re.ASCII)
        and url.isprintable()
    )
    if not is_right:
        return None
    return found.scheme == "rediss", found.hostname or "", port, int(database)


def _redis_url(value: str) -> str:
    if redis_parts(value) is None:
        # Not the value: somebody may have put a password in.
        text = "Input should be redis://HOST:PORT/DATABASE or rediss://, without name and password"
        raise PydanticCustomError("redis_url", "{text}", {"text": text})
    return value


# A day bounds every wait and interval: what is longer is a slip of the unit.
Seconds = Annotated[float, Field(strict=True, gt=0, le=86_400, allow_inf_nan=False)]
Amount = Annotated[Decimal, BeforeValidator(_number), Field(ge=0, allow_inf_nan=False)]
# A limit that may lie below zero, as that of a loss does.
Number = Annotated[Decimal, BeforeValidator(_number), Field(allow_inf_nan=False)]
# A part of something; all of it is 1.
Share = Annotated[Decimal, BeforeValidator(_number), Field(ge=0, le=1, allow_inf_nan=False)]
PositiveAmount = Annotated[Decimal, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
File = Annotated[Path, AfterValidator(_usable_path)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BrokerSection(_Section):
    """Where the API is and how long each step of it may take, in seconds."""

    host: Text = "127.0.0.1"
    port: Port = 7497
    # Never 0: that client is bound to what people enter by hand.
    client_id: Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)] = 7
    # Of the kill switch and the sentinel, where they cannot come as the daemon; default: + 1000.
    emergency_client_id: Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)] | None = None
    tcp_deadline_s: Seconds = 5.0
    version_deadline_s: Seconds = 5.0
    start_deadline_s: Seconds = 10.0
    snapshot_deadline_s: Seconds = 20.0
    heartbeat_deadline_s: Seconds = 3.0
    heartbeat_interval_s: Seconds = 3.0
    # Older than this, nothing new leaves; slow is not dead, so the connection stays.
    heartbeat_age_s_max: Seconds = 10.0
    # So long without any message, or three times as long without an answer, and it is begun anew.
    silence_s_max: Seconds = 30.0
    ack_deadline_s: Seconds = 5.0
    backoff_s_min: Seconds = 1.0
    # A gateway that is back after hours is found within it and a connect: half a minute (QUA-06).
    backoff_s_max: Seconds = 15.0
    page_after_s: Seconds = 120.0
    # Without a first connect by then the process ends, halted, and systemd begins it anew.
    first_connect_deadline_s: Seconds = 3600.0
    messages_per_s: Annotated[float, Field(strict=True, gt=0, le=PACING_PER_S_MAX)] = 30.0
    messages_burst: Annotated[float, Field(strict=True, ge=10, le=PACING_PER_S_MAX)] = 15.0
    zone: Annotated[str, AfterValidator(_zone)] = "America/New_York"
    # When TWS or the gateway restarts every day, on the clock of ``zone``; how long it may take.
    restart_at: Annotated[str, Field(pattern=CLOCK_PATTERN)] | None = None
    restart_s: Seconds = 600.0
    # When somebody has to log in at the gateway anew, once a week, on the same clock. Planned with,
    # and nothing else: a gateway that is not there is told as always.
    weekly_login_at: Annotated[str, Field(pattern=WEEKLY_PATTERN)] | None = None

    @property
    def second_client_id(self) -> int:
        """Return the client id of an emergency."""
        if self.emergency_client_id is not None:
            return self.emergency_client_id
        step = 1000 if self.client_id <= 2**31 - 1 - 1000 else -1000
        return self.client_id + step


class MarketDataSection(_Section):
    """How many lines of quotes the account has, how long one may be silent, and the record."""

    # An ordinary account has 100, of all sessions of its user together.
    lines_max: Count = 100
    # In seconds, while its session is on: then a line is asked for again; three times as long is
    # told.
    silence_s: Annotated[float, Field(strict=True, ge=5, le=3_600, allow_inf_nan=False)] = 60.0
    # Every tick as it was heard, for replays.
    record: Annotated[bool, Field(strict=True)] = False
    # Of all days together: beyond it the oldest parts go, whatever their age.
    bytes_max: Annotated[int, Field(strict=True, ge=256 * 1024**2, le=2**44)] = 4 * 1024**3


class ReconcileSection(_Section):
    """How often book and broker are compared, and what is tolerated; seconds and money."""

    orders_interval_s: Seconds = 120.0
    positions_interval_s: Seconds = 300.0
    quiet_s: Seconds = 10.0
    absence_s: Seconds = 60.0
    # A broker tells account values anew every 180 s; see INC-037. With orders at a real gateway
    # it must be longer than that.
    cash_lag_s: Seconds = 200.0
    cash_tolerance: Amount = Decimal("1.00")
    cash_adjust_max: Amount = Decimal("100.00")
    # The broker's own result of its day may move otherwise than ours by this and by a share of
    # what is held; so many readings in a row, 5 s apart, make a finding.
    result_tolerance: Amount = Decimal("25.00")
    result_share: Share = Decimal("0.005")
    result_readings: Annotated[int, Field(strict=True, ge=2, le=720)] = 12
    # When the broker begins its day, on the clock of ``broker.zone``: five minutes before midnight
    # of an instrument's own zone, unless TWS was set otherwise (Global Configuration, reset P&L).
    result_resets: Annotated[
        tuple[Annotated[str, Field(pattern=CLOCK_PATTERN)], ...], Field(min_length=1, max_length=8)
    ] = ("23:55",)


class DrainSection(_Section):
    """The bound of each step of the way down, in seconds."""

    in_flight_s: Seconds = 10.0
    cancel_s: Seconds = 15.0
    reconcile_s: Seconds = 20.0
    checkpoint_s: Seconds = 10.0
    must_cancel_orders: Annotated[bool, Field(strict=True)] = False
    # systemd's TimeoutStopSec; beyond it the process is killed.
    stop_timeout_s: Seconds = 90.0


class SentinelSection(_Section):
    """The dead-man's switch beside the daemon, a process of its own; seconds."""

    check_s: Seconds = 2.0
    # So long without a sign of life, with orders or positions open, and it acts.
    silence_s: Seconds = 120.0
    # A process that holds the lock and is starting gets so much on top: TimeoutStartSec.
    start_s: Seconds = 120.0
    # After an orderly stop that left something open.
    open_risk_grace_s: Seconds = 900.0
    # WatchdogSec and RestartSec of trader.service: systemd shall have its turn first.
    watchdog_s: Seconds = 30.0
    restart_s: Seconds = 2.0
    # How long one try waits for the link, and the pauses between tries.
    link_wait_s: Seconds = 30.0
    retry_s_min: Seconds = 5.0
    retry_s_max: Seconds = 300.0
    # Where it cannot come as the daemon; default: the one after the kill switch's.
    client_id: Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)] | None = None
    # Close every managed position as well; otherwise only what adds risk is cancelled.
    must_flatten: Annotated[bool, Field(strict=True)] = False


class ReportsSection(_Section):
    """When the reports below ``reports/`` lose their patience, in runs and looks in a row."""

    # The same kind of warning in so many reconciliations in a row is a failure, and paged.
    recurrent_runs: Annotated[int, Field(strict=True, ge=2, le=1_000)] = 5
    # So many looks with nothing to compare, four minutes apart, fail the parity report.
    insufficient_runs: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 180


class ControlSection(_Section):
    """The operator's HTTP port on loopback; 0 takes any free one."""

    host: Annotated[str, AfterValidator(_loopback)] = "127.0.0.1"
    port: Annotated[int, Field(strict=True, ge=0, le=65535)] = 3000


class RedisSection(_Section):
    """A Redis server that gets the streams as well; seconds."""

    # redis://HOST:PORT/DATABASE, or rediss:// with TLS; no secret stands in it.
    url: Annotated[str, AfterValidator(_redis_url)]
    username: Annotated[str, Field(pattern=r"^[!-~]{0,128}$")] = ""
    # Its first line; without it TRADER_REDIS_PASSWORD, and without that nobody is named.
    password_file: File | None = None
    # Who vouches for the server's certificate; default: whom the machine trusts.
    ca_file: File | None = None
    # Before the names of the streams: trader:exec_reports and so on.
    key_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9:._{}/-]{0,64}$")] = "trader:"
    # About so many entries of each stream are kept there; default: all.
    maxlen: Annotated[int, Field(strict=True, ge=1_000, le=10**9)] | None = None
    connect_s: Seconds = 3.0
    answer_s: Seconds = 5.0
    # Its cursor is kept under this name; under a new one everything comes from the beginning.
    consumer: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")] = "redis"


class OutboxSection(_Section):
    """The journal's streams as files, for whoever follows them."""

    is_enabled: Annotated[bool, Field(strict=True)] = True
    # Where the files are; default: ``outbox`` below the state directory.
    folder: File | None = None
    # A file that is larger gets another name; of each stream so many such are kept.
    rotate_bytes: Annotated[int, Field(strict=True, ge=65_536, le=2**30)] = 16 * 1024 * 1024
    kept_files: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 8
    # Besides the files; without it nothing leaves this machine.
    redis: RedisSection | None = None


class RetentionSection(_Section):
    """How many days what is no record is kept; journal, archives and anchors are kept for good."""

    # Full files of the streams, and what the reconciliations saw.
    streams_days: Annotated[int, Field(strict=True, ge=7, le=3_650)] = 7
    runs_days: Annotated[int, Field(strict=True, ge=1, le=3_650)] = 7
    # The record of the market, where one is made.
    market_days: Annotated[int, Field(strict=True, ge=1, le=3_650)] = 30
    # Each snapshot of the broker's word; the last of each day and the integrity reports.
    snapshots_days: Annotated[int, Field(strict=True, ge=7, le=3_650)] = 7
    reports_days: Annotated[int, Field(strict=True, ge=90, le=36_500)] = 400
    # Full files of the pages; of what operators asked for: seven years.
    pages_days: Annotated[int, Field(strict=True, ge=30, le=36_500)] = 400
    operators_days: Annotated[int, Field(strict=True, ge=365, le=36_500)] = 2_557


class ShadowSection(_Section):
    """How strategies trade where nothing is sent: in mode shadow, beside real ones, in a replay."""

    # A second set of the strategies, beside those that trade.
    beside: Annotated[bool, Field(strict=True)] = False

    # What the account begins with, in its currency, and nothing else.
    stake: PositiveAmount = Decimal(100_000)
    # So long is an order, a change or a cancel on its way.
    latency_s: Annotated[float, Field(strict=True, ge=0, le=60, allow_inf_nan=False)] = 0.05


class _PacedSection(_Section):
    """How often a strategy is asked, and how much it may ask for."""

    look_interval_s: Seconds = 0.1
    checkpoint_interval_s: Seconds = 30.0
    # What wishes for more than this is stopped by itself, whatever becomes of its wishes.
    wishes_per_minute_max: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 600
    # While a session of its instruments is on it must answer a quote or a bar this often.
    output_age_s_max: Seconds = 300.0


class MomentumSection(_PacedSection):
    """Parameters of the momentum strategy; fractions of the price, seconds."""

    symbols: Annotated[tuple[Text, ...], Field(min_length=1)]
    quantity: PositiveAmount
    sample_s: Annotated[float, Field(strict=True, ge=0.001, le=86_400, allow_inf_nan=False)] = 60.0
    lookback_samples: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 20
    entry_fraction: PositiveAmount = Decimal("0.005")
    stop_fraction: PositiveAmount = Decimal("0.01")
    target_fraction: PositiveAmount = Decimal("0.02")
    pause_s: Seconds = 60.0


class OwnStrategySection(_PacedSection):
    """A strategy beside momentum: of one's own, or another that comes with the program."""

    # Its intents, orders and pages carry it: as long as an order's reference has room for.
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,15}$")]
    # PACKAGE.MODULE:CLASS, the class of one that comes with the program, or the name of an entry
    # point of the group trader.strategies.
    use: Text
    symbols: Annotated[tuple[Text, ...], Field(min_length=1)]
    # What its own model of parameters takes.
    parameters: dict[str, Any] = {}


class StrategiesSection(_Section):
    """Which strategies run."""

    momentum: MomentumSection | None = None
    own: tuple[OwnStrategySection, ...] = ()
    # Where modules are looked for that are installed nowhere.
    folder: File | None = None


class Settings(BaseSettings):
    """Everything that is configured."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    mode: Mode = Mode.DRY_RUN
    # Empty means "not given yet": the environment or the command line may name it.
    account: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{0,32}$")] = ""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    state_dir: File
    assets_file: File
    targets_file: File
    halt_file: File | None = None
    log_level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    log_format: Literal["json", "console"] = "json"
    intent_deadline_s: Seconds = 5.0
    loop_lag_s_max: Seconds = 1.0
    checkpoint_interval_s: Seconds = 60.0
    # How long the book remembers what is over; the journal keeps it.
    history_days: Annotated[int, Field(strict=True, ge=HISTORY_DAYS_MIN, le=3_650)] = 8
    broker: BrokerSection = BrokerSection()
    market_data: MarketDataSection = MarketDataSection()
    reconcile: ReconcileSection = ReconcileSection()
    drain: DrainSection = DrainSection()
    control: ControlSection = ControlSection()
    reports: ReportsSection = ReportsSection()
    sentinel: SentinelSection = SentinelSection()
    outbox: OutboxSection = OutboxSection()
    retention: RetentionSection = RetentionSection()
    shadow: ShadowSection = ShadowSection()
    strategies: StrategiesSection = StrategiesSection()

    @property
    def sentinel_client_id(self) -> int:
        """Return the client id of the sentinel."""
        if self.sentinel.client_id is not None:
            return self.sentinel.client_id
        second = self.broker.second_client_id
        step = 1 if second < 2**31 - 1 else -1
        return second + step if second + step != self.broker.client_id else second + 2 * step

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from the file and the command line only; see :mod:`trader.config.load`."""
        return (init_settings,)
