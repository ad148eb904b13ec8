"""The nearest two are a pair, each once; whoever is missing is the one without a partner."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from trader.core.parity.pairing import A, B, Pairing

WINDOW = 5


@dataclass(frozen=True)
class One:
    at_us: int
    number: int = 0
    name: str = "alpha"

    @property
    def key(self) -> tuple[str, ...]:
        return (self.name,)


Told = tuple[One | None, One | None]


def paired(a: list[One], b: list[One]) -> list[Told]:
    told: list[Told] = []
    pairing: Pairing[One] = Pairing(WINDOW, lambda one, other: told.append((one, other)))
    rows = [*((one.at_us, A, one) for one in a), *((one.at_us, B, one) for one in b)]
    for at_us, party, one in sorted(rows, key=lambda row: row[:2]):
        pairing.put(party, one)
        pairing.advance(at_us)
    pairing.finish()
    return told


def times(told: list[Told]) -> list[tuple[int | None, int | None]]:
    found = [(None if a is None else a.at_us, None if b is None else b.at_us) for a, b in told]
    return sorted(found, key=lambda row: row[0] if row[0] is not None else row[1] or 0)


def test_the_one_that_is_missing_has_no_partner_and_not_the_last_of_all() -> None:
    a = [One(at) for at in (0, 4, 8, 12, 16)]
    b = [One(at) for at in (0, 8, 12, 16)]
    assert times(paired(a, b)) == [(0, 0), (4, None), (8, 8), (12, 12), (16, 16)]


def test_the_nearer_one_is_the_partner_though_another_came_first() -> None:
    assert times(paired([One(0), One(4)], [One(3)])) == [(0, None), (4, 3)]
    assert times(paired([One(0), One(5)], [One(3), One(4)])) == [(0, 3), (5, 4)]


def test_nobody_beyond_the_window_is_a_partner() -> None:
    assert times(paired([One(0), One(20)], [One(5), One(26)])) == [
        (0, 5), (20, None), (None, 26),
    ]  # fmt: skip


def test_decisions_of_one_moment_are_paired_in_their_order() -> None:
    a = [One(3, number) for number in (1, 2, 3)]
    b = [One(3, number) for number in (1, 2, 3)]
    told = paired(a, b)
    assert sorted((x.number, y.number) for x, y in told if x and y) == [(1, 1), (2, 2), (3, 3)]


def test_another_key_is_another_decision() -> None:
    told = paired([One(1, name="alpha")], [One(1, name="beta")])
    assert len(told) == 2
    assert all(None in row for row in told)


def test_a_thousand_decisions_of_one_moment_are_paired_without_waiting_for_all() -> None:
    a, b = ([One(7, number) for number in range(1_000)] for _ in (A, B))
    told = paired(a, b)
    assert len(told) == 1_000
    assert all(None not in row for row in told)


moments = st.lists(st.integers(0, 200), max_size=30)


@given(moments, moments)
def test_each_is_told_once_and_partners_are_near(a_at: list[int], b_at: list[int]) -> None:
    a = [One(at, number) for number, at in enumerate(sorted(a_at))]
    b = [One(at, number) for number, at in enumerate(sorted(b_at))]
    told = paired(a, b)
    assert sorted(one.number for one, _ in told if one) == list(range(len(a)))
    assert sorted(one.number for _, one in told if one) == list(range(len(b)))
    assert all(abs(x.at_us - y.at_us) <= WINDOW for x, y in told if x and y)
    alone_a = [x for x, y in told if x and y is None]
    alone_b = [y for x, y in told if y and x is None]
    near = [(x, y) for x in alone_a for y in alone_b if abs(x.at_us - y.at_us) <= WINDOW]
    assert near == [], "two that could be a pair stay alone"


@given(moments)
def test_two_that_are_the_same_are_all_pairs_of_one_moment(at: list[int]) -> None:
    both = [One(moment, number) for number, moment in enumerate(sorted(at))]
    told = paired(both, list(both))
    assert all(x is not None and y is not None and x.at_us == y.at_us for x, y in told)
    assert len(told) == len(both)


@given(st.lists(st.integers(0, 200), min_size=1, max_size=30, unique=True), st.data())
def test_without_one_exactly_that_one_is_alone(at: list[int], data: st.DataObject) -> None:
    both = [One(moment, number) for number, moment in enumerate(sorted(at))]
    gone = data.draw(st.integers(0, len(both) - 1))
    told = paired(both, [one for one in both if one.number != gone])
    assert [x for x, y in told if y is None] == [both[gone]]
    assert all(x == y for x, y in told if y is not None)
