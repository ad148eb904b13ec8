"""Goal: the shipped unit keeps its promises under a real systemd as PID 1.

Method: a host is booted out of this machine's own files (see systemd_host), the project stands in
/opt/trader, the units are installed as they ship, and the simulator runs beside them. The unit
runs unchanged: its user, its sandbox, its command; a test that overrides a setting does so in a
drop-in of its own and says why.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator

import pytest

from tests.process.harness import ROOT, Daemon, Json, Simulator, until
from tests.process.systemd_host import PYTHON, Refused, SystemdHost, booted, missing

pytestmark = [pytest.mark.process, pytest.mark.slow]

UNIT = "trader.service"
SIMULATOR = "trader-sim.service"
SENTINEL = "trader-sentinel.service"
STATE = "/var/lib/trader"
API_PORT, TRUTH_PORT, CONTROL_PORT = 7497, 7498, 3000
ACCOUNT = "DUSIM0123456789abcdef"
SEED = 20240611
DRAIN = {"in_flight_s": 2, "cancel_s": 5, "reconcile_s": 10, "checkpoint_s": 5}
# After the drain: closing the journal, the control port and the interpreter.
AFTER_DRAIN_S = 10.0
SIMULATOR_UNIT = f"""\
[Service]
Type=exec
# The daemon's user too: the packages are readable to everybody, and it needs no rights.
User=trader
StateDirectory=trader-sim
WorkingDirectory=/opt/trader
Environment=MORE=
ExecStart={PYTHON} -m trader.sim --port {API_PORT} --control-port {TRUTH_PORT} --seed {SEED} \
--account {ACCOUNT} --speed 600 --tick-interval 0.05 --state /var/lib/trader-sim/state.db $MORE
"""
# What an operator types, with the interpreter that a host without a venv would have.
KILL_SWITCH = ("scripts/kill_switch.py", "--confirm", "HALT TRADING", "--state", STATE)


class Installed:
    """The unit on its host, and the simulator that it trades against."""

    def __init__(self, host: SystemdHost) -> None:
        self.host = host
        self._cursor = ""

    def install(self) -> None:
        """Follow the comments of the unit: a user, the units, the settings."""
        host = self.host
        words = ["--system", "--home-dir", STATE, "--shell", "/usr/sbin/nologin", "trader"]
        host.run("useradd", *words, check=True)
        units = host.root / "etc/systemd/system"
        for unit in (ROOT / "systemd").glob("*.service"):
            (units / unit.name).write_text(unit.read_text())
        (units / SIMULATOR).write_text(SIMULATOR_UNIT)
        # The boot of a test goes to a target of its own; on a host this is `systemctl enable`.
        for name in (UNIT, SIMULATOR):
            host.run("systemctl", "add-wants", "test-host.target", name, check=True)
        self.configure()

    def configure(self, **changes: object) -> None:
        """Write the settings; changes in place of a dot have two underscores."""
        folder = self.host.root / "etc/trader"
        settings: Json = {
            "state_dir": STATE,
            "assets_file": "assets.csv",
            "control.port": CONTROL_PORT,
            "drain": dict(DRAIN),
            "strategies.momentum.pause_s": 0.2,
            **{key.replace("__", "."): value for key, value in changes.items()},
        }
        simulator = Simulator(folder, SEED, port=API_PORT, account=ACCOUNT)
        path = Daemon(folder, simulator, settings).write_config()
        (folder / "assets.csv").write_text((ROOT / "config" / "assets.csv").read_text())
        folder.chmod(0o755)
        for file in (path, *folder.iterdir()):
            file.chmod(0o644)

    def reset(self) -> None:
        """Go back to a fresh installation with a fresh simulator."""
        host = self.host
        host.run("systemctl", "stop", SENTINEL)
        # One after the other: a drain without a broker takes its whole time.
        host.run("systemctl", "stop", UNIT)
        host.run("systemctl", "stop", SIMULATOR)
        host.run("rm", "-rf", "/var/lib/trader", "/var/lib/trader-sim")
        host.run("rm", "-rf", f"/etc/systemd/system/{UNIT}.d", f"/etc/systemd/system/{SIMULATOR}.d")
        host.run("systemctl", "daemon-reload")
        host.run("systemctl", "reset-failed")
        self.configure()
        entries = host.journal("-n", "1")
        self._cursor = entries[-1]["__CURSOR"] if entries else ""

    def drop_in(self, unit: str, *lines: str) -> None:
        """Override settings of a unit for this test."""
        folder = self.host.root / "etc/systemd/system" / f"{unit}.d"
        folder.mkdir(exist_ok=True)
        (folder / "test.conf").write_text("\n".join(["[Service]", *lines, ""]))
        self.host.run("systemctl", "daemon-reload", check=True)

    def start(self) -> None:
        """Start the simulator and the daemon; returns when systemd calls the daemon ready."""
        self.host.run("systemctl", "start", SIMULATOR, check=True)

        def is_up() -> bool:
            state = self.host.show(SIMULATOR)["ActiveState"]
            said = self.host.run("journalctl", "--unit", SIMULATOR, "-n", "5", "-o", "cat")
            assert state == "active", f"the simulator is {state}: {said}"
            return bool(self.host.get(TRUTH_PORT, "/health"))

        until("the simulator", is_up)
        self.host.run("systemctl", "start", UNIT, check=True)

    def stop(self) -> float:
        """Stop the daemon; returns the seconds it took."""
        before_s = time.monotonic()
        self.host.run("systemctl", "stop", UNIT, check=True)
        return time.monotonic() - before_s

    @property
    def state(self) -> dict[str, str]:
        """Return systemd's properties of the unit."""
        return self.host.show(UNIT)

    @property
    def pid(self) -> int:
        """Return the daemon's process id on the host, 0 when it does not run."""
        return int(self.state["MainPID"])

    def status(self) -> Json | None:
        """Return the daemon's status, None while it does not answer."""
        status: Json | None = self.host.get(CONTROL_PORT, "/ops/status")
        return status

    def await_armed(self) -> Json:
        """Wait until it may trade."""

        def look() -> Json | None:
            status = self.status()
            return status if status is not None and status["posture"] == "armed" else None

        try:
            return until("armed", look)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said()}") from error

    def reconciled(self) -> Json | None:
        """Return the status once book and broker were compared, and the start is over with it."""
        status = self.status()
        if status is None or "starting" in dict(status["causes"]):
            return None
        run = status["reconcile"]
        return status if run and not run["problem"] else None

    def await_executions(self, count: int) -> Json:
        """Wait until its book holds that many executions."""

        def look() -> Json | None:
            status = self.status()
            return status if status and status["tally"]["executions"] >= count else None

        return until(f"{count} executions", look)

    def await_restarted(self, old_pid: int) -> dict[str, str]:
        """Wait until systemd has started another process and has its READY."""

        def look() -> dict[str, str] | None:
            state = self.state
            is_new = state["MainPID"] not in ("0", str(old_pid))
            return state if is_new and state["ActiveState"] == "active" else None

        return until("restarted by systemd", look)

    def await_failed(self) -> dict[str, str]:
        """Wait until systemd has given up."""

        def look() -> dict[str, str] | None:
            state = self.state
            return state if state["ActiveState"] == "failed" else None

        return until("failed", look)

    def alerts(self) -> list[Json]:
        """Return what the alert unit has said since the reset."""
        return self.journal(SYSLOG_IDENTIFIER="trader-alert")

    def journal(self, **wanted: str) -> list[Json]:
        """Return the entries with these fields that the host's journal took since the reset."""
        # journalctl with a cursor and a filter drops the first match: it filters before it skips.
        entries = self.host.journal(f"--after-cursor={self._cursor}")
        return [entry for entry in entries if wanted.items() <= entry.items()]

    def trader(self, *words: str, user: str = "trader") -> str:
        """Run the trader command as an operator does."""
        return self.host.run(
            PYTHON, "-m", "trader", *words, "--state", STATE, user=user, check=True
        )

    def manager_said(self) -> str:
        """Return what PID 1 has said of the unit since the reset."""
        return "\n".join(entry["MESSAGE"] for entry in self.journal(UNIT=UNIT, _PID="1"))

    def said(self) -> str:
        """Return the end of the unit's journal."""
        return self.host.run("journalctl", "--unit", UNIT, "-n", "40", "--no-pager", "-o", "cat")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdHost]:
    """Boot a host; a machine that cannot have one skips, and says that nothing was proven."""
    why = missing()
    if why is not None and "not installed" in why and os.environ.get("TRADER_CI"):
        pytest.fail(f"CI must install it: {why}")
    if why is not None:
        pytest.skip(f"the unit is NOT PROVEN here: {why}")
    try:
        with booted(tmp_path_factory.mktemp("systemd")) as machine:
            Installed(machine).install()
            yield machine
    except Refused as error:
        pytest.skip(f"the unit is NOT PROVEN here: this kernel or container refused: {error}")


@pytest.fixture
def daemon(host: SystemdHost) -> Iterator[Installed]:
    """Give a fresh installation, not yet started."""
    installed = Installed(host)
    installed.reset()
    yield installed
    installed.reset()


def executed(status: Json) -> int:
    """Return how many executions the book holds."""
    count: int = status["tally"]["executions"]
    return count


# ---- ready


def test_ready_means_that_the_control_port_answers(daemon: Installed) -> None:
    daemon.start()
    # systemctl came back because of READY=1: the very next thing is a question.
    status = daemon.status()
    assert status is not None, "ready, and no answer"
    state = daemon.state
    assert (state["ActiveState"], state["SubState"]) == ("active", "running")
    assert state["NRestarts"] == "0"
    # What the port-taken test looks for in vain.
    assert "Started trader.service" in daemon.manager_said()
    endpoint = json.loads(daemon.host.run("cat", f"{STATE}/control.json", check=True))
    assert endpoint["pid"] == daemon.pid


def test_without_the_control_port_it_is_never_ready(daemon: Installed) -> None:
    """A daemon that nobody could halt must not count as started."""
    squatter = ("-m", "http.server", "--bind", "127.0.0.1", str(CONTROL_PORT))
    daemon.host.run("systemd-run", "--unit=squatter", PYTHON, *squatter, check=True)
    try:
        taken = f":{CONTROL_PORT:04X} 00000000:0000 0A"
        until("the port is taken", lambda: taken in daemon.host.run("cat", "/proc/net/tcp"))
        with pytest.raises(AssertionError, match="failed because the control process"):
            daemon.start()
        state = daemon.await_failed()
        assert state["NRestarts"] == "0"
        assert "Started trader.service" not in daemon.manager_said()
        assert (state["Result"], state["ExecMainStatus"]) == ("exit-code", "5"), daemon.said()
        assert f"127.0.0.1:{CONTROL_PORT}" in daemon.said()
        until("an alert", daemon.alerts)
    finally:
        daemon.host.run("systemctl", "stop", "squatter")


def test_the_daemon_runs_in_the_sandbox_that_the_unit_describes(daemon: Installed) -> None:
    daemon.start()
    daemon.await_armed()
    text = daemon.host.run("cat", f"/proc/{daemon.pid}/status", check=True)
    facts = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    uid = daemon.host.run("id", "-u", "trader", check=True).strip()
    assert set(facts["Uid"].split()) == {uid}
    assert int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
    # No ProcSubset=pid: the process's own metrics are there.
    enter = ("curl", "--silent", f"http://127.0.0.1:{CONTROL_PORT}/metrics")
    assert "process_resident_memory_bytes" in daemon.host.run(*enter)
    # The kernel may be asked how right the clock is; whether it is, is the machine's affair.
    time_service = (daemon.status() or {})["host"]["time_service"]
    assert time_service["is_synchronised"] is not None, time_service
    modes = daemon.host.run("stat", "-c", "%a %U", STATE, f"{STATE}/control.token", check=True)
    assert modes.split() == ["700", "trader", "600", "trader"]


# ---- going down


def test_a_stop_drains_within_its_bound_and_is_a_success(daemon: Installed) -> None:
    daemon.configure(drain__must_cancel_orders=True)
    daemon.start()
    daemon.await_executions(3)
    took_s = daemon.stop()
    state = daemon.state
    assert (state["ActiveState"], state["Result"]) == ("inactive", "success"), daemon.said()
    assert state["ExecMainStatus"] == "0", daemon.said()
    assert took_s < sum(DRAIN.values()) + AFTER_DRAIN_S
    assert not daemon.alerts()
    print(f"stopped in {took_s:.2f} s")


def test_a_stop_that_leaves_an_order_at_the_broker_is_a_success_too(daemon: Installed) -> None:
    # A market order that is acknowledged works for a minute before it fills.
    daemon.drop_in(SIMULATOR, "Environment='MORE=--fill-ms 60000:60000'")
    daemon.start()

    def working() -> list[Json] | None:
        rows = (daemon.status() or {"orders": []})["orders"]
        return [row for row in rows if row["state"] == "WORKING"] or None

    until("a working order", working)
    took_s = daemon.stop()
    state = daemon.state
    assert (state["ActiveState"], state["Result"]) == ("inactive", "success"), daemon.said()
    assert state["ExecMainStatus"] == "3", daemon.said()
    assert not daemon.alerts()
    print(f"stopped in {took_s:.2f} s")
    # The next start takes the order up as its own.
    daemon.start()
    daemon.await_armed()
    assert until("the order again", working)


# ---- coming back


def test_a_killed_daemon_comes_back_reconciled_and_armed(daemon: Installed) -> None:
    daemon.start()
    daemon.await_armed()
    before = daemon.await_executions(5)
    pid, killed_s = daemon.pid, time.monotonic()
    daemon.host.run("kill", "-9", str(pid), check=True)
    state = daemon.await_restarted(pid)
    up_s = time.monotonic() - killed_s
    after = daemon.await_armed()
    armed_s = time.monotonic() - killed_s
    assert state["NRestarts"] == "1"
    assert executed(after) >= executed(before)
    assert after["reconcile"]["problem"] == ""
    assert after["tickets"] == []
    daemon.await_executions(executed(after) + 3)
    assert not daemon.alerts(), "a restart is not a failure for good"
    print(f"up again after {up_s:.2f} s, armed after {armed_s:.2f} s")
    assert_book_is_true(daemon)


def assert_book_is_true(daemon: Installed) -> None:
    """Halt, and hold the book against what the simulator knows to have happened."""
    daemon.host.run("python3", *KILL_SWITCH, user="trader", check=True)

    def agrees() -> bool:
        status, truth = daemon.status(), daemon.host.get(TRUTH_PORT, "/truth")
        assert status is not None
        assert status["posture"] == "halted"
        ours = {row["con_id"]: float(row["quantity"]) for row in status["positions"]}
        theirs = {row["con_id"]: float(row["quantity"]) for row in truth["positions"]}
        same = all(ours.get(key, 0) == theirs.get(key, 0) for key in {*ours, *theirs})
        return same and executed(status) == len(truth["executions"])

    until("book and truth agree", agrees)


def test_a_halt_outlives_a_kill_and_a_restart(daemon: Installed) -> None:
    daemon.start()
    daemon.await_armed()
    said = daemon.host.run("python3", *KILL_SWITCH, user="trader", check=True)
    assert "halted" in said.lower(), said
    pid = daemon.pid
    daemon.host.run("kill", "-9", str(pid), check=True)
    daemon.await_restarted(pid)
    status = until("reconciled", daemon.reconciled)
    assert status["posture"] == "halted"
    daemon.trader("resume", "--reason", "test of the unit")
    daemon.await_armed()


def test_a_stopped_process_is_killed_by_the_watchdog_and_replaced(daemon: Installed) -> None:
    # 30 s as shipped: too long for a test, and the daemon takes its interval from systemd.
    daemon.drop_in(UNIT, "WatchdogSec=3")
    daemon.start()
    before = daemon.await_armed()
    pid, stopped_s = daemon.pid, time.monotonic()
    daemon.host.run("kill", "-STOP", str(pid), check=True)
    state = daemon.await_restarted(pid)
    took_s = time.monotonic() - stopped_s
    assert state["NRestarts"] == "1"
    assert f"{UNIT}: Watchdog timeout" in daemon.manager_said()
    assert executed(daemon.await_armed()) >= executed(before)
    # Twice the interval without another kill: the new one pings.
    pid = daemon.pid
    end_s = time.monotonic() + 6
    while time.monotonic() < end_s:
        assert daemon.pid == pid
        time.sleep(0.5)
    print(f"replaced {took_s:.2f} s after SIGSTOP")


def test_a_power_cut_costs_nothing_but_time(daemon: Installed, host: SystemdHost) -> None:
    daemon.start()
    daemon.await_executions(5)
    # The simulator loses its power too, and like a broker it forgets nothing that it has told.
    assert_book_is_true(daemon)
    before = executed(daemon.status() or {})
    host.power_cut()
    host.boot()
    until("the simulator", lambda: host.get(TRUTH_PORT, "/health"))
    status = until("reconciled", daemon.reconciled)
    assert status["posture"] == "halted", "a halt outlives the power"
    assert executed(status) == before
    assert daemon.state["NRestarts"] == "0"
    daemon.trader("resume", "--reason", "power is back")
    daemon.await_armed()
    daemon.await_executions(before + 3)
    print(f"booted in {host.boot_s:.2f} s")
    assert_book_is_true(daemon)


# ---- the sentinel


def sentinel_record(daemon: Installed) -> Json:
    """Return what the sentinel says of itself; empty before it has said anything."""
    text = daemon.host.run("cat", f"{STATE}/sentinel.json")
    return json.loads(text) if text.startswith("{") else {}


def test_the_sentinel_fences_a_stopped_daemon_and_systemd_brings_it_back_halted(
    daemon: Installed,
) -> None:
    # As if systemd's own watchdog were not there: what is left is the sentinel, in its sandbox.
    daemon.drop_in(UNIT, "WatchdogSec=0")
    daemon.configure(
        sentinel__check_s=0.5, sentinel__silence_s=4, sentinel__watchdog_s=1, sentinel__restart_s=1
    )
    daemon.start()
    daemon.await_armed()
    daemon.await_executions(3)
    daemon.host.run("systemctl", "start", SENTINEL, check=True)
    assert daemon.host.show(SENTINEL)["ActiveState"] == "active"
    pid = daemon.pid
    daemon.host.run("kill", "-STOP", str(pid), check=True)
    record = until(
        "the sentinel has acted",
        lambda: row if (row := sentinel_record(daemon)).get("outcome") else None,
    )
    assert f"daemon {pid} fenced" in record["outcome"], record
    state = daemon.await_restarted(pid)
    assert state["ExecMainStatus"] != "5", "it must wait for the lock, not fail for good"
    status = until("reconciled", daemon.reconciled)
    assert status["posture"] == "halted"
    assert "sentinel" in dict(status["causes"])["halt_file"]
    until("watching again", lambda: sentinel_record(daemon).get("state") == "watching")
    assert daemon.host.show(SENTINEL)["NRestarts"] == "0"


def test_a_killed_sentinel_is_back_at_once_and_does_not_touch_a_living_daemon(
    daemon: Installed,
) -> None:
    daemon.start()
    daemon.await_armed()
    pid = daemon.pid
    daemon.host.run("systemctl", "start", SENTINEL, check=True)
    first = daemon.host.show(SENTINEL)["MainPID"]
    daemon.host.run("kill", "-9", first, check=True)

    def is_back() -> bool:
        state = daemon.host.show(SENTINEL)
        return state["ActiveState"] == "active" and state["MainPID"] not in ("0", first)

    until("the sentinel is back", is_back)
    until("it watches", lambda: sentinel_record(daemon).get("state") == "watching")
    assert daemon.pid == pid
    assert daemon.await_armed()


# ---- giving up


def test_a_bad_configuration_is_not_tried_again_and_raises_an_alert(daemon: Installed) -> None:
    daemon.configure(strategies__momentum__quantity=-1)
    with pytest.raises(AssertionError, match="failed because the control process"):
        daemon.start()
    state = daemon.await_failed()
    assert (state["Result"], state["ExecMainStatus"]) == ("exit-code", "5"), daemon.said()
    assert state["NRestarts"] == "0"
    assert "strategies.momentum.quantity" in daemon.said()
    (alert,) = until("an alert", daemon.alerts)
    assert alert["PRIORITY"] == "1"
    assert "trader.service has failed" in alert["MESSAGE"]


def test_a_broken_invariant_is_not_tried_again_and_raises_an_alert(daemon: Installed) -> None:
    # A root task that ends is a broken invariant; nothing an operator can do ends one, so the
    # same program runs with a fault in its equity sample.
    fault = (
        "import sys; from trader.engine.told.board import Board; from trader.cli import main;"
        "Board.sample_equity = lambda self: 1 / (self.status().tally.executions < 3);"
        "sys.exit(main())"
    )
    command = f'{PYTHON} -c "{fault}" run --config /etc/trader/trader.yaml'
    daemon.drop_in(UNIT, "ExecStart=", f"ExecStart={command}")
    daemon.start()
    state = daemon.await_failed()
    assert (state["Result"], state["ExecMainStatus"]) == ("exit-code", "4"), daemon.said()
    assert state["NRestarts"] == "0"
    assert len(until("an alert", daemon.alerts)) == 1


def test_a_crash_loop_ends_and_raises_an_alert(daemon: Installed) -> None:
    # 2 s as shipped; the limit of five starts is the unit's own.
    daemon.drop_in(UNIT, "RestartSec=100ms")
    daemon.start()
    killed: set[str] = set()
    while (state := daemon.state)["ActiveState"] != "failed":
        if state["MainPID"] not in {"0", *killed}:
            killed.add(state["MainPID"])
            daemon.host.run("kill", "-9", state["MainPID"])
        assert len(killed) <= 5, "the sixth start in ten minutes"
    assert len(killed) == 5
    assert "Start request repeated too quickly" in daemon.manager_said()
    assert len(until("an alert", daemon.alerts)) == 1


# ---- telling


def test_the_journal_holds_the_daemons_json_lines(daemon: Installed) -> None:
    daemon.start()
    daemon.await_executions(3)
    daemon.stop()
    entries = daemon.journal(_SYSTEMD_UNIT=UNIT, _TRANSPORT="stdout")
    lines = [json.loads(entry["MESSAGE"]) for entry in entries]
    assert all({"at_utc", "level", "message"} <= line.keys() for line in lines)
    messages = [line["message"] for line in lines]
    for expected in ("journal open", "control port", "drain step", "stopped"):
        assert expected in messages


def test_the_doctor_knows_the_unit_in_force(daemon: Installed) -> None:
    """What ``trader doctor`` says of a unit that is as shipped, changed on disk, and in force."""
    host = daemon.host
    shipped = host.root / "opt/trader/systemd"
    shipped.mkdir(exist_ok=True)
    text = (ROOT / "systemd" / UNIT).read_text()
    (shipped / UNIT).write_text(text)
    installed = host.root / "etc/systemd/system" / UNIT

    def found(*names: str) -> dict[str, tuple[str, str]]:
        words = ["-m", "trader", "doctor", "--config", "/etc/trader/trader.yaml", "--json"]
        asked = [word for name in names for word in ("--only", name)]
        body = json.loads(host.run(PYTHON, *words, *asked, user="trader"))
        return {row["name"]: (row["level"], row["seen"]) for row in body["findings"]}

    try:
        daemon.start()
        daemon.await_armed()
        host.run("systemctl", "disable", UNIT, check=True)
        assert "disabled" in found("unit-trader")["unit-trader"][1]
        host.run("systemctl", "enable", UNIT, check=True)
        looked = found("unit-trader", "daemon", "client_id", "modes", "journal")
        assert looked["unit-trader"] == ("ok", "enabled, active, as shipped")
        assert {name: level for name, (level, _) in looked.items()} == dict.fromkeys(looked, "ok")
        installed.write_text(text.replace("WatchdogSec=30", "WatchdogSec=0"))
        assert "has not read it" in found("unit-trader")["unit-trader"][1]
        host.run("systemctl", "daemon-reload", check=True)
        assert "-WatchdogSec=30; +WatchdogSec=0" in found("unit-trader")["unit-trader"][1]
    finally:
        installed.write_text(text)
        host.run("systemctl", "disable", UNIT)
        host.run("systemctl", "add-wants", "test-host.target", UNIT)
        host.run("systemctl", "daemon-reload")
