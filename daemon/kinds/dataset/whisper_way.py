"""How Whisper computes in a dataset job: by what is free on its device when the job begins, and so for all of the job,
also after a kill, as long as there is room. What it wrote in another precision would not be the same."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from daemon.machine.gpu import Gpus
from engines.files import disk_full_is_a_sentence, make_folder, write_whole
from engines.recognisers import is_model, whisper_folder
from engines.transcription.room import Precision, Size, Way, choose_way, fits, needed, say
from engines.transcription.whisper import supported, whisper_device

_GB = 1e9
#: Where a container's limit of memory stands, and what it has of it.
_LIMIT, _USED = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")


class Log(Protocol):
    """The part of a job's channel that is used here."""

    def log(self, level: str, text: str) -> None: ...


class Remembered:
    """The way of a job, in a file beside what it heard, and in which precisions it computed before that."""

    def __init__(self, folder: Path, job: int) -> None:
        self._path = folder / f"way-{job}.json"

    def read(self) -> Way | None:
        """None: an earlier attempt left none."""
        return self._kept()[0]

    @property
    def earlier(self) -> list[Precision]:
        """Others that it computed in before, the last one first: what it heard so stands."""
        return self._kept()[1]

    def write(self, way: Way) -> None:
        """Raises DiskFull."""
        before, earlier = self._kept()
        ever = dict.fromkeys([before.precision, *earlier] if before is not None else earlier)
        ever.pop(way.precision, None)
        with disk_full_is_a_sentence("how Whisper computes"):
            make_folder(self._path.parent)
        kept = {**asdict(way), "earlier": list(ever)}
        write_whole(self._path, json.dumps(kept).encode(), "how Whisper computes")

    def _kept(self) -> tuple[Way | None, list[Precision]]:
        try:
            kept = json.loads(self._path.read_bytes())
            earlier = [Precision(one) for one in kept.pop("earlier", [])]
            return Way(**{**kept, "precision": Precision(kept["precision"])}), earlier
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None, []

    def forget(self) -> None:
        """The job is done."""
        self._path.unlink(missing_ok=True)


def found_way(weights: Path, remembered: Remembered, threads: int, log: Log, beside: int = 0) -> Way | None:
    """How Whisper computes here; None where there is none. `threads`: of the CPU that the job may use; `beside`: bytes
    that other models of it take. CTranslate2 is only asked where there are weights for it."""
    folder = whisper_folder(weights)
    if folder is None or not is_model(folder):
        return None
    size, device = Size.of(folder), whisper_device()

    def room_on(one: str) -> int | None:
        free = free_on(one)
        return None if free is None else max(0, free - beside)

    way = remembered.read()
    if way is not None and way.device in (device, "cpu"):  # on the CPU it may have begun for want of the GPU's memory
        free = room_on(way.device)
        if free is None or fits(way, free, size):
            return way
    if way is not None:
        why = "memory is short" if way.device in (device, "cpu") else "there is no GPU for it"
        log.log("warning", f"Whisper cannot compute {say(way)} any more, as this job began: {why}.")
    free = room_on(device)
    way = (
        choose_way(free, size, device, supported(device), threads) if free is not None else Way(device, _usual(device))
    )
    if way is None:
        log.log(
            "warning",
            f"The GPU has {(free or 0) / _GB:.1f} GB free, too little for Whisper: it is heard on the CPU, slowly.",
        )
        free = room_on("cpu") or 0
        way = choose_way(free, size, "cpu", supported("cpu"), threads)
    assert way is not None  # on a CPU there always is one
    if free is not None:
        log.log("info", f"Whisper takes about {needed(way, size) / _GB:.1f} GB of {free / _GB:.1f} GB that are free.")
    remembered.write(way)
    return way


def goes_on_smaller(remembered: Remembered, log: Log, before: Way, after: Way) -> None:
    """Memory ran out."""
    log.log("warning", f"Memory ran out, hearing {say(before)}; it goes on {say(after)}.")
    remembered.write(after)


def free_on(device: str) -> int | None:
    """Bytes that are free: of the GPU that this process sees, by NVML, as mynad's lanes know it; or of the machine's
    memory, within what its container may take. None: it does not answer."""
    if device == "cpu":
        return free_memory()
    gpus = Gpus(wanted=[name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name][:1])
    gpus.refresh()
    return gpus.free()


def free_memory(meminfo: Path = Path("/proc/meminfo"), limit: Path = _LIMIT, used: Path = _USED) -> int:
    """Bytes of memory that a new process could take without swapping."""
    table = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
    free = int(table["MemAvailable"].split()[0]) * 1024
    try:
        return max(0, min(free, int(limit.read_text()) - int(used.read_text())))
    except (OSError, ValueError):  # no such limit: "max"
        return free


def _usual(device: str) -> Precision:
    return Precision.INT8 if device == "cpu" else Precision.FLOAT16
