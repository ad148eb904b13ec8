"""Each step sees what is wrong: on a stage where one thing is not as it should be, it fails."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from trader.drill_stage import DrillStopped, Heard, Stage
from trader.kill_drill import steps
from trader.kill_drill.report import FAILED, PASSED, Recorder
from trader.kill_drill.steps import PLAYS, Drill, Step
from trader.ops.halt_record import write_halt, write_resume

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
REASON = "kill switch drill by me"
HALTED_METRICS = (
    'trader_posture{posture="halted"} 1.0\n'
    'trader_halt_cause{cause="halt_file"} 1.0\n'
    "trader_ready 0.0\n"
)
REFUSED = Heard(202, '{"is_approved": false, "code": "HALTED", "text": "halted"}')
TOLD = {"is_halted": True, "is_confirmed": True, "acted": "daemon", "strategies_running": 0}


@dataclass(slots=True)
class FakeStage(Stage):
    """A stage without processes: what it is asked is answered from a table."""

    answers: dict[str, Heard] = field(default_factory=dict)
    orders: list[Heard] = field(default_factory=list)
    truths: list[dict[str, Any]] = field(default_factory=list)
    done: list[subprocess.CompletedProcess[str]] = field(default_factory=list)

    def get(self, path: str) -> Heard:
        return self.answers.get(path, Heard(0, ""))

    def order(self, key: str, **terms: object) -> Heard:
        return self.orders.pop(0)

    def resume_without_reason(self) -> Heard:
        return self.answers.get("/ops/resume", Heard(0, ""))

    def truth(self) -> dict[str, Any]:
        return self.truths.pop(0) if len(self.truths) > 1 else self.truths[0]

    def kill_switch(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.done.pop(0)


def a_truth(**changes: Any) -> dict[str, Any]:
    return {"orders": [], "positions": [], "executions": [], "place_frames": []} | changes


def ended(code: int, stdout: str = "", stderr: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], code, stdout, stderr)


@pytest.fixture
def drill(tmp_path: Path) -> Drill:
    stage = FakeStage(tmp_path, {}, 1, truths=[a_truth()])
    stage.state.mkdir()
    return Drill(stage, Recorder(lambda: T0, lambda line: None), "me")


def fake(drill: Drill) -> FakeStage:
    assert isinstance(drill.stage, FakeStage)
    return drill.stage


def played(drill: Drill, act: Callable[[Drill], None]) -> str:
    """Play one step alone; return its verdict."""
    record = drill.recorder.plan("play", "step", "text")
    drill.recorder.begin(record)
    act(drill)
    return record.verdict


def not_met(drill: Drill) -> list[str]:
    return [row.what for step in drill.recorder.steps for row in step.checks if not row.is_met]


def test_a_flat_account_passes_and_anything_left_is_seen(drill: Drill) -> None:
    assert played(drill, steps.is_flat) == PASSED
    fake(drill).truths = [
        a_truth(
            orders=[{"side": "BUY", "symbol": "A", "status": "Submitted"}],
            positions=[{"symbol": "A", "quantity": "1"}],
            executions=[
                {"symbol": "A", "side": "BUY", "quantity": "1"},
                {"symbol": "A", "side": "SELL", "quantity": "2"},
            ],
            place_frames=[{}],
        )
    ]
    assert played(drill, steps.is_flat) == FAILED
    assert not_met(drill) == [
        "orders working at the broker",
        "positions at the broker",
        "executions across zero",
        "orders received since the kill switch returned",
    ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ""),
        ({"is_halted": False}, "kill switch: is_halted"),
        ({"acted": "alone"}, "kill switch: acted"),
        ({"strategies_running": 1}, "kill switch: strategies_running"),
        ({"code": "left"}, "kill switch: code"),
    ],
)
def test_the_kill_switch_is_held_to_its_account(
    drill: Drill, changes: dict[str, object], problem: str
) -> None:
    told = {**TOLD, "code": "done", **changes}
    fake(drill).done = [ended(0, json.dumps(told))]
    assert played(drill, steps.kills) == (FAILED if problem else PASSED)
    assert not_met(drill) == ([problem] if problem else [])


def test_a_kill_switch_without_an_account_ends_the_drill(drill: Drill) -> None:
    fake(drill).done = [ended(4, "", "no disk")]
    with pytest.raises(DrillStopped, match="no disk"):
        played(drill, steps.kills)


def test_alone_it_must_have_promised_each_order_and_left_nothing(drill: Drill) -> None:
    report = {"remaining_orders": [], "remaining_positions": ["20 AAPL"]}
    told = {**TOLD, "acted": "alone", "report": report}
    fake(drill).done = [ended(0, json.dumps(told))]
    assert played(drill, steps.kills_alone) == FAILED
    assert not_met(drill) == ["kill switch: remaining_positions", "orders promised on disk"]


def halted(drill: Drill) -> None:
    """Put everything on the stage as a halt has it."""
    stage = fake(drill)
    write_halt(stage.state / "HALT", REASON, "me", T0)
    status = {"posture": "halted", "strategies": [{"state": "HALTED"}]}
    stage.answers = {
        "/healthz": Heard(200, "{}"),
        "/readyz": Heard(503, '{"reasons": ["halt_file: x"]}'),
        "/ops/status": Heard(503, json.dumps(status)),
        "/metrics": Heard(200, HALTED_METRICS),
    }
    stage.orders = [REFUSED]
    log = {"posture": "halted", "causes": ["halt_file"], "message": "posture"}
    (stage.folder / "daemon.log").write_text(json.dumps(log) + "\n")


def test_a_halt_is_seen_in_every_place(drill: Drill) -> None:
    halted(drill)
    assert played(drill, steps.is_halted) == PASSED


@pytest.mark.parametrize(
    ("path", "answer", "problem"),
    [
        ("/readyz", Heard(200, "halt_file"), "GET /readyz"),
        ("/readyz", Heard(503, "{}"), "its reasons"),
        ("/healthz", Heard(503, "{}"), "GET /healthz (halted, alive)"),
        ("/metrics", Heard(200, HALTED_METRICS.replace("0.0", "1.0")), "metric trader_ready"),
        (
            "/ops/status",
            Heard(503, '{"posture": "halted", "strategies": [{"state": "RUNNING"}]}'),
            "strategies RUNNING",
        ),
    ],
)
def test_a_halt_that_is_missing_in_one_place_is_seen(
    drill: Drill, path: str, answer: Heard, problem: str
) -> None:
    halted(drill)
    fake(drill).answers[path] = answer
    assert played(drill, steps.is_halted) == FAILED
    assert not_met(drill) == [problem]


def test_an_order_that_gets_through_under_a_halt_is_seen(drill: Drill) -> None:
    halted(drill)
    fake(drill).orders = [Heard(202, '{"is_approved": true, "code": ""}')]
    fake(drill).truths = [a_truth(), a_truth(place_frames=[{}])]
    assert played(drill, steps.is_halted) == FAILED
    assert not_met(drill) == [
        "its verdict: is_approved",
        "its verdict: code",
        "orders that reached the broker by it",
    ]


def test_a_halt_file_that_releases_is_seen(drill: Drill) -> None:
    halted(drill)
    write_resume(fake(drill).state / "HALT", REASON, "me", T0)
    assert played(drill, steps.is_halted) == FAILED
    assert not_met(drill) == ["the halt record halts"]


def test_a_daemon_that_answers_though_it_should_be_dead_is_seen(drill: Drill) -> None:
    halted(drill)
    assert played(drill, steps.is_gone) == FAILED
    assert not_met(drill) == [
        "GET /healthz",
        "GET /readyz",
        "GET /ops/status",
        "POST of an order",
    ]


@pytest.mark.parametrize("codes", [(0, 1), (2, 0)])
def test_a_resume_that_is_granted_without_proof_is_seen(
    drill: Drill, codes: tuple[int, int]
) -> None:
    halted(drill)
    why = "no daemon is running"
    fake(drill).done = [ended(2), ended(1, "", why)]
    assert played(drill, steps.needs_a_daemon) == PASSED
    fake(drill).done = [ended(code, "", why) for code in codes]
    assert played(drill, steps.needs_a_daemon) == FAILED


def test_a_step_that_cannot_go_on_ends_the_drill_and_stands_in_the_record(
    drill: Drill, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(_drill: Drill) -> None:
        """Stop."""
        raise DrillStopped("the daemon ended")

    play = (Step("stops", stops), Step("flat", steps.is_flat))
    monkeypatch.setattr(steps, "PLAYS", (("play", play),))
    steps.play(drill)
    first, second = drill.recorder.steps
    assert first.problem == "DrillStopped: the daemon ended"
    assert not second.began_utc
    assert drill.recorder.verdict == FAILED


def test_each_step_says_in_a_line_what_it_is_for() -> None:
    assert [name for name, _ in PLAYS] == ["daemon healthy", "daemon dead"]
    for _, play in PLAYS:
        for step in play:
            assert step.text.endswith(".")
            assert len(step.text) < 120, step.text
