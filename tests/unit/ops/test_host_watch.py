"""The look at the machine: what it says is shown, counts only while fresh, and is told when bad."""

from __future__ import annotations

import errno
from pathlib import Path

from structlog.testing import capture_logs

from tests.unit.store.support import CountingClock
from trader.ops.headroom import Roots
from trader.ops.host_watch import HostWatch
from trader.ops.time_service import Timex


class Machine:
    """A kernel and a clock in the test's hands."""

    def __init__(self, folder: Path) -> None:
        self.now_s = 100.0
        self.status = 0
        self.is_dumb = False
        self.roots = Roots(folder, folder)

    def adjtimex(self, found: Timex) -> int:
        if self.is_dumb:
            raise OSError(errno.EPERM, "not permitted")
        found.status = self.status
        return 5 if self.status else 0


class Clock(CountingClock):
    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self._machine = machine

    def monotonic(self) -> float:
        return self._machine.now_s


def watch(machine: Machine, *switches: str) -> HostWatch:
    told = tuple(f"{name} is set" for name in switches)
    clock = Clock(machine)
    return HostWatch(clock, switches, told, adjtimex=machine.adjtimex, roots=machine.roots)


def test_the_clock_is_asked_at_the_start_and_at_each_look(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    seen = watch(machine)
    assert seen.time_problem() == ""
    assert seen.status().warnings == ()
    machine.status = 0x40
    seen.look()
    assert "unsynchronised" in seen.time_problem()
    assert seen.status().warnings == (f"clock: {seen.time_problem()}",)
    machine.is_dumb = True
    seen.look()
    assert seen.status().time_service.is_synchronised is None
    assert "cannot be asked" in seen.time_problem()
    machine.status, machine.is_dumb = 0, False
    seen.look()
    assert seen.time_problem() == ""


def test_a_word_that_is_old_counts_for_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    seen = watch(machine)
    machine.now_s += 60
    assert seen.time_problem() == ""
    machine.now_s += 0.5
    assert seen.time_problem() == "the time service was last asked 60 s ago"
    assert seen.status().time_service.is_synchronised is None


def test_a_switch_is_told_for_as_long_as_the_process_lives(tmp_path: Path) -> None:
    seen = watch(Machine(tmp_path), "MARKETDATA_FORCE_STALE")
    for _ in range(3):
        seen.look()
    assert seen.status().switches == ("MARKETDATA_FORCE_STALE",)
    assert seen.status().warnings == ("MARKETDATA_FORCE_STALE is set",)


def test_the_share_of_the_cpu_is_that_since_the_look_before(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    seen = watch(machine)
    assert seen.status().headroom.cpu_share is None
    machine.now_s += 0.000_001
    sum(range(3_000_000))
    seen.look()
    share = seen.status().headroom.cpu_share
    assert share is not None
    assert share > 1
    assert seen.status().low == ("cpu",)
    machine.now_s += 1_000
    seen.look()
    assert seen.status().low == ()


def test_what_is_wrong_goes_to_the_log_once_and_not_before_the_start(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.status = 0x40
    with capture_logs() as lines:
        seen = watch(machine)
        assert lines == []
        seen.look()
        seen.look()
        assert [(line["what"], line["log_level"]) for line in lines] == [("clock", "warning")]
        machine.status = 0
        seen.look()
        machine.is_dumb = True
        seen.look()
    assert [line["what"] for line in lines] == ["clock", "clock"]


def test_what_is_kept_beyond_its_budget_is_low_as_well(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    above: dict[str, str] = {}
    seen = HostWatch(
        Clock(machine), kept=lambda: above, adjtimex=machine.adjtimex, roots=machine.roots
    )
    assert seen.status().low == ()
    above["journal"] = "2 of 1 MB"
    seen.look()
    assert seen.status().low == ("journal",)
    assert seen.status().warnings == ("journal: 2 of 1 MB",)
