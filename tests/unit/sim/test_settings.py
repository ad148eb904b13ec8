"""Settings are checked when they are made."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from trader.sim.settings import Declared, Settings, SettingsError, is_loopback


def make(**changes: object) -> Settings:
    values: dict[str, object] = {"account": "DUSIM1", "seed": 1, "data": Path(__file__).parent}
    return Settings(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("account", "DU 1"),
        ("account", ""),
        ("account", "DU\u00e9"),
        ("seed", -1),
        ("port", -1),
        ("port", 65536),
        ("control_port", 70000),
        ("speed", 0.0),
        ("speed", float("nan")),
        ("cash", Decimal("-1")),
        ("cash", Decimal("NaN")),
        ("server_version", 156),
        ("server_version", 201),
        ("tick_interval_s", 0.0),
        ("ack_s", (0.2, 0.1)),
        ("fill_s", (-1.0, 1.0)),
        ("sessions", "sometimes"),
        ("account_kind", "joint"),
        ("currency", "usd"),
        ("currency", "EURO"),
        ("commissions", "none"),
        ("zone", "Mars/Olympus"),
        ("child_logs", Path("/no/such/folder")),
        ("zone", ""),
        ("zone", "../etc/passwd"),
        ("host", "0.0.0.0"),
        ("host", "example.org"),
        ("data", Path("/nonexistent")),
    ],
)
def test_a_wrong_value_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        make(**{field: value})
    name = field.removesuffix("_s").replace("_", "-")
    assert name in str(caught.value)
    assert "allowed" in str(caught.value)


@pytest.mark.parametrize("more", [("DU 2",), ("DUSIM1",), ("DU2", "DU2"), ("",), ("DU\u00e9",)])
def test_each_account_is_named_once_in_letters_and_digits(more: tuple[str, ...]) -> None:
    assert make(more_accounts=("DU2", "DU3")).more_accounts == ("DU2", "DU3")
    with pytest.raises(SettingsError, match=r"account: .* each name once"):
        make(more_accounts=more)


def test_a_remote_bind_needs_permission() -> None:
    assert make(host="0.0.0.0", may_be_remote=True).host == "0.0.0.0"


def test_loopback_is_recognised() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "127.1.2.3"))
    assert not any(is_loopback(host) for host in ("10.0.0.1", "::", "host"))


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("children", (Declared("Bot", ("true",)),), "child: Bot"),
        ("children", (Declared("", ("true",)),), "child: an empty text"),
        ("children", (Declared("bot", ("true",)), Declared("bot", ("false",))), "child: bot"),
        ("lockables", (("../x", Path("x.db")),), "lockable: ../x"),
    ],
)
def test_what_is_declared_has_a_plain_name_of_its_own(field: str, value: object, name: str) -> None:
    with pytest.raises(SettingsError, match="small letters, digits and hyphens") as caught:
        make(**{field: value})
    assert str(caught.value).startswith(f"{name} is not allowed")
