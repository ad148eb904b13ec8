"""The whole behind the connections: what it opens with, and what its truth counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sim.host.test_memory import joined, started
from tests.unit.sim.host.test_server import make
from tests.unit.sim.support import EPOCH_S, write_prices
from trader.sim.broker.money.accounts import Kind
from trader.sim.broker.money.commissions import Schedule
from trader.sim.host.memory import MemoryHost
from trader.sim.host.store import StateError, Store
from trader.sim.settings import SettingsError


def test_positions_are_there_from_the_start(tmp_path: Path) -> None:
    settings = make(write_prices(tmp_path), positions=(("AAPL", Decimal(7)),))
    host = MemoryHost(settings, epoch_s=EPOCH_S)
    host.start()
    (row,) = host.truth()["positions"]
    assert (row["symbol"], row["quantity"]) == ("AAPL", "7")


@pytest.mark.parametrize("symbol", ["NOPE", "VIX"])
def test_a_position_that_cannot_be_is_refused_by_name(tmp_path: Path, symbol: str) -> None:
    settings = make(write_prices(tmp_path), positions=((symbol, Decimal(7)),))
    with pytest.raises(SettingsError, match=f"position: {symbol} is not allowed; allowed: "):
        MemoryHost(settings, epoch_s=EPOCH_S).start()


def test_accounts_are_of_the_kind_and_currency_of_the_settings(tmp_path: Path) -> None:
    settings = make(
        write_prices(tmp_path), more_accounts=("DU2",), account_kind="cash", currency="EUR",
        commissions="tiered", cash=Decimal(500),
    )  # fmt: skip
    host = MemoryHost(settings, epoch_s=EPOCH_S)
    host.start()
    accounts = list(host.exchange.bank.accounts.values())
    assert [account.name for account in accounts] == [settings.account, "DU2"]
    assert {(one.kind, one.base, one.schedule) for one in accounts} == {
        (Kind.CASH, "EUR", Schedule.TIERED)
    }
    assert host.truth()["accounts"] == {
        settings.account: {"EUR": "500"}, "DU2": {"EUR": "500"},
    }  # fmt: skip


def test_a_base_currency_without_a_rate_is_refused(tmp_path: Path) -> None:
    settings = make(write_prices(tmp_path), currency="XYZ")
    allowed = "AUD, CAD, CHF, EUR, GBP, JPY, USD"
    with pytest.raises(SettingsError, match=f"currency: XYZ is not allowed; allowed: {allowed}$"):
        MemoryHost(settings, epoch_s=EPOCH_S).start()


def test_frames_of_connections_that_ended_are_counted_still(tmp_path: Path) -> None:
    host = started(tmp_path)
    peer = joined(host)
    host.clock.advance(0.1)
    during = host.truth()["frames"]["out"]
    peer.close()
    host.clock.advance(0.0)
    assert 0 < during == host.truth()["frames"]["out"]


def test_the_gateway_lives_in_the_zone_of_the_settings(tmp_path: Path) -> None:
    settings = make(write_prices(tmp_path), zone="America/New_York")
    host = MemoryHost(settings, epoch_s=EPOCH_S)
    assert str(host.gateway.zone) == "America/New_York"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": 8}, "seed: 8 is not allowed; allowed: 7"),
        ({"more_accounts": ("DU2",)}, "account: 2 of them is not allowed; allowed: 1"),
        ({"start_date": date(2099, 1, 1)}, "start-date: 2099-01-01 is not allowed"),
    ],
)
def test_a_start_that_is_refused_leaves_the_state_as_it_was(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    prices, state = write_prices(tmp_path), tmp_path / "state.db"
    settings = replace(make(prices), seed=7, state=state, account="DU1")
    host = MemoryHost(settings, epoch_s=EPOCH_S)
    host.start()
    host.close()
    refused = MemoryHost(replace(settings, account="DU9", **changes), epoch_s=EPOCH_S)
    with pytest.raises((SettingsError, StateError), match=said):
        refused.start()
    refused.close()
    store = Store(state)
    assert [account.name for account in store.accounts()] == ["DU1"]
    assert store.meta()["seed"] == 7
    store.close()
