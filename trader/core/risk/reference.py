"""The reference of refusals as a page, made of the table of codes and of nothing else."""

from collections.abc import Iterator

from trader.core.risk.codes import CODES, HOLD_CODE

_HEAD = """\
# Refusals

Every intent passes one review before it can become an order, and every refusal has a code, a
sentence and something to do. This page is made by `scripts/make_refusals_reference.py` from the
table in `trader/core/risk/codes.py`; change it there.

A refusal reads `CODE: what was seen, allowed is what is allowed`. All checks of a review are
recorded, also after the first that failed: `trader why INTENT` shows them with their values and
limits. A check whose input is missing, or that breaks over it, fails with its own code and the
value `unavailable`: no data is no permission. An intent that is refused with
`{hold}` alone is held back (HOLD): recorded, never sent.

Exits that only reduce are exempt from whatever would lock a position in (exposure, margin, cash,
sessions, spread, liquidity, own orders on the other side); they may use twice the rates. The
operator's liquidation is exempt from rates, counts and sizes as well. Nobody is exempt from what
is real: a known instrument, numbers on its grid and no more than is held. A usable quote is asked
of everybody but the operator's exits, which must leave a market that is closed or of one side too.
"""
_TOPICS = {
    "identity": "Identity",
    "instrument": "Instrument",
    "form": "Form of the order",
    "price": "Price",
    "size": "Size of one order",
    "position": "Position",
    "cash": "Cash",
    "session": "Session",
    "rate": "Rates",
    "wash": "Own orders",
    "exposure": "Exposure of the account",
    "margin": "Leverage and margin",
    "bracket": "Brackets",
    "gateway": "Told by the gateway",
}


def reference() -> str:
    """Return the page in Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD.format(hold=HOLD_CODE)
    for topic, title in _TOPICS.items():
        yield f"## {title}"
        yield ""
        for row in (row for row in CODES if row.topic == topic):
            yield f"### {row.code}"
            yield ""
            yield row.sentence
            yield ""
            yield f"- Example: `{row.code}: {row.example}`"
            yield f"- What to do: {row.remedy}"
            yield ""
