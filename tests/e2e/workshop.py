"""A whole Myna in a folder of its own, for end-to-end tests: the real mynad, its real workers, real recordings, a tiny
random base.

Nothing here sleeps: waiting means watching the event stream or a process, always with a bound.
"""

from __future__ import annotations

import hashlib
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil

from proto import myna_pb2 as pb
from proto.client import Client, ClientError, connect, state_of

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = ROOT / "demo" / "recordings"
#: how long the whole way may take on a slow machine before a test gives up, seconds
PATIENCE = 400.0

SETTINGS = """\
settle = 0.2
auto_train_quiet = 0.5
auto_train_min_seconds = 5.0
min_free_disk = 0
threads = 1
stop_grace = 30.0
"""
#: who speaks, and the recordings most tests use
ANNA = "anna"
NAMES = [f"d{n:02d}" for n in range(1, 10)]
#: the loss alone chooses a checkpoint (how they sound: daemon/jobs/test_selection.py), and
#: one look at what was scored: how close cases get further lines is tested apart (daemon/jobs/test_evaluate_rounds.py)
VOICE = """\
[train]
steps = 24
checkpoint_every = 4
eval_every = 12
batch_size = 4
seed = 7
spoken_checkpoints = 0
[promotion]
takes = 1
min_lines = 0
"""
#: a training that lasts long enough to be disturbed, as choices of `Client.train`
LONG: dict[str, Any] = {
    "steps": 120,
    "checkpoint_every": 10,
    "eval_every": 60,
    "batch_size": 4,
    "seed": 11,
    "patience": 0,
}
#: What Python runs as a mynad that knows the engines of tests/engines.
TOYS = "tests.e2e.toy_mynad"
#: A voice of the engine `toy`, in a language that no recogniser here knows: for what is true of any engine. Its worker
#: starts in a third of the time, and nobody listens to it for words.
TOY_VOICE = f"""\
engine = "toy"
language = "fi"
{VOICE}without_wer = true
"""
#: the same as LONG, for `toy`, whose steps take a millisecond
TOY_LONG: dict[str, Any] = {**LONG, "steps": 3_000, "checkpoint_every": 250, "eval_every": 1_500}


class Workshop:
    """A home folder and, while `up`, the mynad that owns it.

    `prefix` is put before mynad's command; `inside` is what the home is called where that command runs, if it is
    another name; `module` is what Python runs as mynad.
    """

    def __init__(
        self,
        home: Path,
        base: Path,
        settings: str = SETTINGS,
        *,
        prefix: Sequence[str] = (),
        inside: Path | None = None,
        log: Path | None = None,
        module: str = "daemon.main",
    ) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        (home / "myna.toml").write_text(settings)
        self.prefix, self.module = list(prefix), module
        self.log = log or home / "mynad.out"
        self.env = {
            **os.environ,
            "MYNA_HOME": str(inside or home),
            "MYNA_GLOW_BASE": str(base),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
        }
        self.daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        """Start a mynad and do not wait for it."""
        with self.log.open("ab") as out:
            command = [*self.prefix, sys.executable, "-m", self.module]
            return subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=out, stderr=out, stdin=subprocess.DEVNULL)

    def up(self, patience: float = 30.0) -> Client:
        """Start mynad and wait until it serves."""
        self.daemon = self.start()
        client = self.client()
        try:
            client.wait_ready(patience)
        except ClientError as error:
            raise AssertionError(f"mynad did not come up: {error}\n{self.log_text()}") from None
        return client

    def client(self) -> Client:
        """A fresh client of this home."""
        return connect(home=self.home)

    def down(self, patience: float = 60.0) -> int:
        """End mynad in order; its exit status."""
        assert self.daemon is not None
        self.daemon.send_signal(signal.SIGTERM)
        try:
            return self.daemon.wait(patience)
        finally:
            self.kill()

    def kill(self) -> None:
        """kill -9 of mynad, and of whatever outlives it (nothing should)."""
        if self.daemon is None:
            return
        family = self.family()
        if self.daemon.poll() is None:
            self.daemon.kill()
        self.daemon.wait()
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not alive, f"these outlived the daemon: {[p.cmdline() for p in alive if p.is_running()]}"
        self.daemon = None

    def family(self) -> list[psutil.Process]:
        """Launcher and workers."""
        if self.daemon is None or self.daemon.poll() is not None:
            return []
        try:
            return psutil.Process(self.daemon.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def launcher(self) -> psutil.Process | None:
        """The launcher process, if it is there."""
        return next((p for p in self.family() if _module(p) == "daemon.processes.launcher_program"), None)

    def worker(self) -> psutil.Process | None:
        """A worker process, if one is there."""
        return next((p for p in self.family() if _module(p) == "daemon.worker"), None)

    def log_text(self) -> str:
        """What mynad printed, for a failing test's message."""
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    def drop(self, voice: str, names: list[str], *, texts: bool = True, options: str = VOICE) -> None:
        """Copy demo recordings (and their texts) into a voice's inbox."""
        inbox = self.home / "inbox" / voice
        inbox.mkdir(parents=True, exist_ok=True)
        if options and not (inbox / "voice.toml").exists():
            (inbox / "voice.toml").write_text(options)
        for name in names:
            if texts:
                shutil.copyfile(RECORDINGS / f"{name}.txt", inbox / f"{name}.txt")
            shutil.copyfile(RECORDINGS / f"{name}.flac", inbox / f"{name}.flac")


def _module(process: psutil.Process) -> str:
    try:
        line = process.cmdline()
    except psutil.Error:
        return ""
    return line[line.index("-m") + 1] if "-m" in line[:-1] else ""


def until(
    client: Client,
    wanted: Callable[[pb.Event], bool],
    *,
    after: int = 0,
    patience: float = PATIENCE,
    fails: Callable[[pb.Event], bool] = lambda event: False,
) -> pb.Event:
    """The first event after a cursor that is wanted. A failed job (but one that `fails` expects) or a passed bound ends
    the test with what was heard."""
    heard: list[str] = []
    for event in bounded(client.watch(after), patience):
        heard.append(_short(event))
        if event.HasField("job") and state_of(event.job) == "failed" and not wanted(event) and not fails(event):
            error = event.job.status.failed.error
            raise AssertionError(f"{event.job.title} failed: {error.sentence} {error.hint}\n{error.log_tail}")
        if wanted(event):
            return event
    raise AssertionError(f"not seen within {patience:.0f} s; the last heard: {heard[-12:]}")


def bounded(stream: Iterator[T], patience: float) -> Iterator[T]:
    """The stream's events until the bound has passed."""
    events: queue.Queue[T | Exception | None] = queue.Queue()

    def pump() -> None:
        try:
            for event in stream:
                events.put(event)
        except Exception as error:  # told to the test's own thread
            events.put(error)
        else:
            events.put(None)

    threading.Thread(target=pump, daemon=True).start()
    end = time.monotonic() + patience
    while (left := end - time.monotonic()) > 0:
        try:
            got = events.get(timeout=left)
        except queue.Empty:
            return
        if isinstance(got, Exception):
            raise got
        if got is None:
            return
        yield got


def job_is(kind: pb.JobKind.ValueType, state: str, voice: str = "") -> Callable[[pb.Event], bool]:
    """An event that tells of a job of this kind in this state."""
    return lambda event: (
        event.HasField("job")
        and event.job.kind == kind
        and state_of(event.job) == state
        and voice in ("", event.job.voice)
    )


def running(client: Client, job: int) -> pb.Job:
    """The job once a worker is at it."""
    for seen in bounded(client.follow(job), PATIENCE):
        if state_of(seen) == "running":
            return client.job(job)  # what a follower is told lacks the run, which the attempt's plan made
    raise AssertionError(f"job {job} did not run within {PATIENCE:.0f} s: {client.job(job)}")


def ended(client: Client, job: int, state: str = "succeeded", patience: float = PATIENCE) -> pb.Job:
    """The job when it has ended, which must be in this state."""
    for seen in bounded(client.follow(job), patience):
        last = seen
        if state_of(last) in ("succeeded", "failed", "cancelled"):
            assert state_of(last) == state, f"{last.title} {state_of(last)}: {last.status}"
            return last
    raise AssertionError(f"{last.title} had not ended after {patience:.0f} s: {last.status}")


def reach_step(client: Client, job: int, step: int) -> int:
    """Wait until the training has told of a step at or after this one; which."""
    run = running(client, job).run
    for batch in bounded(client.watch_points(run, ["train/loss"]), PATIENCE):
        reached = max([0, *(at for series in batch.series for at in series.steps)])
        if reached >= step:
            return reached
        assert not batch.ended, f"the run ended at step {reached}, before {step}"
    raise AssertionError(f"step {step} was not reached within {PATIENCE:.0f} s")


def weights(home: Path, voice: str, version: int) -> str:
    """Digest of all weights of a version."""
    digest = hashlib.sha256()
    folder = home / "voices" / voice / str(version)
    files = sorted(folder.rglob("*.safetensors"))
    assert files, f"{folder} has no weights"
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _short(event: pb.Event) -> str:
    match event.WhichOneof("what"):
        case "job":
            return f"{event.job.title}: {state_of(event.job)}"
        case "inbox":
            return f"inbox {event.inbox.name}: {event.inbox.state} {event.inbox.why}"
        case "notice":
            return event.notice.sentence
        case other:
            return str(other)
