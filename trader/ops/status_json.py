"""The status as JSON, and in three words: is it ready, is it alive, has it started.

Liveness is about the process only: a link that is down, a halt or an old report is never a
reason to restart it (RUN-03). Readiness is about trading.
"""

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from trader.core.halts import HaltCause, Posture
from trader.engine.status import Status
from trader.ops.halt_record import utc_text

# The inbox moves only when the broker speaks, and a quiet weekend is no fault. It handles what
# comes without waiting in between, so a wedged inbox shows as a lagging loop.
_UNTIMED = {"inbox": math.inf}
# Most of a status, and JSON already; asked for first.
_AS_IT_IS = frozenset({str, int, bool, type(None)})


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """When the process counts as wedged; ``task_age_s`` overrides the default by task name.

    The default leaves room for the slowest round of a well task: a connect with every phase at
    its deadline and the longest pause after it, or three checkpoint intervals.
    """

    loop_lag_s_max: float = 1.0
    task_age_s_max: float = 180.0
    task_age_s: Mapping[str, float] = field(default_factory=lambda: dict(_UNTIMED))


def plain(value: object) -> object:
    """Turn a status into what JSON can hold: decimals and times as text, non-finite as null."""
    if type(value) in _AS_IT_IS:
        return value
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str):
        return str(value)  # A StrEnum too.
    if isinstance(value, bool) or value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    assert dataclasses.is_dataclass(value), f"{type(value).__name__} in the status"
    kind: Any = type(value)
    return {name: plain(getattr(value, name)) for name in _names_of(kind)}


@cache
def _names_of(cls: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cls))


def agent_state(status: Status) -> str:
    """Return READY, SHADOW_MODE while nothing may be added, or the posture in capitals."""
    if status.is_ready:
        return "READY"
    if status.posture is Posture.REDUCE_ONLY:
        return "SHADOW_MODE"
    return status.posture.value.upper()


def reasons_not_ready(status: Status) -> list[str]:
    """Return every reason against trading; empty when ready."""
    if status.is_ready:
        return []
    reasons = [f"{name}: {text}" for name, text in (*status.causes, *status.restrictions)]
    return reasons or [f"not ready while {status.posture} in mode {status.mode}"]


def reasons_not_serviceable(status: Status, limits: HealthLimits) -> list[str]:
    """Return every reason to think that the process is wedged; empty when it is well."""
    reasons = []
    # Written so that a lag or an age that is not a number counts as too much.
    if not status.loop_lag_s <= limits.loop_lag_s_max:
        reasons.append(
            f"event loop lags {status.loop_lag_s:.3f} s, allowed {limits.loop_lag_s_max:g} s"
        )
    for name, age_s in status.task_ages_s:
        age_s_max = limits.task_age_s.get(name, limits.task_age_s_max)
        if not age_s <= age_s_max:
            reasons.append(f"task {name} last moved {age_s:.1f} s ago, allowed {age_s_max:g} s")
    return reasons


def is_started(status: Status) -> bool:
    """Tell whether the first reconciliation was attempted."""
    return all(cause is not HaltCause.STARTING for cause, _ in status.causes)


def status_text(status: Status) -> str:
    """Return the whole status as JSON text, with the two answers people look for first."""
    body = plain(status)
    assert isinstance(body, dict)
    head = {"agent_state": agent_state(status), "reasons": reasons_not_ready(status)}
    return json.dumps(head | body, ensure_ascii=False, allow_nan=False)
