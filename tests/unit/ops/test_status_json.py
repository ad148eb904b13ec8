"""The status in JSON, and what makes it ready, alive and started."""

from __future__ import annotations

import json
import math
from decimal import Decimal

import pytest

from tests.unit.ops.support import NOW, READY, status
from trader.core.halts import HaltCause, Posture
from trader.ops.status_json import (
    HealthLimits,
    agent_state,
    is_started,
    plain,
    reasons_not_ready,
    reasons_not_serviceable,
    status_text,
)

HALTED = status(
    posture=Posture.HALTED,
    is_ready=False,
    causes=((HaltCause.STARTING, "connecting"), (HaltCause.LINK, "no socket")),
)


def test_the_text_holds_every_field_exactly() -> None:
    body = json.loads(status_text(READY))
    assert set(body) == {"agent_state", "reasons", *READY.__dataclass_fields__}
    assert body["money"]["cash"] == "95000.50"
    assert body["orders"][0]["limit_price"] == "187.25"
    assert body["orders"][0]["stop_price"] is None
    assert body["now_utc"] == "2025-03-14T14:30:05.000Z"
    assert body["posture"] == "armed"
    assert (body["agent_state"], body["reasons"]) == ("READY", [])


def test_what_json_cannot_hold_is_null_or_text() -> None:
    assert plain((math.nan, math.inf, Decimal("1E+3"), NOW, True, None)) == [
        None,
        None,
        "1000",
        "2025-03-14T14:30:05.000Z",
        True,
        None,
    ]
    with pytest.raises(AssertionError, match="set in the status"):
        plain({1})


def test_every_cause_is_a_reason_and_there_is_always_one() -> None:
    assert reasons_not_ready(HALTED) == ["starting: connecting", "link: no socket"]
    assert agent_state(HALTED) == "HALTED"
    assert reasons_not_ready(status(is_ready=False)) == ["not ready while armed in mode paper"]


def test_started_means_no_longer_starting() -> None:
    assert is_started(READY)
    assert not is_started(HALTED)


def test_liveness_knows_nothing_of_links_and_halts() -> None:
    assert reasons_not_serviceable(HALTED, HealthLimits()) == []


def test_a_quiet_weekend_is_no_fault() -> None:
    quiet = status(task_ages_s=(("inbox", 200_000.0), ("checkpoint", 61.0), ("link-watch", 90.0)))
    assert reasons_not_serviceable(quiet, HealthLimits()) == []


def test_a_lagging_loop_and_a_stuck_task_are_not_serviceable() -> None:
    limits = HealthLimits(loop_lag_s_max=0.5, task_age_s_max=10, task_age_s={"slow": 100})
    stuck = status(loop_lag_s=0.6, task_ages_s=(("inbox", 11.0), ("slow", 99.0)))
    assert reasons_not_serviceable(stuck, limits) == [
        "event loop lags 0.600 s, allowed 0.5 s",
        "task inbox last moved 11.0 s ago, allowed 10 s",
    ]
    nothing = status(loop_lag_s=math.nan, task_ages_s=(("inbox", math.nan),))
    assert len(reasons_not_serviceable(nothing, limits)) == 2


def test_nothing_may_be_added_is_called_shadow_mode_and_says_why() -> None:
    """BRK-03."""
    shown = status(
        posture=Posture.REDUCE_ONLY, is_ready=False, restrictions=(("daily_loss", "-0.03"),)
    )
    assert agent_state(shown) == "SHADOW_MODE"
    assert reasons_not_ready(shown) == ["daily_loss: -0.03"]


def test_names_of_a_mapping_become_text() -> None:
    assert plain({1: Decimal("1.50"), HaltCause.LINK: (NOW,)}) == {
        "1": "1.50",
        "link": ["2025-03-14T14:30:05.000Z"],
    }
