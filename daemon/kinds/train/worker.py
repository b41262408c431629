"""Training in a worker: features, the loop, and the candidate's folder.

An attempt finds what the ones before it left: cached features, checkpoints, or the finished version, which is then only
reported again. That a folder has the number of its run or version is no proof that it is of this run:
`daemon/home/identity.py`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from daemon.home import identity, run_folder
from daemon.kinds.train import cut_for, selection, sound
from daemon.kinds.train.beginning import Beginning, beginning
from daemon.machine.disk_space import folder_size
from daemon.state.values import Way, on_wire
from daemon.worker import versions
from daemon.worker.job import Channel, Stopped
from daemon.worker.steering import Steering
from engines import device, registry
from engines.base import Clip, Features, Learns
from engines.errors import BadInput
from engines.features import encode_all
from engines.files import disk_full_is_a_sentence, make_folder, write_whole
from engines.own_sound import LearnsSound
from engines.training import control, memory
from engines.training.held_out import held_out_losses
from engines.training.loop import TrainResult, train
from engines.training.settings import TrainSettings
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

#: Held-out losses and other results are stored with a version; raised when their shape changes.
FORMAT = 1
#: What the daemon keeps of a run's result besides steps, losses and seconds.
_REPORTED = (
    "way",
    "ended",
    "stopped_early",
    "start_losses",
    "base_losses",
    "selection",
    "kept_step",
    "same_as",
    "sound",
)
#: How a run ended that had new clips, but none that its engine can learn from.
NOTHING_NEW = "None of the new clips can train this engine; the job's log says why."


def run(plan: wire.TrainPlan, channel: Channel) -> str:
    """Train one version and have it committed. Raises Stopped when told to stop: a checkpoint is written."""
    out = Path(plan.out_dir)
    with disk_full_is_a_sentence("the run's folder"):
        _report_moved_folder(channel, identity.claim(Path(plan.run_dir), _mark(plan), plan.unmarked_from), plan.run_dir)
    done = _finished(plan, out)
    if done is None:
        done = _train(plan, channel)
    else:
        channel.log("info", "This training was complete already: an attempt before this one finished it.")
    channel.commit(_report(plan, done))
    # The version holds the weights now, if one came of it; what only a resumed run would need can be many times their
    # size
    run_folder.come_to_its_end(Path(plan.run_dir))
    return _sentence(plan, done)


def _sentence(plan: wire.TrainPlan, done: dict[str, Any]) -> str:
    """What came of it, for people."""
    result = done["result"]
    speaks = f"version {Path(plan.parent_dir).name}" if result.get("way") == Way.ON_TOP else "the base"
    match _outcome(done):
        case pb.NOTHING_GAINED:
            return (
                f"No version was made: {plan.voice} gained nothing over {speaks} in "
                f"{result['steps']} steps. {result['ended']}"
            )
        case pb.NOTHING_NEW:
            return f"No version was made: {plan.voice} has nothing new to train on. {result['ended']}"
        case pb.SAME_WEIGHTS:
            return (
                f"No version was made: its weights are those of {plan.voice}@{result['same_as']}. {result['ended']} "
                "Another seed, other settings or more recordings make another one."
            )
    return f"Trained version {plan.version} of {plan.voice}: {result['ended']}"


def _outcome(done: dict[str, Any]) -> pb.RunOutcome.ValueType:
    return pb.RunOutcome.Value(done.get("outcome", "VERSION_MADE"))


def _mark(plan: wire.TrainPlan) -> identity.Mark:
    return identity.Mark(plan.home_uuid, plan.run_uuid)


def _finished(plan: wire.TrainPlan, out: Path) -> dict[str, Any] | None:
    """The lineage of the version, if an attempt of this run has finished it, or how it ended without one."""
    with suppress(OSError, ValueError):
        ended: dict[str, Any] = json.loads(_without_version(plan).read_text(encoding="utf-8"))
        return ended
    about = versions.lineage(out)
    if about is None or not identity.is_of(out, plan.run_uuid, plan.unmarked_from):
        return None
    if identity.read(out) is None:  # from before there were marks: it is ours if it was made of the same
        wanted = {**_origin(plan), "run": plan.run}
        if not identity.written_for(about, wanted):
            return None
        identity.write(out, _mark(plan))
    return about


def _without_version(plan: wire.TrainPlan) -> Path:
    """Where it is written how a run ended that no version came of."""
    return Path(plan.run_dir) / "outcome.json"


def _origin(plan: wire.TrainPlan) -> dict[str, Any]:
    """What a version's lineage says of where it comes from."""
    return {
        "voice": plan.voice,
        "version": plan.version,
        "engine": plan.engine,
        "parent": int(Path(plan.parent_dir).name) if plan.parent_dir else 0,
        "clips": sorted(ref.sha256 for ref in plan.clips),
        "held_out": sorted(ref.sha256 for ref in plan.held_out),
    }


def _report_moved_folder(channel: Channel, place: Path | None, found: str) -> None:
    """Say what was found in a folder's place, and where it lies now."""
    if place is not None:
        sentence = f"{found} belongs to another training with the same number. It is in {place} now, untouched."
        hint = (
            "It is another database's, or was changed by hand. `myna adopt --dry-run` lists what the "
            "home has and its database does not."
        )
        channel.log("warning", sentence)
        channel.report(wire.Report(notice=pb.Notice(level_value=pb.LEVEL_WARNING, sentence=sentence, hint=hint)))


def _train(plan: wire.TrainPlan, channel: Channel) -> dict[str, Any]:
    steering, reporter = Steering(channel), ChannelReporter(channel, plan.run)
    overrides = json.loads(plan.settings_json or "{}")
    try:
        engine = registry.learner(plan.engine)
        wanted = bool(overrides.get("spoken_checkpoints", TrainSettings.spoken_checkpoints))
        aside = selection.set_aside(plan, wanted)
        new, old, held_out = _features(plan, engine, aside, channel, steering)
        if not new:
            return {"outcome": pb.RunOutcome.Name(pb.NOTHING_NEW), "result": {"ended": NOTHING_NEW}}
        count = len(new) + len(aside)
        begins = beginning(plan, engine, count + len(old), count, overrides)
        begins.check(engine)
        channel.commit(_begun(begins))
        plan = begins.without_parent(plan)
        chosen, where = begins.settings, device.device()
        counts = f"{len(new)} new and {len(old)} old clips, {len(held_out)} held out"
        counts += f" and {len(aside)} set aside" if aside else ""
        source, most = begins.source(plan.voice, plan.engine), f"at most {chosen.steps} steps, on {device.name()}"
        channel.log("info", f"Trains from {source} on {counts}, {most}.")
        reference = sorted(versions.clips(plan.reference or plan.clips), key=lambda clip: clip.sha256)
        base_losses = _base_losses(plan, engine, where, reference, held_out, chosen, channel) if begins.start else None
        model = engine.load(begins.start, device=where, training=True, reference=reference)
        sound.learn(engine, model, plan, aside, begins, channel, steering)
        result = train(
            engine,
            model,
            new if begins.start else [*new, *old],
            held_out,
            chosen,
            Path(plan.run_dir),
            steering,
            reporter,
            old_clips=old if begins.start else (),
            base_losses=base_losses,
        )
    except control.Stopped as stopped:
        raise Stopped(reporter.saved) from stopped
    counted = {"new": len(new), "old": len(old), "held_out": len(held_out)} | (
        {"set_aside": len(aside)} if aside else {}
    )
    about = _lineage(plan, engine, model.kind, begins, result, counted)
    about["result"] |= {"start_losses": dict(result.start_losses), "base_losses": dict(base_losses or {})}
    said = selection.lines(plan, aside)
    if selection.possible(engine, chosen, result, said):
        finish = partial(begins.finish, engine, [*new, *old])
        selection.save(engine, model, plan, result, about, _mark(plan), finish)
        del model  # the checkpoints need its room
        memory.release(device.torch_device())
        choice = selection.choose(engine, plan, result, said, len(aside), channel)
        about["result"]["selection"] = choice.to_json()
        return _end(engine, plan, about, choice.step, lambda empty: selection.take(plan, choice.step, empty), channel)
    kept = result.best_step if held_out else result.steps
    if kept:
        begins.finish(engine, [*new, *old], model)
    return _end(engine, plan, about, kept, lambda empty: engine.save(model, empty), channel)


def _end(
    engine: Learns,
    plan: wire.TrainPlan,
    about: dict[str, Any],
    step: int,
    save: Callable[[Path], None],
    channel: Channel,
) -> dict[str, Any]:
    """Write the version, of the weights of `step`, which `save` writes; or, where that is what the run began from, or
    a version has these weights, how it ended without one. Returns the lineage."""
    about["result"]["kept_step"] = step
    if step == 0:
        return _without(plan, about, pb.NOTHING_GAINED)

    def saved(empty: Path) -> None:
        save(empty)
        if isinstance(engine, LearnsSound):
            about["result"]["sound"] = engine.own_sound(empty).to_json()

    steps = about["result"]["steps"]
    channel.progress(steps, about["settings"]["steps"], "steps", "writing the version")
    try:
        moved = versions.write(Path(plan.out_dir), saved, about, _mark(plan), plan.known)
    except versions.Twin as twin:
        about["result"]["same_as"] = twin.number
        return _without(plan, about, pb.SAME_WEIGHTS)
    _report_moved_folder(channel, moved, plan.out_dir)
    return about


def _without(plan: wire.TrainPlan, about: dict[str, Any], outcome: pb.RunOutcome.ValueType) -> dict[str, Any]:
    """Write down how the run ended, of which no version came. Returns the lineage."""
    about["outcome"] = pb.RunOutcome.Name(outcome)
    write_whole(_without_version(plan), json.dumps(about, sort_keys=True).encode(), "how the run ended")
    return about


def _base_losses(
    plan: wire.TrainPlan,
    engine: Learns,
    where: str,
    reference: Sequence[Clip],
    held_out: Sequence[Features],
    chosen: TrainSettings,
    channel: Channel,
) -> dict[str, float]:
    """Held-out losses of the engine's base, for a training that starts from a version; measured once a run."""
    if not held_out:
        return {}
    kept = Path(plan.run_dir) / "base_losses.json"
    if kept.is_file():
        found: dict[str, float] = json.loads(kept.read_text(encoding="utf-8"))
        return found
    channel.progress(0, chosen.steps, "steps", "measuring the base, to compare with")
    losses = held_out_losses(engine, engine.load(None, device=where, reference=reference), held_out, chosen)
    memory.release(device.torch_device())
    make_folder(kept.parent)
    write_whole(kept, json.dumps(losses).encode(), "the base's losses")
    channel.lasting()
    return losses


def _features(
    plan: wire.TrainPlan, engine: Learns, aside: frozenset[str], channel: Channel, steering: Steering
) -> tuple[list[Features], list[Features], list[Features]]:
    """Features of new, old and held-out clips, without those set `aside`. A clip the engine cannot train on is left
    out, and the log says why."""
    clips = [clip for clip in versions.clips(plan.clips) if clip.sha256 not in aside]
    held_out = versions.clips(plan.held_out)
    is_new = {ref.sha256: ref.is_new for ref in plan.clips}
    everything = [*clips, *held_out]
    cut_for.check(engine.info, everything, plan.dataset)
    folder = channel.home / "features" / plan.engine

    def on_progress(done: int, total: int) -> None:
        channel.progress(done, total, "clips", "encoding clips")

    encoded = encode_all(engine, everything, folder, steering, on_progress, channel.lasting)
    for clip, reason in encoded.dropped:
        channel.log("warning", f"Clip {clip.sha256[:12]} is left out: {reason}")
    if encoded.dropped and channel.attempt == 1:
        channel.report(wire.Report(notice=_left_out(plan, len(everything), encoded.dropped)))
    features = {clip.sha256: feature for clip, feature in encoded.kept}
    channel.log("info", f"{len(features)} clips encoded, {encoded.from_cache} of them from the cache.")

    def those(wanted: list[Clip]) -> list[Features]:
        return [features[clip.sha256] for clip in wanted if clip.sha256 in features]

    new = those([clip for clip in clips if is_new[clip.sha256]])
    old = those([clip for clip in clips if not is_new[clip.sha256]])
    if not new and not old:
        raise BadInput("None of the new clips can train this engine.", "The job's log says why each was left out.")
    return new, old, those(held_out)


def _left_out(plan: wire.TrainPlan, total: int, dropped: Sequence[tuple[Clip, str]]) -> pb.Notice:
    """Clips that the training does without."""
    (clip, reason), count = dropped[0], len(dropped)
    sentence = (
        f"{count} of {total} clips of {plan.voice} cannot train {plan.engine} and are left "
        f"out. {clip.sha256[:12]}: {reason}"
    )
    hint = f"The job's log names each. Correct a text with `myna clip {plan.voice} CLIP --text TEXT`, or drop the clip."
    return pb.Notice(level="warning", sentence=sentence, hint=hint)


def _lineage(
    plan: wire.TrainPlan,
    engine: Learns,
    kind: str,
    begins: Beginning,
    result: TrainResult,
    counted: Mapping[str, int],
) -> dict[str, Any]:
    return {
        **_origin(plan),
        "format": FORMAT,
        "language": plan.language,
        "kind": kind,
        "run": plan.run,
        "run_uuid": plan.run_uuid,
        "home": plan.home_uuid,
        "dataset": plan.dataset,
        "parent_uuid": plan.parent_uuid,
        "created": datetime.now(UTC).isoformat(),
        "licence": engine.info.licence,
        "base": engine.base_fingerprint(),
        "origin": begins.origin,
        "used": dict(counted),
        "settings": begins.settings.to_json(),
        "machine": device.name(),
        "result": {
            "way": begins.way,
            "steps": result.steps,
            "best_step": result.best_step,
            "best_loss": result.best_loss,
            "best_losses": dict(result.best_losses),
            "stopped_early": result.stopped_early,
            "ended": result.ended,
            "seconds": result.seconds,
        },
    }


def _begun(begins: Beginning) -> wire.Report:
    return wire.Report(begun=wire.RunBegun(way=on_wire(Way, begins.way), steps=begins.settings.steps))


def _report(plan: wire.TrainPlan, about: dict[str, Any]) -> wire.Report:
    result, outcome = about["result"], _outcome(about)
    rest: dict[str, Any] = {name: about[name] for name in ("settings", "machine", "used", "base") if name in about}
    rest |= {name: result.get(name) for name in _REPORTED}
    return wire.Report(
        trained=wire.TrainResult(
            version_dir=plan.out_dir if outcome == pb.VERSION_MADE else "",
            kind=about.get("kind", ""),
            steps=result.get("steps", 0),
            best_step=result.get("best_step", 0),
            best_loss=result.get("best_loss") or 0.0,
            seconds=result.get("seconds", 0.0),
            result_json=json.dumps(rest, sort_keys=True),
            held_out=result.get("best_losses", {}),
            outcome=outcome,
            size=folder_size(Path(plan.out_dir)) if outcome == pb.VERSION_MADE else 0,
        )
    )


class ChannelReporter:
    """The loop's `Reporter`, over a job's channel."""

    def __init__(self, channel: Channel, run: int) -> None:
        self._channel = channel
        self._run = run
        self._began: tuple[float, int] | None = None
        self.saved = 0  #: step of the last checkpoint

    def points(self, step: int, values: Mapping[str, float]) -> None:
        self._channel.points(self._run, [(name, step, value) for name, value in values.items()])

    def progress(self, done: int, total: int, sentence: str) -> None:
        moment = time.monotonic()
        if self._began is None:
            self._began = (moment, done)
        began, first = self._began
        left = (moment - began) / (done - first) * (total - done) if done > first else 0.0
        self._channel.progress(done, total, "steps", sentence, left)

    def log(self, level: str, text: str) -> None:
        self._channel.log(level, text)

    def checkpoint(self, step: int) -> None:
        self.saved = step
        self._channel.report(wire.Report(checkpoint=wire.CheckpointSaved(run=self._run, step=step)))
