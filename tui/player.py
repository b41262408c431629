"""Plays speech where the person sits, chunk by chunk as it comes, through PortAudio (sounddevice)."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from proto.channel import ClientError
from tui.track import SAMPLE

INSTEAD = "Save it to a file instead: -o out.wav"
LATENCY = 0.2  #: seconds PortAudio may hold: enough to bridge the network, too little to notice


def library(instead: str) -> Any:
    """The module sounddevice, where sound can be played. Raises ClientError with `instead`, what to do, where it
    cannot."""
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


def opened(sound: Any, rate: int, latency: float, instead: str, callback: Any = None) -> Any:
    """A started output stream of mono float32 samples at `rate` Hz. Raises ClientError with `instead` where the machine
    refuses."""
    try:
        stream = sound.RawOutputStream(samplerate=rate, channels=1, dtype="float32", latency=latency, callback=callback)
        try:
            stream.start()
        except sound.PortAudioError:
            stream.close()
            raise
    except sound.PortAudioError as error:
        raise refused(error, instead) from None
    return stream


def refused(error: Exception, instead: str) -> ClientError:
    """What is said when the machine's output does not take sound."""
    return ClientError(f"The sound output refused: {error}.", instead, "UNAVAILABLE")


class Player:
    """The default output. Use it in a `with`: the end waits until all is heard, an error (or Ctrl-C) silences it at
    once.

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
        first = self._stream is None
        if first:
            self._stream = opened(self._sound, rate, LATENCY, INSTEAD)
        try:
            late = self._stream.write(samples)
        except self._sound.PortAudioError as error:
            raise refused(error, INSTEAD) from None
        self.underruns += bool(late) and not first  # the first write always finds an empty output
        self.seconds += len(samples) / SAMPLE / rate

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            if kind is None:
                self._stream.stop()  # waits until all is played
            else:
                self._stream.abort()
            self._stream.close()
