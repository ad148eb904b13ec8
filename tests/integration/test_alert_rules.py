"""Goal: each alert fires on what it is for, and on nothing that is merely close.

Method: the real promtool evaluates the shipped rules over series of our own, and reads every query
of the dashboards; the real amtool reads the routes, and says who gets which alert.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.monitoring.dashboards import expressions
from tests.monitoring.programs import needs, program
from tests.monitoring.rules import ALERTMANAGER, AREAS, PROMETHEUS, RULES, Alert, alerts, rules_test


def told(*words: str) -> str:
    """Run a program to its end; what it says is the message of a failure."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


@needs("promtool")
def test_rules_and_configuration_are_sound() -> None:
    said = told(program("promtool"), "check", "config", str(PROMETHEUS / "prometheus.yml"))
    assert f"{len(alerts())} rules found" in said


@needs("promtool")
@pytest.mark.parametrize("area", AREAS)
def test_each_alert_fires_on_its_series_and_is_silent_on_close_ones(
    area: str, tmp_path: Path
) -> None:
    """Area by area: promtool evaluates every rule of a file for every test of it."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    mine = [
        {**group, "rules": [row for row in group["rules"] if row["labels"]["area"] == area]}
        for group in groups
    ]
    mine = [group for group in mine if group["rules"]]
    (tmp_path / RULES.name).write_text(yaml.safe_dump({"groups": mine}))
    tests = tmp_path / "test.yml"
    tests.write_text(rules_test(area))
    assert "SUCCESS" in told(program("promtool"), "test", "rules", str(tests))


@needs("promtool")
def test_promtool_tells_a_rule_that_does_not_hold(tmp_path: Path) -> None:
    """The test above can fail: one with the wrong threshold does."""
    text = RULES.read_text("utf-8")
    assert text.count("trader_stream_pending > 100") == 1
    groups = yaml.safe_load(
        text.replace("trader_stream_pending > 100", "trader_stream_pending > 99")
    )
    mine = [group for group in groups["groups"] if group["name"] == "trader-streams"]
    (tmp_path / RULES.name).write_text(yaml.safe_dump({"groups": mine}))
    tests = tmp_path / "test.yml"
    tests.write_text(rules_test("streams"))
    with pytest.raises(AssertionError, match="TraderOutboxBacklog is silent"):
        told(program("promtool"), "test", "rules", str(tests))


@needs("promtool")
def test_every_query_of_the_dashboards_can_be_read(tmp_path: Path) -> None:
    rows = [{"record": f"q:{n}", "expr": expr} for n, (_, expr) in enumerate(expressions())]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rows}]}))
    assert f"{len(rows)} rules found" in told(program("promtool"), "check", "rules", str(file))


@needs("amtool")
def test_the_routes_are_sound() -> None:
    assert "SUCCESS" in told(program("amtool"), "check-config", str(ALERTMANAGER))


def receivers(alert: Alert) -> set[str]:
    labels = [f"{key}={value}" for key, value in {**alert.labels, "alertname": alert.name}.items()]
    file = f"--config.file={ALERTMANAGER}"
    said = told(program("amtool"), "config", "routes", "test", file, *labels)
    return set(said.splitlines()[0].split(",")) if said else set()


@needs("amtool")
def test_whoever_is_to_come_is_told() -> None:
    owners = {
        "Risk Officer": "risk-officer",
        "Lead Quant": "lead-quant",
        "DevOps Lead": "devops",
        "Desk Ops": "desk",
    }
    for alert in alerts():
        if alert.name == "TraderAlertingWorks":
            assert receivers(alert) == {"heartbeat"}
        elif alert.name == "TraderAlertUnresolved":
            assert receivers(alert) == {"escalation"}
        elif alert.labels["severity"] == "critical":
            mine = {owners[alert.labels["owner"]]} - {"desk"}
            assert receivers(alert) == {"on-call", *mine}, alert.name
        else:
            assert receivers(alert) == {owners[alert.labels["owner"]]}, alert.name
