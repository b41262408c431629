"""Decode recordings of any kind, and check them whole.

PyAV's wheel carries FFmpeg, so no system package is needed. This module is what the ingest worker runs for every
dropped file: it imports no torch, and av and numpy only when the first file is opened. Decoding streams, so a
three-hour file takes constant memory.
"""

from __future__ import annotations

import errno
import math
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from engines.audio.container import NAMES, Container, has_end_mark, mp3_has_frame_count, sniff
from engines.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Called often by whoever works long; raises what ends the work.
Alive = Callable[[], None]
#: Longest recording taken, seconds. Longer is nearly always a mistake (a recorder left running), and can be split by
#: the person.
MAX_SECONDS = 12 * 3600.0
#: Below this level (RMS over the whole recording, dB of full scale) a recording counts as silent.
SILENT_DB = -66.0
#: A recording may lack this much of the length it claims and still be taken, with a note.
MISSING_SECONDS, MISSING_SHARE = 1.0, 0.05
#: Frames handed out at a time.
_BLOCK = 65_536
#: Floating-point samples beyond this are not sound at a wrong level but numbers at a wrong scale.
_MAX_PEAK = 16.0


@dataclass(frozen=True)
class RecordingFacts:
    """What a whole decode of one file found."""

    seconds: float
    sample_rate: int  #: Hz
    channels: int
    codec: str  #: FFmpeg's name: "pcm_s16le", "flac", "opus", …
    bits: int  #: bits a sample as stored, 0 for lossy codecs
    peak: float  #: largest absolute sample, 1.0 is full scale
    rms_db: float  #: over all channels, dB of full scale; -120 for digital silence
    clipped_share: float  #: share of samples that stand in runs at full scale, 0…1
    silent: bool  #: nothing to hear
    notes: tuple[str, ...] = field(default=())  #: sentences for people: odd but taken


def probe_and_decode(path: Path, alive: Alive = lambda: None) -> RecordingFacts:
    """Decode the whole file and say what is in it. `alive` is called many times a second, and what it raises ends the
    decoding.

    Raises BadInput, with one sentence and what to do, if it is empty, no audio, damaged, cut short, silent digital
    nothing of zero length, made of values that are no numbers, longer than MAX_SECONDS, a folder, or unreadable.
    """
    with opened(path) as file:
        container = container_of(file, path)
        reader = Reader(file, container, path)
        levels = _Levels()
        for block in reader.blocks():
            alive()
            levels.add(block, path)
        return _facts(path, file, container, reader, levels)


class Reader:
    """Decoded blocks of one open file, float32 of shape (channels, n)."""

    def __init__(self, file: BinaryIO, container: Container, path: Path) -> None:
        import av

        self._av = av
        av.logging.set_level(None)  # FFmpeg's own complaints say less than our sentences
        self._path, self._kind = path, container.looks_like
        try:
            self._input: Any = av.open(file, "r", format=container.format, metadata_errors="replace")
        except (av.error.FFmpegError, ValueError, EOFError, OSError) as error:
            if not _is_damage(error):
                raise
            raise BadInput(
                f"{shown(path)} begins like {_article(container.looks_like)} file but is damaged or "
                f"cut short ({_reason(error)}).",
                "Copy it again from where it was recorded, or export it once more.",
            ) from None
        streams = self._input.streams.audio
        if not streams:
            video = " It holds only pictures." if self._input.streams.video else ""
            raise BadInput(f"{shown(path)} holds no sound.{video}", "Drop the sound recording itself.")
        self.stream: Any = streams[0]
        if self.stream.codec_context is None:
            raise BadInput(
                f"The sound in {shown(path)} is coded in a way that cannot be decoded here.",
                "Export it as 16-bit WAV or FLAC.",
            )
        self.sample_rate = int(self.stream.codec_context.sample_rate or 0)
        self.channels = int(self.stream.codec_context.channels or 0)
        if not 4_000 <= self.sample_rate <= 768_000 or not 1 <= self.channels <= 64:
            raise BadInput(
                f"{shown(path)} says it has {self.channels} channels at {self.sample_rate} Hz, which cannot be right.",
                "Export it as 16-bit WAV or FLAC, mono, 24,000 Hz or more.",
            )
        self.damaged_packets = 0
        self.samples = 0  #: samples a channel, decoded so far

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """All of the file, in order. Damaged packets are counted and passed over."""
        # Packed, not planar: of a planar frame with more than eight channels, PyAV reads planes that are not there. The
        # frames that come from the decoder, planar or not, go to FFmpeg's own resampler untouched.
        join = self._av.AudioResampler(format="flt", frame_size=max(_BLOCK // max(1, self.channels // 2), 4_096))
        try:
            for packet in self._input.demux(self.stream):
                try:
                    frames = packet.decode()
                except self._av.error.InvalidDataError:
                    self.damaged_packets += 1
                    continue
                for frame in frames:
                    if frame.sample_rate != self.sample_rate or frame.layout.nb_channels != self.channels:
                        raise BadInput(
                            f"{shown(self._path)} changes its sample rate or channels in the middle.",
                            "Export it as one WAV or FLAC file.",
                        )
                    frame.pts = None  # gaps in the time stamps are no gaps in the sound
                    yield from self._arrays(join.resample(frame))
            yield from self._arrays(join.resample(None))
        except (self._av.error.FFmpegError, ValueError, EOFError, OSError) as error:
            if not _is_damage(error):
                raise
            raise BadInput(
                f"{shown(self._path)} could not be decoded to its end ({_reason(error)}).",
                "Copy it again from where it was recorded, or export it once more.",
            ) from None

    def claimed_seconds(self) -> float | None:
        """Length that the container claims, None if it does not say."""
        if self.stream.duration and self.stream.time_base:
            return float(self.stream.duration * self.stream.time_base)
        return self._input.duration / 1e6 if self._input.duration else None

    def bits(self) -> int:
        """Bits a sample as stored; 0 where the codec is lossy and the question has no answer."""
        codec = str(self.stream.codec_context.name)
        if codec == "flac":  # its STREAMINFO block says it; FFmpeg's sample format only says 16 or 32
            info = bytes(self.stream.codec_context.extradata or b"")
            return 1 + ((info[12] & 1) << 4 | info[13] >> 4) if len(info) >= 18 else 0
        if codec.startswith("pcm_"):
            digits = "".join(c for c in codec if c.isdigit())
            return int(digits) if digits else 8
        return 0

    def _arrays(self, frames: list[Any]) -> Iterator[NDArray[np.float32]]:
        import numpy as np

        for frame in frames:
            packed: NDArray[np.float32] = frame.to_ndarray()
            array = np.ascontiguousarray(packed.reshape(-1, self.channels).T)
            self.samples += array.shape[1]
            if self.samples > MAX_SECONDS * self.sample_rate:
                raise BadInput(
                    f"{shown(self._path)} is longer than {MAX_SECONDS / 3600:.0f} hours.",
                    "Split it into shorter recordings.",
                )
            yield array


class _Levels:
    """Running peak, energy and clipping over blocks."""

    def __init__(self) -> None:
        self.peak, self.energy, self.count, self.clipped = 0.0, 0.0, 0, 0
        self._runs = Clipping()

    def add(self, block: NDArray[np.float32], path: Path) -> None:
        import numpy as np

        peak = float(np.abs(block).max(initial=0.0))
        if not math.isfinite(peak):
            raise BadInput(
                f"{shown(path)} contains samples that are not numbers (NaN or infinite).",
                "Export it again as 16-bit WAV or FLAC.",
            )
        if peak > _MAX_PEAK:
            raise BadInput(
                f"{shown(path)} has samples up to {peak:.0f} where 1.0 is full scale.",
                "It was saved as floating point without scaling: export it as 16-bit WAV or FLAC.",
            )
        self.peak = max(self.peak, peak)
        self.energy += float(np.einsum("cn,cn->", block, block, dtype=np.float64))
        self.count += block.size
        self.clipped += int(self._runs.mask(block).sum())


class Clipping:
    """Finds clipped samples over consecutive blocks: the third and later ones in a row at full scale. A single one may
    be a fair peak."""

    def __init__(self) -> None:
        self._before: Any = None  # whether the last two samples of each channel stood at full scale

    def mask(self, block: NDArray[np.float32]) -> NDArray[np.bool_]:
        """True where a sample is clipped; shape of the block, (channels, n)."""
        import numpy as np

        if self._before is None:
            self._before = np.zeros((block.shape[0], 2), dtype=bool)
        full = np.concatenate([self._before, np.abs(block) >= 0.999], axis=1)
        self._before = full[:, -2:]
        clipped: NDArray[np.bool_] = full[:, 2:] & full[:, 1:-1] & full[:, :-2]
        return clipped


def _facts(path: Path, file: BinaryIO, container: Container, reader: Reader, levels: _Levels) -> RecordingFacts:
    if not levels.count:
        raise BadInput(f"{shown(path)} holds no sound: its length is zero.", "Record or copy it again.")
    seconds = reader.samples / reader.sample_rate
    rms_db = 10 * math.log10(max(levels.energy / levels.count, 1e-12))
    notes = [*_name_note(path, container), *_length_notes(path, file, container, reader, seconds)]
    if reader.damaged_packets:
        notes.append(f"{reader.damaged_packets} damaged pieces were skipped.")
    if reader.sample_rate < 16_000:
        notes.append(f"It was recorded at only {reader.sample_rate} Hz and will sound dull.")
    if levels.peak > 1.0:
        notes.append(f"It peaks at {levels.peak:.2f} times full scale and is turned down.")
    return RecordingFacts(
        seconds=seconds,
        sample_rate=reader.sample_rate,
        channels=reader.channels,
        codec=str(reader.stream.codec_context.name),
        bits=reader.bits(),
        peak=levels.peak,
        rms_db=rms_db,
        clipped_share=levels.clipped / levels.count,
        silent=rms_db < SILENT_DB,
        notes=tuple(notes),
    )


def _name_note(path: Path, container: Container) -> list[str]:
    what, endings = NAMES[container.format]
    suffix = path.suffix.lower()
    known = suffix in {ending for _, all_endings in NAMES.values() for ending in all_endings}
    return (
        [f"It is named {suffix} but is {_article(what)} file; taken as what it is."]
        if known and suffix not in endings
        else []
    )


def _length_notes(path: Path, file: BinaryIO, container: Container, reader: Reader, seconds: float) -> list[str]:
    """Refuse a file that lacks much of what it claims to hold; note smaller losses. An estimated claim is none."""
    if container.format == "ogg" and not has_end_mark(file):
        return ["It has no end mark, so its end may be missing."]
    if container.format == "aac" or (container.format == "mp3" and not mp3_has_frame_count(file)):
        return []
    claimed = container.claimed_seconds if container.format == "wav" else reader.claimed_seconds()
    missing = (claimed or 0.0) - seconds
    if missing > max(MISSING_SECONDS, MISSING_SHARE * (claimed or 0.0)):
        raise BadInput(
            f"{shown(path)} is cut short: it says it is {claimed:.1f} s long, but holds only {seconds:.1f} s.",
            "The copy broke off, or the recorder was not stopped properly. Copy or export it again.",
        )
    return [f"Its last {missing:.1f} s are missing."] if missing > 0.15 else []


def opened(path: Path) -> BinaryIO:
    """Open a regular file for reading, or say why not. Never waits on a pipe or a device."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise BadInput(
            f"{shown(path)} is not there.", "It was moved or deleted before it could be read; drop it again."
        ) from None
    except PermissionError:
        raise BadInput(
            f"{shown(path)} may not be read.", "Give the daemon's user permission to read it (chmod a+r)."
        ) from None
    except OSError as error:
        raise BadInput(
            f"{shown(path)} cannot be opened ({error.strerror}).", "Check the disk or the network mount."
        ) from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        what = "a folder" if stat.S_ISDIR(mode) else "not an ordinary file"
        raise BadInput(f"{shown(path)} is {what}.", "Drop the recording itself.")
    return os.fdopen(descriptor, "rb")


def container_of(file: BinaryIO, path: Path) -> Container:
    if not os.fstat(file.fileno()).st_size:
        raise BadInput(f"{shown(path)} is empty.", "Copy it again: the recorder or the copy wrote nothing.")
    container = sniff(file)
    if not container.format:
        named = f" named {path.suffix}" if path.suffix else ""
        raise BadInput(
            f"{shown(path)} is not a recording: it is {container.looks_like}{named}.",
            "Drop wav, flac, mp3, ogg, opus, m4a, aac or webm.",
        )
    return container


def shown(path: Path) -> str:
    """A file's name as it can be printed: on one line, and with bytes that are no text replaced."""
    name = os.fsencode(path.name).decode("utf-8", errors="replace")
    return "".join(c if c.isprintable() else "?" for c in name)


def _is_damage(error: Exception) -> bool:
    """Whether the file's content is to blame. The disk is, where it is the system that speaks; but not where it was
    asked to go to a place beyond any file."""
    from av.error import FFmpegError

    return (
        isinstance(error, FFmpegError)
        or not isinstance(error, OSError)
        or error.errno in (errno.EINVAL, errno.EOVERFLOW)
    )


def _article(what: str) -> str:
    return f"{'an' if what.startswith(('A', 'O', 'MP')) else 'a'} {what}"  # an AAC, an Ogg, an MP3


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).strip().rstrip(".").lower()
