"""Through the daemon while it can, without it when it cannot, and a standing order in between."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests.unit.ops.support import NOW
from trader.ops import kill_actions, kill_order
from trader.ops.control_client import NoReply, Reply
from trader.ops.control_token import Endpoint, write_endpoint
from trader.ops.kill_actions import carry_out, find_python
from trader.ops.kill_order import Order, World
from trader.ops.standing_order import StandingOrder, standing


def reply(code: str, is_done: bool = False) -> Reply:
    body = {"is_done": is_done, "text": code, "details": ["one line"], "code": code}
    return Reply(200 if is_done else 409, body)


class Shell:
    """A daemon that answers as it was told, and a clock that pauses move."""

    def __init__(self, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state = state
        self.now_s = 100.0
        self.said: list[str] = []
        self.complained: list[str] = []
        self.asked: list[tuple[str, dict[str, object]]] = []
        self.replies: dict[str, list[Reply | NoReply]] = {}
        self.told: dict[str, object] = {}
        self.alone = 0
        # How long the daemon is at a verb, in seconds.
        self.lasts_s = 0.0
        monkeypatch.setattr(kill_order, "ask_verb", self._ask)
        monkeypatch.setattr(kill_actions, "_alone", self._alone)
        write_endpoint(state / "control.json", Endpoint("127.0.0.1", 9, state / "token", 1))

    def _ask(self, _at: object, verb: str, asked: dict[str, object], **_rest: object) -> Reply:
        more = {key: value for key, value in asked.items() if key not in ("reason", "by")}
        self.asked.append((verb, more))
        self.now_s += self.lasts_s
        queue = self.replies.get(verb, [reply("done", is_done=True)])
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(answer, NoReply):
            raise answer
        return answer

    def _alone(self, _order: object, _world: object, _told: object) -> int:
        self.asked.append(("alone", {}))
        return self.alone

    def _pause(self, seconds: float) -> None:
        self.now_s += seconds

    def run(self, *, has_answered: bool = True, **wanted: bool) -> int:
        order = Order(
            halt_file=self.state / "HALT",
            endpoint_file=self.state / "control.json",
            reason="drill",
            by="desk",
            timeout_s=60.0,
            wait_s=3.0,
            **wanted,  # type: ignore[arg-type]
        )
        world = World(
            say=self.said.append,
            complain=self.complained.append,
            monotonic=lambda: self.now_s,
            utc=lambda: NOW,
            pause=self._pause,
            environment={},
        )
        return carry_out(order, world, self.told, has_answered=has_answered)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, monkeypatch)


BOTH = {"must_cancel": True, "must_liquidate": True}


def test_a_daemon_that_answers_does_both_in_this_order(shell: Shell) -> None:
    assert shell.run(**BOTH) == 0
    assert shell.asked == [("cancel-orders", {"keep_exits": False}), ("liquidate", {"all": False})]
    assert shell.said.count("  one line") == 2
    assert shell.told["acted"] == "daemon"


def test_without_liquidation_what_protects_is_to_stay(shell: Shell) -> None:
    shell.replies["cancel-orders"] = [reply("protected", is_done=True)]
    assert shell.run(must_cancel=True) == 3
    assert shell.asked == [("cancel-orders", {"keep_exits": True})]


def test_everything_is_one_question(shell: Shell) -> None:
    assert shell.run(**BOTH, is_everything=True) == 0
    assert shell.asked == [("liquidate", {"all": True})]


def test_cancelling_everything_keeps_nothing(shell: Shell) -> None:
    assert shell.run(must_cancel=True, is_everything=True) == 0
    assert shell.asked == [("cancel-orders", {"keep_exits": False, "all": True})]


@pytest.mark.parametrize(("code", "exit_code"), [("remains", 4), ("waiting", 5), ("", 1)])
def test_what_was_not_done_has_its_own_code(shell: Shell, code: str, exit_code: int) -> None:
    shell.replies["liquidate"] = [reply(code)]
    assert shell.run(**BOTH) == exit_code
    assert shell.asked[-1][0] == "liquidate", "a daemon that works is not pushed aside"


@pytest.mark.parametrize("code", ["journal", "refused"])
def test_a_daemon_that_cannot_is_pushed_aside(shell: Shell, code: str) -> None:
    shell.replies["liquidate"] = [reply(code)]
    shell.alone = 5
    assert shell.run(**BOTH) == 5
    assert shell.asked[-1][0] == "alone"
    assert "acting without it" in shell.complained[-1]


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 503])
def test_a_daemon_that_does_not_even_try_is_pushed_aside(shell: Shell, status: int) -> None:
    shell.replies["liquidate"] = [Reply(status, {"text": "refused"})]
    shell.alone = 5
    assert shell.run(**BOTH) == 5
    assert shell.asked[-1][0] == "alone"
    assert f"refused with HTTP {status}" in shell.complained[-1]


def test_a_daemon_that_was_asked_too_much_is_asked_again(shell: Shell) -> None:
    busy = Reply(429, {"text": "too many"})
    shell.replies["liquidate"] = [busy, busy, reply("done", is_done=True)]
    assert shell.run(**BOTH) == 0
    assert "alone" not in [verb for verb, _ in shell.asked]


def test_a_daemon_without_a_link_is_waited_for_and_then_left_a_standing_order(
    shell: Shell,
) -> None:
    shell.replies["liquidate"] = [reply("no_link")]
    assert shell.run(**BOTH) == 7
    assert len([verb for verb, _ in shell.asked if verb == "liquidate"]) == 4
    assert standing(shell.state / "standing_order.json") == StandingOrder(
        True, False, "desk", "drill", "2025-03-14T14:30:05.000Z"
    )
    assert "Left as a standing order" in shell.complained[-1]
    assert shell.told["standing_order"] == str(shell.state / "standing_order.json")


def test_an_order_that_wants_less_does_not_take_the_place_of_one_that_wants_more(
    shell: Shell,
) -> None:
    shell.replies |= {"liquidate": [reply("no_link")], "cancel-orders": [reply("no_link")]}
    assert shell.run(**BOTH) == 7
    left = standing(shell.state / "standing_order.json")
    assert shell.run(must_cancel=True) == 7
    assert standing(shell.state / "standing_order.json") == left
    assert (
        "An earlier standing order stays in its place: close every position"
        in (shell.complained[-2])
    )


def test_a_link_that_comes_back_in_time_leaves_nothing_behind(shell: Shell) -> None:
    shell.replies["liquidate"] = [reply("no_link"), reply("done", is_done=True)]
    assert shell.run(**BOTH) == 0
    assert not (shell.state / "standing_order.json").exists()


def test_what_the_daemon_has_worked_is_no_time_without_a_link(shell: Shell) -> None:
    shell.lasts_s = 100.0
    shell.replies["liquidate"] = [reply("no_link"), reply("done", is_done=True)]
    assert shell.run(**BOTH) == 0


def test_a_standing_order_that_cannot_be_left_is_told(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kill_actions, "leave_also", full)
    shell.replies["liquidate"] = [reply("no_link")]
    assert shell.run(**BOTH) == 7
    assert "NO STANDING ORDER WAS LEFT" in shell.complained[-1]
    assert "standing_order" not in shell.told


def test_a_late_daemon_gets_a_real_chance_and_a_hung_one_is_pushed_aside(shell: Shell) -> None:
    assert shell.run(**BOTH, has_answered=False) == 0
    assert shell.asked[0][0] == "halt"
    shell.asked.clear()
    shell.replies["halt"] = [NoReply("no answer in time")]
    assert shell.run(**BOTH, has_answered=False) == 0
    assert [verb for verb, _ in shell.asked] == ["halt", "alone"]
    assert "hangs: acting without it" in shell.complained[-1]


@pytest.mark.parametrize("verb", ["cancel-orders", "liquidate"])
def test_a_daemon_that_falls_silent_in_the_middle_is_pushed_aside(shell: Shell, verb: str) -> None:
    shell.replies[verb] = [NoReply("no answer in time")]
    assert shell.run(**BOTH) == 0
    assert shell.asked[-1][0] == "alone"


def test_a_daemon_that_has_ended_in_between_is_not_asked(shell: Shell) -> None:
    shell.replies["liquidate"] = [reply("no_link")]
    pause = shell._pause

    def ends(seconds: float) -> None:
        (shell.state / "control.json").unlink(missing_ok=True)
        pause(seconds)

    shell._pause = ends  # type: ignore[method-assign]
    assert shell.run(**BOTH) == 0
    assert shell.asked[-1][0] == "alone"


# ---- without it


@pytest.fixture
def bare(tmp_path: Path) -> tuple[Order, World, list[str]]:
    said: list[str] = []
    order = Order(
        halt_file=tmp_path / "HALT", endpoint_file=tmp_path / "control.json", reason="drill",
        by="desk", timeout_s=60.0, must_liquidate=True, wait_s=0.0,
    )  # fmt: skip
    world = World(
        say=said.append, complain=said.append, monotonic=time.monotonic, utc=lambda: NOW,
        pause=time.sleep, environment={},
    )  # fmt: skip
    return order, world, said


def test_without_an_environment_it_says_what_to_do(
    bare: tuple[Order, World, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    order, world, said = bare
    monkeypatch.setattr(kill_actions, "find_python", lambda *_: None)
    assert kill_actions._alone(order, world, {}) == 8
    assert "NOT cancelled or closed: there is no" in said[-1]
    assert "TWS" in said[-1]


def test_the_account_of_the_emergency_part_is_taken_over(
    bare: tuple[Order, World, list[str]],
) -> None:
    # No settings were left here: the real program says so, and nothing was fenced.
    order, world, said = bare
    told: dict[str, object] = {}
    assert kill_actions._alone(order, world, told) == 8
    report = told["report"]
    assert isinstance(report, dict)
    assert report["exit_code"] == 8
    assert "reach.json" in report["problems"][0]
    assert told["is_daemon_gone"] is False
    assert any("name the settings: --config" in line for line in said)


def test_a_python_is_looked_for_where_the_project_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert find_python(tmp_path) is None
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("")
    assert find_python(tmp_path) is None, "a file that cannot be run"
    python.chmod(0o755)
    assert find_python(tmp_path) == python


@pytest.mark.parametrize("text", [b"", b"[]", b"{"])
def test_an_account_that_broke_off_is_empty(text: bytes) -> None:
    assert kill_actions._account_in(text) == {}
    assert kill_actions._account_in(b'{"exit_code": 1}') == {"exit_code": 1}


def test_what_an_operator_may_type_reaches_the_emergency_part(
    bare: tuple[Order, World, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A reason and a name that look like options, and a file below where the operator stands.
    order, world, said = bare
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text("nonsense: 1\n")
    order = order._replace(reason="-5% and falling", by="-x", config="own.yaml")
    told: dict[str, object] = {}
    assert kill_actions._alone(order, world, told) == 8
    report = told["report"]
    assert isinstance(report, dict)
    assert str(tmp_path / "own.yaml") in report["problems"][0]
    assert "No such file" not in report["problems"][0]
    assert not any("BROKE OFF" in line for line in said)


def a_program(folder: Path, body: str) -> Path:
    """Write something that is started in place of Python with the emergency part."""
    program = folder / "program"
    program.write_text(f"#!{sys.executable}\nimport os, sys\n{body}\n")
    program.chmod(0o755)
    return program


def test_an_account_of_any_length_is_taken_over(
    bare: tuple[Order, World, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A pipe that nobody reads takes 64 KiB, and then both wait for ever.
    order, world, said = bare
    body = (
        "fd = int(sys.argv[sys.argv.index('--report-fd') + 1])\n"
        "with os.fdopen(fd, 'w') as file: file.write('{\"kept\": \"' + 'x' * 300000 + '\"}')\n"
        "sys.stdout.buffer.write(b'said \\xfc\\n')"
    )
    program = a_program(tmp_path, body)
    monkeypatch.setattr(kill_actions, "find_python", lambda *_: program)
    told: dict[str, object] = {"acted": "daemon"}
    assert kill_actions._alone(order, world, told) == 0
    assert told["report"] == {"kept": "x" * 300000}
    assert said == ["said \ufffd"]


def test_it_says_whether_the_daemon_was_at_work_until_just_now(
    bare: tuple[Order, World, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, world, said = bare
    program = a_program(tmp_path, "print('--after-daemon' in sys.argv)")
    monkeypatch.setattr(kill_actions, "find_python", lambda *_: program)
    kill_actions._alone(order, world, {"acted": "daemon"})
    kill_actions._alone(order, world, {})
    assert said == ["True", "False"]


@pytest.mark.parametrize("body", ["sys.exit(2)", "sys.exit(1)", "os.kill(os.getpid(), 9)"])
def test_an_emergency_part_that_breaks_off_never_looks_like_wrong_usage(
    bare: tuple[Order, World, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    order, world, said = bare
    monkeypatch.setattr(kill_actions, "find_python", lambda *_: a_program(tmp_path, body))
    assert kill_actions._alone(order, world, {}) == 8
    assert "BROKE OFF" in said[-1]


def test_a_python_that_cannot_be_run_is_told(
    bare: tuple[Order, World, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, world, said = bare
    program = a_program(tmp_path, "")
    program.write_text("#!/nowhere/python\n")
    monkeypatch.setattr(kill_actions, "find_python", lambda *_: program)
    assert kill_actions._alone(order, world, {}) == 8
    assert "COULD NOT BE RUN" in said[-1]
