"""Rounds of judging: a clear case ends with the first, a close one gets further texts and takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from recorded import Recorded

from daemon.kinds.evaluate import rounds
from daemon.kinds.evaluate.rounds import Judge, Round
from daemon.worker.bench import Bench, Steps
from daemon.worker.spoken import NOWHERE, Speaker
from engines.base import Clip
from engines.glow.engine import GlowEngine
from engines.metrics.findings import Found
from engines.metrics.gate import Outcome
from engines.metrics.rule import Rule
from engines.metrics.score import LineScores, Scores, SpokenLine, summarise
from engines.metrics.summary import Summary

pytestmark = pytest.mark.unit
HELD_OUT = tuple(Clip(f"{n:064x}", Path(f"{n}.flac"), f"line {n}", "en", 2.0) for n in range(5))
RULE = Rule()
Measured = Callable[[str, str, int], float]  #: of a speaker's line and take


class PaperBench(Bench):
    """Speaks and hears by a table: similarity of each line and take, by speaker."""

    def __init__(
        self, folder: Path, similarity: Measured, *, draws: bool = True, wer: Measured = lambda who, text, take: 0.2
    ) -> None:
        channel = Recorded(folder)
        steps = Steps(channel, total=20)  # type: ignore[arg-type]  # as all of these tests do
        engine = GlowEngine()
        super().__init__(engine, engine, "en", Speaker("", folder, None, ""), HELD_OUT, (), channel, steps)  # type: ignore[arg-type]
        self._similarity, self._draws, self._wer = similarity, draws, wer
        self.heard: list[tuple[str, int, int]] = []  #: (speaker, lines, take)

    @property
    def recogniser(self) -> tuple[str, str]:
        return "whisper", "high"

    def speak(self, who: Speaker, model: object, clips: Sequence[Clip], take: int = 0) -> None:
        for clip in clips:
            who.wav(clip, take).write_text(str(take if self._draws else 0))

    def score(self, who: Speaker, clips: Sequence[Clip], take: int = 0) -> Scores:
        self.heard.append((who.title, len(clips), take))
        scored = tuple(
            LineScores(
                SpokenLine(clip.text, who.wav(clip, take), None),
                similarity=self._similarity(who.title, clip.text, take),
                wer=self._wer(who.title, clip.text, take),
                cer=0.1,
                words=5,
                chars=20,
                seconds=1.0,
            )
            for clip in clips
        )
        return Scores(scored, summarise(scored, *self.recogniser))


def judged(tmp_path: Path, bench: PaperBench) -> rounds.Judged:
    sides = []
    for name in ("v2", "v1"):
        (tmp_path / name).mkdir()
        sides.append(Speaker(name, tmp_path / name, tmp_path, name))
        bench.speak(sides[-1], None, HELD_OUT)
    planned = rounds.plan(HELD_OUT, "en", RULE, hears=True)
    judge = Judge(RULE, False, Summary(5, similarity=0.95), None, None)
    return rounds.until_decided(bench, planned, judge, *sides)


def noise(seed: int) -> Measured:
    """Two speakers that differ by chance only."""
    random = Random(seed)
    return lambda who, text, take: 0.7 + random.gauss(0.0, 0.02)


def test_a_clear_case_costs_one_round_on_the_held_out_lines(tmp_path: Path) -> None:
    bench = PaperBench(tmp_path, lambda who, text, take: {"v2": 0.85, "v1": 0.7}[who] + len(text) / 1000)
    found = judged(tmp_path, bench)
    assert found.verdict.outcome is Outcome.BETTER
    assert bench.heard == [("v2", 5, 0), ("v1", 5, 0)]
    assert found.cost() == {"rounds": 1, "lines_spoken": 10, "seconds_spoken": 10.0}


def test_a_close_case_gets_further_texts_and_takes_and_stays_undecided(tmp_path: Path) -> None:
    bench = PaperBench(tmp_path, noise(1))
    found = judged(tmp_path, bench)
    assert found.verdict.outcome is Outcome.UNDECIDED
    assert [(lines, take) for who, lines, take in bench.heard if who == "v2"] == [(5, 0), (7, 0), (12, 1), (12, 2)]
    assert (found.verdict.spread.lines, found.verdict.spread.takes) == (12, 3)


def gain(seed: int, mean: float) -> Measured:
    """One is better by so much on average, which a few lines do not tell."""
    random = Random(seed)
    return lambda who, text, take: 0.7 + random.gauss(mean if who == "v2" else 0.0, 0.02)


@pytest.mark.parametrize("draws", [True, False])
def test_a_case_that_more_lines_would_tell_gets_them(tmp_path: Path, draws: bool) -> None:
    bench = PaperBench(tmp_path, gain(0, 0.015), draws=draws)
    found = judged(tmp_path, bench)
    heard = [(lines, take) for who, lines, take in bench.heard if who == "v2"]
    assert heard == [(5, 0), (7, 0), *([(12, 1), (12, 2)] if draws else []), (36, 0)]
    assert found.verdict.outcome is Outcome.BETTER
    assert found.verdict.spread.lines == 48
    assert len(further(found, tmp_path)) == sum(lines for lines, _ in heard[1:])


def test_what_only_the_measures_would_tell_gets_more_lines_too(tmp_path: Path) -> None:
    """Word errors that vary hide in the balance what likeness gains."""
    random = Random(6)
    bench = PaperBench(tmp_path, gain(0, 0.02), wer=lambda who, text, take: max(0.0, random.gauss(0.5, 0.06)))
    found = judged(tmp_path, bench)
    assert [lines for who, lines, _ in bench.heard if who == "v2"][-1] == 36
    assert found.verdict.spread.lines == 48


def test_a_voice_without_further_texts_has_none_for_a_close_case(tmp_path: Path) -> None:
    few = rounds.plan(HELD_OUT, "en", replace(RULE, min_lines=0), hears=True)
    assert [len(each.clips) for each in few] == [5, 5, 5]
    twelve = rounds.plan(HELD_OUT, "en", replace(RULE, max_lines=12), hears=True)
    assert not any(each.close for each in twelve)
    many = tuple(replace(HELD_OUT[0], sha256=f"{n:064x}") for n in range(60))
    assert [len(each.clips) for each in rounds.plan(many, "en", RULE, hears=True)] == [60, 60, 60]


def test_an_engine_that_says_the_same_with_every_seed_is_not_heard_twice(tmp_path: Path) -> None:
    bench = PaperBench(tmp_path, noise(1), draws=False)
    found = judged(tmp_path, bench)
    assert [take for _, _, take in bench.heard] == [0, 0, 0, 0]
    assert len(further(found, tmp_path)) == 7


def further(found: rounds.Judged, folder: Path) -> list[dict[str, str]]:
    return found.further(folder, *(Speaker(name, folder / name, folder, name) for name in ("v2", "v1")))


def test_what_was_spoken_further_is_told_with_its_files_for_listeners(tmp_path: Path) -> None:
    found = judged(tmp_path, PaperBench(tmp_path, noise(1)))
    (tmp_path / "v1" / f"{HELD_OUT[1].sha256}.2.wav").unlink()
    told = further(found, tmp_path)
    assert len(told) == 7 + 12 + 12
    files = ("name", "text", "spoken", "spoken_by_parent")
    assert {key: told[7][key] for key in files} == {
        "name": f"{HELD_OUT[0].sha256}.1",
        "text": "line 0",
        "spoken": f"v2/{HELD_OUT[0].sha256}.1.wav",
        "spoken_by_parent": f"v1/{HELD_OUT[0].sha256}.1.wav",
    }
    assert all({"wer", "similarity"} <= set(one["scores"]) & set(one["parent_scores"]) for one in told)
    assert [one["name"] for one in told if not one["spoken_by_parent"]] == [f"{HELD_OUT[1].sha256}.2"]


@pytest.mark.long
def test_equal_voices_are_seldom_told_apart_over_all_rounds(tmp_path: Path) -> None:
    """Five looks share one error of 5 %: of 40 equal pairs more than 6 would be no chance (1 in 100)."""
    told = 0
    for seed in range(40):
        folder = tmp_path / str(seed)
        folder.mkdir()
        told += judged(folder, PaperBench(folder, noise(seed))).verdict.outcome is not Outcome.UNDECIDED
    assert told <= 6


def test_further_texts_are_of_the_language_and_not_those_held_out() -> None:
    german = rounds.plan(HELD_OUT, "de", RULE, hears=True)[1]
    assert len(german.clips) == 7
    assert all(clip.language == "de" and clip.path == NOWHERE for clip in german.clips)
    assert [one.take for one in rounds.plan(HELD_OUT, "xx", RULE, hears=True)] == [0, 1, 2]
    assert rounds.plan(HELD_OUT, "en", RULE, hears=False) == [Round(HELD_OUT, 0)]
    known = (*HELD_OUT, Clip("f" * 64, Path("f.flac"), german.clips[0].text, "de", 2.0))
    assert german.clips[0].text not in {clip.text for clip in rounds.plan(known, "de", RULE, hears=True)[1].clips}


@pytest.mark.parametrize(("base", "behind", "score"), [(0.95, True, -2.0), (0.7, False, 3.0), (0.85, False, 0.0)])
def test_a_version_that_plain_imitation_beats_is_said_to_be_so(
    tmp_path: Path, base: float, behind: bool, score: float
) -> None:
    sounds = {"v2": 0.85, "v1": 0.7, "the base": base}
    bench = PaperBench(tmp_path, lambda who, text, take: sounds[who] + len(text) / 1000)
    found = judged(tmp_path, bench)
    (tmp_path / "base").mkdir()
    imitation = Speaker("the base", tmp_path / "base", None, "base")
    judge = Judge(RULE, False, Summary(5, similarity=0.95), None, None)
    judged_again, beside = rounds.beside_base(bench, judge, found, imitation)
    assert judged_again.verdict.outcome is Outcome.BETTER, "than its parent"
    assert (Found.BEHIND_BASE in {one.found for one in judged_again.verdict.findings}) is behind
    assert beside.scores.summary.similarity == pytest.approx(base + 0.006)
    assert beside.score == pytest.approx(score)
    told = beside.to_json()
    assert told["high"] is not None
    assert (told["high"] < 0) is behind
    if behind:
        assert "only imitates the recordings, sounds better than it" in judged_again.verdict.sentences[-1]
