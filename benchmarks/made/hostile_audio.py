"""Recordings that are wrong, damaged, strange or far too big, from a seed: each function makes one file at a path of
any bytes.

Ogg and WebM writers number their streams by chance of their own, so that the same seed makes the same files but for
that.
"""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 16_000
#: libsndfile's formats: (format, subtype, ending)
WRITTEN = (
    ("WAV", "PCM_16", b".wav"), ("FLAC", "PCM_16", b".flac"), ("OGG", "VORBIS", b".ogg"), ("OGG", "OPUS", b".opus"),
    ("MP3", "MPEG_LAYER_III", b".mp3"), ("AIFF", "PCM_16", b".aiff"), ("W64", "PCM_16", b".w64"), ("CAF", "PCM_16",
    b".caf"), ("RF64", "PCM_16", b".wav"),
)  # fmt: skip
#: FFmpeg's: (container, codec, ending, Hz)
MUXED = (("mp4", "aac", b".m4a", 44_100), ("adts", "aac", b".aac", 44_100), ("webm", "libopus", b".webm", 48_000))
#: Makes one file at a path; the generator decides what is left to chance.
Maker = Callable[[random.Random, bytes], None]


def tone(chance: random.Random, seconds: float = 1.0, rate: int = RATE, channels: int = 1) -> NDArray[np.float32]:
    """A tone under noise, never the same twice: shape (samples, channels)."""
    noise = np.random.default_rng(chance.randrange(1 << 32))
    count = int(seconds * rate)
    sound = 0.3 * np.sin(2 * np.pi * chance.uniform(100, 400) * np.arange(count) / rate)[:, None]
    return (sound + noise.normal(0.0, 0.01, (count, channels))).astype(np.float32)


def whole(chance: random.Random, which: int) -> tuple[bytes, bytes]:
    """(bytes of a good recording in one of the formats, the ending it should have)."""
    memory = io.BytesIO()
    if which < len(WRITTEN):
        format_, subtype, ending = WRITTEN[which]
        soundfile.write(memory, tone(chance), RATE if subtype != "OPUS" else 48_000, format=format_, subtype=subtype)
        return memory.getvalue(), ending
    import av

    container, codec, ending, rate = MUXED[which - len(WRITTEN)]
    with av.open(memory, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(chance, rate=rate).T.copy(), format="fltp", layout="mono")
        frame.sample_rate = rate
        resampled = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate).resample(frame)
        for piece in (*resampled, None):
            out.mux(stream.encode(piece))
    return memory.getvalue(), ending


FORMATS = len(WRITTEN) + len(MUXED)


def write(path: bytes, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)


def _harmed(harm: Callable[[random.Random, bytearray], bytes | bytearray], which: int) -> Maker:
    def make(chance: random.Random, path: bytes) -> None:
        data, _ = whole(chance, which)
        write(path, bytes(harm(chance, bytearray(data))))

    return make


def _cut(chance: random.Random, data: bytearray) -> bytearray:
    return data[: chance.randrange(1, len(data))]


def _flip(chance: random.Random, data: bytearray) -> bytearray:
    for _ in range(50):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def _head(chance: random.Random, data: bytearray) -> bytearray:
    return data[: chance.choice((4, 12, 44, 64, 200))]


def _hole(chance: random.Random, data: bytearray) -> bytearray:
    start = chance.randrange(len(data) // 2)
    data[start : start + len(data) // 3] = bytes(len(data) // 3)
    return data


def _tail(chance: random.Random, data: bytearray) -> bytes:
    return bytes(data) + chance.randbytes(20_000)


def _twice(chance: random.Random, data: bytearray) -> bytes:
    return bytes(data) * 2


#: every format, harmed in every way, and whole
DAMAGED: dict[str, Maker] = {
    f"{name} {(*(entry[2] for entry in WRITTEN), *(entry[2] for entry in MUXED))[which].decode()} {which}": _harmed(
        harm, which
    )
    for which in range(FORMATS)
    for name, harm in (
        ("cut", _cut),
        ("flipped", _flip),
        ("head of", _head),
        ("hole in", _hole),
        ("rubbish after", _tail),
        ("twice", _twice),
    )
}


def channels(count: int, format_: str = "WAV", rate: int = RATE) -> Maker:
    def make(chance: random.Random, path: bytes) -> None:
        with open(path, "wb") as file:
            soundfile.write(file, tone(chance, 0.5, rate, count), rate, format=format_, subtype="PCM_16")

    return make


def wav(
    claims: int | None = None, *, channels: int = 1, rate: int = RATE, bits: int = 16, align: int | None = None
) -> Maker:
    """A second of a WAV whose header says what it likes."""

    def make(chance: random.Random, path: bytes) -> None:
        data = chance.randbytes(32_000)
        size = len(data) if claims is None else claims
        block = channels * bits // 8 if align is None else align
        form = struct.pack("<HHIIHH", 1, channels, rate, (rate * block) & 0xFFFFFFFF, block & 0xFFFF, bits)
        write(path, b"RIFF" + struct.pack("<I", (size + 36) & 0xFFFFFFFF) + b"WAVEfmt " + struct.pack("<I", 16) + form
              + b"data" + struct.pack("<I", size & 0xFFFFFFFF) + data)  # fmt: skip

    return make


def flac_bomb(count: int, rate: int, seconds: int) -> Maker:
    """Silence: next to nothing on disk, gigabytes when it is decoded into memory at once."""

    def make(chance: random.Random, path: bytes) -> None:
        second = np.zeros((rate, count), dtype=np.int16)
        second[chance.randrange(rate), 0] = 1 + chance.randrange(30_000)
        with (
            open(path, "wb") as file,
            soundfile.SoundFile(file, "w", rate, count, format="FLAC", subtype="PCM_16") as out,
        ):
            for _ in range(seconds):
                out.write(second)

    return make


def sparse(size: int, *, header: bool) -> Maker:
    """A file of zeros that takes no room on the disk."""

    def make(chance: random.Random, path: bytes) -> None:
        if header:
            wav(size)(chance, path)
        with open(path, "ab") as file:
            file.truncate(size)

    return make


def nested_mp4(chance: random.Random, path: bytes) -> None:
    """Boxes in boxes in boxes."""
    write(
        path,
        struct.pack(">I4s4sI", 16, b"ftyp", b"M4A ", 0)
        + b"".join(struct.pack(">I4s", 8 * (5_000 - n), b"moov") for n in range(5_000)),
    )


def id3_bomb(chance: random.Random, path: bytes) -> None:
    """Tags of 256 MB, says the first; and a thousand more."""
    write(
        path, b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + b"ID3\x04\x00\x00\x00\x00\x00\x00" * 1_000 + chance.randbytes(1_000)
    )


def noise_wav(chance: random.Random, path: bytes, size: int) -> None:
    """A whole recording of noise of about that many bytes: nothing about it is hostile but its size."""
    size -= size % 2
    wav(size)(chance, path)
    block = bytearray(chance.randbytes(1 << 20))
    with open(path, "r+b") as file:
        file.seek(44)
        while (left := size + 44 - file.tell()) > 0:
            block[:8] = chance.randbytes(8)
            file.write(block[:left])


def playlist(chance: random.Random, path: bytes) -> None:
    write(path, b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\nhttp://127.0.0.1:9/\n")


def not_a_number(chance: random.Random, path: bytes) -> None:
    sound = tone(chance)
    sound[:: chance.randrange(2, 99)] = chance.choice((np.nan, np.inf, -np.inf))
    with open(path, "wb") as file:
        soundfile.write(file, sound, RATE, format="WAV", subtype="FLOAT")


def noise(chance: random.Random, path: bytes) -> None:
    write(path, chance.randbytes(chance.randrange(1, 100_000)))


def empty(chance: random.Random, path: bytes) -> None:
    write(path, b"")


def disguised(chance: random.Random, path: bytes) -> None:
    start = chance.choice(
        (
            b"\x89PNG\r\n\x1a\n",
            b"PK\x03\x04",
            b"%PDF-1.7\n",
            b"\x7fELF",
            b"SQLite format 3\0",
            b"OggS",
            b"fLaC",
            b"RIFF",
        )
    )
    write(path, start + chance.randbytes(5_000))


def good(chance: random.Random, path: bytes) -> None:
    """Nothing is wrong with it but where it lies, what it is called, or its ending."""
    write(path, whole(chance, chance.randrange(FORMATS))[0])


STRANGE: dict[str, Maker] = {
    "8 channels": channels(8), "16 channels": channels(16), "63 channels": channels(63), "64 channels": channels(64),
    "FLAC of 8 channels": channels(8, "FLAC"), "Wave64 of 24 channels": channels(24, "W64"),
    "CAF of 32 channels": channels(32, "CAF"), "AIFF of 12 channels": channels(12, "AIFF"), "192 kHz": channels(2,
    "WAV", 192_000), "says 4 GB": wav(0xFFFFFFFF), "says 0 bytes": wav(0), "says 0 Hz": wav(rate=0),
    "says 4 GHz": wav(rate=0xFFFFFFFF), "says 0 channels": wav(channels=0, align=2),
    "says 65,535 channels": wav(channels=65_535, align=2), "says 1 bit": wav(bits=1, align=1),
    "block of 0": wav(align=0), "block of 65,535": wav(align=65_535), "FLAC bomb, 8 channels": flac_bomb(8, 192_000,
    90), "FLAC bomb, 2 h": flac_bomb(1, 16_000, 7_200), "FLAC bomb, 655 kHz": flac_bomb(2, 655_350, 60),
    "sparse WAV": sparse(300 << 20, header=True), "sparse nothing": sparse(600 << 20, header=False),
    "nested MP4": nested_mp4, "ID3 bomb": id3_bomb, "playlist": playlist, "not a number": not_a_number,
    "noise": noise, "empty": empty, "disguised": disguised, "good": good,
}  # fmt: skip
