"""The meters count as IBKR's rules say: 50 a second, and the rules for small historical bars."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sim.support import Bench
from trader.sim.gateway.session import SessionEnded
from trader.sim.gateway.ways.pacing import (
    HistoryAsk,
    HistoryMeter,
    Penalty,
    RateMeter,
    RateRule,
    Verdict,
)

ASK = HistoryAsk(265598, "TRADES", "SMART", ("", 5))


def verdicts(count: int, *, at: float, meter: RateMeter) -> list[Verdict]:
    return [meter.note(at) for _ in range(count)]


def test_the_fifty_first_message_of_a_second_is_a_violation_told_once() -> None:
    found = verdicts(60, at=5.0, meter=RateMeter(RateRule(50)))
    assert found[:43] == [Verdict.FINE] * 43
    assert found[43] is Verdict.NEAR
    assert found[44:50] == [Verdict.FINE] * 6
    assert found[50] is Verdict.VIOLATION
    assert found[51:] == [Verdict.FINE] * 9


def test_the_third_violation_is_the_last_one() -> None:
    meter = RateMeter(RateRule(50))
    found = [verdicts(60, at=second * 2.0, meter=meter) for second in range(3)]
    assert [one[50] for one in found] == [
        Verdict.VIOLATION, Verdict.VIOLATION, Verdict.LAST_VIOLATION,
    ]  # fmt: skip
    assert meter.violations == 3


@given(st.lists(st.floats(0, 0.02), min_size=1, max_size=300))
def test_forty_five_a_second_are_never_a_violation(jitter: list[float]) -> None:
    # As ib_async sends: the n-th message never before n/45 s, however late earlier ones were.
    meter, now = RateMeter(RateRule(50)), 0.0
    for number, late in enumerate(jitter):
        now = max(now, number / 45 + late)
        assert meter.note(now) in (Verdict.FINE, Verdict.NEAR)


def test_without_a_limit_nothing_is_a_violation() -> None:
    assert set(verdicts(1000, at=1.0, meter=RateMeter(RateRule(None)))) == {Verdict.FINE}


def test_an_identical_request_within_fifteen_seconds_breaks_the_rules() -> None:
    meter = HistoryMeter()
    assert not meter.violates(ASK, 0.0)
    assert meter.violates(ASK, 14.9)
    assert not meter.violates(replace(ASK, rest=("", 10)), 15.0)
    assert not meter.violates(ASK, 30.0)


def test_the_seventh_request_for_a_contract_in_two_seconds_breaks_the_rules() -> None:
    meter = HistoryMeter()
    asks = [replace(ASK, rest=("", n)) for n in range(7)]
    assert [meter.violates(ask, 0.1 * n) for n, ask in enumerate(asks)] == [False] * 6 + [True]
    assert not meter.violates(replace(ASK, con_id=8314), 1.0)


def test_sixty_requests_in_ten_minutes_are_allowed_and_bid_ask_counts_twice() -> None:
    meter = HistoryMeter()
    asks = [replace(ASK, con_id=n) for n in range(61)]
    assert [meter.violates(ask, 5.0 * n) for n, ask in enumerate(asks)] == [False] * 60 + [True]
    doubled = HistoryMeter()
    both = [replace(ASK, con_id=n, show="BID_ASK") for n in range(31)]
    assert [doubled.violates(ask, 5.0 * n) for n, ask in enumerate(both)] == [False] * 30 + [True]
    assert not meter.violates(replace(ASK, con_id=99), 1000.0)


def test_a_meter_that_is_off_lets_everything_pass() -> None:
    meter = HistoryMeter(is_on=False)
    assert not any(meter.violates(ASK, 0.0) for _ in range(100))


def test_a_client_that_is_too_fast_gets_100_and_is_dropped_at_the_third_violation() -> None:
    bench = Bench()
    bench.world.rate.limit_per_s = 50
    peer = bench.client()
    for _ in range(2):
        bench.clock.advance(2)
        peer.frames()
        for _ in range(80):
            peer.send(49, 1)
        codes = [fields[3] for fields in peer.frames() if fields[0] == "4"]
        assert codes == ["100"]
    bench.clock.advance(2)
    ended = ""
    try:
        for _ in range(80):
            peer.send(49, 1)
    except SessionEnded as end:
        ended = str(end)
    assert ended == "3 violations of the message rate"
    assert peer.frames()[-1][2:4] == ["-1", "100"]


def test_a_frozen_client_is_never_answered_again() -> None:
    bench = Bench()
    bench.world.rate.limit_per_s = 50
    bench.world.rate.penalty = Penalty.FREEZE
    bench.world.rate.violations_max = 1
    peer = bench.client()
    for _ in range(80):
        peer.send(49, 1)
    peer.frames()
    bench.clock.advance(60)
    peer.send(49, 1)
    assert [fields for fields in peer.frames() if fields[0] == "49"] == []
