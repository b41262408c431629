"""A worker program whose jobs do what the text to speak (or a training's voice) tells: for tests of what mynad makes of
it.

Everything but the jobs themselves is the real worker: its process, its line, its threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from typing import Any

from daemon.worker.__main__ import main
from daemon.worker.job import Channel, audio_report
from engines.errors import BadInput
from proto import worker_pb2 as wire


def load(kind: str) -> Any:
    return {"speak": speak, "remote": speak}.get(kind, whatever)


#: engines that were to be ready
_ready: list[str] = []


def speak(plan: wire.SpeakPlan, channel: Channel) -> str:
    for index, word in enumerate(plan.spec.text.split()):
        if word.startswith("chunks="):
            for _ in range(int(word.removeprefix("chunks="))):
                channel.report(audio_report(b"\0" * 400_000, 16_000, 0, "", last=False))
        else:
            act(word, channel)
        channel.check()
        channel.report(audio_report(bytes([index]) * 4, 16_000, index, word, last=False))
    channel.report(audio_report(b"", 16_000, 0, "", last=True))
    return f"spoken by process {os.getpid()}" + (f" that had {' and '.join(_ready)} ready" if _ready else "")


def whatever(plan: Any, channel: Channel) -> str:
    """A job of another kind does what its voice is named."""
    return act(plan.version_name.rpartition("@")[0] if isinstance(plan, wire.ExportPlan) else plan.voice, channel)


def act(what: str, channel: Channel) -> str:
    channel.log("info", f"process {os.getpid()} does {what}")
    match what:
        case "segfault":
            ctypes.string_at(0)
        case "exit":
            sys.exit("a library had enough")
        case "vanish":
            print("my last words", file=sys.stderr, flush=True)
            os._exit(7)
        case "refuse":
            raise BadInput("This text cannot be spoken.", "Give another.")
        case "bug":
            raise KeyError("no such thing")
        case "memory":
            raise MemoryError
        case "full":
            raise OSError(28, "No space left on device")
        case _ if what.startswith("write="):
            with open(what.removeprefix("write="), "w"):
                pass
        case _ if what.startswith("until="):
            while not os.path.exists(what.removeprefix("until=")):
                time.sleep(0.01)  # no test: a worker at work until the test lets it go on
        case _ if what.startswith("breaks="):
            act(f"until={what.removeprefix('breaks=')}", channel)
            raise RuntimeError("CUDA error: unspecified launch failure")
        case "freeze":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "deaf":
            while True:
                time.sleep(60)  # deaf on purpose: only a kill ends it
        case "steps":
            for step in range(10_000_000):
                channel.progress(step, 0, "steps", "training")
                channel.check()
                time.sleep(0.01)  # what its step takes
        case _ if what.startswith("sees"):
            channel.log("info", f"sees {os.environ.get('CUDA_VISIBLE_DEVICES', 'every GPU')!r}")
            return act("steps", channel)
        case _ if what.startswith("listens"):
            channel.report(wire.Report(lane_free=wire.LaneFree()))
            return act("steps", channel)
        case "measures":
            for step in range(10_000_000):
                channel.points(1, [("train/loss", step, 1.0)])
                channel.check()
                time.sleep(0.01)  # what its step takes
        case "grandchild" | "deaf-parent":
            child = subprocess.Popen(["sleep", "1000"])
            channel.log("info", f"process {child.pid} was started by it")
            if what == "deaf-parent":
                return act("deaf", channel)
            os._exit(3)
    return f"process {os.getpid()} did {what}"


if __name__ == "__main__":
    main(load, _ready.append)
