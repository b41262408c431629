"""A real Ray cluster of two nodes on this machine, for the length of a test: its processes are known by their session's
folder, and only those are ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Self

import psutil

from daemon.far.far_home import ENVIRONMENT
from tests.e2e.workshop import ROOT

#: seconds that `ray start` may take on a machine that others use, too
PATIENCE = 180.0
GCS, RAYLET = "gcs_server", "raylet"


class RayCluster:
    """A head that lends nothing, and one node beside it that lends a core and pretends two GPUs."""

    def __init__(self, folder: Path, machine: Path) -> None:
        """`folder` must be short: Ray puts sockets there. `machine`: where agents keep what they fetched."""
        self.folder = folder
        self.port = _free_port()
        self._heads = 0
        self.address = f"127.0.0.1:{self.port}"
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",  # as this machine's own workers: others use it, too
            "OMP_NUM_THREADS": "1",
            ENVIRONMENT: str(machine),
        }

    def __enter__(self) -> Self:
        self.head()
        self.node()
        return self

    def __exit__(self, *_: object) -> None:
        self._end(self._processes())

    def head(self) -> None:
        """Start a head, at the same address each time: another one, if there was one."""
        self._heads += 1
        self._start("--head", f"--port={self.port}", "--num-cpus=0", "--num-gpus=0", "--include-dashboard=false",
                    f"--temp-dir={self.folder}{self._heads}", low=30_000)  # fmt: skip

    def node(self) -> None:
        """Start the other node."""
        self._start(f"--address={self.address}", "--num-cpus=1", "--num-gpus=2", low=31_000)

    def kill_head(self) -> None:
        """SIGKILL of its control process and of its raylet: the cluster has no head any more."""
        raylet, *_ = self._raylets()
        self._end([*raylet.children(recursive=True), raylet, *(one for one in self._processes() if GCS in one.name())])

    def kill_node(self) -> None:
        """SIGKILL of the newest node, with all that runs on it."""
        raylet = self._raylets()[-1]
        self._end([*raylet.children(recursive=True), raylet])

    def _raylets(self) -> list[psutil.Process]:
        """One a node, the oldest first."""
        return sorted((one for one in self._processes() if one.name() == RAYLET), key=lambda one: one.create_time())

    def agents(self, store: str) -> list[psutil.Process]:
        """Agents at work for a store."""
        lines = [(one, one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])]
        return [one for one, line in lines if line[1:4] == ["-m", "daemon.far.agent", store]]

    def _start(self, *arguments: str, low: int) -> None:
        command = [
            sys.executable, "-m", "ray.scripts.scripts", "start", *arguments, "--node-ip-address=127.0.0.1",
            "--object-store-memory=80000000", "--disable-usage-stats",
            f"--min-worker-port={low}", f"--max-worker-port={low + 99}",
        ]  # fmt: skip
        log = self.folder.parent / "start.log"
        with log.open("wb") as out:  # no pipe: what it starts would hold it open
            done = subprocess.run(
                command, cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                timeout=PATIENCE, check=False,
            )  # fmt: skip
        assert done.returncode == 0, log.read_text(errors="replace")[-3_000:]

    def _processes(self) -> list[psutil.Process]:
        found: dict[int, psutil.Process] = {}
        for one in psutil.process_iter(["cmdline"]):
            if any(str(self.folder) in part or part.endswith(f":{self.port}") for part in one.info["cmdline"] or ()):
                found |= {each.pid: each for each in (one, *_children(one))}
        found.pop(os.getpid(), None)
        return list(found.values())

    def _end(self, processes: list[psutil.Process]) -> None:
        for one in processes:
            try:
                one.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        _, alive = psutil.wait_procs(processes, timeout=20)
        assert not [one for one in alive if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _free_port() -> int:
    """Below those that Ray gives its workers."""
    for port in range(6_400, 6_900):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no port is free")
