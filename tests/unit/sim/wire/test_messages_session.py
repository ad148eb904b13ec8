"""Session messages have exact field counts, and end markers their fields."""

from __future__ import annotations

import pytest

from tests.unit.sim.wire.samples import split
from trader.sim.wire import messages_session


@pytest.mark.parametrize(("version", "count"), [(157, 5), (163, 5), (166, 6), (178, 6), (194, 6)])
def test_an_error_has_the_fields_of_its_version(version: int, count: int) -> None:
    (fields,) = split(messages_session.error(version, -1, 2104, "text"))
    assert len(fields) == count
    assert fields[1] == ("2" if version < 194 else "-1")


def test_end_markers_have_two_or_three_fields() -> None:
    assert split(messages_session.end(62)) == [["62", "1"]]
    assert split(messages_session.end(52, 9)) == [["52", "1", "9"]]


def test_session_messages_have_exactly_three_fields() -> None:
    assert split(messages_session.next_valid_id(5)) == [["9", "1", "5"]]
    assert split(messages_session.managed_accounts("DU1")) == [["15", "1", "DU1"]]
    assert split(messages_session.current_time(7)) == [["49", "1", "7"]]
    assert split(messages_session.current_time_ms(7001)) == [["109", "7001"]]
    assert split(messages_session.server_hello(178, "now")) == [["178", "now"]]
