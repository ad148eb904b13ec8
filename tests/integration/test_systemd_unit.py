"""The shipped units, as systemd's own checker reads them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from trader.config.model import SentinelSection

UNITS = Path(__file__).resolve().parents[2] / "systemd"
# In tenths; what is left is the network and the sockets that the daemon lives on, and the user
# namespace that it shares with those who must be able to prove whose lock it is.
# The daemon may ask the kernel how right its clock is: the tool takes the call for the right to set
# it, which needs a capability that the unit does not have.
EXPOSURE_MAX = {"trader.service": 15, "trader-sentinel.service": 13}


@pytest.fixture(scope="module")
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        reason = "systemd-analyze is not installed (Debian: apt-get install systemd)"
        if os.environ.get("TRADER_CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """Copies whose interpreter exists on this machine: a missing one is an error of its own."""
    python = shutil.which("python3", path="/usr/bin:/bin:/usr/local/bin") or "/bin/true"
    for unit in UNITS.glob("*.service"):
        text = unit.read_text().replace("/opt/trader/.venv/bin/python", python)
        (tmp_path / unit.name).write_text(text)
    return tmp_path


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, timeout=60
    )


def settings(unit: str) -> dict[str, list[str]]:
    """Read a unit's settings; a key may stand more than once."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / unit).read_text().splitlines():
        if match := re.fullmatch(r"([A-Za-z]+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


def test_every_unit_is_without_fault(analyze: str, copies: Path) -> None:
    units = sorted(copies.glob("*.service"))
    assert len(units) >= 3
    # Without --recursive-errors an unknown key is printed and the exit code is 0.
    done = run(analyze, "verify", "--man=no", "--recursive-errors=yes", *units)
    assert done.returncode == 0, done.stderr
    assert not done.stderr.strip(), done.stderr


def test_a_misspelt_key_would_be_noticed(analyze: str, copies: Path) -> None:
    unit = copies / "trader.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchDogSeconds="))
    assert run(analyze, "verify", "--man=no", "--recursive-errors=yes", unit).returncode != 0


@pytest.mark.parametrize("name", EXPOSURE_MAX)
def test_the_exposure_stays_where_it_is(analyze: str, copies: Path, name: str) -> None:
    unit = copies / name
    done = run(analyze, "security", "--offline=yes", f"--threshold={EXPOSURE_MAX[name]}", unit)
    assert done.returncode == 0, done.stdout[-300:]


def test_exit_codes_mean_what_the_daemon_means_by_them() -> None:
    """0 clean, 3 drained with open orders, 4 by an invariant, 5 could not start, 6 no broker."""
    unit = settings("trader.service")
    assert unit["Restart"] == ["on-failure"]
    assert unit["SuccessExitStatus"] == ["3"]
    assert unit["RestartPreventExitStatus"] == ["4 5"]


def test_a_wedged_loop_is_noticed_and_a_drain_has_its_time() -> None:
    unit = settings("trader.service")
    assert (unit["Type"], unit["NotifyAccess"]) == (["notify"], ["main"])
    assert unit["WatchdogSec"] == ["30"]
    assert unit["TimeoutStopSec"] == ["90"]
    assert unit["KillMode"] == ["mixed"]


def test_a_failure_for_good_raises_an_alert_from_a_unit_that_exists() -> None:
    unit = settings("trader.service")
    # systemd-analyze does not report a missing one.
    assert (UNITS / unit["OnFailure"][0]).is_file()
    assert "--priority=alert" in settings(unit["OnFailure"][0])["ExecStart"][0]
    assert int(unit["StartLimitBurst"][0]) > 0


def test_refused_system_calls_return_an_error_and_proc_stays_whole() -> None:
    """Without the first, importing numpy kills the process; with the second, metrics vanish."""
    unit = settings("trader.service")
    assert unit["SystemCallErrorNumber"] == ["EPERM"]
    assert "ProcSubset" not in unit


def test_the_kernel_may_be_asked_how_right_the_clock_is_and_not_told() -> None:
    """glibc asks by clock_adjtime; ProtectClock and @privileged would refuse both names."""
    unit = settings("trader.service")
    assert "ProtectClock" not in unit
    assert unit["SystemCallFilter"][-1] == "adjtimex clock_adjtime"
    assert unit["CapabilityBoundingSet"] == [""]
    assert unit["PrivateDevices"] == ["yes"]


def test_the_sentinel_outlives_the_daemon_and_waits_longer_than_systemd_needs() -> None:
    daemon, sentinel = settings("trader.service"), settings("trader-sentinel.service")
    names = {"Requires", "BindsTo", "PartOf", "Conflicts", "Requisite"}
    assert not names & {*daemon, *sentinel}
    assert (sentinel["Restart"], sentinel["StartLimitIntervalSec"]) == (["always"], ["0"])
    assert sentinel["RestartPreventExitStatus"] == ["5"]
    assert (sentinel["Type"], sentinel["NotifyAccess"]) == (["notify"], ["main"])
    assert sentinel["User"] == daemon["User"]
    assert sentinel["StateDirectory"] == daemon["StateDirectory"]
    # Who shall prove whose lock it is must live in the same user namespace.
    assert "PrivateUsers" not in {*daemon, *sentinel}
    section = SentinelSection()
    assert section.watchdog_s == float(daemon["WatchdogSec"][0])
    assert section.restart_s == float(daemon["RestartSec"][0])
    assert section.start_s == float(daemon["TimeoutStartSec"][0])
    assert section.silence_s > section.watchdog_s + section.restart_s
    # Each look lasts a second at most and the watch pets systemd after each.
    assert section.check_s + 1 < float(sentinel["WatchdogSec"][0]) / 2


def test_nothing_shipped_releases_a_halt_or_goes_live() -> None:
    for path in UNITS.iterdir():
        text = path.read_text()
        assert not re.search(r"EXECUTION_HALTED=0|EXEC_DRY_RUN=(0|false)|AGENT_MODE=", text), path
