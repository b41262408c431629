"""Two voices in a worker: both say the same texts, and what is kept compares them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile
from recorded import Recorded

from daemon.kinds.evaluate import across_worker
from daemon.kinds.evaluate import worker as evaluate
from engines.errors import BadInput
from engines.glow.engine import GlowEngine
from engines.transcription.choose import Choice
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration

TEXTS = ["The old ferry lay still.", "She put the lamp in the window."]


@pytest.fixture
def across_plan(trained_plan: wire.TrainPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> wire.EvaluatePlan:
    """anna's first version and the base as bob's, on a machine without a recogniser."""
    monkeypatch.setattr(across_worker, "choose", lambda *_: Choice(None, "Nobody listens."))
    other = wire.OtherSide(
        voice="bob", engine="glow", held_out=trained_plan.clips[:2], reference=trained_plan.clips[2:],
        samples_dir=str(tmp_path / "samples" / "bob"),
    )  # fmt: skip
    return wire.EvaluatePlan(
        voice="anna", engine="glow", language="en", version=1, version_dir=trained_plan.out_dir,
        held_out=trained_plan.held_out, reference=trained_plan.clips, samples_dir=str(tmp_path / "samples" / "anna"),
        other=other, texts=TEXTS,
    )  # fmt: skip


@pytest.mark.long
def test_both_say_the_texts_and_each_is_held_to_its_own_recordings(
    across_plan: wire.EvaluatePlan, tmp_path: Path
) -> None:
    channel = Recorded(tmp_path)
    assert evaluate.run(across_plan, channel) == "anna@1 and bob@base have said the same 2 texts."
    details = json.loads(channel.committed[0].evaluated.report_json)
    assert details["engines"] == ["glow", "glow"]
    assert [line["text"] for line in details["lines"]] == TEXTS
    for line in details["lines"]:
        assert line["spoken"].startswith("samples/anna/1/")
        assert line["spoken_by_other"].startswith("samples/bob/base/")
        for file in (line["spoken"], line["spoken_by_other"]):
            assert soundfile.info(tmp_path / file).frames
        assert {"similarity", "dnsmos"} <= set(line["scores"]) & set(line["other_scores"])
    assert channel.told[-1][:2] == (8, 8)
    assert not (Path(across_plan.version_dir) / "report.json").exists(), "nothing was judged"


@pytest.mark.long
def test_what_was_said_before_is_not_said_again(
    across_plan: wire.EvaluatePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate.run(across_plan, Recorded(tmp_path))

    def unwanted(*_: object, **__: object) -> None:
        raise AssertionError("nothing is left to speak")

    monkeypatch.setattr(GlowEngine, "load", unwanted)
    again = Recorded(tmp_path)
    evaluate.run(across_plan, again)
    assert again.committed


def test_a_version_that_is_not_whole_is_a_sentence(across_plan: wire.EvaluatePlan, tmp_path: Path) -> None:
    (Path(across_plan.version_dir) / "version.json").unlink()
    with pytest.raises(BadInput, match="version 1 of anna is missing or incomplete"):
        evaluate.run(across_plan, Recorded(tmp_path))
