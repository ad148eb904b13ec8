"""The published views: whatever was recorded, they say what the book says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.store.shelf import (
    CLIENT,
    Shelf,
    assert_views_say_what_the_book_says,
    cash_of,
    execution,
    positions_of,
)
from trader.core import events as ev
from trader.core import ticket_events as te
from trader.core.executions import Commission
from trader.core.halts import HaltCause
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    ExecId,
    IntentId,
    OrderId,
    OrderRef,
    PermId,
    RunId,
    TicketId,
    exec_family,
    order_ref,
)
from trader.core.intents import Side
from trader.core.orders import TABLE, OrderEvent, OrderState
from trader.store.views import COMPARISON_VIEWS

STATUSES = ("PendingSubmit", "PreSubmitted", "Submitted", "PendingCancel", "Inactive", "Filled",
            "Cancelled", "ApiCancelled", "Unheard")  # fmt: skip


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    one = Shelf()
    yield one
    one.db.close()


# ---- one thing each


def test_a_correction_replaces_and_does_not_add(shelf: Shelf) -> None:
    shelf.plan(1, Decimal(3), 5, Side.BUY)
    shelf.record(ev.OrderSent(OrderId(1)))
    shelf.record(ev.ExecutionSeen(execution(1)))
    shelf.record(ev.ExecutionSeen(execution(1, 2, quantity="2", price="10.75")))
    (row,) = shelf.rows("v_executions_latest")
    assert (row["exec_id"], row["revision"], row["quantity"]) == ("0001.01.02", 2, "2")
    assert positions_of(shelf) == {5: Decimal(2)}
    assert cash_of(shelf) == {"USD": Decimal("-21.50")}
    assert_views_say_what_the_book_says(shelf)


def test_what_the_baseline_contains_moves_nothing(shelf: Shelf) -> None:
    shelf.record(ev.ExecutionSeen(execution(3)))
    holding = ev.Holding(ConId(5), "AAPL", Decimal(-4), Decimal(9), Decimal(1))
    shelf.record(
        ev.AccountBaselined(
            AccountId("DU1"), (holding,), (("EUR", Decimal("7.10")), ("USD", Decimal(100))),
            ("0001.01",), "test",
        )
    )  # fmt: skip
    shelf.record(ev.ExecutionSeen(execution(1)))
    assert positions_of(shelf) == {5: Decimal(-4)}
    assert cash_of(shelf) == {"EUR": Decimal("7.10"), "USD": Decimal(100)}
    assert [row["family"] for row in shelf.rows("v_baseline_executions")] == ["0001.01"]
    assert_views_say_what_the_book_says(shelf)


def test_a_commission_counts_once_its_execution_does(shelf: Shelf) -> None:
    shelf.record(ev.CommissionSeen(Commission(ExecId("0001.01.01"), Decimal("1.5"), "USD")))
    assert cash_of(shelf) == {}
    assert [row["is_booked"] for row in shelf.rows("v_commissions")] == [0]
    shelf.record(ev.ExecutionSeen(execution(1, side=Side.SELL)))
    shelf.record(ev.CommissionSeen(Commission(ExecId("0001.01.01"), Decimal("2.25"), "USD")))
    assert cash_of(shelf) == {"USD": Decimal("29.25")}
    assert_views_say_what_the_book_says(shelf)


def test_a_fill_on_a_contract_that_was_not_ordered_is_not_the_orders(shelf: Shelf) -> None:
    shelf.plan(1, Decimal(3), 6, Side.BUY)
    shelf.record(ev.OrderSent(OrderId(1)))
    shelf.record(ev.ExecutionSeen(execution(1)))
    assert [row["our_order_id"] for row in shelf.rows("v_executions_latest")] == [None]
    assert_views_say_what_the_book_says(shelf)


def test_a_reference_with_text_appended_still_names_the_order(shelf: Shelf) -> None:
    shelf.plan(1, Decimal(3), 5, Side.BUY)
    shelf.plan(12, Decimal(3), 5, Side.BUY)
    shelf.record(ev.OrderSent(OrderId(12)))
    ref = OrderRef(order_ref(IntentId("abc123-momentum-12")) + " appended-text")
    shelf.record(ev.ExecutionSeen(execution(1, order_ref=ref, order_id=OrderId(0))))
    assert [row["our_order_id"] for row in shelf.rows("v_executions_latest")] == [12]
    assert_views_say_what_the_book_says(shelf)


def test_the_journals_own_facts_are_one_row(shelf: Shelf) -> None:
    (row,) = shelf.rows("v_journal")
    assert row["order_ref_prefix"] == "T1-abc123-"
    assert order_ref(IntentId("abc123-momentum-1")).startswith(row["order_ref_prefix"])
    assert (row["account"], row["last_seq"], row["event_count"]) == ("DU1", 2, 2)
    assert row["baseline_seq"] is None


def test_halts_tickets_foreign_orders_and_reconciliations_are_told(shelf: Shelf) -> None:
    shelf.record(ev.HaltCleared(HaltCause.FRESH_INSTALL, "go", "me"))
    shelf.record(ev.TicketOpened(TicketId("t1"), "position", ConId(5), "differs", RunId("r1")))
    shelf.record(ev.TicketClosed(TicketId("t1"), "seen", "me"))
    shelf.record(ev.TicketOpened(TicketId("t1"), "position", ConId(5), "again", RunId("r2")))
    foreign = ev.ForeignOrderSeen(
        PermId(77), ClientId(0), ConId(5), "AAPL", Side.BUY, Decimal(1), "LMT", "Submitted"
    )
    shelf.record(foreign)
    shelf.record(ev.ReconcileFinished(RunId("r1"), "timer", "", 3, 2, 1, 0.5))
    assert [(row["cause"], row["is_raised"]) for row in shelf.rows("v_halts")] == [
        ("fresh_install", 0), ("fresh_install", 1),
    ]  # fmt: skip
    assert [row["closed_reason"] for row in shelf.rows("v_tickets")] == ["seen", None]
    (run,) = shelf.rows("v_reconciliations")
    assert (run["triggered_by"], run["drift_count"], run["ticket_count"]) == ("timer", 3, 1)
    assert_views_say_what_the_book_says(shelf)
    shelf.record(ev.ForeignOrderGone(PermId(77)))
    assert shelf.rows("v_foreign_orders") == []


# ---- the fold


def _status(status: str, *, perm_id: int = 901) -> ev.OrderStatusSeen:
    return ev.OrderStatusSeen(
        OrderId(1), CLIENT, PermId(perm_id), status, Decimal(0), Decimal(3), ""
    )


_SENT = ev.OrderSent(OrderId(1))
_FILLED = ev.ExecutionSeen(execution(1))
_CANCEL = ev.CancelSent(OrderId(1), "r")
_REJECTS = ev.OrderErrorSeen(OrderId(1), 201, "no", ev.Evidence.REJECTS_NEW)
_UNANSWERED = ev.OrderUnanswered(OrderId(1), "late")
_WITHHELD = ev.OrderWithheld(OrderId(1), "halted")
_ABSENT = ev.OrderProvenAbsent(OrderId(1), RunId("r2"), RunId("r1"))
# JOURNALED is never met between two events.
_WAYS: dict[OrderState, tuple[ev.Event, ...]] = {
    OrderState.PLANNED: (),
    OrderState.SENT: (_SENT,),
    OrderState.WITHHELD: (_WITHHELD,),
    OrderState.WORKING: (_SENT, _status("Submitted")),
    OrderState.CANCELLING: (_SENT, _CANCEL),
    OrderState.UNKNOWN: (_SENT, _UNANSWERED),
    OrderState.FILLED: (_SENT, _FILLED),
    OrderState.CANCELLED: (_SENT, _status("Cancelled")),
    OrderState.REJECTED: (_SENT, _REJECTS),
}
_HAPPENS: dict[OrderEvent, tuple[ev.Event, ...]] = {
    OrderEvent.SENT: (_SENT,),
    OrderEvent.WITHHELD: (_WITHHELD,),
    OrderEvent.ACKNOWLEDGED: (_status("PreSubmitted"),),
    OrderEvent.CANCEL_SENT: (_CANCEL,),
    OrderEvent.CANCEL_REFUSED: (
        ev.OrderErrorSeen(OrderId(1), 10147, "no", ev.Evidence.REFUSES_CANCEL),
    ),
    OrderEvent.UNANSWERED: (_UNANSWERED,),
    OrderEvent.FILL_COMPLETED: (_FILLED,),
    OrderEvent.CANCEL_CONFIRMED: (
        ev.OrderErrorSeen(OrderId(1), 202, "c", ev.Evidence.CONFIRMS_CANCEL),
    ),
    OrderEvent.REJECT_CONFIRMED: (_status("Inactive"), _REJECTS),
    OrderEvent.PROVEN_ABSENT: (_ABSENT,),
}


# PLANNED passes through JOURNALED within the event that comes next, so neither pair shows alone.
MOVES = sorted(pair for pair in TABLE if pair[0] in _WAYS and pair[1] in _HAPPENS)


@pytest.mark.parametrize(("state", "event"), MOVES)
def test_each_move_of_the_order_machine_is_in_the_view(
    state: OrderState, event: OrderEvent
) -> None:
    """Lead an order into the state, then let the event happen; the book is the judge."""
    shelf = Shelf()
    with closing(shelf.db):
        shelf.plan(1, Decimal(3), 5, Side.BUY)
        for step in _WAYS[state]:
            shelf.record(step)
        assert shelf.book.orders[OrderId(1)].state is state
        for step in _HAPPENS[event]:
            shelf.record(step)
        assert shelf.book.orders[OrderId(1)].state is TABLE[state, event]
        assert_views_say_what_the_book_says(shelf)


def ref_of(number: int) -> OrderRef:
    return order_ref(IntentId(f"abc123-momentum-{number}"))


ORDER = st.integers(1, 3)
WORD_REF = st.sampled_from(["ours", "blank", "foreign"])


def referred(number: int, how: str) -> OrderRef:
    return {"ours": ref_of(number), "blank": OrderRef(""), "foreign": OrderRef("by hand")}[how]


def statuses() -> st.SearchStrategy[ev.Event]:
    return st.builds(
        lambda number, status, filled, has_perm: ev.OrderStatusSeen(
            OrderId(number), CLIENT, PermId(900 + number if has_perm else 0), status,
            Decimal(filled), Decimal(0), "",
        ),
        ORDER, st.sampled_from(STATUSES), st.integers(0, 5), st.booleans(),
    )  # fmt: skip


def echoes() -> st.SearchStrategy[ev.Event]:
    return st.builds(
        lambda number, status, how: ev.OpenOrderSeen(
            OrderId(number), CLIENT, PermId(900 + number), referred(number, how), AccountId("DU1"),
            ConId(5), "AAPL", Side.BUY, Decimal(5), "MKT", None, status,
        ),
        ORDER, st.sampled_from(STATUSES), st.sampled_from(["ours", "blank"]),
    )  # fmt: skip


def executions() -> st.SearchStrategy[ev.Event]:
    def build(
        number: int, family: int, revision: int, quantity: str, price: str, how: str, is_odd: bool
    ) -> ev.Event:
        return ev.ExecutionSeen(
            execution(
                family, revision, quantity, price,
                con_id=ConId(6 if is_odd else 5), side=Side.SELL if number == 2 else Side.BUY,
                order_id=OrderId(number), perm_id=PermId(900 + number),
                order_ref=referred(number, how), multiplier=Decimal(1 if number < 3 else 100),
            )
        )  # fmt: skip

    return st.builds(
        build, ORDER, st.integers(1, 4), st.integers(1, 3),
        st.sampled_from(["1", "2", "0.7", "0.1", "5"]), st.sampled_from(["10.25", "9.999", "11"]),
        WORD_REF, st.integers(0, 5).map(lambda one: one == 0),
    )  # fmt: skip


def commissions() -> st.SearchStrategy[ev.Event]:
    return st.builds(
        lambda family, revision, amount: ev.CommissionSeen(
            Commission(ExecId(f"0001.{family:02x}.{revision:02d}"), Decimal(amount), "USD")
        ),
        st.integers(1, 4), st.integers(1, 3), st.sampled_from(["1", "0.005", "2.125", "-0.3"]),
    )  # fmt: skip


def order_facts() -> st.SearchStrategy[ev.Event]:
    return st.one_of(
        st.builds(lambda n: ev.OrderSent(OrderId(n)), ORDER),
        st.builds(lambda n: ev.OrderSent(OrderId(n)), ORDER),
        st.builds(lambda n: ev.OrderWithheld(OrderId(n), "r"), ORDER),
        st.builds(lambda n: ev.CancelSent(OrderId(n), "r"), ORDER),
        st.builds(lambda n: ev.OrderUnanswered(OrderId(n), "r"), ORDER),
        st.builds(lambda n: ev.OrderProvenAbsent(OrderId(n), RunId("2"), RunId("1")), ORDER),
        st.builds(
            lambda n, evidence: ev.OrderErrorSeen(OrderId(n), 1, "t", evidence),
            ORDER, st.sampled_from(ev.Evidence),
        ),
    )  # fmt: skip


def account_facts() -> st.SearchStrategy[ev.Event]:
    def baseline(quantity: int, cash: str, families: list[int]) -> ev.Event:
        holding = ev.Holding(ConId(5), "AAPL", Decimal(quantity), Decimal(1), Decimal(1))
        names = tuple(f"0001.{one:02x}" for one in families)
        return ev.AccountBaselined(
            AccountId("DU1"), (holding,), (("USD", Decimal(cash)),), names, "t"
        )

    return st.one_of(
        st.builds(
            baseline, st.integers(-3, 3), st.sampled_from(["0", "99.50"]),
            st.lists(st.integers(1, 4), max_size=2, unique=True),
        ),
        st.builds(
            lambda amount: ev.CashAdjusted("USD", Decimal(0), Decimal(amount), "r"),
            st.integers(-5, 5),
        ),
        st.builds(
            lambda con_id, quantity: ev.PositionAdjusted(
                ConId(con_id), "AAPL", Decimal(0), Decimal(quantity), "r", "b"
            ),
            st.integers(5, 6), st.integers(-5, 5),
        ),
        st.builds(
            lambda con_id, quantity, price, cost: te.TradeBooked(
                TicketId("t1"), ConId(con_id), "AAPL", Decimal(quantity), Decimal(price),
                Decimal(1), Decimal(cost), "USD", "r", "b",
            ),
            st.integers(5, 6), st.integers(-5, 5), st.sampled_from(["0", "10.25"]),
            st.sampled_from(["0", "0.35"]),
        ),
        st.builds(
            lambda amount: te.CashBooked(TicketId("t1"), "USD", Decimal(amount), "r", "b"),
            st.sampled_from(["-3.5", "0", "12"]),
        ),
        st.builds(
            lambda cause, is_raised: (ev.HaltRaised if is_raised else ev.HaltCleared)(
                cause, "r", "b"
            ),
            st.sampled_from(HaltCause), st.booleans(),
        ),
    )  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    facts=st.lists(
        st.one_of(
            order_facts(), order_facts(), statuses(), echoes(), executions(), executions(),
            commissions(), account_facts(),
        ),
        max_size=30,
    )
)  # fmt: skip
def test_whatever_is_recorded_the_views_say_what_the_book_says(facts: list[ev.Event]) -> None:
    shelf = Shelf()
    with closing(shelf.db):
        for number, quantity in enumerate((Decimal(5), Decimal("0.8"), Decimal(1)), start=1):
            shelf.plan(number, quantity, 5, Side.SELL if number == 2 else Side.BUY)
        for fact in facts:
            # As the daemon does: what the book holds already is not recorded again.
            if shelf.book.is_news(fact):
                shelf.record(fact)
        assert_views_say_what_the_book_says(shelf)


def test_the_published_columns_stay() -> None:
    """A column that goes or moves breaks a reader that nobody here knows."""
    shelf = Shelf()
    with closing(shelf.db):
        for view, columns in PUBLISHED.items():
            found = [row[1] for row in shelf.db.execute(f"PRAGMA table_info({view})")]
            assert found[: len(columns.split())] == columns.split(), view
        names = {
            row[0] for row in shelf.db.execute("SELECT name FROM sqlite_schema WHERE type='view'")
        }
        assert {name for name in names if name.startswith("v_")} == set(PUBLISHED)


def test_the_runbook_tells_every_published_column() -> None:
    text = (Path(__file__).resolve().parents[3] / "RUNBOOK.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(v_\w+)` \|[^|]+\|([^|]+)\|$", text, re.M))
    columns = {view: " ".join(re.findall(r"`(\w+)`", row)) for view, row in told.items()}
    assert columns == PUBLISHED


def test_each_view_is_made_once() -> None:
    assert len(set(COMPARISON_VIEWS)) == len(COMPARISON_VIEWS)


def test_an_order_family_is_split_as_the_daemon_splits_it(shelf: Shelf) -> None:
    ids = ("0000e0d5.67fe667b.01.01", "0000e0d5.67fe667b.01.12", "plain", "12", "a.", "a.b", ".7",
           "x.1y", "x..3")  # fmt: skip
    for exec_id in ids:
        shelf.record(ev.ExecutionSeen(replace(execution(1), exec_id=ExecId(exec_id))))
    found = {
        row["exec_id"]: (row["family"], row["revision"])
        for row in shelf.rows("v_executions_booked")
    }
    assert found == {exec_id: exec_family(ExecId(exec_id)) for exec_id in ids}


PUBLISHED = {
    "v_orders_planned": "seq at intent_id order_id order_ref symbol side quantity",
    "v_orders_sent": "order_id seq at",
    "v_expiries": "seq at at_us order_id good_till_utc",
    "v_brackets": ("seq at at_us order_id role entry_id take_profit_id stop_loss_id oca_group"),
    "v_executions": ("seq exec_id order_id perm_id order_ref con_id symbol side quantity price"),
    "v_journal": (
        "seq at at_us lineage order_ref_prefix account baseline_seq baseline_at_us last_seq "
        "event_count"
    ),
    "v_baseline_executions": "seq family",
    "v_orders": (
        "seq at at_us intent_id strategy order_id client_id order_ref account con_id symbol side "
        "quantity order_type time_in_force limit_price stop_price is_reduce_only sent_seq "
        "withheld_seq state broker_status change_number change_state desired_quantity "
        "desired_limit_price desired_stop_price"
    ),
    "v_strategies": "name status reason seq at at_us",
    "v_emergency_orders": (
        "seq at at_us order_ref client_id order_id account con_id symbol side quantity sent_utc by"
    ),
    "v_emergency_cancels": (
        "seq at at_us order_ref client_id order_id perm_id symbol is_everything sent_utc by"
    ),
    "v_changes": "seq at at_us order_id number quantity limit_price stop_price reason state",
    "v_executions_booked": (
        "seq at at_us family revision exec_id replaces_seq run_id account con_id symbol side "
        "quantity price multiplier currency order_id client_id perm_id order_ref time_utc "
        "our_order_id"
    ),
    "v_executions_latest": (
        "seq at at_us family revision exec_id run_id account con_id symbol side quantity price "
        "multiplier currency order_id client_id perm_id order_ref time_utc our_order_id"
    ),
    "v_commissions": "seq at at_us family revision exec_id amount currency is_booked",
    "v_position_parts": "seq at at_us source con_id symbol quantity exec_id",
    "v_cash_parts": "seq at at_us source currency amount quantity multiplier exec_id",
    "v_halts": "seq at at_us cause reason by is_raised",
    "v_tickets": (
        "seq at at_us ticket_id kind con_id text run_id closed_seq closed_reason closed_by "
        "closed_at booked_as ignored_until ignored_reason ignored_by"
    ),
    "v_foreign_orders": (
        "seq at at_us perm_id client_id con_id symbol side quantity order_type status"
    ),
    "v_reconciliations": (
        "seq at at_us run_id triggered_by problem drift_count repair_count ticket_count duration_s"
    ),
}
