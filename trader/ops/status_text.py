"""The status in a few lines for a terminal, made from what ``/ops/status`` serves."""

from collections.abc import Mapping, Sequence
from typing import Any

from trader.ops.data_text import data_lines

_ORDERS_MAX = 10
_WORKING = ("PLANNED", "JOURNALED", "SENT", "WORKING", "CANCELLING", "UNKNOWN")


def status_lines(body: Mapping[str, Any]) -> list[str]:
    """Return the calm view: posture and why, link, money, positions, orders, reconciliation."""
    link, tally = body["link"], body["tally"]
    lines = [
        f"posture     {body['posture'].upper()} ({body['mode']})",
        f"connection  {_link(link)}",
        *data_lines(body.get("data")),
        f"money       {_money(body['money'])}",
        *_account(body.get("told_account")),
        *_result(body.get("result")),
        f"positions   {_positions(body['positions'])}",
        f"orders      {_working(body['orders'])} working, {tally['orders_sent']} sent, "
        f"{tally['refusals']} of {tally['intents']} intents refused",
        *_live(body["orders"]),
        *_foreign(body.get("foreign_order_count", 0)),
        f"fills       {tally['executions']} executions",
        f"reconciled  {_reconcile(body['reconcile'])}, {tally['drifts']} drifts so far",
    ]
    reasons = [*body["causes"], *body.get("restrictions", ())]
    lines[1:1] = [f"            {name}: {text}" for name, text in reasons]
    lines += [
        f"emergency   {row['side']} {row['quantity']} {row['symbol']}, {row['filled']} filled, "
        f"without the daemon, by {row['by']} at {row['at']} ({row['order_ref']})"
        for row in body.get("emergency", [])
    ]
    lines += [
        f"settling    order {row['order_id']} {row['side']} {row['quantity']} {row['symbol']} "
        f"{row['state']}, {row['filled']} filled: the rest counts until its executions are proven"
        for row in body["orders"]
        if row.get("is_settling")
    ]
    lines += _exposure(body.get("exposure"))
    lines += _usage(body.get("strategies", ()))
    lines += _blind(body.get("blind"))
    lines += _sentinel(body.get("sentinel"))
    lines += _outbox(body.get("outbox") or [])
    lines += _recording(body.get("recording"))
    lines += _shadow(body.get("shadow"))
    lines += _host(body.get("host"))
    lines += _bars(body.get("bars", ()))
    lines += _reports(body.get("reports", ()))
    lines += [
        f"HALTED      strategy {row['name'].partition(':')[2]}: {row['reason']}"
        for row in body.get("breakers", ())
        if row["action"] == "strategy" and row["phase"] != "closed"
    ]
    lines += _outputs(body)
    lines += [
        f"STALE       strategy {row['name']}: {row['output']['problem']}"
        for row in body.get("strategies", ())
        if row.get("output") and row["output"]["problem"]
    ]
    told = body.get("actions")
    if told and told["overdue_count"]:
        lines.append(f"WARNING     {told['overdue_count']} risk actions not reviewed in time")
    if told and told["false_count"] > told["false_count_max"]:
        lines.append(f"WARNING     {told['false_count']} false positives in {told['month']}")
    lines += [f"new risk    waits for {what}" for what in body.get("inputs_missing", [])]
    lines += [f"TICKET      {name}: {text}" for name, text in body["tickets"]]
    return lines + _quarantine(body.get("quarantine"))


def _bars(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say in a line whether all bars are there, and name each series that lacks some."""
    if not rows:
        return []
    warm = sum(row["is_warm"] for row in rows)
    expected, received = (sum(row[name] for row in rows) for name in ("expected", "received"))
    share = f", {received} of {expected} of this session" if expected else ""
    lines = [f"bars        {warm} of {len(rows)} series complete{share}"]
    for row in rows:
        hold = row.get("hold", "")
        is_whole = row["is_warm"] and row["received"] == row["expected"]
        if is_whole and not row["problem"] and not hold:
            continue
        lacks = f"{row['held']} of {row['wanted']} held"
        if row["part"]:
            lacks += f", {row['part']} not whole"
        if row["received"] != row["expected"]:
            lacks += f", {row['expected'] - row['received']} missing of this session"
        why = f": {row['problem']}" if row["problem"] else ""
        lines.append(f"            {row['symbol']} of {row['size_s']} s: {lacks}{why}")
        if hold:
            lines.append(
                f"            {row['symbol']} of {row['size_s']} s: new risk waits: {hold}"
            )
    return lines


def _outputs(body: Mapping[str, Any]) -> list[str]:
    """Say in a line when each strategy has put something out, and when risk was decided on."""
    rows = [row for row in body.get("strategies", ()) if row.get("output")]
    if not rows:
        return []
    told = ", ".join(f"{row['name']} {_ago(row['output']['answered_age_s'])}" for row in rows)
    return [f"output      {told}; risk decided on {_ago(body.get('risk_decision_age_s'))}"]


def _ago(age_s: float | None) -> str:
    return "not yet" if age_s is None else f"{age_s:.1f} s ago"


def _reports(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name each report that somebody should look at; what lacks data is no reason to."""
    lines = []
    for row in rows:
        why = row["problem"] or (row["reasons"] or [""])[0]
        if row["is_stale"]:
            age = "was never written" if row["age_s"] is None else f"is {row['age_s']:.0f} s old"
            lines.append(f"REPORT      {row['name']} {age}, allowed {row['age_s_max']:g} s")
        if row["problem"]:
            lines.append(f"REPORT      {row['name']} cannot be written: {why}")
        elif row["status"] in ("fail", "critical"):
            lines.append(f"REPORT      {row['name']} says {row['status']}: {why}")
    return lines


def one_line(body: Mapping[str, Any]) -> str:
    """Return the status in one line, for output that is no terminal."""
    tally = body["tally"]
    causes = ", ".join(name for name, _ in (*body["causes"], *body.get("restrictions", ())))
    return (
        f"{body['posture']}{f' ({causes})' if causes else ''} | "
        f"{_working(body['orders'])} working, {tally['orders_sent']} sent, "
        f"{tally['executions']} fills | {_positions(body['positions'])} | "
        f"{_money(body['money'])} | {_reconcile(body['reconcile'])}"
    )


def breaker_lines(body: Mapping[str, Any]) -> list[str]:
    """Return every breaker in a line: where it stands, what it does, its limit and its reading."""
    rows = body.get("breakers", [])
    # As wide as the longest name: each strategy has a breaker of its own (psr:NAME).
    wide = max((len(row["name"]) for row in rows), default=0) + 1
    wide = max(wide, 19)
    lines = [f"{'breaker':<{wide}}{'state':<12}{'action':<13}{'resets':<10}limit and reading"]
    for row in rows:
        state = row["phase"] if row["is_enabled"] else "off"
        if row["is_enabled"] and row["finding"] == "evaluation_failed":
            state = "unknown" if row["phase"] == "closed" else row["phase"]
        if row["overridden_until_utc"]:
            state = "OVERRIDDEN"
        told = row["text"] or row["limit"]
        lines.append(f"{row['name']:<{wide}}{state:<12}{row['action']:<13}{row['reset']:<10}{told}")
        if row["reason"] and row["reason"] != row["text"]:
            lines.append(f"{'':<{wide}}tripped by: {row['reason']}")
        if row["overridden_until_utc"]:
            lines.append(
                f"{'':<{wide}}until {row['overridden_until_utc']} by {row['overridden_by']}"
            )
    lines.append(f"new risk may have {body.get('allocation', '1')} of its usual size")
    return lines + _actions(body.get("actions"))


def _actions(told: Mapping[str, Any] | None) -> list[str]:
    """Return the automatic actions that wait for a review, and the month's false positives."""
    if told is None:
        return []
    lines = [
        f"risk actions: {told['waiting_count']} not reviewed, {told['overdue_count']} overdue; "
        f"false positives in {told['month']}: {told['false_count']} of {told['false_count_max']}"
    ]
    for row in told["rows"]:
        state = row["verdict"] or ("OVERDUE" if row["is_overdue"] else f"due {row['due_utc']}")
        lines.append(
            f"  {row['number']:<8}{row['kind']:<11}{row['name']:<22}{state}: {row['text']}"
        )
    return lines


def _exposure(row: Mapping[str, Any] | None) -> list[str]:
    """Say how large what is held is against the account, and the plan that would make it less."""
    if row is None or row["status"] == "off":
        return []
    shares = [
        f"{held['symbol']} {float(held['share']):.1%}"
        for held in row["concentrations"][:3]
        if held["share"] is not None
    ]
    lines = [f"WARNING     {text}" for text in row["warnings"]]
    if row["gross"] is not None:
        limits = f"at most {row['gross_max']} and {row['net_max']} in {row['regime'] or 'a storm'}"
        told = f"gross {float(row['gross']):.2f}, net {float(row['net']):.2f} of the account"
        largest = f"; largest {', '.join(shares)}" if shares else ""
        lines.insert(0, f"exposure    {told} ({limits}){largest}")
    plan = row["reduction"]
    if plan is not None:
        when = f"since {plan['since_utc']} ({plan['regime']})"
        lines.append(f"PLAN        {'; '.join(plan['exceeded'])}, {when}. To end it:")
        lines += [f"            {order}" for order in plan["orders"] or ["no order can"]]
        lines += [f"            still exceeded then: {text}" for text in plan["remains"]]
        lines.append(f"            it {plan['automatic']}; trader reduce sends it now")
        if row["problem"]:
            lines.append(f"            cannot be made anew: {row['problem']}")
    return lines


def _usage(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say of each strategy with a limit of its own what it uses, and what is left to it."""
    lines = []
    for name, row in ((row["name"], row.get("usage")) for row in rows):
        if row is None or not row["limits"]:
            continue
        if row["problem"]:
            lines.append(f"strategy    {name} adds no risk, its usage is unknown: {row['problem']}")
            continue
        held, working, most, left = (
            float(row[key]) for key in ("held", "working", "most", "headroom")
        )
        lines.append(
            f"strategy    {name} uses {held + working:.2f} (working {working:.2f}) of at most "
            f"{most:.2f} ({row['limits']}), {left:.2f} left"
        )
    return lines


def _blind(row: Mapping[str, Any] | None) -> list[str]:
    """Say what the account is expected to move by in a year, and what nobody can say that of."""
    if row is None or row["covered"] is None:
        return []
    told = [f"covers {float(row['covered']):.0%} of gross"]
    if row["predicted"] is not None:
        told.insert(0, f"{float(row['predicted']):.1%} of the account a year predicted")
    if row["realised"] is not None:
        told.append(f"{float(row['realised']):.1%} in the last {row['short_minutes']} minutes")
    if row["cluster"]:
        share = "" if row["cluster_share"] is None else f" {float(row['cluster_share']):.1%}"
        told.append(f"one bet: {', '.join(row['cluster'])}{share}")
    lines = [f"risk        {'; '.join(told)}"]
    lines += [f"BLIND       {symbol}: {why or 'no estimate'}" for symbol, why in row["lacking"]]
    if row["waiting"]:
        lines.append(f"            waits for its first minutes: {', '.join(row['waiting'])}")
    return lines


def _quarantine(row: Mapping[str, Any] | None) -> list[str]:
    """Say what could not be read, until a person has decided what becomes of it."""
    if row is None or not row["open_count"]:
        return []
    lines = [
        f"LETTER      {letter['key']}: {letter['message']}{_often(letter['count'])}: "
        f"{letter['error']}"
        for letter in row["rows"]
    ]
    lines.append(f"            {row['open_count']} to decide about: trader quarantine list")
    lost = sum(count for _, count in row["not_kept"])
    if lost:
        lines.append(
            f"WARNING     {lost} broken messages or more were not kept: there are too many"
        )
    return lines


def _often(count: int) -> str:
    return f" ({count} times or more)" if count > 1 else ""


def _sentinel(row: Mapping[str, Any] | None) -> list[str]:
    """Say whether somebody watches, since when, and what it did."""
    if row is None:
        return []
    lines = []
    if row["is_running"]:
        age_s = row["look_age_s"]
        looked = "no look yet" if age_s is None else f"last look {age_s:.0f} s ago"
        limit = f"acts after {row['silence_s_max']:g} s of silence"
        lines.append(f"sentinel    {row['state'] or 'starting'}, {looked}, {limit}")
    else:
        lines.append("sentinel    not running")
    if row["outcome"]:
        lines.append(f"            acted: {row['outcome']} ({row['since']})")
    if row["warning"]:
        lines.append(f"WARNING     {row['warning']}")
    return lines


def _outbox(rows: list[Mapping[str, Any]]) -> list[str]:
    lines = []
    for row in rows:
        waiting = sum(stream["pending"] for stream in row["streams"])
        lines.append(f"outbox      {row['name']} {row['state']} at {row['seq']}, {waiting} wait")
        if row["problem"]:
            lines.append(f"            {row['problem']}")
    return lines


def _recording(row: Mapping[str, Any] | None) -> list[str]:
    if row is None:
        return []
    lines = [
        f"market      {row['state']}, {row['row_count']} rows and {row['byte_count']} bytes in "
        f"{row['place'] or 'no file yet'}"
    ]
    if row["problem"]:
        lines.append(f"WARNING     the market is not recorded: {row['problem']}")
    elif row["lost_count"]:
        lines.append(f"            {row['lost_count']} rows were lost")
    return lines


def _shadow(row: Mapping[str, Any] | None) -> list[str]:
    """Say what strategies have done where nothing is sent; nothing of it is real."""
    if row is None:
        return []
    counts = ", ".join(f"{count} {name}" for name, count in row["decisions"]) or "no decision"
    held = ", ".join(f"{symbol} {quantity}" for symbol, quantity in row["positions"]) or "flat"
    lines = [
        f"shadow      {counts}, {row['working_count']} working; {held}",
        f"            worth {row['value'] or 'unknown'} of {row['began_with']}; {row['place']}",
    ]
    return lines if not row["problem"] else [*lines, f"WARNING     shadow: {row['problem']}"]


def _host(row: Mapping[str, Any] | None) -> list[str]:
    """Say how right this machine's clock is, and what else of it a person should know."""
    if row is None:
        return []
    time = row["time_service"]
    known = {True: "synchronised", False: "NOT synchronised", None: "unknown"}
    line = f"clock       {known[time['is_synchronised']]}"
    if time["is_synchronised"]:
        line += f", off by {time['estimated_error_s']:.3f} s, {time['maximum_error_s']:.3f} at most"
    return [line, *(f"WARNING     {text}" for text in row["warnings"])]


def _link(link: Mapping[str, Any]) -> str:
    if not link["is_connected"]:
        return f"down: {link['problem']}"
    upstream = "upstream up" if link["is_upstream_up"] else "UPSTREAM DOWN"
    beat = link["heartbeat_age_s"]
    shown = "no heartbeat yet" if beat is None else f"heartbeat {beat:.1f} s ago"
    return f"up as client {link['client_id']} of {link['account'] or '-'}, {upstream}, {shown}"


def _money(money: Mapping[str, Any] | None) -> str:
    if money is None:
        return "unknown"
    pnl, equity = money["pnl"], money["equity"]
    return (
        f"P&L {_amount(pnl)} {money['currency']} after commissions of "
        f"{_amount(money['commission_paid'])}, equity {_amount(equity)}"
    )


def _account(row: Mapping[str, Any] | None) -> list[str]:
    """Say how old the broker's values are where they are too old to be counted with."""
    if row is None or row.get("is_usable", True):
        return []
    worth, kept = _amount(row["net_liquidation"]), row["source"]
    told = f"{worth} {row['currency']} net liquidation by the {kept}, {row['age_s']:.0f} s old"
    return [f"account     unavailable (last told: {told})"]


def _result(row: Mapping[str, Any] | None) -> list[str]:
    """Say what the broker's result of its day is beside ours; what is not compared is not well."""
    if row is None:
        return []
    told, own = _amount(row["told_daily"]), _amount(row["own_daily"])
    line = f"day         {told} by the broker, {own} by us: {row['verdict']}"
    if row["problem"]:
        line += f" ({row['problem']})"
    elif row["difference"] is not None:
        apart, allowed = _amount(row["difference"]), _amount(row["allowed"])
        line += f" (apart by {apart} since {row['since_utc']}, allowed {allowed})"
    return [line, *([f"WARNING     {row['finding']}"] if row["finding"] else [])]


def _amount(value: str | None) -> str:
    return "?" if value is None else f"{float(value):,.2f}"


def _positions(rows: list[Mapping[str, Any]]) -> str:
    held = [
        f"{row['symbol']} {float(row['quantity']):g}{_whose(row)}"
        for row in rows
        if float(row["quantity"])
    ]
    return ", ".join(held) or "flat"


def _whose(row: Mapping[str, Any]) -> str:
    """Say whose word a mark is where it is not that of our own quote."""
    source, age_s = row.get("mark_source", ""), row.get("mark_age_s")
    if source in ("", "quote") or age_s is None:
        return ""
    return f" (mark: {source}, {age_s:.0f} s old)"


def _working(rows: list[Mapping[str, Any]]) -> int:
    return sum(row["state"] in _WORKING for row in rows)


def _live(rows: list[Mapping[str, Any]]) -> list[str]:
    """Name the orders that work, the newest first, by the ids that `trader why` takes."""
    live = [row for row in rows if row["state"] in _WORKING]
    lines = [
        f"            order {row['order_id']} {row['side']} {row['quantity']} {row['symbol']} "
        f"{row['order_type']}{_price(row)} {row['state']}, {row['filled']} filled"
        f" ({row['intent_id']})"
        for row in live[:_ORDERS_MAX]
    ]
    if len(live) > _ORDERS_MAX:
        lines.append(f"            and {len(live) - _ORDERS_MAX} more: the page, or --json")
    return lines


def _price(row: Mapping[str, Any]) -> str:
    price = row["limit_price"] or row["stop_price"]
    return f" {price}" if price else ""


def _foreign(count: int) -> list[str]:
    return [f"            {count} of others at the broker, which are left alone"] if count else []


def _reconcile(run: Mapping[str, Any] | None) -> str:
    if run is None:
        return "not yet"
    verdict = run["problem"] or f"{run['drift_count']} drifts"
    return f"{run['age_s']:.0f} s ago ({run['trigger']}): {verdict}"
