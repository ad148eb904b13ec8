"""The real client understands the rare messages too."""

from __future__ import annotations

import pytest

from tests.unit.sim.wire.client import one_heard
from tests.unit.sim.wire.samples import only
from trader.sim.wire import messages_special as messages


def test_advisor_data() -> None:
    assert one_heard(178, messages.advisor_data(1, "<x/>")) == ("receiveFA", (1, "<x/>"))
    assert one_heard(178, messages.advisor_data_replaced(9, "ok")) == ("replaceFAEnd", (9, "ok"))


def test_fundamentals_and_events_carry_one_document() -> None:
    assert one_heard(178, messages.fundamental_data(9, "<x/>")) == ("fundamentalData", (9, "<x/>"))
    assert one_heard(178, messages.event_kinds(9, "{}")) == ("wshMetaData", (9, "{}"))
    assert one_heard(178, messages.events(9, "{}")) == ("wshEventData", (9, "{}"))


def test_display_groups() -> None:
    assert one_heard(178, messages.display_groups(9, "1|2")) == ("displayGroupList", (9, "1|2"))
    call = one_heard(178, messages.display_group_updated(9, "8314@SMART"))
    assert call == ("displayGroupUpdated", (9, "8314@SMART"))


def test_a_cfd_is_rerouted_to_its_underlying() -> None:
    call = one_heard(178, messages.market_data_rerouted(9, 8314, "SMART"))
    assert call == ("rerouteMktDataReq", (9, 8314, "SMART"))
    call = one_heard(178, messages.depth_rerouted(9, 8314, "NYSE"))
    assert call == ("rerouteMktDepthReq", (9, 8314, "NYSE"))


def test_a_delta_neutral_underlying_is_named() -> None:
    name, values = one_heard(178, messages.delta_neutral_accepted(9, 8314, "0.5", "150.0"))
    assert (name, values[0], values[1].conId, values[1].delta) == (
        "deltaNeutralValidation", 9, 8314, 0.5,
    )  # fmt: skip


def test_an_exchange_for_physical_has_seven_values() -> None:
    values = ("1.5", "1.5%", "100.0", "30", "20261218", "0.1", "0.2")
    assert len(only(messages.exchange_for_physical(9, 38, values))) == 11
    name, heard = one_heard(178, messages.exchange_for_physical(9, 38, values))
    assert (name, heard[2:4]) == ("tickEFP", (1.5, "1.5%"))
    with pytest.raises(ValueError, match="6 values"):
        messages.exchange_for_physical(9, 38, values[:6])
