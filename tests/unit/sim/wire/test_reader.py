"""Fields are read in order, and a message that ends too early is refused."""

from __future__ import annotations

import pytest

from trader.sim.wire.frames import FieldError
from trader.sim.wire.reader import Fields


def test_reading_past_the_end_names_the_message() -> None:
    read = Fields(["9", "8"], 1)
    assert read.integer() == 8
    with pytest.raises(FieldError, match="message '9' ends after 2 fields"):
        read.text()


@pytest.mark.parametrize("count", ["-1", "1001"])
def test_a_group_has_a_bound(count: str) -> None:
    with pytest.raises(FieldError, match="allowed 0 to 1000"):
        Fields(["1", count]).count()
