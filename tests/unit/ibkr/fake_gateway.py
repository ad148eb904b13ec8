"""A raw gateway for tests: canned frames over a real socket, and a clock and a pacer by hand."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.unit.core.policies import a_policy
from trader.core import risk
from trader.core.book import Book
from trader.core.brackets import leg_intents, memberships
from trader.core.halts import Lane
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    Lineage,
    OrderId,
    StrategyName,
    intent_id,
    order_ref,
)
from trader.core.instruments import Instrument, PriceBand
from trader.core.intents import BracketTerms, Intent, OrderType, Side, TimeInForce
from trader.core.market import Quote
from trader.core.orders import OrderTerms
from trader.core.risk.values import REVIEWED
from trader.ibkr.broker import IbkrBroker
from trader.ibkr.settings import BrokerSettings
from trader.ports import BrokerMessage, LinkWord

ACCOUNT = AccountId("DU1")
CLIENT = ClientId(7)
LINEAGE = Lineage("abcdef")
STRATEGY = StrategyName("test")
AAPL = Instrument(
    con_id=ConId(265598),
    symbol="AAPL",
    sec_type="STK",
    exchange="SMART",
    currency="USD",
    multiplier=Decimal(1),
    bands=(PriceBand(Decimal(0), Decimal("0.01")),),
    size_increment=Decimal(1),
    price_magnifier=1,
)
EXECUTION = (
    "11|-1|5|265598|AAPL|STK||0.0|||ISLAND|USD|AAPL|NMS|0000e0d5.67fe667b.01.01|"
    "20260413 15:27:04 US/Eastern|DU1|ISLAND|BOT|100|190.10|900001|7|0|100|190.10|ref||||2|0"
)
_UD = "1.7976931348623157E308"
_UI = "2147483647"


def open_order(**changes: str) -> str:
    """Return openOrder (message 5) of a plain stock order at server version 178: 135 fields."""
    head = {
        "orderId": "5", "conId": "265598", "symbol": "AAPL", "secType": "STK", "expiry": "",
        "strike": "0", "right": "?", "multiplier": "", "exchange": "SMART", "currency": "USD",
        "localSymbol": "AAPL", "tradingClass": "NMS", "action": "BUY", "totalQuantity": "100",
        "orderType": "LMT", "lmtPrice": "190.1", "auxPrice": "0.0", "tif": "DAY", "ocaGroup": "",
        "account": "DU1", "openClose": "", "origin": "0", "orderRef": "ref", "clientId": "7",
        "permId": "900001",
    }  # fmt: skip
    status = changes.pop("status", "Submitted")
    parent = changes.pop("parentId", "0")
    assert changes.keys() <= head.keys(), f"unknown fields {changes.keys() - head.keys()}"
    fields = ["5", *{**head, **changes}.values()]
    fields += ["0", "0", "0", "", "900001.0/DU1/100", "", "", ""]  # outsideRth .. faPercentage
    fields += ["", "", "", "", "", "0", "", "-1", "0", "", "", "", "", "", _UI]  # .. displaySize
    fields += ["0", "0", "0", "", "3", "0", "0", "", parent, "0", "", "0", "None", ""]  # .. hedge
    fields += ["0", "", "", "", "?", "0", "0", ""]  # the rest of the delta hedge
    fields += ["0", "0", "", "", "", "", "", "0", "0", "0", _UI, _UI, "", ""]  # .. hedgeType
    fields += ["0", "", "IB", "0", "0", "", "0", "0", status]  # optOutSmartRouting .. status
    fields += [*[_UD] * 9, "", "", "", "", "", "0", "0", "0"]  # margin .. number of conditions
    fields += ["None", _UD, "191.1", _UD, _UD, _UD, _UD, "0", "", "", ""]  # adjusted .. tier
    fields += ["0", "1", "0", "0", "0", "", "", "0", "", "100", "0.02", "", ""]
    return "|".join(fields)


def completed_order(**changes: str) -> str:
    """Return completedOrder (message 101) of a filled stock order at server version 178."""
    values = {"permId": "900001", "orderRef": "ref", "account": "DU1", "status": "Filled",
              "filled": "100", "note": "Filled Size: 100"}  # fmt: skip
    assert changes.keys() <= values.keys(), f"unknown fields {changes.keys() - values.keys()}"
    values.update(changes)
    fields = ["101", "265598", "AAPL", "STK", "", "0", "?", "", "SMART", "USD", "AAPL", "NMS"]
    fields += ["BUY", "0", "LMT", "190.1", "0.0", "DAY", "", values["account"], "", "0"]
    fields += [values["orderRef"], values["permId"], "0", "0", "0", "", "", "", ""]  # .. faPerc.
    fields += ["", "", "", "", "", "0", "", "-1", "", "", "", "", "", _UI]  # .. displaySize
    fields += ["0", "0", "", "3", "0", "", "0", "None", ""]  # sweepToFill .. delta hedge price
    fields += ["0", "0", "0", "", "0", "0", "", "", "", "0", "0", "0"]  # .. three counts
    fields += [_UI, _UI, "", "", "", "IB", "0", "0", "", "0", values["status"], "0", "0", "0"]
    fields += ["191.1", _UD, "0", "1", "0", "", values["filled"], _UI, "0", "", "0", "0"]
    fields += ["9223372036854775807", "20260413 15:27:04 US/Eastern", values["note"]]
    fields += ["", "100", "0.02", "", ""]
    return "|".join(fields)


def contract_details(request_id: str, **changes: str) -> str:
    """Return contractDetails (message 10) of a stock at server version 178."""
    values = {"symbol": "AAPL", "secType": "STK", "exchange": "SMART", "currency": "USD",
              "conId": "265598", "minTick": "0.01", "multiplier": "", "primary": "NASDAQ",
              "exchanges": "SMART,NASDAQ", "rules": "26,239", "increment": "0.0001",
              "magnifier": "1", "zone": "US/Eastern", "trading": "", "liquid": ""}  # fmt: skip
    assert changes.keys() <= values.keys(), f"unknown fields {changes.keys() - values.keys()}"
    values.update(changes)
    v = values
    fields = ["10", request_id, v["symbol"], v["secType"], "", "0", "", v["exchange"]]
    fields += [v["currency"], v["symbol"], "NMS", "NMS", v["conId"], v["minTick"]]
    fields += [v["multiplier"], "LMT,MKT", v["exchanges"], v["magnifier"], "0", "A COMPANY"]
    fields += [v["primary"], "", "Technology", "Computers", "Computers", v["zone"], v["trading"]]
    fields += [v["liquid"], "", "0", "0", "1", "", "", v["rules"], "", "COMMON", "1"]
    fields += [v["increment"], "100"]
    return "|".join(fields)


def frame(text: str) -> bytes:
    """Make a frame of fields written with bars between them."""
    payload = text.replace("|", "\0").encode() + b"\0"
    return len(payload).to_bytes(4, "big") + payload


class HandClock:
    """Real seconds, plus what a test adds; sleeping is real and noted."""

    def __init__(self) -> None:
        self.added_s = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return time.monotonic() + self.added_s

    def utc(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(seconds)


class OpenPacer:
    """Lets everything pass and counts it."""

    def __init__(self) -> None:
        self.taken: list[Lane] = []
        self.is_open = True

    def try_take(self, lane: Lane) -> bool:
        self.taken.append(lane)
        return self.is_open

    async def take(self, lane: Lane, deadline_s: float) -> bool:
        return self.try_take(lane)


class Gateway:
    """One listening socket that answers frames from a table of replies."""

    def __init__(self) -> None:
        self.port = 0
        self.received: list[list[str]] = []
        self.connections = 0
        self.writers: list[asyncio.StreamWriter] = []
        self.replies: dict[str, Callable[[list[str]], list[str]]] = {
            "71": lambda f: ["15|1|DU1", "9|1|1"],
            "16": lambda f: ["53|1"],
            "99": lambda f: ["102"],
            "7": lambda f: [f"55|1|{f[2]}"],
            "61": lambda f: ["62|1"],
            "76": lambda f: [
                f"73|1|{f[2]}|DU1||CashBalance|1000.50|USD",
                f"73|1|{f[2]}|DU1||CashBalance|1000.50|BASE",
                f"73|1|{f[2]}|DU1||NetLiquidation|2000|USD",
                f"74|1|{f[2]}",
            ],
            "49": lambda f: ["49|1|1776094024"],
        }
        self.hello: list[bytes] = [frame("178|20260413 15:27:04 EST")]

    def silence(self, *message_ids: str) -> None:
        """Never answer these."""
        for message_id in message_ids:
            self.replies.pop(message_id, None)

    def say(self, *texts: str) -> None:
        """Send frames to the last connection."""
        self.writers[-1].write(b"".join(frame(text) for text in texts))

    def of_kind(self, message_id: str) -> list[list[str]]:
        """Return the received frames of one message."""
        return [fields for fields in self.received if fields[0] == message_id]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        try:
            await reader.readexactly(4)
            await self._frame(reader)
            for part in self.hello:
                writer.write(part)
            while True:
                fields = (await self._frame(reader)).decode().split("\0")[:-1]
                self.received.append(fields)
                reply = self.replies.get(fields[0])
                for text in reply(fields) if reply else []:
                    writer.write(frame(text))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _frame(self, reader: asyncio.StreamReader) -> bytes:
        size = int.from_bytes(await reader.readexactly(4), "big")
        return await reader.readexactly(size)


@asynccontextmanager
async def gateway() -> AsyncIterator[Gateway]:
    """Run a gateway."""
    served = Gateway()
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        for writer in served.writers:
            writer.transport.abort()
        server.close()
        await server.wait_closed()


class Desk:
    """A broker on a gateway, with everything that reached its sink."""

    def __init__(self, port: int, **changes: Any) -> None:
        self.clock = HandClock()
        self.pacer = OpenPacer()
        self.got: list[BrokerMessage] = []
        base = BrokerSettings(
            host="127.0.0.1",
            port=port,
            client_id=CLIENT,
            tcp_deadline_s=1.0,
            version_deadline_s=0.3,
            start_deadline_s=0.3,
            heartbeat_deadline_s=0.3,
            snapshot_deadline_s=0.3,
            resolve_deadline_s=0.3,
            reconnect_gap_s=0.0,
        )
        self.settings = replace(base, **changes)
        self.broker = IbkrBroker(
            self.settings, clock=self.clock, pacer=self.pacer, sink=self.got.append
        )

    def words(self, axis: str) -> list[LinkWord]:
        """Return the link words of one axis."""
        return [word for word in self.got if isinstance(word, LinkWord) and word.axis == axis]

    def of_type(self, kind: type) -> list[Any]:
        """Return the messages of one type."""
        return [message for message in self.got if isinstance(message, kind)]

    async def until(self, is_true: Callable[[], bool]) -> None:
        """Wait for something to become true."""
        async with asyncio.timeout(5):
            while not is_true():  # noqa: ASYNC110 - what is waited for is the real socket
                await asyncio.sleep(0.005)


@asynccontextmanager
async def connected(**changes: Any) -> AsyncIterator[tuple[Gateway, Desk]]:
    """Run a gateway and a broker that is connected to it."""
    async with gateway() as served:
        desk = Desk(served.port, **changes)
        await desk.broker.connect(OrderId(0))
        try:
            yield served, desk
        finally:
            desk.broker.disconnect()


def approved_order(
    order_id: int = 5, order_type: OrderType = OrderType.LIMIT, **changes: Any
) -> risk.ApprovedOrder:
    """Return an order that went through the real review."""
    number = changes.pop("number", 1)
    price = Decimal("190.10")
    account = changes.pop("account", ACCOUNT)
    client_id = changes.pop("client_id", CLIENT)
    instrument = changes.pop("instrument", AAPL)
    intent = Intent(
        intent_id=intent_id(changes.pop("lineage", LINEAGE), STRATEGY, number),
        strategy=STRATEGY,
        con_id=AAPL.con_id,
        side=changes.pop("side", Side.BUY),
        quantity=Decimal(changes.pop("quantity", 100)),
        order_type=order_type,
        time_in_force=changes.pop("time_in_force", TimeInForce.DAY),
        limit_price=price if order_type is OrderType.LIMIT else None,
        stop_price=price if order_type is OrderType.STOP else None,
    )
    assert not changes, f"unknown changes {changes}"
    much = Decimal(10**9)
    policy = a_policy(
        order__quantity_max=much,
        order__notional_max=much,
        order__forms=frozenset(
            (AAPL.sec_type, one, two) for one in OrderType for two in TimeInForce
        ),
        position__quantity_max=much,
        position__notional_max=much,
        position__is_short_allowed=True,
        cash__reserve_min=Decimal(0),
        price__collar_fraction_max=Decimal("0.9"),
        price__slippage_fraction_max=Decimal("0.9"),
        price__quote_age_s_max=60.0,
        exposure__is_enforced=False,
        rate__daily_trades_max=1000,
    )
    book = Book()
    book.cash["USD"] = much
    quote = Quote(
        con_id=AAPL.con_id,
        bid=Decimal(190),
        ask=Decimal("190.02"),
        data_type=1,
        received_s=0.0,
    )
    given = risk.RiskInput(book, instrument, quote, policy, datetime.now(UTC), 1.0)
    verdict = risk.review(intent, given)
    assert isinstance(verdict, risk.Approved), verdict
    terms = OrderTerms(
        intent_id=intent.intent_id,
        strategy=intent.strategy,
        account=account,
        con_id=intent.con_id,
        symbol="AAPL",
        side=intent.side,
        quantity=intent.quantity,
        order_type=intent.order_type,
        time_in_force=intent.time_in_force,
        limit_price=intent.limit_price,
        stop_price=intent.stop_price,
        is_reduce_only=False,
        reserve_per_unit=verdict.reserve_per_unit,
    )
    return risk.ApprovedOrder(
        verdict, OrderId(order_id), client_id, order_ref(intent.intent_id), terms
    )


def approved_bracket(order_id: int = 5, **changes: Any) -> tuple[risk.ApprovedOrder, ...]:
    """Return an entry of 100 at 190.10 with its profit at 200 and its stop at 180."""
    entry = approved_order(order_id, **changes)
    intent = replace(
        entry.approval.intent, bracket=BracketTerms(Decimal(200), Decimal(180), TimeInForce.GTC)
    )
    reviewed = entry.approval
    approvals = [
        risk.Approved(one, reviewed.checks, reviewed.instrument, Decimal(200), REVIEWED)
        for one in (intent, *leg_intents(intent))
    ]
    ids = OrderId(order_id), OrderId(order_id + 1), OrderId(order_id + 2)
    places = memberships(ids, str(intent.intent_id))
    return tuple(
        risk.ApprovedOrder(
            one,
            key,
            entry.client_id,
            order_ref(one.intent.intent_id),
            replace(
                entry.terms,
                intent_id=one.intent.intent_id,
                side=one.intent.side,
                order_type=one.intent.order_type,
                time_in_force=one.intent.time_in_force,
                limit_price=one.intent.limit_price,
                stop_price=one.intent.stop_price,
                is_reduce_only=one.intent.is_reduce_only,
                bracket=place,
            ),
        )
        for one, key, place in zip(approvals, ids, places, strict=True)
    )
