"""Grafana's dashboards, made of a short form: what a panel shows, and nothing of how it is drawn.

The JSON files are written by scripts/make_dashboards.py.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from tests.monitoring.rules import ROOT, metrics_of

FOLDER = ROOT / "config" / "grafana"
SHORT = FOLDER / "dashboards.yaml"
REFRESH = "10s"
_WIDTH, _HEIGHT, _COLUMNS = 8, 8, 3
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_INSTANCE = 'instance=~"$instance"'


def boards() -> dict[str, Any]:
    """Return the short form."""
    found: dict[str, Any] = yaml.safe_load(SHORT.read_text("utf-8"))
    return found


def expressions() -> list[tuple[str, str]]:
    """Return every query as Grafana sends it, with where it stands: variables are filled in."""
    return [
        (f"{name}: {panel['title']}", _sent(with_instance(expr)))
        for name, board in boards().items()
        for panel in board["panels"]
        for expr in panel["queries"]
    ]


def objectives() -> set[str]:
    """Return the objectives that a panel shows."""
    return {
        panel["slo"] for board in boards().values() for panel in board["panels"] if "slo" in panel
    }


def with_instance(expr: str) -> str:
    """Put the variable of the instance into every selector."""
    for name in sorted(metrics_of(expr)):
        pattern = rf"(?<![\w:.]){name}(?![\w:(])(\{{[^}}]*\}})?"
        expr = re.sub(pattern, lambda found: _selector(found[0]), expr)
    return expr


def _selector(text: str) -> str:
    name, _, labels = text.partition("{")
    return f"{name}{{{_INSTANCE}}}" if not labels else f"{name}{{{_INSTANCE},{labels}"


def _sent(expr: str) -> str:
    return expr.replace("$__rate_interval", "1m").replace("$instance", ".*")


def documents() -> dict[str, str]:
    """Return each dashboard as JSON, by the name of its file."""
    return {
        name: json.dumps(_dashboard(name, board), indent=1) + "\n"
        for name, board in boards().items()
    }


def _dashboard(name: str, board: dict[str, Any]) -> dict[str, Any]:
    return {
        "uid": f"trader-{name}",
        "title": board["title"],
        "tags": ["trader"],
        "schemaVersion": 37,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": REFRESH,
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "utc",
        "templating": {
            "list": [
                {"name": "datasource", "label": "Prometheus", "type": "datasource",
                 "query": "prometheus"},
                {"name": "instance", "label": "Daemon", "type": "query", "datasource": _SOURCE,
                 "query": {"query": 'label_values(up{job="trader"}, instance)', "refId": "A"},
                 "refresh": 2, "multi": True, "includeAll": True, "allValue": ".*",
                 "current": {"text": "All", "value": "$__all"}},
            ]
        },
        "panels": [_panel(index, panel) for index, panel in enumerate(board["panels"])],
    }  # fmt: skip


def _panel(index: int, panel: dict[str, Any]) -> dict[str, Any]:
    about = panel.get("about", "")
    if "slo" in panel:
        about = f"{about}. Objective: {panel['slo']}".removeprefix(". ")
    return {
        "id": index + 1,
        "title": panel["title"],
        "type": panel.get("type", "timeseries"),
        "description": about,
        "datasource": _SOURCE,
        "gridPos": {
            "x": index % _COLUMNS * _WIDTH,
            "y": index // _COLUMNS * _HEIGHT,
            "w": _WIDTH,
            "h": _HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": panel.get("unit", "short")}, "overrides": []},
        "options": {},
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": _SOURCE,
                "expr": with_instance(expr),
                "legendFormat": legend,
            }
            for number, (expr, legend) in enumerate(panel["queries"].items())
        ],
    }
