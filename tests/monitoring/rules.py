"""The alerts as they ship, and what is made of them: a page, and promtool's tests.

Both are written by scripts/make_alert_reference.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "config" / "prometheus"
ALERTMANAGER = ROOT / "config" / "alertmanager" / "alertmanager.yml"
RULES = PROMETHEUS / "alert_rules.yml"
RULES_TEST = PROMETHEUS / "alert_rules_test.yml"
CASES = Path(__file__).resolve().parent / "cases.yaml"
PAGE = ROOT / "docs" / "alerts.md"
# What every series of a scrape has.
TARGET = {"job": "trader", "instance": "host:3000"}

_RULES_HEAD = """\
# Made by scripts/make_alert_reference.py from tests/monitoring/cases.yaml; change it there.
# promtool test rules config/prometheus/alert_rules_test.yml
"""
_PAGE_HEAD = """\
# Alerts

Made by `scripts/make_alert_reference.py` from `config/prometheus/alert_rules.yml`; change it there.
*Critical* wakes somebody, *warning* is looked at within the day. Every name leads to its page in
the runbook; how to install them stands there too: [Metrics and
alerts](../RUNBOOK.md#metrics-and-alerts).

{count} alerts: {critical} critical, {warning} warning, and one that always fires.
"""
AREAS = {
    "process": "The process",
    "halt": "Halts",
    "broker": "Broker",
    "data": "Market data",
    "orders": "Orders",
    "risk": "Risk",
    "reconciliation": "Reconciliation",
    "journal": "Journal",
    "streams": "Streams",
    "strategies": "Strategies",
    "reports": "Reports",
    "host": "The machine",
    "alerting": "The alerts themselves",
}


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule, as it stands in the file."""

    name: str
    expr: str
    wait: str
    labels: dict[str, str]
    annotations: dict[str, str]


def alerts() -> list[Alert]:
    """Return every alert, in the order of the file."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [
        Alert(row["alert"], row["expr"], row.get("for", "0s"), row["labels"], row["annotations"])
        for group in groups
        for row in group["rules"]
    ]


# ---- names in an expression

_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\s*\{([^}]*)\}")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_LISTS = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)")
_WORDS = frozenset({"and", "or", "unless", "offset", "bool", "by", "on", "group_left", "inf"})


def metrics_of(expr: str) -> set[str]:
    """Return the names of the series that an expression reads."""
    bare = re.sub(r"\{[^}]*\}", "", expr)
    bare = re.sub(r"\[[^]]*\]|\"[^\"]*\"|\boffset\s+\w+", "", _LISTS.sub("", bare))
    names = re.findall(r"(?<![\w:.])([a-zA-Z_:][\w:]*)(?!\s*[\w:(])", bare)
    return {name for name in names if name not in _WORDS}


def selected(expr: str) -> Iterator[tuple[str, str, str]]:
    """Give each (series, label, value) that an expression names; of a|b each alone."""
    for series, matchers in _SELECTOR.findall(expr):
        for label, operator, value in _MATCHER.findall(matchers):
            if operator == "=":
                yield series, label, value
            elif operator in ("=~", "!~"):
                yield from ((series, label, one) for one in value.split("|"))


# ---- promtool's tests


def cases() -> dict[str, dict[str, Any]]:
    """Return the cases of every alert."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(CASES.read_text("utf-8"))
    return found


def rules_test(area: str = "") -> str:
    """Return promtool's file: each alert fires on its series, and is silent on the close ones.

    Of one area alone, or of all of them.
    """
    given = cases()
    tests: list[dict[str, Any]] = []
    for alert in alerts():
        if area and alert.labels["area"] != area:
            continue
        case = given[alert.name]
        fires = case["fires"]
        tests.append(_test(alert, fires, [_expected(alert, fires)]))
        tests += [_test(alert, quiet, []) for quiet in case.get("silent", ())]
    document = {
        "rule_files": [RULES.name],
        "evaluation_interval": "10s",
        "tests": tests,
    }
    return _RULES_HEAD + yaml.safe_dump(document, sort_keys=False, width=110)


def _test(alert: Alert, case: dict[str, Any], expected: list[dict[str, Any]]) -> dict[str, Any]:
    verdict = "fires" if expected else "is silent"
    return {
        "name": f"{alert.name} {verdict}",
        "interval": "10s",
        "input_series": [
            {"series": _with_target(series), "values": values}
            for series, values in case["series"].items()
        ],
        "alert_rule_test": [
            {"eval_time": case["at"], "alertname": alert.name, "exp_alerts": expected}
        ],
    }


def _expected(alert: Alert, fires: dict[str, Any]) -> dict[str, Any]:
    target = {key: name for key, name in TARGET.items() if key not in fires.get("without", ())}
    labels = {**target, **fires.get("labels", {})}
    annotations = {key: _filled(text, labels) for key, text in alert.annotations.items()}
    return {"exp_labels": {**labels, **alert.labels}, "exp_annotations": annotations}


def _filled(text: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: labels.get(found[1], ""), text)


def _with_target(series: str) -> str:
    name, _, labels = series.partition("{")
    if "job=" in labels:
        return series
    target = ",".join(f'{key}="{value}"' for key, value in TARGET.items())
    return f"{name}{{{target}{',' if labels else ''}{labels or '}'}"


# ---- the page


def page() -> str:
    """Return docs/alerts.md."""
    rows = alerts()
    count = {
        row: sum(one.labels["severity"] == row for one in rows) for row in ("critical", "warning")
    }
    lines = [_PAGE_HEAD.format(count=len(rows), **count)]
    for area, title in AREAS.items():
        lines += [f"## {title}", ""]
        for row in rows:
            if row.labels["area"] == area:
                lines += _lines(row)
    return "\n".join(lines)


def _lines(row: Alert) -> list[str]:
    labels = row.labels
    wait = "" if row.wait == "0s" else f", for {row.wait}"
    slo = f"; objective `{labels['slo']}`" if "slo" in labels else ""
    summary = re.sub(r"\{\{ .labels.(\w+) \}\}", r"*\1*", row.annotations["summary"])
    return [
        f"### [{row.name}](../RUNBOOK.md#{row.name.lower()})",
        "",
        f"{summary} {row.annotations['description']}",
        "",
        f"- {labels['severity']}, {labels['owner']}; {labels['kind']}{slo}{wait}",
        f"- `{' '.join(row.expr.split())}`",
        "",
    ]
