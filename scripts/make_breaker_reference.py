"""Write docs/breakers.md from the rules, so that the reference cannot grow old.

python scripts/make_breaker_reference.py
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from trader.core.breakers.rules import Rules  # noqa: E402 - found by the line above
from trader.core.breakers.words import table  # noqa: E402

DOCUMENT = ROOT / "docs" / "breakers.md"
_HEAD = """\
# Circuit breakers

Made by `scripts/make_breaker_reference.py` from the defaults of the rules; the policy file may
change each of them (`breaker: {rules: {NAME: {limit: ..., action: ..., reset: ..., is_enabled:
..., confirmations: ..., hold_s: ..., reading_age_s_max: ..., cancels_entries: ...}}}`), on which
side of its limit a reading is bad excepted.

A tripped breaker does one of four things: `scale` makes new risk smaller, `reduce_only` keeps it
out, `halt` stops every order of a strategy, `kill` latches a halt and cancels what adds risk (and
closes positions only if the policy says `kill: {must_flatten: true}`). It closes by `probe` (by
itself, once its readings have been good for a while), with the next `session` (the account's next
day) or by an `operator`. A reading that is missing, too old or no number keeps new risk out while
it lasts and never kills. Losses need two bad readings one after the other at prices of two ticks,
or one that the broker's own value confirms.

The column *entries* says what becomes of our working orders that add risk when a breaker trips:
where they are cancelled, that goes on until the broker has confirmed each, also after a restart,
and what protects or only shrinks a position stays. The cancel names the breaker (`trader why`).

"""


def document() -> str:
    """Return the whole reference."""
    return _HEAD + table(Rules())


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
    print(DOCUMENT.relative_to(ROOT))
