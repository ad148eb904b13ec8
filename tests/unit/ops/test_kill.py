"""The kill switch's order: file first, then the daemon, then the truth about both."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.ops.support import NOW
from trader.emergency.report import ExitCode
from trader.ops import kill, kill_actions, kill_order
from trader.ops.control_client import NoReply, Reply
from trader.ops.control_token import Endpoint, write_endpoint
from trader.ops.halt_record import verdict

CONFIRM = ["--confirm", "HALT TRADING"]
OK = Reply(200, {"is_done": True, "text": "halted: drill", "details": ["0 strategies run"]})
PID = 1


class Surroundings:
    """What the kill switch said and did, in order."""

    def __init__(self, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state = state
        self.said: list[str] = []
        self.complained: list[str] = []
        self.asked: list[tuple[str, bool]] = []
        self.paused: list[float] = []
        self.replies: dict[str, Reply | NoReply] = {}
        self.environment = {"LOGNAME": "desk"}
        self.alone = 0
        self.answered: list[str] = []
        monkeypatch.setattr(kill_order, "ask_verb", self._ask)
        # What is done without the daemon has tests of its own.
        monkeypatch.setattr(kill_actions, "_alone", self._alone)

    def _ask(self, _endpoint: Endpoint, verb: str, _asked: object, **_rest: object) -> Reply:
        self.asked.append((verb, self.is_halted))
        reply = self.replies.get(verb, OK)
        if isinstance(reply, NoReply):
            raise reply
        return reply

    def _alone(self, _order: object, _world: object, told: dict[str, object]) -> int:
        self.asked.append(("alone", self.is_halted))
        told["is_daemon_gone"] = True
        return self.alone

    @property
    def halt_file(self) -> Path:
        return self.state / "HALT"

    @property
    def is_halted(self) -> bool:
        return self.halt_file.exists() and verdict(self.halt_file.read_bytes())[0]

    def start_daemon(self, halt_file: Path | None = None) -> None:
        write_endpoint(
            self.state / "control.json",
            Endpoint("127.0.0.1", 9, self.state / "token", PID, halt_file),
        )

    def run(self, *arguments: str) -> int:
        world = kill.World(
            say=self.said.append,
            complain=self.complained.append,
            monotonic=time.monotonic,
            utc=lambda: NOW,
            pause=self.paused.append,
            environment=self.environment,
            answer=self.answered.append,
        )
        return kill.main([*arguments, "--state", str(self.state)], world)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Surroundings:
    return Surroundings(tmp_path, monkeypatch)


@pytest.mark.parametrize("phrase", [None, "", "halt trading", "HALT TRADING ", "RESUME TRADING"])
def test_without_the_exact_phrase_nothing_changes(shell: Surroundings, phrase: str | None) -> None:
    shell.start_daemon()
    given = [] if phrase is None else ["--confirm", phrase]
    assert shell.run(*given, "--liquidate") == 2
    assert 'allowed: "HALT TRADING". No change.' in shell.complained[0]
    assert not shell.halt_file.exists()
    assert not shell.asked


def test_the_file_is_written_before_the_daemon_is_asked(shell: Surroundings) -> None:
    shell.start_daemon()
    assert shell.run(*CONFIRM, "--reason", "fat  finger") == 0
    assert shell.asked == [("halt", True)]
    record = json.loads(shell.halt_file.read_text())
    assert (record["active"], record["reason"]) == (True, "fat finger")
    assert record["activatedBy"] == "desk"
    assert "Confirmed by the daemon (process 1)" in shell.said[1]
    assert shell.said[2] == "  0 strategies run"
    assert not shell.complained


def test_the_file_that_the_daemon_reads_is_written_whatever_the_shell_knows(
    shell: Surroundings, tmp_path: Path
) -> None:
    # The settings or the service's environment name another one, and the daemon is stuck.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shell.start_daemon(elsewhere / "HALT")
    shell.replies["halt"] = NoReply("stuck")
    assert shell.run(*CONFIRM) == 1
    assert shell.is_halted
    assert verdict((elsewhere / "HALT").read_bytes())[0]
    assert "reads the halt file before each order" in shell.complained[-1]


def test_a_daemons_halt_file_that_cannot_be_written_is_told(
    shell: Surroundings, tmp_path: Path
) -> None:
    shell.start_daemon(tmp_path / "missing" / "HALT")
    assert shell.run(*CONFIRM) == 6
    assert shell.asked == [("halt", True)]


def test_without_a_daemon_a_bare_halt_is_complete(shell: Surroundings) -> None:
    assert shell.run(*CONFIRM) == 0
    assert shell.is_halted
    assert "the halt holds at its next start" in shell.said[-1]


@pytest.mark.parametrize("verb", ["--cancel-orders", "--liquidate"])
def test_without_a_daemon_the_rest_is_done_all_the_same(shell: Surroundings, verb: str) -> None:
    assert shell.run(*CONFIRM, verb) == 0
    assert shell.asked == [("alone", True)]
    assert shell.said[-1] == "strategies running: 0"


def test_a_silent_daemon_gets_its_grace_and_is_reported(shell: Surroundings) -> None:
    shell.start_daemon()
    shell.replies["halt"] = NoReply("no answer in time")
    assert shell.run(*CONFIRM) == 1
    assert shell.is_halted
    assert shell.paused == [0.02]
    assert "Not confirmed by the daemon (process 1): no answer in time." in shell.complained[0]


def test_a_file_that_cannot_be_written_still_tells_the_daemon(shell: Surroundings) -> None:
    shell.start_daemon()
    shell.environment["EXECUTION_HALTED_FILE"] = str(shell.state / "no" / "such" / "HALT")
    assert shell.run(*CONFIRM) == 6
    assert shell.asked == [("halt", False)]
    assert "COULD NOT BE WRITTEN" in shell.complained[0]
    assert "no such directory" in shell.complained[1]
    assert "Confirmed by the daemon" in shell.said[0]


def test_the_environment_names_the_halt_file(shell: Surroundings, tmp_path: Path) -> None:
    elsewhere = tmp_path / "mounted"
    shell.environment["EXECUTION_HALTED_FILE"] = str(elsewhere)
    assert shell.run(*CONFIRM) == 0
    assert verdict(elsewhere.read_bytes())[0]
    assert not shell.halt_file.exists()


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "1e9"])
def test_a_timeout_out_of_range_changes_nothing(shell: Surroundings, timeout: str) -> None:
    assert shell.run(*CONFIRM, f"--timeout={timeout}") == 2
    assert not shell.halt_file.exists()


def test_resuming_is_the_daemons_decision(shell: Surroundings) -> None:
    clear = ["--clear", "--confirm", "RESUME TRADING"]
    assert shell.run(*clear) == 1
    assert "no daemon is running" in shell.complained[0]
    shell.start_daemon()
    assert shell.run(*clear) == 0
    shell.replies["resume"] = Reply(409, {"is_done": False, "text": "not resumed"})
    assert shell.run(*clear) == 1
    assert not shell.halt_file.exists(), "only the daemon releases"
    assert shell.run(*clear, "--liquidate") == 2
    assert shell.run("--clear", *CONFIRM) == 2


def test_the_operator_has_a_name_even_without_one() -> None:
    assert kill.operator_name({"SUDO_USER": "ann", "LOGNAME": "root"}) == "ann"
    assert kill.operator_name({"USER": " "}).startswith("uid ")


def test_it_imports_the_standard_library_alone() -> None:
    root = Path(__file__).resolve().parents[3]
    script = "import trader.ops.kill, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-S", "-E", "-c", script],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    slow = {"asyncio", "dataclasses", "http.client", "ssl", "email", "logging", "trader.ports"}
    assert not slow & set(loaded)


def test_with_json_there_is_one_object_on_stdout_and_the_lines_elsewhere(
    shell: Surroundings,
) -> None:
    assert shell.run(*CONFIRM, "--liquidate", "--json") == 0
    assert not shell.said
    assert shell.complained
    (text,) = shell.answered
    account = json.loads(text)
    assert (account["is_halted"], account["exit_code"], account["strategies_running"]) == (
        True,
        0,
        0,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--all"], "--all needs --cancel-orders or --liquidate"),
        (["--withdraw", "--liquidate"], "--withdraw goes with neither"),
        (["--liquidate", "--wait=-1"], "--wait is -1; allowed: 0, up to 3600"),
        (["--liquidate", "--wait=nan"], "--wait is nan"),
    ],
)
def test_what_contradicts_itself_changes_nothing(
    shell: Surroundings, words: list[str], said: str
) -> None:
    assert shell.run(*CONFIRM, *words) == 2
    assert said in shell.complained[0]
    assert not shell.halt_file.exists()


def test_a_standing_order_is_taken_back_and_the_halt_is_not(shell: Surroundings) -> None:
    path = shell.state / "standing_order.json"
    path.write_text("{}")
    assert shell.run(*CONFIRM, "--withdraw") == 0
    assert not path.exists()
    assert shell.run(*CONFIRM, "--withdraw") == 0
    assert "There was no standing order" in shell.said[-1]
    assert not shell.halt_file.exists()


def test_a_strategy_runs_only_where_it_may_trade() -> None:
    rows = [{"state": "RUNNING"}, {"state": "HALTED"}, {"state": "FAILED"}, {"state": "RUNNING"}]
    assert kill.running_strategies({"strategies": rows}) == 2
    assert kill.running_strategies({"strategies": rows[1:3]}) == 0
    assert kill.running_strategies({}) == 0


def test_every_exit_code_is_told_in_the_help_and_in_the_documents() -> None:
    root = Path(__file__).resolve().parents[3]
    codes = {int(code) for code in ExitCode}
    named = {
        int(line.split()[0]) for line in kill._EPILOG.splitlines() if line[:3].strip().isdigit()
    }
    assert named == codes
    section = (root / "RUNBOOK.md").read_text().partition("\n## Kill switch\n")[2]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")]
    assert codes <= {int(row) for row in rows if row.isdigit()}
    assert "exit code" in (root / "README.md").read_text().lower()
    assert {kill_order.DONE, kill_order.BUSY} <= codes
