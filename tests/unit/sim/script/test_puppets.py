"""Scripted clients join once, hear everything, and can come back."""

from __future__ import annotations

import pytest

from tests.unit.sim.script.stages import memory_host


def test_a_client_joins_once_and_counts_what_it_hears() -> None:
    host = memory_host()
    puppet = host.puppets.join(5, 178)
    host.clock.advance(0.1)
    assert host.puppets.join(5, 178) is puppet
    assert (puppet.heard[15], puppet.heard[9]) == (1, 1)
    assert host.puppets.connected() == [5]
    assert sorted(host.gateway.clients) == [5]


def test_a_client_that_was_thrown_out_is_not_found_and_may_join_again() -> None:
    host = memory_host()
    first = host.puppets.join(5, 178)
    host.drop_links("rst")
    host.clock.advance(0.0)
    assert host.puppets.find(5) is None
    assert host.puppets.join(5, 178) is not first


def test_nobody_joins_a_simulator_that_is_down() -> None:
    host = memory_host()
    host.go_down("fin")
    with pytest.raises(ConnectionRefusedError):
        host.puppets.join(5, 178)
