"""The daemon whose gate has forgotten every halt: ``python -m`` this. Only the veto is left."""

from __future__ import annotations

import sys
from dataclasses import replace

from trader.cli import main
from trader.core.halts import Gate, HaltCause, Lane, refusal_of
from trader.engine import guard

FORGOTTEN = (HaltCause.HALT_FILE, HaltCause.OPERATOR, HaltCause.ENVIRONMENT)


def _blind(gate: Gate, lane: Lane, strategy: str = "") -> str | None:
    left = {cause: why for cause, why in gate.causes.items() if cause not in FORGOTTEN}
    return refusal_of(replace(gate, causes=left), lane, strategy)


if __name__ == "__main__":
    # Everybody else still knows: a resume, the status and the page.
    vars(guard)["refusal_of"] = _blind
    sys.exit(main())
