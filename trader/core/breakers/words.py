"""What each breaker watches and what a person does when it trips: for the reference and the eye."""

from collections.abc import Mapping
from dataclasses import dataclass

from trader.core.breakers.rules import Action, BreakerName, Rule, Rules


@dataclass(frozen=True, slots=True)
class Words:
    """What the reading is, and what to do."""

    reading: str
    remedy: str


_B = BreakerName
WORDS: Mapping[BreakerName, Words] = {
    _B.DAILY_LOSS: Words(
        "change of the account's value since the start of its day, flows taken out",
        "let it end with the day, or look at the positions and `trader reset` once it is smaller",
    ),
    _B.LOSS_KILL: Words(
        "the same change, at the second end of the ladder",
        "look at every position; `trader liquidate` works; `trader resume` once it is smaller",
    ),
    _B.DRAWDOWN: Words(
        "fall from the account's highest value, flows taken out",
        "as after loss_kill; it does not end with the day",
    ),
    _B.PSR: Words(
        "probability that the true Sharpe ratio of the daily returns is above zero, from 30 days "
        "on; of the account, and of each strategy as `psr:NAME`, which halts that strategy alone",
        "the strategy has stopped earning: decide about it before anything is resumed; "
        "`trader reset psr:NAME` lets one begin anew",
    ),
    _B.CONSECUTIVE_LOSSES: Words(
        "closed trades in a row that lost after commissions",
        "look at the trades with `trader why`, then `trader reset`",
    ),
    _B.VOLATILITY_RATIO: Words(
        "volatility of the last ten minutes over that before, the largest of all instruments",
        "wait; it closes by itself",
    ),
    _B.VIX: Words(
        "the VIX; the policy's steps say what it leaves of new risk",
        "wait; a VIX without quotes counts as high: look at its subscription",
    ),
    _B.REJECT_RATE: Words(
        "rejected share of the last 20 orders, from 5 on",
        "read the reasons in `trader status` and mend their cause, then `trader reset`",
    ),
    _B.UNANSWERED: Words(
        "orders without an answer",
        "look at the link; reconciliation finds out what became of them",
    ),
    _B.FILL_RATE: Words(
        "executed in the last minute over what the orders concerned could execute",
        "compare executions with TWS: something was filled that was not ordered",
    ),
    _B.QUOTE_STALENESS: Words(
        "share of the open instruments that are worked without a usable quote for 30 s, or held "
        "without one for `exposure: {mark_age_s_max}`; or of all that are open without one for "
        "30 s, where that is more and nobody was denied them",
        "look at the data farms and the subscriptions; it closes by itself",
    ),
    _B.DRIFT: Words(
        "differences to the broker that two reconciliations could not settle, and open tickets "
        "that are not ignored",
        "see *Tickets* in the runbook, `trader reconcile`",
    ),
    _B.LOOP_LAG: Words(
        "worst lateness of the event loop since the last look, in seconds",
        "look at CPU, memory and disk of the machine; it closes by itself",
    ),
    _B.JOURNAL_LATENCY: Words(
        "seconds that the last commit took, or the present one has been taking",
        "look at the disk; it closes by itself",
    ),
    _B.CLOCK_SKEW: Words(
        "difference to the broker's clock that the round trip does not explain, in seconds; in "
        "mode live unknown while the machine's time service does not vouch for its clock",
        "look at the time service of this machine; it closes by itself",
    ),
    _B.DISK_SPACE: Words(
        "free share of the disk that holds the state, of blocks or of files",
        "make room; it closes by itself",
    ),
    _B.DATA_QUALITY: Words(
        "instruments held or worked whose quote is crossed, no number, not above zero or ahead",
        "look at the data feed; it closes by itself once it has been well for a while",
    ),
    _B.UNPRICED: Words(
        "exposure without a price that may be counted with, at what it was last known to be worth, "
        "over the account's value",
        "look at its data feed and at what the broker says it is worth; it closes by itself",
    ),
    _B.UNCOVERED: Words(
        "share of gross exposure without a row of the covariance that has had the time to get one",
        "`trader status` names what lacks one and why: subscribe its data, or hold less of it",
    ),
    _B.RISK_RATIO: Words(
        "realised volatility of what is held over the predicted one, or predicted over realised",
        "the market is not the one that the estimate knows: look at what moves; it closes again",
    ),
    _B.CLUSTER: Words(
        "gross exposure of the largest group that loses together, over the account's value",
        "`trader status` names the group: it is one bet; hold less of it",
    ),
    _B.CORRELATION_BREAK: Words(
        "mean change of the correlations of what is held, 0 to 2, the latest against all before",
        "hedges may not hedge any more: look at each; it closes by itself",
    ),
}


def limit_of(rule: Rule) -> str:
    """Return the side of a rule that is bad, in words."""
    return f"{rule.bad} {rule.limit.normalize():f}"


def entries_of(rule: Rule) -> str:
    """Return what becomes of working orders that add risk while a breaker is tripped."""
    is_cancelled = rule.cancels_entries or rule.action is Action.KILL
    return "cancelled" if is_cancelled else "stay"


def table(rules: Rules) -> str:
    """Return every breaker as the rows of a table in Markdown."""
    lines = ["| breaker | reading | bad | action | entries | closes by | on | what to do |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for name in BreakerName:
        rule, words = rules.of(name), WORDS[name]
        cells = (
            f"`{name}`",
            words.reading,
            limit_of(rule),
            rule.action.name.lower(),
            entries_of(rule),
            str(rule.reset),
            "yes" if rule.is_enabled else "no",
            words.remedy,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
