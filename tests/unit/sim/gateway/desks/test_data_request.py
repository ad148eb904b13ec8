"""What all data requests share: one instrument or an error with the request's id."""

from __future__ import annotations

from tests.unit.sim.support import Bench
from trader.sim.gateway.desks.data_request import Requests
from trader.sim.model.instruments import ContractQuery


def test_an_instrument_is_found_or_refused_as_unknown_or_ambiguous() -> None:
    peer = Bench().client()
    requests = Requests(peer.session)
    found = requests.instrument(5, ContractQuery(symbol="AAPL", sec_type="STK", exchange="ARCA"))
    assert found is not None
    assert peer.frames() == []
    assert (
        requests.instrument(6, ContractQuery(symbol="NONE", sec_type="STK", exchange="SMART"))
        is None
    )
    assert (
        requests.instrument(7, ContractQuery(symbol="AAPL", sec_type="OPT", exchange="SMART"))
        is None
    )
    frames = peer.frames()
    assert [fields[2:4] for fields in frames] == [["6", "200"], ["7", "200"]]
    assert "ambiguous" in frames[1][4]


def test_data_of_a_contract_without_a_type_or_an_exchange_is_refused() -> None:
    peer = Bench().client()
    requests, text = Requests(peer.session), "Error validating request.-'bW' : cause - Please enter"
    for query, cause in (
        (ContractQuery(symbol="AAPL", exchange="SMART"), "a valid security type"),
        (ContractQuery(con_id=265598, sec_type="SHARE", exchange="SMART"), "a valid security type"),
        (ContractQuery(symbol="AAPL", sec_type="STK"), "exchange"),
        (ContractQuery(con_id=265598), "exchange"),
    ):
        assert requests.instrument(5, query) is None
        assert [fields[2:5] for fields in peer.frames()] == [["5", "321", f"{text} {cause}"]]
    assert requests.instrument(5, ContractQuery(con_id=265598, exchange="SMART")) is not None


def test_a_taken_id_an_unknown_line_and_a_rival_session_are_told() -> None:
    bench = Bench()
    peer = bench.client()
    requests = Requests(peer.session)
    assert requests.is_free(1, is_taken=False)
    assert not requests.is_free(2, is_taken=True)
    requests.unknown(3)
    assert not requests.competes(4)
    bench.feeds.trouble.is_competing = True
    assert requests.competes(5)
    frames = peer.frames()
    assert [fields[2:4] for fields in frames] == [["2", "322"], ["3", "300"], ["5", "10197"]]
    assert frames[1][4] == "Can't find EId with tickerId:3"
