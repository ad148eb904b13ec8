"""A disk or a journal that does not answer makes a reading bad or old, and holds nobody up."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from tests.unit.engine.breaker_world import Breaking
from tests.unit.engine.world import running
from trader.engine.risk.probes import Probes
from trader.ports import WorldError


async def test_the_free_share_is_what_the_disk_says() -> None:
    broken = Breaking()
    assert broken.probes.disk().value is None
    await broken.probes.probe_disk()
    assert broken.probes.disk().value == Decimal("0.5")


async def test_a_disk_that_fails_or_hangs_has_no_value() -> None:
    broken = Breaking()

    async def failing() -> Decimal:
        raise WorldError("gone")

    async def hanging() -> Decimal:
        await asyncio.sleep(1_000)
        return Decimal(1)

    for free_share, text in ((failing, "gone"), (hanging, "no answer within 10 s")):
        probes = Probes(broken.world.services, free_share)
        await probes.probe_disk()
        assert (probes.disk().value, probes.disk().text) == (None, text)


async def test_a_commit_is_measured_and_one_under_way_counts_already() -> None:
    broken = Breaking()
    journal, probes = broken.world.journal, broken.probes
    assert probes.journal().value is None
    journal.hold()
    with running(probes.watch_journal):
        await asyncio.sleep(3)
        assert probes.journal().value == 3
        journal.release()
        await asyncio.sleep(0.5)
        assert probes.journal().value == 3
        await asyncio.sleep(2)
        assert probes.journal().value == 0


async def test_a_journal_that_failed_has_no_value() -> None:
    broken = Breaking()
    broken.world.journal.fail("disk full")
    await broken.probes.probe_journal()
    assert (broken.probes.journal().value, broken.probes.journal().text) == (None, "disk full")


async def test_the_disk_is_asked_every_few_seconds() -> None:
    broken = Breaking()
    with running(broken.probes.watch_disk):
        await asyncio.sleep(4)
        broken.free = Decimal("0.01")
        await asyncio.sleep(2)
        assert broken.probes.disk().value == Decimal("0.01")
