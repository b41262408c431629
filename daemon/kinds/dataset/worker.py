"""Cutting recordings into clips in a worker: each recording is cut, heard where it must be, judged and reported by
itself.

An attempt goes on where the last one ended: what was reported and acknowledged is not in the plan any more, and what
was heard of a recording is kept until its clips are acknowledged.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from daemon.kinds.dataset import hearing_language
from daemon.kinds.dataset.whisper_way import Remembered, found_way, goes_on_smaller
from daemon.worker.job import Channel
from engines import registry
from engines.audio.cleaning import cleaner
from engines.audio.flac import sweep_clips
from engines.audio.separation import Separate, separation
from engines.base import EngineInfo
from engines.cutting.clips import CutClip, cut_recording
from engines.cutting.cued import Cue
from engines.cutting.kept import Kept, sweep
from engines.errors import BadInput
from engines.files import disk_full_is_a_sentence
from engines.judging.limits import Limits
from engines.separators import MEMORY, PUBLISHED
from engines.transcription.choose import Choice, choose
from engines.transcription.room import say
from engines.transcription.whisper import WhisperTranscriber
from proto import worker_pb2 as wire

#: Workers that may die of a recording without getting on with it before it is left uncut.
DEATHS = 2
#: Folder of the home where what was heard is kept.
HEARD = "heard"
#: Folder of the home where clips are.
CLIPS = "clips"
#: What it says then.
NOTHING = "No recording had to be cut."
#: Called with how many seconds of a recording are done.
OnProgress = Callable[[wire.RecordingRef, float], None]


def run(plan: wire.DatasetPlan, channel: Channel) -> str:
    """Cut every recording of the plan. The dataset itself is made by the daemon, from its rows, when this has
    succeeded."""
    sweep(channel.home / HEARD)
    sweep_clips(channel.home / CLIPS)
    remembered = Remembered(channel.home / HEARD, channel.job)
    if not plan.recordings and not (plan.tell_language and plan.others):
        remembered.forget()
        return NOTHING
    info = registry.info(plan.engine)
    weights = channel.home / "weights"
    limits = Limits.of(json.loads(plan.limits_json or "{}"))
    beside = MEMORY if limits.separate != "off" else 0
    choice = _who_hears(plan, weights, remembered, channel, beside)
    channel.log("info", choice.why)
    if not plan.recordings:  # they are cut, and in the language that they are in, as far as that can be told
        remembered.forget()
        return NOTHING
    if cleaner(limits.denoise, info.sample_rate) is not None:  # what is missing is told once, not of each recording
        channel.log("info", f"Noise is taken out of clips ({limits.denoise}). Recordings stay as they are.")
    if (separate := separation(limits.separate, info.sample_rate, weights)) is not None:  # likewise
        terms = PUBLISHED[limits.separate].terms
        channel.log("info", f"Music is taken out of clips ({limits.separate}: {terms}). Recordings stay as they are.")
    total, done, began = sum(recording.seconds for recording in plan.recordings), 0.0, time.monotonic()
    kept, dropped = 0, Counter[str]()

    def on_progress(recording: wire.RecordingRef, seconds: float) -> None:
        at = done + seconds
        left = (time.monotonic() - began) / at * (total - at) if at > 0 else 0.0
        channel.progress(at, total, "seconds", f"cutting {recording.name}", left)

    # those that workers died of come last: what is cut before another death stays cut
    for recording in sorted(plan.recordings, key=lambda one: channel.deaths.get(one.sha256.encode(), -1)):
        channel.check()
        on_progress(recording, 0.0)
        kept_heard = Kept(channel.home / HEARD, recording.sha256, partial(_got_on, recording, channel))
        clips, note = _cut(recording, plan.language, info, choice, limits, separate, channel, on_progress, kept_heard)
        if found := kept_heard.found:
            channel.log("info", f"{recording.name}: {found} pieces were heard by an earlier attempt, and not again.")
        cut = wire.RecordingCut(
            recording=recording.sha256, clips=clips, note=note, cut_by=plan.cut_by, language=plan.language
        )
        channel.commit(wire.Report(cut=cut))
        kept_heard.forget()
        done += recording.seconds
        for clip in clips:
            if clip.kept:
                kept += 1
            else:
                dropped[clip.reason] += 1
                channel.log("info", f"{recording.name} {clip.start:.1f}–{clip.end:.1f} s is dropped: {clip.sentence}")
    channel.progress(total, total, "seconds", "making the dataset")
    remembered.forget()
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items()))
    count = len(plan.recordings)
    result = f"Cut {count} recording{'' if count == 1 else 's'}: {kept} clips kept"
    hears = choice.transcriber
    computed = f" Whisper computed {say(hears.way)}." if isinstance(hears, WhisperTranscriber) else ""
    return (f"{result}, dropped: {reasons}." if reasons else f"{result}.") + computed


def _who_hears(plan: wire.DatasetPlan, weights: Path, remembered: Remembered, channel: Channel, beside: int) -> Choice:
    """The recogniser of the voice's language; `beside`: bytes that other models of the job take. Where that language is
    left to be heard and is now, the plan is changed: it has the language, and the recordings that were cut in another
    one, too."""
    threads = int(os.environ.get("OMP_NUM_THREADS", "0")) or len(os.sched_getaffinity(0))
    way = found_way(weights, remembered, threads, channel, beside)
    hears = partial(
        choose, weights_dir=weights, threads=threads, on_smaller=partial(goes_on_smaller, remembered, channel)
    )
    choice = hears(plan.language, way=way, earlier=remembered.earlier)
    if (language := hearing_language.tell(plan, choice.transcriber, channel)) == plan.language:
        return choice
    plan.language = language
    plan.recordings.extend(plan.others)
    del choice  # not two models at once
    return hears(language, way=remembered.read(), earlier=remembered.earlier)


def _cut(
    recording: wire.RecordingRef,
    language: str,
    info: EngineInfo,
    choice: Choice,
    limits: Limits,
    separate: Separate | None,
    channel: Channel,
    progress: OnProgress,
    kept: Kept,
) -> tuple[list[wire.CutClip], str]:
    """The clips of one recording; one that cannot be read (any more) is one dropped clip that says so."""

    def on(done: float, total: float) -> None:
        channel.check()
        progress(recording, done)

    text = recording.text if recording.has_text else None
    cues = [Cue(cue.start, cue.end, cue.text) for cue in recording.cues]
    name = recording.sha256.encode()
    if (deaths := channel.deaths.get(name, 0)) >= DEATHS:
        return _unreadable(recording, f"Cutting it ended the worker {deaths} times.")
    channel.report(wire.Report(at=wire.At(what=name)))
    try:
        with disk_full_is_a_sentence("a clip"):
            cut = cut_recording(
                Path(recording.path),
                text,
                language,
                info,
                choice.transcriber,
                channel.home / CLIPS,
                progress=on,
                limits=limits,
                cues=cues,
                aligner=choice.aligner,
                second=choice.second if limits.second_recogniser else None,
                kept=kept,
                separate=separate,
            )
    except BadInput as error:
        return _unreadable(recording, str(error))
    finally:
        channel.report(wire.Report(at=wire.At()))
    return [as_wire(clip, channel.home) for clip in cut], ""


def _got_on(recording: wire.RecordingRef, channel: Channel) -> None:
    """Another worker will find more of what is said in it: a worker that dies now has not died for nothing."""
    channel.lasting()
    channel.report(wire.Report(at=wire.At(what=recording.sha256.encode(), got_on=True)))


def _unreadable(recording: wire.RecordingRef, sentence: str) -> tuple[list[wire.CutClip], str]:
    whole = wire.CutClip(start=0.0, end=recording.seconds, kept=False, reason="unreadable", sentence=sentence)
    return [whole], sentence


def as_wire(clip: CutClip, home: Path) -> wire.CutClip:
    return wire.CutClip(
        start=clip.start,
        end=clip.end,
        text=clip.text,
        text_source=clip.text_source,
        trust=clip.trust,
        kept=clip.kept,
        reason=clip.reason,
        sentence=clip.sentence,
        sha256=clip.sha256,
        path=str(clip.path.relative_to(home)) if clip.path is not None else "",
        quality=clip.quality.numbers,
        facts=_facts(clip),
    )


def _facts(clip: CutClip) -> wire.ClipFacts:
    facts, heard = clip.facts, clip.facts.heard
    return wire.ClipFacts(
        seconds=facts.seconds,
        speech=facts.speech,
        too_long=facts.too_long,
        text_shared=facts.text_shared,
        silent=facts.silent,
        heard=heard.text if heard else "",
        heard_trust=heard.trust if heard else "",
        confidence=heard.confidence if heard else 0.0,
        heard_language=heard.language if heard else "",
        voiceprint=clip.voiceprint,
        sketch=clip.sketch,
        words=[
            wire.HeardWord(text=word.text, start=word.start, end=word.end, confidence=word.confidence)
            for word in clip.words
        ],
    )
