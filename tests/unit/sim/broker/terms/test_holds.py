"""An order is held for as long as its terms say, and no longer."""

from __future__ import annotations

from tests.unit.sim.broker.floors import aapl, make
from tests.unit.sim.support import Bench
from trader.sim.broker.terms.holds import Holds
from trader.sim.broker.terms.sessions import Sessions
from trader.sim.market.quotes import Quote
from trader.sim.model.orders import Condition

# The clock of the tests starts on Saturday, 21 November 2026, 06:03:20 UTC.
MONDAY_OPEN_S = 1_795_444_200.0


def holds(bench: Bench) -> Holds:
    def seen(con_id: int) -> Quote | None:
        return bench.exchange.quote_by_id(con_id)

    return Holds(bench.clock, Sessions(bench.clock), seen)


def test_a_plain_order_is_free_and_never_ends() -> None:
    bench = Bench()
    one, order = holds(bench), make(aapl(bench))
    one.begin(order)
    assert one.is_free(order)
    assert one.moments(order) == []
    bench.clock.advance(10**6)
    assert not one.has_expired(order)


def test_an_order_begins_and_ends_at_its_times() -> None:
    bench = Bench()
    one = holds(bench)
    order = make(
        aapl(bench), tif="GTD", good_after="20261121-07:00:00", good_till="20261121 08:00:00 UTC"
    )
    one.begin(order)
    assert not one.is_free(order)
    assert len(one.moments(order)) == 2
    bench.clock.advance(3500)
    assert one.is_free(order)
    assert not one.has_expired(order)
    bench.clock.advance(3600)
    assert one.has_expired(order)
    one.forget(order)
    assert not one.has_expired(order)


def test_a_closed_market_holds_an_order_and_ends_it_with_its_day() -> None:
    bench = Bench(always_open=False)
    one, order = holds(bench), make(aapl(bench))
    one.begin(order)
    assert not one.is_free(order)
    assert one.ask_end(order) == MONDAY_OPEN_S
    assert not one.is_end_due(order)
    bench.clock.advance(MONDAY_OPEN_S - bench.clock.time() + 60)
    assert one.is_free(order)
    assert one.is_end_due(order)
    bench.clock.advance(7 * 3600)
    assert one.has_expired(order)


def test_conditions_release_an_order_for_good() -> None:
    bench = Bench()
    one, item = holds(bench), aapl(bench)
    bench.pin("AAPL", "200.00")
    terms = (Condition(1, ("a", "1", "205", str(item.con_id), "SMART", "0")),)
    order = make(item, conditions=terms)
    one.begin(order)
    assert not one.is_free(order)
    assert one.watched() == [item.con_id]
    assert one.released_by(item.con_id) == []
    bench.pin("AAPL", "206.00")
    assert one.released_by(item.con_id) == [order]
    bench.pin("AAPL", "200.00")
    assert one.is_free(order)
    one.forget(order)
    assert one.watched() == []


def test_conditions_may_cancel_instead() -> None:
    bench = Bench()
    one, item = holds(bench), aapl(bench)
    terms = (Condition(1, ("a", "1", "205", str(item.con_id), "SMART", "0")),)
    order = make(item, conditions=terms, conditions_cancel=True)
    bench.pin("AAPL", "200.00")
    one.begin(order)
    assert one.is_free(order)
    assert not one.has_expired(order)
    bench.pin("AAPL", "206.00")
    assert one.has_expired(order)


def test_a_child_waits_for_its_parent() -> None:
    bench = Bench()
    one, order = holds(bench), make(aapl(bench))
    order.awaits_parent = True
    assert not one.is_free(order)


def test_an_auction_order_is_never_free_and_ends_with_its_auction() -> None:
    bench = Bench()
    one, order = holds(bench), make(aapl(bench), order_type="MOC")
    one.begin(order)
    assert not one.is_free(order)
    assert one.is_ready(order)
    close_s = MONDAY_OPEN_S + 6.5 * 3600
    assert one.moments(order) == [close_s + 1, close_s]
    bench.clock.advance(close_s - bench.clock.time() + 0.5)
    assert one.is_in_auction(order)
    assert not one.is_at_open(order)
