"""Goal: what is called for reaches somebody, is told to be over, and rests on real series.

Method: the real Prometheus and Alertmanager, with the shipped rules and routes, watch a real daemon
that trades against the simulator; only times are shorter. What the rules are for is brought about:
a halt, a gateway without its broker, data that another session takes, orders nobody answers, a kill
of the daemon. Before that every series of every expression is looked for in the daemon's own words.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.monitoring.dashboards import expressions
from tests.monitoring.programs import needs
from tests.monitoring.rules import alerts, metrics_of, selected
from tests.process.harness import Daemon, Simulator, until, world
from tests.process.monitoring import Chain, await_ready, chain, free_port
from tests.process.orders_api import place

SEED = 20261201
POSITION_END = 62
# What Prometheus itself adds.
OF_PROMETHEUS = {"up", "ALERTS"}
# Kinds of things that this daemon has none of just now; each is told where it is.
NOT_NOW = {
    # A live daemon has this label, and none is one here.
    ("trader_build_info", "mode", "live"),
    # What no report of a sound daemon says.
    ("report_status", "status", "critical"),
    ("report_status", "status", "fail"),
}

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass(frozen=True, slots=True)
class Watched:
    """A daemon on a port that stays, and its simulator."""

    simulator: Simulator
    daemon: Daemon
    port: int


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    port = free_port()
    # A trade every few seconds: nothing that follows is to come from too many of them.
    calm = {
        "control.port": port,
        "market_data.record": True,
        "strategies.momentum.pause_s": 3.0,
    }
    folder = tmp_path_factory.mktemp("watched")
    with world(folder, SEED, changes=calm, has_state=True) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        yield Watched(simulator, daemon, port)


def families(exposition: str) -> set[str]:
    """Return the names of all series that a text declares, those without a value yet included."""
    names = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\w+)$", exposition, re.M):
        names.add(name)
        if kind == "histogram":
            names |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
    return names


def test_every_series_of_an_expression_is_told_by_a_running_daemon(watched: Watched) -> None:
    watched.daemon.await_orders(1)
    known = families(await_ready(watched.port).decode()) | OF_PROMETHEUS
    rows = [(alert.name, alert.expr) for alert in alerts()] + expressions()
    lacking = {where: metrics_of(expr) - known for where, expr in rows}
    assert {where: names for where, names in lacking.items() if names} == {}
    assert len(rows) > 100


def test_every_value_of_a_label_that_an_alert_looks_for_is_one_that_is_told(
    watched: Watched,
) -> None:
    """A misspelt cause, code, state or task would never fire, and promtool cannot know."""
    text = await_ready(watched.port).decode()
    told: dict[tuple[str, str], set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            for label, value in sample.labels.items():
                told.setdefault((sample.name, label), set()).add(value)
    wanted = {
        (series, label, value)
        for alert in alerts()
        for series, label, value in selected(alert.expr)
        if series not in OF_PROMETHEUS and label != "job"
    }
    missing = {
        (series, label, value)
        for series, label, value in wanted
        if not any(re.fullmatch(value, one) for one in told.get((series, label), ()))
    }
    assert missing - NOT_NOW == set()
    assert len(wanted) > 40


@pytest.fixture(scope="module")
def calls(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with chain(tmp_path_factory.mktemp("chain"), watched.port) as found:
        until("the sign of life", lambda: found.last("TraderAlertingWorks", "heartbeat"))
        yield found


@needs("prometheus", "alertmanager")
def test_a_halt_calls_the_risk_officer_and_is_over_with_the_resume(
    watched: Watched, calls: Chain
) -> None:
    watched.daemon.halt()
    for to in ("on-call", "risk-officer"):
        row = calls.await_firing("TraderKillSwitchActive", to)
        assert row["severity"] == "critical"
        assert row["runbook_url"].endswith("/RUNBOOK.md#traderkillswitchactive")
        assert row["summary"].startswith("The kill switch is on: ")
    watched.daemon.resume()
    watched.daemon.await_armed()
    calls.await_resolved("TraderKillSwitchActive", "on-call")


@needs("prometheus", "alertmanager")
def test_a_gateway_without_its_broker_calls_and_leaves_out_what_follows(
    watched: Watched, calls: Chain
) -> None:
    watched.simulator.tell("/upstream", up=False)
    calls.await_firing("TraderUpstreamDown", "on-call")
    until("not ready", lambda: "TraderNotReady" in calls.firing())
    # It fires, and nobody is told: the alert above says why.
    assert not calls.last("TraderNotReady", "desk")
    watched.simulator.tell("/upstream", up=True)
    calls.await_resolved("TraderUpstreamDown", "on-call")
    watched.daemon.await_armed()


@needs("prometheus", "alertmanager")
def test_a_comparison_that_never_ends_is_told_until_it_does(watched: Watched, calls: Chain) -> None:
    # The list of positions never comes to its end.
    watched.simulator.tell("/hold", message_ids=[POSITION_END], on=True)
    watched.daemon.verb("reconcile")
    row = calls.await_firing("TraderStuckInTransition", "desk")
    assert row["cause"] == "not_reconciled"
    watched.simulator.tell("/hold", message_ids=[POSITION_END], on=False)
    calls.await_resolved("TraderStuckInTransition", "desk")
    watched.daemon.await_armed()


@needs("prometheus", "alertmanager")
def test_data_that_another_session_takes_is_told_to_the_desk(
    watched: Watched, calls: Chain
) -> None:
    watched.simulator.tell("/competing-session", on=True)
    row = calls.await_firing("TraderMarketDataTaken", "desk")
    assert row["severity"] == "warning"
    assert not calls.last("TraderMarketDataTaken", "on-call")
    watched.simulator.tell("/competing-session", on=False)
    calls.await_resolved("TraderMarketDataTaken", "desk")
    watched.daemon.await_armed()


@needs("prometheus", "alertmanager")
def test_a_key_that_comes_again_for_another_order_calls(watched: Watched, calls: Chain) -> None:
    first = place(watched.daemon, "one-key", price="1.00")
    assert first.body["code"] != "KEY_REUSED", first
    assert place(watched.daemon, "one-key", price="1.01").code == 409
    assert calls.await_firing("TraderIdReused", "lead-quant")["what"] == "key"


@needs("prometheus", "alertmanager")
def test_a_dead_daemon_calls_without_its_metrics_and_a_new_life_is_told(
    watched: Watched, calls: Chain
) -> None:
    watched.daemon.kill()
    row = calls.await_firing("TraderDown", "on-call")
    assert row["instance"] == f"127.0.0.1:{watched.port}"
    # What it said last is not held against it: a reading of a dead process is none.
    until("no last words", lambda: not calls.firing() & {"TraderNotReady", "TraderBrokerLinkLost"})
    watched.daemon.start()
    calls.await_resolved("TraderDown", "on-call")
    watched.daemon.await_armed()


@needs("prometheus", "alertmanager")
def test_a_daemon_that_stands_still_is_as_good_as_dead(watched: Watched, calls: Chain) -> None:
    watched.daemon.send(signal.SIGSTOP)
    try:
        calls.await_firing("TraderDown", "on-call")
    finally:
        watched.daemon.send(signal.SIGCONT)
    calls.await_resolved("TraderDown", "on-call")
