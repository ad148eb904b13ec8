"""What a client sees of executions, positions and values when such an incident is played."""

from __future__ import annotations

import pytest

from tests.unit.sim.script.stages import Wire, played
from tests.unit.sim.support import contract, place_fields
from trader.sim.gateway.ways.times import FORMS

SEEDS = [1, 2, 3, 4]
UNSET = "1.7976931348623157E308"


@pytest.mark.parametrize("seed", SEEDS)
def test_one_list_never_ends(seed: int) -> None:
    host, _ = played("inc-005-snapshot-without-its-end", seed=seed)
    wire = Wire(host)
    missing = 0
    for request, end in (((61, 1), 62), ((5, 1), 53), ((6, 2, 1, ""), 54)):
        wire.send(*request)
        wire.wait(30)
        missing += end not in wire.ids()
    assert missing == 1
    for request, end in (((61, 1), 62), ((5, 1), 53), ((6, 2, 1, ""), 54)):
        wire.send(*request)
        assert end in wire.ids()


def test_a_flat_position_is_zero_live_and_absent_from_the_next_list() -> None:
    host, _ = played("inc-009-flat-positions-are-not-listed")
    wire = Wire(host)
    wire.send(61, 1)
    wire.wait(1)
    frames = wire.frames(61, 62)
    assert [(f[4], f[14]) for f in frames if f[0] == "61"] == [
        ("AAPL", "100"), ("IBM", "50"), ("AAPL", "0"),
    ]  # fmt: skip
    other = Wire(host, 8)
    other.send(61, 1)
    assert [f[4] for f in other.frames(61)] == ["IBM"]


def test_old_executions_come_again_as_news() -> None:
    host, _ = played("inc-018-old-executions-come-again")
    wire = Wire(host)
    wire.send(*place_fields(1, quantity=1))
    wire.send(*place_fields(2, quantity=1))
    wire.wait(1)
    first = [f[14] for f in wire.frames(11)]
    wire.wait(10)
    again = wire.frames(11)
    assert sorted(f[14] for f in again) == sorted(first * 3)
    assert {f[1] for f in again} == {"-1"}
    assert len(host.exchange.executions) == len(first)


def test_two_requests_for_lists_overlap() -> None:
    host, _ = played("inc-021-two-lists-overlap")
    wire = Wire(host)
    wire.send(5, 1)
    wire.send(16, 1)
    assert wire.ids() == [53]
    wire.wait(1)
    assert wire.ids() == [53]


@pytest.mark.parametrize("seed", range(1, 9))
def test_the_time_of_a_fill_is_written_strangely(seed: int) -> None:
    host, engine = played("inc-025-execution-times-nobody-can-read", seed=seed)
    wire = Wire(host)
    wire.send(*place_fields(1, quantity=1))
    (fields,) = wire.frames(11)
    form = engine.done[0][1]["form"]
    assert form in FORMS
    text = fields[15]
    assert ("-" in text) == (form == "dash-utc")
    assert text.endswith("US/Eastern") == (form == "us-eastern")
    assert (text == "not a time") == (form == "garbage")
    assert len(host.exchange.executions) == 1


def test_executions_come_before_the_order_is_shown() -> None:
    host, _ = played("inc-026-execution-before-the-order")
    wire = Wire(host)
    wire.send(*place_fields(1))
    wire.wait(1.4)
    assert {f[0] for f in wire.frames(3, 5, 11, 59)} == {"11", "59"}
    wire.wait(0.2)
    assert {f[0] for f in wire.frames(3, 5, 11, 59)} == {"3", "5"}


def test_a_correction_replaces_the_execution() -> None:
    host, _ = played("inc-048-an-execution-is-corrected")
    wire = Wire(host)
    wire.send(*place_fields(1, quantity=1))
    wire.wait(1)
    (first,) = wire.frames(11)
    wire.wait(2)
    (second,) = wire.frames(11)
    assert second[14] == first[14][:-1] + "2"
    assert (second[19], second[20]) == (first[19], "99.5")
    assert len(host.exchange.executions) == 1


def test_a_trade_by_hand_moves_the_position_without_an_order_of_ours() -> None:
    host, _ = played("inc-049-a-fill-of-an-order-nobody-knows")
    wire, zero = Wire(host), Wire(host, 0)
    wire.send(61, 1)
    wire.frames()
    wire.wait(6)
    frames = wire.frames(3, 5, 11, 61)
    assert [(f[0], f[14]) for f in frames] == [("61", "30")]
    (item,) = zero.frames(11)
    assert (item[2], item[22]) == ("0", "0")
    wire.send(7, 3, 5, 0, "", "", "", "", "", "")
    assert len(wire.frames(11)) == 1


def test_a_fill_while_away_is_told_only_on_request() -> None:
    host, _ = played("inc-050-filled-while-away")
    wire = Wire(host)
    wire.send(*place_fields(1, kind="LMT", limit=110, quantity=1))
    wire.wait(5)
    assert not wire.peer.is_open
    (item,) = host.exchange.executions
    again = Wire(host)
    again.wait(1)
    assert again.frames(11) == []
    again.send(7, 3, 5, 0, "", "", "", "", "", "")
    frames = again.frames(11, 59, 55)
    assert [f[0] for f in frames] == ["11", "59", "55"]
    assert frames[0][14] == item.exec_id


def test_the_commission_comes_before_its_execution() -> None:
    host, _ = played("inc-078-commission-before-the-execution")
    wire = Wire(host)
    wire.send(*place_fields(1, quantity=1))
    wire.wait(1)
    assert [f[0] for f in wire.frames(11, 59)] == ["59", "11"]
    assert len(host.exchange.executions) == 1


def test_the_reference_comes_back_changed_or_not_at_all() -> None:
    host, _ = played("inc-096-the-reference-comes-back-changed")
    wire = Wire(host)
    wire.send(*place_fields(1, quantity=1, ref="mine"))
    frames = wire.frames(5, 11)
    assert {f[23] for f in frames if f[0] == "5"} == {"mine/x.1"}
    assert {f[26] for f in frames if f[0] == "11"} == {"mine/x.1"}
    wire.send(99, 0)
    (done,) = wire.frames(101)
    assert "mine" not in done


def test_the_account_download_ends_without_a_position() -> None:
    host, _ = played("inc-104-an-account-without-positions")
    wire = Wire(host)
    wire.send(6, 2, 1, "")
    ids = wire.ids()
    assert 7 not in ids
    assert ids[-1] == 54


def test_a_row_of_unset_numbers_is_shown_once() -> None:
    host, _ = played("inc-105-rows-of-unset-numbers")
    wire = Wire(host)
    wire.send(6, 2, 1, "")
    (row,) = wire.frames(7)
    assert row.count(UNSET) == 2
    wire.wait(200)
    assert all(UNSET not in row for row in wire.frames(7))


def test_messages_have_a_field_more_or_less() -> None:
    host, _ = played("inc-113-one-field-less")
    wire = Wire(host)
    wire.send(*place_fields(1, quantity=1))
    frames = wire.frames(3, 11)
    wire.send(*place_fields(2, quantity=1))
    normal = {f[0]: len(f) for f in wire.frames(3, 11)}
    assert len(next(f for f in frames if f[0] == "3")) == normal["3"] + 1
    assert len(next(f for f in frames if f[0] == "11")) == normal["11"] - 1


def test_a_position_in_something_unknown_is_listed() -> None:
    host, _ = played("inc-122-a-position-in-something-unknown", positions=())
    wire = Wire(host)
    wire.send(61, 1)
    frames = wire.frames(61, 62)
    assert [f[0] for f in frames] == ["61", "62"]
    assert frames[0][2:5] == [host.exchange.bank.main.name, "999000111", "ZZZQ"]
    assert len(frames[0]) == 16


def test_details_of_a_combination_are_never_told() -> None:
    host, _ = played("inc-124-a-question-nobody-answers")
    wire = Wire(host)
    bag = [0, "AAPL", "BAG", "", 0.0, "", "", "SMART", "", "USD", "", ""]
    wire.send(9, 8, 5, *bag, 0, "", "", "")
    wire.wait(3 * 3600)
    assert wire.frames(4, 10, 52) == []
    wire.send(9, 8, 6, *contract(), 0, "", "", "")
    assert wire.frames(10, 52)[-1] == ["52", "1", "6"]


def test_data_come_after_the_remark() -> None:
    host, _ = played("inc-126-data-though-an-error-was-said")
    wire = Wire(host)
    wire.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
    wire.wait(10)
    frames = wire.frames(1, 4)
    place = next(n for n, f in enumerate(frames) if f[0] == "4" and f[3] == "10090")
    assert any(f[0] == "1" for f in frames[place:])


@pytest.mark.parametrize("seed", SEEDS)
def test_history_is_answered_by_162_of_some_meaning(seed: int) -> None:
    host, _ = played("inc-128-one-code-with-many-meanings", seed=seed)
    wire = Wire(host)
    wire.send(20, 5, *contract(), 0, "", "1 day", "2 D", 1, "TRADES", 1, 0, "")
    (fields,) = wire.frames(4, 17)
    assert fields[2:4] == ["5", "162"]
    wire.send(20, 6, *contract(), 0, "", "1 day", "2 D", 1, "TRADES", 1, 0, "")
    assert wire.frames(4, 17)[0][0] == "17"


def test_the_same_fill_is_told_for_another_account_too() -> None:
    host, _ = played("inc-137-the-same-fill-for-every-account")
    wire = Wire(host)
    wire.send(*place_fields(1, quantity=1))
    frames = wire.frames(11)
    assert len(frames) == 2
    assert {f[16] for f in frames} == {"DUSIM0001", "DUALLOC01"}
    assert len({f[14] for f in frames}) == 2
    assert len(host.exchange.executions) == 1


def test_one_cancelled_summary_silences_the_other() -> None:
    host, _ = played("inc-148-one-cancel-stops-every-summary")
    wire = Wire(host)
    for request_id in (5, 6):
        wire.send(62, 1, request_id, "All", "NetLiquidation")
    wire.wait(190)
    assert {f[2] for f in wire.frames(63)} == {"5", "6"}
    wire.send(63, 1, 5)
    wire.wait(400)
    assert wire.frames(63) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gateways_clock_is_off(seed: int) -> None:
    host, _ = played("inc-154-two-clocks", seed=seed)
    wire = Wire(host)
    wire.send(49, 1)
    (fields,) = wire.frames(49)
    assert 2 <= float(fields[2]) - host.clock.time() <= 91


def test_account_values_are_those_of_three_minutes_ago() -> None:
    host, _ = played("inc-037-values-lag-behind-the-orders")
    wire = Wire(host)

    def available() -> str:
        wire.send(62, 1, 5, "All", "AvailableFunds")
        wire.send(63, 1, 5)
        wire.send(6, 2, 1, "")
        return next(f[3] for f in wire.frames(6) if f[2] == "AvailableFunds")

    first = available()
    wire.send(*place_fields(1, quantity=1000))
    wire.wait(60)
    assert available() == first
    wire.wait(130)
    assert float(available()) < float(first) - 10_000


def test_a_futures_cost_contains_its_multiplier() -> None:
    host, _ = played("inc-088-costs-that-contain-the-multiplier")
    wire = Wire(host)
    wire.send(61, 1)
    (row,) = wire.frames(61)
    wire.send(6, 2, 1, "")
    (shown,) = wire.frames(7)
    assert (row[4], row[5], row[14]) == ("ES", "FUT", "1")
    assert abs(float(row[15]) / float(shown[14]) - 50) < 1


def test_a_written_call_takes_the_shares_away_overnight() -> None:
    host, _ = played("inc-100-assigned-overnight")
    wire = Wire(host)
    wire.send(61, 1)
    assert [(f[5], f[14]) for f in wire.frames(61)] == [("STK", "100"), ("OPT", "-1")]
    wire.wait(6 * 3600)
    assert wire.frames(61) == []
    wire.wait(3600)
    assert [(f[5], f[14]) for f in wire.frames(61)] == [("OPT", "0"), ("STK", "0")]
    assert host.exchange.executions == []
    # Sold at the strike, which is below the price.
    assert host.exchange.bank.main.cash > 1_000_000 + 100 * 100


def test_a_split_overnight_leaves_another_contract_and_some_cash() -> None:
    host, _ = played("inc-138-split-overnight")
    wire = Wire(host)
    wire.send(61, 1)
    wire.send(*place_fields(1, kind="LMT", limit=10, quantity=1))
    wire.wait(30)
    wire.frames()
    wire.wait(60)
    frames = wire.frames(3, 11, 61)
    assert [(f[4], f[14]) for f in frames if f[0] == "61"] == [("AAPL", "0"), ("IBM", "8")]
    assert [f[2] for f in frames if f[0] == "3"] == ["Cancelled"]
    assert [f for f in frames if f[0] == "11"] == []
    assert host.exchange.bank.main.cash > 1_000_000


def test_the_first_two_lists_are_a_little_off() -> None:
    host, _ = played("inc-144-noise-in-the-first-values")
    wire = Wire(host)
    nets = []
    for _ in range(3):
        wire.send(6, 2, 1, "")
        nets += [float(f[3]) for f in wire.frames(6) if f[2] == "NetLiquidation"]
    assert [net - nets[2] for net in nets] == [250.0, -250.0, 0.0]
