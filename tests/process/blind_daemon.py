"""The daemon whose gate has forgotten every halt: ``python -m`` this. Only the veto is left."""

from __future__ import annotations

import sys

from trader.cli import main
from trader.core.halts import HaltCause
from trader.engine.guard import Guard

_causes = Guard.causes


def _without_halts(self: Guard) -> dict[HaltCause, str]:
    forgotten = (HaltCause.HALT_FILE, HaltCause.OPERATOR, HaltCause.ENVIRONMENT)
    return {cause: why for cause, why in _causes(self).items() if cause not in forgotten}


if __name__ == "__main__":
    Guard.causes = _without_halts  # type: ignore[method-assign]
    sys.exit(main())
