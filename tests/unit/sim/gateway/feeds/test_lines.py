"""Parts become whole frames for any request id, and each kind of data has its number."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.sim.support import Bench, split
from trader.sim.gateway.feeds.lines import (
    Line,
    Mode,
    computation_part,
    generic_part,
    price_part,
    render,
    size_part,
    text_part,
)
from trader.sim.gateway.ways.outlet import Outlet


def test_each_part_becomes_a_frame_with_the_request_id() -> None:
    parts = [
        price_part(1, Decimal("10.50"), 300, 1), size_part(8, 7), generic_part(49, "1.0"),
        text_part(45, "99"), computation_part(13, ("0.2", "0.5")),
    ]  # fmt: skip
    assert split(render(parts, 123456)) == [
        ["1", "6", "123456", "1", "10.5", "300", "1"],
        ["2", "6", "123456", "8", "7"],
        ["45", "6", "123456", "49", "1.0"],
        ["46", "6", "123456", "45", "99"],
        ["21", "123456", "13", "0", "0.2", "0.5"],
    ]


def test_no_price_and_no_number_are_written_as_a_feed_writes_them() -> None:
    parts = [price_part(1, Decimal(-1), 0), price_part(2, Decimal("NaN"), 0)]
    assert [fields[4] for fields in split(render(parts, 1))] == ["-1", "NaN"]


def test_kinds_of_data_know_what_they_are() -> None:
    assert [mode.is_delayed for mode in Mode] == [False, False, True, True]
    assert [mode.is_frozen for mode in Mode] == [False, True, False, True]
    assert list(Mode) == [1, 2, 3, 4]


def test_lines_of_different_connections_have_different_keys() -> None:
    bench = Bench()
    item = bench.market.catalogue.all()[0]
    outlets = [Outlet(bench.faults, lambda: None) for _ in range(2)]
    assert len({Line(outlet, 5, item).key for outlet in outlets}) == 2
