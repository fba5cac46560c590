"""When the matcher's request is over: before a step that would not end in time."""

from __future__ import annotations

from itertools import chain, repeat

from matcher import Pace


def asked_at(*moments: float, seconds: float) -> list[bool]:
    """What it says at these moments, of a request that began at 0."""
    clock = chain([0.0], moments, repeat(float("nan")))
    pace = Pace(seconds, lambda: next(clock))
    return [pace() for _ in moments]


def test_it_goes_on_while_another_step_of_the_longest_so_far_fits() -> None:
    assert asked_at(10, 20, 30, seconds=40) == [False, False, False]


def test_a_step_that_would_end_too_late_is_not_begun() -> None:
    """By the clock alone it would be begun 1 s before the end, and end 29 s after it."""
    assert asked_at(30, 59, seconds=60) == [False, True]


def test_a_short_step_after_a_long_one_is_no_promise() -> None:
    assert asked_at(30, 31, seconds=60) == [False, True]


def test_a_request_whose_time_is_over_stops_whatever_its_steps_take() -> None:
    """Its thread went on after it was given up."""
    assert asked_at(61, seconds=60) == [True]
