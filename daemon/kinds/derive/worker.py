"""Making the clips of a derived voice in a worker: one after another, each reported by itself.

An attempt goes on where the last one ended: what was reported and acknowledged is not in the plan any more.
"""

from __future__ import annotations

import time
from pathlib import Path

from daemon.worker.job import Channel
from engines import registry
from engines.audio import clip as clips
from engines.audio.derive import derive, measure
from engines.audio.flac import save_clip
from engines.base import EngineInfo
from engines.cutting.whole import judged
from engines.errors import BadInput
from engines.judging.sentences import say
from engines.traits import Reached, Traits
from proto import worker_pb2 as wire

#: Workers that may die of a clip before the voice is made without it.
DEATHS = 2


def run(plan: wire.DerivePlan, channel: Channel) -> str:
    """Make every clip of the plan. The dataset is made by the daemon, from its rows, when this has succeeded."""
    info = registry.info(plan.engine)
    traits = Traits(plan.pitch, plan.pace, plan.liveliness)
    total, done, began = sum(clip.seconds for clip in plan.clips), 0.0, time.monotonic()
    reached: list[Reached] = []
    # those that workers died of come last: what is made before another death stays made
    for ref in sorted(plan.clips, key=lambda one: channel.deaths.get(one.sha256.encode(), 0)):
        channel.check()
        left = (time.monotonic() - began) / done * (total - done) if done > 0 else 0.0
        channel.progress(done, total, "seconds", f"making “{ref.text[:60]}”", left)
        done += ref.seconds
        try:
            made, came = _made(ref, info, traits, channel)
        except BadInput as error:
            channel.log("warning", f"The clip {ref.sha256[:12]} is left out: {error}")
            continue
        channel.commit(wire.Report(made=made))
        reached.append(came)
        if not made.clip.kept:
            channel.log("info", f"The clip made from {ref.sha256[:12]} is dropped: {made.clip.sentence}")
    channel.progress(total, total, "seconds", "making the dataset")
    if reached:
        typical = Reached.typical(reached)
        channel.log(
            "info",
            f"{len(reached)} clips made in this attempt. Measured against those they are made from, in the median: "
            f"pitch {typical.pitch:+.2f} semitones, pace {typical.pace:.3f}, liveliness {typical.liveliness:.2f}.",
        )
    return f"Made {len(reached)} clip{'' if len(reached) == 1 else 's'}."


def _made(ref: wire.ClipRef, info: EngineInfo, traits: Traits, channel: Channel) -> tuple[wire.ClipMade, Reached]:
    """One clip. Raises BadInput if it cannot be made."""
    name = ref.sha256.encode()
    if (deaths := channel.deaths.get(name, 0)) >= DEATHS:
        raise BadInput(f"Making it ended the worker {deaths} times.")
    channel.report(wire.Report(at=wire.At(what=name)))
    try:
        original = clips.read(Path(ref.path), info.sample_rate)
        made = derive(original, info.sample_rate, traits)
        came = measure(original, made, info.sample_rate, traits)
    finally:
        channel.report(wire.Report(at=wire.At()))
    sha256, path = save_clip(channel.home / "clips", made, info.sample_rate)
    facts, verdict = judged(made, info.sample_rate, ref.text, ref.language, info.clip_seconds)
    clip = wire.CutClip(
        start=0.0,
        end=len(made) / info.sample_rate,
        text=ref.text,
        kept=verdict.kept,
        reason=verdict.reason or "",
        sentence=say(verdict, facts),
        sha256=sha256,
        path=str(path.relative_to(channel.home)),
        quality=facts.quality.numbers,
    )
    report = wire.ClipMade(
        made_from=ref.sha256,
        clip=clip,
        sample_rate=info.sample_rate,
        size=path.stat().st_size,
        reached=wire.ReachedTraits(pitch=came.pitch, pace=came.pace, liveliness=came.liveliness),
    )
    return report, came
