"""Prometheus and Alertmanager as they ship, beside a daemon, with one receiver for everything.

Only times differ from config/: two minutes of waiting are a second, a scrape comes every second,
groups are sent at once. Expressions, labels, routes and who leaves out whom are those of the files.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.monitoring.programs import program
from tests.monitoring.rules import ALERTMANAGER, PROMETHEUS, RULES
from tests.process.harness import PATIENCE_S, destroy, die_with_parent, spawn, until

Json = dict[str, Any]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def asked(port: int, path: str) -> bytes | None:
    """Return what a port answers to a GET, or None while it does not with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        return body if response.status == 200 else None
    except OSError:
        return None
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Chain:
    """Everything between a metric and a person."""

    prometheus_port: int
    alertmanager_port: int
    received: Path

    def rows(self) -> list[Json]:
        """Return everything that the receiver was told, oldest first."""
        if not self.received.exists():
            return []
        return [json.loads(line) for line in self.received.read_text().splitlines()]

    def last(self, name: str, to: str) -> Json | None:
        """Return what this receiver was told last of an alert."""
        rows = [row for row in self.rows() if row["alertname"] == name and row["to"] == to]
        return rows[-1] if rows else None

    def await_firing(self, name: str, to: str) -> Json:
        """Wait until somebody was told that an alert fires."""
        return until(f"{name} reaches {to}", lambda: self._is(name, to, "firing"))

    def await_resolved(self, name: str, to: str) -> Json:
        """Wait until somebody was told that it is over."""
        return until(f"{name} is resolved at {to}", lambda: self._is(name, to, "resolved"))

    def firing(self) -> set[str]:
        """Return the alerts that fire in Prometheus now, whoever is told."""
        body = asked(self.prometheus_port, "/api/v1/alerts")
        found = json.loads(body or b"{}").get("data", {}).get("alerts", ())
        return {row["labels"]["alertname"] for row in found if row["state"] == "firing"}

    def _is(self, name: str, to: str, status: str) -> Json | None:
        row = self.last(name, to)
        return row if row is not None and row["status"] == status else None


@contextmanager
def chain(folder: Path, daemon_port: int) -> Iterator[Chain]:
    """Start receiver, Alertmanager and Prometheus; end them."""
    folder.mkdir(parents=True, exist_ok=True)
    hook, manager, prometheus = free_port(), free_port(), free_port()
    processes = []
    try:
        received = folder / "received.jsonl"
        log = folder / "webhook.log"
        processes.append(spawn(["tests.process.webhook", str(hook), str(received)], log))
        processes.append(_alertmanager(folder, manager, hook))
        processes.append(_prometheus(folder, prometheus, manager, daemon_port))
        until("Alertmanager", lambda: asked(manager, "/-/ready"))
        until("Prometheus", lambda: asked(prometheus, "/-/ready"))
        yield Chain(prometheus, manager, received)
    finally:
        for process in processes:
            destroy(process)


def _alertmanager(folder: Path, port: int, hook: int) -> subprocess.Popen[str]:
    text = ALERTMANAGER.read_text("utf-8").replace("127.0.0.1:9099", f"127.0.0.1:{hook}")
    text = re.sub(r"group_wait: .*", "group_wait: 0s", text)
    text = re.sub(r"group_interval: .*", "group_interval: 1s", text)
    (folder / "alertmanager.yml").write_text(text)
    return _started(
        folder / "alertmanager.log",
        program("alertmanager"),
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        # No gossip port.
        "--cluster.listen-address=",
    )


def _prometheus(folder: Path, port: int, manager: int, daemon: int) -> subprocess.Popen[str]:
    rules = re.sub(r"for: (\w+)", _shorter, RULES.read_text("utf-8"))
    (folder / RULES.name).write_text(rules)
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))
    config["global"] = {
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "evaluation_interval": "1s",
    }
    config["alerting"]["alertmanagers"][0]["static_configs"] = [
        {"targets": [f"127.0.0.1:{manager}"]}
    ]
    config["scrape_configs"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{daemon}"]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    return _started(
        folder / "prometheus.log",
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        # What fires before Alertmanager has been discovered is dropped, and sent again by this.
        "--rules.alert.resend-delay=1s",
        "--log.level=warn",
    )


def _shorter(found: re.Match[str]) -> str:
    """Let two minutes be a second, and nothing be less: what comes first still does."""
    number, unit = int(found[1][:-1]), found[1][-1]
    waits_s = number * {"s": 1, "m": 60, "h": 3600}[unit]
    return f"for: {max(waits_s // 120, 1)}s"


def _started(log: Path, *words: str) -> subprocess.Popen[str]:
    with log.open("a") as out:
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            text=True,
            cwd=log.parent,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - the tests have one thread
        )


def await_ready(port: int) -> bytes:
    """Wait for a daemon's metrics."""
    return until("the metrics", lambda: asked(port, "/metrics"), PATIENCE_S)
