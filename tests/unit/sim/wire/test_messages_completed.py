"""Finished orders have the layout that real gateways were recorded with."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.sim.wire.samples import EVERY, LATER, VERSIONS, only, order, split, terms
from trader.sim.model.orders import Order, Status
from trader.sim.wire.frames import UNSET_DOUBLE, UNSET_INTEGER, UNSET_LONG
from trader.sim.wire.messages_completed import completed_order, completed_orders_end

WHEN = "20260101 12:00:00 UTC"


def filled() -> Order:
    return order(
        status=Status.FILLED, filled=Decimal(100), completed_text="Filled Size: 100"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("version", "count"),
    [(157, 96), (169, 96), (170, 101), (173, 101), (177, 100), (178, 100), (183, 101), (184, 102),
     (197, 102), (198, 103), (200, 103)],
)  # fmt: skip
def test_a_completed_order_has_the_fields_of_its_version(version: int, count: int) -> None:
    assert len(only(completed_order(version, filled(), WHEN))) == count


def test_a_filled_order_shows_quantity_zero_and_its_size_in_the_tail() -> None:
    fields = only(completed_order(163, filled(), WHEN))
    assert fields[11:16] == ["NMS", "BUY", "0", "MKT", "0.0"]
    assert fields[-18:] == [
        "0", "0", "0", UNSET_DOUBLE, UNSET_DOUBLE, "0", "1", "0", "", "100", UNSET_INTEGER, "0",
        "Not an insider or substantial shareholder", "0", "0", UNSET_LONG, WHEN,
        "Filled Size: 100",
    ]  # fmt: skip


def test_a_cancelled_trailing_order_shows_its_stop_and_offset() -> None:
    wanted = terms(
        order_type="TRAIL LIMIT", limit_price=Decimal("2000.05"), aux_price=Decimal(1),
        trail_stop_price=Decimal(2000), limit_offset=Decimal("0.05"),
    )  # fmt: skip
    done = order(wanted=wanted, status=Status.CANCELLED, completed_text="Cancelled by Trader",
                 parent_perm_id=12)  # fmt: skip
    fields = only(completed_order(200, done, WHEN))
    assert fields[13:17] == ["100", "TRAIL LIMIT", "2000.05", "1.0"]
    assert fields.count("2000.0") == 2
    assert fields[-24:-21] == ["0", "2000.0", "0.05"]
    assert fields[-11:] == ["12", WHEN, "Cancelled by Trader", *[""] * 6, "0", "simulated"]


@pytest.mark.parametrize("version", VERSIONS + LATER)
@pytest.mark.parametrize("sec_type", EVERY)
def test_every_type_has_as_many_fields_as_a_stock_but_for_its_legs(
    version: int, sec_type: str
) -> None:
    item = EVERY[sec_type]
    plain = len(only(completed_order(version, order(), WHEN)))
    assert len(only(completed_order(version, order(item), WHEN))) == plain + 8 * len(item.legs)


def test_the_end_has_no_version() -> None:
    assert split(completed_orders_end()) == [["102"]]
