"""What is wrong with this machine, as mynad sees it, and how to mend it. Nothing heavy is imported: packages are asked
for by name."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from daemon.database.store import Store
from daemon.home import survey
from daemon.machine.disk_space import DiskSpace
from daemon.machine.gpu import Gpus
from daemon.state import engines
from engines import registry
from proto import myna_pb2 as pb
from proto.findings import PACKAGES, note, ok, package, problem, python


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
            python(),
            package("torch", "torch", "training and speaking"),
            *(package(*each) for each in PACKAGES),
            *await asyncio.to_thread(_gpus, self._gpus, self._owner),
            _disk(self._disk),
            _state(self._home),
        ]
        found = survey.finding(await asyncio.to_thread(self._store.read_now, survey.scan, self._home))
        findings += [found] if found is not None else []
        infos = registry.ENGINES.values()
        states = await self._store.read(lambda session: [engines.state(session, info, self._home) for info in infos])
        for told in states:
            findings.append((ok if told.ready else note)(f"engine {told.name}", told.sentence))
        return findings


def _gpus(known: Gpus, owner: Callable[[int], str]) -> list[pb.Finding]:
    gpus = known.sample(owner)
    if not gpus:
        return [note("gpu", known.no_gpu, "Everything works without one, only slower.")]
    findings = []
    for gpu in gpus:
        sentence = f"{gpu.name}: {gpu.memory_used / 1e9:.1f} of {gpu.memory_total / 1e9:.1f} GB used."
        findings.append(ok(f"gpu {gpu.index}", sentence))
        strangers = [
            process for process in gpu.processes if not process.ours and process.memory > gpu.memory_total // 10
        ]
        for process in strangers:
            held = f"{process.owner} (process {process.pid}) holds {process.memory / 1e9:.1f} GB of GPU {gpu.index}."
            findings.append(note(f"gpu {gpu.index}", held, "Trainings have less room meanwhile."))
    try:
        build = version("torch")
    except PackageNotFoundError:
        return findings
    if build.endswith("+cpu"):
        sentence = f"There is a GPU, but torch {build} is built for the CPU only."
        findings.append(problem("torch", sentence, "Install a CUDA build of the same version."))
    return findings


def _disk(disk: DiskSpace) -> pb.Finding:
    usage = shutil.disk_usage(disk.home)
    sentence = f"{usage.free / 1e9:.1f} of {usage.total / 1e9:.1f} GB free where {disk.home} is."
    if disk.missing():
        hint = f"Free some: nothing is taken or trained below {disk.floor / 1e9:.1f} GB (min_free_disk)."
        return problem("disk", sentence, hint)
    return ok("disk", sentence)


def _state(home: Path) -> pb.Finding:
    if os.access(home, os.W_OK):
        return ok("home", f"State is kept in {home}.")
    return problem("home", f"{home} cannot be written.", "See who owns it.")
