"""Switches that would by-pass a check: refused where orders leave, elsewhere drills at most.

``MARKETDATA_HEALTH_CHECK_DISABLED``, ``MARKETDATA_FORCE_STALE``, and whatever of our prefixes ends
in ``_BYPASS`` or ``_DISABLED``. No such switch has ever loosened anything here, and none will; what
is set is refused by its name, so that nobody believes it works. One makes things stricter and is
obeyed outside of paper and live: with ``MARKETDATA_FORCE_STALE`` every quote counts as stale.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from trader.config.errors import shown
from trader.core.halts import Mode

FORCE_STALE = "MARKETDATA_FORCE_STALE"
_NAMED = frozenset({FORCE_STALE, "MARKETDATA_HEALTH_CHECK_DISABLED"})
_PREFIXES = (
    "AGENT_",
    "BREAKER_",
    "BROKER_",
    "EXEC_",
    "EXECUTION_",
    "HALT_",
    "KILL_",
    "MARKETDATA_",
    "MAX_",
    "ORDER_",
    "POLICY_",
    "RECONCILE_",
    "RISK_",
    "SENTINEL_",
    "TRADER_",
)
_ENDINGS = ("_BYPASS", "_DISABLED")
# Anything else counts as set: a value that is not understood never passes for "off".
_OFF = frozenset({"", "0", "false"})
_REFUSED_IN = frozenset({Mode.PAPER, Mode.LIVE})


@dataclass(frozen=True, slots=True)
class Drill:
    """The switches that are set in a mode that may be drilled; ``warnings`` has a line for each."""

    names: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    is_forced_stale: bool = False


def switches_set(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the switches that are set, in order."""
    return tuple(
        name
        for name in sorted(environment)
        if _is_switch(name.upper()) and environment[name].strip().lower() not in _OFF
    )


def switch_problems(mode: Mode, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Say of each switch that is set why the daemon does not start; none in a mode of drills."""
    if mode not in _REFUSED_IN:
        return ()
    return tuple(
        f"{name} is {shown(environment[name])}, allowed in mode {mode} is 0, or not set: "
        "no check is by-passed where orders leave"
        for name in switches_set(environment)
    )


def drill_of(mode: Mode, environment: Mapping[str, str]) -> Drill:
    """Return what the switches do in a mode of drills; nothing in any other."""
    if mode in _REFUSED_IN:
        return Drill()
    names = switches_set(environment)
    return Drill(names, tuple(map(_warning, names)), FORCE_STALE in names)


def _is_switch(name: str) -> bool:
    return name in _NAMED or (name.startswith(_PREFIXES) and name.endswith(_ENDINGS))


def _warning(name: str) -> str:
    if name == FORCE_STALE:
        return f"{name} is set: a drill, every quote counts as stale"
    return f"{name} is set and by-passes nothing; modes paper and live refuse to start with it"
