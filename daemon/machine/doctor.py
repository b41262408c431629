"""What is wrong with this machine, as mynad sees it, and how to mend it. Nothing heavy is imported: packages are asked for by name."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from daemon.database.store import Store
from daemon.home import survey
from daemon.machine.disk_space import DiskSpace
from daemon.machine.gpu import Gpus
from daemon.state import engines
from engines import registry
from proto import myna_pb2 as pb

#: package, module, what does not work without it
NEEDED = (
    ("torch", "torch", "training and speaking"),
    ("coqui-tts", "TTS", "the engine glow"),
    ("av", "av", "reading recordings"),
    ("pocketsphinx", "pocketsphinx", "hearing recordings without a download"),
    ("faster-whisper", "faster_whisper", "cutting recordings at pauses"),
    ("Resemblyzer", "resemblyzer", "scoring how alike voices are"),
)


class Doctor:
    """Examines the machine. `owner` names a process of ours: pid → "train #12"."""

    def __init__(self, home: Path, disk: DiskSpace, store: Store, gpus: Gpus, owner: Callable[[int], str]) -> None:
        self._home = home
        self._disk = disk
        self._store = store
        self._gpus = gpus
        self._owner = owner

    async def examine(self) -> list[pb.Finding]:
        """Findings, each "ok", "note" or "problem" with what to do."""
        findings = [
            _python(),
            *_packages(),
            *await asyncio.to_thread(_gpus, self._gpus, self._owner),
            _disk(self._disk),
            _state(self._home),
        ]
        found = survey.finding(await asyncio.to_thread(self._store.read_now, survey.look, self._home))
        findings += [found] if found is not None else []
        ask = registry.ENGINES.values()
        states = await self._store.read(lambda session: [engines.state(session, info, self._home) for info in ask])
        for told in states:
            findings.append(pb.Finding(name=f"engine {told.name}", state="ok" if told.ready else "note", sentence=told.sentence))
        return findings


def _python() -> pb.Finding:
    running = platform.python_version()
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return pb.Finding(name="python", state="ok", sentence=f"Python {running}.")
    return pb.Finding(name="python", state="problem", sentence=f"Python {running} is not supported.", hint="Use 3.11, 3.12 or 3.13.")


def _packages() -> list[pb.Finding]:
    findings = []
    for package, module, what in NEEDED:
        if find_spec(module) is None:
            sentence = f"{package} is missing: {what} will not work."
            findings.append(pb.Finding(name=package, state="problem", sentence=sentence, hint="`make setup` installs it."))
            continue
        try:
            findings.append(pb.Finding(name=package, state="ok", sentence=f"{package} {version(package)}."))
        except PackageNotFoundError:
            findings.append(pb.Finding(name=package, state="ok", sentence=f"{package} is there."))
    return findings


def _gpus(known: Gpus, owner: Callable[[int], str]) -> list[pb.Finding]:
    gpus = known.sample(owner)
    if not gpus:
        return [pb.Finding(name="gpu", state="note", sentence=known.no_gpu, hint="Everything works without one, only slower.")]
    findings = []
    for gpu in gpus:
        sentence = f"{gpu.name}: {gpu.memory_used / 1e9:.1f} of {gpu.memory_total / 1e9:.1f} GB used."
        findings.append(pb.Finding(name=f"gpu {gpu.index}", state="ok", sentence=sentence))
        strangers = [process for process in gpu.processes if not process.ours and process.memory > gpu.memory_total // 10]
        for process in strangers:
            held = f"{process.owner} (process {process.pid}) holds {process.memory / 1e9:.1f} GB of GPU {gpu.index}."
            findings.append(pb.Finding(name=f"gpu {gpu.index}", state="note", sentence=held, hint="Trainings have less room meanwhile."))
    try:
        build = version("torch")
    except PackageNotFoundError:
        return findings
    if build.endswith("+cpu"):
        sentence = f"There is a GPU, but torch {build} is built for the CPU only."
        findings.append(pb.Finding(name="torch", state="problem", sentence=sentence, hint="Install a CUDA build of the same version."))
    return findings


def _disk(disk: DiskSpace) -> pb.Finding:
    usage = shutil.disk_usage(disk.home)
    sentence = f"{usage.free / 1e9:.1f} of {usage.total / 1e9:.1f} GB free where {disk.home} is."
    if disk.missing():
        hint = f"Free some: nothing is taken or trained below {disk.floor / 1e9:.1f} GB (min_free_disk)."
        return pb.Finding(name="disk", state="problem", sentence=sentence, hint=hint)
    return pb.Finding(name="disk", state="ok", sentence=sentence)


def _state(home: Path) -> pb.Finding:
    if os.access(home, os.W_OK):
        return pb.Finding(name="home", state="ok", sentence=f"State is kept in {home}.")
    return pb.Finding(name="home", state="problem", sentence=f"{home} cannot be written.", hint="See who owns it.")
