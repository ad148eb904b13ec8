"""What the settings say of restart, login and policy is what is planned with."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.unit.config.support import write_files
from trader.config import load
from trader.config.session_terms import session_terms
from trader.core.policy import SessionPolicy, TradingHours
from trader.core.schedule import SessionTerms, WeeklyLogin

BROKER = {
    "zone": "Europe/Berlin",
    "restart_at": "23:45",
    "restart_s": 420.0,
    "weekly_login_at": "Sun 01:00",
}


def test_terms_are_those_of_the_settings(tmp_path: Path) -> None:
    path = write_files(
        tmp_path, {"broker": BROKER}, session__hours="extended", session__close_guard_s=60
    )
    assert session_terms(load(path, {})) == SessionTerms(
        zone=ZoneInfo("Europe/Berlin"),
        restart_at=time(23, 45),
        restart_s=420.0,
        weekly_login=WeeklyLogin(6, time(1)),
        policy=SessionPolicy(TradingHours.EXTENDED, close_guard_s=60.0),
    )


def test_what_is_not_set_is_not_planned(tmp_path: Path) -> None:
    terms = session_terms(load(write_files(tmp_path), {}))
    assert (terms.restart_at, terms.weekly_login, terms.is_simulated) == (None, None, False)


def test_a_simulated_account_is_known_by_its_name(tmp_path: Path) -> None:
    config = load(write_files(tmp_path), {}, account="DUSIM0123456789abcdef")
    assert session_terms(config).is_simulated
