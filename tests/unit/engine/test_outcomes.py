"""What becomes of a submission is told in words that programs rely on."""

from trader.engine.outcomes import OutcomeKind


def test_the_words_of_outcomes_stay() -> None:
    """They are in the answers of the API."""
    assert {kind.name: kind.value for kind in OutcomeKind} == {
        "SENT": "sent",
        "REFUSED": "refused",
        "WITHHELD": "withheld",
        "HOLD": "hold",
        "NOT_SENT": "not_sent",
        "UNCERTAIN": "uncertain",
    }
