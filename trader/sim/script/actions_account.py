"""Actions on the account: what a client is shown of positions and values."""

from trader.sim.script.stage import Action

ACTIONS: tuple[Action, ...] = ()
