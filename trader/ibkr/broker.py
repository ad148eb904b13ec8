"""The broker port over one TWS or IB Gateway connection.

``place`` and ``cancel`` are synchronous down to the transport: LinkDown means that nothing left,
SendUncertain that something may have. Every wait has a deadline, every question ends. What the
broker says on its own goes to the sink, in the order of arrival.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ib_async.contract import Contract, ContractDetails
from ib_async.objects import PriceIncrement

from trader.core.account import MarginPreview
from trader.core.bars import Bar
from trader.core.brackets import Role
from trader.core.halts import Lane
from trader.core.ids import AccountId, ClientId, ConId, OrderId, tag_of
from trader.core.instruments import Instrument, InstrumentSpec
from trader.core.intents import Intent
from trader.core.orders import OrderTerms
from trader.core.risk import ApprovedChange, ApprovedOrder
from trader.core.snapshots import BrokerSnapshot, ExecutionList
from trader.ibkr import translate
from trader.ibkr.account import SUMMARY_TAG
from trader.ibkr.client import ApiClient
from trader.ibkr.connection import Connection
from trader.ibkr.history import History
from trader.ibkr.rereading import reread
from trader.ibkr.settings import BrokerSettings
from trader.ibkr.snapshot import SnapshotTaker
from trader.ibkr.tap import RequestFailed, Tap, rule_key
from trader.ports import (
    Clock,
    LinkDown,
    LinkFacts,
    Pacer,
    Reread,
    SendUncertain,
    ServerTime,
    Sink,
    Vetoed,
    WorldError,
)

_LIVE_DATA = 1
_NO_SUCH_CONTRACT = 200
# A description holds the hours of a few days only; asked later, it is asked anew.
_RESOLVED_S = 3_600.0


@dataclass(frozen=True, slots=True)
class _Resolved:
    """What the broker described, and until when it is not asked again (monotonic)."""

    instrument: Instrument
    until_s: float


class IbkrBroker:
    """Implement :class:`trader.ports.Broker`."""

    def __init__(self, settings: BrokerSettings, *, clock: Clock, pacer: Pacer, sink: Sink) -> None:
        self._settings = settings
        self._clock = clock
        self._pacer = pacer
        self._tap = Tap(settings, clock, sink)
        self._client = ApiClient(self._tap, settings.write_backlog_bytes_max)
        # ib_async's request methods carry no annotations.
        self._api: Any = self._client
        self._connection = Connection(settings, clock, self._client, self._lost)
        self._tap.connection = self._connection
        self._taker = SnapshotTaker(settings, clock, self._tap, self._api, self._paced)
        self._history = History(settings, clock, self._tap, self._api, self._paced)
        self._resolved: dict[InstrumentSpec, _Resolved] = {}
        self._has_data_type = False
        # Asked with "is it reduce-only" before an order is written; says why it must not be.
        self.veto: Callable[[bool], str | None] = _no_veto

    # ---- the link

    @property
    def client_id(self) -> ClientId:
        """Return the client id that owns our orders; never 0."""
        return self._settings.client_id

    @property
    def is_connected(self) -> bool:
        """Tell whether the socket is up and the API started."""
        return bool(self._client.isReady())

    @property
    def heard_s(self) -> float | None:
        """Return when a message was last decoded on this connection; monotonic seconds."""
        return self._tap.heard_s

    @property
    def account(self) -> AccountId | None:
        """Return the account whose rows are passed on; the login's only one by default."""
        return self._tap.account

    async def connect(self, order_id_high: OrderId) -> LinkFacts:
        """Connect, each phase with its deadline; raises ConnectRefused."""
        self._tap.ids.raise_to(order_id_high)
        if self.is_connected:
            # After 1300 the caller comes back before the peer has closed the old socket.
            self.disconnect()
        self._tap.session_ended()
        facts = await self._connection.open()
        if self._settings.account is None:
            # With several accounts nothing tells which is ours: snapshots are refused then.
            self._tap.account = facts.accounts[0] if len(facts.accounts) == 1 else None
        where = f"{self._settings.host}:{self._settings.port}"
        self._tap.socket_changed(True, f"connected to {where}")
        self._tap.batch_decoded()
        return facts

    def disconnect(self) -> None:
        """Abort the connection; bytes still queued on our side are discarded."""
        self._connection.abort()
        self._lost("disconnected by us")

    def _lost(self, reason: str) -> None:
        self._has_data_type = False
        self._resolved.clear()
        self._tap.session_ended()
        self._tap.requests.fail_all(LinkDown(reason))
        self._tap.beats.reset(LinkDown(reason))
        self._tap.socket_changed(False, reason)
        self._tap.batch_decoded()

    # ---- orders

    def allocate_order_id(self) -> OrderId:
        """Return the next id; requests and orders share the sequence."""
        return self._tap.ids.take()

    def raise_order_ids(self, used: OrderId) -> None:
        """Never give out ``used`` or an id below it: somebody has used it in our name."""
        self._tap.ids.raise_to(used)

    def place(self, order: ApprovedOrder) -> None:
        """Write one order, synchronously.

        Raises LinkDown or Vetoed (nothing left), or SendUncertain.
        """
        self._ready()
        self._ask_veto(order.terms)
        self._place(order)

    def place_bracket(self, orders: tuple[ApprovedOrder, ...]) -> None:
        """Write an entry and its two legs in one run, synchronously; the last lets all three go.

        Raises LinkDown or Vetoed (nothing left), or SendUncertain. All three go in one write, so
        that a process killed here leaves all of them or none, as far as that is in its power.
        """
        roles = [place.role for one in orders if (place := one.terms.bracket) is not None]
        assert roles == list(Role), f"a bracket of {roles}"
        self._ready()
        self._ask_veto(orders[0].terms)
        with self._client.in_one_write():
            for order in orders:
                self._place(order)

    def _place(self, order: ApprovedOrder) -> None:
        assert order.client_id == self._settings.client_id, "order of another client id"
        assert order.terms.account == self._tap.account, "order for another account"
        instrument = order.approval.instrument
        self._tap.magnifiers[instrument.con_id] = instrument.price_magnifier
        contract = translate.contract_out(instrument)
        self._api.placeOrder(order.order_id, contract, translate.order_out(order))

    def modify(self, change: ApprovedChange) -> None:
        """Write one change, synchronously.

        Raises LinkDown or Vetoed (nothing left), or SendUncertain.
        It is placeOrder (message 3) with the order's id, and with the contract as the broker
        last echoed it: one that it has rewritten and we have not draws 105 (INC-142).
        """
        order = change.order
        assert order.client_id == self._settings.client_id, "order of another client id"
        assert order.terms.account == self._tap.account, "order for another account"
        self._ready()
        self._ask_veto(order.terms)
        contract = self._tap.contracts.get(order.order_id)
        if contract is None:
            # It has not told of the order since this connection began: nobody knows that it works.
            raise LinkDown(f"order {order.order_id} was not echoed on this connection")
        wire = translate.change_out(change)
        self._api.placeOrder(order.order_id, contract, wire)

    def _ask_veto(self, terms: OrderTerms) -> None:
        tag = tag_of(terms.intent_id)
        # Not a word of the gate's: this is where all gates are open (EVT-20).
        problem = self.veto(terms.is_reduce_only) if tag is None else f"nothing of a {tag} is sent"
        if problem is not None:
            raise Vetoed(problem)

    async def preview(self, intent: Intent, instrument: Instrument) -> MarginPreview:
        """Ask what an order would leave behind (placeOrder with whatIf); raises WorldError.

        Its id is a request's: whatever comes for it, early, late or refused, is about no order.
        """
        account = self._tap.account
        if account is None:
            raise WorldError("no account is known")
        if (tag := tag_of(intent.intent_id)) is not None:
            raise Vetoed(f"nothing of a {tag} is sent, not even to ask")
        request_id = self._tap.ids.take()
        contract = translate.contract_out(instrument)
        asked = translate.preview_out(intent, account, instrument.price_magnifier)
        assert asked.whatIf, "a preview that would be an order"
        rows: list[MarginPreview] = await self._asked(
            request_id, lambda: self._api.placeOrder(request_id, contract, asked)
        )
        return rows[-1]

    def cancel(self, order_id: OrderId) -> None:
        """Write one cancel, synchronously; raises LinkDown."""
        self._ready()
        try:
            self._api.cancelOrder(order_id)
        except SendUncertain as error:
            # A cancel that may have left is asked for again without harm.
            raise LinkDown(str(error)) from error

    def cancel_everything(self) -> None:
        """Write a global cancel (message 58), synchronously; raises LinkDown or SendUncertain.

        It takes every order of the login off, of all clients and of people, stops included.
        """
        self._ready()
        self._api.reqGlobalCancel()

    def _ready(self) -> None:
        if not self._client.isReady():
            raise LinkDown("not connected")

    # ---- questions

    async def snapshot(self) -> BrokerSnapshot:
        """Ask for everything; all or nothing, bounded; raises SnapshotUnavailable."""
        return await self._taker.take()

    async def executions(self) -> ExecutionList:
        """Ask for the day's executions; all of them, bounded; raises SnapshotUnavailable."""
        return await self._taker.executions()

    async def heartbeat(self) -> ServerTime:
        """Ask for the server's time; raises LinkDown when no decoded answer comes in time.

        The question stays open: its answer, when it comes, is the next call's.
        """
        deadline_s = self._settings.heartbeat_deadline_s
        beats = self._tap.beats
        try:
            async with asyncio.timeout(deadline_s):
                # Half of the time may go into waiting for a token. Then it is sent without one:
                # our own pacing must never make a good link look dead.
                await self._pacer.take(Lane.DATA, self._clock.monotonic() + deadline_s / 2)
                self._ready()
                if not beats.is_asked_since(deadline_s / 2):
                    try:
                        self._api.reqCurrentTime()
                    except SendUncertain as error:
                        raise LinkDown(str(error)) from error
                    beats.asked()
                return await beats.next()
        except TimeoutError:
            raise LinkDown(f"no answer to the heartbeat within {deadline_s} s") from None

    def reread(self, fields: Sequence[str], server_version: int) -> Reread:
        """Read a message again that could not be read, as it would be read now; nothing is told."""
        return reread(
            fields,
            server_version,
            settings=self._settings,
            clock=self._clock,
            account=self._tap.account,
        )

    async def resolve(self, spec: InstrumentSpec) -> Instrument:
        """Look an instrument up; raises WorldError when there is none or more than one."""
        known = self._resolved.get(spec)
        if known is not None and self._clock.monotonic() < known.until_s:
            return known.instrument
        limit_s = self._settings.resolve_deadline_s
        try:
            async with asyncio.timeout(limit_s):
                details = await self._details(spec)
                rule = await self._price_rule(translate.market_rule_of(details))
                instrument = translate.instrument_in(spec, details, rule)
        except TimeoutError:
            raise WorldError(f"{spec.symbol}: no contract details within {limit_s} s") from None
        except ValueError as error:
            raise WorldError(f"{spec.symbol}: {error}") from error
        self._resolved[spec] = _Resolved(instrument, self._clock.monotonic() + _RESOLVED_S)
        self._tap.magnifiers[instrument.con_id] = instrument.price_magnifier
        return instrument

    async def resolve_id(self, con_id: ConId) -> Instrument:
        """Look a contract up by its id alone, to close it; raises WorldError without one.

        Its price grid stays unknown: a market order names no price.
        """
        for exchange in ("SMART", ""):
            details = await self.contract(con_id, exchange)
            if details is not None:
                return instrument_of(details)
        raise WorldError(f"contract {con_id}: the broker does not know it")

    async def contract(self, con_id: ConId, exchange: str = "") -> ContractDetails | None:
        """Look a contract up by its id, at an exchange or at its own; None when there is none."""
        request_id = self._tap.ids.take()
        sought = Contract(conId=con_id, exchange=exchange)
        limit_s = self._settings.resolve_deadline_s
        try:
            async with asyncio.timeout(limit_s):
                rows: list[ContractDetails] = await self._asked(
                    request_id, lambda: self._api.reqContractDetails(request_id, sought)
                )
        except TimeoutError:
            raise WorldError(f"contract {con_id}: no details within {limit_s:g} s") from None
        except RequestFailed as error:
            if error.code == _NO_SUCH_CONTRACT:
                return None
            raise
        return next((row for row in rows if row.contract and row.contract.conId == con_id), None)

    async def _details(self, spec: InstrumentSpec) -> ContractDetails:
        request_id = self._tap.ids.take()
        sought = translate.contract_sought(spec)
        rows: list[ContractDetails] = await self._asked(
            request_id, lambda: self._api.reqContractDetails(request_id, sought)
        )
        # A row that arrives twice is one instrument (INC-034).
        matches = {_con_id(row): row for row in rows if translate.is_match(spec, row)}
        if len(matches) != 1:
            came = [_described(row) for row in rows]
            raise WorldError(f"{spec}: {len(matches)} matches among {came}, wanted exactly 1")
        return next(iter(matches.values()))

    async def _price_rule(self, rule_id: int | None) -> list[PriceIncrement]:
        if rule_id is None:
            return []
        key = rule_key(rule_id)
        # Instruments share rules, and the answer names no request (message 93).
        async with self._tap.requests.turn(key):
            rows: list[PriceIncrement] = await self._asked(
                key, lambda: self._api.reqMarketRule(rule_id)
            )
            return rows

    async def subscribe(self, instrument: Instrument) -> None:
        """Ask for live quotes; they arrive at the sink.

        Asked again (after a reconnect, after 1101), the earlier subscription is given up.
        """
        for old in self._tap.quotes.remove(instrument.con_id):
            await self._paced(partial(self._api.cancelMktData, old))
        if not self._has_data_type:
            await self._paced(lambda: self._api.reqMarketDataType(_LIVE_DATA))
            self._has_data_type = True
        contract = translate.contract_out(instrument)
        request_id = self._tap.ids.take()
        self._tap.quotes.add(request_id, instrument.con_id, instrument.price_magnifier)
        await self._paced(lambda: self._api.reqMktData(request_id, contract, "", False, False, []))

    async def history(self, instrument: Instrument, size_s: int, count: int) -> Sequence[Bar]:
        """Ask for the last bars that have ended, oldest first; raises HistoryRefused or LinkDown.

        It waits for its turn for as long as the broker's pacing demands, and delays no order.
        """
        return await self._history.ask(instrument, size_s, count)

    async def subscribe_account(self) -> None:
        """Ask for the account's values and its day's result; readings arrive at the sink.

        Asked again, the list starts anew. Updates (message 6) and not a summary or multi-account
        updates: only they say every 180 s that an unchanged value still stands.
        """
        account, values = self._tap.account, self._tap.account_values
        if account is None:
            raise WorldError("no account is known")
        if values.is_asked:
            await self._paced(lambda: self._api.reqAccountUpdates(False, account))
        values.begin()
        await self._paced(lambda: self._api.reqAccountUpdates(True, account))
        if values.summary_id is None:
            request_id = values.summary_id = self._tap.ids.take()
            await self._paced(lambda: self._api.reqAccountSummary(request_id, "All", SUMMARY_TAG))
        old_id, result_id = values.result_id, self._tap.ids.take()
        if old_id is not None:
            await self._paced(lambda: self._api.cancelPnL(old_id))
        values.result_id = result_id
        await self._paced(lambda: self._api.reqPnL(result_id, account, ""))

    # ---- sending

    async def _asked(self, key: int | str, send: Callable[[], None]) -> list[Any]:
        requests = self._tap.requests
        pending = requests.open(key)
        try:
            await self._paced(send)
            pending.is_sent = True
            return await requests.answer(pending)
        finally:
            requests.abandon(pending)

    async def _paced(self, send: Callable[[], None]) -> None:
        """Send a message that is no order once its token is there; raises LinkDown."""
        limit_s = self._settings.pacing_deadline_s
        if not await self._pacer.take(Lane.DATA, self._clock.monotonic() + limit_s):
            raise WorldError(f"no room for a request within {limit_s} s")
        self._ready()
        send()


def instrument_of(details: ContractDetails) -> Instrument:
    """Make an instrument that may be closed at the market, whatever grid its prices have."""
    contract = details.contract
    assert contract is not None, "contract details without a contract"
    spec = InstrumentSpec(
        symbol=contract.symbol,
        sec_type=contract.secType,
        exchange=contract.exchange,
        currency=contract.currency,
        is_tradeable=False,
    )
    return replace(translate.instrument_in(spec, details, ()), is_tradeable=True)


def _con_id(details: ContractDetails) -> int:
    assert details.contract is not None, "contract details without a contract"
    return int(details.contract.conId)


def _described(details: ContractDetails) -> str:
    contract = details.contract
    assert contract is not None, "contract details without a contract"
    where = f"{contract.exchange}/{contract.primaryExchange}"
    return f"{contract.conId} {contract.symbol} {contract.secType} {where} {contract.currency}"


def _no_veto(is_reduce_only: bool) -> str | None:
    """Stand in until the composition root sets one."""
    return None
