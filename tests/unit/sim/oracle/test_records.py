"""An execution and its corrections are one family."""

from __future__ import annotations

import pytest

from trader.core.ids import ExecId, exec_family
from trader.sim.oracle.records import State, family_of, revision_of


@pytest.mark.parametrize(
    "exec_id",
    ["0000e0d5.67fe667b.01.01", "0000e0d5.67fe667b.01.12", "plain", "12", "a.", "a.b", ".7", "x.1y",
     "x.²", "x..3"],
)  # fmt: skip
def test_it_is_split_as_the_daemon_splits_it(exec_id: str) -> None:
    """Two programs that share no code must understand the same of the broker's ids."""
    assert (family_of(exec_id), revision_of(exec_id)) == exec_family(ExecId(exec_id))


def test_a_state_is_its_word() -> None:
    assert State("FILLED") is State.FILLED
