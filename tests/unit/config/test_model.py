"""Each setting alone: its type and its range, and nothing converted that was not meant."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.config.support import loaded, problems_of, write_files
from trader.config.model import DEMO_ACCOUNT_FORM, BrokerSection

MOMENTUM = {"symbols": ["AAPL"], "quantity": 10}


@pytest.mark.parametrize(
    ("section", "name", "value", "allowed"),
    [
        ("broker", "port", "7497", "a whole number"),
        ("broker", "port", True, "a whole number"),
        ("broker", "port", 7497.5, "a whole number"),
        ("broker", "port", 65536, "at most 65535"),
        ("broker", "client_id", 0, "1 or more"),
        ("broker", "tcp_deadline_s", 0, "above 0"),
        ("broker", "tcp_deadline_s", "5", "a number"),
        ("broker", "tcp_deadline_s", float("nan"), "a finite number"),
        ("broker", "tcp_deadline_s", float("inf"), "a finite number"),
        ("broker", "tcp_deadline_s", 86_401, "at most 86400"),
        ("broker", "messages_per_s", 46, "at most 45"),
        ("broker", "messages_burst", 46, "at most 45"),
        ("broker", "host", "", "String should have at least 1 character"),
        ("broker", "zone", "Bad/Zone", "the name of a time zone"),
        ("broker", "restart_at", "24:00", "a text like"),
        ("broker", "restart_at", "9:30", "a text like"),
        ("broker", "restart_at", 1425, "a text"),
        ("broker", "weekly_login_at", "Sunday 01:00", "a text like"),
        ("broker", "weekly_login_at", "Sun 24:00", "a text like"),
        ("broker", "weekly_login_at", "01:00", "a text like"),
        ("reconcile", "result_tolerance", -1, "0 or more"),
        ("reconcile", "result_share", 1.01, "at most 1"),
        ("reconcile", "result_share", -0.01, "0 or more"),
        ("reconcile", "result_readings", 1, "2 or more"),
        ("reconcile", "result_readings", 721, "at most 720"),
        ("reconcile", "result_resets", 1425, "a list"),
        ("reconcile", "result_resets", [], "a list of at least 1"),
        ("broker", "zone", "../../etc/passwd", "the name of a time zone"),
        ("control", "host", "0.0.0.0", "127.0.0.1, ::1 or localhost"),
        ("control", "host", "example.org", "127.0.0.1, ::1 or localhost"),
        ("control", "port", -1, "0 or more"),
        ("drain", "must_cancel_orders", "yes", "true or false"),
        ("drain", "must_cancel_orders", 1, "true or false"),
        ("reconcile", "cash_tolerance", "1.00", "a number"),
        ("reconcile", "cash_tolerance", True, "a number"),
        ("reconcile", "cash_tolerance", float("nan"), "a finite number"),
        ("reconcile", "cash_tolerance", -1, "0 or more"),
    ],
)
def test_a_wrong_value_is_refused_with_field_value_and_what_is_allowed(
    tmp_path: Path, section: str, name: str, value: Any, allowed: str
) -> None:
    path = write_files(tmp_path, {section: {name: value}})
    (problem,) = problems_of(path)
    assert problem.startswith(f"{path}: {section}.{name} is {value!r}, allowed is {allowed}")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("mode", "livve", "'dry_run', 'shadow', 'paper', 'live' or 'demo'"),
        ("account", 1234, "a text"),
        ("account", "DU 1", "a text like"),
        ("currency", "usd", "a text like"),
        ("state_dir", "", "a path"),
        ("state_dir", 5, "a path"),
        ("state_dir", "a\nb", "a path"),
        ("halt_file", "", "a path"),
        ("broker", 5, "a section"),
        ("broker", None, "a section"),
        ("strategies", {"momentum": MOMENTUM | {"symbols": []}}, "a list of at least 1"),
    ],
)
def test_a_wrong_value_at_the_top_is_refused_the_same_way(
    tmp_path: Path, name: str, value: Any, allowed: str
) -> None:
    path = write_files(tmp_path, {name: value})
    (problem,) = problems_of(path)
    assert problem.startswith(f"{path}: {name}")
    assert f", allowed is {allowed}" in problem


def test_decimals_are_those_that_stand_in_the_file(tmp_path: Path) -> None:
    momentum = MOMENTUM | {"entry_fraction": 0.0008}
    section = loaded(tmp_path, strategies={"momentum": momentum}).settings.strategies.momentum
    assert section is not None
    assert section.entry_fraction == Decimal("0.0008")
    assert section.quantity == Decimal(10)


def test_settings_do_not_change_once_they_are_loaded(tmp_path: Path) -> None:
    settings = loaded(tmp_path).settings
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, "mode", "live")  # noqa: B010 - mypy knows that it is frozen
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings.broker, "port", 1)  # noqa: B010


def test_a_gateway_that_is_back_after_hours_is_found_within_half_a_minute() -> None:
    """QUA-06: one attempt that fails slowly, the longest pause, and a few seconds to compare."""
    broker = BrokerSection()
    assert broker.tcp_deadline_s + broker.backoff_s_max + 5 <= 30


def test_settings_read_no_environment_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODE", "live")
    monkeypatch.setenv("CURRENCY", "EUR")
    settings = loaded(tmp_path).settings
    assert (settings.mode, settings.currency) == ("paper", "USD")


@pytest.mark.parametrize(
    "name", ["DU1234567", "DUSIM", "DUSIM0123456789abcde", "DUSIM0123456789ABCDEF", "U1"]
)
def test_no_account_but_a_simulators_has_the_demo_form(name: str) -> None:
    assert DEMO_ACCOUNT_FORM.fullmatch("DUSIM0123456789abcdef")
    assert not DEMO_ACCOUNT_FORM.fullmatch(name)


@pytest.mark.parametrize("text", ["24:00", "9:30", "17.00", ""])
def test_each_reset_of_the_broker_is_a_time_of_the_clock(tmp_path: Path, text: str) -> None:
    path = write_files(tmp_path, {"reconcile": {"result_resets": ["23:55", text]}})
    (problem,) = problems_of(path)
    told = f"{path}: reconcile.result_resets.1 is {text!r}, allowed is a text like"
    assert problem.startswith(told)
