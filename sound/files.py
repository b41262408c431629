"""Encoders that write into a file or a pipe: WAV is written here (a pipe gets a header that says "until the end"),
FLAC, OGG and MP3 by libsndfile."""

from __future__ import annotations

from typing import Any, BinaryIO, Protocol

from sound.pcm import UNKNOWN, header, pcm16
from sound.tags import Tag

#: by a file's ending: container and encoding, in libsndfile's names
FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}


class CannotEncode(Exception):
    """A format that cannot be written here. `sentence` says why, `hint` what to do."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(f"{sentence} {hint}")
        self.sentence, self.hint = sentence, hint


class Encoder(Protocol):
    """Takes little-endian float32 mono samples."""

    def write(self, samples: bytes) -> None: ...

    def close(self) -> None: ...


def encoder(file: BinaryIO, rate: int, ending: str, tag: Tag | None = None) -> Encoder:
    """For a file of this ending, one of FORMATS; `tag`: what it says of itself, None for a person's recording. Raises
    CannotEncode."""
    container, subtype = FORMATS[ending]
    return WavEncoder(file, rate, tag) if container == "WAV" else SoundfileEncoder(file, rate, container, subtype, tag)


class WavEncoder:
    """16-bit mono WAV. Writes the lengths into the header at the end where the stream can go back; a pipe cannot."""

    def __init__(self, stream: BinaryIO, rate: int, tag: Tag | None = None) -> None:
        self.stream = stream
        self._rate = rate
        self._written = 0  # bytes of samples
        self._info = tag.info() if tag is not None else b""
        stream.write(header(rate, UNKNOWN, self._info))
        stream.flush()

    def write(self, samples: bytes) -> None:
        data = pcm16(samples)
        self.stream.write(data)
        self.stream.flush()
        self._written += len(data)

    def close(self) -> None:
        if self.stream.seekable() and self.stream.tell() == self._written + 44 + len(
            self._info
        ):  # ours from the first byte: not appended to another's
            self.stream.seek(0)
            self.stream.write(header(self._rate, self._written, self._info))
        self.stream.flush()


class SoundfileEncoder:
    """Any format of libsndfile."""

    def __init__(self, file: BinaryIO, rate: int, container: str, subtype: str, tag: Tag | None = None) -> None:
        try:
            import soundfile  # here: it brings numpy, and WAV needs neither
        except (ImportError, OSError):
            raise CannotEncode(
                f"{container} needs the package soundfile, which does not work here.", "Write .wav instead."
            ) from None
        try:
            self._out: Any = soundfile.SoundFile(file, "w", rate, 1, subtype, format=container)
        except soundfile.SoundFileError as error:
            raise CannotEncode(f"{container} cannot be written here: {error}", "Write .wav instead.") from None
        if tag is not None:
            tag.put(self._out)

    def write(self, samples: bytes) -> None:
        self._out.buffer_write(samples, "float32")

    def close(self) -> None:
        self._out.close()
