"""The kernel's word on the clock: right, wrong or unknown, and never right by default."""

from __future__ import annotations

import errno
import os

import pytest

from trader.ops.time_service import Timex, ask, kernel_adjtimex, unknown


def kernel(state: int = 0, status: int = 0, estimated_us: int = 1_000, maximum_us: int = 20_000):  # type: ignore[no-untyped-def]
    def adjtimex(found: Timex) -> int:
        assert found.modes == 0, "it would set the clock"
        found.status, found.esterror, found.maxerror = status, estimated_us, maximum_us
        return state

    return adjtimex


def test_a_clock_that_is_kept_has_no_problem() -> None:
    seen = ask(kernel())
    assert (seen.is_synchronised, seen.problem) == (True, "")
    assert (seen.estimated_error_s, seen.maximum_error_s) == (0.001, 0.02)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": 0x40}, "unsynchronised"),
        ({"status": 0x2041}, "unsynchronised"),
        ({"state": 5}, "unsynchronised"),
        ({"estimated_us": 500_001}, "estimated error 0.500 s, allowed 0.5 s"),
        ({"estimated_us": -1}, "estimated error"),
        ({"maximum_us": 2_000_001}, "maximum error 2.000 s, allowed 2 s"),
    ],
)
def test_a_clock_that_is_not_kept_or_too_far_off_says_so(
    changes: dict[str, int], words: str
) -> None:
    assert words in ask(kernel(**changes)).problem


@pytest.mark.parametrize("changes", [{"estimated_us": 500_000}, {"maximum_us": 2_000_000}])
def test_what_is_assumed_is_still_right(changes: dict[str, int]) -> None:
    assert ask(kernel(**changes)).problem == ""


def test_a_kernel_that_does_not_answer_leaves_it_unknown() -> None:
    def forbidden(found: Timex) -> int:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    seen = ask(forbidden)
    assert seen.is_synchronised is None
    assert seen.problem == "the time service cannot be asked: Operation not permitted"
    assert unknown("why").problem == "why"


def test_the_real_kernel_is_asked_without_changing_anything() -> None:
    found = Timex(modes=0)
    try:
        state = kernel_adjtimex(found)
    except OSError:
        assert ask().is_synchronised is None
        return
    assert 0 <= state <= 5
    assert found.maxerror >= 0
    # The kernel's own rule: unsynchronised and the error state go together.
    assert ask().is_synchronised == (not found.status & 0x40 and state != 5)
