"""What each setting allows alone and the settings together do not."""

from collections.abc import Iterable

from trader.config.model import (
    DEMO_ACCOUNT_FORM,
    PACING_PER_S_MAX,
    MomentumSection,
    OwnStrategySection,
    RedisSection,
    Settings,
    StrategiesSection,
    is_loopback,
    redis_parts,
)
from trader.core.halts import Mode
from trader.core.instruments import InstrumentSpec
from trader.core.policy import Policy

ACCOUNT_MISSING = (
    "account is missing, allowed is the account's name: here, as TRADER_ACCOUNT or with --account"
)
_ABSENCE_S_MIN = 30.0
# A gateway tells unchanged account values again so often (INC-037).
_ACCOUNT_PERIOD_S = 180.0
# The consumer of the files, and how long a sink may take over a part.
FILES = "files"
TAKE_S = 10.0
# Folders below the state directory that have other files in them.
_TAKEN = ("archive", "audit_logs", "data", "reports", "results")
# Orders that no strategy wished for carry two of these; under the third the journal may hold
# positions and a state that are momentum's, whether it runs or not.
_RESERVED = ("api", "momentum", "operator")
# So many looks at least fit into the silence that the sentinel acts on.
_SENTINEL_LOOKS = 4


def relation_problems(
    settings: Settings, instruments: tuple[InstrumentSpec, ...] | None
) -> list[str]:
    """Return one line for each contradiction; ``instruments`` is None where none could be read."""
    problems = [*_account_problems(settings), *_broker_problems(settings)]
    problems += _line_problems(settings, instruments)
    problems += _drain_problems(settings)
    problems += _sentinel_problems(settings)
    problems += _reconcile_problems(settings)
    problems += _outbox_problems(settings)
    problems += _retention_problems(settings)
    if settings.strategies.momentum is not None and instruments is not None:
        problems += _momentum_problems(settings.strategies.momentum, instruments)
    problems += _own_strategy_problems(settings.strategies, instruments)
    return problems


def policy_problems(settings: Settings, policy: Policy) -> Iterable[str]:
    """Say of each strategy that the policy limits and nobody runs: it may be another's limit."""
    known = ("api", "momentum", *(one.name for one in settings.strategies.own))
    for row in policy.coordination.strategies:
        if row.name not in known:
            yield (
                f"{settings.targets_file}: coordination.strategies.{row.name} is of no strategy, "
                f"allowed is one of {', '.join(known)}"
            )


def _account_problems(settings: Settings) -> Iterable[str]:
    if not settings.account:
        yield ACCOUNT_MISSING
    elif settings.mode is Mode.DEMO and not DEMO_ACCOUNT_FORM.fullmatch(settings.account):
        yield (
            f"account is {settings.account!r}, allowed in mode demo is only the name with a nonce "
            "that the demo's own simulator announces"
        )


def _broker_problems(settings: Settings) -> Iterable[str]:
    broker = settings.broker
    if broker.emergency_client_id == broker.client_id:
        yield (
            f"broker.emergency_client_id is {broker.emergency_client_id}, allowed is another one "
            "than client_id: it is for the time when that one is locked"
        )
    if broker.backoff_s_min > broker.backoff_s_max:
        yield (
            f"broker.backoff_s_min is {broker.backoff_s_min:g}, allowed is at most "
            f"backoff_s_max = {broker.backoff_s_max:g}"
        )
    in_a_second = broker.messages_per_s + broker.messages_burst
    if in_a_second > PACING_PER_S_MAX:
        yield (
            f"broker.messages_per_s is {broker.messages_per_s:g}, with messages_burst = "
            f"{broker.messages_burst:g} that makes {in_a_second:g} in one second, allowed is at "
            f"most {PACING_PER_S_MAX:g}"
        )
    needed_s = broker.heartbeat_interval_s + broker.heartbeat_deadline_s
    if broker.heartbeat_age_s_max < needed_s:
        yield (
            f"broker.heartbeat_age_s_max is {broker.heartbeat_age_s_max:g}, allowed is at least "
            f"heartbeat_interval_s + heartbeat_deadline_s = {needed_s:g}"
        )
    if broker.silence_s_max < broker.heartbeat_age_s_max:
        yield (
            f"broker.silence_s_max is {broker.silence_s_max:g}, allowed is at least "
            f"heartbeat_age_s_max = {broker.heartbeat_age_s_max:g}: slow is not dead"
        )


def _line_problems(
    settings: Settings, instruments: tuple[InstrumentSpec, ...] | None
) -> Iterable[str]:
    """Every instrument takes a line, indices included; what other sessions take is not known."""
    count, most = len(instruments or ()), settings.market_data.lines_max
    if count > most:
        yield (
            f"market_data.lines_max is {most}, and the assets file names {count} instruments: "
            "allowed is one line for each of them (error 101 would leave the last ones blind)"
        )


def _drain_problems(settings: Settings) -> Iterable[str]:
    drain = settings.drain
    steps_s = drain.in_flight_s + drain.cancel_s + drain.reconcile_s + drain.checkpoint_s
    if steps_s >= drain.stop_timeout_s:
        yield (
            f"drain.stop_timeout_s is {drain.stop_timeout_s:g}, allowed is above in_flight_s + "
            f"cancel_s + reconcile_s + checkpoint_s = {steps_s:g}: it is the time until systemd "
            "kills the process"
        )


def _sentinel_problems(settings: Settings) -> Iterable[str]:
    sentinel, broker = settings.sentinel, settings.broker
    systemd_s = sentinel.watchdog_s + sentinel.restart_s
    if sentinel.silence_s <= systemd_s:
        yield (
            f"sentinel.silence_s is {sentinel.silence_s:g}, allowed is above watchdog_s + "
            f"restart_s = {systemd_s:g}: systemd replaces a wedged daemon first"
        )
    looks_s = _SENTINEL_LOOKS * sentinel.check_s
    if sentinel.silence_s < looks_s:
        yield (
            f"sentinel.silence_s is {sentinel.silence_s:g}, allowed is at least "
            f"{_SENTINEL_LOOKS} times check_s = {looks_s:g}: one missed look proves nothing"
        )
    if sentinel.open_risk_grace_s < sentinel.silence_s:
        yield (
            f"sentinel.open_risk_grace_s is {sentinel.open_risk_grace_s:g}, allowed is at least "
            f"silence_s = {sentinel.silence_s:g}"
        )
    if sentinel.retry_s_min > sentinel.retry_s_max:
        yield (
            f"sentinel.retry_s_min is {sentinel.retry_s_min:g}, allowed is at most "
            f"retry_s_max = {sentinel.retry_s_max:g}"
        )
    taken = {broker.client_id: "broker.client_id", broker.second_client_id: "the kill switch's"}
    if sentinel.client_id in taken:
        yield (
            f"sentinel.client_id is {sentinel.client_id}, allowed is another one than "
            f"{taken[sentinel.client_id]}: a gateway takes each id once"
        )


def _reconcile_problems(settings: Settings) -> Iterable[str]:
    quiet_s, absence_s = settings.reconcile.quiet_s, settings.reconcile.absence_s
    if absence_s < quiet_s:
        yield (f"reconcile.absence_s is {absence_s:g}, allowed is at least quiet_s = {quiet_s:g}")
    # Two looks that lie closer together than the broker's slowest answer would prove an order
    # absent that is merely late. The demo knows how fast its own simulator answers.
    needed_s = max(_ABSENCE_S_MIN, 3 * settings.broker.ack_deadline_s)
    if settings.mode not in (Mode.PAPER, Mode.LIVE):
        return
    if absence_s < needed_s:
        yield (
            f"reconcile.absence_s is {absence_s:g}, allowed is at least {needed_s:g} (30, and "
            "three times broker.ack_deadline_s): an order that is only late must not pass for none"
        )
    cash_lag_s = settings.reconcile.cash_lag_s
    if cash_lag_s <= _ACCOUNT_PERIOD_S:
        yield (
            f"reconcile.cash_lag_s is {cash_lag_s:g}, allowed is above {_ACCOUNT_PERIOD_S:g}: the "
            f"broker tells account values every {_ACCOUNT_PERIOD_S:g} s, and two looks at the same "
            "values are one look"
        )


def _redis_problems(redis: RedisSection) -> Iterable[str]:
    together_s = redis.connect_s + redis.answer_s
    if together_s >= TAKE_S:
        yield (
            f"outbox.redis.answer_s is {redis.answer_s:g}, allowed is below {TAKE_S:g} together "
            f"with connect_s = {redis.connect_s:g}: so long a sink has to take a part"
        )
    if redis.consumer == FILES:
        yield f"outbox.redis.consumer is {redis.consumer!r}, allowed is another: it is the files'"
    parts = redis_parts(redis.url)
    assert parts is not None, "the address was looked at"
    has_tls, host, _, _ = parts
    if has_tls:
        return
    if redis.ca_file is not None:
        yield f"outbox.redis.ca_file is {redis.ca_file}, allowed is none with redis://: no TLS"
    if redis.password_file is not None and not is_loopback(host):
        yield (
            f"outbox.redis.url is {redis.url}, allowed with a password is rediss:// or a server "
            "on this machine: the password would cross the network in clear"
        )


def _outbox_problems(settings: Settings) -> Iterable[str]:
    if settings.outbox.redis is not None:
        yield from _redis_problems(settings.outbox.redis)
    folder = settings.outbox.folder
    # Whoever may read the streams has the folder opened to him, and not what lies beside.
    if folder is not None and (
        folder == settings.state_dir or folder in settings.state_dir.parents
    ):
        yield (
            f"outbox.folder is {folder}, allowed is a folder of its own, not the one of the state "
            "or one above it"
        )
    if folder is None:
        return
    for name in _TAKEN:
        taken = settings.state_dir / name
        if taken in (folder, *folder.parents):
            yield (
                f"outbox.folder is {folder}, allowed is a folder of its own, not in {taken}, whose "
                "files are others and are kept by other terms"
            )


def _retention_problems(settings: Settings) -> Iterable[str]:
    days = settings.retention
    if days.snapshots_days > days.reports_days:
        yield (
            f"retention.snapshots_days is {days.snapshots_days}, allowed is at most reports_days = "
            f"{days.reports_days}: the last snapshot of a day is kept longer than all of them"
        )
    if settings.outbox.kept_files == 0 and "streams_days" in days.model_fields_set:
        yield (
            f"retention.streams_days is {days.streams_days} and outbox.kept_files is 0, allowed is "
            "at least 1 there: no full file is kept for so much as a day"
        )


def _symbol_problems(
    field: str, symbols: tuple[str, ...], instruments: tuple[InstrumentSpec, ...], what: str
) -> Iterable[str]:
    known = sorted(spec.symbol for spec in instruments)
    for symbol in symbols:
        if symbol not in known:
            yield f"{field} has {symbol!r}, allowed are {what}: {', '.join(known)}"
    twice = sorted({name for name in symbols if symbols.count(name) > 1})
    if twice:
        yield f"{field} has {', '.join(twice)} twice, allowed is once"


def _own_strategy_problems(
    strategies: StrategiesSection, instruments: tuple[InstrumentSpec, ...] | None
) -> Iterable[str]:
    names = [one.name for one in strategies.own]
    for number, one in enumerate(strategies.own):
        field = f"strategies.own.{number}"
        if names.count(one.name) > 1 or one.name in _RESERVED:
            yield (
                f"{field}.name is {one.name!r}, allowed is a name that nothing else has: "
                f"{', '.join(sorted({*names, *_RESERVED}))} are taken"
            )
        yield from _pace_problems(field, one)
        if instruments is not None:
            # It may look at what nobody trades.
            yield from _symbol_problems(f"{field}.symbols", one.symbols, instruments, "the assets")
    if strategies.folder is not None and not strategies.folder.is_dir():
        yield f"strategies.folder is {strategies.folder}, allowed is a directory that is there"


def _pace_problems(field: str, pace: MomentumSection | OwnStrategySection) -> Iterable[str]:
    if not pace.output_age_s_max > pace.look_interval_s:
        yield (
            f"{field}.output_age_s_max is {pace.output_age_s_max:g}, allowed is above "
            f"look_interval_s = {pace.look_interval_s:g}: it answers no more often"
        )


def _momentum_problems(
    momentum: MomentumSection, instruments: tuple[InstrumentSpec, ...]
) -> Iterable[str]:
    tradeable = tuple(spec for spec in instruments if spec.is_tradeable)
    field = "strategies.momentum.symbols"
    yield from _pace_problems("strategies.momentum", momentum)
    yield from _symbol_problems(field, momentum.symbols, tradeable, "the tradeable assets")
    if momentum.quantity != momentum.quantity.to_integral_value():
        yield f"strategies.momentum.quantity is {momentum.quantity}, allowed is a whole number"
    if momentum.sample_s <= momentum.look_interval_s:
        # It would miss samples for ever, and with them every lookback.
        yield (
            f"strategies.momentum.sample_s is {momentum.sample_s:g}, allowed is above "
            f"look_interval_s = {momentum.look_interval_s:g}"
        )
