"""What was asked for, in whose name, and how the answer is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.ops.support import NOW
from trader.ops import kill_order
from trader.ops.control_client import Reply
from trader.ops.control_token import Endpoint
from trader.ops.kill_order import Order, World, ask, report

ORDER = Order(Path("/s/HALT"), Path("/s/control.json"), "drill", "desk", 60.0)


def a_world(said: list[str], complained: list[str]) -> World:
    return World(said.append, complained.append, lambda: 0.0, lambda: NOW, lambda s: None, {})


def test_the_state_is_where_the_endpoint_lies() -> None:
    assert ORDER.state == Path("/s")
    assert not ORDER.must_cancel


def test_the_daemon_is_told_who_asks_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def ask_verb(*arguments: object, **_more: object) -> Reply:
        asked.extend(arguments)
        return Reply(200, {})

    monkeypatch.setattr(kill_order, "ask_verb", ask_verb)
    at = Endpoint("127.0.0.1", 9, Path("/s/token"), 1)
    ask(ORDER, at, a_world([], []), "liquidate", timeout_s=1.0, all=True)
    assert asked == [at, "liquidate", {"reason": "drill", "by": "desk", "all": True}]


@pytest.mark.parametrize(
    ("is_done", "line"), [(True, "x: done: ok"), (False, "x, but not done: ok")]
)
def test_an_answer_is_told_line_by_line(is_done: bool, line: str) -> None:
    said: list[str] = []
    complained: list[str] = []
    answer = Reply(200, {"is_done": is_done, "text": "ok", "details": ["one"]})
    report(answer, "x: done", a_world(said, complained))
    assert (said if is_done else complained)[0] == line
    assert said[-1] == "  one"
