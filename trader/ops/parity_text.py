"""What a comparison of a shadow and its daemon found, for a person and as a report's body."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any

from trader.core.moments import moment_of
from trader.core.parity.comparison import Parity
from trader.core.parity.differing import Finding, Told
from trader.core.parity.spans import Common
from trader.core.parity.verdict import Check, Limits, Measured, Tally, checks_of, lacking
from trader.core.reports.content import Stamp
from trader.ops.status_json import plain

_SHOWN_MAX = 20
_WORDS = {
    "unpaired_share": "decisions without a partner, of all",
    "differing_share": "pairs that wished or were answered otherwise, of all",
    "fill_share_gap": "share filled, of what was wished for",
    "fill_s_gap": "seconds from the decision to the first fill",
    "price_bps": "price worse in the daemon, in basis points",
    "commission_bps": "commission, in basis points of what was traded",
    "result_bps": "result of the trades, in basis points of what was traded",
}


# ---- for a person


def parity_lines(
    found: Parity, limits: Limits, names: Mapping[str, str], evidence: str, *, is_all: bool
) -> list[str]:
    """Return the lines: the verdict first, then days, figures, what is left out, differences."""
    spans = found.spans
    lines = [
        f"{names['a']} and {names['b']}, {_at(spans[0].first_us)} to "
        f"{_at(max(span.last_us for span in spans))} UTC; evidence: {evidence}",
        f"verdict     {found.verdict}",
        *(f"            {reason}" for reason in found.reasons),
        "",
        *_day_lines(found, limits, names),
        "",
        *_figure_lines(found.total, limits),
        "",
        *_compared_lines(found, names),
        *_span_lines(found, names, is_all=is_all),
    ]
    if found.findings:
        shown = found.findings if is_all else found.findings[:_SHOWN_MAX]
        lines += ["", "differences", *(_finding_line(row, names) for row in shown)]
        more = len(found.findings) - len(shown) + found.unlisted
        if more:
            lines.append(f"... and {more} more: --all lists them, the report has them")
    return lines


def _day_lines(found: Parity, limits: Limits, names: Mapping[str, str]) -> Iterator[str]:
    only_a, only_b = f"only {names['a']}", f"only {names['b']}"
    yield (
        f"{'day':<12}{'verdict':<19}{'decisions':>9}{'differ':>8}{only_a:>13}{only_b:>13}"
        f"{'fills':>14}"
    )
    for day in found.days:
        tally = day.tally
        fills = f"{tally.fills_a} and {tally.fills_b}"
        missing = lacking(tally, limits)
        yield (
            f"{day.day:<12}{day.verdict:<19}{tally.decisions:>9}{tally.differing:>8}"
            f"{tally.only_a:>13}{tally.only_b:>13}{fills:>14}"
            + (f"  {missing}" if missing and tally.decisions else "")
        )


def _figure_lines(total: Tally, limits: Limits) -> Iterator[str]:
    yield f"{'figure':<17}{'value':>10}{'limit':>8}{'of':>7}  {'':<12}"
    for check in checks_of(total, limits):
        value = "-" if check.value is None else f"{check.value:.4f}"
        how = {None: "not judged", True: "within", False: "OUTSIDE"}[check.has_passed]
        yield (
            f"{check.name:<17}{value:>10}{check.limit!s:>8}{check.count:>7}  {how:<12}"
            f"{_WORDS[check.name]}{_means(check.name, total)}"
        )
    for name, count in sorted(total.by_field.items()):
        yield f"  {count} of {total.pairs} pairs differ in {name}"


def _means(name: str, total: Tally) -> str:
    measured = {
        "fill_share_gap": total.fill_share,
        "fill_s_gap": total.fill_s,
        "commission_bps": total.commission_bps,
    }.get(name)
    mean = None if measured is None else measured.mean
    return "" if mean is None else f": {mean[0]:.4f} and {mean[1]:.4f}"


def _compared_lines(found: Parity, names: Mapping[str, str]) -> Iterator[str]:
    for currency, amounts in sorted(found.total.amounts.items()):
        result, commission = amounts.result, amounts.commission
        yield (
            f"result      {names['a']} {result['a']:.2f}, {names['b']} {result['b']:.2f} "
            f"{currency} after commissions of {commission['a']:.2f} and {commission['b']:.2f}"
        )
        yield (
            f"paid        the {names['b']} paid {abs(amounts.paid_more):.2f} {currency} "
            f"{'less' if amounts.paid_more < 0 else 'more'} than the {names['a']}, "
            "over what both filled"
        )
    if found.total.unpriced:
        yield f"unpriced    {found.total.unpriced} pairs have executions without a commission"
    if found.total.cut:
        yield (
            f"cut         {found.total.cut} pairs of the last minute are not filled to the end: "
            "their fills are not judged"
        )
    apart = found.total.apart_s
    if apart.gap is not None:
        yield f"apart       {apart.gap:.3f} s on average, {apart.apart_max:.3f} s at most"
    if found.stepped_back:
        yield (
            f"clock       {found.stepped_back} rows lie before the one before them: the clock was "
            "set back, and decisions there may have lost their partner"
        )


def _span_lines(found: Parity, names: Mapping[str, str], *, is_all: bool) -> Iterator[str]:
    gaps = [gap for gap in found.gaps if gap.last_us - gap.first_us >= 1_000_000]
    shown = None if is_all else _SHOWN_MAX
    for span in found.spans[:shown]:
        yield (
            f"compared    {_at(span.first_us)} to {_at(span.last_us)}: "
            f"{', '.join(span.strategies) or 'no strategy'}; {span.evidence}"
        )
    for row in found.left_out:
        count = "1 decision" if row.decisions == 1 else f"{row.decisions} decisions"
        yield f"left out    {count} of the {names[row.party]}: {row.why}"
    for gap in gaps[:shown]:
        length = _length((gap.last_us - gap.first_us) / 1_000_000)
        yield (
            f"left out    {_at(gap.first_us)} to {_at(gap.last_us)} of the {names[gap.party]}, "
            f"{length}: {gap.why}"
        )
    if is_all:
        for one in found.asides:
            yield f"left out    {_at(one.at_us)} {one.intent_id}: {one.why}"
    elif len(gaps) > _SHOWN_MAX or len(found.spans) > _SHOWN_MAX:
        yield f"... {len(found.spans)} stretches and {len(gaps)} gaps in all: --all lists them"


def _finding_line(row: Finding, names: Mapping[str, str]) -> str:
    ids = " and ".join(one.intent_id for one in (row.a, row.b) if one is not None)
    one = row.b or row.a
    assert one is not None, "a finding of nothing"
    what = f"{row.symbol} {one.side} {one.quantity} {one.order_type}"
    how = ", ".join(f"{name} {a or 'none'} and {b or 'none'}" for name, a, b in row.differences)
    if row.kind != "differs":
        party = row.kind.removeprefix("only_")
        how = f"only in the {names[party]}, {one.verdict}, {one.filled} filled"
    why = f" ({row.why})" if row.why else " (why: not in the records)"
    if row.kind == "differs" and not row.why:
        why = ""
    return f"{_at(row.at_us)} {ids} {what}: {how}{why}"


def _at(at_us: int) -> str:
    return f"{moment_of(at_us):%Y-%m-%d %H:%M:%S}"


def _length(seconds: float) -> str:
    if seconds < 600:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 36_000 else f"{seconds / 3600:.1f} h"


# ---- as a report


def report_head(stamp: Stamp) -> dict[str, Any]:
    """Return what stands at the head of the report, as in its file."""
    head = plain(stamp)
    assert isinstance(head, dict), "a dataclass becomes an object"
    return head


def parity_body(found: Parity, limits: Limits, names: Mapping[str, str]) -> dict[str, Any]:
    """Return everything, as values that JSON can hold."""
    return {
        "verdict": str(found.verdict),
        "parties": dict(names),
        "limits": _limits_body(limits),
        "total": _tally_body(found.total, limits),
        "days": [
            {"day": day.day, "verdict": str(day.verdict), **_tally_body(day.tally, limits)}
            for day in found.days
        ],
        "compared": [_span_body(span) for span in found.spans],
        "left_out": [
            {"party": row.party, "decisions": row.decisions, "why": row.why}
            for row in found.left_out
        ],
        "left_out_decisions": [
            {"party": row.party, "at": _iso(row.at_us), "intent_id": row.intent_id, "why": row.why}
            for row in found.asides
        ],
        "gaps": [
            {"party": gap.party, "from": _iso(gap.first_us), "to": _iso(gap.last_us)}
            | {"why": gap.why}
            for gap in found.gaps
        ],
        "findings": [_finding_body(row) for row in found.findings],
        "unlisted": found.unlisted,
        "stepped_back": found.stepped_back,
        "kept_max": found.kept_max,
    }


def _limits_body(limits: Limits) -> dict[str, Any]:
    values = {row.name: getattr(limits, row.name) for row in fields(limits)}
    return {
        name: value if isinstance(value, int) else _plain(value) for name, value in values.items()
    }


def _tally_body(tally: Tally, limits: Limits) -> dict[str, Any]:
    return {
        "decisions": tally.decisions,
        "pairs": tally.pairs,
        "differing": tally.differing,
        "only_a": tally.only_a,
        "only_b": tally.only_b,
        "fills_a": tally.fills_a,
        "fills_b": tally.fills_b,
        "unpriced_pairs": tally.unpriced,
        "cut_pairs": tally.cut,
        "by_field": dict(sorted(tally.by_field.items())),
        "lacking": lacking(tally, limits),
        "checks": [_check_body(check) for check in checks_of(tally, limits)],
        "apart_s": _measured_body(tally.apart_s),
        "fill_share": _measured_body(tally.fill_share),
        "fill_s": _measured_body(tally.fill_s),
        "price_bps": _measured_body(tally.price_bps),
        "commission_bps": _measured_body(tally.commission_bps),
        "amounts": {
            currency: {
                "notional": _both(row.notional),
                "commission": _both(row.commission),
                "result": _both(row.result),
                "b_paid_more": _plain(row.paid_more),
                "result_bps": _plain(row.result_bps),
            }
            for currency, row in sorted(tally.amounts.items())
        },
    }


def _check_body(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "value": _plain(check.value),
        "limit": _plain(check.limit),
        "count": check.count,
        "has_passed": check.has_passed,
    }


def _measured_body(row: Measured) -> dict[str, Any]:
    mean = row.mean
    return {
        "count": row.count,
        "a": None if mean is None else _plain(mean[0]),
        "b": None if mean is None else _plain(mean[1]),
        "apart_max": _plain(row.apart_max) if row.count else None,
    }


def _span_body(span: Common) -> dict[str, Any]:
    return {
        "from": _iso(span.first_us),
        "to": _iso(span.last_us),
        "strategies": list(span.strategies),
        "evidence": span.evidence,
        "modes": {"a": span.a.mode, "b": span.b.mode},
        "accounts": {"a": span.a.account, "b": span.b.account},
    }


def _finding_body(row: Finding) -> dict[str, Any]:
    return {
        "at": _iso(row.at_us),
        "strategy": row.strategy,
        "symbol": row.symbol,
        "kind": row.kind,
        "differences": [{"field": name, "a": a, "b": b} for name, a, b in row.differences],
        "why": row.why,
        "a": _told_body(row.a),
        "b": _told_body(row.b),
    }


def _told_body(one: Told | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {"at": _iso(one.at_us)} | {
        row.name: getattr(one, row.name) for row in fields(one) if row.name != "at_us"
    }


def _both(amounts: Mapping[str, Decimal]) -> dict[str, str | None]:
    return {party: _plain(amount) for party, amount in amounts.items()}


def _plain(value: Decimal | None) -> str | None:
    """Write a figure with six places at most, and never with an exponent."""
    if value is None:
        return None
    text = f"{round(value, 6):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _iso(at_us: int) -> str:
    return moment_of(at_us).isoformat()
