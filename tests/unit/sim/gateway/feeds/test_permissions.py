"""The table of wish and permission: what is given, and the code that says so."""

from __future__ import annotations

import pytest

from tests.unit.sim.support import Bench
from trader.sim.gateway.feeds.lines import Mode
from trader.sim.gateway.feeds.market_faults import Permission
from trader.sim.gateway.feeds.permissions import decide

ITEM = Bench().market.catalogue.all()[0]


@pytest.mark.parametrize(
    ("permission", "given_by_wish", "code_by_wish"),
    [
        (Permission.LIVE, [1, 1, 1, 1], [0, 0, 0, 0]),
        (Permission.PARTIAL, [1, 1, 1, 1], [10090] * 4),
        (Permission.NO_API, [None, None, 3, 3], [10089, 10089, 10167, 10167]),
        (Permission.DELAYED, [None, None, 3, 3], [354, 354, 10167, 10167]),
        (Permission.NONE, [None, None, None, None], [354, 354, 10168, 10168]),
    ],
)
def test_an_open_market_gives_live_or_delayed_data(
    permission: Permission, given_by_wish: list[int | None], code_by_wish: list[int]
) -> None:
    grants = [decide(wish, permission, ITEM, is_open=True) for wish in Mode]
    assert [grant.mode for grant in grants] == given_by_wish
    assert [grant.code for grant in grants] == code_by_wish
    assert all(bool(grant.code) == bool(grant.text) for grant in grants)


def test_a_closed_market_gives_frozen_data_to_whom_wants_it() -> None:
    live = [decide(wish, Permission.LIVE, ITEM, is_open=False).mode for wish in Mode]
    assert live == [1, 2, 1, 2]
    delayed = [decide(wish, Permission.DELAYED, ITEM, is_open=False).mode for wish in Mode]
    assert delayed == [None, None, 3, 4]


def test_a_refusal_says_whether_delayed_data_is_there() -> None:
    with_delayed = decide(Mode.LIVE, Permission.DELAYED, ITEM, is_open=True)
    assert "Delayed market data is available.AAPL NASDAQ/TOP/ALL" in with_delayed.text
    without = decide(Mode.LIVE, Permission.NONE, ITEM, is_open=True)
    assert "Delayed" not in without.text
