"""Held-out lines as versions speak them: wav files under `samples/<voice>/<version or base>/`, spoken once and kept.

A line is spoken again only when what speaks it, its text or the way of speaking changed. Beside them, `recordings/` has
the recordings of the same lines as wav, so that the daemon can play either without decoding libraries.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from daemon.home import kept_lines
from daemon.home.kept_lines import BASE, FORMAT, SEED
from daemon.worker import versions
from daemon.worker.job import Channel
from daemon.worker.sayable import sayable
from engines.audio.mono import load
from engines.base import Clip, Engine, Model, Speaks, SpeechRequest
from engines.errors import EngineError, Unreachable
from engines.files import TEMPORARY, make_folder, write_whole
from engines.metrics.score import LineScores, Scores, SpokenLine
from engines.metrics.summary import Summary
from sound.tags import Tag

#: Raised when lines would be scored in another way.
SCORES = 2
RECORDINGS = "recordings"
NOWHERE = Path()  #: where the recording of a text lies that nobody has said


@dataclass(frozen=True)
class Speaker:
    """A version, or the base, that speaks held-out lines."""

    title: str  #: "anna@7", "the base"
    folder: Path  #: of its wav files
    version: Path | None  #: its own folder; None: the base
    identity: str  #: changes when its speech would
    voice: str = ""  #: what its files say of who speaks: "anna@7", "anna@base"

    def wav(self, clip: Clip, take: int = 0) -> Path:
        return kept_lines.wav(self.folder, clip.sha256, take)


def speaker(engine: Engine, samples: Path, voice: str, number: int, version: str, reference: Sequence[Clip]) -> Speaker:
    """The speaker of a voice's version (number and folder), or of the base (0 and no folder), which starts from the
    `reference` clips."""
    if version:
        folder = Path(version)
        made_of = [versions.identity(folder)]
    else:
        folder = None
        base = engine.base_dir()
        made_of = [versions.identity(base) if base is not None else "", *(clip.sha256 for clip in reference)]
    identity = hashlib.sha256(json.dumps([FORMAT, engine.info.name, SEED, *made_of]).encode()).hexdigest()[:16]
    spelt = f"{voice}@{number if version else BASE}"
    title, place = (spelt, str(number)) if version else ("the base", BASE)
    return Speaker(title, samples / place, folder, identity, spelt)


def speak_all(
    engine: Speaks,
    model: Callable[[], Model],
    who: Speaker,
    clips: Sequence[Clip],
    channel: Channel,
    on_line: Callable[[], None],
    take: int = 0,
    within: Callable[[], None] | None = None,
) -> int:
    """Have a take of every line on disk; `on_line` is called after each, `within` (else the channel's check) between
    pieces of one. Returns how many were spoken now; the others were there.

    `model` is only called, once, if there is something to speak. A line that cannot be spoken has no file, and the log
    says why.
    """
    make_folder(who.folder)
    _sweep(who.folder)
    loaded: Model | None = None
    spoken_now = 0
    for clip in clips:
        channel.check()
        wav, key = who.wav(clip, take), _key(who, clip, take)
        if not kept_lines.is_there(wav, key):
            loaded = loaded or model()
            try:
                request, _ = sayable(engine, SpeechRequest(clip.text, clip.language, seed=SEED + take), channel)
                chunks = []
                for chunk in engine.speak(loaded, request):
                    chunks.append(chunk)
                    (within or channel.check)()
                rate = chunks[0].sample_rate if chunks else engine.info.sample_rate
                samples = np.concatenate([chunk.samples for chunk in chunks]) if chunks else np.zeros(0, np.float32)
                sha256 = write_wav(wav, samples, rate, Tag(who.voice))
                said = {"key": key, "text": clip.text, "sha256": sha256}
                write_whole(wav.with_suffix(".json"), json.dumps(said).encode(), "a spoken line")
                channel.lasting()
            except EngineError as error:
                if error.kind in ("cancelled", "disk-full", "out-of-memory") or isinstance(error, Unreachable):
                    raise
                wav.unlink(missing_ok=True)
                channel.log("warning", f"{who.title} cannot speak “{clip.text}”: {error}")
            spoken_now += 1
        on_line()
    return spoken_now


def recordings(samples: Path, clips: Sequence[Clip], rate: int, channel: Channel) -> Speaker:
    """The recordings of the lines as wav files at `rate` Hz; what a voice can hope for."""
    who = Speaker("the recordings", samples / RECORDINGS, None, f"recordings-{FORMAT}")
    make_folder(who.folder)
    _sweep(who.folder)
    for clip in clips:
        channel.check()
        if not who.wav(clip).is_file():  # named by its content: it cannot be another
            write_wav(who.wav(clip), load(clip.path, rate), rate)
            channel.lasting()
    return who


def unrecorded(text: str, language: str) -> Clip:
    """A text that nobody has said, as a line to speak."""
    return Clip(sha256=kept_lines.text_name(text, language), path=NOWHERE, text=text, language=language, seconds=0.0)


def draws(who: Speaker, clips: Sequence[Clip], take: int) -> bool:
    """Whether another seed made another take of any line."""
    pairs = [(who.wav(clip), who.wav(clip, take)) for clip in clips]
    return any(a.is_file() and b.is_file() and a.read_bytes() != b.read_bytes() for a, b in pairs)


def lines(who: Speaker, recorded: Speaker, clips: Sequence[Clip], take: int = 0) -> list[SpokenLine]:
    """What there is to score."""
    return [
        SpokenLine(clip.text, who.wav(clip, take), recorded.wav(clip) if clip.path != NOWHERE else None)
        for clip in clips
    ]


def scored_before(
    who: Speaker, clips: Sequence[Clip], recogniser: str, take: int = 0, beside: Sequence[Clip] = ()
) -> tuple[dict[str, Any], Path]:
    """(what an earlier evaluation of the same speaker on the same lines kept, if any; where it is kept). `recogniser`
    is its name; `beside`: the clips whose recordings the person is known by, where those are others."""
    made_of = [
        FORMAT,
        SCORES,
        recogniser,
        *(_key(who, clip, take) for clip in clips),
        *(clip.sha256 for clip in beside),
    ]
    path = who.folder / f"scores-{hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]}.json"
    return _read(path), path


class HeardLines:
    """Scores line by line, for the next attempt when this one is cut short. Kept beside where all of them will be
    (`whole`)."""

    def __init__(self, whole: Path, lines: Sequence[SpokenLine]) -> None:
        self._path = whole.with_suffix(".part.json")
        self._kept = _read(self._path)
        self._lines = lines

    def known(self, number: int) -> LineScores | None:
        """What an attempt before heard."""
        kept = self._kept.get(str(number))
        return LineScores(self._lines[number], **kept) if kept is not None else None

    def keep(self, number: int, scores: LineScores) -> None:
        self._kept[str(number)] = _numbers(scores)
        write_whole(self._path, json.dumps(self._kept).encode(), "the scores")

    def forget(self) -> None:
        """All of them are kept elsewhere now."""
        self._path.unlink(missing_ok=True)


def scores_to_json(scores: Scores) -> dict[str, Any]:
    """For keeping; the inverse is `scores_from_json` with the same lines."""
    return {"lines": [_numbers(line) for line in scores.lines], "summary": scores.summary.to_json()}


def scores_from_json(values: dict[str, Any], of: Sequence[SpokenLine]) -> Scores:
    scored = tuple(LineScores(line, **kept) for line, kept in zip(of, values["lines"], strict=True))
    return Scores(scored, Summary.from_json(values["summary"]))


def _numbers(line: LineScores) -> dict[str, Any]:
    return {name: value for name, value in vars(line).items() if name != "line"}


def write_wav(path: Path, samples: np.ndarray[Any, np.dtype[np.float32]], rate: int, tag: Tag | None = None) -> str:
    """16-bit PCM, whole or not at all; its SHA-256. `tag`: what it says of itself, None for a recording. Raises
    DiskFull."""
    memory = io.BytesIO()
    with soundfile.SoundFile(memory, "w", rate, 1, "PCM_16", format="WAV") as file:
        if tag is not None:
            tag.put(file)
        file.write(np.clip(samples, -1.0, 1.0))
    write_whole(path, memory.getvalue(), "a spoken line")
    return hashlib.sha256(memory.getvalue()).hexdigest()


def _key(who: Speaker, clip: Clip, take: int) -> str:
    return kept_lines.key(who.identity, clip.sha256, clip.text, clip.language, take)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _sweep(folder: Path) -> None:
    """One evaluation runs at a time: what is half-written here was left by a killed one."""
    for leftover in folder.glob(f"{TEMPORARY}*"):
        leftover.unlink(missing_ok=True)
