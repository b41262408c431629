"""A dataset in the layouts that other trainers read: a plain tar file. Held-out clips are the validation split, and no
other. The same dataset gives the same bytes."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from daemon.kinds.export import encoded
from daemon.package import consent
from daemon.package.archive import header
from daemon.package.formats import Format
from daemon.worker.job import Channel
from engines.base import Clip
from engines.errors import BadInput
from proto import worker_pb2 as wire

if TYPE_CHECKING:
    from engines.features import FeatureCache

#: A file: its name, and what gives its content.
File = tuple[str, Callable[[], bytes]]


@dataclass(frozen=True)
class Sound:
    """A clip of the dataset."""

    name: str  #: the same for the same clip, whatever else is in the dataset
    path: Path  #: FLAC
    text: str
    seconds: float
    held_out: bool
    recording: str  #: as it was called in the inbox


def write(plan: wire.ExportPlan, aside: Path, channel: Channel) -> str:
    """Write the tar file to `aside`. Returns what it is, in words. Raises BadInput for a clip that cannot be read."""
    data, format = plan.dataset, Format(plan.format)
    sounds = _sounds(data, channel.home)
    top = Path(plan.file).stem
    files = list({Format.LJSPEECH: _ljspeech, Format.FISH: _fish, Format.HUGGINGFACE: _huggingface}[format](
        sounds, data.voice
    ))  # fmt: skip
    if plan.features:
        files = list(_with_tokens(files, plan, channel))
    if plan.HasField("consent"):
        files = [(consent.FILE, consent.text(plan.consent).encode), *files]
    with aside.open("wb") as out:
        for done, (name, content) in enumerate(files):
            channel.check()
            channel.progress(done, len(files), "files", name)
            body = content()
            out.write(header(f"{top}/{name}", len(body)))
            out.write(body)
            out.write(b"\0" * (-len(body) % tarfile.BLOCKSIZE))
        out.write(b"\0" * (2 * tarfile.BLOCKSIZE))
    held = sum(sound.held_out for sound in sounds)
    return (
        f"Dataset #{data.number} of {data.voice} is written as {format}: {len(sounds) - held} clips to train on, "
        f"{held} held out for validation"
    )


def _ljspeech(sounds: Sequence[Sound], voice: str) -> Iterator[File]:
    """`wavs/`, `metadata.csv` (`id|text|text`, all clips), the same in two parts, and the lengths in seconds."""
    lines = {sound.name: f"{sound.name}|{_cell(sound.text)}|{_cell(sound.text)}\n" for sound in sounds}
    lists = {
        "metadata.csv": "".join(lines.values()),
        "metadata_train.csv": "".join(lines[sound.name] for sound in sounds if not sound.held_out),
        "metadata_val.csv": "".join(lines[sound.name] for sound in sounds if sound.held_out),
        "duration.json": json.dumps({sound.name: round(sound.seconds, 4) for sound in sounds}, indent=1) + "\n",
    }
    yield from _texts(lists)
    yield from ((f"wavs/{sound.name}.wav", _wav(sound)) for sound in sounds)


def _fish(sounds: Sequence[Sound], voice: str) -> Iterator[File]:
    """A folder of the speaker with each sound and its text; the held-out ones in a folder tree of their own, so that
    nobody trains on them by mistake."""
    for sound in sounds:
        folder = f"{'validation' if sound.held_out else 'train'}/{voice}"
        yield f"{folder}/{sound.name}.wav", _wav(sound)
        yield from _texts({f"{folder}/{sound.name}.lab": sound.text + "\n"})


def _with_tokens(files: Sequence[File], plan: wire.ExportPlan, channel: Channel) -> Iterator[File]:
    """The same with each sound's codes (10, frames) beside it, as fish-speech's `extract_vq.py` writes them, where it
    was encoded."""
    voice, there = plan.dataset.voice, encoded.cached(plan, channel)
    tokens = {_name(voice, clip.sha256): partial(_tokens, clip, cache) for clip, cache in there}
    for name, content in files:
        yield name, content
        path = PurePosixPath(name)
        if path.suffix == ".wav" and path.stem in tokens:
            yield str(path.with_suffix(".npy")), tokens[path.stem]


def _tokens(clip: Clip, cache: FeatureCache) -> bytes:
    import numpy as np

    features = cache.read(clip)
    if features is None:
        raise BadInput(f"The features of the clip {clip.sha256[:12]} cannot be read any more.", "Export again.")
    out = io.BytesIO()
    np.save(out, features["codes"].astype(np.int64))
    return out.getvalue()


def _name(voice: str, sha256: str) -> str:
    return f"{voice}-{sha256[:16]}"


def _huggingface(sounds: Sequence[Sound], voice: str) -> Iterator[File]:
    """A folder for each split, with its `metadata.csv`; the sounds are the FLAC files that Myna trains on."""
    for split, held in (("train", False), ("validation", True)):
        chosen = [sound for sound in sounds if sound.held_out is held]
        if not chosen:
            continue
        table = io.StringIO(newline="")
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(("file_name", "text", "speaker", "recording", "seconds"))
        for sound in chosen:
            rows.writerow((f"{sound.name}.flac", sound.text, voice, sound.recording, round(sound.seconds, 4)))
        yield from _texts({f"{split}/metadata.csv": table.getvalue()})
        yield from ((f"{split}/{sound.name}.flac", _flac(sound)) for sound in chosen)


def _sounds(data: wire.PackedDataset, home: Path) -> list[Sound]:
    """The kept clips, in the order of their recordings; the same sound twice is one."""
    names = {one.sha256: one.name for one in data.recordings}
    found: dict[str, Sound] = {}
    for one in data.clips:
        clip = one.clip
        if clip.kept:
            name, text = _name(data.voice, clip.sha256), " ".join(clip.text.split())
            sound = Sound(name, home / clip.path, text, clip.end - clip.start, one.held_out, names[one.recording])
            found.setdefault(clip.sha256, sound)
    return list(found.values())


def _texts(files: dict[str, str]) -> Iterator[File]:
    for name, text in files.items():
        yield name, text.encode


def _wav(sound: Sound) -> Callable[[], bytes]:
    def content() -> bytes:
        import soundfile

        out = io.BytesIO()
        try:
            samples, rate = soundfile.read(sound.path, dtype="int16")
        except (OSError, soundfile.LibsndfileError) as error:
            raise _unreadable(sound) from error
        soundfile.write(out, samples, rate, format="WAV", subtype="PCM_16")
        return out.getvalue()

    return content


def _flac(sound: Sound) -> Callable[[], bytes]:
    def content() -> bytes:
        try:
            return sound.path.read_bytes()
        except OSError as error:
            raise _unreadable(sound) from error

    return content


def _unreadable(sound: Sound) -> BadInput:
    return BadInput(f"The clip {sound.path} cannot be read.", "Bring it back from a copy, then export again.")


def _cell(text: str) -> str:
    """A text for a field between bars, which has no way to hold one."""
    return text.replace("|", "/")
