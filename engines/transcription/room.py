"""How Whisper computes on a device with so much free memory: in which precision, how many clips at a time, by how many
workers. Values in, values out; nothing is loaded or asked here but the header of a model's file.

What a way takes is worked out from the model's size: its weights, and for each clip that is heard at once what the
decoder keeps of the sound, the encoder's attention and its activations. For large-v2 and one clip that gives 4.8 GB
in float16 and 3.2 GB in int8_float16; faster-whisper's README measured 4,755 and 3,091 MB.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Set
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

#: Clips heard at once, at most: as many come at a time, so that a kill has no more of them heard again.
MOST = 8
#: Below so many clips at once, less precise weights are worth more than a smaller batch.
FEW = 4
#: CPU threads from which another worker gains more than another thread (CTranslate2's own default), and workers and
#: threads of each at most.
THREADS, WORKERS, MOST_THREADS = 4, 4, 8
#: Frames that the encoder makes of 30 s, however short a clip is.
_FRAMES = 1_500
#: Copies of its activations that the encoder holds at a time, the widest counted as four.
_ACTIVATIONS = 12
#: Bytes that are taken whatever the model is: CUDA's context, kernels and work space; libraries.
_FIXED = {"cuda": 1_300_000_000, "cpu": 400_000_000}
#: Part of the free memory that is left to others.
_LEFT = 0.1


class Precision(StrEnum):
    """CTranslate2's compute types that are used, as it calls them: weights, then what is computed with them."""

    FLOAT16 = "float16"
    INT8_FLOAT16 = "int8_float16"
    INT8 = "int8"  #: computes in float32 beside
    FLOAT32 = "float32"


#: Bytes of a weight, and of a number that is computed.
_WIDTHS = {Precision.FLOAT16: (2, 2), Precision.INT8_FLOAT16: (1, 2), Precision.INT8: (1, 4), Precision.FLOAT32: (4, 4)}


@dataclass(frozen=True)
class Size:
    """Of a model."""

    parameters: int
    width: int  #: of a frame of the encoder
    heads: int  #: of attention
    layers: int  #: of the decoder

    @classmethod
    def of(cls, folder: Path) -> Size:
        """Of the model in a folder, told by the names and shapes in its file. One that cannot be read so counts as
        large as its file would be in int8."""
        path = folder / "model.bin"
        try:
            with path.open("rb") as file:
                return _size(dict(_variables(file)))
        except (OSError, ValueError, KeyError, struct.error, UnicodeDecodeError):
            return cls(path.stat().st_size if path.is_file() else 0, LARGE.width, LARGE.heads, LARGE.layers)


#: Whisper large-v2 and -v3.
LARGE = Size(1_550_000_000, 1_280, 20, 32)


@dataclass(frozen=True)
class Way:
    """How it computes."""

    device: str  #: "cpu" or "cuda"
    precision: Precision
    at_once: int = MOST  #: clips in a batch
    workers: int = 1  #: batches at a time
    threads: int = 0  #: CPU threads of each worker; 0: as CTranslate2 has it


def needed(way: Way, size: Size) -> int:
    """Bytes of its device's memory that a way takes, about."""
    weight, number = _WIDTHS[way.precision]
    kept = 2 * size.layers * _FRAMES * size.width
    attention = size.heads * _FRAMES**2
    clip = (kept + attention + _ACTIVATIONS * _FRAMES * size.width) * number
    return _FIXED[way.device] + size.parameters * weight + way.workers * way.at_once * clip


def ways(device: str, supported: Set[str], threads: int) -> list[Way]:
    """All ways on a device, the best first. `supported`: the compute types that it knows, as CTranslate2 tells them by
    its capability; `threads`: of the CPU that may be used."""
    if device == "cpu":
        most = max(1, min(WORKERS, threads // THREADS))
        counts = [(-(-MOST // workers), workers) for workers in range(most, 0, -1)] + [(4, 1), (2, 1), (1, 1)]
        precision = Precision.INT8 if Precision.INT8 in supported or not supported else Precision.FLOAT32
        return [
            Way("cpu", precision, clips, workers, min(MOST_THREADS, max(1, threads // workers)))
            for clips, workers in counts
        ]
    order = [one for one in (Precision.FLOAT16, Precision.INT8_FLOAT16) if one in supported]
    if not order:  # a GPU that cannot compute in half precision
        order = [one for one in (Precision.FLOAT32, Precision.INT8) if one in supported]
    many = [(clips, one) for one in order for clips in (MOST, FEW)]
    few = [(clips, order[-1]) for clips in (2, 1)] if order else []
    return [Way("cuda", one, clips) for clips, one in many + few]


def choose_way(free: int, size: Size, device: str, supported: Set[str], threads: int) -> Way | None:
    """The best way that fits into so many free bytes of a device. On a CPU there always is one; None: the GPU has too
    little."""
    there = ways(device, supported, threads)
    fitting = next((way for way in there if fits(way, free, size)), None)
    return fitting or (there[-1] if device == "cpu" else None)


def fits(way: Way, free: int, size: Size) -> bool:
    """Whether a way leaves something of the free memory."""
    return needed(way, size) <= free * (1 - _LEFT)


def smaller(way: Way, size: Size, supported: Set[str], threads: int) -> Way | None:
    """The next best way after one that ran out of memory, which takes less; None: there is none."""
    there = ways(way.device, supported, threads)
    behind = there[there.index(way) + 1 :] if way in there else there
    return next((one for one in behind if needed(one, size) < needed(way, size)), None)


def say(way: Way) -> str:
    """For people: "in int8 on the CPU, 8 clips at a time"."""
    where = "CPU" if way.device == "cpu" else "GPU"
    clips = "clip by clip" if way.at_once == 1 else f"{way.at_once} clips at a time"
    return f"in {way.precision} on the {where}, {clips}" + (f" by each of {way.workers}" if way.workers > 1 else "")


def _size(shapes: dict[str, tuple[int, ...]]) -> Size:
    width = shapes["encoder/conv1/weight"][0]
    heads = max(1, width // 64)  # as wide as all of Whisper's are
    layers = {name.split("/")[1] for name in shapes if name.startswith("decoder/layer_")}
    if not layers:
        raise ValueError("no decoder")
    return Size(sum(map(math.prod, shapes.values())), width, heads, len(layers))


def _variables(file: BinaryIO) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes in a file of CTranslate2, version 6 of its format, without reading what they hold."""

    def number(form: str) -> int:
        data = file.read(struct.calcsize(form))
        return int(struct.unpack(form, data)[0])

    def text() -> str:
        return file.read(number("<H")).rstrip(b"\0").decode()

    if number("<I") != 6 or text() != "WhisperSpec":
        raise ValueError("another format")
    number("<I")  # revision
    for _ in range(number("<I")):
        name = text()
        shape = tuple(number("<I") for _ in range(number("<B")))
        number("<B")  # type
        file.seek(number("<I"), 1)
        yield name, shape
