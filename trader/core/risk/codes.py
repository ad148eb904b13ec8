"""Every code with which an intent can be refused or held back: what it says and what to do.

The reference in docs/refusals.md is made of this table. A code is stable: it is written into the
journal and read by people and programs for years.
"""

from trader.core.risk.bracket_codes import BRACKET_CODES
from trader.core.risk.gateway_codes import GATEWAY_CODES, Code

HOLD_CODE = "CONCENTRATION_HOLD"


def _number_codes(field: str, noun: str, example: str) -> tuple[Code, ...]:
    """Name each way in which a number can be none."""
    ways = (
        ("MISSING", f"There is no {noun}.", "None"),
        ("BOOLEAN", f"The {noun} is a truth value.", "True"),
        ("NOT_A_NUMBER", f"The {noun} is no exact number.", "NaN"),
        ("INFINITE", f"The {noun} is endless.", "Infinity"),
        ("NEGATIVE", f"The {noun} is below zero.", "-10"),
        ("ZERO", f"The {noun} is zero.", "0"),
        ("ABSURD", f"The {noun} is too large to be meant.", "1E+30"),
    )
    remedy = f"Mend whatever made the intent: its {noun} must be a decimal above zero."
    return tuple(
        Code(f"{field}_{way}", "form", sentence, f"{value}, allowed is {example}", remedy)
        for way, sentence, value in ways
    )


_WAIT = "Wait until the window has passed; if it comes back, look for a loop in the strategy."
_RAISE = "Make the order smaller, or have the limit raised and the policy signed anew."
_DATA = "Look at `trader status`: the daemon waits for this data and trades again when it is there."

CODES: tuple[Code, ...] = (
    Code(
        "INTENT_ID_INVALID",
        "identity",
        "The intent's id could not be found again in what the broker reports.",
        "mine-1, allowed is an id made by ids.intent_id",
        "Use ids made by `ids.intent_id`; the strategy runner does so by itself.",
    ),
    Code(
        "QUARANTINED",
        "identity",
        "Book and broker disagree about the instrument and a ticket is open.",
        "t-17, allowed is no open ticket on the instrument",
        "Compare it with the broker's own statement; `trader tickets show TICKET` says what to do.",
    ),
    Code(
        "INSTRUMENT_UNKNOWN",
        "instrument",
        "The instrument is not one of the configured ones.",
        "unknown (4711), allowed is a configured one",
        "Add it to the assets file, or look why the broker does not describe it.",
    ),
    Code(
        "INSTRUMENT_UNTRADEABLE",
        "instrument",
        "The instrument is configured to be looked at only.",
        "VIX, allowed is a tradeable one",
        "Set `tradeable` to yes in the assets file if it is meant to be traded.",
    ),
    Code(
        "INSTRUMENT_MISMATCH",
        "instrument",
        "The broker describes the instrument otherwise than the assets file.",
        "multiplier is 10, the assets file says 100, allowed is as the assets file says",
        "Find out which is right (a corporate action?), correct the assets file and restart.",
    ),
    Code(
        "SIDE_UNKNOWN",
        "form",
        "The side is neither BUY nor SELL.",
        "'HOLD', allowed is BUY or SELL",
        "Mend whatever made the intent.",
    ),
    Code(
        "FORM_FORBIDDEN",
        "form",
        "The policy does not allow this order type and time in force for the asset class.",
        "OPT MKT DAY, allowed is a form of the policy",
        "Use a form that `order.forms` of the policy lists.",
    ),
    *_number_codes("QUANTITY", "quantity", "a number above 0"),
    Code(
        "QUANTITY_OFF_INCREMENT",
        "form",
        "The quantity lies between two steps of the instrument.",
        "10.5, allowed is a multiple of 1",
        "Round the quantity down to the instrument's step.",
    ),
    *_number_codes("PRICE", "price", "prices as the order type needs, above 0"),
    Code(
        "PRICE_UNWANTED",
        "form",
        "The order type has no such price.",
        "MKT limit 100 stop None, allowed is prices as the order type needs, above 0",
        "Leave the price out, or choose the order type that has it.",
    ),
    Code(
        "PRICE_OFF_TICK",
        "form",
        "The price lies between two steps of the instrument's price grid.",
        "100.005, allowed is a multiple of 0.01",
        "Round the price to the step that holds at it; the step depends on the price.",
    ),
    Code(
        "QUOTE_UNUSABLE",
        "price",
        "There is no live, two-sided, fresh quote to judge the price by. What only closes needs "
        "the side that it meets; the operator's exits need none.",
        "age 12.000 s, allowed is live, two-sided, at most 5 s old",
        _DATA,
    ),
    Code(
        "PRICE_COLLAR",
        "price",
        "The price, or for a market order half the spread, is too far from the middle.",
        "0.05010, allowed is at most 0.03",
        "Check the price; if the market has moved, quote it anew.",
    ),
    Code(
        "SLIPPAGE",
        "price",
        "The order would give away too much beyond the best price of the other side.",
        "0.03000, allowed is at most 0.02",
        "Use a limit nearer to the other side's best price.",
    ),
    Code(
        "SPREAD",
        "price",
        "The spread is too wide to enter.",
        "0.06000, allowed is at most 0.04",
        "Wait for a market; exits still leave.",
    ),
    Code(
        "ILLIQUID",
        "price",
        "The instrument is illiquid, and the order has no limit price.",
        "MKT, spread 0.01500, allowed is a limit order where illiquid",
        "Use a limit order.",
    ),
    Code(
        "BARS_INCOMPLETE",
        "price",
        "Of the bars that the strategy decides by too many are missing in this session, or nobody "
        "knows how many. What only closes leaves all the same.",
        "0.7500, AAPL 60 s: 45 of 60, allowed is at least 0.9 of the session",
        "Look at the *bars* of `trader status`: history fills what is missing, and it opens again "
        "by itself; see *Bars* in docs/market-data.md.",
    ),
    Code(
        "QUANTITY_MAX",
        "size",
        "One order may not have so many units.",
        "600, allowed is at most 500",
        _RAISE,
    ),
    Code(
        "NOTIONAL_MAX",
        "size",
        "One order may not have so much value at the worst price it can get.",
        "120000.00, allowed is at most 100000",
        _RAISE,
    ),
    Code(
        "POSITION_MAX",
        "position",
        "With everything that works filled, the position would have too many units.",
        "held 900, then 1100, allowed is at most 1000 either way",
        "Cancel what works, or make the order smaller; EXEC_MAX_POSITION_QTY may have lowered it.",
    ),
    Code(
        "POSITION_NOTIONAL_MAX",
        "position",
        "With everything that works filled, the position would have too much value.",
        "210000.00, allowed is at most 200000",
        "Cancel what works, or make the order smaller.",
    ),
    Code(
        "VIX_ALLOCATION",
        "position",
        "The VIX is high or a blind spot is open: the position is beyond what new risk has left.",
        "800 worth 80000.00, allowed is at most 0.5 of the position limits",
        "Make it smaller or wait; `trader breakers` names what scales (no VIX counts as high).",
    ),
    Code(
        "SHORT_SALE",
        "position",
        "The sale could leave a short position, and the policy or the account forbids it.",
        "lowest -10, allowed is 0 or more unless short is allowed",
        "Sell no more than is held less what already sells; a cancelled order sells until it is "
        "settled, a few seconds later.",
    ),
    Code(
        "REDUCE_ONLY",
        "position",
        "The exit is larger than what is left of the position after the exits that work or settle.",
        "held 10, room 4, wanted SELL 6, allowed is only shrinks the position",
        "Wait for the working exits, foreign ones included, or cancel them first; one that is over "
        "counts until it is settled, and the refusal says when that is.",
    ),
    Code(
        "OPPOSED",
        "position",
        "The order would close, or go against, what another strategy holds of the instrument, or "
        "what an entry of another may still bring.",
        "10 in all, own 0, of others 10, of nobody 0, allowed is what is its own or nobody's",
        "Let the strategy that holds it sell it, have the entry that waits cancelled, or flatten "
        "the instrument; docs/strategies.md has the policy.",
    ),
    Code(
        "CASH_RESERVE",
        "cash",
        "If everything that buys fills first, too little cash would be left.",
        "9500.00 left of 20000.00, allowed is cash left at least 10000",
        "Cancel working purchases and wait a few seconds until they settle, or make the order "
        "smaller.",
    ),
    Code(
        "SETTLED_CASH",
        "cash",
        "A cash account may not buy with the proceeds of a sale that is not settled.",
        "-500.00 left of 2000.00, allowed is 0 or more",
        "Wait for the settlement.",
    ),
    Code(
        "SESSION_CLOSED",
        "session",
        "The exchange is closed, or nobody knows its hours.",
        "closed, allowed is regular hours",
        "Wait for the session; exits still leave.",
    ),
    Code(
        "SESSION_GUARD",
        "session",
        "It is too soon after the open or too close to the close.",
        "60 s after the open, 20000 s before the close, allowed is at least 300 s and 0 s",
        "Wait until the guard has passed.",
    ),
    Code(
        "RESTART_WINDOW",
        "session",
        "The gateway is about to restart: an order could go unanswered.",
        "100 s before it, allowed is at least 300 s before a restart",
        "Wait until it is back.",
    ),
    Code(
        "ORDER_RATE",
        "rate",
        "The account sends too many orders.",
        "20, allowed is below 20 in 60 s",
        _WAIT,
    ),
    Code(
        "ORDER_RATE_STRATEGY",
        "rate",
        "The strategy sends too many orders.",
        "20, allowed is below 20 in 60 s",
        _WAIT,
    ),
    Code(
        "ORDER_RATE_INSTRUMENT",
        "rate",
        "Too many orders are sent for the instrument.",
        "20, allowed is below 20 in 60 s",
        _WAIT,
    ),
    Code(
        "CANCEL_RATE",
        "rate",
        "The account cancels too much.",
        "200, allowed is below 200 in 60 s",
        _WAIT,
    ),
    Code(
        "CANCEL_RATE_STRATEGY",
        "rate",
        "The strategy cancels too much.",
        "200, allowed is below 200 in 60 s",
        _WAIT,
    ),
    Code(
        "MESSAGE_RATE",
        "rate",
        "The account sends too many messages about orders.",
        "400, allowed is below 400 in 60 s",
        _WAIT,
    ),
    Code(
        "MESSAGE_RATE_STRATEGY",
        "rate",
        "The strategy sends too many messages about orders.",
        "400, allowed is below 400 in 60 s",
        _WAIT,
    ),
    Code(
        "DAILY_TRADES",
        "rate",
        "The account has had its number of orders for the day.",
        "200 today, allowed is below 200",
        "Wait for the account's next day; EXEC_MAX_DAILY_TRADES may have lowered the number.",
    ),
    Code(
        "DUPLICATE_PATTERN",
        "rate",
        "The same intent comes over and over.",
        "5, allowed is below 5 in 2 s",
        _WAIT,
    ),
    Code(
        "REPEATED_EXECUTION",
        "rate",
        "The strategy has executed the same side of the instrument too often.",
        "60, allowed is below 60 in 600 s",
        _WAIT,
    ),
    Code(
        "CHURN",
        "rate",
        "Orders of the instrument are changed over and over.",
        "60, allowed is below 60 in 60 s",
        _WAIT,
    ),
    Code(
        "WASH_TRADE",
        "wash",
        "The order could trade with an own one on the other side.",
        "101 against an own sale at 100, allowed is no own order to trade with",
        "Cancel the own order first, or use a price that does not reach it.",
    ),
    Code(
        "VALUATION",
        "exposure",
        "The account's value is incomplete or old.",
        "AAPL (265598): no mark, allowed is complete, at most 10.0 s old",
        _DATA,
    ),
    Code(
        "DAY_LOSS",
        "exposure",
        "The account has lost too much since the start of its day.",
        "0.05100, allowed is below 0.05",
        "Wait for the next day; exits still leave.",
    ),
    Code(
        HOLD_CODE,
        "exposure",
        "The order is held back: it would make one instrument too large a part of the account.",
        "21000.00 of 100000.00, allowed is at most 0.20 of it",
        "Nothing, or a smaller order: the intent is recorded as HOLD and never sent.",
    ),
    Code(
        "BOX_LIMIT",
        "exposure",
        "One instrument would be larger than the regime allows (BOX_LIM).",
        "26000.00 of 100000.00, allowed is at most 0.25 of it",
        _RAISE,
    ),
    Code(
        "GROSS_LIMIT",
        "exposure",
        "Gross exposure would be larger than regime and type of account allow (GROSS_LIM).",
        "101000.00 of 100000.00, allowed is at most 1.0 of it",
        "Reduce what is held or working; an unknown regime counts as Storm.",
    ),
    Code(
        "NET_LIMIT",
        "exposure",
        "Net exposure would be larger than the regime allows (NET_LIM).",
        "41000.00 of 100000.00, allowed is at most 0.4 of it",
        "Reduce what is held or working; an unknown regime counts as Storm.",
    ),
    Code(
        "STRATEGY_SHARE",
        "exposure",
        "The strategy would use a larger share of the account than the policy gives it.",
        "52000.00 of 100000.00, held 40000.00, working with this 12000.00, allowed is at most 0.5 "
        "of it",
        "Have the strategy cancel or close something; `coordination` in the policy has the limit.",
    ),
    Code(
        "STRATEGY_NOTIONAL",
        "exposure",
        "The strategy would use a larger amount of the account than the policy gives it.",
        "52000.00, held 40000.00, working with this 12000.00, allowed is at most 50000",
        "Have the strategy cancel or close something; `coordination` in the policy has the limit.",
    ),
    Code(
        "LEVERAGE",
        "margin",
        "The account would be levered too far in the asset class, or the policy does not name it.",
        "201000.00 STK of 100000.00, allowed is at most 2 of it",
        "Reduce what is held, or name the asset class in `exposure.classes`.",
    ),
    Code(
        "MARGIN",
        "margin",
        "Too much of the account would be bound as margin, or its margin is not known.",
        "0.81000 (above the warning), allowed is at most 0.8 of equity",
        "Reduce what is held, or look why the broker's account values are missing.",
    ),
    Code(
        "AVAILABLE_FUNDS",
        "margin",
        "The broker's available funds or buying power do not cover the order.",
        "-120.00 left, allowed is 0 or more",
        "Cancel working orders or make this one smaller; the broker's figures are minutes old.",
    ),
    Code(
        "WHAT_IF",
        "margin",
        "By the broker's own preview the order would bind too much margin.",
        "85000.00, allowed is at most 80000.00",
        "Make the order smaller.",
    ),
    *BRACKET_CODES,
    *GATEWAY_CODES,
)


def code_named(name: str) -> Code | None:
    """Return the entry of a code, or None when there is none."""
    return next((row for row in CODES if row.code == name), None)
