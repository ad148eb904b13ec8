"""The authority over order ids: each client's grow, over all its sessions."""


class OrderIds:
    """The highest id each client has used, and what it is told to use next."""

    def __init__(self) -> None:
        self.highest: dict[int, int] = {}
        # An id announced instead, until the client next places an order.
        self.announced: dict[int, int] = {}
        # Ids of orders that have been read and wait; others may pass them.
        self._waiting: dict[tuple[int, int], None] = {}

    def next(self, client_id: int) -> int:
        """Return the id to announce: the highest used by this client id, plus one."""
        announced = self.announced.get(client_id)
        return self.highest.get(client_id, 0) + 1 if announced is None else announced

    def is_used(self, client_id: int, order_id: int) -> bool:
        """Return whether an id is not above all the client has used (103)."""
        return order_id <= self.highest.get(client_id, 0)

    def use(self, client_id: int, order_id: int) -> None:
        """Count an id as used; what was announced is forgotten."""
        self.highest[client_id] = max(self.highest.get(client_id, 0), order_id)
        self.announced.pop(client_id, None)

    def keep(self, client_id: int, order_id: int) -> None:
        """Keep the id of an order that has been read and is handled later (S03)."""
        self._waiting[(client_id, order_id)] = None

    def redeem(self, client_id: int, order_id: int) -> bool:
        """Return whether an id was kept, once; it may be used although higher ones were."""
        key = (client_id, order_id)
        was_kept = key in self._waiting
        self._waiting.pop(key, None)
        return was_kept
