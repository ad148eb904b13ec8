"""The daemon reads the same file that the kill switch writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.ops.test_standing_order import LEFT
from trader.engine.acts.standing import Standing
from trader.ops.standing_file import StandingOrderFile
from trader.ops.standing_order import leave
from trader.ports import WorldError


def test_it_gives_what_lies_there_and_takes_it_away(tmp_path: Path) -> None:
    path = tmp_path / "standing_order.json"
    file = StandingOrderFile(path)
    assert file.standing() is None
    leave(path, LEFT)
    assert file.standing() == Standing(True, False, "desk", LEFT.words)
    file.withdraw()
    assert not path.exists()
    file.withdraw()


def test_what_it_cannot_do_is_a_world_error(tmp_path: Path) -> None:
    file = StandingOrderFile(tmp_path)
    with pytest.raises(WorldError):
        file.standing()
    with pytest.raises(WorldError):
        file.withdraw()
