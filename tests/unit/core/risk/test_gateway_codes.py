"""The gateway's own codes are in the table that is published, each once."""

from __future__ import annotations

from trader.core.risk.codes import CODES
from trader.core.risk.gateway_codes import GATEWAY_CODES


def test_each_is_in_the_table_under_its_topic_and_no_other_is() -> None:
    assert tuple(row for row in CODES if row.topic == "gateway") == GATEWAY_CODES
    assert len({row.code for row in CODES}) == len(CODES)
