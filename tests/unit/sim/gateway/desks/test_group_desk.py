"""A display group shows each of its subscriptions what was put into it."""

from __future__ import annotations

from tests.unit.sim.support import Bench, Peer


def peer() -> Peer:
    return Bench().client()


def test_the_groups_are_listed() -> None:
    client = peer()
    client.send(67, 1, 9)
    assert client.frames() == [["67", "1", "9", "1|2|3|4|5|6|7"]]


def test_every_subscription_of_a_group_sees_its_contract() -> None:
    client = peer()
    client.send(68, 1, 9, 2)
    client.send(68, 1, 10, 2)
    client.send(68, 1, 11, 3)
    assert [fields[2:] for fields in client.frames()] == [[str(n), "none"] for n in (9, 10, 11)]
    client.send(69, 1, 9, "265598@SMART")
    assert client.frames() == [["68", "1", "9", "265598@SMART"], ["68", "1", "10", "265598@SMART"]]
    client.send(68, 1, 12, 2)
    assert client.frames() == [["68", "1", "12", "265598@SMART"]]


def test_who_has_left_is_told_nothing() -> None:
    client = peer()
    client.send(68, 1, 9, 1)
    client.send(68, 1, 10, 1)
    client.send(70, 1, 10)
    client.frames()
    client.send(69, 1, 9, "8314@SMART")
    assert client.frames() == [["68", "1", "9", "8314@SMART"]]


def test_an_unknown_group_and_an_update_without_a_subscription_are_refused() -> None:
    client = peer()
    client.send(68, 1, 9, 8)
    client.send(69, 1, 9, "8314@SMART")
    assert [(fields[0], fields[2], fields[3]) for fields in client.frames()] == [
        ("4", "9", "320"), ("4", "9", "320"),
    ]  # fmt: skip
