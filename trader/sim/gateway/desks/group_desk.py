"""Display groups of one session: which contract the windows of a colour show (messages 67 to 70).

The simulator has no windows: a group shows what a client put into it, and each subscription of the
session to that group is told.
"""

from collections.abc import Callable

from trader.sim.gateway.desks.world import Asker
from trader.sim.wire import messages_special
from trader.sim.wire.frames import FieldError
from trader.sim.wire.requests_market import parse_request_id
from trader.sim.wire.requests_special import parse_group_request

GROUPS = ("1", "2", "3", "4", "5", "6", "7")
EMPTY = "none"
Handler = Callable[[list[str]], None]


class GroupDesk:
    """One session's display groups."""

    def __init__(self, session: Asker) -> None:
        self._session = session
        self._shown = dict.fromkeys(GROUPS, EMPTY)
        # Request id of a subscription -> its group.
        self._subscribed: dict[int, str] = {}

    def handlers(self) -> dict[int, Handler]:
        """Return the message ids answered here."""
        return {
            67: self._list, 68: self._subscribe, 69: self._update, 70: self._unsubscribe,
        }  # fmt: skip

    def _list(self, fields: list[str]) -> None:
        frame = messages_special.display_groups(parse_request_id(fields), "|".join(GROUPS))
        self._session.push(67, frame)

    def _subscribe(self, fields: list[str]) -> None:
        request_id, group = parse_group_request(fields)
        if group not in self._shown:
            raise FieldError(f"display group {group[:20]!r}, allowed: {', '.join(GROUPS)}")
        self._subscribed[request_id] = group
        self._tell(request_id)

    def _update(self, fields: list[str]) -> None:
        request_id, contract = parse_group_request(fields)
        group = self._subscribed.get(request_id)
        if group is None:
            raise FieldError(f"no display group is subscribed by request {request_id}")
        self._shown[group] = contract
        for other, its_group in self._subscribed.items():
            if its_group == group:
                self._tell(other)

    def _unsubscribe(self, fields: list[str]) -> None:
        self._subscribed.pop(parse_request_id(fields), None)

    def _tell(self, request_id: int) -> None:
        shown = self._shown[self._subscribed[request_id]]
        self._session.push(68, messages_special.display_group_updated(request_id, shown))
