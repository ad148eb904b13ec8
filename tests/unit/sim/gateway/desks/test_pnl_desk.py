"""Results of an account and of a position, every second and when something changed."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.sim.support import ACCOUNT, Bench, Peer, place_fields
from trader.sim.broker.money.money import UNSET


def results(peer: Peer) -> list[list[str]]:
    return [frame for frame in peer.frames() if frame[0] in ("94", "95")]


def test_profit_and_loss_follow_a_fill_and_end_with_the_cancel() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(92, 5, ACCOUNT, "")
    assert peer.frames() == [["94", "5", "0.0", "0.0", "0.0"]]
    peer.send(*place_fields(1, quantity=10))
    peer.send(94, 6, ACCOUNT, "", 265598)
    peer.frames()
    bench.clock.advance(0.3)
    rows = results(peer)
    assert [fields[0] for fields in rows] == ["94", "95"]
    assert rows[1][2] == "10"
    peer.send(93, 5)
    peer.send(95, 6)
    peer.send(*place_fields(2, quantity=10))
    peer.frames()
    bench.clock.advance(3)
    assert results(peer) == []


def test_results_come_every_second_while_subscribed() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(92, 5, ACCOUNT, "")
    peer.frames()
    bench.clock.advance(5.5)
    assert len(results(peer)) == 5


def test_what_is_not_held_has_no_results() -> None:
    peer = Bench().client()
    peer.send(94, 6, ACCOUNT, "", 265598)
    assert results(peer) == [["95", "6", "0", UNSET, UNSET, UNSET, UNSET]]


def test_the_results_of_an_account_are_the_sum_of_its_positions() -> None:
    bench = Bench()
    bench.pin("AAPL", "100")
    peer = bench.client()
    bench.exchange.bank.endow("", bench.market.catalogue.all()[0], Decimal(10))
    bench.pin("AAPL", "110")
    peer.send(92, 5, ACCOUNT, "")
    peer.send(94, 6, ACCOUNT, "", 265598)
    whole, single = results(peer)
    assert whole[2:] == [single[3], single[4], single[5]]
    assert float(single[3]) == float(single[4]) > 50
    assert float(single[6]) > 1000


def test_unknown_accounts_ids_in_use_and_unknown_cancels_are_refused() -> None:
    peer = Bench().client()
    peer.send(92, 5, "DUX", "")
    peer.send(94, 6, "DUX", "", 265598)
    peer.send(92, 7, "", "")
    peer.send(92, 7, "", "")
    peer.send(93, 9)
    peer.send(95, 10)
    codes = [frame[2:4] for frame in peer.frames() if frame[0] == "4"]
    assert codes == [["5", "321"], ["6", "321"], ["7", "321"], ["9", "10185"], ["10", "10185"]]


def test_results_stop_with_the_session() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(92, 5, ACCOUNT, "")
    peer.frames()
    peer.session.leave()
    bench.clock.advance(10)
    assert results(peer) == []
