"""What an emergency may touch is what the daemon was configured for, and nothing it would not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.emergency.exchange import settings_for
from trader.config import load
from trader.core.ids import AccountId, ClientId
from trader.core.instruments import InstrumentSpec
from trader.emergency.settings import reach_of, settings_of

CONFIG = Path(__file__).resolve().parents[3] / "config" / "paper.yaml"
SETTINGS = settings_for(7497)


def test_a_daemons_settings_come_back_from_what_it_left_behind() -> None:
    config = load(CONFIG, {"TRADER_ACCOUNT": "DU1"})
    found = settings_of(reach_of(config, "abc123"))
    broker = config.settings.broker
    assert (found.host, found.port, found.client_id) == (broker.host, broker.port, broker.client_id)
    assert found.emergency_client_id == broker.client_id + 1000
    assert [_identity(spec) for spec in found.instruments] == [
        _identity(spec) for spec in config.instruments
    ]
    assert (found.account, found.lineage, found.mode) == ("DU1", "abc123", config.settings.mode)
    assert found.broker(found.client_id).account == "DU1"


def test_the_journal_is_said_without_a_path_where_it_is_the_states_own() -> None:
    config = load(CONFIG, {"TRADER_ACCOUNT": "DU1"})
    assert reach_of(config, "abc123").journal == ""
    named = {"TRADER_ACCOUNT": "DU1", "DATABASE_URL": "sqlite:////srv/other.db"}
    assert reach_of(load(CONFIG, named), "abc123").journal == "/srv/other.db"


def _identity(spec: InstrumentSpec) -> tuple[object, ...]:
    """Return what makes a contract the one that is meant."""
    return (
        spec.symbol,
        spec.sec_type,
        spec.exchange,
        spec.currency,
        spec.primary_exchange,
        spec.is_tradeable,
    )


def test_both_ids_are_ours() -> None:
    assert SETTINGS.own == {ClientId(7), ClientId(1007)}


def test_the_sentinel_has_an_id_of_its_own_and_knows_the_kill_switchs_as_ours() -> None:
    found = SETTINGS.with_second_id(ClientId(1008))
    assert found.emergency_client_id == 1008
    assert found.own == {ClientId(7), ClientId(1007), ClientId(1008)}


@pytest.mark.parametrize(
    ("mode", "account", "reported", "problem"),
    [
        ("paper", "DU1", ("DU1",), None),
        ("live", "U1", ("U1", "U2"), None),
        ("paper", "DU1", ("DU2",), "account DU1 is configured, the link reports DU2"),
        ("paper", "DU1", (), "the link reports none"),
        ("live", "DU1", ("DU1",), "mode live, but DU1 is a paper account"),
        ("paper", "U1", ("U1",), "allows paper accounts only"),
        ("shadow", "DU1", ("DU1",), "mode shadow sends no orders"),
        ("dry_run", "DU1", ("DU1",), "mode dry_run sends no orders"),
    ],
)
def test_nothing_is_sent_to_an_account_that_the_mode_does_not_allow(
    mode: str, account: str, reported: tuple[str, ...], problem: str | None
) -> None:
    settings = replace(SETTINGS, mode=mode, account=AccountId(account))
    found = settings.account_problem(tuple(map(AccountId, reported)))
    assert (found is None) == (problem is None)
    assert problem is None or problem in str(found)
