"""Scoring in a worker: what is spoken, what is kept, and what the report tells."""

from __future__ import annotations

import dataclasses
import json
import shutil
import weakref
from pathlib import Path
from typing import Any

import pytest
import soundfile
from recorded import Recorded

from daemon.kinds.evaluate import worker as evaluate
from daemon.worker import bench
from daemon.worker.job import Stopped
from engines.capabilities import Capability
from engines.errors import BadInput, Cancelled
from engines.glow import bands
from engines.glow.engine import GlowEngine
from engines.transcription.choose import Choice
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


@pytest.fixture
def trained(trained_plan: wire.TrainPlan, evaluate_plan: wire.EvaluatePlan) -> wire.EvaluatePlan:
    assert evaluate_plan.version_dir == trained_plan.out_dir
    return evaluate_plan


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a recogniser: the same way with less work."""
    monkeypatch.setattr(evaluate, "choose", lambda *_: Choice(None, "Nobody listens."))


def spoken(samples: Path) -> dict[str, int]:
    """When each line was last spoken, by path."""
    return {str(path.relative_to(samples)): path.stat().st_mtime_ns for path in samples.rglob("*.wav")}


@pytest.mark.usefixtures("deaf")
def test_both_speak_every_line_and_the_report_lies_with_the_version(trained: wire.EvaluatePlan, tmp_path: Path) -> None:
    channel = Recorded(tmp_path)
    sentence = evaluate.run(trained, channel)
    assert sentence.endswith("on 2 held-out lines.")
    result = channel.committed[0].evaluated
    assert result.metrics["lines"] == result.against_metrics["lines"] == 2
    assert {"similarity", "dnsmos", "held_out_loss"} <= set(result.metrics)
    assert result.recording_metrics["similarity"] > result.metrics["similarity"]
    details = json.loads(result.report_json)
    for line in details["lines"]:
        for file in (line["recording"], line["spoken"], line["spoken_by_parent"]):
            assert soundfile.info(tmp_path / file).subtype == "PCM_16"
    folder = Path(trained.version_dir)
    assert json.loads((folder / "report.json").read_text()) == details
    text = (folder / "report.md").read_text()
    assert text.startswith("# anna@1\n")
    assert trained.held_out[0].text in text
    assert "<svg" in (folder / "curves.svg").read_text()
    assert channel.told[-1][:2] == (10, 10)


@pytest.mark.long
@pytest.mark.usefixtures("deaf")
def test_it_says_what_it_does_before_the_first_line_is_done(trained: wire.EvaluatePlan, tmp_path: Path) -> None:
    channel = Recorded(tmp_path)
    evaluate.run(trained, channel)
    first = [sentence for (done, _, _), sentence in zip(channel.told, channel.said, strict=True) if not done]
    assert first == ["reading the held-out recordings", "anna@1 speaks", "loading anna@1", "anna@1 speaks"]
    assert all(channel.said)
    assert "loading a recogniser" in channel.said
    assert "listening to the recordings" in channel.said


@pytest.mark.usefixtures("deaf")
def test_where_the_base_imitates_recordings_it_is_a_third_side_beside_two_versions(
    trained: wire.EvaluatePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its lines are among those that are counted: no scoring is at "14 of 12 lines"."""
    info = GlowEngine.info
    imitates = dataclasses.replace(info, capabilities=info.capabilities | {Capability.REFERENCES})
    monkeypatch.setattr(GlowEngine, "info", imitates)
    trained.against, trained.against_dir = 2, str(shutil.copytree(trained.version_dir, tmp_path / "2"))
    channel = Recorded(tmp_path)
    evaluate.run(trained, channel)
    details = json.loads(channel.committed[0].evaluated.report_json)
    assert details["summaries"]["base"]["lines"] == 2
    assert details["beside_base"].keys() == {"score", "low", "high"}
    assert "the base (plain cloning)" in (Path(trained.version_dir) / "report.md").read_text()
    assert channel.told[-1][:2] == (14, 14)
    assert all(done <= total for done, total, _ in channel.told)


@pytest.mark.slow
def test_words_are_heard_and_a_voice_that_mumbles_is_not_better(trained: wire.EvaluatePlan, tmp_path: Path) -> None:
    (Path(trained.version_dir) / bands.FILE).unlink()  # by them a mumble sounds surely more like the person
    channel = Recorded(tmp_path)
    evaluate.run(trained, channel)
    result = channel.committed[0].evaluated
    assert result.recording_metrics["wer"] < result.metrics["wer"]
    assert not result.better


def free(channel: Recorded) -> list[int]:
    """How many lines were done when the lane was said to be free."""
    before = [at for at, report in zip(channel.at, channel.reports, strict=True) if report.HasField("lane_free")]
    return [int(channel.told[at - 1][0]) for at in before]


@pytest.mark.long
@pytest.mark.usefixtures("deaf")
def test_without_a_gpu_the_lane_is_kept_to_the_end(trained: wire.EvaluatePlan, tmp_path: Path) -> None:
    channel = Recorded(tmp_path)
    evaluate.run(trained, channel)
    assert free(channel) == []


@pytest.mark.long
@pytest.mark.parametrize(("where", "told"), [("cpu", [4]), ("cuda", [])])
def test_when_all_is_spoken_the_gpu_is_left_unless_the_recogniser_uses_it(
    trained: wire.EvaluatePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, told: list[int]
) -> None:
    """The models are gone by then. A GPU is pretended to from when the recogniser is chosen on."""
    load, loaded = GlowEngine.load, list[weakref.ref[object]]()

    def noted(self: GlowEngine, *given: Any, **named: Any) -> Any:
        model = load(self, *given, **named)
        loaded.append(weakref.ref(model.module))
        return model

    def chosen(*_: object) -> Choice:
        monkeypatch.setattr(evaluate.device, "device", lambda: "cuda")
        monkeypatch.setattr(bench.memory, "release", lambda _: released.append([one() for one in loaded]))
        return Choice(None, "Nobody listens.", where)

    released: list[list[object]] = []
    monkeypatch.setattr(GlowEngine, "load", noted)
    monkeypatch.setattr(evaluate, "choose", chosen)
    channel = Recorded(tmp_path)
    evaluate.run(trained, channel)
    assert free(channel) == told
    assert released == [[None, None]] * len(told), "both models"


@pytest.mark.long
@pytest.mark.usefixtures("deaf")
def test_what_was_spoken_and_scored_is_not_done_again(
    trained: wire.EvaluatePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Recorded(tmp_path), Recorded(tmp_path)
    evaluate.run(trained, first)
    before = spoken(Path(trained.samples_dir))

    def unwanted(*_: object, **__: object) -> None:
        raise AssertionError("nothing is left to speak or to listen to")

    monkeypatch.setattr(GlowEngine, "load", unwanted)
    monkeypatch.setattr(bench, "score_lines", unwanted)
    evaluate.run(trained, second)
    assert spoken(Path(trained.samples_dir)) == before
    assert second.committed[0].evaluated.metrics == first.committed[0].evaluated.metrics


@pytest.mark.long
@pytest.mark.usefixtures("deaf")
def test_a_stopped_scoring_goes_on_where_it_was(trained: wire.EvaluatePlan, tmp_path: Path) -> None:
    wavs = Path(trained.samples_dir) / "1"

    def after_one_line(channel: Recorded) -> str:
        return "stop" if len(list(wavs.glob("*.wav"))) == 1 else ""

    with pytest.raises(Stopped):
        evaluate.run(trained, Recorded(tmp_path, after_one_line))
    kept = spoken(wavs)
    assert len(kept) == 1
    evaluate.run(trained, Recorded(tmp_path))
    assert kept.items() <= spoken(wavs).items()


@pytest.mark.usefixtures("deaf")
def test_a_cancelled_scoring_commits_nothing(trained: wire.EvaluatePlan, tmp_path: Path) -> None:
    channel = Recorded(tmp_path, lambda channel: "cancel" if len(channel.told) > 2 else "")
    with pytest.raises(Cancelled):
        evaluate.run(trained, channel)
    assert not channel.committed


@pytest.mark.slow
@pytest.mark.usefixtures("deaf")
def test_a_corrected_text_is_spoken_again(trained: wire.EvaluatePlan, tmp_path: Path) -> None:
    evaluate.run(trained, Recorded(tmp_path))
    before = spoken(Path(trained.samples_dir) / "1")
    trained.held_out[0].text = "Something else was said."
    evaluate.run(trained, Recorded(tmp_path))
    after = spoken(Path(trained.samples_dir) / "1")
    assert [name for name in before if before[name] != after[name]] == [f"{trained.held_out[0].sha256}.wav"]


@pytest.mark.usefixtures("deaf")
def test_a_line_that_cannot_be_spoken_counts_as_failed(trained: wire.EvaluatePlan, tmp_path: Path) -> None:
    trained.held_out[0].text = "…"
    channel = Recorded(tmp_path)
    evaluate.run(trained, channel)
    result = channel.committed[0].evaluated
    assert (result.metrics["lines"], result.metrics["failed"]) == (1, 1)
    assert any(line.startswith("warning: anna@1 cannot speak") for line in channel.lines)


def test_a_promotion_rule_with_an_unknown_key_is_refused_by_name(trained: wire.EvaluatePlan, tmp_path: Path) -> None:
    trained.rule_json = '{"wer_los": 0.1}'
    with pytest.raises(BadInput, match="no promotion setting named 'wer_los'"):
        evaluate.run(trained, Recorded(tmp_path))


def test_a_version_whose_folder_is_gone_is_named(evaluate_plan: wire.EvaluatePlan, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="version 1 of anna is missing"):
        evaluate.run(evaluate_plan, Recorded(tmp_path))
