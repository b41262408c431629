"""Whose turn it is, as a decision: any line of waiting jobs, served one after another."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.scheduling.turns import Waiter, in_turn

pytestmark = pytest.mark.unit
PEOPLE = ("", "bob", "carla", "dora")


@st.composite
def lines(draw: st.DrawFn) -> list[Waiter]:
    """Waiting jobs, of a few people, in a few priorities, at any places."""
    of = st.tuples(st.sampled_from(PEOPLE), st.sampled_from((0, 1)), st.floats(0, 20))
    return [Waiter(job, *drawn) for job, drawn in enumerate(draw(st.lists(of, max_size=30)))]


def served_one_by_one(line: list[Waiter]) -> list[Waiter]:
    """The jobs as they start where one at a time can."""
    waiting, served, begun = {one.job: one for one in line}, {}, []
    while waiting:
        one = waiting.pop(in_turn(list(waiting.values()), served)[0])
        begun.append(one)
        served[one.priority, one.person] = len(begun)
    return begun


@given(lines(), st.dictionaries(st.tuples(st.sampled_from((0, 1)), st.sampled_from(PEOPLE)), st.integers(1, 9)))
def test_all_are_in_it_once_higher_priorities_first_and_each_ones_own_in_their_order(
    line: list[Waiter], served: dict[tuple[int, str], int]
) -> None:
    by_job = {one.job: one for one in line}
    order = [by_job[job] for job in in_turn(line, served)]
    assert sorted(one.job for one in order) == sorted(by_job)
    assert [one.priority for one in order] == sorted((one.priority for one in line), reverse=True)
    for person in PEOPLE:
        for priority in (0, 1):
            own = [one for one in order if (one.person, one.priority) == (person, priority)]
            assert own == sorted(own, key=lambda one: (one.place, one.job))


@given(lines())
def test_whoever_waits_has_their_turn_after_at_most_one_job_of_each_of_the_others(line: list[Waiter]) -> None:
    begun = served_one_by_one(line)
    for index, one in enumerate(begun):
        before = [other for other in begun[:index] if other.priority == one.priority]
        last = max((n for n, other in enumerate(before) if other.person == one.person), default=-1)
        since = Counter(other.person for other in before[last + 1 :])
        assert all(count == 1 for count in since.values())


def test_a_thousand_jobs_of_one_do_not_stop_anothers_one() -> None:
    line = [Waiter(job, "bob", 100, float(job)) for job in range(1_000)]
    line.append(Waiter(1_000, "carla", 100, 1_000.0))
    assert in_turn(line, {(100, "bob"): 1})[0] == 1_000
    assert in_turn(line, {})[:2] == [0, 1_000], "and on two GPUs at once they are side by side"


def test_one_alone_keeps_the_order_of_the_queue() -> None:
    line = [Waiter(1, "", 100, 3.0), Waiter(2, "", 400, 9.0), Waiter(3, "", 100, 1.0)]
    assert in_turn(line, {}) == [2, 3, 1]
