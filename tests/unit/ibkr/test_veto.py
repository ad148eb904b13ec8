"""The last word before the socket knows mode, environment and halt file, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from trader.core.halts import Mode
from trader.ibkr.veto import Veto
from trader.ports import HaltReading


@dataclass
class Switch:
    """A halt file that says what it is told."""

    halted: str = ""

    def reading(self) -> HaltReading:
        return HaltReading(bool(self.halted), self.halted)


@pytest.mark.parametrize("mode", [Mode.DRY_RUN, Mode.SHADOW])
@pytest.mark.parametrize("is_reduce_only", [False, True])
def test_a_mode_that_sends_nothing_sends_nothing(mode: Mode, is_reduce_only: bool) -> None:
    assert Veto(mode, Switch())(is_reduce_only) == f"mode {mode} sends no orders"


@pytest.mark.parametrize("mode", [Mode.PAPER, Mode.LIVE, Mode.DEMO])
def test_what_the_operator_halted_stays_but_for_exits(mode: Mode) -> None:
    switch = Switch()
    veto = Veto(mode, switch)
    assert veto(False) is None
    switch.halted = "halted by ops"
    assert veto(False) == "halted by ops"
    assert veto(True) is None
    switch.halted = ""
    assert veto(False) is None


def test_the_environments_halt_is_one_too() -> None:
    veto = Veto(Mode.PAPER, Switch(), "EXECUTION_HALTED is set")
    assert veto(False) == "EXECUTION_HALTED is set"
    assert veto(True) is None
