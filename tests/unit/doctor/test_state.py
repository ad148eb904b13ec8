"""What facts about the state directory are judged to be."""

from __future__ import annotations

import secrets as chance

import pytest

from trader.doctor import state
from trader.doctor.findings import Level
from trader.doctor.state import FileMode, Glimpse, Held
from trader.ports import HaltReading


@pytest.mark.parametrize(
    ("held", "status", "level", "word"),
    [
        (Held(), None, Level.OK, "none runs"),
        (Held(said=4), None, Level.OK, "none runs"),
        (Held(problem="not allowed"), None, Level.UNKNOWN, "not allowed"),
        (Held(strays=(9,)), None, Level.FAIL, "process 9"),
        (Held(pid=3, is_liquidator=True), None, Level.WARN, "process 3"),
        (Held(pid=3), None, Level.FAIL, "does not answer: late"),
        (Held(pid=3), {"mode": "paper", "posture": "armed", "causes": []}, Level.OK, "armed"),
        (
            Held(pid=3),
            {"mode": "paper", "posture": "halted", "causes": {"operator": "lunch"}},
            Level.WARN,
            "operator: lunch",
        ),
    ],
)
def test_who_holds_the_state(
    held: Held, status: dict[str, object] | None, level: Level, word: str
) -> None:
    found = state.daemon(held, status, "late")
    assert (found.level, word in found.seen) == (level, True)


def test_a_lock_file_that_was_left_behind_holds_nothing() -> None:
    left = state.lock(Held(said=77))
    assert (left.level, "still names process 77" in left.seen) == (Level.OK, True)
    assert "held by process 5" in state.lock(Held(pid=5, said=5)).seen
    assert state.lock(Held(journal_pid=8)).level is Level.FAIL
    assert state.lock(Held(pid=8, said=8, journal_pid=8)).level is Level.OK
    assert state.lock(Held(problem="no /proc")).level is Level.UNKNOWN


@pytest.mark.parametrize(
    ("reading", "environment", "level"),
    [
        (HaltReading(False, ""), "", Level.OK),
        (HaltReading(False, ""), "EXECUTION_HALTED is set", Level.WARN),
        (HaltReading(True, "lunch"), "", Level.WARN),
        (HaltReading(True, "missing", is_missing=True), "", Level.WARN),
    ],
)
def test_a_halt_is_told(reading: HaltReading, environment: str, level: Level) -> None:
    assert state.halt(reading, environment).level is level


def test_an_unanswered_kill_fails_and_so_does_one_that_cannot_be_read() -> None:
    assert state.kill(None, "").level is Level.OK
    assert state.kill("close every position", "").level is Level.FAIL
    assert state.kill(None, "is not a standing order").level is Level.FAIL


@pytest.mark.parametrize(
    ("file", "level"),
    [
        (FileMode("token", 0o100600, 7, is_secret=True), Level.OK),
        (FileMode("token", 0o100640, 7, is_secret=True), Level.FAIL),
        (FileMode("mine.yaml", 0o100644, 7, is_secret=False), Level.OK),
        (FileMode("mine.yaml", 0o100664, 7, is_secret=False), Level.FAIL),
        (FileMode("mine.yaml", 0o100644, 0, is_secret=False), Level.OK),
        (FileMode("mine.yaml", 0o100644, 8, is_secret=False), Level.FAIL),
        (FileMode("state", 0o040700, 7, is_secret=False, is_folder=True), Level.OK),
        (FileMode("state", 0o040755, 7, is_secret=False, is_folder=True), Level.WARN),
        (FileMode("state", 0o040777, 7, is_secret=False, is_folder=True), Level.FAIL),
    ],
)
def test_only_the_owner_may_touch_state_and_secrets(file: FileMode, level: Level) -> None:
    assert state.modes([file], 7).level is level


def test_a_secret_is_judged_and_never_told() -> None:
    good = chance.token_urlsafe(32)
    assert state.secrets([state.token(good)]).level is Level.OK
    for bad in ("a" * 40, "changeme-changeme-changeme-changeme", "12345678", None):
        found = state.secrets([state.token(bad)])
        assert found.level is Level.FAIL
        assert not bad or bad not in found.seen + found.todo
    assert good not in repr(state.token(good))
    assert state.secrets([]).level is Level.OK


def test_a_password_needs_less_than_a_token() -> None:
    chosen = "tr0ub4dor&3x"
    assert state.weakness(state.password("p", chosen)) == ""
    assert state.weakness(state.token(chosen)).startswith("about ")
    assert state.weakness(state.password("p", "hunter2")).startswith("about ")


def test_repeats_make_a_secret_no_harder() -> None:
    assert state.entropy_bits("ab" * 50) < 20 < state.entropy_bits("qwertyuiop")
    assert state.entropy_bits("") == 0


@pytest.mark.parametrize(
    ("glimpse", "level"),
    [
        (Glimpse("j", exists=True, event_count=9), Level.OK),
        (Glimpse("j", exists=False), Level.OK),
        (Glimpse("j", exists=False, has_anchors=True), Level.FAIL),
        (Glimpse("j", exists=True, problem="SQLITE_CORRUPT"), Level.FAIL),
        (Glimpse("j", exists=True, event_count=9, findings=("altered: event 3",)), Level.FAIL),
        (Glimpse("j", exists=True, event_count=9, left_out="too long"), Level.UNKNOWN),
    ],
)
def test_a_journal_by_a_short_look(glimpse: Glimpse, level: Level) -> None:
    assert state.journal(glimpse).level is level
