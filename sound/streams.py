"""Encoders of streams whose length nobody knows at their beginning: samples in, bytes out, as soon as the format has a
frame. By PyAV, whose wheel carries FFmpeg."""

from __future__ import annotations

import array
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from functools import partial
from typing import Any, Protocol

import av

from sound.pcm import header
from sound.tags import Tag


class Format(StrEnum):
    """What a stream can be, in OpenAI's words."""

    MP3 = "mp3"
    OPUS = "opus"  #: in Ogg pages
    AAC = "aac"  #: in ADTS frames
    FLAC = "flac"
    WAV = "wav"  #: 16 bits; its header says "until the end"
    PCM = "pcm"  #: 16 bits, little-endian, 24 kHz, without a header


PCM_RATE = 24_000  #: Hz of PCM, which has nothing to tell its rate with: callers take it for OpenAI's
#: of encoded streams, bits a second
MP3_BITS, AAC_BITS, OPUS_BITS = 96_000, 96_000, 64_000


@dataclass(frozen=True)
class _Kind:
    """How FFmpeg makes a format."""

    media_type: str
    container: str = ""
    codec: str = ""
    #: Hz; 0: those of the samples. MP3 and AAC begin with silence of a frame or two, which is short at a high rate
    rate: int = 0
    bits: int = 0
    options: Mapping[str, str] = field(default_factory=dict)  #: the container's


_FLUSHED = {"flush_packets": "1"}
_KINDS = {
    Format.MP3: _Kind(
        "audio/mpeg", "mp3", "libmp3lame", 48_000, MP3_BITS, {"write_xing": "0", "id3v2_version": "4", **_FLUSHED}
    ),
    Format.OPUS: _Kind("audio/ogg", "ogg", "libopus", 48_000, OPUS_BITS, {"page_duration": "20000", **_FLUSHED}),
    Format.AAC: _Kind("audio/aac", "adts", "aac", 48_000, AAC_BITS, {"write_id3v2": "1", **_FLUSHED}),
    Format.FLAC: _Kind("audio/flac", "flac", "flac", options=_FLUSHED),
    Format.WAV: _Kind("audio/wav"),
    Format.PCM: _Kind(f"audio/pcm;rate={PCM_RATE};channels=1", rate=PCM_RATE),
}


def media_type(format: Format) -> str:
    """Content-Type of a stream."""
    return _KINDS[format].media_type


class StreamEncoder(Protocol):
    """One stream, of samples of one rate."""

    def add(self, samples: bytes, rate: int) -> bytes:
        """What the stream goes on with, given little-endian float32 mono samples at `rate` Hz; it may be empty."""
        ...

    def end(self) -> bytes:
        """What it ends with."""
        ...


def stream_encoder(format: Format, tag: Tag) -> StreamEncoder:
    """A new stream of a format, which begins with what it says of itself (but PCM, which has no place for it)."""
    kind = _KINDS[format]
    if kind.codec:
        return _Encoded(kind, tag)
    return _Plain(kind.rate, partial(header, info=tag.info()) if format is Format.WAV else None)


def samples16() -> StreamEncoder:
    """16-bit samples at their own rate, without a header."""
    return _Plain(0, None)


class _Plain:
    """16-bit samples, after a header where there is one, at `rate` Hz (0: the samples' own)."""

    def __init__(self, rate: int, first: Callable[[int], bytes] | None) -> None:
        self._rate, self._first = rate, first
        self._resampler: Any = None

    def add(self, samples: bytes, rate: int) -> bytes:
        begin = b""
        if self._resampler is None:
            wanted = self._rate or rate
            self._resampler = av.AudioResampler("s16", "mono", wanted)
            begin = self._first(wanted) if self._first else b""
        return begin + _bytes(self._resampler.resample(_frame(samples, rate))) if samples else begin

    def end(self) -> bytes:
        return _bytes(self._resampler.resample(None)) if self._resampler is not None else b""


class _Sink:
    """A file that FFmpeg can only write on in."""

    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: bytes) -> int:
        self.written += data
        return len(data)

    def take(self) -> bytes:
        data, self.written = bytes(self.written), bytearray()
        return data


class _Encoded:
    """By an encoder and a container of FFmpeg."""

    def __init__(self, kind: _Kind, tag: Tag) -> None:
        self._kind = kind
        self._sink = _Sink()
        self._container: Any = av.open(self._sink, "w", format=kind.container, options=dict(kind.options))
        self._container.metadata.update(tag.metadata())
        self._stream: Any = None
        if kind.rate:
            self._begin(kind.rate)

    def add(self, samples: bytes, rate: int) -> bytes:
        if self._stream is None:
            self._begin(rate)
        if samples:
            self._container.mux(self._stream.encode(_frame(samples, rate)))
        return self._sink.take()

    def end(self) -> bytes:
        if self._stream is not None:
            self._container.mux(self._stream.encode(None))
            self._container.close()
        return self._sink.take()

    def _begin(self, rate: int) -> None:
        self._stream = self._container.add_stream(self._kind.codec, rate=rate)
        self._stream.layout = "mono"
        self._stream.codec_context.thread_count = 1  # one stream is little work, and there may be a hundred of them
        if self._kind.bits:
            self._stream.bit_rate = self._kind.bits
        self._stream.codec_context.open(strict=False)  # takes a few milliseconds, which are there before the sound is


def _frame(samples: bytes, rate: int) -> Any:
    frame = av.AudioFrame(format="flt", layout="mono", samples=len(samples) // 4)
    frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
    frame.planes[0].update(_finite(samples))
    return frame


def _finite(samples: bytes) -> bytes:
    """The same in the machine's byte order, silence where there is no number."""
    floats = array.array("f", samples)
    if sys.byteorder == "big":
        floats.byteswap()
    if not math.isfinite(sum(floats)):
        floats = array.array("f", (max(-1.0, min(1.0, value)) if value == value else 0.0 for value in floats))
    return floats.tobytes()


def _bytes(frames: Any) -> bytes:
    """Samples of 16-bit frames."""
    return b"".join(bytes(frame.planes[0])[: frame.samples * 2] for frame in frames)
