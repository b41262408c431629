"""Start the local daemon detached, wait until it answers, and end it again."""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import proto
from proto.client import Client, ClientError, connect

START = 30.0  #: seconds a daemon gets to answer (a large database may be migrated first)
END = 120.0  #: seconds a daemon gets to end: running training checkpoints first
STEP = 0.02  #: seconds between two looks


def start(home: Path) -> int:
    """Start a daemon for `home` in its own session, and return its process id once it serves.

    It outlives this terminal. What it prints goes to `<home>/log/mynad.out`. Raises ClientError with its last words if it ends early.
    """
    log = home / "log" / "mynad.out"
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        sink = log.open("ab")
    except OSError as error:
        raise ClientError(f"{log} cannot be written: {error.strerror}.", "Mend that, or set MYNA_HOME to another folder.") from None
    root = Path(proto.__file__).resolve().parent.parent
    environment = {
        **os.environ,
        "MYNA_HOME": str(home),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH")))),
    }
    before = log.stat().st_size
    with sink:
        process = subprocess.Popen(
            command(), cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
        )
    with connect(home=home) as client:
        if _until(lambda: client.ready() or process.poll() is not None, START) and client.ready():
            return client.info().pid or process.pid
    words = log.read_bytes()[before:].decode("utf-8", "replace").strip().splitlines()
    if process.poll() is None:
        raise ClientError(f"The daemon did not answer within {START:.0f} s.", f"Its log: {log}", "DEADLINE_EXCEEDED")
    said = words[-1].removeprefix("mynad: ") if words else f"It ended with {process.returncode} and said nothing."
    raise ClientError(f"The daemon did not start. {said}", f"Its log: {log}", "UNAVAILABLE")


def command() -> list[str]:
    """How mynad is started here: the installed script of this very environment, else its module."""
    beside = Path(sys.executable).with_name("mynad")
    return [str(beside)] if beside.is_file() else [sys.executable, "-m", "daemon.main"]


def installed() -> str:
    """Path of the `mynad` script, or empty."""
    beside = Path(sys.executable).with_name("mynad")
    return str(beside) if beside.is_file() else shutil.which("mynad") or ""


def end(client: Client, *, now: bool = False) -> None:
    """Ask the daemon to end and wait until it has. Raises ClientError if none runs or it takes too long."""
    home = client.address.home
    here = not client.address.remote and holds_lock(home)
    process = _handle(client.info().pid) if here else None
    try:
        client.shutdown(now=now)
        if process is not None:
            ended = bool(select.select([process], [], [], END)[0])
        else:
            ended = _until(lambda: not (holds_lock(home) if here else client.ready()), END)
    finally:
        if process is not None:
            os.close(process)
    if not ended:
        hint = "Training may still be writing a checkpoint: look again with `myna status`, or use `myna down --now`."
        raise ClientError(f"The daemon has not ended after {END:.0f} s.", hint, "DEADLINE_EXCEEDED")


def holds_lock(home: Path) -> bool:
    """Is there a daemon, however busy? (It holds a lock on a file for as long as it lives; process ids would lie.)"""
    try:
        with (home / "run" / "mynad.lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _handle(pid: int) -> int | None:
    """A file descriptor that becomes readable when the process has ended, where the system has such."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _until(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(STEP)
    return True
