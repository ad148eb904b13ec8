"""The doctor's own session, against a simulator of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import pytest

from tests.integration.simulator import Controlled, simulated
from trader.core.ids import AccountId, ClientId
from trader.core.instruments import InstrumentSpec
from trader.doctor.line import Session
from trader.ibkr.settings import BrokerSettings
from trader.ops.clock import SystemClock
from trader.ports import ConnectRefused, SnapshotUnavailable

AAPL = InstrumentSpec("AAPL", primary_exchange="NASDAQ")
MSFT = InstrumentSpec("MSFT", primary_exchange="NASDAQ")
WAIT_S = 10.0


class Sim(Controlled):
    """A simulator and what connects to it."""

    def __init__(self, announced: dict[str, Any], http: aiohttp.ClientSession) -> None:
        super().__init__(announced, http)
        self.account = AccountId(announced["account"])

    @contextmanager
    def session(self, number: int = 9) -> Iterator[Session]:
        settings = BrokerSettings(
            host="127.0.0.1", port=self.port, client_id=ClientId(number), account=self.account,
            snapshot_deadline_s=2.0,
        )  # fmt: skip
        session = Session(settings, SystemClock())
        try:
            yield session
        finally:
            session.close()


@pytest.fixture
async def sim(request: pytest.FixtureRequest) -> AsyncIterator[Sim]:
    options = getattr(request, "param", ())
    async with simulated(Sim, tick_interval_s=0.05, limit_s=60, options=options) as made:
        yield made


async def test_a_well_gateway_answers_everything_and_gets_no_order(sim: Sim) -> None:
    with sim.session() as session:
        facts = await session.open()
        assert facts.accounts == (sim.account,)
        await session.upstream(WAIT_S)
        assert session.is_upstream_up is True
        assert set(session.farms.values()) <= {"ok", "inactive"}
        assert (await session.time()).round_trip_s >= 0
        assert (await session.snapshot()).open_orders == ()
        assert session.is_read_only is False
        (line,) = await session.quotes([AAPL], WAIT_S)
        assert (line.symbol, line.data_type, line.is_priced, line.problems) == ("AAPL", 1, True, [])


async def test_nothing_but_questions_is_sent(sim: Sim) -> None:
    await test_a_well_gateway_answers_everything_and_gets_no_order(sim)
    async with aiohttp.ClientSession() as http, http.get(f"{sim._control}/truth") as answer:
        truth = await answer.json()
    assert truth["place_frames"] == []


@pytest.mark.parametrize("sim", [("--read-only",)], indirect=True)
async def test_a_read_only_api_is_known_without_an_order(sim: Sim) -> None:
    with sim.session() as session:
        await session.open()
        with pytest.raises(SnapshotUnavailable, match="321"):
            await session.snapshot()
        assert session.is_read_only is True


async def test_a_client_id_in_use_is_told(sim: Sim) -> None:
    with sim.session() as first, sim.session() as second:
        await first.open()
        with pytest.raises(ConnectRefused, match="326"):
            await second.open()


async def test_each_instrument_says_what_its_quotes_are(sim: Sim) -> None:
    await sim.tell("permission", symbol="AAPL", data="none")
    await sim.tell("market-data-type", symbol="MSFT", type="frozen")
    unheard_of = InstrumentSpec("NOSUCHTHING")
    with sim.session() as session:
        await session.open()
        aapl, msft, nothing = await session.quotes([AAPL, MSFT, unheard_of], WAIT_S)
    assert [code for code, _ in aapl.problems] == [354]
    assert nothing.problems[0][0] == 200
    assert msft.data_type in (1, 2)


async def test_an_upstream_that_is_lost_is_heard(sim: Sim) -> None:
    with sim.session() as session:
        await session.open()
        await session.upstream(WAIT_S)
        await sim.tell("upstream", up=False)
        await session._until(lambda: session.is_upstream_up is False, WAIT_S)
        assert session.is_upstream_up is False


async def test_what_is_not_said_is_waited_for_no_longer_than_wanted(sim: Sim) -> None:
    clock = SystemClock()
    with sim.session() as session:
        begun_s = clock.monotonic()
        await session.upstream(0.2)
        assert 0.15 < clock.monotonic() - begun_s < 5
        assert session.is_upstream_up is None
