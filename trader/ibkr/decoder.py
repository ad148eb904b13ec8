"""ib_async's decoder, made to lose nothing silently.

It differs in four things. A message that cannot be decoded is reported, not only logged
(INC-113): the decoder under ours swallows exceptions in two places, and both are replaced. Where
the wire gives text for money (messages 1, 2, 3, 7, 11, 17, 59, 94) it is passed on, and no float;
of the texts of message 46 none but the time of the last trade (tick 45) is.
An execution is never lost because of its time (INC-025). Which fields of an order are numbers is
looked up once for each class and not for each order, which was a third of decoding one. Messages
we do not ask for are skipped undecoded.
"""

import dataclasses
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol

from ib_async.contract import Contract, ContractDetails
from ib_async.decoder import Decoder
from ib_async.objects import PriceIncrement
from ib_async.order import Order, OrderState

from trader.core.quarantine import OUT_OF_STEP, BrokenMessage, broken

Fields = list[str]
Handler = Callable[[Fields], None]

# What a broken or shifted field can raise in decoding and translating. Deliberately not
# everything: an AssertionError is our bug and must not pass for a broken message.
UNREADABLE = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, StopIteration)

_USED = (
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 17, 45, 46, 49, 52, 53, 54, 55, 58, 59, 61, 62, 63, 64,
    73, 74, 93, 94, 101, 102,
)  # fmt: skip
# Every message of the text protocol; an id beyond means that the stream is out of step.
_KNOWN = range(1, 110)
_EXECUTION_FIELDS = 31
_RESULT_FIELDS = 5
_PRICE_REVISION_SINCE = 178
_LAST_TIME = "45"


class Receiver(Protocol):
    """The raw callbacks, one for each message we use; named as ib_async calls them."""

    def message_decoded(self) -> None:
        """A message was decoded, or is one that we have no use for."""

    def undecodable(self, message: BrokenMessage) -> None:
        """A message could not be read, or not all of it."""

    def price_text(self, request_id: int, tick_type: int, price: str, size: str) -> None:
        """Message 1."""

    def size_text(self, request_id: int, tick_type: int, size: str) -> None:
        """Message 2."""

    def status_text(self, fields: Fields) -> None:
        """Message 3, undecoded."""

    def error(self, request_id: int, code: int, text: str, reject_json: str) -> None:
        """Message 4."""

    def openOrder(  # noqa: N802 - ib_async's name
        self, order_id: int, contract: Contract, order: Order, state: OrderState
    ) -> None:
        """Message 5."""

    def updateAccountValue(self, key: str, value: str, currency: str, account: str) -> None:  # noqa: N802
        """Message 6."""

    def portfolio_text(self, fields: Fields) -> None:
        """Message 7, undecoded."""

    def updateAccountTime(self, clock: str) -> None:  # noqa: N802 - ib_async's name
        """Message 8."""

    def nextValidId(self, order_id: int) -> None:  # noqa: N802 - ib_async's name
        """Message 9."""

    def contractDetails(self, request_id: int, details: ContractDetails) -> None:  # noqa: N802
        """Message 10."""

    def execution_text(self, request_id: int, fields: Fields) -> None:
        """Message 11, undecoded."""

    def managedAccounts(self, accounts: str) -> None:  # noqa: N802 - ib_async's name
        """Message 15."""

    def history_text(self, request_id: int, fields: Fields) -> None:
        """Message 17, undecoded."""

    def tickGeneric(self, request_id: int, tick_type: int, value: float) -> None:  # noqa: N802
        """Message 45."""

    def last_time_text(self, request_id: int, text: str) -> None:
        """Message 46, of the time of the last trade alone."""

    def currentTime(self, epoch_s: int) -> None:  # noqa: N802 - ib_async's name
        """Message 49."""

    def contractDetailsEnd(self, request_id: int) -> None:  # noqa: N802 - ib_async's name
        """Message 52."""

    def openOrderEnd(self) -> None:  # noqa: N802 - ib_async's name
        """Message 53."""

    def accountDownloadEnd(self, account: str) -> None:  # noqa: N802 - ib_async's name
        """Message 54."""

    def execDetailsEnd(self, request_id: int) -> None:  # noqa: N802 - ib_async's name
        """Message 55."""

    def marketDataType(self, request_id: int, kind: int) -> None:  # noqa: N802 - ib_async's name
        """Message 58."""

    def commission_text(self, exec_id: str, value: str, currency: str) -> None:
        """Message 59."""

    def position(self, account: str, contract: Contract, quantity: float, cost: float) -> None:
        """Message 61."""

    def positionEnd(self) -> None:  # noqa: N802 - ib_async's name
        """Message 62."""

    def accountSummary(  # noqa: N802 - ib_async's name
        self, request_id: int, account: str, tag: str, value: str, currency: str
    ) -> None:
        """Message 63."""

    def accountSummaryEnd(self, request_id: int) -> None:  # noqa: N802 - ib_async's name
        """Message 64."""

    def accountUpdateMulti(  # noqa: N802 - ib_async's name and arguments
        self, request_id: int, account: str, model: str, key: str, value: str, currency: str
    ) -> None:
        """Message 73."""

    def accountUpdateMultiEnd(self, request_id: int) -> None:  # noqa: N802 - ib_async's name
        """Message 74."""

    def marketRule(self, rule_id: int, steps: list[PriceIncrement]) -> None:  # noqa: N802
        """Message 93."""

    def result_text(self, request_id: int, daily: str, unrealized: str, realized: str) -> None:
        """Message 94."""

    def completedOrder(self, contract: Contract, order: Order, state: OrderState) -> None:  # noqa: N802
        """Message 101."""

    def completedOrdersEnd(self) -> None:  # noqa: N802 - ib_async's name
        """Message 102."""


class CheckedDecoder(Decoder):
    """Decode the messages we use and report every one that cannot be."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        # The base class declares its own wrapper's type and needs only the callbacks.
        wrapper: Any = receiver
        super().__init__(wrapper, 0)
        own: dict[int, Handler] = {
            1: self._price,
            2: self._size,
            3: self._status,
            7: self._portfolio,
            11: self._execution,
            17: self._history,
            46: self._text,
            59: self._commission,
            94: self._result,
        }
        handlers: dict[int, Handler] = {**self.handlers, **own}
        self._used: dict[str, Handler] = {str(number): handlers[number] for number in _USED}

    def wrap(self, methodName: str, types: list[type], skip: int = 2) -> Handler:  # noqa: N803
        """Make a handler that demands exactly the fields of the layout, and swallows nothing."""
        method = getattr(self._receiver, methodName, None)

        def handler(fields: Fields) -> None:
            if len(fields) != skip + len(types):
                raise ValueError(f"{len(fields)} fields, the layout has {skip + len(types)}")
            assert method is not None, f"{methodName} is not a message we use"
            method(*map(_convert, types, fields[skip:]))

        return handler

    def parse(self, obj: Any) -> None:
        """Turn the texts of numbers in an object into numbers; no text is the field's default."""
        kind: Any = type(obj)
        for name, (read, default) in _numbers_of(kind).items():
            value = getattr(obj, name)
            setattr(obj, name, read(value) if value else default)

    def interpret(self, fields: Fields) -> None:
        """Decode one message and call the receiver, or report it."""
        handler = self._used.get(fields[0])
        if handler is None:
            if not (fields[0].isdecimal() and int(fields[0]) in _KNOWN):
                self._report(OUT_OF_STEP, fields, f"unknown message {fields[0][:20]!r}")
                return
            self._receiver.message_decoded()
            return
        try:
            handler(fields)
        except UNREADABLE as error:
            self._report(int(fields[0]), fields, repr(error))
            return
        self._receiver.message_decoded()

    def _report(self, message_id: int, fields: Fields, error: str) -> None:
        version = self.serverVersion
        self._receiver.undecodable(
            broken(fields, message_id=message_id, server_version=version, error=error)
        )

    def _price(self, fields: Fields) -> None:
        _, _, request_id, tick_type, price, size, _ = fields
        self._receiver.price_text(int(request_id), int(tick_type), price, size)

    def _size(self, fields: Fields) -> None:
        _, _, request_id, tick_type, size = fields
        self._receiver.size_text(int(request_id), int(tick_type), size)

    def _text(self, fields: Fields) -> None:
        # Exchanges and the like come by the dozen, and nobody here needs them.
        if fields[3] == _LAST_TIME:
            _, _, request_id, _, text = fields
            self._receiver.last_time_text(int(request_id), text)

    def _status(self, fields: Fields) -> None:
        self._receiver.status_text(fields)

    def _portfolio(self, fields: Fields) -> None:
        self._receiver.portfolio_text(fields)

    def _execution(self, fields: Fields) -> None:
        self._receiver.execution_text(int(fields[1]), fields)
        expected = _EXECUTION_FIELDS + (self.serverVersion >= _PRICE_REVISION_SINCE)
        if len(fields) != expected:
            # Booked all the same, since what we need was readable; but the layout has changed.
            self._report(11, fields, f"booked, but {len(fields)} fields, the layout has {expected}")

    def _history(self, fields: Fields) -> None:
        self._receiver.history_text(int(fields[1]), fields)

    def _commission(self, fields: Fields) -> None:
        _, _, exec_id, value, currency, *_ = fields
        self._receiver.commission_text(exec_id, value, currency)

    def _result(self, fields: Fields) -> None:
        if len(fields) != _RESULT_FIELDS:
            raise ValueError(f"{len(fields)} fields, the layout has {_RESULT_FIELDS}")
        _, request_id, daily, unrealized, realized = fields
        self._receiver.result_text(int(request_id), daily, unrealized, realized)


@cache
def _numbers_of(cls: type) -> Mapping[str, tuple[Callable[[Any], object], object]]:
    """Return the fields whose default is a number: how its text is read, and the default."""
    defaults = {field.name: field.default for field in dataclasses.fields(cls)}
    return {
        name: (_NUMBERS[type(default)], default)
        for name, default in defaults.items()
        if type(default) in _NUMBERS
    }


def _truth(text: Any) -> bool:
    return bool(int(text))


_NUMBERS: Mapping[type, Callable[[Any], object]] = {int: int, float: float, bool: _truth}


def _convert(kind: type, text: str) -> object:
    return text if kind is str else _NUMBERS[kind](text or 0)
