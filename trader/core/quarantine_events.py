"""What is recorded of messages that could not be read: kept raw, then what a person decided."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MessageQuarantined:
    """A message of the broker could not be read: its letter, as it came.

    ``key`` is of the digest of its fields; ``fields`` are whole unless ``is_truncated``.
    ``message_id`` is 0 for what is no message of the protocol.
    """

    key: str
    message_id: int
    server_version: int
    fields: tuple[str, ...]
    is_truncated: bool
    error: str


@dataclass(frozen=True, slots=True)
class MessageRepeated:
    """The same message has come so often by now; told at powers of two alone."""

    key: str
    count: int


@dataclass(frozen=True, slots=True)
class MessageNotKept:
    """So many messages of one id were not kept, because there were too many; as above."""

    message_id: int
    count: int


@dataclass(frozen=True, slots=True)
class MessageRetried:
    """A person had a letter read again; one that is settled is done with."""

    key: str
    is_settled: bool
    outcome: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class MessageDismissed:
    """A person is done with a letter; nothing of it was taken in."""

    key: str
    reason: str
    by: str


QuarantineEvent = (
    MessageQuarantined | MessageRepeated | MessageNotKept | MessageRetried | MessageDismissed
)
