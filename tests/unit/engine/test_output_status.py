"""What is shown of a strategy's output is plain: every field can be written as JSON."""

from __future__ import annotations

from dataclasses import asdict

from trader.engine.output_status import OutputStatus
from trader.ops.status_json import plain

FRESH = OutputStatus(
    answered_age_s=0.4, wished_age_s=12.0, decided_age_s=None, age_s_max=300.0,
    is_in_session=True, problem="",
)  # fmt: skip


def test_a_row_is_shown_as_it_is() -> None:
    shown = plain(FRESH)
    assert isinstance(shown, dict)
    assert shown == asdict(FRESH)
