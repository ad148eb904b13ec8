"""The demo accepts its simulator's account and arms itself, once."""

from pathlib import Path

import structlog

from trader.core.halts import HaltCause
from trader.engine.acts.desk import Desk
from trader.engine.services import Services

log = structlog.get_logger(__name__)
# How often and how far apart it tries, at each connect.
_ATTEMPTS = 40
_INTERVAL_S = 0.25


class DemoArming:
    """Accepts the account and resumes the first time that the journal is used.

    The account is the configured one, and its name holds the nonce that the simulator announced.
    """

    def __init__(self, services: Services, desk: Desk, halt_file: Path) -> None:
        self._book = services.ledger.book
        self._clock = services.clock
        self._desk = desk
        self._halt_file = halt_file

    async def run(self) -> None:
        """Try until it is done, or until somebody has halted it."""
        for _ in range(_ATTEMPTS):
            if self._is_halted() or await self._accept():
                return
            # Until the gateway has told that it reaches the broker, its word is not accepted.
            await self._clock.sleep(_INTERVAL_S)

    def _is_halted(self) -> bool:
        """Tell whether anything but its being new has halted it, or has before: that stands."""
        is_new = self._book.halts.keys() == {HaltCause.FRESH_INSTALL}
        return not is_new or self._halt_file.exists()

    async def _accept(self) -> bool:
        if self._book.account is None:
            answer = await self._desk.baseline(by="demo")
            log.info("demo baseline", done=answer.is_done, text=answer.text)
            if not answer.is_done or self._is_halted():
                return False
        answer = await self._desk.resume(reason="demo", by="demo")
        log.info("demo resume", done=answer.is_done, text=answer.text, details=answer.details)
        return answer.is_done
