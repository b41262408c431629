"""Speaking in a worker: a request's text as chunks of audio, each sent as soon as it is made.

The speech worker stays between requests: voices spoken last stay loaded, up to a budget of memory, and are given back
when asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from daemon import settings
from daemon.kinds.speak import after_worker
from daemon.kinds.speak.recorded_worker import Recorded
from daemon.worker import versions
from daemon.worker.job import Channel, audio_report
from daemon.worker.loaded import Loaded
from daemon.worker.sayable import sayable
from daemon.worker.word_times import with_words
from engines import device, interruption, registry
from engines.audio.watermark import marked
from engines.base import AudioChunk, Converts, Engine, Model, Settles, Shares, Speaks, SpeechRequest, WarmsUp
from engines.errors import EngineError, OutOfMemory, WeightsMissing
from engines.training import memory
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

#: Audio goes out in pieces of at most this length, seconds: small messages, and a cancel is heard soon.
PIECE = 1.0

_voices = Loaded()
_spoken_with: deque[tuple[Settles, Model, int]] = deque(maxlen=1)  #: who spoke last, until it has settled; budget


def run(plan: wire.SpeakPlan, channel: Channel) -> str:
    """Speak a request, or convert a recording. Sends Audio reports, the last one empty with `last` set."""
    if plan.recording:
        return _converted(plan, channel)
    asked = plan.spec
    request = SpeechRequest(
        text=asked.text,
        language=asked.language,
        speed=asked.speed or 1.0,
        temperature=asked.temperature if asked.HasField("temperature") else None,
        seed=asked.seed if asked.HasField("seed") else None,
        options=dict(asked.options),
        speaker=asked.speaker,
        references=tuple(versions.clips(plan.given)),
    )
    if asked.language.split("-")[0].lower() not in registry.info(plan.engine).languages:
        known = ", ".join(registry.info(plan.engine).languages)
        raise EngineError(f"The engine {plan.engine} does not speak {asked.language!r}.", f"It speaks {known}.")
    request, left_out = sayable(registry.speaker(plan.engine), request, channel)
    engine, model = _model(plan, channel)
    passes = after_worker.ready(plan.after, lambda one: _converter(one, channel), request.seed)

    def spoken() -> Iterator[AudioChunk]:
        chunks = engine.speak(model, request)
        return with_words(chunks, request.language) if asked.word_times else chunks

    chunks = marked(_made(spoken, channel, passes), plan.watermark)
    seconds = _send(chunks, engine.info.sample_rate, channel, left_out=left_out)
    if isinstance(engine, Settles):
        _spoken_with.append((engine, model, _budget(channel)))
    return f"Spoke {seconds:.1f} s as {plan.version_name}."


def _converted(plan: wire.SpeakPlan, channel: Channel) -> str:
    """A recording after its passes, of which one converts."""
    asked = plan.spec
    rate = _rate(plan.after)
    sound = Recorded(Path(plan.recording), rate, channel)
    passes = after_worker.ready(
        plan.after, lambda one: _converter(one, channel), asked.seed if asked.HasField("seed") else None
    )
    chunks = marked(_made(sound.chunks, channel, passes), plan.watermark)
    seconds = _send(chunks, rate, channel, whole=sound.seconds)
    return f"Converted {seconds:.1f} s to {plan.version_name}."


def _rate(passes: Sequence[wire.PassPlan]) -> int:
    """What a recording is decoded to: the converter's, Hz. Above it nothing is left of it in any case."""
    return next(registry.info(one.convert.engine).sample_rate for one in passes if one.HasField("convert"))


def _send(
    chunks: Iterator[AudioChunk], rate: int, channel: Channel, *, left_out: Sequence[str] = (), whole: float = 0.0
) -> float:
    """Report speech (at `rate` Hz, if it does not say otherwise) as it comes, and its end; how long it was, seconds.
    `whole`: how long it will be, where that is known."""
    seconds, sentence, first = 0.0, -1, True
    for chunk in chunks:
        for piece in _pieces(chunk):
            channel.check()  # a cancel is heard before more is sent
            text, words = (chunk.text, _words(chunk)) if chunk.sentence != sentence else ("", [])
            sentence, rate = chunk.sentence, chunk.sample_rate
            sound = piece.astype("<f4").tobytes()
            told = audio_report(sound, rate, sentence, text, last=False, words=words)
            if first:
                told.audio.left_out.extend(left_out)
                told.audio.seconds = whole
                first = False
            channel.report(told)
            if whole:
                channel.progress(min(seconds, whole), whole, "seconds", "converting")
        seconds += len(chunk.samples) / chunk.sample_rate
    channel.report(audio_report(b"", rate, max(sentence, 0), "", last=True))
    return seconds


def get_ready(name: str) -> None:
    """Have what every voice of an engine needs in this process before somebody asks for one. Raises what the engine
    does."""
    engine = registry.speaker(name)
    if isinstance(engine, WarmsUp):
        engine.warm_up()


def settle() -> None:
    """Between requests: what makes the voice that spoke quicker for the next, which may take more memory."""
    if _spoken_with:
        engine, model, budget = _spoken_with.pop()
        engine.settle(model)
        _voices.shrink_to(budget)


def unload(keep_bytes: int) -> None:
    """Give memory back until at most `keep_bytes` of loaded voices are left."""
    _voices.shrink(keep_bytes)


def _model(plan: wire.SpeakPlan, channel: Channel) -> tuple[Speaks, Model]:
    """The voice, loaded before or now."""
    engine = registry.speaker(plan.engine)
    folder = Path(plan.version_dir) if plan.version_dir else None
    if folder is not None and versions.lineage(folder) is None:
        raise WeightsMissing(f"The folder of {plan.version_name} is missing or incomplete.", f"It should be {folder}.")
    return engine, _held(engine, plan.version_name, folder, plan.reference, channel)


def _converter(plan: wire.Conversion, channel: Channel) -> tuple[Converts, Model]:
    """Who converts, to sound like a voice, loaded before or now."""
    engine = registry.converter(plan.engine)
    return engine, _held(engine, f"{plan.engine}:{plan.voice}", None, plan.reference, channel)


def _held(engine: Engine, name: str, folder: Path | None, clips: Sequence[wire.ClipRef], channel: Channel) -> Model:
    """A version's folder, or the base, loaded before or now."""
    lies = folder or engine.base_dir()
    made_of = (versions.identity(lies) if lies is not None else "") + versions.data_digest(clips)
    key = f"{name} {made_of}"
    if (model := _voices.get(key)) is not None:
        return model
    budget, where = _budget(channel), device.device()
    there = engine.shares(folder, device=where) if isinstance(engine, Shares) else None
    if there is None:
        _voices.shrink(max(0, budget - engine.info.speak_memory))
    channel.log("info", f"Loads {name}.")
    channel.progress(0, 0, "", f"loads {name}")
    reference = versions.clips(clips)
    try:
        model = engine.load(folder, device=where, reference=reference)
    except Exception as error:
        if not memory.ran_out(error):
            raise
        model = there = None
    if model is None:  # here, where the exception no longer holds what it was building
        _voices.shrink(0)
        memory.release(device.torch_device())
        model = engine.load(folder, device=where, reference=reference)
    _voices.put(key, model)
    _voices.shrink_to(budget)
    there = [wire.LoadedVoice(name=key.split()[0], bytes=size) for key, size in _voices.sizes()]
    channel.report(wire.Report(loaded=wire.Loaded(voices=there)))
    return model


def _budget(channel: Channel) -> int:
    return settings.load(channel.home).speech_memory


def _made(
    spoken: Callable[[], Iterator[AudioChunk]], channel: Channel, passes: Sequence[after_worker.Begin]
) -> Iterator[AudioChunk]:
    """What is spoken, after the passes; words were found before those, in the sound as it was said. A cancel is heard
    also before a chunk is whole, where the engine lets it. Memory running out is a sentence, and gives the other
    voices' memory back."""
    try:
        with interruption.checked_by(channel.check):
            yield from after_worker.through(spoken(), passes)
    except Exception as error:
        if not memory.ran_out(error):
            raise
        unload(0)
        sentence = "Memory ran out while speaking."
        raise OutOfMemory(
            sentence, "Try again: the other loaded voices were given back. Or speak shorter sentences."
        ) from error


def _words(chunk: AudioChunk) -> list[pb.WordTime]:
    return [pb.WordTime(text=word.text, start=word.start, end=word.end) for word in chunk.words]


def _pieces(chunk: AudioChunk) -> Iterator[np.ndarray[tuple[int], np.dtype[np.float32]]]:
    size = max(1, int(PIECE * chunk.sample_rate))
    for start in range(0, len(chunk.samples), size):
        yield chunk.samples[start : start + size]
