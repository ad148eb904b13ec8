"""The report holds the broker's own word of our account, and a series comes back out of many."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.unit.core.factories import a_position_row, a_snapshot, an_open_row, at
from trader.core.account import AccountReading
from trader.core.ids import AccountId
from trader.core.reports.content import ReportStatus
from trader.core.reports.snapshot import SnapshotReport, series, snapshot_content, values_of


def test_flat_rows_and_rows_of_others_are_not_positions_of_ours() -> None:
    other = replace(a_position_row(5), account=AccountId("DU9"))
    snapshot = a_snapshot(
        positions=(a_position_row(7), a_position_row(0), other), open_orders=(an_open_row(),)
    )
    content = snapshot_content(snapshot, None, 3.0)
    assert (content.status, content.age_s) == (ReportStatus.OK, 3.0)
    assert isinstance(content.body, SnapshotReport)
    assert [row.quantity for row in content.body.positions] == [7]
    assert len(content.body.open_orders) == 1


def test_its_history_is_a_copy_for_the_moment_and_one_for_the_day() -> None:
    snapshot = a_snapshot(finished_utc=at(1))
    full, daily = snapshot_content(snapshot, None, 0.0).copies
    assert full == f"reports/exchange_snapshots/full/{at(1):%Y%m%dT%H%M%SZ}.json"
    assert daily == f"reports/exchange_snapshots/daily/{at(1):%Y%m%d}.json"


def test_values_carry_their_age() -> None:
    told = AccountReading(
        net_liquidation=Decimal(100), available_funds=None, buying_power=None,
        initial_margin=None, maintenance_margin=None, settled_cash={}, account_type=None,
        as_of_s=90.0,
    )  # fmt: skip
    values = values_of(told, 100.0)
    assert values is not None
    assert (values.net_liquidation, values.age_s) == (Decimal(100), 10.0)
    assert values.available_funds is None
    assert values_of(None, 100.0) is None


def a_point(at_utc: str, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "finished_utc": at_utc,
        "net_liquidation": "1000.50",
        "cash": {"USD": "900"},
        "values": {"available_funds": "800", "buying_power": None},
        "positions": [{"symbol": "AAPL", "quantity": "7"}],
        "open_orders": [{}, {}],
    }
    return row | changes


def test_a_figure_comes_back_as_a_series_in_the_order_of_time() -> None:
    later, earlier = a_point("2026-11-22T15:05:00Z"), a_point("2026-11-22T15:00:00Z")
    # The same moment stands in the full history and in the daily one.
    rows = series((later, earlier, later), "net_liquidation")
    assert rows == (
        ("2026-11-22T15:00:00Z", Decimal("1000.50")),
        ("2026-11-22T15:05:00Z", Decimal("1000.50")),
    )


def test_every_kind_of_figure_can_be_asked_for() -> None:
    point = a_point("2026-11-22T15:00:00Z")
    figures = {
        "cash.USD": Decimal(900),
        "cash.EUR": None,
        "values.available_funds": Decimal(800),
        "values.buying_power": None,
        "position.AAPL": Decimal(7),
        "position.IBM": Decimal(0),
        "open_orders": Decimal(2),
        "nonsense": None,
    }
    assert {name: series((point,), name)[0][1] for name in figures} == figures
    without = a_point("2026-11-22T15:00:00Z", values=None, net_liquidation="lost")
    assert series((without,), "values.available_funds")[0][1] is None
    assert series((without,), "net_liquidation")[0][1] is None
