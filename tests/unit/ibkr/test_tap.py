"""What the broker says reaches the sink once, in order, and routed by what its id stands for."""

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.ibkr.fake_gateway import ACCOUNT, CLIENT, EXECUTION, HandClock, open_order
from trader.core.events import (
    CommissionSeen,
    Evidence,
    ExecutionSeen,
    OpenOrderSeen,
    OrderErrorSeen,
    OrderStatusSeen,
)
from trader.core.ids import ConId
from trader.core.quarantine import BrokenMessage
from trader.ibkr.connection import Progress
from trader.ibkr.decoder import CheckedDecoder
from trader.ibkr.requests import Kind
from trader.ibkr.settings import BrokerSettings
from trader.ibkr.tap import RequestFailed, Tap
from trader.ports import BrokerMessage, DataProblem, LinkWord, QuoteTick

READ_ONLY = (
    "Error validating request.-'bO' : cause - The API interface is currently in Read-Only mode."
)


class Opening:
    """Stands for the connection: notes what it is told."""

    def __init__(self) -> None:
        self.progress = Progress()
        self.refusals: list[tuple[str, str]] = []
        self.broken: list[str] = []

    def heard(self) -> None:
        pass

    def refuse(self, phase: str, text: str) -> None:
        self.refusals.append((phase, text))

    def broke(self, reason: str) -> None:
        self.broken.append(reason)


class Bench:
    """A tap behind the real decoder, with everything that reached the sink."""

    def __init__(self) -> None:
        self.got: list[BrokerMessage] = []
        settings = BrokerSettings(host="h", port=1, client_id=CLIENT, account=ACCOUNT)
        self.tap = Tap(settings, HandClock(), self.got.append)
        self.opening = Opening()
        connection: Any = self.opening
        self.tap.connection = connection
        self.decoder = CheckedDecoder(self.tap)
        self.decoder.serverVersion = 178

    def hears(self, *texts: str) -> list[BrokerMessage]:
        """Decode frames as one batch and return what came out of it."""
        self.got.clear()
        self.tap.batch_arrived()
        for text in texts:
            self.decoder.interpret(text.split("|"))
        self.tap.batch_decoded()
        return list(self.got)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_status_is_passed_on_with_its_exact_numbers(bench: Bench) -> None:
    got = bench.hears("3|5|Submitted|0.1|99.9|190.1|900001|0|190.1|7|child,trigger|0")
    assert got == [
        OrderStatusSeen(5, 7, 900001, "Submitted", Decimal("0.1"), Decimal("99.9"), "child,trigger")  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize(
    "text",
    [
        "3|5|Submitted|0|100|0|900001|0|0|7|",
        "3|5|Submitted|0|100|0|900001|0|0|7||0|0",
        "3|5|Submitted|none|100|0|900001|0|0|7||0",
        "3|5|100|0|100|0|900001|0|0|7||0",
    ],
)
def test_a_status_that_cannot_be_read_is_reported(bench: Bench, text: str) -> None:
    got = bench.hears(text)
    (lost,) = got
    assert isinstance(lost, BrokenMessage)
    assert (lost.message_id, lost.fields) == (3, tuple(text.split("|")))
    assert bench.tap.decode_errors == 1


def test_an_echo_is_passed_on_and_raises_the_ids_of_our_own_client_only(bench: Bench) -> None:
    got = bench.hears(open_order(orderId="50"), open_order(orderId="5000", clientId="8"))
    assert [type(seen) for seen in got] == [OpenOrderSeen, OpenOrderSeen]
    assert bench.tap.ids.take() == 51


@pytest.mark.parametrize("word", ["Filled", "Cancelled", "ApiCancelled"])
def test_the_contract_of_an_order_is_kept_until_any_word_that_it_is_over(
    bench: Bench, word: str
) -> None:
    """A gateway tells of a cancelled order by its status alone, and its session lasts a day."""
    bench.hears(open_order(orderId="50"), open_order(orderId="51"))
    bench.hears(f"3|50|{word}|0|100|0|900001|0|0|7||0", f"3|51|{word}|0|100|0|900001|0|0|8||0")
    assert list(bench.tap.contracts) == [51]


def test_an_echo_tells_prices_once_its_contract_is_known(bench: Bench) -> None:
    """INC-101."""
    (unknown,) = bench.hears(open_order())
    bench.tap.magnifiers[ConId(265598)] = 100
    (known,) = bench.hears(open_order())
    assert isinstance(unknown, OpenOrderSeen)
    assert isinstance(known, OpenOrderSeen)
    assert (unknown.limit_price, known.limit_price) == (None, Decimal("1.901"))
    assert known.time_in_force == "DAY"


def test_a_live_execution_is_passed_on_at_once_and_raises_the_ids(bench: Bench) -> None:
    got = bench.hears(EXECUTION.replace("|-1|5|", "|-1|77|"))
    assert isinstance(got[0], ExecutionSeen)
    assert got[0].execution.order_id == 77
    assert bench.tap.ids.take() == 78


def test_an_execution_whose_time_cannot_be_read_is_passed_on(bench: Bench) -> None:
    got = bench.hears(EXECUTION.replace("US/Eastern", "British Summer Time"))
    assert isinstance(got[0], ExecutionSeen)
    assert got[0].execution.time_utc is None
    assert bench.tap.decode_errors == 0


def test_an_execution_whose_side_cannot_be_read_is_reported(bench: Bench) -> None:
    got = bench.hears(EXECUTION.replace("|BOT|", "|B|"))
    assert [type(message) for message in got] == [BrokenMessage]


def test_rows_of_other_accounts_and_rows_of_combos_are_not_ours(bench: Bench) -> None:
    commission = "59|1|0000e0d5.67fe667b.01.01|1.0046|USD|0|0|"
    assert bench.hears(EXECUTION.replace("|DU1|", "|DU2|"), commission) == []
    combo = EXECUTION.replace("|STK|", "|BAG|").replace("0000e0d5", "0000e0d6")
    assert bench.hears(combo, commission.replace("0000e0d5", "0000e0d6")) == []
    assert bench.hears(open_order(account="DU2")) == []


def test_a_commission_is_passed_on_whether_or_not_its_execution_came(bench: Bench) -> None:
    got = bench.hears("59|1|e.01|1.0046|USD|0|0|")
    assert isinstance(got[0], CommissionSeen)
    assert got[0].commission.amount == Decimal("1.0046")
    assert bench.hears("59|1|e.01|1.7976931348623157E308|USD|0|0|") == []


# ---- errors


@pytest.mark.parametrize(
    ("code", "evidence"),
    [
        (201, Evidence.REJECTS_NEW),
        (202, Evidence.CONFIRMS_CANCEL),
        (10147, Evidence.REFUSES_CANCEL),
        (399, Evidence.INFORMS),
        (103, Evidence.UNCLEAR),
        (19999, Evidence.UNCLEAR),
    ],
)
def test_an_error_on_an_orders_id_is_evidence(bench: Bench, code: int, evidence: Evidence) -> None:
    got = bench.hears(f"4|2|5|{code}|some text|")
    assert got == [OrderErrorSeen(5, code, "some text", evidence)]  # type: ignore[arg-type]


def test_the_reasons_of_an_advanced_refusal_are_kept(bench: Bench) -> None:
    got = bench.hears('4|2|5|201|refused|{"rejects":[]}')
    assert isinstance(got[0], OrderErrorSeen)
    assert got[0].text == 'refused {"rejects":[]}'


async def test_an_error_on_a_requests_id_fails_the_request_and_says_nothing_of_orders(
    bench: Bench,
) -> None:
    pending = bench.tap.requests.open(40)
    assert bench.hears("4|2|40|200|No security definition|") == []
    with pytest.raises(RequestFailed, match="200") as caught:
        await bench.tap.requests.answer(pending)
    assert caught.value.code == 200
    # And one that comes when the request has ended is still no order's.
    assert bench.hears("4|2|40|162|late|") == []


async def test_an_advisory_does_not_end_a_request(bench: Bench) -> None:
    pending = bench.tap.requests.open(40)
    bench.hears("4|2|40|2119|connecting:usfarm|", "4|2|40|10167|delayed|")
    assert not pending.future.done()


@pytest.mark.parametrize("code", [200, 354, 101, 10168, 10182, 10186, 10197, 10225, 12345])
def test_an_error_on_a_subscription_is_a_data_problem(bench: Bench, code: int) -> None:
    bench.tap.quotes.add(9, ConId(265598))
    assert bench.hears(f"4|2|9|{code}|text|") == [DataProblem(ConId(265598), code, "text")]


@pytest.mark.parametrize("code", [10089, 10090, 10091, 10167])
def test_an_advisory_on_a_subscription_is_none(bench: Bench, code: int) -> None:
    bench.tap.quotes.add(9, ConId(265598))
    assert bench.hears(f"4|2|9|{code}|text|") == []


def test_a_client_id_in_use_refuses_the_attempt(bench: Bench) -> None:
    bench.hears("4|2|-1|326|in use|")
    assert bench.opening.refusals == [("client id", "326 in use")]


def test_other_words_of_the_broker_are_passed_on_as_notices(bench: Bench) -> None:
    got = bench.hears("4|2|-1|2148|URGENT: liquidation|")
    assert got == [LinkWord("notice", is_up=False, code=2148, text="URGENT: liquidation")]


# ---- the link


def words(got: list[BrokerMessage]) -> list[tuple[str, bool, int]]:
    return [(word.axis, word.is_up, word.code) for word in got if isinstance(word, LinkWord)]


def test_upstream_words_repeat_as_often_as_the_broker_does(bench: Bench) -> None:
    got = bench.hears("4|2|-1|1100|lost|", "4|2|-1|1100|lost|", "4|2|-1|1102|back|")
    assert words(got) == [
        ("upstream", False, 1100),
        ("upstream", False, 1100),
        ("upstream", True, 1102),
    ]


def test_1100_with_an_orders_id_is_a_word_about_the_link_too(bench: Bench) -> None:
    got = bench.hears("4|2|5|1100|lost|")
    assert words(got) == [("upstream", False, 1100)]
    assert [seen.evidence for seen in got if isinstance(seen, OrderErrorSeen)] == [Evidence.UNCLEAR]


def test_the_first_farm_that_answers_proves_the_upstream_once_per_session(bench: Bench) -> None:
    farm = "4|2|-1|2104|Market data farm connection is OK:usfarm|"
    assert words(bench.hears(farm)) == [("farm", True, 2104), ("upstream", True, 2104)]
    assert words(bench.hears(farm)) == [("farm", True, 2104)]
    bench.tap.session_ended()
    assert words(bench.hears(farm)) == [("farm", True, 2104), ("upstream", True, 2104)]


@pytest.mark.parametrize("down", [1100, 2110])
def test_after_the_upstream_was_lost_a_farm_does_not_prove_it(bench: Bench, down: int) -> None:
    bench.hears(f"4|2|-1|{down}|lost|")
    got = bench.hears("4|2|-1|2104|Market data farm connection is OK:usfarm|")
    assert words(got) == [("farm", True, 2104)]


def test_a_farm_word_carries_the_name_of_its_farm(bench: Bench) -> None:
    got = bench.hears("4|2|-1|2105|HMDS data farm connection is broken:ushmds|")
    assert got == [LinkWord("farm", is_up=False, code=2105, text="ushmds", state="broken")]


def test_a_port_reset_takes_the_socket_down_once(bench: Bench) -> None:
    bench.tap.socket_changed(True, "connected")
    got = bench.hears("4|2|-1|1300|TWS socket port has been reset|")
    assert words(got) == [("socket", True, 0), ("socket", False, 1300)]
    bench.tap.socket_changed(False, "closed by the peer")
    assert bench.hears() == []


def test_a_read_only_api_is_told_once_per_change(bench: Bench) -> None:
    assert words(bench.hears(f"4|2|5|321|{READ_ONLY}|")) == [("read_only", False, 321)]
    assert words(bench.hears(f"4|2|-1|321|{READ_ONLY}|")) == []


async def test_open_orders_that_are_answered_prove_an_api_that_takes_orders(bench: Bench) -> None:
    assert bench.hears("53|1") == []
    bench.tap.requests.open(Kind.OPEN_ORDERS)
    assert words(bench.hears("53|1")) == [("read_only", True, 0)]


def test_a_message_out_of_step_breaks_the_stream(bench: Bench) -> None:
    bench.tap.stream_broke("frame of 0 bytes")
    assert bench.opening.broken == ["frame of 0 bytes"]


# ---- delivery


def test_a_sink_that_fails_is_not_taken_for_a_broken_message() -> None:
    bench = Bench()

    def sink(message: BrokerMessage) -> None:
        raise ValueError("the sink's own")

    bench.tap._sink = sink
    with pytest.raises(ValueError, match="own"):
        bench.hears(EXECUTION)
    assert bench.tap.decode_errors == 0


def test_a_batch_is_delivered_in_the_order_of_arrival(bench: Bench) -> None:
    bench.tap.quotes.add(9, ConId(265598))
    got = bench.hears(
        "58|1|9|1", "1|6|9|1|190.10|300|0", open_order(), EXECUTION, "2|6|9|3|200", "45|6|9|49|1"
    )
    assert [type(message) for message in got] == [
        QuoteTick, QuoteTick, QuoteTick, OpenOrderSeen, ExecutionSeen, QuoteTick, QuoteTick,
    ]  # fmt: skip
    ticks = [message for message in got if isinstance(message, QuoteTick)]
    assert [tick.field for tick in ticks] == ["data_type", "bid", "bid_size", "ask_size", "halted"]
    assert len({tick.received_s for tick in ticks}) == 1


def test_what_is_said_of_a_line_that_was_given_up_is_about_no_order(bench: Bench) -> None:
    """INC-150: the cancel of a refused line is answered with 300."""
    bench.tap.quotes.add(9, ConId(265598))
    bench.tap.quotes.remove(ConId(265598))
    assert bench.hears("4|2|9|300|Can't find EId with tickerId:9|") == []
    bench.tap.quotes.clear()
    assert isinstance(bench.hears("4|2|9|300|Can't find EId|")[0], OrderErrorSeen)


@pytest.mark.parametrize("code", [317, 10089, 10090, 10091, 10167, 2119, 2104])
def test_a_remark_beside_a_line_does_not_end_it(bench: Bench, code: int) -> None:
    """INC-126."""
    bench.tap.quotes.add(9, ConId(265598))
    said = bench.hears(f"4|2|9|{code}|a remark|", "1|6|9|1|190.1|3|0")
    assert not [row for row in said if isinstance(row, DataProblem)]
    assert [row.field for row in said if isinstance(row, QuoteTick)] == ["bid", "bid_size"]
