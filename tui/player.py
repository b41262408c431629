"""Plays speech where the person sits, chunk by chunk as it comes, through PortAudio (sounddevice)."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from proto.channel import ClientError

INSTEAD = "Save it to a file instead: -o out.wav"
LATENCY = 0.2  #: seconds PortAudio may hold: enough to bridge the network, too little to notice


def library(instead: str) -> Any:
    """The module sounddevice, where sound can be played. Raises ClientError with `instead`, what to do, where it cannot."""
    try:
        import sounddevice
    except (ImportError, OSError):  # its Linux wheel brings no PortAudio
        hint = f"Install PortAudio (Debian: libportaudio2). {instead}"
        raise ClientError("Nothing can be played here: PortAudio is not installed.", hint, "UNAVAILABLE") from None
    try:
        sounddevice.query_devices(kind="output")
    except (ValueError, sounddevice.PortAudioError):
        raise ClientError("Nothing can be played here: there is no sound output.", instead, "UNAVAILABLE") from None
    return sounddevice


class Player:
    """The default output. Use it in a `with`: the end waits until all is heard, an error (or Ctrl-C) silences it at once.

    Raises ClientError, saying to use -o, where there is no PortAudio or no output device: before anything is spoken.
    """

    def __init__(self) -> None:
        self._sound = library(INSTEAD)
        self._stream: Any = None
        self.seconds = 0.0
        self.underruns = 0  #: times the speech came too late and the output fell silent

    def __enter__(self) -> Self:
        return self

    def write(self, samples: bytes, rate: int) -> None:
        """Play little-endian float32 mono samples at `rate` Hz; returns when they are on their way."""
        try:
            first = self._stream is None
            if first:
                self._stream = self._sound.RawOutputStream(samplerate=rate, channels=1, dtype="float32", latency=LATENCY)
                self._stream.start()
            late = self._stream.write(samples)
        except self._sound.PortAudioError as error:
            raise ClientError(f"The sound output refused: {error}.", INSTEAD, "UNAVAILABLE") from None
        self.underruns += bool(late) and not first  # the first write always finds an empty output
        self.seconds += len(samples) / 4 / rate

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._stream is not None:
            if kind is None:
                self._stream.stop()  # waits until all is played
            else:
                self._stream.abort()
            self._stream.close()
