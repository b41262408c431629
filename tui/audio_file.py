"""Speech into a file or a pipe while it comes. A file appears under its name only when it is whole.

WAV is written here (a pipe gets a header that says "until the end"), FLAC, OGG and MP3 by libsndfile.
"""

from __future__ import annotations

import array
import struct
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

from proto.channel import ClientError

UNKNOWN = 0xFFFFFFFF  #: what a header says of a length that only the end will show (players read on to the end)
FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}


class Encoder(Protocol):
    """Takes little-endian float32 mono samples."""

    def write(self, samples: bytes) -> None: ...

    def close(self) -> None: ...


class WavEncoder:
    """16-bit mono WAV. Writes the lengths into the header at the end where the stream can go back; a pipe cannot."""

    def __init__(self, stream: BinaryIO, rate: int) -> None:
        self.stream = stream
        self._rate = rate
        self._written = 0  # bytes of samples
        stream.write(header(rate, UNKNOWN))
        stream.flush()

    def write(self, samples: bytes) -> None:
        data = pcm16(samples)
        self.stream.write(data)
        self.stream.flush()
        self._written += len(data)

    def close(self) -> None:
        if (
            self.stream.seekable() and self.stream.tell() == self._written + 44
        ):  # ours from the first byte: not appended to another's
            self.stream.seek(0)
            self.stream.write(header(self._rate, self._written))
        self.stream.flush()


class Sink:
    """Where speech is written: a path (format by its ending) or `-` for stdout. Use it in a `with`: an error leaves no
    half file.

    Raises ClientError for an ending that no format has, and when the file cannot be written.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = None if name == "-" else Path(name)
        self.seconds = 0.0
        self._encoder: Encoder | None = None
        self._file: BinaryIO | None = None
        if self.path is None:
            if sys.stdout.isatty():
                hint = "Name a file with -o, or pipe it."
                raise ClientError("This would write a sound file onto your terminal.", hint, "INVALID_ARGUMENT")
            return
        self._format = FORMATS.get(self.path.suffix.lower())
        if self._format is None:
            hint = f"End its name in {', '.join(FORMATS)}."
            raise ClientError(
                f"{self.path.suffix or name!r} is not a format that can be written.", hint, "INVALID_ARGUMENT"
            )
        self._hidden = self.path.with_name(f".{self.path.name}.part")
        if self.path.is_dir():
            raise ClientError(f"{self.path} is a folder.", "Name a file in it with -o.", "INVALID_ARGUMENT")
        try:
            self._file = self._hidden.open("w+b")
        except OSError as error:
            raise _unwritable(self.path, error) from None

    def __enter__(self) -> Self:
        return self

    def write(self, samples: bytes, rate: int) -> None:
        """Append a chunk of float32 samples at `rate` Hz."""
        try:
            if self._encoder is None:
                self._encoder = self._open(rate)
            self._encoder.write(samples)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable(self.path, error) from None
        self.seconds += len(samples) / 4 / rate

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._encoder is not None and not isinstance(error, BrokenPipeError):
                self._encoder.close()
            if self._file is not None:
                self._file.close()
            if kind is None and self.path is not None and self._encoder is not None:
                self._hidden.replace(self.path)
        except OSError as failed:
            if kind is None:
                raise _unwritable(self.path, failed) from None
        finally:
            if self.path is not None:
                self._hidden.unlink(missing_ok=True)

    def _open(self, rate: int) -> Encoder:
        if self._file is None:
            return WavEncoder(sys.stdout.buffer, rate)
        if self._format is None or self._format[0] == "WAV":
            return WavEncoder(self._file, rate)
        return SoundfileEncoder(self._file, rate, *self._format)


class SoundfileEncoder:
    """Any format of libsndfile."""

    def __init__(self, file: BinaryIO, rate: int, container: str, subtype: str) -> None:
        try:
            import soundfile  # here: it brings numpy, and WAV needs neither
        except (ImportError, OSError):
            raise ClientError(
                f"{container} needs the package soundfile, which does not work here.", "Write .wav instead."
            ) from None
        try:
            self._out: Any = soundfile.SoundFile(file, "w", rate, 1, subtype, format=container)
        except soundfile.SoundFileError as error:
            raise ClientError(f"{container} cannot be written here: {error}", "Write .wav instead.") from None

    def write(self, samples: bytes) -> None:
        self._out.buffer_write(samples, "float32")

    def close(self) -> None:
        self._out.close()


def header(rate: int, length: int) -> bytes:
    """The 44 bytes before the samples of a 16-bit mono WAV; `length` in bytes."""
    whole = UNKNOWN if length == UNKNOWN else length + 36
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", whole, b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data", length
    )


def pcm16(samples: bytes) -> bytes:
    """Little-endian float32 in -1…1 as little-endian 16-bit; what is louder is cut off, what is no number is
    silence."""
    floats = array.array("f", samples)
    if sys.byteorder == "big":
        floats.byteswap()
    whole = array.array("h", (round(max(-1.0, min(1.0, value)) * 32767) if value == value else 0 for value in floats))
    if sys.byteorder == "big":
        whole.byteswap()
    return whole.tobytes()


def _unwritable(path: Path | None, error: OSError) -> ClientError:
    hint = "Name another file with -o."
    return ClientError(f"{path or 'stdout'} cannot be written: {error.strerror or error}.", hint, "FAILED_PRECONDITION")
