"""Each alert has an owner, a severity, a page that exists and a test; what is made of them is new.

What an expression means is promtool's to say (tests/integration/test_alert_rules.py), and whether
its series exist a running daemon's (tests/process/test_alerts.py).
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests.monitoring.dashboards import FOLDER, boards, documents, objectives, with_instance
from tests.monitoring.rules import (
    ALERTMANAGER,
    AREAS,
    PAGE,
    PROMETHEUS,
    ROOT,
    RULES_TEST,
    Alert,
    alerts,
    cases,
    metrics_of,
    page,
    rules_test,
    selected,
)
from trader.core.breakers.rules import BreakerName
from trader.core.halts import HaltCause

ROLES = {"CTO", "Risk Officer", "Lead Quant", "DevOps Lead", "QA Lead", "Desk Ops"}
# Parts that run all the time: each can fail, go stale and fall behind (OBS-27).
RUNNING = set(AREAS) - {"halt", "host", "alerting"}
# Each has a value for something of ours that is not in a table, so its number has no bound.
UNBOUNDED = {"intent", "order", "order_id", "intent_id", "exec_id", "perm_id", "text", "reason"}
# What the catalogue wants an alert for, and the one that is it.
WANTED = {
    "OBS-13": "TraderKillSwitchActive",
    "OBS-14": "TraderBreakerTripped",
    "OBS-15": "TraderExecutionRefused",
    "OBS-16": "TraderMarketDataUnhealthy",
    "OBS-17": "TraderBrokerErrors",
    "OBS-18": "TraderEventLag",
    "OBS-19": "TraderQuarantineGrows",
    "OBS-20": "TraderMessagesUnreadable",
    "OBS-21": "TraderIdReused",
    "OBS-22": "TraderJournalBehind",
    "OBS-23": "TraderBrokerLinkLost",
    "OBS-24": "TraderOutboxBacklog",
    "OBS-25": "TraderReconcileSlow",
    "OBS-26": "TraderOrderRateHigh",
    "OBS-28": "TraderStrategyStopped",
    "OBS-29": "TraderRiskDenyRateHigh",
    "OBS-49": "TraderReconcileStale",
    "OBS-50": "TraderReportStale",
    "OBS-51": "TraderRiskActionsOverdue",
    "OBS-52": "TraderReportBad",
    "OBS-53": "TraderReportUnwritten",
    "CAP-06": "TraderBreakerOverridden",
    "RUN-14": "TraderBypassSwitchSet",
    "RUN-23": "TraderCapacityLow",
    "RUN-24": "TraderTaskStalled",
    "DAT-02": "TraderQuoteDelay",
    "DAT-07": "TraderCalendarEnds",
    "DAT-09": "TraderStrategyOutputStale",
    "EVT-24": "TraderKeptOverBudget",
    "REC-01": "TraderTicketOpen",
}


def by_name() -> dict[str, Alert]:
    return {alert.name: alert for alert in alerts()}


def runbook() -> str:
    return (ROOT / "RUNBOOK.md").read_text("utf-8")


def anchor(heading: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_every_name_is_there_once() -> None:
    names = [alert.name for alert in alerts()]
    assert len(names) >= 30
    assert len(names) == len(set(names))


def test_every_alert_of_the_catalogue_is_there() -> None:
    assert set(WANTED.values()) - set(by_name()) == set()


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_an_alert_says_who_is_to_do_what(alert: Alert) -> None:
    labels, notes = alert.labels, alert.annotations
    assert labels["severity"] in ("critical", "warning", "none")
    assert labels["owner"] in ROLES
    assert labels["area"] in AREAS
    assert labels["kind"] in ("failed", "stale", "lag", "heartbeat")
    assert set(notes) == {"summary", "description", "runbook_url"}
    assert len(notes["summary"]) > 20
    assert len(notes["description"]) > 30


def test_every_page_of_the_runbook_exists_and_belongs_to_an_alert() -> None:
    _, _, rest = runbook().partition("\n## Alerts\n")
    section = re.split(r"^## ", rest, maxsplit=1, flags=re.M)[0]
    pages = re.split(r"^### ", section, flags=re.M)[1:]
    told = {anchor(text.split("\n", 1)[0]): text for text in pages}
    url = "file:///opt/trader/RUNBOOK.md#"
    assert {f"{url}{name}" for name in told} == {
        alert.annotations["runbook_url"] for alert in alerts()
    }
    for text in told.values():
        for part in ("*It means:*", "*Look at:*", "*Do:*"):
            assert part in text, text
    headings = re.findall(r"^#+ (.*)$", runbook(), re.M)
    doubled = {name for name in told if [anchor(row) for row in headings].count(name) != 1}
    assert doubled == set()


def test_a_page_points_at_sections_that_exist() -> None:
    """A name in italics in a page is a section of the book, another page, or a row of a table."""
    _, _, rest = runbook().partition("\n## Alerts\n")
    section = re.split(r"^## ", rest, maxsplit=1, flags=re.M)[0]
    headings = {row.replace("`", "") for row in re.findall(r"^#+ (.*)$", runbook(), re.M)}
    italics = {
        " ".join(found.split()).replace("`", "")
        for found in re.findall(r"(?<!\*)\*(?!\*)([A-Z][^*]{4,}?)\*", section)
    }
    known = {"Data Connections", "Critical", "Warning", "Ctrl+Alt+F", "Targets", "Account"}
    known |= {"It means:", "Look at:", "Quotes"}
    assert italics - headings - known == set()


def test_the_page_and_the_tests_of_promtool_are_new() -> None:
    """Both made anew by scripts/make_alert_reference.py."""
    assert PAGE.read_text("utf-8") == page()
    assert RULES_TEST.read_text("utf-8") == rules_test()


def test_every_alert_has_series_on_which_it_fires_and_close_ones_on_which_it_does_not() -> None:
    given = cases()
    assert set(given) == set(by_name())
    quiet = [name for name, case in given.items() if not case.get("silent")]
    # What always fires has none.
    assert quiet == ["TraderAlertingWorks"]


def test_each_running_part_can_fail_go_stale_and_fall_behind() -> None:
    kinds: dict[str, set[str]] = {area: set() for area in RUNNING}
    for alert in alerts():
        kinds.get(alert.labels["area"], set()).add(alert.labels["kind"])
    wanted = {"failed", "stale", "lag"}
    assert {area: wanted - found for area, found in kinds.items() if wanted - found} == {}


def test_every_cause_of_a_halt_has_an_alert() -> None:
    named = {
        value
        for alert in alerts()
        for series, label, value in selected(alert.expr)
        if (series, label) == ("trader_halt_cause", "cause")
    }
    assert named == {cause.value for cause in HaltCause}


def test_a_breaker_needs_no_alert_of_its_own() -> None:
    """One rule has all of them, by the label: a new breaker is called for without a new rule."""
    assert list(selected(by_name()["TraderBreakerTripped"].expr)) == []
    assert len(BreakerName) > 10


def test_alerts_about_a_dead_daemon_do_not_need_its_metrics() -> None:
    for name in ("TraderDown", "TraderAbsent"):
        assert metrics_of(by_name()[name].expr) == {"up"}
    jobs = {
        value for alert in alerts() for _, label, value in selected(alert.expr) if label == "job"
    }
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))
    assert jobs == {config["scrape_configs"][0]["job_name"]} == {"trader"}


def test_no_label_of_an_alert_is_without_bound() -> None:
    for alert in alerts():
        named = {label for _, label, _ in selected(alert.expr)}
        shown = set(re.findall(r"labels\.(\w+)", alert.annotations["summary"]))
        assert (named | shown) & UNBOUNDED == set(), alert.name


@pytest.mark.parametrize(
    ("expr", "names"),
    [
        ('up{job="trader"} == 0', {"up"}),
        ("a_total offset 15s > b", {"a_total", "b"}),
        ("sum by (job, le) (rate(a_bucket[5m])) / on (job) c", {"a_bucket", "c"}),
        ('absent(up{x="y z"}) unless on (job) trader_ready', {"up", "trader_ready"}),
        ('histogram_quantile(0.9, sum by (le) (rate(x_bucket{a=~"b|c"}[5m]))) > 1e3', {"x_bucket"}),
        ("a - ignoring (le) b > 0.5 and c < 10", {"a", "b", "c"}),
    ],
)  # fmt: skip
def test_the_series_of_an_expression_are_found(expr: str, names: set[str]) -> None:
    assert metrics_of(expr) == names


def test_the_instance_is_put_into_every_selector() -> None:
    told = with_instance('sum by (le) (rate(a_b{x="1"}[5m])) / on (job) a > a_b_c')
    assert told == (
        'sum by (le) (rate(a_b{instance=~"$instance",x="1"}[5m])) / on (job) '
        'a{instance=~"$instance"} > a_b_c{instance=~"$instance"}'
    )


# ---- routes


def routed() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(ALERTMANAGER.read_text("utf-8"))
    return found


def test_every_role_that_owns_an_alert_is_told() -> None:
    text = ALERTMANAGER.read_text("utf-8")
    owners = {alert.labels["owner"] for alert in alerts()} - {"Desk Ops"}
    assert [owner for owner in owners if f'owner = "{owner}"' not in text] == []
    # The default route is the desk's: whatever has no other owner is its.
    assert routed()["route"]["receiver"] == "desk"


def test_no_rule_of_silence_names_an_alert_that_there_is_not() -> None:
    named = set(re.findall(r"Trader[A-Z]\w+", ALERTMANAGER.read_text("utf-8")))
    assert named - set(by_name()) == set()
    assert len(named) > 5


# ---- dashboards


def test_the_dashboards_are_new() -> None:
    """Made anew by scripts/make_dashboards.py."""
    assert {path.stem: path.read_text("utf-8") for path in FOLDER.glob("*.json")} == documents()


def test_the_dashboards_and_panels_of_the_catalogue_are_there() -> None:
    titles = {board["title"] for board in boards().values()}
    wanted = ("System Health", "Strategy Performance", "Risk Monitor", "Data Quality")
    assert titles == {f"trader: {name}" for name in wanted}
    panels = {panel["title"] for board in boards().values() for panel in board["panels"]}
    assert {
        "Order flow, submitted to filled",
        "Portfolio staleness distribution",
        "Risk approval rate",
        "Reconciliation actions per run",
    } <= panels


def test_each_objective_has_an_alert_and_a_panel() -> None:
    watched = {alert.labels["slo"] for alert in alerts() if "slo" in alert.labels}
    assert watched == objectives()
    assert len(watched) >= 7


@pytest.mark.parametrize("name", sorted(boards()))
def test_a_dashboard_is_drawn_without_gaps_and_follows_within_seconds(name: str) -> None:
    board = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    assert board["refresh"] == "10s"
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)
    assert all(panel["targets"] for panel in panels)
    known = {"timeseries", "stat", "bargauge"}
    assert {panel["type"] for panel in panels} <= known


def test_the_short_form_has_no_field_that_nobody_reads() -> None:
    known = {"title", "type", "unit", "about", "slo", "queries"}
    panels = [panel for board in boards().values() for panel in board["panels"]]
    assert {key for panel in panels for key in panel} <= known


def test_what_is_installed_is_named_where_it_is() -> None:
    text = runbook()
    for path in ("config/prometheus/", "config/alertmanager/", "config/grafana/"):
        assert f"`{path}" in text, path
