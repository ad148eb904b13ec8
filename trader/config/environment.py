"""The environment names that operators know; each can stop or tighten, none can loosen.

``EXECUTION_HALTED``, ``EXECUTION_HALTED_FILE``, ``EXEC_DRY_RUN``, ``AGENT_MODE``,
``EXEC_MAX_DAILY_TRADES``, ``EXEC_MAX_POSITION_QTY``, ``KILL_PNL``, ``MAX_DD``, ``DATABASE_URL``,
``TRADER_ACCOUNT``.
A value that is not understood never passes for "not set": it halts or it refuses the start.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path

from trader.config.errors import ConfigError, Problems, shown
from trader.config.model import Settings
from trader.core.halts import Mode
from trader.core.policy import BreakerPolicy, Policy

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
# What each word asks for. A word that asks for more than the file grants refuses the start; only
# SHADOW_MODE, which asks for less, is obeyed over the file.
_AGENT_MODES: Mapping[str, Mode] = {
    "LIVE": Mode.LIVE,
    "EXECUTE": Mode.LIVE,
    "PAPER": Mode.PAPER,
    "SHADOW_MODE": Mode.SHADOW,
}
_DIGITS_MAX = 12
_FRACTION_FORM = re.compile(r"([+-]?[0-9]{1,6}(?:\.[0-9]{1,12})?)(%?)", re.ASCII)
# The journal, below the state directory.
JOURNAL_FILE_NAME = "journal.db"


def environment_halt(environment: Mapping[str, str]) -> str:
    """Say why ``EXECUTION_HALTED`` halts, or return empty text; it holds while we live."""
    value = environment.get("EXECUTION_HALTED")
    if value is None or value.strip().lower() in _FALSE:
        return ""
    if value.strip().lower() in _TRUE:
        return "EXECUTION_HALTED is set"
    return f"EXECUTION_HALTED is {shown(value)}; allowed is 1 or 0, anything else halts"


def effective_mode(configured: Mode, environment: Mapping[str, str]) -> Mode:
    """Return the mode that file and environment leave together; raises ConfigError."""
    word = _agent_mode(environment)
    asked = _AGENT_MODES.get(word, configured)
    if asked is Mode.SHADOW:
        asked = configured if configured is Mode.DRY_RUN else Mode.SHADOW
    elif asked is not configured:
        raise ConfigError(
            [
                f"AGENT_MODE is {word!r} and mode is {configured.value!r}: they contradict each "
                f"other, allowed with {word} is mode {asked.value}"
            ]
        )
    return Mode.DRY_RUN if environment_dry_run(environment) else asked


def live_authority_problems(settings: Settings, environment: Mapping[str, str]) -> tuple[str, ...]:
    """List what is missing before ``mode: live`` may even connect."""
    if settings.mode is not Mode.LIVE:
        return ()
    problems = []
    agent_mode = environment.get("AGENT_MODE", "").strip()
    if _AGENT_MODES.get(agent_mode) is not Mode.LIVE:
        problems.append(f"AGENT_MODE is {shown(agent_mode)}, allowed for mode live is LIVE")
    record = settings.state_dir / "go_live.json"
    # A record is made by the promotion gate from real paper evidence; evidence from the
    # simulator never counts, and no gate exists yet that could sign one.
    found = "is not signed by a promotion gate" if record.exists() else "is missing"
    problems.append(
        f"go-live record {record} {found}: live trading stays refused until a promotion gate has "
        "signed one, and this version has no such gate"
    )
    return tuple(problems)


def environment_problems(environment: Mapping[str, str]) -> tuple[str, ...]:
    """List every name whose value is not understood, whatever the file says."""
    problems = Problems()
    readers: tuple[Callable[[Mapping[str, str]], object], ...] = (
        _agent_mode,
        environment_dry_run,
        _daily_trades,
        _position_quantity,
        _kill_loss,
        _most_drawdown,
        _journal_in,
    )
    for read in readers:
        problems.of(partial(read, environment))
    return tuple(problems.lines)


def tightened(policy: Policy, environment: Mapping[str, str]) -> Policy:
    """Apply the limits that operators set by environment; they can only tighten."""
    trades = _daily_trades(environment)
    if trades is not None:
        most_trades = min(policy.rate.daily_trades_max, trades)
        policy = replace(policy, rate=replace(policy.rate, daily_trades_max=most_trades))
    quantity = _position_quantity(environment)
    if quantity is not None:
        most = min(policy.position.quantity_max, Decimal(quantity))
        policy = replace(
            policy,
            position=replace(policy.position, quantity_max=most),
            order=replace(policy.order, quantity_max=min(policy.order.quantity_max, most)),
        )
    return replace(policy, breaker=_tightened_breakers(policy.breaker, environment))


def _tightened_breakers(breaker: BreakerPolicy, environment: Mapping[str, str]) -> BreakerPolicy:
    rules = breaker.rules
    loss = _kill_loss(environment)
    if loss is not None:
        limit = max(rules.loss_kill.limit, loss)
        rules = replace(rules, loss_kill=replace(rules.loss_kill, limit=limit))
    fall = _most_drawdown(environment)
    if fall is not None:
        limit = min(rules.drawdown.limit, fall)
        # Whoever names a limit wants it to hold, whatever the file says of the breaker.
        rules = replace(rules, drawdown=replace(rules.drawdown, limit=limit, is_enabled=True))
    return replace(breaker, rules=rules)


def halt_file_of(settings: Settings, environment: Mapping[str, str]) -> Path:
    """Return the halt file: the environment's, the settings', or ``HALT`` in the state."""
    named = environment.get("EXECUTION_HALTED_FILE")
    if named:
        return Path(named).absolute()
    return settings.halt_file or settings.state_dir / "HALT"


def journal_file_of(settings: Settings, environment: Mapping[str, str]) -> Path:
    """Return the journal of these settings; raises ConfigError."""
    return journal_file_in(settings.state_dir, environment)


def journal_file_in(state_dir: Path, environment: Mapping[str, str]) -> Path:
    """Return the journal: ``DATABASE_URL``'s file or ``journal.db`` in the state.

    Raises ConfigError.
    """
    return _journal_in(environment) or state_dir / JOURNAL_FILE_NAME


def process_environment() -> Mapping[str, str]:
    """Return the environment of this process."""
    return dict(os.environ)


def _journal_in(environment: Mapping[str, str]) -> Path | None:
    """Return the journal that ``DATABASE_URL`` names; None when it is not set."""
    url = environment.get("DATABASE_URL", "")
    if not url:
        return None
    scheme, separator, name = url.partition(":///")
    # The value is not shown: a URL for another database may hold a password.
    if scheme != "sqlite" or not separator:
        raise ConfigError(
            [f"DATABASE_URL begins with {shown(url.partition(':')[0])}, allowed is sqlite:///PATH"]
        )
    if not name or name.startswith(":"):
        # A journal in memory would forget every promise with the process.
        raise ConfigError([f"DATABASE_URL names {shown(name)}, allowed is the path of a file"])
    return Path(name).absolute()


def _agent_mode(environment: Mapping[str, str]) -> str:
    word = environment.get("AGENT_MODE", "").strip()
    if word and word not in _AGENT_MODES:
        allowed = ", ".join(_AGENT_MODES)
        raise ConfigError([f"AGENT_MODE is {shown(word)}, allowed is {allowed}, or not set"])
    return word


def environment_dry_run(environment: Mapping[str, str]) -> bool:
    """Tell whether ``EXEC_DRY_RUN`` is set; raises ConfigError."""
    value = environment.get("EXEC_DRY_RUN")
    if value is None or value.strip().lower() in _FALSE:
        return False
    if value.strip().lower() in _TRUE:
        return True
    raise ConfigError([f"EXEC_DRY_RUN is {shown(value)}, allowed is 1, 0, or not set"])


def _daily_trades(environment: Mapping[str, str]) -> int | None:
    return _count(environment, "EXEC_MAX_DAILY_TRADES")


def _position_quantity(environment: Mapping[str, str]) -> int | None:
    return _count(environment, "EXEC_MAX_POSITION_QTY")


def _kill_loss(environment: Mapping[str, str]) -> Decimal | None:
    loss = _fraction(environment, "KILL_PNL", "a loss between -1 and 0, for example -0.05 or -5%")
    if loss is not None and not -1 < loss < 0:
        raise _no_fraction(environment, "KILL_PNL", "a loss between -1 and 0")
    return loss


def _most_drawdown(environment: Mapping[str, str]) -> Decimal | None:
    fall = _fraction(environment, "MAX_DD", "a fall between 0 and 1, for example 0.15 or 15%")
    if fall is not None and not 0 < fall < 1:
        raise _no_fraction(environment, "MAX_DD", "a fall between 0 and 1")
    return fall


def _fraction(environment: Mapping[str, str], name: str, allowed: str) -> Decimal | None:
    """Read a share, written as a fraction or in percent; None when it is not set."""
    text = environment.get(name)
    if text is None:
        return None
    found = _FRACTION_FORM.fullmatch(text.strip())
    if found is None:
        raise _no_fraction(environment, name, allowed)
    return Decimal(found[1]) / 100 if found[2] else Decimal(found[1])


def _no_fraction(environment: Mapping[str, str], name: str, allowed: str) -> ConfigError:
    return ConfigError([f"{name} is {shown(environment[name])}, allowed is {allowed}"])


def _count(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name)
    if text is None:
        return None
    digits = text.strip()
    is_number = digits.isascii() and digits.isdecimal() and len(digits) <= _DIGITS_MAX
    if not is_number or int(digits) < 1:
        raise ConfigError([f"{name} is {shown(text)}, allowed is a whole number above 0"])
    return int(digits)
