"""A kept message is read as it would be now, and nothing of the live connection hears of it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.ibkr.fake_gateway import ACCOUNT, CLIENT, EXECUTION, HandClock, open_order
from tests.unit.ibkr.test_decoder import MESSAGES
from trader.core.events import CommissionSeen, ExecutionSeen
from trader.core.ids import AccountId
from trader.ibkr.rereading import reread
from trader.ibkr.settings import BrokerSettings
from trader.ports import Reread

SETTINGS = BrokerSettings(host="h", port=1, client_id=CLIENT)


def read(text: str, version: int = 178, account: AccountId | None = ACCOUNT) -> Reread:
    clock = HandClock()
    return reread(text.split("|"), version, settings=SETTINGS, clock=clock, account=account)


def test_an_execution_says_what_it_says_when_it_is_live() -> None:
    (fact,) = read(EXECUTION).facts
    assert isinstance(fact, ExecutionSeen)
    assert fact.run_id is None
    assert fact.execution.price == Decimal("190.10")
    assert fact.execution.exec_id == "0000e0d5.67fe667b.01.01"


def test_one_of_a_list_says_the_same() -> None:
    assert read(EXECUTION.replace("11|-1|", "11|4711|")).facts == read(EXECUTION).facts


def test_a_commission_is_read() -> None:
    (fact,) = read(MESSAGES["commission_text"]).facts
    assert isinstance(fact, CommissionSeen)
    assert fact.commission.amount == Decimal("1.0046")


def test_what_still_cannot_be_read_says_why() -> None:
    told = read(EXECUTION.replace("|BOT|", "|BUY|"))
    assert "execution side 'BUY'" in told.problem
    assert told.facts == ()


def test_the_server_version_of_then_counts() -> None:
    short = EXECUTION.rpartition("|")[0]
    assert read(short, version=177).problem == ""
    # Read and reported, as it is when it is live.
    assert len(read(short, version=178).facts) == 1
    assert read("93|26|x", version=178).problem


@pytest.mark.parametrize(
    "text",
    [EXECUTION.replace("|DU1|", "|DU9|"), EXECUTION.replace("|STK|", "|BAG|"),
     "59|1|e.01|-1|USD|1.7976931348623157E308|0|"],
)  # fmt: skip
def test_another_accounts_and_a_combos_own_row_have_nothing_for_the_book(text: str) -> None:
    assert read(text) == Reread(problem="")


@pytest.mark.parametrize("text", [*MESSAGES.values(), open_order(), "46|6|9|45|1", "4|2|-1|326|x|"])
def test_every_message_can_be_read_off_the_wire(text: str) -> None:
    told = read(text)
    assert told.problem == ""
    is_retryable = text.split("|", maxsplit=1)[0] in ("11", "59")
    assert bool(told.facts) is is_retryable
