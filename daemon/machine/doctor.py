"""What is wrong with this machine, as mynad sees it, and how to mend it. Nothing heavy is imported: packages are asked
for by name."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from daemon.database.store import Store
from daemon.home import survey
from daemon.machine import fast_paths, gpu_findings
from daemon.machine.disk_space import DiskSpace
from daemon.machine.gpu import Gpus
from daemon.machine.patience import apart
from daemon.notices import findings as notifiers
from daemon.state import engines, remote_engines
from engines import registry
from proto import myna_pb2 as pb
from proto.findings import PACKAGES, note, ok, package, problem, python


class Doctor:
    """Examines the machine. `owner` names a process of ours: pid → "train #12"; `told`: how notifiers stand."""

    def __init__(
        self,
        home: Path,
        disk: DiskSpace,
        store: Store,
        gpus: Gpus,
        owner: Callable[[int], str],
        told: Callable[[], Awaitable[Sequence[pb.Notifier]]],
    ) -> None:
        self._home = home
        self._disk = disk
        self._store = store
        self._gpus = gpus
        self._owner = owner
        self._told = told

    async def examine(self) -> list[pb.Finding]:
        """Findings, each "ok", "note" or "problem" with what to do."""
        findings = [
            python(),
            package("torch", "torch", "training and speaking"),
            *(package(*each) for each in PACKAGES),
            *await apart(lambda: _gpus(self._gpus, self._owner)),
            *await asyncio.to_thread(fast_paths.findings, self._home),
            _disk(self._disk),
            _state(self._home),
        ]
        found = survey.finding(await asyncio.to_thread(self._store.read_now, survey.scan, self._home))
        findings += [found] if found is not None else []
        findings += [*await self._store.read(notifiers.of), *notifiers.of_urls(await self._told())]
        infos = registry.ENGINES.values()
        states = await self._store.read(lambda session: [engines.state(session, info, self._home) for info in infos])
        states += [one for one in await self._store.read(remote_engines.states) if one.remote.enabled]
        for told in states:
            findings.append((ok if told.ready else note)(f"engine {told.name}", told.sentence))
        return findings


def _gpus(known: Gpus, owner: Callable[[int], str]) -> list[pb.Finding]:
    gpus = known.sample(owner)
    findings = gpu_findings.of(known)
    if not gpus:
        return [note("gpu", known.no_gpu, "Everything works without one, only slower."), *findings]
    for gpu in gpus:
        if gpu.lost:
            continue
        said = f"{gpu.name}: {gpu.memory_used / 1e9:.1f} of {gpu.memory_total / 1e9:.1f} GB used"
        said += f", {gpu.utilisation:.0%} busy" + (f", {gpu.temperature:.0f} °C." if gpu.temperature else ".")
        said += "" if gpu.owned or not any(one.owned for one in gpus) else " Myna does not work on this one."
        strangers = [
            f"{process.owner} (process {process.pid}) holds {process.memory / 1e9:.1f} GB."
            for process in gpu.processes
            if gpu.owned and not process.ours and process.memory > gpu.memory_total // 10
        ]
        name = f"gpu {gpu.index}"
        if strangers:
            findings.append(note(name, " ".join([said, *strangers]), "Trainings have less room meanwhile."))
        else:
            findings.append(ok(name, said))
    if not any(gpu.owned for gpu in gpus) and not known.none_wanted:
        told = "CUDA_VISIBLE_DEVICES leaves Myna no GPU of this machine; work runs on the CPU."
        findings.append(note("gpu", told, "Start mynad with another value, or without it, to use one."))
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
