"""Whether the recogniser follows the person: asked of more recordings where the few that are held out say no."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from demo_clips import refs
from numpy.typing import NDArray
from recorded import Recorded

from daemon.kinds.evaluate import worker as evaluate
from daemon.kinds.evaluate.understanding import ENOUGH
from daemon.kinds.train import selection
from engines.audio.mono import load
from engines.transcription.base import SAMPLE_RATE, Transcript, Trust
from engines.transcription.choose import Choice
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration

MORE = range(9, 14)  #: recordings that are not held out and that nothing was trained on
#: Nothing is said but the held-out lines, once.
ONE_ROUND = '{"min_lines": 0, "takes": 1}'


class Ear:
    """Hears what was given in the recordings it gets, and something else in all other sound."""

    name, language, settings = "ear", "en", ""
    trust: Trust = "low"

    def __init__(self, gets: Sequence[wire.ClipRef]) -> None:
        self._known = [(load(Path(one.path), SAMPLE_RATE), one.text) for one in gets]
        self.heard = 0

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        self.heard += 1
        text = next((text for known, text in self._known if _alike(known, samples)), "nobody ever said so")
        return Transcript(text, (), self.name, self.trust, 1.0)

    def transcribe_many(
        self, clips: Sequence[NDArray[np.float32]], alive: Callable[[], None] | None = None
    ) -> list[Transcript]:
        return [self.transcribe(one) for one in clips]


def _alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """The same sound but for what two changes of its rate do."""
    n = min(len(one), len(other))
    return abs(len(one) - len(other)) < 100 and float(np.corrcoef(one[:n], other[:n])[0, 1]) > 0.9


@pytest.mark.parametrize(("further", "heard"), [(True, True), (False, False)])
def test_the_few_that_are_held_out_do_not_say_alone_that_nobody_understands_the_person(
    further: bool,
    heard: bool,
    trained_plan: wire.TrainPlan,
    evaluate_plan: wire.EvaluatePlan,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    more = refs(MORE.start, MORE.stop)
    evaluate_plan.more_recordings.extend(more)
    evaluate_plan.rule_json = ONE_ROUND
    ear = Ear(more if further else ())
    monkeypatch.setattr(evaluate, "choose", lambda *_: Choice(ear, "An ear."))
    channel = Recorded(tmp_path)
    evaluate.run(evaluate_plan, channel)
    result = channel.committed[0].evaluated
    details = json.loads(result.report_json)
    asked = details["understanding"]
    assert (asked["heard"], asked["recordings"], asked["further"]) == (heard, 2 + len(more), len(more))
    assert result.recording_metrics["wer"] >= 0.75, "of the held-out ones alone"
    assert ("not understood" in {one["found"] for one in details["findings"]}) is not heard
    told = (Path(evaluate_plan.version_dir) / "report.md").read_text()
    assert f"it listened to {len(more)} more" in told
    assert channel.told[-1][0] == channel.told[-1][1]


def test_where_the_held_out_ones_are_understood_no_other_is_asked(
    trained_plan: wire.TrainPlan, evaluate_plan: wire.EvaluatePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate_plan.more_recordings.extend(refs(MORE.start, MORE.stop))
    evaluate_plan.rule_json = ONE_ROUND
    monkeypatch.setattr(evaluate, "choose", lambda *_: Choice(Ear(evaluate_plan.held_out), "An ear."))
    channel = Recorded(tmp_path)
    evaluate.run(evaluate_plan, channel)
    details = json.loads(channel.committed[0].evaluated.report_json)
    assert details["understanding"] == {"heard": True, "wer": 0.0, "recordings": 2, "further": 0}
    assert "it listened to" not in (Path(evaluate_plan.version_dir) / "report.md").read_text()


def test_where_checkpoints_are_chosen_the_person_is_known_by_texts_that_no_recogniser_wrote() -> None:
    clips = [wire.ClipRef(sha256=f"{number:02}", path=f"/{number}", text="So.") for number in range(30)]
    plan = wire.TrainPlan(clips=reversed(clips))
    assert [clip.sha256 for clip in selection.to_understand(plan)] == [clip.sha256 for clip in clips[:ENOUGH]]
    plan.written.extend(["20", "29", "gone"])
    assert [clip.sha256 for clip in selection.to_understand(plan)] == ["20", "29"]
