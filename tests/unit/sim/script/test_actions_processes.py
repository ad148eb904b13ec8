"""The actions on processes hand their checked inputs to the host, and only declared ones exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from tests.unit.sim.script.stages import act, staged
from trader.sim.script.inputs import InputError
from trader.sim.script.processes import NoProcesses
from trader.sim.script.stage import Stage


class Noting(NoProcesses):
    """Takes down what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Any, ...]] = []

    def __getattribute__(self, name: str) -> Any:
        if name not in ("start", "restart", "send", "freeze", "limit_files", "lock", "unlock"):
            return super().__getattribute__(name)

        def note(*given: Any) -> dict[str, Any]:
            self.asked.append((name, *given))
            return {"noted": name}

        return note


@pytest.fixture
def stage() -> Stage:
    made = staged()
    made.host.processes = Noting()
    return made


CASES: list[tuple[str, dict[str, Any], tuple[Any, ...]]] = [
    ("child-start", {}, ("start", None)),
    ("child-start", {"child": "bot"}, ("start", "bot")),
    ("child-restart", {}, ("restart", None, "KILL", 0.0)),
    ("child-restart", {"signal": "TERM", "after_s": 2}, ("restart", None, "TERM", 2.0)),
    ("child-signal", {"signal": "STOP"}, ("send", None, "STOP")),
    ("child-freeze", {"seconds": 3}, ("freeze", None, 3.0)),
    ("child-disk", {"bytes": 0}, ("limit_files", None, 0, 0.0)),
    ("child-disk", {"bytes": None, "seconds": 5}, ("limit_files", None, None, 5.0)),
    ("file-lock", {"file": "journal", "seconds": 60}, ("lock", "journal", 60.0)),
    ("file-unlock", {}, ("unlock", None)),
]


@pytest.mark.parametrize(("name", "inputs", "asked"), CASES)
def test_the_host_is_asked_for_it(
    stage: Stage, name: str, inputs: dict[str, Any], asked: tuple[Any, ...]
) -> None:
    assert act(stage, name, **inputs) == {"noted": asked[0]}
    assert cast(Noting, stage.host.processes).asked == [asked]


@pytest.mark.parametrize(
    ("name", "inputs", "field"),
    [
        ("child-signal", {"signal": "HUP"}, "signal"),
        ("child-signal", {}, "signal"),
        ("child-restart", {"signal": "STOP"}, "signal"),
        ("child-freeze", {"seconds": -1}, "seconds"),
        ("child-disk", {}, "bytes"),
        ("child-disk", {"bytes": -1}, "bytes"),
        ("file-lock", {"seconds": 4000}, "seconds"),
        # Neither a command nor a path can be given.
        ("child-start", {"command": "sh"}, "command"),
        ("file-lock", {"seconds": 1, "path": "/etc/passwd"}, "path"),
    ],
)
def test_a_wrong_input_is_named(
    stage: Stage, name: str, inputs: dict[str, Any], field: str
) -> None:
    with pytest.raises(InputError) as caught:
        act(stage, name, **inputs)
    assert caught.value.field == field
    assert cast(Noting, stage.host.processes).asked == []


WISHES: list[Callable[[Stage], Any]] = [
    lambda stage: act(stage, "child-start"),
    lambda stage: act(stage, "file-lock", seconds=1),
]


@pytest.mark.parametrize("wish", WISHES)
def test_under_virtual_time_there_are_none(wish: Callable[[Stage], Any]) -> None:
    with pytest.raises(InputError, match="no processes"):
        wish(staged())
