"""The story of an intent for a terminal, and as JSON: what was wished, checked, sent and filled."""

from datetime import UTC, datetime
from decimal import Decimal

from trader.core import events as ev
from trader.core.intents import BracketTerms
from trader.core.safety import Override, StrategyHalt
from trader.core.story import Moment, Review, Story
from trader.core.words import words

_TITLES = {
    "IntentReviewed": "reviewed",
    "OrderPlanned": "promised, durable before any byte",
    "OrderSent": "written to the socket",
    "OrderWithheld": "withheld: no byte left",
    "CancelSent": "cancel written to the socket",
    "ModifyPlanned": "change promised, durable before any byte",
    "ModifyRefused": "change refused",
    "ModifySent": "change written to the socket",
    "ModifyWithheld": "change withheld: no byte left",
    "ModifyUnanswered": "no answer to a change",
    "ModifyRefuted": "change not shown by later snapshots",
    "OrderStatusSeen": "broker: status",
    "OpenOrderSeen": "broker: echo",
    "OrderErrorSeen": "broker: error",
    "OrderUnanswered": "no answer",
    "OrderAbsentSeen": "missing from one complete snapshot",
    "OrderProvenAbsent": "missing from two complete snapshots",
    "OrderSettled": "settled: no execution is still to come",
    "ExecutionSeen": "executed",
    "CommissionSeen": "commission",
    "EmergencyOrderKnown": "sent without the daemon, taken in at a start",
    "EmergencyCancelKnown": "cancelled without the daemon, taken in at a start",
}


def story_lines(story: Story) -> list[str]:
    """Return the story, one event a line, with every check of each review below it."""
    intent = story.intent
    price = intent.limit_price or intent.stop_price
    symbol = story.order.terms.symbol if story.order else f"contract {intent.con_id}"
    wish = f"{intent.side} {_number(intent.quantity)} {symbol} {intent.order_type}"
    lines = [
        f"intent   {intent.intent_id}: {wish}{'' if price is None else f' {_number(price)}'} "
        f"{intent.time_in_force}{', reduce only' if intent.is_reduce_only else ''}"
        f"{_bracket(intent.bracket)}",
        f"wished   by {intent.strategy}: {intent.reason or 'no reason given'}",
        f"outcome  {story.outcome}",
        f"waits    {_waits(story)}",
        f"paid     {_paid(story)}",
        "",
    ]
    reviews = {id(review.verdict): review for review in story.reviews}
    for moment in story.moments:
        lines.append(moment_line(moment))
        review = reviews.get(id(moment.event))
        if review is not None:
            lines += _review_lines(review)
    return lines


def story_json(story: Story) -> dict[str, object]:
    """Return the story as values that JSON can hold; numbers with digits stay text."""
    intent = story.intent
    return {
        "intent": {
            "intent_id": intent.intent_id,
            "strategy": intent.strategy,
            "con_id": intent.con_id,
            "side": intent.side,
            "quantity": str(intent.quantity),
            "order_type": intent.order_type,
            "time_in_force": intent.time_in_force,
            "limit_price": _text(intent.limit_price),
            "stop_price": _text(intent.stop_price),
            "is_reduce_only": intent.is_reduce_only,
            "bracket": _bracket_json(intent.bracket),
            "reason": intent.reason,
        },
        "outcome": story.outcome,
        "order_id": story.order.order_id if story.order else None,
        "state": story.order.state if story.order else None,
        "filled": _text(story.order.filled) if story.order else None,
        "average_price": _text(story.order.average_price) if story.order else None,
        "reference_price": _text(story.order.terms.reference_price) if story.order else None,
        "slippage": _text(story.slippage),
        "commission": None
        if story.commission is None
        else {currency: str(amount) for currency, amount in story.commission},
        "to_wire_s": story.to_wire_s,
        "to_answer_s": story.to_answer_s,
        "to_fill_s": story.to_fill_s,
        "reviews": [_review_json(review) for review in story.reviews],
        "moments": [moment_json(moment) for moment in story.moments],
    }


def _bracket(terms: BracketTerms | None) -> str:
    if terms is None:
        return ""
    profit, stop = _number(terms.take_profit), _number(terms.stop_loss)
    return f", take profit {profit}, stop loss {stop} {terms.time_in_force}"


def _bracket_json(terms: BracketTerms | None) -> dict[str, str] | None:
    if terms is None:
        return None
    return {
        "take_profit": str(terms.take_profit),
        "stop_loss": str(terms.stop_loss),
        "time_in_force": terms.time_in_force,
    }


def moment_line(moment: Moment) -> str:
    """Return one event with its time and what became of the order."""
    title = _TITLES.get(type(moment.event).__name__, type(moment.event).__name__)
    said = _said(moment.event)
    told = f"{title}: {said}" if said else title
    became = f" -> {moment.became}" if moment.became else ""
    clock = moment.at_utc.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return f"{clock}Z  {moment.after_s * 1000:+10.1f} ms  {told}{became}"


def _said(event: ev.Event) -> str:
    match event:
        case ev.OrderStatusSeen():
            held = f", held: {event.why_held}" if event.why_held else ""
            return f"{event.status}, {event.filled} filled, permId {event.perm_id}{held}"
        case ev.OpenOrderSeen():
            price = "" if event.limit_price is None else f" {event.limit_price}"
            terms = f"{event.side} {event.quantity} {event.symbol} {event.order_type}{price}"
            return f"{terms}, {event.status or 'no status'}, permId {event.perm_id}"
        case ev.CommissionSeen(commission=report):
            return f"{report.amount} {report.currency} for {report.exec_id}"
        case ev.ExecutionSeen(execution=row):
            return f"{words(event)}, {row.exec_id}"
        case ev.OrderProvenAbsent():
            return f"runs {event.first_run_id} and {event.run_id}"
        case ev.OrderSent():
            return ""
        case _:
            return words(event)


def _review_lines(review: Review) -> list[str]:
    checks = review.verdict.checks
    width = max((len(check.code) for check in checks), default=0)
    halts = "; ".join(f"{cause}: {text}" for cause, text in review.halts) or "none recorded"
    return [
        f"    halts then: {halts}",
        *(f"    {line}" for line in _safety_lines(review)),
        *(
            f"    {'ok  ' if check.passed else 'FAIL'} {check.code:<{width}}  {check.value}  "
            f"(allowed: {check.limit})"
            for check in checks
        ),
    ]


def _safety_lines(review: Review) -> list[str]:
    """Say what breakers, posture and market were at the decision, from the journal."""
    safety = review.safety
    posture = "not recorded yet"
    if safety.posture is not None:
        posture = f"{safety.posture}{': ' if safety.causes else ''}{', '.join(safety.causes)}"
    lines = [f"posture then: {posture}"]
    lines += [
        f"breaker then: {row.name} {row.phase} ({row.action}), {row.reason}, limit {row.limit}"
        for row in safety.standings
    ]
    lines += [
        f"strategy then: {row.strategy} halted by {row.breaker}, {row.reason}, limit {row.limit}"
        for row in _halts_of_strategy(review)
    ]
    lines += [
        f"override then: {row.breaker} by {row.by} until {_time(row.until_utc)}: {row.reason}"
        for row in _overrides(review)
    ]
    if not safety.standings:
        lines.append("breakers then: none tripped")
    if safety.outlook is not None:
        market = safety.outlook
        lines.append(f"market then: {market.regime}, allocation {market.allocation}")
    return lines


def _halts_of_strategy(review: Review) -> list[StrategyHalt]:
    halt = review.safety.halt_of(review.verdict.intent.strategy)
    return [] if halt is None else [halt]


def _overrides(review: Review) -> list[Override]:
    return [row for row in review.safety.overrides if row.holds(review.at_utc)]


def _safety_json(review: Review) -> dict[str, object]:
    safety = review.safety
    return {
        "posture": safety.posture,
        "causes": list(safety.causes),
        "breakers": [
            {
                "name": row.name,
                "phase": row.phase,
                "action": row.action,
                "value": row.reason,
                "limit": row.limit,
            }
            for row in safety.standings
        ],
        "strategy_halts": [
            {"strategy": row.strategy, "breaker": row.breaker, "value": row.reason}
            for row in _halts_of_strategy(review)
        ],
        "overrides": [
            {"breaker": row.breaker, "by": row.by, "until": _time(row.until_utc)}
            for row in _overrides(review)
        ],
        "regime": None if safety.outlook is None else safety.outlook.regime,
        "allocation": None if safety.outlook is None else str(safety.outlook.allocation),
    }


def _waits(story: Story) -> str:
    waits = (
        ("to the wire", story.to_wire_s),
        ("to the first answer", story.to_answer_s),
        ("to the first fill", story.to_fill_s),
    )
    told = [f"{seconds * 1000:.1f} ms {what}" for what, seconds in waits if seconds is not None]
    return ", ".join(told) or "nothing was sent"


def _paid(story: Story) -> str:
    if not story.fills:
        return "nothing"
    if story.commission is None:
        return "commission not reported yet for every execution"
    slippage = _slippage(story)
    amounts = " and ".join(f"{_number(amount)} {name}" for name, amount in story.commission)
    return f"{amounts} commission{slippage}"


def _slippage(story: Story) -> str:
    """Say how the price compares with the middle of bid and ask at the decision."""
    order, per_unit = story.order, story.slippage
    if order is None or per_unit is None or order.terms.reference_price is None:
        return ""
    reference = order.terms.reference_price
    points = per_unit / reference * 10_000
    return (
        f", slippage {per_unit:+.4f} a unit ({points:+.1f} basis points) against the middle of "
        f"{_number(reference)} at the decision"
    )


def _review_json(review: Review) -> dict[str, object]:
    verdict = review.verdict
    return {
        "at": _time(review.at_utc),
        "is_approved": verdict.is_approved,
        "code": verdict.code,
        "text": verdict.text,
        "halts": {str(cause): text for cause, text in review.halts},
        "safety": _safety_json(review),
        "checks": [
            {"code": row.code, "value": row.value, "limit": row.limit, "passed": row.passed}
            for row in verdict.checks
        ],
    }


def moment_json(moment: Moment) -> dict[str, object]:
    """Return one event as values that JSON can hold."""
    return {
        "seq": moment.seq,
        "at": _time(moment.at_utc),
        "after_s": moment.after_s,
        "kind": type(moment.event).__name__,
        "text": _said(moment.event),
        "became": moment.became,
    }


def _time(at_utc: datetime) -> str:
    return at_utc.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
