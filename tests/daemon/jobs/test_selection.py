"""Which checkpoint of a run becomes its version: those that are kept speak, and the one that surely sounds better than
the best by loss is taken."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import soundfile
from recorded import Recorded
from safetensors.torch import load_file

from daemon.kinds.evaluate.training_report import checkpoints
from daemon.kinds.train import selection
from daemon.kinds.train import worker as train
from daemon.kinds.train.selection import ChosenBy, Heard
from daemon.state import checkpoint_words
from daemon.worker import versions
from daemon.worker.bench import Bench
from daemon.worker.job import Stopped
from daemon.worker.spoken import NOWHERE, Speaker
from engines import registry
from engines.base import Clip, Undecided
from engines.glow.engine import GlowEngine
from engines.metrics.further_texts import SELECTION, TEXTS
from engines.metrics.rule import Rule
from engines.metrics.score import LineScores, Scores, SpokenLine, summarise
from engines.metrics.spread import Interval
from engines.metrics.summary import Summary
from engines.training import loop
from engines.training.checkpoint import Checkpoints
from engines.transcription.choose import Choice
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire


@pytest.fixture
def plan(train_plan: wire.TrainPlan) -> wire.TrainPlan:
    """Three checkpoints speak."""
    train_plan.settings_json = json.dumps({**json.loads(train_plan.settings_json), "spoken_checkpoints": 3})
    return train_plan


@pytest.fixture
def likeness(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """How each checkpoint sounds, by its title, in place of measuring it."""
    by_title: dict[str, float] = {}

    def score(bench: Bench, who: Speaker, clips: Sequence[Clip], take: int = 0) -> Scores:
        lines = tuple(
            LineScores(SpokenLine(clip.text, who.wav(clip), None), similarity=by_title[who.title] + 0.01 * (number % 2))
            for number, clip in enumerate(clips)
        )
        return Scores(lines, summarise(lines, "", ""))

    monkeypatch.setattr(selection, "choose_recogniser", lambda *_: Choice(None, "Nobody listens."))
    monkeypatch.setattr(Bench, "score", score)
    return by_title


def kept_weights(monkeypatch: pytest.MonkeyPatch) -> dict[int, dict[str, object]]:
    """The weights of each step that was saved as a version would be, as they come."""
    found: dict[int, dict[str, object]] = {}
    load = Checkpoints.load_weights

    def watched(checkpoints: Checkpoints, step: int, module: object) -> None:
        load(checkpoints, step, module)  # type: ignore[arg-type]
        found[step] = {name: tensor.clone() for name, tensor in module.state_dict().items()}  # type: ignore[attr-defined]

    monkeypatch.setattr(Checkpoints, "load_weights", watched)
    return found


@pytest.mark.integration
@pytest.mark.parametrize(
    ("sounds", "chosen", "by"),
    [
        ({"the base": 0.5, "step 4": 0.8, "step 8": 0.6, "step 12": 0.6}, 4, "speech"),
        ({"the base": 0.5, "step 4": 0.6, "step 8": 0.6, "step 12": 0.6}, 12, "loss"),
        ({"the base": 0.9, "step 4": 0.6, "step 8": 0.6, "step 12": 0.6}, 12, "loss"),
    ],
)
def test_the_checkpoint_that_surely_sounds_better_is_the_version(
    plan: wire.TrainPlan,
    likeness: dict[str, float],
    sounds: dict[str, float],
    chosen: int,
    by: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    likeness.update(sounds)
    weights, channel = kept_weights(monkeypatch), Recorded(tmp_path)
    assert train.run(plan, channel).startswith("Trained version 1")
    result = json.loads(channel.committed[-1].trained.result_json)
    assert result["kept_step"] == chosen
    assert (result["selection"]["step"], result["selection"]["by"]) == (chosen, by)
    assert [one["step"] for one in result["selection"]["heard"]] == [0, 4, 8, 12]
    made = load_file(Path(plan.out_dir) / "model.safetensors")
    assert all((made[name] == weights[chosen][name]).all() for name in made.keys() & weights[chosen].keys())
    assert made.keys() & weights[chosen].keys()
    assert channel.committed[-1].trained.best_step == 12, "the loss fell to the end"


@pytest.mark.integration
def test_an_engine_that_wants_the_earliest_where_nothing_is_sure_gets_it(
    plan: wire.TrainPlan, likeness: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learning = GlowEngine.info.learning
    assert learning is not None
    early = replace(GlowEngine.info, learning=replace(learning, undecided=Undecided.EARLIEST))
    monkeypatch.setattr(GlowEngine, "info", early)
    likeness.update({"the base": 0.5, "step 4": 0.6, "step 8": 0.6, "step 12": 0.6})
    channel = Recorded(tmp_path)
    train.run(plan, channel)
    result = json.loads(channel.committed[-1].trained.result_json)
    assert (result["kept_step"], result["selection"]["by"]) == (4, "earliest")


@pytest.mark.integration
@pytest.mark.parametrize(
    ("person", "heard", "chosen", "by", "words", "listened"),
    [
        ([0.9] * 6, 0.9, 4, "speech", False, [4, 2]),  # like the person, step 4 is not understood, and that is no fault
        ([0.3] * 6, 0.9, 12, "loss", True, [4]),
        ([0.9] * 4 + [0.1] * 2, 0.9, 12, "loss", True, [4, 2]),  # the first few say no, and all of them yes
        ([0.9] * 6, 0.4, 4, "speech", True, []),  # it is understood itself: the person is not asked for
    ],
)
def test_of_a_person_whom_the_recogniser_does_not_understand_words_choose_no_checkpoint(
    plan: wire.TrainPlan,
    person: list[float],
    heard: float,
    chosen: int,
    by: str,
    words: bool,
    listened: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sounds = {"the base": (0.5, 0.3), "step 4": (0.8, heard), "step 8": (0.6, 0.35), "step 12": (0.6, 0.35)}
    asked: list[int] = []
    recordings = [clip.sha256 for clip in selection.to_understand(plan)]

    def score(bench: Bench, who: Speaker, clips: Sequence[Clip], take: int = 0) -> Scores:
        if who.title == "the recordings":
            asked.append(len(clips))
            assert all(who.wav(clip).is_file() for clip in clips)
        said = [sounds.get(who.title) or (1.0, person[recordings.index(clip.sha256)]) for clip in clips]
        lines = tuple(
            LineScores(
                SpokenLine(clip.text, who.wav(clip), None),
                similarity=likeness + 0.01 * (number % 2),
                wer=wer,
                words=5,
            )
            for number, (clip, (likeness, wer)) in enumerate(zip(clips, said, strict=True))
        )
        return Scores(lines, summarise(lines, *bench.recogniser))

    somebody = Choice(SimpleNamespace(name="somebody", trust="high"), "Somebody listens.")  # type: ignore[arg-type]
    monkeypatch.setattr(selection, "choose_recogniser", lambda *_: somebody)
    monkeypatch.setattr(Bench, "score", score)
    channel = Recorded(tmp_path)
    train.run(plan, channel)
    told = json.loads(channel.committed[-1].trained.result_json)["selection"]
    assert (told["step"], told["by"], told["words"]) == (chosen, by, words)
    assert [one["wer"] for one in told["heard"]] == ([0.3, heard, 0.35, 0.35] if words else [None] * 4)
    assert asked == listened
    assert (told["understanding"] or {}).get("recordings", 0) == sum(listened)
    said = (
        "The recogniser does not understand the recordings themselves (6 were heard, the WER is 0.90), so words took "
        "no part."
    )
    assert checkpoint_words.understood(told) == ("" if words else said)


@pytest.mark.integration
def test_what_they_said_stays_and_the_weights_go(
    plan: wire.TrainPlan, likeness: dict[str, float], tmp_path: Path
) -> None:
    likeness.update({"the base": 0.5, "step 4": 0.6, "step 8": 0.6, "step 12": 0.6})
    channel = Recorded(tmp_path)
    train.run(plan, channel)
    told = json.loads(channel.committed[-1].trained.result_json)["selection"]
    assert len(told["samples"]) == selection.LINES
    for line in told["samples"]:
        assert set(line["files"]) == {"0", "4", "8", "12"}
        assert all(soundfile.info(tmp_path / file).frames > 0 for file in line["files"].values())
    assert not list((Path(plan.run_dir) / "selection").glob("step-*"))
    about = versions.lineage(Path(plan.out_dir)) or {}
    assert about["result"]["selection"] == told


@pytest.mark.integration
def test_a_training_that_was_stopped_while_they_spoke_speaks_only_what_is_missing(
    plan: wire.TrainPlan, likeness: dict[str, float], tmp_path: Path
) -> None:
    likeness.update({"the base": 0.5, "step 4": 0.6, "step 8": 0.6, "step 12": 0.6})
    samples = Path(plan.run_dir) / "selection" / "samples"

    def after_the_eighth(channel: Recorded) -> str:
        return "stop" if len(list(samples.rglob("*.json"))) >= 8 else ""

    with pytest.raises(Stopped):
        train.run(plan, Recorded(tmp_path, after_the_eighth))
    assert not Path(plan.out_dir).exists()
    before = {path: path.stat().st_mtime_ns for path in samples.rglob("*.wav")}
    again = Recorded(tmp_path)
    train.run(plan, again)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert "train/loss" not in again.curves, "no step was repeated"


@pytest.mark.long
@pytest.mark.integration
def test_where_nothing_was_learned_by_loss_a_better_sound_still_makes_a_version(
    plan: wire.TrainPlan, likeness: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss only rises, so what the run began from is the best by loss."""
    rising = itertools.count(1)
    monkeypatch.setattr(loop, "held_out_losses", lambda *_: {"loss": float(next(rising))})
    likeness.update({"the base": 0.5, "step 4": 0.5, "step 8": 0.5, "step 12": 0.5})
    assert train.run(plan, Recorded(tmp_path)).startswith("No version was made"), "nothing sounds better either"
    likeness["step 8"] = 0.8
    plan.run_dir, plan.run_uuid, channel = str(tmp_path / "runs" / "6"), "c" * 32, Recorded(tmp_path)
    train.run(plan, channel)
    told = json.loads(channel.committed[-1].trained.result_json)
    assert (told["kept_step"], told["selection"]["by"]) == (8, "speech")
    assert channel.committed[-1].trained.outcome == pb.VERSION_MADE


def heard(step: int, score: float, reach: float, pace: float = 1.0) -> Heard:
    return Heard(step, Summary(6, duration_ratio=pace), score, Interval(score - reach, score + reach))


@pytest.mark.unit
@pytest.mark.parametrize(
    ("others", "chosen"),
    [
        ([heard(4, 1.0, 0.5), heard(8, 2.0, 0.5)], (8, ChosenBy.SPEECH)),
        ([heard(4, 1.0, 0.5), heard(8, 2.0, 2.5)], (4, ChosenBy.SPEECH)),  # more, but not surely
        ([heard(4, 1.0, 0.5), heard(8, 1.0, 0.5)], (4, ChosenBy.SPEECH)),  # as good, and earlier
        ([heard(4, 1.0, 1.5), heard(8, -1.0, 0.5)], (12, ChosenBy.LOSS)),
        ([heard(0, 3.0, 0.5), heard(8, 0.1, 0.5)], (12, ChosenBy.LOSS)),  # what it began from is no checkpoint
        ([heard(4, 1.0, 0.5), heard(8, 3.0, 0.5, pace=0.55)], (4, ChosenBy.SPEECH)),  # no version may rush so
    ],
)
def test_which_is_chosen(others: list[Heard], chosen: tuple[int, ChosenBy]) -> None:
    assert selection._best([*others, Heard(12, Summary(6))], 12, Rule(), Undecided.LOWEST_LOSS) == chosen


@pytest.mark.unit
@pytest.mark.parametrize(
    ("others", "chosen"),
    [
        ([heard(4, 1.0, 1.5), heard(8, 0.5, 1.0)], (4, ChosenBy.EARLIEST)),
        ([heard(4, 1.0, 1.5), heard(8, 2.0, 0.5)], (8, ChosenBy.SPEECH)),  # what is heard goes first
        ([heard(4, -1.0, 0.5), heard(8, -0.2, 0.5)], (8, ChosenBy.EARLIEST)),  # the first is surely worse
        ([heard(0, 0.3, 0.5), heard(4, 0.1, 0.5), heard(8, 0.4, 0.5)], (8, ChosenBy.EARLIEST)),  # nothing learned yet
        ([heard(4, 0.1, 0.5, pace=0.55), heard(8, -1.0, 0.5)], (12, ChosenBy.LOSS)),  # no version may rush so
        ([heard(16, 0.1, 0.5)], (12, ChosenBy.LOSS)),  # later is not what was advised
        ([Heard(4, Summary(6))], (12, ChosenBy.LOSS)),  # too few lines to say
    ],
)
def test_which_is_chosen_where_the_authors_advise_the_earliest(
    others: list[Heard], chosen: tuple[int, ChosenBy]
) -> None:
    assert selection._best([*others, Heard(12, Summary(6))], 12, Rule(), Undecided.EARLIEST) == chosen


@pytest.mark.unit
def test_fish_wants_the_earliest_and_people_are_told_why() -> None:
    learning = registry.info("fish").learning
    assert learning is not None
    assert learning.undecided == Undecided.EARLIEST
    told = checkpoint_words.chosen(ChosenBy.EARLIEST, 4, 12)
    assert told.startswith("None surely sounds better than step 12")
    assert "Step 4 is the earliest" in told


def many(count: int, plan: wire.TrainPlan) -> wire.TrainPlan:
    """The same run with so many new clips that have no files."""
    del plan.clips[:]
    for number in range(count):
        plan.clips.add(
            sha256=f"{number:064x}", path=f"{number}.flac", text=f"clip {number}", language="en", is_new=True
        )
    return plan


@pytest.mark.unit
def test_clips_are_set_aside_where_there_are_many_and_never_others_than_at_first(plan: wire.TrainPlan) -> None:
    aside = selection.set_aside(many(100, plan), True)
    assert len(aside) == 5
    assert aside <= {clip.sha256 for clip in plan.clips}
    assert selection.set_aside(many(400, plan), True) == aside
    some = wire.TrainPlan.FromString(plan.SerializeToString())
    del some.clips[:]
    some.clips.extend(clip for clip in plan.clips if clip.sha256 != min(aside))
    assert selection.set_aside(some, True) == aside - {min(aside)}, "a clip that is there no more is not set aside"
    said = selection.lines(plan, aside)
    assert [clip.path == NOWHERE for clip in said] == [False] * 5 + [True]
    assert {clip.sha256 for clip in said[:5]} == aside


@pytest.mark.unit
@pytest.mark.parametrize(("count", "wanted"), [(59, True), (100, False)])
def test_few_clips_all_train(plan: wire.TrainPlan, count: int, wanted: bool) -> None:
    assert not selection.set_aside(many(count, plan), wanted)


@pytest.mark.unit
def test_a_run_that_began_without_goes_on_without(plan: wire.TrainPlan) -> None:
    (Path(plan.run_dir) / "checkpoints").mkdir(parents=True)
    assert not selection.set_aside(many(100, plan), True)


@pytest.mark.unit
def test_other_runs_set_other_clips_aside(plan: wire.TrainPlan, tmp_path: Path) -> None:
    first = selection.set_aside(many(200, plan), True)
    plan.run_dir, plan.run_uuid = str(tmp_path / "runs" / "6"), "c" * 32
    assert selection.set_aside(plan, True) != first


@pytest.mark.unit
@pytest.mark.parametrize("language", TEXTS)
def test_what_chooses_never_judges(language: str) -> None:
    assert len(set(SELECTION[language])) == selection.LINES
    assert not set(SELECTION[language]) & set(TEXTS[language])


@pytest.mark.unit
def test_a_language_without_texts_and_few_clips_has_nothing_to_say(plan: wire.TrainPlan) -> None:
    plan.language = "xx"
    assert selection.lines(plan, frozenset()) == []


@pytest.mark.unit
def test_the_report_shows_each_checkpoint_with_its_losses_and_where_to_listen() -> None:
    def one(step: int, similarity: float, sure: dict[str, float] | None) -> dict[str, object]:
        score = 0.0 if sure is None else (sure["low"] + sure["high"]) / 2
        return {"step": step, "similarity": similarity, "wer": 0.2, "dnsmos": 3.0, "score": score, "sure": sure}

    lineage = {
        "best_step": 12,
        "evaluations": [{"step": step, "held_out": {"loss": 3.0 - step / 10}, "train": {}} for step in (0, 4, 12)],
        "training": {
            "selection": {
                "step": 4,
                "by": "speech",
                "set_aside": 2,
                "heard": [
                    one(0, 0.5, {"low": -3.0, "high": -1.0}),
                    one(4, 0.8, {"low": 0.5, "high": 1.5}),
                    one(12, 0.7, None),
                ],
                "samples": [{"text": "A line.", "files": {"4": "runs/5/a.wav", "0": "runs/5/b.wav"}}],
            }
        },
    }
    text = "\n".join(checkpoints(lineage))
    assert "words took no part" not in text
    lineage["training"]["selection"]["words"] = False  # type: ignore[index]
    assert "lowest held-out loss. The recogniser does not understand" in "\n".join(checkpoints(lineage))
    assert "Step 4 sounds better than step 12, which has the lowest held-out loss." in text
    assert "| **step 4** | 2.6000 | 13.3 % better | 0.800 |" in text
    assert "+1.00 (+0.50 to +1.50)" in text
    assert "[beginning](../../../runs/5/b.wav), [4](../../../runs/5/a.wav)" in text
    assert checkpoints({"training": {}}) == []
    averaged = "\n".join(checkpoints({**lineage, "parent": 1, "settings": {"parent_share": 0.5}}))
    assert "| @1 | – |  | 0.500 |" in averaged, "the parent spoke, and the loss there is the base's"
    assert "| than the base |" in averaged
