"""The real worker with the real jobs, for which some files are deadly: decoding one whose bytes hold "killer" ends the
process at once."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from daemon.kinds.dataset import worker as dataset
from daemon.kinds.ingest import worker as ingest
from daemon.worker.__main__ import main
from engines.audio.decode import Alive, RecordingFacts, probe_and_decode
from engines.cutting.clips import CutClip, cut_recording

#: In a file's bytes: decoding it ends the worker; cutting it does.
KILLER, LATE_KILLER = b"killer", b"cutting me kills"


def decode(path: Path, alive: Alive) -> RecordingFacts:
    if KILLER in path.read_bytes():
        signal.raise_signal(
            signal.SIGSEGV
        )  # in this thread, as a fault would: os.kill may leave it running until another one is scheduled
    return probe_and_decode(path, alive)


def cut(path: Path, *others: Any, **named: Any) -> list[CutClip]:
    if LATE_KILLER in path.read_bytes():
        signal.raise_signal(
            signal.SIGSEGV
        )  # in this thread, as a fault would: os.kill may leave it running until another one is scheduled
    return cut_recording(path, *others, **named)


if __name__ == "__main__":
    ingest.probe_and_decode = decode
    dataset.cut_recording = cut  # type: ignore[assignment]
    main()
