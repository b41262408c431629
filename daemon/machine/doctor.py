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
from daemon.state.values import FindingState, finding
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
            findings.append(finding(f"engine {told.name}", FindingState.OK if told.ready else FindingState.NOTE, told.sentence))
        return findings


def _python() -> pb.Finding:
    running = platform.python_version()
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return finding("python", FindingState.OK, f"Python {running}.")
    return finding("python", FindingState.PROBLEM, f"Python {running} is not supported.", "Use 3.11, 3.12 or 3.13.")


def _packages() -> list[pb.Finding]:
    findings = []
    for package, module, what in NEEDED:
        if find_spec(module) is None:
            sentence = f"{package} is missing: {what} will not work."
            findings.append(finding(package, FindingState.PROBLEM, sentence, "`make setup` installs it."))
            continue
        try:
            findings.append(finding(package, FindingState.OK, f"{package} {version(package)}."))
        except PackageNotFoundError:
            findings.append(finding(package, FindingState.OK, f"{package} is there."))
    return findings


def _gpus(known: Gpus, owner: Callable[[int], str]) -> list[pb.Finding]:
    gpus = known.sample(owner)
    if not gpus:
        return [finding("gpu", FindingState.NOTE, known.no_gpu, "Everything works without one, only slower.")]
    findings = []
    for gpu in gpus:
        sentence = f"{gpu.name}: {gpu.memory_used / 1e9:.1f} of {gpu.memory_total / 1e9:.1f} GB used."
        findings.append(finding(f"gpu {gpu.index}", FindingState.OK, sentence))
        strangers = [process for process in gpu.processes if not process.ours and process.memory > gpu.memory_total // 10]
        for process in strangers:
            held = f"{process.owner} (process {process.pid}) holds {process.memory / 1e9:.1f} GB of GPU {gpu.index}."
            findings.append(finding(f"gpu {gpu.index}", FindingState.NOTE, held, "Trainings have less room meanwhile."))
    try:
        build = version("torch")
    except PackageNotFoundError:
        return findings
    if build.endswith("+cpu"):
        sentence = f"There is a GPU, but torch {build} is built for the CPU only."
        findings.append(finding("torch", FindingState.PROBLEM, sentence, "Install a CUDA build of the same version."))
    return findings


def _disk(disk: DiskSpace) -> pb.Finding:
    usage = shutil.disk_usage(disk.home)
    sentence = f"{usage.free / 1e9:.1f} of {usage.total / 1e9:.1f} GB free where {disk.home} is."
    if disk.missing():
        hint = f"Free some: nothing is taken or trained below {disk.floor / 1e9:.1f} GB (min_free_disk)."
        return finding("disk", FindingState.PROBLEM, sentence, hint)
    return finding("disk", FindingState.OK, sentence)


def _state(home: Path) -> pb.Finding:
    if os.access(home, os.W_OK):
        return finding("home", FindingState.OK, f"State is kept in {home}.")
    return finding("home", FindingState.PROBLEM, f"{home} cannot be written.", "See who owns it.")
