"""The reference of the settings is made from the model and says what the model holds."""

from __future__ import annotations

from pathlib import Path

from trader.config.reference import Described, described, reference

ROOT = Path(__file__).resolve().parents[3]


def row(name: str) -> Described:
    (found,) = (one for one in described() if one.name == name)
    return found


def test_the_document_is_what_the_model_says_today() -> None:
    """DOC-06."""
    written = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    assert written == reference(), "run scripts/make_configuration_reference.py"


def test_a_setting_has_type_range_default_and_unit() -> None:
    port = row("broker.port")
    assert (port.type, port.allowed, port.default) == ("whole number", "from 1, to 65535", "7497")
    wait = row("broker.tcp_deadline_s")
    assert (wait.type, wait.allowed, wait.default, wait.unit) == (
        "number", "above 0, to 86400", "5.0", "s",
    )  # fmt: skip
    assert row("state_dir").default == "required"
    assert row("halt_file").default == "not set"
    assert row("account").default == "empty"
    assert row("mode").allowed == "one of dry_run, shadow, paper, live, demo"


def test_a_decimal_is_a_number_and_shows_no_pattern_of_a_text() -> None:
    tolerance = row("reconcile.cash_tolerance")
    assert (tolerance.type, tolerance.allowed, tolerance.unit) == ("number", "from 0", "currency")


def test_what_is_below_an_optional_section_and_a_list_is_there() -> None:
    names = {one.name for one in described()}
    assert {"outbox.redis", "outbox.redis.url", "strategies.own[].use"} <= names
    assert "broker" not in names, "a section that is always there is no setting"


def test_a_pattern_does_not_break_the_table() -> None:
    (line,) = (text for text in reference().splitlines() if "`broker.restart_at`" in text)
    assert line.replace("\\|", "").count("|") == 7
