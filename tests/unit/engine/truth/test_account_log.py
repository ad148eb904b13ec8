"""The broker's account values in the journal: few rows, and old after a restart."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from tests.unit.engine.world import POLICY, T0, World, a_reading, an_intent
from trader.core import events as ev
from trader.core.account_events import AccountTold, Teller
from trader.core.checkpoint import restored, state_of
from trader.core.policy import AccountType
from trader.engine.told.board import account_of_journal
from trader.engine.truth.account_log import LOOK_S, AccountLog

D = Decimal


class Logged:
    """A world whose broker tells its values every three minutes; the log looks as it does live."""

    def __init__(self) -> None:
        self.world = World()
        self.log = AccountLog(self.world.services)

    def tell(self, net: int = 100_000, age_s: float = 0.0) -> None:
        now_s = self.world.clock.monotonic()
        reading = a_reading(
            now_s - age_s,
            currency="USD",
            net_liquidation=D(net),
            account_type=AccountType.CASH,
            settled_cash={"USD": D(5), "EUR": D(7)},
        )
        self.world.valuer.on_account(reading)

    async def pass_s(self, seconds: float) -> None:
        for _ in range(int(seconds / LOOK_S)):
            self.log.look()
            await asyncio.sleep(LOOK_S)

    @property
    def rows(self) -> list[AccountTold]:
        return self.world.journal.events(AccountTold)


async def test_values_are_recorded_with_their_time_and_their_source() -> None:
    """CAP-29."""
    logged = Logged()
    await logged.pass_s(60)
    assert logged.rows == [], "nothing is told, so nothing is written, and no zero"
    logged.tell(age_s=20.0)
    logged.log.look()
    (row,) = logged.rows
    assert (row.source, row.currency, row.account_type) == (
        Teller.UPDATES,
        "USD",
        AccountType.CASH,
    )
    assert row.as_of_utc == T0 + timedelta(seconds=40)
    assert (row.net_liquidation, row.settled_cash) == (D(100_000), (("EUR", D(7)), ("USD", D(5))))
    assert logged.world.book.account_record.told == row


async def test_a_quiet_hour_is_four_rows_and_a_loud_one_sixty_at_most() -> None:
    logged = Logged()
    for _ in range(20):
        logged.tell()
        await logged.pass_s(180)
    assert len(logged.rows) == 4
    loud = Logged()
    for tick in range(720):
        loud.tell(net=100_000 + 5_000 * (tick % 2))
        await loud.pass_s(LOOK_S)
    assert 20 <= len(loud.rows) <= 60


async def test_values_that_stand_for_long_are_recorded_once() -> None:
    logged = Logged()
    logged.tell()
    await logged.pass_s(7_200)
    assert len(logged.rows) == 1


async def test_after_a_restart_they_are_shown_with_their_age_and_nothing_counts_with_them() -> None:
    """CAP-29: old is unavailable, whatever it says; a cash account buys nothing on it."""
    logged = Logged()
    logged.tell()
    logged.log.look()
    exposure = replace(POLICY.exposure, is_reading_required=True)
    later = World(policy=replace(POLICY, exposure=exposure))
    later.book.account_record = restored(state_of(logged.world.book)).account_record
    shown = account_of_journal(
        later.book.account_record.told, later.clock.utc() + timedelta(seconds=90)
    )
    assert shown is not None
    assert (shown.net_liquidation, shown.age_s) == (D(100_000), 90.0)
    assert (shown.source, shown.is_usable, shown.account_type) == ("journal", False, "cash")
    refused = await later.gateway.submit(an_intent(1))
    checks = {row.code: row for row in later.journal.events(ev.IntentReviewed)[-1].checks}
    assert (refused.code, checks["MARGIN"].value) == ("MARGIN", "unavailable")
    later.say(a_reading(later.clock.monotonic(), currency="USD"))
    assert (await later.gateway.submit(an_intent(2))).order_id is not None


async def test_an_empty_journal_has_no_values_and_no_zero() -> None:
    """CAP-29."""
    assert account_of_journal(World().book.account_record.told, T0) is None
