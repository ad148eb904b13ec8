"""A message is decoded, skipped because nobody needs it, or reported; never lost in silence."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ib_async.contract import Contract, ContractDetails
from ib_async.decoder import Decoder
from ib_async.objects import Execution
from ib_async.order import Order, OrderState

from tests.unit.ibkr.fake_gateway import (
    EXECUTION,
    completed_order,
    contract_details,
    open_order,
)
from trader.core.quarantine import OUT_OF_STEP
from trader.ibkr.decoder import CheckedDecoder


class Receiver:
    """Keeps every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.signs_of_life = 0

    def message_decoded(self) -> None:
        self.signs_of_life += 1

    def __getattr__(self, name: str) -> Any:
        return lambda *args: self.calls.append((name, args))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


def decoded(text: str, server_version: int = 178) -> Receiver:
    receiver = Receiver()
    decoder = CheckedDecoder(receiver)
    decoder.serverVersion = server_version
    decoder.interpret(text.split("|"))
    return receiver


MESSAGES = {
    "price_text": "1|6|9|1|190.10|300|0",
    "size_text": "2|6|9|0|300",
    "status_text": "3|5|Submitted|0|100|0|900001|0|0|7||0",
    "error": "4|2|5|201|Order rejected|",
    "openOrder": open_order(),
    "nextValidId": "9|1|42",
    "contractDetails": contract_details("4"),
    "execution_text": EXECUTION,
    "managedAccounts": "15|1|DU1,DU2",
    "tickGeneric": "45|6|9|49|1.0",
    "currentTime": "49|1|1776094024",
    "contractDetailsEnd": "52|1|4",
    "openOrderEnd": "53|1",
    "execDetailsEnd": "55|1|4",
    "marketDataType": "58|1|9|3",
    "history_text": "17|9|20260406 09:30:00|20260406 09:31:00|1|1775482200|1|2|0.5|1.5|-1|-1|-1",
    "commission_text": "59|1|e.01|1.0046|USD|1.7976931348623157E308|0|",
    "position": "61|3|DU1|265598|AAPL|STK||0.0|||SMART|USD|AAPL|NMS|100|190.1",
    "positionEnd": "62|1",
    "updateAccountValue": "6|2|NetLiquidation|1000|USD|DU1",
    "updateAccountTime": "8|1|14:30",
    "accountDownloadEnd": "54|1|DU1",
    "accountSummary": "63|1|4|DU1|SettledCash|1000|USD",
    "accountSummaryEnd": "64|1|4",
    "accountUpdateMulti": "73|1|4|DU1||CashBalance|1000|USD",
    "accountUpdateMultiEnd": "74|1|4",
    "marketRule": "93|26|2|0|0.0001|1|0.01",
    "completedOrder": completed_order(),
    "completedOrdersEnd": "102",
}
# Fields behind what matters are checked by count where the layout is fixed; ib_async ignores
# surplus ones at the end of the long messages.
OPEN_ENDED = {
    "openOrder", "completedOrder", "contractDetails", "commission_text", "status_text",
    "history_text",
}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), MESSAGES.items())
def test_each_message_we_use_reaches_its_callback(name: str, text: str) -> None:
    assert decoded(text).names == [name]


# Passed on undecoded, and checked where they are read; the last one has nothing to lose.
UNCHECKED = {"status_text", "execution_text", "history_text", "completedOrdersEnd"}


@pytest.mark.parametrize("name", sorted(MESSAGES.keys() - UNCHECKED))
def test_a_message_that_lacks_its_last_fields_is_reported(name: str) -> None:
    text = MESSAGES[name]
    short = "|".join(text.split("|")[: max(text.count("|") // 2, 1)])
    receiver = decoded(short)
    assert receiver.names == ["undecodable"], receiver.calls
    (message,) = receiver.calls[0][1]
    assert message.message_id == int(text.split("|", maxsplit=1)[0])
    assert message.fields == tuple(short.split("|"))
    assert (message.server_version, message.is_truncated) == (178, False)


@pytest.mark.parametrize("name", sorted(MESSAGES.keys() - OPEN_ENDED - {"error", "marketRule"}))
def test_a_message_with_a_field_too_many_is_reported(name: str) -> None:
    receiver = decoded(MESSAGES[name] + "|surplus")
    assert "undecodable" in receiver.names, receiver.calls


def test_an_execution_with_a_field_too_many_is_booked_and_reported() -> None:
    assert decoded(EXECUTION + "|surplus").names == ["execution_text", "undecodable"]


def test_an_execution_of_an_older_server_has_one_field_less() -> None:
    text = EXECUTION.rpartition("|")[0]
    assert decoded(text, server_version=177).names == ["execution_text"]


@pytest.mark.parametrize(
    "text",
    [
        "45|6|nine|49|1.0",
        "49|1|soon",
        "61|3|DU1|265598|AAPL|STK||0.0|||SMART|USD|AAPL|NMS|many|190.1",
        "93|26|3|0|0.0001|1|0.01",
        open_order(permId="x"),
        completed_order(filled="all"),
    ],
)
def test_a_field_that_is_no_number_is_reported_also_where_ib_async_swallows_it(text: str) -> None:
    receiver = decoded(text)
    assert receiver.names == ["undecodable"]
    assert receiver.calls[0][1][0].message_id == int(text.split("|", maxsplit=1)[0])


@pytest.mark.parametrize("text", ["46|6|9|32|Q", "107|1|brand", "68|1|2|k", "106|x"])
def test_messages_nobody_asked_for_are_skipped(text: str) -> None:
    assert decoded(text).calls == []


def test_of_the_texts_only_the_time_of_the_last_trade_is_read() -> None:
    assert decoded("46|6|9|45|1776094024").calls == [("last_time_text", (9, "1776094024"))]
    assert decoded("46|6|nine|45|1776094024").names == ["undecodable"]
    assert decoded("46|6|9|45|1776094024|more").names == ["undecodable"]


@pytest.mark.parametrize("text", ["0", "110", "999999", "", "abc", "-1", "³"])
def test_a_message_that_does_not_exist_means_that_the_stream_is_out_of_step(text: str) -> None:
    receiver = decoded(text)
    assert receiver.names == ["undecodable"]
    assert receiver.calls[0][1][0].message_id == OUT_OF_STEP


@given(st.sampled_from(sorted(MESSAGES)), st.data())
def test_no_damage_to_a_message_escapes_or_goes_unnoticed(name: str, data: st.DataObject) -> None:
    fields = MESSAGES[name].split("|")
    place = data.draw(st.integers(0, len(fields) - 1))
    fields[place] = data.draw(st.text(max_size=8))
    receiver = Receiver()
    decoder = CheckedDecoder(receiver)
    decoder.serverVersion = 178
    decoder.interpret(fields)
    assert len(receiver.calls) <= 2
    assert place == 0 or receiver.calls


def test_an_assertion_of_ours_is_not_taken_for_a_broken_message() -> None:
    class Broken(Receiver):
        def positionEnd(self) -> None:  # noqa: N802 - ib_async's name
            raise AssertionError("our bug")

    decoder = CheckedDecoder(Broken())
    with pytest.raises(AssertionError, match="our bug"):
        decoder.interpret(["62", "1"])


def test_what_was_decoded_is_a_sign_of_life_and_what_was_not_is_none() -> None:
    assert decoded("49|1|1776094024").signs_of_life == 1
    # Of no use to us, and still something that the peer said.
    assert decoded("17|1|2").signs_of_life == 1
    for broken in ("49|1|x", "999|1", "x", "49"):
        assert decoded(broken).signs_of_life == 0


NUMBERS = st.sampled_from(["", "0", "1", "-7", "2147483647", "1.5", "1.7976931348623157E308", "x"])


@given(st.data())
def test_an_object_is_parsed_as_ib_async_itself_parses_it(data: st.DataObject) -> None:
    cls = data.draw(st.sampled_from((Order, OrderState, Contract, ContractDetails, Execution)))
    names = [field.name for field in dataclasses.fields(cls)]
    texts = data.draw(st.dictionaries(st.sampled_from(names), NUMBERS, max_size=4))
    decoder, seen = CheckedDecoder(Receiver()), []
    for parse in (Decoder.parse, CheckedDecoder.parse):
        one = cls()
        for name, text in texts.items():
            setattr(one, name, text)
        try:
            parse(decoder, one)
        except ValueError:
            seen.append("a field that is no number")
        else:
            seen.append(repr([getattr(one, name) for name in names]))
    assert seen[0] == seen[1]
