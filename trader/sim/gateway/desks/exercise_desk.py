"""Exercise and lapse of options (message 21): checked at once, carried out overnight.

As with a real gateway nothing answers a request that is accepted: the option's position and the
one it turns into change with the night's processing.
"""

from collections.abc import Callable

from trader.sim.gateway.desks.world import Asker
from trader.sim.model.orders import ZERO
from trader.sim.wire.requests_account import parse_exercise

EXERCISE, LAPSE = 1, 2
Handler = Callable[[list[str]], None]


class ExerciseDesk:
    """One session's requests to exercise options."""

    def __init__(self, session: Asker) -> None:
        self._session, self._world = session, session.world

    def handlers(self) -> dict[int, Handler]:
        """Return the message ids answered here."""
        return {21: self._exercise}

    def _exercise(self, fields: list[str]) -> None:
        wanted = parse_exercise(fields, self._session.sv)
        request_id, query, name = wanted.request_id, wanted.contract, wanted.account
        action, quantity = wanted.action, wanted.quantity or ZERO
        bank, catalogue = self._world.exchange.bank, self._world.exchange.market.catalogue
        item = catalogue.find(query)
        if item is None:
            self._session.show_error(request_id, *catalogue.why_not(query))
            return
        flaw = ""
        if name and name not in bank.accounts:
            flaw = f"Invalid account code: {name}"
        elif item.sec_type not in ("OPT", "FOP"):
            flaw = "Only options can be exercised"
        elif action not in (EXERCISE, LAPSE):
            flaw = f"Invalid exercise action: {action}"
        else:
            flaw = bank.nights.ask_exercise(
                bank.account(name), item, quantity if action == EXERCISE else -quantity,
                is_forced=wanted.is_forced,
            )  # fmt: skip
        if flaw:
            text = f"Error validating request.-'bV' : cause - {flaw}"
            self._session.show_error(request_id, 321, text)
