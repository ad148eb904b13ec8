"""The automaton accepts what was recorded and refuses what was not."""

from __future__ import annotations

import pytest

from tests.unit.sim.statuses import ENDS, LIVE, STEPS, Unseen, Watch


def opened(order_id: int = 5) -> list[str]:
    return ["5", str(order_id), "265598", "AAPL", "STK", *[""] * 19, "7"]


def status(
    text: str, filled: int = 0, remaining: int = 100, *, held: str = "", order_id: int = 5
) -> list[str]:
    price = "201.94" if filled else "0"
    return [
        "3", str(order_id), text, str(filled), str(remaining), price, "60", "0", price, "7", held,
        "0",
    ]  # fmt: skip


def execution(exec_id: str = "a.01", shares: int = 100) -> list[str]:
    return [
        "11", "-1", "5", "265598", "AAPL", "STK", *[""] * 8, exec_id, "", "DU1", "IEX", "BOT",
        str(shares), "201.94", "60", "7",
    ]  # fmt: skip


def error(code: int) -> list[str]:
    return ["4", "2", "5", str(code), "text", ""]


COMMISSION = ["59", "1", "a.01", "1.0", "USD", "", "", ""]
MARKET_FILL = [
    opened(), status("PreSubmitted"), execution(), opened(), status("Filled", 100, 0), opened(),
    status("Filled", 100, 0), COMMISSION,
]  # fmt: skip


@pytest.mark.parametrize(
    "frames",
    [
        MARKET_FILL,
        [opened(), status("PreSubmitted"), opened(), status("Submitted"), status("Cancelled"),
         error(202)],
        [opened(), status("PendingCancel"), status("Cancelled")],
        [opened(), status("Inactive")],
        [error(399), opened(), status("PreSubmitted", held="trigger")],
        [opened(), status("Submitted"), execution(shares=40), opened(), status("Submitted", 40, 60),
         status("Cancelled", 40, 60), error(202)],
    ],
)  # fmt: skip
def test_recorded_sequences_are_accepted(frames: list[list[str]]) -> None:
    Watch().see(frames)


@pytest.mark.parametrize(
    "frames",
    [
        [*MARKET_FILL, status("Submitted")],
        [*MARKET_FILL, status("Cancelled")],
        [opened(), status("Filled", 100, 0)],
        [opened(), status("Submitted"), error(202)],
        [opened(), status("Inactive"), status("Submitted")],
        [opened(), status("Submitted", held="trigger")],
        [opened(), execution(), execution()],
        [opened(), execution(shares=40), status("Submitted", 40, 60), status("Submitted", 0, 100)],
        [opened(), execution(), status("Filled", 100, 1)],
        [opened(), COMMISSION],
        [execution()],
    ],
)
def test_what_no_gateway_sends_is_refused(frames: list[list[str]]) -> None:
    with pytest.raises(Unseen):
        Watch().see(frames)


def test_every_status_has_its_steps_and_every_end_is_an_end() -> None:
    assert set(STEPS) == {"", *LIVE, *ENDS}
    assert all(not set(STEPS[end]) & set(LIVE) for end in ENDS)
