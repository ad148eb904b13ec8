"""The broker's back end: orders, changes and cancels in, executions out, whoever is connected.

It knows nothing of sockets, sessions or the API. An order is judged here, then held for what it
waits for (`entrance`), then meets the market (`floor`); what comes of it is told to one listener,
in order (`outcomes`).
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import tzinfo
from decimal import Decimal

from trader.sim.broker.floor.execution_ids import ExecutionIds
from trader.sim.broker.floor.floor import AT_ONCE, Floor, Latency
from trader.sim.broker.floor.past import Past
from trader.sim.broker.floor.trades import Trades
from trader.sim.broker.floor.views import Views
from trader.sim.broker.money import refusals
from trader.sim.broker.money.accounts import Account
from trader.sim.broker.money.bank import Bank, market_sources
from trader.sim.broker.orders.entrance import Entrance
from trader.sim.broker.orders.groups import Groups
from trader.sim.broker.orders.life import Event
from trader.sim.broker.orders.outcomes import Outcomes
from trader.sim.broker.orders.register import (
    BY_SYSTEM,
    BY_TRADER,
    CANCELED,
    REJECTED,
    Listener,
    Register,
)
from trader.sim.broker.orders.unasked import Unasked
from trader.sim.broker.terms import kinds
from trader.sim.broker.terms.holds import Holds
from trader.sim.broker.terms.kinds import Auction, Trigger
from trader.sim.broker.terms.sessions import Sessions
from trader.sim.clock import Clock
from trader.sim.market.market import Market
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import Execution, Order, Side, Status, Terms

__all__ = ["Exchange", "Latency", "Listener"]
_PENDING_CANCELS = 2


class Exchange:
    """Working orders, matching and the accounts behind them."""

    def __init__(
        self,
        clock: Clock,
        market: Market,
        accounts: Sequence[Account],
        rng: random.Random,
        fill: Latency,
    ) -> None:
        self.market = market
        self.sessions = Sessions(clock)
        # The last quote the feeds have taken of each instrument, by contract id.
        self.quotes: dict[int, Quote] = {}
        # A cancel may first be shown as PendingCancel; a closed market may let it wait.
        self.shows_pending_cancel = False
        self.cancels_wait_for_open = False
        # A change asked for while the market is shut is made when it opens (INC-098).
        self.changes_wait_for_open = True
        self._clock, self._rng = clock, rng
        self._views = Views(market)
        self.bank = Bank(accounts, market_sources(market, clock, self.price_now))
        self.trades = Trades(clock, self.bank, self.price_now, market.catalogue.by_id)
        self._register, self._groups = Register(clock), Groups()
        self._holds = Holds(clock, self.sessions, self.quote_by_id)
        self._outcomes = Outcomes(self._register, self._groups, self.trades, self.bank, rng)
        self._floor = Floor(clock, self._views, rng, fill, self._outcomes)
        self._entrance = Entrance(
            clock, rng, self._register, self._holds, floor=self._floor, outcomes=self._outcomes
        )
        self._entrance.change = self._change_as_asked
        self._unasked = Unasked(
            clock, self._register, self.trades, self.bank, self._outcomes, views=self._views
        )

    # -- views ------------------------------------------------------------------------------------

    @property
    def fill(self) -> Latency:
        """Return how long fills take."""
        return self._floor.fill

    @fill.setter
    def fill(self, value: Latency) -> None:
        self._floor.fill = value

    @property
    def zone(self) -> tzinfo:
        """Return the zone of times that name none: where the gateway believes to be."""
        return self._holds.zone

    @zone.setter
    def zone(self, value: tzinfo) -> None:
        self._holds.zone = value

    @property
    def listener(self) -> Listener | None:
        """Return who hears of orders and executions."""
        return self._register.listener

    @listener.setter
    def listener(self, value: Listener | None) -> None:
        self._register.listener = value

    @property
    def orders(self) -> dict[int, Order]:
        """Return the orders in memory by permanent id, in the order they came."""
        return self._register.orders

    @property
    def register(self) -> Register:
        """Return all orders, those that have left the memory included."""
        return self._register

    def keep_past(self, past: Past) -> None:
        """Let ended orders and old executions leave the memory for a store."""
        self._register.past = self.trades.past = past

    @property
    def executions(self) -> list[Execution]:
        """Return the latest executions in the order they happened, corrected ones as they are."""
        return self.trades.items

    @property
    def ids(self) -> ExecutionIds:
        """Return the issuer of permanent and execution ids."""
        return self.trades.ids

    def next_perm_id(self) -> int:
        """Issue a permanent id; they only grow."""
        return self.trades.ids.next_perm_id()

    def quote(self, item: Instrument) -> Quote:
        """Return the last quote the feeds have taken."""
        found = self.quotes.get(item.con_id)
        if found is None:
            found = self.quotes[item.con_id] = self.market.quote(item)
        return found

    def price_now(self, item: Instrument) -> Quote:
        """Return the quote of this moment, whether or not anybody is shown it."""
        return self._views.now(item).quote

    def quote_by_id(self, con_id: int) -> Quote | None:
        """Return the quote of this moment by contract id, None for an unknown one."""
        item = self.market.catalogue.by_id(con_id)
        return None if item is None else self.price_now(item)

    def working(self) -> list[Order]:
        """Return all live orders in the order they came."""
        return list(self._register.working())

    def wants_quotes(self, con_id: int) -> bool:
        """Return whether a quote of the instrument could concern an order."""
        return self._floor.has(con_id) or self._holds.watches(con_id)

    def is_near(self, item: Instrument, low: Decimal, high: Decimal) -> bool:
        """Return whether quotes could concern an order while a price stays within two bounds."""
        con_id = item.con_id
        return self._floor.is_near(con_id, low, high) or self._holds.is_near(con_id, low, high)

    def instruments_traded(self) -> list[Instrument]:
        """Return the instruments whose quotes concern orders, each once, in a fixed order."""
        found = {o.instrument.con_id: o.instrument for o in self._register.live.values()}
        for con_id in self._holds.watched():
            item = self.market.catalogue.by_id(con_id)
            if item is not None:
                found.setdefault(con_id, item)
        return list(found.values())

    # -- orders in --------------------------------------------------------------------------------

    def submit(self, order: Order) -> None:
        """Take a new order: PreSubmitted, or Inactive when it is refused (201)."""
        self._register.add(order)
        parent = self.orders.get(order.parent_perm_id)
        self._groups.join(order, parent)
        if parent is not None and parent.status.is_done and parent.status is not Status.FILLED:
            self._outcomes.refuse(order, "Parent order is being cancelled.")
            return
        flaw = self._flaw(order)
        if flaw:
            self._outcomes.refuse(order, flaw)
            return
        self._size_by_cash(order)
        if not order.awaits_parent and not self._outcomes.may_be_paid(order):
            return
        self._register.move(order, Event.HELD)
        order.why_held = kinds.why_held(order)
        self._start_trail(order)
        self._holds.begin(order)
        self._warn_if_closed(order)
        is_at_once = order.tif in AT_ONCE and not order.why_held and self._holds.is_ready(order)
        if is_at_once:
            self._register.hide(order)
        else:
            self._register.show(order)
        self._entrance.admit(order)
        if parent is not None and order.awaits_parent:
            self._outcomes.arm_children(parent)

    def _flaw(self, order: Order) -> str:
        """Return why the broker does not take an order, whatever it costs; empty if it does."""
        if order.terms.echo.get("faGroup"):
            return refusals.INVALID_ACCOUNT
        is_coin = order.instrument.sec_type == "CRYPTO"
        if is_coin and order.order_type == "MKT" and order.tif != "IOC":
            return refusals.COIN_AT_ONCE
        return self.sessions.auction_refusal(order.instrument, kinds.auction_of(order.terms))

    def _start_trail(self, order: Order) -> None:
        """Set the first stop of a trailing order, which is shown from the beginning."""
        if kinds.kind_of(order.terms).trigger is Trigger.TRAIL and not order.awaits_parent:
            order.stop_now = kinds.trailed(order, self.price_now(order.instrument))

    def _size_by_cash(self, order: Order) -> None:
        """Turn an amount of money into the quantity it buys now, rounded down."""
        if order.quantity or not order.terms.cash_quantity:
            return
        item = order.instrument
        price = order.limit_price or self.price_now(item).ask
        units = order.terms.cash_quantity / (price * item.multiplier)
        order.quantity = max(units // item.size_step * item.size_step, item.size_step)

    def _warn_if_closed(self, order: Order) -> None:
        """Say when an order will reach its market, if not now (399)."""
        opens = self._closed_until(order)
        if opens:
            item, size = order.instrument, f"{order.quantity.normalize():f}"
            name = f"{order.side} {size} {item.symbol} {item.primary_exchange or item.exchange}"
            text = (
                f"Order Message:\n{name}\n"
                f"Warning: your order will not be placed at the exchange until {opens}"
            )
            self._register.tell().order_noted(order, 399, text)

    def _closed_until(self, order: Order) -> str:
        outside, item = order.terms.outside_rth, order.instrument
        waits_anyway = kinds.auction_of(order.terms) is not Auction.NONE
        if waits_anyway or self.sessions.is_open(item, outside_rth=outside):
            return ""
        return self.sessions.opens_text(item, outside_rth=outside)

    def change(self, order: Order, terms: Terms) -> str:
        """Give a live order new terms; a fill in flight is dropped and looked at anew.

        While its market is shut the order is shown as it was, and changes when that opens. Returns
        why the order keeps its old terms: the new ones cannot be paid for. Empty when it has
        changed or will.
        """
        if self.changes_wait_for_open and self._holds.is_market_shut(order):
            order.changing_to = terms
            self._register.show(order)
            self._entrance.wait_to_change(order)
            return ""
        order.changing_to = None
        return self._change_now(order, terms)

    def _change_as_asked(self, order: Order) -> None:
        """Make the change that has waited for the open; refused, the order goes on as it was."""
        assert order.changing_to is not None, "only such an order is called for"
        reason = self.change(order, order.changing_to)
        if reason:
            self._register.tell().order_noted(order, 201, REJECTED + reason)
            self._entrance.admit(order)

    def _change_now(self, order: Order, terms: Terms) -> str:
        terms, quantity, armed = self._groups.sized(order, terms)
        refusal = self._refused_change(order, terms, quantity)
        if refusal:
            return refusal
        self._entrance.withdraw(order)
        if terms.order_type != order.order_type:
            order.triggered, order.limit_now = False, None
        if not order.triggered:
            order.stop_now = None
        order.is_released = order.is_released and terms.conditions == order.terms.conditions
        order.quantity, order.terms, order.armed = quantity, terms, armed
        order.changes += 1
        if not order.remaining:
            self._outcomes.complete(order)
            self._register.show(order)
            self._outcomes.arm_children(order)
            return ""
        if not order.awaits_parent:
            self.bank.reserve(order)
        self._start_trail(order)
        self._holds.begin(order)
        order.why_held = kinds.why_held(order)
        if order.why_held and order.status is Status.SUBMITTED:
            self._register.move(order, Event.HELD)
        # The gateway shows a change as two pairs with the new values.
        self._register.show(order)
        self._register.show(order)
        self._entrance.admit(order)
        return ""

    def _refused_change(self, order: Order, terms: Terms, quantity: Decimal) -> str:
        if order.awaits_parent:
            return ""
        self.bank.release(order)
        refusal = self.bank.refusal(replace(order, terms=terms, quantity=quantity))
        if refusal:
            self.bank.reserve(order)
        return refusal

    def cancel(self, order: Order, text: str = CANCELED) -> None:
        """End a live order, at once or, as set, by way of PendingCancel."""
        waits = self.cancels_wait_for_open and bool(self._closed_until(order))
        if not waits and not self.shows_pending_cancel:
            self._outcomes.cancelled(order, text, BY_TRADER)
            return
        for _ in range(_PENDING_CANCELS):
            self._register.move(order, Event.CANCEL_ASKED)
            self._register.show(order)
        if waits:
            self._entrance.wait_for_open(order)
            return

        def agreed() -> None:
            if not order.status.is_done:
                self._outcomes.cancelled(order, text, BY_TRADER)

        self._floor.after(self.fill.draw(self._rng) / 4, agreed)

    def restore(self, order: Order) -> None:
        """Put back an order from saved state; parents come before their children."""
        order.is_filling = False
        if order.is_staged:
            # The gateway keeps it; the broker has not heard of it.
            return
        self._register.add(order)
        if order.status.is_done:
            return
        if order.tif in AT_ONCE:
            # It was on its way through the market when the process ended: it is not resting.
            self._register.end_silently(order, Status.CANCELLED, CANCELED)
            return
        self._groups.join(order, self.orders.get(order.parent_perm_id))
        self._holds.begin(order)
        if order.status is Status.PENDING_SUBMIT:
            self._register.move(order, Event.HELD)
        if not order.awaits_parent:
            self.bank.reserve(order)
        is_quiet = not kinds.awaits_trigger(order) and self._holds.is_free(order)
        if order.status is Status.PRE_SUBMITTED and is_quiet:
            self._register.move(order, Event.WORKING)
        self._entrance.admit_restored(order)

    def take_quote(self, quote: Quote) -> None:
        """Take a new quote and look at every order it concerns."""
        con_id = quote.instrument.con_id
        before = self.quotes.get(con_id)
        self.quotes[con_id] = quote
        self._views.take_quote(quote)
        traded = 0 if before is None else quote.volume - before.volume
        self._floor.take_quote(quote, traded if traded >= 0 else quote.last_size)
        for order in self._holds.released_by(con_id):
            self._entrance.review(order)

    def set_groups(self, *, follow_parts: bool, block: bool, race_s: float) -> None:
        """Choose how attached orders and one-cancels-all groups hear of fills."""
        self._groups.follows_parts = follow_parts
        self._outcomes.groups_block, self._outcomes.group_race_s = block, race_s

    def refuse_next_leg(self, number: int) -> None:
        """Let the next combination that trades be refused at a leg, counted from 1; 0 for none."""
        self._outcomes.refused_leg = number

    # -- what no client asked for -----------------------------------------------------------------

    def correct(self, exec_id: str, price: Decimal, quantity: Decimal) -> Execution:
        """Revise an execution under the next revision of its id; quantity 0 takes it back."""
        return self._unasked.correct(exec_id, price, quantity)

    def refuse(self, order: Order, reason: str) -> None:
        """Refuse a live order as the broker's servers do: Inactive, then 201."""
        self._outcomes.refuse(order, reason)

    def end(self, order: Order, text: str = CANCELED) -> None:
        """Cancel a live order though nobody asked for it: Cancelled, then 202."""
        self._outcomes.cancelled(order, text, BY_SYSTEM)

    def hold(self, order: Order, why: str) -> None:
        """Take a live order off the market until `let_go`, and show why it is held."""
        self._entrance.withdraw(order)
        self._register.move(order, Event.HELD)
        order.why_held = why
        self._register.show(order)

    def let_go(self, order: Order) -> None:
        """Let a held order back to the market."""
        self._holds.begin(order)
        order.why_held = kinds.why_held(order)
        self._register.show(order)
        self._entrance.admit(order)

    def fill_after_cancel(self, order: Order, quantity: Decimal | None = None) -> Execution:
        """Book a fill that crossed the cancel of an order already reported as Cancelled."""
        return self._unasked.fill_after_cancel(order, quantity)

    def trade_by_hand(
        self, item: Instrument, side: Side, quantity: Decimal, *, account: str = ""
    ) -> Execution:
        """Book an execution that no API client asked for: order id 0, client 0, huge permId."""
        return self._unasked.trade(item, side, quantity, account=account)

    def liquidate(
        self, item: Instrument, quantity: Decimal | None = None, *, account: str = ""
    ) -> Execution | None:
        """Close a position by force, whole or in part: order id -1; None when there is none."""
        return self._unasked.liquidate(item, quantity, account=account)
