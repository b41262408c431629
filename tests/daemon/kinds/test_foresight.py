"""Trainings foreseen from those like them, and from their own steps: values in, values out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from daemon.kinds.train import foresight
from daemon.kinds.train.foresight import Line, PastRun, Prior, Tick, Wanted

pytestmark = pytest.mark.unit


def run(audio: float = 40.0, steps: int = 100, pace: float = 0.5, around: float = 30.0, **rest: object) -> PastRun:
    whole = steps * pace + around
    one = PastRun(audio, steps, steps, steps * pace, whole, pace * 0.8, 0, whole * 200.0)
    return dataclasses.replace(one, **rest)  # type: ignore[arg-type]


def test_without_a_run_nothing_is_foreseen() -> None:
    assert foresight.before([], Wanted(40.0, 100, 0)) is None
    assert foresight.remaining([Tick(3.0, 0)], 100, Prior()) is None
    assert foresight.joules([], foresight.Range(1, 2, 3)) is None


def test_a_run_like_those_before_takes_what_they_took() -> None:
    found = foresight.before([run(), run(), run()], Wanted(40.0, 200, 0))
    assert found is not None
    assert found.likely == pytest.approx(200 * 0.5 + 30)
    assert found.high / found.likely == pytest.approx(1.05), "they did not differ"


def test_more_audio_in_a_batch_takes_longer_in_proportion_or_on_a_line_where_that_is_known() -> None:
    (few,) = [foresight.before([run(around=0.0)], Wanted(80.0, 100, 0))]
    assert few is not None
    assert few.likely == pytest.approx(100.0)
    lined = [run(audio, pace=0.2 + 0.01 * audio, around=0.0) for audio in (20.0, 40.0, 60.0)]
    found = foresight.before(lined, Wanted(80.0, 100, 0))
    assert found is not None
    assert found.likely == pytest.approx(100.0)
    assert foresight.prior(lined, Wanted(10.0, 100, 0)).pace == pytest.approx(0.3)


def test_one_odd_run_moves_little() -> None:
    runs = [run(audio, pace=0.01 * audio, around=0.0) for audio in (20.0, 30.0, 40.0, 50.0)]
    odd = run(35.0, pace=3.5, around=0.0)
    found = foresight.prior([odd, *runs], Wanted(40.0, 100, 0)).pace
    assert found == pytest.approx(0.4, rel=0.1)


@pytest.mark.parametrize(("known", "error"), [(1, 0.5), (2, 0.3)])
def test_few_runs_are_trusted_little(known: int, error: float) -> None:
    found = foresight.before([run()] * known, Wanted(40.0, 100, 0))
    assert found is not None
    assert found.high / found.likely == pytest.approx(1 + error)
    assert found.likely / found.low == pytest.approx(1 + error)


def test_the_range_is_how_far_the_rule_was_off_before() -> None:
    found = foresight.before([run(pace=0.4), run(pace=0.5), run(pace=0.7)], Wanted(40.0, 100, 0))
    assert found is not None
    assert found.high / found.likely > 1.2


def test_a_run_that_may_stop_early_is_taken_to_do_the_part_that_others_did() -> None:
    early = [run(steps=50, planned=100, patience=8)] * 3
    found = foresight.before(early, Wanted(40.0, 200, 8))
    assert found is not None
    assert found.likely == pytest.approx(100 * 0.5 + 30)
    assert found.high >= 200 * 0.5 + 30, "it may go on to its last step"
    whole = foresight.before(early, Wanted(40.0, 200, 0))
    assert whole is not None
    assert whole.likely == pytest.approx(200 * 0.5 + 30), "one that never stops early does all"


def ticks(steps: int, pace: float, *, begins: float = 10.0, measures: float = 0.0, every: int = 10) -> Iterator[Tick]:
    yield Tick(begins / 2, 0)
    now = begins
    for step in range(1, steps + 1):
        yield Tick(now, step)
        now += pace + (measures if step % every == 0 else 0.0)


def test_what_is_left_follows_from_its_own_steps() -> None:
    left = foresight.remaining(list(ticks(20, 0.5)), 100, Prior())
    assert left == pytest.approx(80 * 0.5)


def test_what_lies_between_steps_is_taken_from_runs_before_until_it_shows() -> None:
    young = list(ticks(5, 0.5, measures=2.0))
    assert foresight.remaining(young, 100, Prior()) == pytest.approx(95 * 0.5)
    assert foresight.remaining(young, 100, Prior(0.7, 1.4)) == pytest.approx(95 * 0.7, rel=0.1)
    old = list(ticks(60, 0.5, measures=2.0))
    assert foresight.remaining(old, 100, Prior(0.5, 1.0)) == pytest.approx(40 * 0.7, rel=0.1)


def test_the_newest_steps_count_when_the_machine_gets_busier() -> None:
    quick = list(ticks(50, 0.5))
    slow = [Tick(quick[-1].seconds + 2.0 * step, 50 + step) for step in range(1, 46)]
    left = foresight.remaining([*quick, *slow], 200, Prior())
    assert left is not None
    assert left > 105 * 1.9


def test_one_long_step_moves_nothing() -> None:
    found = list(ticks(50, 0.5))
    later = [Tick(tick.seconds + 100.0 * (tick.step > 25), tick.step) for tick in found]
    left = foresight.remaining(later, 100, Prior(0.5, 1.0))
    assert left is not None
    assert left < 100 * 5


def test_before_its_first_step_it_has_what_others_took_and_after_its_last_what_follows() -> None:
    known = Prior(0.5, 1.0, 12.0, Line(30.0))
    assert foresight.remaining([Tick(5.0, 0)], 100, known) == pytest.approx(12 - 5 + 50 + 30)
    assert foresight.remaining([Tick(20.0, 0)], 100, known) == pytest.approx(50 + 30), "it takes longer than others"
    done = [*ticks(100, 0.5)]
    assert foresight.remaining(done, 100, known) == pytest.approx(30)
    later = [*done, Tick(done[-1].seconds + 20.0, 100)]
    assert foresight.remaining(later, 100, known) == pytest.approx(10)
    assert foresight.remaining([*done, Tick(done[-1].seconds + 90.0, 100)], 100, known) == 0


def test_a_loop_that_ended_early_is_noticed_by_its_silence() -> None:
    done = [*ticks(60, 0.5)]
    silent = [*done, Tick(done[-1].seconds + 5.0, 60)]
    assert foresight.remaining(silent, 100, Prior(0.5, 1.0, 10.0, Line(30.0))) == pytest.approx(30 - 5)
    together = Prior(0.5, 1.0, None, Line(40.0))  # of what is before the loop and after it
    assert foresight.remaining(silent, 100, together) == pytest.approx(40 - 10 - 5)
    assert foresight.remaining(done, 100, together) == pytest.approx(40 * 0.5 + 40 - 10)


def test_checkpoints_that_speak_come_after_the_loop_and_take_what_each_took() -> None:
    done = [*ticks(60, 0.5)]
    speaking = [*done, Tick(done[-1].seconds + 4.0, 0), Tick(done[-1].seconds + 8.0, 0)]
    known = Prior(0.5, 1.0, 10.0, Line(5.0, 10.0), spaced=(33, 67, 100))
    assert foresight.remaining(speaking, 100, known) == pytest.approx(5 + 4 * 10 - 8), "base, 33, last, best"
    assert foresight.remaining(done[:41], 100, known) == pytest.approx(60 * 0.5 + 5 + 5 * 10), "and 67, as it seems"


def test_once_it_is_told_how_many_lines_are_spoken_that_counts() -> None:
    done = [*ticks(60, 0.5)]
    known = Prior(0.5, 1.0, 10.0, Line(5.0, 10.0), spaced=(33, 67, 100), said=6)
    told = [*done, Tick(done[-1].seconds + 8.0, 0, lines=2 * 3 * 6)]
    assert foresight.remaining(told, 100, known) == pytest.approx(5 + 3 * 10 - 8), "the best is one of the others"
    assert foresight.prior([run(said=6), run()], Wanted(40.0, 100, 0)).said == 6


def test_what_follows_the_loop_is_learned_by_how_many_models_spoke() -> None:
    runs = [run(around=30.0, heard=3), run(around=50.0, heard=5)]
    spaced = (50, 100)  # with what it begins from and the best they are four
    few = foresight.prior(runs, Wanted(40.0, 100, 0, spaced))
    assert few.after_step(100) == pytest.approx(40), "a proportion, of two"
    three = [run(around=7.0 + 10.0 * heard, heard=heard) for heard in (3, 5, 6)]
    assert foresight.prior(three, Wanted(40.0, 100, 0, spaced)).after_step(100) == pytest.approx(47), "a line"
    silent = foresight.prior([run(around=20.0), run(around=24.0), *three], Wanted(40.0, 100, 0))
    assert silent.after_step(100) == pytest.approx(22), "where none speak, what it took where none did"
    best_among_them = [dataclasses.replace(one, heard=3, spaced=spaced) for one in runs]
    assert foresight.prior(best_among_them, Wanted(40.0, 100, 0, spaced)).more == -1


def test_what_came_before_the_loop_is_known_apart_and_does_not_count_twice() -> None:
    runs = [run(around=30.0, before=12.0)] * 3
    known = dataclasses.replace(foresight.prior(runs, Wanted(40.0, 100, 0)), ratio=1.0)
    assert known.before == 12
    assert known.after_step(100) == pytest.approx(18)
    mixed = foresight.prior([*runs, run(around=30.0)], Wanted(40.0, 100, 0))
    assert mixed.after_step(100) == pytest.approx(18), "one of an older Myna does not say"
    late = [dataclasses.replace(tick, seconds=tick.seconds + 60.0) for tick in ticks(20, 0.5)]
    assert foresight.remaining(late, 100, known) == pytest.approx(80 * 0.5 + 18), "it encoded more than others did"


def test_steps_as_quick_as_before_leave_what_follows_the_loop_as_it_was() -> None:
    known = Prior(0.5, 1.0, 10.0, Line(30.0))
    assert foresight.remaining([*ticks(99, 0.55), Tick(70.0, 0)], 100, known) == pytest.approx(30 - 70 + 10 + 98 * 0.55)
    busy = foresight.remaining([*ticks(99, 1.0), Tick(110.0, 0)], 100, known)
    assert busy == pytest.approx(2 * 30 - 110 + 10 + 98), "a machine twice as busy"


def test_energy_is_time_at_the_power_of_runs_before() -> None:
    seconds = foresight.Range(90.0, 100.0, 110.0)
    found = foresight.joules([run(), run(), run()], seconds)
    assert found is not None
    assert found.likely == pytest.approx(20_000)
    assert foresight.joules([run(joules=None)], seconds) is None


def test_other_work_goes_by_its_units() -> None:
    found = foresight.each([(10.0, 20.0), (5.0, 10.0), (20.0, 42.0)], 30.0)
    assert found is not None
    assert found.likely == pytest.approx(60.0)
    assert found.high == pytest.approx(63.0)
    assert foresight.each([], 30.0) is None
    assert foresight.each([(0.0, 5.0)], 30.0) is None
