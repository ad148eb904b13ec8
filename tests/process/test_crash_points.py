"""Goal: a crash next to the socket write neither repeats an order nor forgets one (INC-029).

Method: the daemon kills itself at its n-th send, either when the promise is durable and no byte
has left, or when the bytes have left and no answer has come; in the second case the broker has
the order, has it but says nothing, or never saw it. A daemon as it ships then takes over: what
the broker has is adopted and filled, what it has not is proven absent by two complete looks, and
in no case is the intent sent again (INC-002, INC-007).
"""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from tests.process.agreement import halt_and_compare, read_story
from tests.process.crashing_daemon import AFTER_THE_WRITE, BEFORE_THE_WRITE
from tests.process.harness import world
from tests.process.recovery import recovery
from trader.core.orders import OrderState

SEED = 20240310
CASES = {
    "nothing left": (BEFORE_THE_WRITE, None, OrderState.CANCELLED),
    "left and registered": (AFTER_THE_WRITE, None, OrderState.FILLED),
    "left, registered, unanswered": (AFTER_THE_WRITE, {"register": True}, OrderState.FILLED),
    "left and lost": (AFTER_THE_WRITE, {"register": False}, OrderState.CANCELLED),
}


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_an_order_is_neither_repeated_nor_forgotten(tmp_path: Path, case: str) -> None:
    point, swallow, end = CASES[case]
    chance = random.Random(f"{SEED}/{case}")
    with world(tmp_path, SEED) as (simulator, daemon):
        # The first orders go well, so that there is a book to get wrong.
        daemon.start()
        daemon.await_armed()
        daemon.await_orders(chance.randint(3, 8))
        daemon.kill()

        for _ in range(2):
            at = 1 if swallow else chance.randint(1, 4)
            if swallow:
                simulator.tell("/swallow", kind="placeOrder", count=1, **swallow)
            daemon.start(
                "tests.process.crashing_daemon", {"CRASH_POINT": point, "CRASH_AT": str(at)}
            )
            assert daemon.ended() == -signal.SIGKILL
            order_id, ref = read_story(daemon.journal).planned[-1]
            frames = [f for f in simulator.truth()["place_frames"] if f["order_ref"] == ref]
            assert len(frames) <= 1

            with recovery("INC-029"):
                daemon.start()
                daemon.await_armed()
            daemon.await_orders(3)
            story = halt_and_compare(simulator, daemon)
            order = story.book.orders[order_id]  # type: ignore[index]  # a number from SQL
            assert order.state is end, order
            if end is OrderState.CANCELLED:
                assert order.filled == 0
                assert story.kinds["OrderProvenAbsent"] >= 1
                assert not [row for row in simulator.truth()["orders"] if row["order_ref"] == ref]
            after = [f for f in simulator.truth()["place_frames"] if f["order_ref"] == ref]
            assert after == frames if point == BEFORE_THE_WRITE else len(after) == 1
            assert bool(after) == (point == AFTER_THE_WRITE)
            daemon.resume()
            daemon.await_orders(1)
            daemon.kill()
