"""What facts about the gateway are judged to be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trader.core.halts import Mode
from trader.core.ids import AccountId, OrderId
from trader.doctor import gateway
from trader.doctor.findings import Level
from trader.doctor.gateway import Greeting, Line, Reached
from trader.ports import LinkFacts

NOW = datetime(2026, 11, 23, 15, 0, 2, tzinfo=UTC)


@pytest.mark.parametrize("reached", [one for one in Reached if one is not Reached.GREETED])
def test_each_way_not_to_be_greeted_fails_and_says_what_to_do(reached: Reached) -> None:
    found = gateway.port(Greeting("h:1", reached, "text"))
    assert (found.level, found.seen, found.todo != "") == (Level.FAIL, "h:1: text", True)


@pytest.mark.parametrize(
    ("version", "level"), [(157, Level.OK), (178, Level.OK), (156, Level.FAIL), (201, Level.FAIL)]
)
def test_a_server_version_must_be_ours(version: int, level: Level) -> None:
    assert gateway.port(Greeting("h:1", Reached.GREETED, version=version)).level is level


@pytest.mark.parametrize(
    ("told", "configured", "level"),
    [
        ("20261123 15:00:00 Greenwich Mean Time", "UTC", Level.OK),
        ("20261123 10:00:01 EST", "America/New_York", Level.OK),
        # Words of another language and a clock that is some seconds off are no other zone.
        ("20261123 16:00:40 Mitteleuropäische Zeit", "Europe/Berlin", Level.OK),
        ("20261123 10:00:01 EST", "UTC", Level.WARN),
        ("20261123 20:30:01 IST", "Asia/Kolkata", Level.OK),
        ("", "UTC", Level.UNKNOWN),
        ("soon", "UTC", Level.UNKNOWN),
    ],
)
def test_the_gateways_zone_is_told_by_its_clock(told: str, configured: str, level: Level) -> None:
    assert gateway.zone(told, NOW, configured).level is level


def test_a_port_with_the_number_of_the_code_is_no_client_id_in_use() -> None:
    assert gateway.is_in_use("client id: 326 Unable to connect")
    assert not gateway.is_in_use("tcp: 127.0.0.1:4326: connection refused")


def test_the_client_id_is_free_used_or_not_tried() -> None:
    assert gateway.client_id(7, None, is_daemon_running=False).level is Level.OK
    used = gateway.client_id(7, "client id: 326 already in use", is_daemon_running=False)
    assert (used.level, "broker.client_id" in used.todo) == (Level.FAIL, True)
    assert "not tried" in gateway.client_id(7, None, is_daemon_running=True).seen
    assert (
        gateway.client_id(7, "handshake: no accounts", is_daemon_running=False).level is Level.FAIL
    )


@pytest.mark.parametrize(
    ("mode", "configured", "accounts", "level"),
    [
        (Mode.PAPER, "DU1", ("DU1",), Level.OK),
        (Mode.PAPER, "DU1", ("DU1", "DU2"), Level.OK),
        (Mode.PAPER, "DU1", ("DU2",), Level.FAIL),
        (Mode.PAPER, "U1", ("U1",), Level.FAIL),
        (Mode.LIVE, "DU1", ("DU1",), Level.FAIL),
        (Mode.LIVE, "U1", ("U1",), Level.OK),
    ],
)
def test_account_and_mode_belong_together(
    mode: Mode, configured: str, accounts: tuple[str, ...], level: Level
) -> None:
    facts = LinkFacts(tuple(map(AccountId, accounts)), 178, OrderId(1))
    assert gateway.account(mode, configured, facts).level is level


@pytest.mark.parametrize(
    ("is_up", "farms", "level"),
    [
        (True, {"usfarm": "ok"}, Level.OK),
        (True, {"usfarm": "ok", "ushmds": "inactive"}, Level.OK),
        (True, {"usfarm": "broken"}, Level.WARN),
        (False, {"usfarm": "ok"}, Level.FAIL),
        (None, {}, Level.UNKNOWN),
    ],
)
def test_a_gateway_may_be_cut_off(is_up: bool | None, farms: dict[str, str], level: Level) -> None:
    assert gateway.upstream(is_up, farms).level is level


@pytest.mark.parametrize(
    ("flag", "mode", "level"),
    [
        (False, Mode.PAPER, Level.OK),
        (True, Mode.PAPER, Level.FAIL),
        (True, Mode.DRY_RUN, Level.OK),
        (None, Mode.PAPER, Level.UNKNOWN),
    ],
)
def test_a_read_only_api_matters_to_who_sends(flag: bool | None, mode: Mode, level: Level) -> None:
    assert gateway.read_only(flag, mode).level is level


@pytest.mark.parametrize(
    ("ahead_s", "level"),
    [(0.0, Level.OK), (2.9, Level.OK), (3.5, Level.FAIL), (-1.9, Level.OK), (-2.5, Level.FAIL)],
)
def test_the_broker_tells_whole_seconds(ahead_s: float, level: Level) -> None:
    assert gateway.skew(NOW, NOW + timedelta(seconds=ahead_s), 0.05).level is level


def test_a_snapshot_is_whole_or_fails() -> None:
    assert gateway.snapshot(None, 0.3, 2, 1).seen == (
        "complete after 0.3 s: 2 open orders, 1 positions"
    )
    assert gateway.snapshot("positions: no end", 6.0, 0, 0).level is Level.FAIL


@pytest.mark.parametrize(
    ("line", "level", "word"),
    [
        (Line("A", data_type=1, is_priced=True), Level.OK, "live for A"),
        (Line("A", is_priced=True), Level.UNKNOWN, "quotes of A are live"),
        (Line("A", data_type=1), Level.OK, "live for A"),
        (Line("A", data_type=3), Level.FAIL, "delayed"),
        (Line("A", data_type=2), Level.FAIL, "frozen"),
        (Line("A", problems=[(354, "x")]), Level.FAIL, "354 the account has no subscription"),
        (Line("A", problems=[(10197, "x")]), Level.FAIL, "another session"),
        (Line("A", problems=[(200, "no such")]), Level.FAIL, "200 no such"),
        (Line("A", data_type=3, problems=[(10167, "x")]), Level.FAIL, "10167 delayed"),
        (Line("A", data_type=1, problems=[(10167, "x")]), Level.OK, "live"),
        (Line("A"), Level.UNKNOWN, "nothing says whether"),
    ],
)
def test_quotes_must_be_live(line: Line, level: Level, word: str) -> None:
    found = gateway.lines([line])
    assert (found.level, word in found.seen) == (level, True)


@pytest.mark.parametrize(
    ("data", "level", "word"),
    [
        ({"used": 3, "denied": [], "unusable": [], "waiting": []}, Level.OK, "3 lines"),
        ({"used": 3, "denied": ["AAPL"]}, Level.FAIL, "AAPL"),
        ({"used": 3, "unusable": ["IBM"]}, Level.WARN, "not to be traded on: IBM"),
        ({"used": 3, "waiting": ["IBM", "MSFT"]}, Level.WARN, "no price in time: IBM, MSFT"),
        ({}, Level.UNKNOWN, "says nothing"),
    ],
)
def test_a_running_daemons_word_is_taken_for_its_lines(
    data: dict[str, object], level: Level, word: str
) -> None:
    found = gateway.lines_told(data)
    assert (found.level, word in found.seen) == (level, True)


def test_presets_are_known_only_by_orders() -> None:
    assert gateway.presets({}, 0).level is Level.UNKNOWN
    assert gateway.presets({}, 3).level is Level.OK
    met = gateway.presets({10349: 2, 383: 1}, 3)
    assert met.level is Level.WARN
    assert "383 1 times (a size limit of the presets); 10349 2 times" in met.seen
