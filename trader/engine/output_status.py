"""What is shown of how fresh a strategy's output is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OutputStatus:
    """How old the output of a strategy is, in seconds; None for what has not been yet.

    ``answered_age_s`` counts from the last quote or bar that it has answered, ``wished_age_s`` from
    its last wish, ``decided_age_s`` from the last verdict on one. ``age_s_max`` is what is allowed
    while its session is on; ``problem`` is empty while that is kept.
    """

    answered_age_s: float | None
    wished_age_s: float | None
    decided_age_s: float | None
    age_s_max: float
    is_in_session: bool
    problem: str
