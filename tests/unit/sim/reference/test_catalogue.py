"""The catalogue finds the one instrument that is meant, all that are, or none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from trader.sim.model.instruments import ContractQuery, Instrument, Leg
from trader.sim.reference import options
from trader.sim.reference.catalogue import NOT_FOUND, Catalogue, Listing

CATALOGUE = Catalogue(["AAPL", "VIX", "ZZZ"])
PRICES = {"AAPL": Decimal("39.47"), "VIX": Decimal("16.37"), "ZZZ": Decimal(12)}


class Moment:
    """A date that a test may change."""

    def __init__(self, text: str = "2026-04-06") -> None:
        self.text = text

    def __call__(self) -> float:
        return datetime.fromisoformat(f"{self.text}T15:00").replace(tzinfo=UTC).timestamp()


def full(moment: Moment | None = None, *, always_open: bool = True) -> Catalogue:
    listing = Listing(PRICES, moment or Moment(), always_open)
    return Catalogue(["AAPL", "VIX", "ZZZ"], listing)


FULL = full()


def one(query: ContractQuery) -> Instrument:
    found = FULL.find(query)
    assert found is not None
    return found


def option(strike: int = 40, right: str = "C", expiry: str = "20260417") -> ContractQuery:
    return ContractQuery(
        symbol="AAPL", sec_type="OPT", exchange="SMART", currency="USD", expiry=expiry,
        strike=Decimal(strike), right=right, multiplier="100",
    )  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        ContractQuery(con_id=265598),
        ContractQuery(symbol="AAPL"),
        ContractQuery(symbol="AAPL", sec_type="STK", exchange="SMART", currency="USD"),
        ContractQuery(local_symbol="AAPL", exchange="NASDAQ"),
        ContractQuery(sec_id_type="ISIN", sec_id="US0378331005", exchange="SMART"),
        ContractQuery(sec_id_type="CUSIP", sec_id="037833100", sec_type="STK"),
    ],
)
@pytest.mark.parametrize("catalogue", [CATALOGUE, FULL], ids=["files", "full"])
def test_a_stock_is_found_by_id_or_symbol(catalogue: Catalogue, query: ContractQuery) -> None:
    found = catalogue.find(query)
    assert found is not None
    assert found.con_id == 265598


@pytest.mark.parametrize(
    "query",
    [
        ContractQuery(),
        ContractQuery(con_id=1),
        ContractQuery(symbol="NONE"),
        ContractQuery(symbol="AAPL", sec_type="FUT"),
        ContractQuery(symbol="AAPL", sec_type="BOND"),
        ContractQuery(symbol="AAPL", currency="EUR"),
        ContractQuery(symbol="AAPL", exchange="LSE"),
        ContractQuery(sec_type="STK"),
        ContractQuery(sec_type="OPT", local_symbol="AAPL  260418C00040000"),
        ContractQuery(sec_type="FUT", local_symbol="ESN6"),
        ContractQuery(symbol="AAPL", sec_type="BAG"),
    ],
)
@pytest.mark.parametrize("catalogue", [CATALOGUE, FULL], ids=["files", "full"])
def test_what_is_not_in_the_catalogue_is_not_found(
    catalogue: Catalogue, query: ContractQuery
) -> None:
    assert catalogue.find(query) is None
    assert catalogue.why_not(query) == NOT_FOUND


def test_without_a_listing_there_are_the_price_files_alone() -> None:
    assert CATALOGUE.underlyings() == CATALOGUE.all()
    assert CATALOGUE.find_all(ContractQuery(symbol="ES", sec_type="FUT")) == ()
    assert CATALOGUE.find_all(ContractQuery(symbol="AAPL", sec_type="OPT")) == ()
    assert CATALOGUE.by_id(800_000_324) is None
    assert CATALOGUE.derivatives(CATALOGUE.all()[0]) == []


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (ContractQuery(symbol="ES", sec_type="FUT", exchange="CME"), 5),
        (ContractQuery(symbol="ES", sec_type="FUT", exchange="CME", expiry="202606"), 1),
        (ContractQuery(symbol="ES", sec_type="FUT", expiry="20260618"), 1),
        (ContractQuery(symbol="ES", sec_type="FUT", include_expired=True), 13),
        (ContractQuery(symbol="NQ", sec_type="FUT", exchange="CME"), 5),
        (ContractQuery(local_symbol="MNQM6"), 1),
        (ContractQuery(symbol="VIX", sec_type="FUT", trading_class="VX"), 8),
        (ContractQuery(local_symbol="ESM6"), 1),
        (ContractQuery(symbol="EUR", sec_type="CASH"), 2),
        (ContractQuery(symbol="EUR", sec_type="CASH", currency="USD"), 1),
        (ContractQuery(symbol="BTC", sec_type="CRYPTO", exchange="PAXOS", currency="USD"), 1),
        (option(), 1),
        (option(right=""), 2),
        (ContractQuery(local_symbol="AAPL  260417C00040000", sec_type="OPT"), 1),
    ],
)
def test_a_request_that_leaves_things_open_means_all_that_fit(
    query: ContractQuery, count: int
) -> None:
    found = FULL.find_all(query)
    assert len(found) == len({item.con_id for item in found}) == count
    assert (FULL.find(query) is not None) == (count == 1)
    if count > 1:
        name = query.symbol
        text = f"The contract description specified for {name} is ambiguous."
        assert FULL.why_not(query) == (200, text)


def test_a_month_of_options_is_every_friday_strike_and_right() -> None:
    found = FULL.find_all(ContractQuery(symbol="AAPL", sec_type="OPT", expiry="202604"))
    chain = FULL.chain(265598)
    assert chain is not None
    fridays = [date(2026, 4, 10), date(2026, 4, 17), date(2026, 4, 24)]
    assert len(found) == len(fridays) * len(chain.strikes()) * 2
    assert sorted({item.expiry for item in found if item.expiry}) == fridays


def test_every_made_contract_is_found_by_its_id_and_its_name() -> None:
    made = [
        *FULL.find_all(ContractQuery(symbol="AAPL", sec_type="OPT")),
        *FULL.find_all(ContractQuery(symbol="MES", sec_type="FUT")),
        *FULL.underlyings(),
    ]
    assert len(made) > 1000
    again = full()
    for item in made:
        assert again.by_id(item.con_id) == item
        assert again.find(ContractQuery(con_id=item.con_id)) == item
        assert again.symbol(item.local_symbol) == item


def test_a_contract_that_has_expired_is_known_by_id_alone() -> None:
    moment = Moment("2026-04-17")
    catalogue = full(moment)
    live = catalogue.find(option())
    assert live is not None
    moment.text = "2026-04-20"
    assert catalogue.today() == date(2026, 4, 20)
    assert catalogue.find(option()) is None
    assert catalogue.find(ContractQuery(con_id=live.con_id)) is None
    assert catalogue.find(ContractQuery(con_id=live.con_id, include_expired=True)) == live
    assert catalogue.by_id(live.con_id) == live


def test_a_bare_symbol_means_what_stands_for_itself() -> None:
    assert one(ContractQuery(symbol="VIX")).sec_type == "IND"
    assert FULL.symbol("EUR") is None
    pair = FULL.symbol("EUR.USD")
    assert pair is not None
    assert (pair.con_id, pair.exchange, pair.tick) == (12087792, "IDEALPRO", Decimal("0.00005"))


def test_an_unknown_symbol_has_the_same_id_in_every_run() -> None:
    first, second = CATALOGUE.symbol("ZZZ"), Catalogue(["ZZZ"]).symbol("ZZZ")
    assert first is not None
    assert first == second
    assert first.con_id >= 900_000_000


def test_a_price_file_takes_the_place_of_what_would_be_generated() -> None:
    catalogue = Catalogue(
        ["SPX", "SPY"], Listing({"SPX": Decimal(1), "SPY": Decimal(100)}, Moment())
    )
    assert [item.symbol for item in catalogue.all()] == ["SPX", "SPY"]
    assert [i.symbol for i in catalogue.underlyings()].count("SPY") == 1
    chain = catalogue.chain(756733)
    assert chain is not None
    assert chain.has_strike(Decimal(100))


def test_calendars_are_the_instruments_own_only_when_markets_close() -> None:
    future = ContractQuery(symbol="ES", sec_type="FUT", expiry="202606")
    assert one(future).calendar == "ALWAYS US/Central"
    closing = full(always_open=False)
    item = closing.find(future)
    assert item is not None
    assert (item.calendar, item.time_zone) == ("CME", "US/Central")
    assert {i.calendar for i in closing.underlyings()} >= {"US-STOCKS", "FX", "CRYPTO", "LSE"}


def test_a_combination_is_resolved_from_its_legs() -> None:
    low, high = one(option()), one(option(45))
    legs = (Leg(low.con_id, 1, "BUY", "SMART"), Leg(high.con_id, 1, "SELL", "SMART"))
    combo = one(ContractQuery(symbol="AAPL", sec_type="BAG", exchange="SMART", legs=legs))
    assert (combo.sec_type, combo.legs) == ("BAG", legs)
    assert FULL.by_id(combo.con_id) == combo
    assert [part.instrument for part in FULL.parts(combo)] == [low, high]


def test_a_combination_trades_only_where_its_legs_do() -> None:
    low, high = one(option()), one(option(45))
    legs = (Leg(low.con_id, 1, "BUY", "CBOE"), Leg(high.con_id, 1, "SELL", "CBOE"))
    query = ContractQuery(symbol="AAPL", sec_type="BAG", exchange="CBOE", legs=legs)
    assert one(query).exchange == "CBOE"
    elsewhere = replace(query, exchange="IBIS")
    assert FULL.find(elsewhere) is None
    assert FULL.why_not(elsewhere) == NOT_FOUND


def test_a_combination_with_an_unknown_leg_is_refused_with_the_reason() -> None:
    query = ContractQuery(symbol="AAPL", sec_type="BAG", legs=(Leg(5, 1, "BUY"),))
    assert FULL.find(query) is None
    code, text = FULL.why_not(query)
    assert code == 321
    assert "conId: 5 is not known" in text


def test_symbols_are_matched_by_their_beginning() -> None:
    assert [item.symbol for item in CATALOGUE.matching("app")] == ["AAPL"]
    assert [item.symbol for item in CATALOGUE.matching("cboe")] == ["VIX"]
    assert len(FULL.matching("s")) > 1
    assert FULL.matching("") == FULL.matching(" ") == []


def test_what_is_made_from_an_instrument_is_named() -> None:
    by_symbol = {item.symbol: FULL.derivatives(item) for item in FULL.underlyings()}
    assert by_symbol["AAPL"] == ["OPT", "BAG"]
    assert set(by_symbol["SPX"]) == {"FUT", "OPT", "BAG"}
    assert by_symbol["BTC"] == []


def test_kept_contracts_and_answers_do_not_grow_without_end() -> None:
    catalogue = full()
    chain = catalogue.chain(265598)
    assert chain is not None
    for number in range(5000):
        catalogue.find(ContractQuery(symbol="AAPL", issuer_id=str(number)))
    base = options.contract(chain, date(2026, 4, 17), Decimal(40), "C").con_id
    known = sum(catalogue.by_id(base + n) is not None for n in range(0, 400_000, 5))
    assert known > 10_000
    assert len(catalogue._answers) <= 4096
    # A whole chain is an answer that is not kept.
    chains = [ContractQuery(symbol="AAPL", sec_type="OPT", issuer_id=str(n)) for n in range(3)]
    assert len({len(catalogue.find_all(query)) for query in chains}) == 1
    assert max(len(found) for found in catalogue._answers.values()) <= 16
    assert len(catalogue._made) <= 32_768


def test_a_delisted_contract_is_found_by_nobody_but_kept_by_its_id() -> None:
    catalogue = full()
    item = catalogue.find(option())
    assert item is not None
    catalogue.delist(item.con_id, is_gone=True)
    assert catalogue.find(option()) is None
    assert catalogue.find(ContractQuery(con_id=item.con_id)) is None
    assert catalogue.by_id(item.con_id) == item
    catalogue.delist(item.con_id, is_gone=False)
    assert catalogue.find(option()) == item


def test_amended_bands_and_magnifier_are_seen_by_every_way_of_asking() -> None:
    catalogue = full()
    before = catalogue.all()
    new = catalogue.amend(265598, market_rule_id=1905, price_magnifier=100)
    assert (new.market_rule_id, new.price_magnifier, new.tick) == (1905, 100, before[0].tick)
    assert catalogue.by_id(265598) == catalogue.symbol("AAPL") == catalogue.all()[0] == new
    assert catalogue.find(ContractQuery(symbol="AAPL", sec_type="STK")) == new
    assert catalogue.all()[1:] == before[1:]


@pytest.mark.parametrize(
    ("con_id", "rule", "text"),
    [
        (800_000_324, 26, "conId: 800000324 is not allowed"),
        (265598, 67, "market_rule: 67 is not allowed; allowed: 26, "),
    ],
)
def test_an_amendment_that_would_not_fit_is_refused(con_id: int, rule: int, text: str) -> None:
    catalogue = full()
    with pytest.raises(ValueError, match=text):
        catalogue.amend(con_id, market_rule_id=rule, price_magnifier=1)
    assert catalogue.all() == full().all()
