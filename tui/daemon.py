"""Start the local daemon detached, wait until it answers, and end it again."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import proto
from proto import lock
from proto.client import Client, ClientError, connect

START = 30.0  #: seconds a daemon gets to answer (a large database may be migrated first)
END = 120.0  #: seconds a daemon gets to end: running training checkpoints first
ANSWER = 10.0  #: seconds a daemon that somebody else started gets to answer
HURRY = 5.0  #: seconds a daemon that does not answer gets to end before it is asked harder
STEP = 0.02  #: seconds between two looks


def start(home: Path) -> int:
    """Start a daemon for `home` in its own session, and return its process id once it serves.

    It outlives this terminal. What it prints goes to `<home>/log/mynad.out`. Raises ClientError with its last words if
    it ends early.
    """
    if lock.is_held(home):
        return _under_way(home)
    log = home / "log" / "mynad.out"
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        sink = log.open("ab")
    except OSError as error:
        raise ClientError(
            f"{log} cannot be written: {error.strerror}.", "Fix that, or set MYNA_HOME to another folder."
        ) from None
    root = Path(proto.__file__).resolve().parent.parent
    environment = {
        **os.environ,
        "MYNA_HOME": str(home),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH")))),
    }
    before = log.stat().st_size
    with sink:
        process = subprocess.Popen(
            command(),
            cwd=home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    with connect(home=home) as client:
        if _until(lambda: client.ready() or process.poll() is not None, START) and client.ready():
            return client.info().pid or process.pid
    words = log.read_bytes()[before:].decode("utf-8", "replace").strip().splitlines()
    if process.poll() is None:
        raise ClientError(f"The daemon did not answer within {START:.0f} s.", f"Its log: {log}", "DEADLINE_EXCEEDED")
    said = words[-1].removeprefix("mynad: ") if words else f"It ended with {process.returncode} and said nothing."
    raise ClientError(f"The daemon did not start. {said}", f"Its log: {log}", "UNAVAILABLE")


def _under_way(home: Path) -> int:
    """Somebody started one just now, or one hangs. Its process id once it serves; raises ClientError, saying which."""
    with connect(home=home) as client:
        if _until(client.ready, ANSWER):
            return client.info().pid
        if not lock.is_held(home):
            raise ClientError(
                "The daemon that was starting has ended.", f"Its log: {home / 'log' / 'mynad.log'}", "UNAVAILABLE"
            )
        client.wait_ready(0.0)  # says why not
        return client.info().pid


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
    here = not client.address.remote and lock.is_held(home)
    if here and not client.ready():
        _end_silent(home, now=now)
        return
    process = _handle(client.info().pid) if here else None
    try:
        client.shutdown(now=now)
        gone = (lambda: not lock.is_held(home)) if here else (lambda: not client.ready())
        ended = _ends(process, END) if process is not None else _until(gone, END)
    finally:
        if process is not None:
            os.close(process)
    if not ended:
        hint = "Training may still be writing a checkpoint: look again with `myna status`, or use `myna down --now`."
        raise ClientError(f"The daemon has not ended after {END:.0f} s.", hint, "DEADLINE_EXCEEDED")


def _end_silent(home: Path, *, now: bool) -> None:
    """End a daemon that does not answer: by signals to the process that has the lock. One that was stopped goes on
    first. With `now` it is killed if it does not end soon: nothing is lost but what was not saved."""
    pid = lock.holder(home)
    process = _handle(pid) if pid else None
    if process is None or lock.holder(home) != pid:  # asked again now that the handle cannot become another process's
        hint = (
            f"`fuser -v {lock.lock_path(home)}` names it: end it on the machine, or in the container, that it runs in."
        )
        raise ClientError(
            f"The daemon of {home} runs, but does not answer, and its process is not to be seen.", hint, "UNAVAILABLE"
        )
    try:
        for _ in range(2 if now else 1):  # asked twice, it does not wait for training to save
            signal.pidfd_send_signal(process, signal.SIGTERM)
            signal.pidfd_send_signal(process, signal.SIGCONT)
            if _ends(process, HURRY if now else END):
                return
        if now:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            if _ends(process, HURRY):
                return
    except ProcessLookupError:
        return
    finally:
        os.close(process)
    hint = "`myna down --now` kills it: training goes on from its last checkpoint at the next start."
    raise ClientError(f"The daemon (process {pid}) has not ended after {END:.0f} s.", hint, "DEADLINE_EXCEEDED")


def _ends(process: int, seconds: float) -> bool:
    return bool(select.select([process], [], [], seconds)[0])


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
