"""Two voices or engines in a worker: one after the other is loaded and says the same texts, and both are heard. Nothing
is judged: what is kept are the lines and their scores, which `daemon/state/across.py` holds against each other."""

from __future__ import annotations

import dataclasses
import gc
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from daemon.home import kept_lines
from daemon.kinds.evaluate import told
from daemon.kinds.remote.worker import Accessed
from daemon.worker import spoken, versions
from daemon.worker.bench import Bench, Steps
from daemon.worker.job import Channel
from daemon.worker.spoken import Speaker
from engines import device, interruption, registry
from engines.base import Clip, Learns
from engines.errors import BadInput
from engines.metrics.score import Scores
from engines.remote import access
from engines.training import memory
from engines.transcription.choose import choose
from proto import worker_pb2 as wire


@dataclass(frozen=True)
class _Side:
    """Who speaks, and the bench that it speaks at: likeness is to its own recordings."""

    who: Speaker
    bench: Bench
    accessed: Accessed | None = None  #: how its engine is asked, where that is elsewhere


def run(plan: wire.EvaluatePlan, channel: Channel) -> str:
    """Have both say the texts, hear them, and have the scores committed."""
    clips = [spoken.unrecorded(text, plan.language) for text in plan.texts]
    steps = Steps(channel, total=4 * len(clips))
    steps.begin("reading the recordings of both voices")
    mine = wire.OtherSide(
        voice=plan.voice, engine=plan.engine, version=plan.version, version_dir=plan.version_dir,
        held_out=plan.held_out, reference=plan.reference, samples_dir=plan.samples_dir,
        remote=plan.remote if plan.HasField("remote") else None,
    )  # fmt: skip
    sides = [_side(one, plan.language, channel, steps) for one in (mine, plan.other)]
    here = [side for side in sides if side.accessed is None]
    for side in here:
        _speak(side, clips)
    choice = choose(plan.language, channel.home / "weights")
    channel.log("info", choice.why)
    for side in sides:
        side.bench.hear_with(choice)
    sides[0].bench.leave_the_gpu()
    for side in sides:
        if side not in here:  # what is elsewhere speaks without a GPU
            _speak(side, clips)
    scores = [side.bench.score(side.who, clips) for side in sides]
    details = {
        "recogniser": choice.why,
        "engines": [plan.engine, plan.other.engine],
        "lines": _lines(channel.home, clips, sides, scores),
    }
    channel.commit(wire.Report(evaluated=wire.EvaluateResult(report_json=json.dumps(details, allow_nan=False))))
    count = f"{len(clips)} text{'' if len(clips) == 1 else 's'}"
    return f"{sides[0].who.title} and {sides[1].who.title} have said the same {count}."


def _speak(side: _Side, clips: Sequence[Clip]) -> None:
    """Have it say the texts. Its model is gone after."""
    with ExitStack() as stack:
        if side.accessed is not None:
            stack.enter_context(access.given(side.accessed.access))
            stack.enter_context(interruption.checked_by(side.accessed.check))
        model = stack.enter_context(side.bench.loaded(side.who))
        within = side.accessed.check if side.accessed is not None else None
        side.bench.speak(side.who, model, clips, within=within)
    gc.collect()  # a model may be part of a circle, and the other one needs its room
    memory.release(device.torch_device())


def _side(plan: wire.OtherSide, language: str, channel: Channel, steps: Steps) -> _Side:
    """Raises BadInput if the version's folder is not whole."""
    if plan.version_dir and versions.lineage(Path(plan.version_dir)) is None:
        raise BadInput(
            f"The folder of version {plan.version} of {plan.voice} is missing or incomplete.",
            f"It should be {plan.version_dir}.",
        )
    voice, samples = registry.speaker(plan.engine), Path(plan.samples_dir)
    known_by, reference = versions.clips(plan.held_out), versions.clips(plan.reference)
    recorded = spoken.recordings(samples, known_by, voice.info.sample_rate, channel)
    who = spoken.speaker(voice, samples, plan.voice, plan.version, plan.version_dir, reference)
    who = dataclasses.replace(who, title=f"{plan.voice}@{plan.version or 'base'}")
    if plan.HasField("remote"):
        who = elsewhere(plan, samples)
    accessed = Accessed(plan.engine, plan.remote, channel) if plan.HasField("remote") else None
    loads = cast("Learns", voice)  # loaded to speak only, which needs no learning
    return _Side(who, Bench(loads, voice, language, recorded, known_by, reference, channel, steps), accessed)


def elsewhere(plan: wire.OtherSide, samples: Path) -> Speaker:
    """Who speaks there, and where what it says is kept: mynad looks there, too (`daemon.kinds.remote.kept`)."""
    asked = plan.remote
    identity = kept_lines.elsewhere(plan.engine, asked.base_url, asked.model, asked.voice)
    return Speaker(plan.voice, samples / kept_lines.BASE, None, identity, plan.voice)


def _lines(home: Path, clips: Sequence[Clip], sides: Sequence[_Side], scores: Sequence[Scores]) -> list[dict[str, Any]]:
    one, other = (side.who for side in sides)
    return [
        {
            "name": one.wav(clip).stem,
            "text": clip.text,
            "spoken": told.file(home, one, clip),
            "spoken_by_other": told.file(home, other, clip),
            "scores": told.numbers(scores[0].lines[index]),
            "other_scores": told.numbers(scores[1].lines[index]),
        }
        for index, clip in enumerate(clips)
    ]
