"""Speech into a file or a pipe while it comes. A file appears under its name only when it is whole."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from proto.channel import ClientError
from sound.files import FORMATS, CannotEncode, Encoder, WavEncoder, encoder
from sound.tags import Tag


class Sink:
    """Where speech is written: a path (format by its ending) or `-` for stdout. Use it in a `with`: an error leaves no
    half file.

    Raises ClientError for an ending that no format has, and when the file cannot be written.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = None if name == "-" else Path(name)
        self.tag: Tag | None = None  #: what the file says of itself; set before the first sound, None for a recording
        self.seconds = 0.0
        self._encoder: Encoder | None = None
        self._file: BinaryIO | None = None
        if self.path is None:
            if sys.stdout.isatty():
                hint = "Name a file with -o, or pipe it."
                raise ClientError("This would write a sound file onto your terminal.", hint, "INVALID_ARGUMENT")
            return
        if self.path.suffix.lower() not in FORMATS:
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
        if self._file is None or self.path is None:
            return WavEncoder(sys.stdout.buffer, rate, self.tag)
        try:
            return encoder(self._file, rate, self.path.suffix.lower(), self.tag)
        except CannotEncode as cannot:
            raise ClientError(cannot.sentence, cannot.hint) from None


def _unwritable(path: Path | None, error: OSError) -> ClientError:
    hint = "Name another file with -o."
    return ClientError(f"{path or 'stdout'} cannot be written: {error.strerror or error}.", hint, "FAILED_PRECONDITION")
