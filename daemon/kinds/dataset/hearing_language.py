"""A voice whose `voice.toml` leaves its language to be heard: told in the worker, before its recordings are cut."""

from __future__ import annotations

from pathlib import Path

from daemon.worker.job import Channel
from engines import recognisers
from engines.transcription.base import Transcriber
from engines.transcription.language import ENOUGH, LIKELY, LanguageHeard, hear
from engines.transcription.whisper import WhisperTranscriber
from proto import worker_pb2 as wire


def tell(plan: wire.DatasetPlan, transcriber: Transcriber | None, channel: Channel) -> str:
    """The language that the voice's recordings are in, which the daemon knows by then; the plan's where it is given, or
    cannot be told yet, which is said in the log."""
    if not plan.tell_language:
        return plan.language
    if not isinstance(transcriber, WhisperTranscriber):
        sentence = f"{plan.voice}'s language is to be heard, and no Whisper model is here to hear it: it counts as"
        get = recognisers.how_to_get(channel.home / "weights")
        channel.log("warning", f"{sentence} {plan.language!r} until there is one. {get}")
        return plan.language
    channel.progress(0, 0, "seconds", "hearing which language it is")
    paths = [Path(one.path) for one in (*plan.recordings, *plan.others)]
    found = hear(paths, transcriber, channel.check)
    if found is None or not found.told:
        channel.log("warning", _not_told(plan, found))
        return plan.language
    told = wire.LanguageHeard(language=found.language, probability=found.probability, seconds=found.seconds)
    channel.commit(wire.Report(language=told))
    channel.log(
        "info",
        f"{plan.voice} speaks {found.language!r}: {found.probability:.0%} over {found.seconds:.0f} s of speech. "
        "`language` in voice.toml says another one.",
    )
    return found.language


def _not_told(plan: wire.DatasetPlan, found: LanguageHeard | None) -> str:
    needed = f"it takes {ENOUGH:g} s of speech, of which one language has {LIKELY:.0%}"
    what = "this Whisper model, or this sound, tells none"
    if found is not None:
        what = f"{found.language!r} has {found.probability:.0%} of {found.seconds:.0f} s"
    return (
        f"{plan.voice}'s language cannot be told yet: {what}, and {needed}. It counts as {plan.language!r} until then; "
        "`language` in voice.toml says which it is."
    )
