"""Settings: frozen, fail-closed, with the relations between limits asserted at load.

One YAML file, plus the environment variables that operators expect, plus ``--set key=value``.
Whatever cannot be read, is unknown or contradicts something else is one clear line each, and
the daemon does not start.
"""

import csv
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from trader.core.halts import Mode
from trader.core.instruments import InstrumentSpec
from trader.core.limits import RiskLimits, contradictions

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Amount = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
PositiveAmount = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=1, le=65535)]

# IBKR counts 50 messages a second over all requests of a connection.
_PACING_PER_S_MAX = 45.0
# The simulator's account: a name that no real account can have, with a nonce.
DEMO_ACCOUNT_FORM = re.compile(r"DUSIM[0-9a-f]{16}")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


class ConfigError(Exception):
    """The settings cannot be used; ``problems`` holds one line for each reason."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BrokerSection(_Section):
    """Where the API is and how long each step of it may take, in seconds."""

    host: str = "127.0.0.1"
    port: Port = 7497
    # Never 0: that client is bound to what people enter by hand.
    client_id: Annotated[int, Field(ge=1, le=2**31 - 1)] = 7
    tcp_deadline_s: Positive = 5.0
    version_deadline_s: Positive = 5.0
    start_deadline_s: Positive = 10.0
    snapshot_deadline_s: Positive = 20.0
    heartbeat_deadline_s: Positive = 3.0
    heartbeat_interval_s: Positive = 3.0
    heartbeat_age_s_max: Positive = 10.0
    ack_deadline_s: Positive = 5.0
    backoff_s_min: Positive = 1.0
    backoff_s_max: Positive = 30.0
    page_after_s: Positive = 120.0
    messages_per_s: Positive = 30.0
    messages_burst: Annotated[float, Field(ge=10, le=_PACING_PER_S_MAX)] = 30.0
    zone: str = "America/New_York"


class ReconcileSection(_Section):
    """How often book and broker are compared, and what is tolerated; seconds and money."""

    orders_interval_s: Positive = 120.0
    positions_interval_s: Positive = 300.0
    quiet_s: Positive = 5.0
    cash_tolerance: Amount = Decimal("1.00")
    cash_adjust_max: Amount = Decimal("100.00")


class DrainSection(_Section):
    """The bound of each step of the way down, in seconds."""

    in_flight_s: Positive = 10.0
    cancel_s: Positive = 15.0
    reconcile_s: Positive = 20.0
    checkpoint_s: Positive = 10.0
    must_cancel_orders: bool = False
    # systemd's TimeoutStopSec; beyond it the process is killed.
    stop_timeout_s: Positive = 90.0


class ControlSection(_Section):
    """The operator's HTTP port on loopback; 0 takes any free one."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 3000


class MomentumSection(_Section):
    """Parameters of the momentum strategy; fractions of the price, seconds."""

    symbols: tuple[str, ...]
    quantity: PositiveAmount
    sample_s: Positive = 60.0
    lookback_samples: Annotated[int, Field(ge=1, le=10_000)] = 20
    entry_fraction: PositiveAmount = Decimal("0.005")
    stop_fraction: PositiveAmount = Decimal("0.01")
    target_fraction: PositiveAmount = Decimal("0.02")
    pause_s: Positive = 60.0
    look_interval_s: Positive = 0.1
    checkpoint_interval_s: Positive = 30.0


class StrategiesSection(_Section):
    """Which strategies run."""

    momentum: MomentumSection | None = None


class TargetsSection(_Section):
    """The risk policy, as written in the targets file; money in the account's currency."""

    order_quantity_max: PositiveAmount
    order_notional_max: PositiveAmount
    position_quantity_max: PositiveAmount
    position_notional_max: PositiveAmount
    cash_reserve_min: Amount
    commission_per_unit_max: Amount
    commission_per_order_min: Amount
    collar_fraction_max: PositiveAmount
    quote_age_s_max: Positive
    orders_per_window_max: Annotated[int, Field(ge=1)]
    order_window_s: Positive
    orders_per_day_max: Annotated[int, Field(ge=1)]
    is_short_allowed: bool

    def limits(self) -> RiskLimits:
        """Return the policy as the risk review takes it."""
        return RiskLimits(**self.model_dump())


class Settings(BaseSettings):
    """Everything that is configured."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    mode: Mode = Mode.DRY_RUN
    account: str = ""
    currency: str = "USD"
    state_dir: Path
    assets_file: Path
    targets_file: Path
    halt_file: Path | None = None
    log_level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    log_format: Literal["json", "console"] = "json"
    intent_deadline_s: Positive = 5.0
    loop_lag_s_max: Positive = 1.0
    checkpoint_interval_s: Positive = 60.0
    broker: BrokerSection = BrokerSection()
    reconcile: ReconcileSection = ReconcileSection()
    drain: DrainSection = DrainSection()
    control: ControlSection = ControlSection()
    strategies: StrategiesSection = StrategiesSection()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from the file and the command line only; see :func:`load`."""
        return (init_settings,)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings with what the files they name contain, and what the environment adds."""

    settings: Settings
    limits: RiskLimits
    instruments: tuple[InstrumentSpec, ...]
    halt_file: Path
    journal_file: Path
    environment_halt: str


def load(
    path: Path, environment: Mapping[str, str], assignments: Sequence[str] = ()
) -> Configuration:
    """Read a configuration file; raises ConfigError with every problem found.

    ``assignments`` are ``key=value`` texts with dotted keys; they win over the file. Relative
    paths in the file are relative to the file.
    """
    values = _read_yaml(path)
    for assignment in assignments:
        _assign(values, assignment)
    for key in ("state_dir", "assets_file", "targets_file", "halt_file"):
        if isinstance(values.get(key), str):
            values[key] = (path.parent / values[key]).resolve()
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise ConfigError(_lines(path, error)) from error
    settings = _with_environment(settings, environment)
    limits = _tightened(_read_targets(settings.targets_file), environment)
    instruments = _read_assets(settings.assets_file)
    problems = [
        *(f"{settings.targets_file}: {text}" for text in contradictions(limits)),
        *(f"{path}: {text}" for text in _relations(settings, instruments)),
    ]
    if problems:
        raise ConfigError(problems)
    return Configuration(
        settings=settings,
        limits=limits,
        instruments=instruments,
        halt_file=_halt_file(settings, environment),
        journal_file=_journal_file(settings, environment),
        environment_halt=environment_halt(environment),
    )


def environment_halt(environment: Mapping[str, str]) -> str:
    """Say why ``EXECUTION_HALTED`` halts, or return empty text; it holds while we live."""
    value = environment.get("EXECUTION_HALTED")
    if value is None or value.strip().lower() in _FALSE:
        return ""
    if value.strip().lower() in _TRUE:
        return "EXECUTION_HALTED is set"
    return f"EXECUTION_HALTED is {value!r}; allowed is 1 or 0, anything else halts"


def live_authority_problems(settings: Settings, environment: Mapping[str, str]) -> tuple[str, ...]:
    """List what is missing before ``mode: live`` may even connect."""
    if settings.mode is not Mode.LIVE:
        return ()
    problems = []
    agent_mode = environment.get("AGENT_MODE", "")
    if agent_mode not in ("LIVE", "EXECUTE"):
        problems.append(f"AGENT_MODE is {agent_mode!r}, allowed for live is 'LIVE'")
    record = settings.state_dir / "go_live.json"
    # A record is made by the promotion gate from real paper evidence; evidence from the
    # simulator never counts, and no gate exists yet that could sign one.
    problems.append(
        f"go-live record {record}: "
        + ("not signed by a promotion gate" if record.exists() else "missing")
        + "; live trading stays refused until a promotion gate has signed one"
    )
    return tuple(problems)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}"]) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            [f"{path}: not readable as YAML: {' '.join(str(error).split())}"]
        ) from error
    if not isinstance(values, dict):
        raise ConfigError([f"{path}: is {type(values).__name__}, allowed is a mapping of settings"])
    return values


def _assign(values: dict[str, Any], assignment: str) -> None:
    key, equals, text = assignment.partition("=")
    if not equals or not key:
        raise ConfigError(
            [f"--set {assignment!r}: allowed is key=value, for example broker.port=7497"]
        )
    *parents, last = key.split(".")
    at = values
    for parent in parents:
        at = at.setdefault(parent, {})
        if not isinstance(at, dict):
            raise ConfigError([f"--set {assignment!r}: {parent} is not a section"])
    at[last] = yaml.safe_load(text)


def _lines(path: Path, error: ValidationError) -> list[str]:
    lines = []
    for row in error.errors():
        field = ".".join(str(part) for part in row["loc"]) or "settings"
        if row["type"] == "extra_forbidden":
            lines.append(f"{path}: {field}: unknown setting (value {row['input']!r})")
        elif row["type"] == "missing":
            lines.append(f"{path}: {field}: missing")
        else:
            lines.append(f"{path}: {field}: value {row['input']!r}: {row['msg']}")
    return lines


def _with_environment(settings: Settings, environment: Mapping[str, str]) -> Settings:
    changes: dict[str, Any] = {}
    if environment.get("TRADER_ACCOUNT"):
        changes["account"] = environment["TRADER_ACCOUNT"]
    if environment.get("EXEC_DRY_RUN", "").strip().lower() in _TRUE:
        changes["mode"] = Mode.DRY_RUN
    agent_mode = environment.get("AGENT_MODE", "")
    if agent_mode == "SHADOW_MODE" and settings.mode is not Mode.DRY_RUN:
        changes["mode"] = Mode.SHADOW
    return settings.model_copy(update=changes)


def _tightened(limits: RiskLimits, environment: Mapping[str, str]) -> RiskLimits:
    """Apply the limits that operators set by environment; they can only tighten."""
    values = {name: getattr(limits, name) for name in RiskLimits.__dataclass_fields__}
    orders = environment.get("EXEC_MAX_DAILY_TRADES")
    if orders is not None:
        values["orders_per_day_max"] = min(
            limits.orders_per_day_max, int(_number("EXEC_MAX_DAILY_TRADES", orders))
        )
    quantity = environment.get("EXEC_MAX_POSITION_QTY")
    if quantity is not None:
        most = min(limits.position_quantity_max, _number("EXEC_MAX_POSITION_QTY", quantity))
        values["position_quantity_max"] = most
        values["order_quantity_max"] = min(limits.order_quantity_max, most)
    return RiskLimits(**values)


def _number(name: str, text: str) -> Decimal:
    if not text.strip().isdigit() or int(text) < 1:
        raise ConfigError([f"{name} is {text!r}, allowed is a whole number above 0"])
    return Decimal(text.strip())


def _read_targets(path: Path) -> RiskLimits:
    values = _read_yaml(path)
    try:
        return TargetsSection(**values).limits()
    except ValidationError as error:
        raise ConfigError(_lines(path, error)) from error


_ASSET_COLUMNS = ("symbol", "sec_type", "exchange", "currency", "primary_exchange", "tradeable")


def _read_assets(path: Path) -> tuple[InstrumentSpec, ...]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != _ASSET_COLUMNS:
                raise ConfigError(
                    [
                        f"{path}: columns are {reader.fieldnames}, allowed is exactly "
                        f"{', '.join(_ASSET_COLUMNS)}"
                    ]
                )
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError([f"{path}: {error}"]) from error
    specs = tuple(_asset(path, number, row) for number, row in enumerate(rows, start=2))
    symbols = [spec.symbol for spec in specs]
    twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
    if twice:
        raise ConfigError([f"{path}: listed twice: {', '.join(twice)}"])
    if not specs:
        raise ConfigError([f"{path}: no instruments"])
    return specs


def _asset(path: Path, number: int, row: dict[str | Any, Any]) -> InstrumentSpec:
    tradeable = str(row.get("tradeable") or "").lower()
    if tradeable not in ("yes", "no"):
        raise ConfigError(
            [f"{path}: line {number}: tradeable is {tradeable!r}, allowed is yes or no"]
        )
    for column in ("symbol", "sec_type", "exchange", "currency"):
        if not row.get(column):
            raise ConfigError([f"{path}: line {number}: {column} is missing"])
    return InstrumentSpec(
        symbol=row["symbol"],
        sec_type=row["sec_type"],
        exchange=row["exchange"],
        currency=row["currency"],
        primary_exchange=row.get("primary_exchange") or "",
        is_tradeable=tradeable == "yes",
    )


def _relations(settings: Settings, instruments: tuple[InstrumentSpec, ...]) -> list[str]:
    """List what each setting allows alone and the settings together do not."""
    broker, drain = settings.broker, settings.drain
    problems = []
    if not settings.account:
        problems.append(
            "account: missing; allowed is the account's name, here, as TRADER_ACCOUNT or --account"
        )
    if settings.mode is Mode.DEMO and not DEMO_ACCOUNT_FORM.fullmatch(settings.account):
        problems.append(
            f"account: {settings.account!r}, allowed in mode demo is only the name with a nonce "
            "that the demo's own simulator announces"
        )
    if broker.messages_per_s > _PACING_PER_S_MAX:
        problems.append(
            f"broker.messages_per_s is {broker.messages_per_s}, allowed is at most "
            f"{_PACING_PER_S_MAX}: IBKR drops connections at 50"
        )
    if broker.backoff_s_min > broker.backoff_s_max:
        problems.append(
            f"broker.backoff_s_min {broker.backoff_s_min} is above backoff_s_max "
            f"{broker.backoff_s_max}"
        )
    needed_s = broker.heartbeat_interval_s + broker.heartbeat_deadline_s
    if broker.heartbeat_age_s_max < needed_s:
        problems.append(
            f"broker.heartbeat_age_s_max is {broker.heartbeat_age_s_max}, allowed is at least "
            f"interval + deadline = {needed_s}"
        )
    steps_s = drain.in_flight_s + drain.cancel_s + drain.reconcile_s + drain.checkpoint_s
    if steps_s >= drain.stop_timeout_s:
        problems.append(
            f"drain: the steps take up to {steps_s} s, allowed is below stop_timeout_s "
            f"{drain.stop_timeout_s}"
        )
    momentum = settings.strategies.momentum
    if momentum is not None:
        known = {spec.symbol for spec in instruments if spec.is_tradeable}
        for symbol in momentum.symbols:
            if symbol not in known:
                problems.append(
                    f"strategies.momentum.symbols: {symbol!r} is not among the tradeable assets "
                    f"({', '.join(sorted(known))})"
                )
        if momentum.quantity != momentum.quantity.to_integral_value():
            problems.append(
                f"strategies.momentum.quantity is {momentum.quantity}, allowed is a whole number"
            )
    return problems


def _halt_file(settings: Settings, environment: Mapping[str, str]) -> Path:
    named = environment.get("EXECUTION_HALTED_FILE")
    if named:
        return Path(named)
    return settings.halt_file or settings.state_dir / "HALT"


def _journal_file(settings: Settings, environment: Mapping[str, str]) -> Path:
    url = environment.get("DATABASE_URL", "")
    if not url:
        return settings.state_dir / "journal.db"
    prefix = "sqlite:///"
    if not url.startswith(prefix):
        raise ConfigError([f"DATABASE_URL is {url!r}, allowed is {prefix}PATH"])
    return Path(url.removeprefix(prefix))


def process_environment() -> Mapping[str, str]:
    """Return the environment of this process."""
    return dict(os.environ)
