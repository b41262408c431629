"""The launcher: a small process, started before gRPC is initialised, that starts the workers.

Two thousand workers started by `subprocess` beside running gRPC were all there, too; but what they had started in turn
outlived a kill -9 of mynad each time, for nobody was left who knew it (benchmarks/spawn_stress.py). And a child that is
to die with its parent dies with the thread that forked it. So mynad never forks. It sends the launcher what to
start, with the worker's socket and its stderr pipe (SCM_RIGHTS), over a SOCK_SEQPACKET pair; the launcher answers with
the pid and, later, the exit code.

Who dies with whom: each worker has a process group of its own, which is ended with it, so that what it started ends,
too. When mynad closes the control socket, or is dead, the launcher ends all groups and itself. When the launcher dies,
the kernel ends the workers, who asked it to and check that their parent is still the expected one, and mynad ends their
groups. Only who sends notices (`outlives`) is not ended: it ends by itself, after the message that it is at.
`run/workers.lock` is shared-locked by the launcher and inherited by every worker: whoever gets it exclusively knows
that no worker of a dead mynad is still writing. (What sends notices writes nothing that others do, and has no lock.)

This module imports nothing but a handful of the standard library: it is also the launcher's whole program (`python -m
daemon.processes.launcher_program`)."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import sys
from typing import Any

#: a message of the control socket may have this many bytes
LIMIT = 1 << 16
#: file descriptors a worker finds open
WORKER_SOCKET, WORKER_LOCK = 3, 4
PR_SET_PDEATHSIG = 1
#: Threads of a worker's matrix products wait for each other asleep, after spinning for a moment. Spinning for long
#: makes a training step slower beside other work on the same cores (once thirty times); falling asleep at once makes a
#: small product take twice as long, since waking a thread takes longer than it does. benchmarks/thread_waiting.py
#: measures all three.
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "10000"}
#: torch takes big tensors in pages of 2 MB where Linux has them: matrices that are packed or in eight bits, and read
#: once a step, come out of memory a third faster. For what speaks; set before torch is imported, which reads it once.
HUGE_PAGES = {"THP_MEM_ALLOC_ENABLE": "1"}


def die_with(parent: int) -> None:
    """Ask the kernel to SIGKILL this process when its parent dies; end at once if `parent` (a pid) is no longer the
    parent."""
    import ctypes

    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        os._exit(1)


def end_group(worker: int, number: int = signal.SIGKILL) -> None:
    """Send a signal to a worker (its pid) and all that it started; those that are gone are none of our business."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(worker, number)


class _Program:
    """The launcher process itself."""

    def __init__(self, control: socket.socket, lock: int) -> None:
        self.control = control
        self.lock = lock
        self.children: dict[int, int] = {}  #: tag → pid
        self.outliving: set[int] = set()  #: tags of those that end by themselves

    def run(self) -> None:
        """Serve until mynad closes the control socket; then no worker may live on."""
        awake, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        try:
            while True:
                ready, _, _ = select.select([self.control.fileno(), awake], [], [])
                if awake in ready:
                    with contextlib.suppress(BlockingIOError):
                        os.read(awake, 4096)
                    self.reap()
                if self.control.fileno() in ready and not self.obey():
                    break
        except BrokenPipeError:
            pass  # mynad is dead
        finally:
            for tag, pid in self.children.items():
                if tag not in self.outliving:
                    end_group(pid)

    def obey(self) -> bool:
        """One message of mynad; False at its end."""
        try:
            data, handles, _, _ = socket.recv_fds(self.control, LIMIT, 2)
        except ConnectionResetError:
            return False
        if not data:
            return False
        for handle in handles:
            os.set_inheritable(handle, False)  # they come inheritable, and Python's recv_fds drops its flags argument
        message = json.loads(data)
        try:
            if "spawn" in message:
                self.spawn(message, handles)
            elif (pid := self.children.get(message["kill"])) is not None:
                end_group(pid, message["signal"])  # not yet reaped, so the pid is still that worker's
        finally:
            for handle in handles:
                os.close(handle)
        return True

    def spawn(self, message: dict[str, Any], handles: list[int]) -> None:
        """Start a worker with the two descriptors that came along: its socket and its stderr."""
        link, output = handles
        environment = {**PATIENT, **os.environ, **message["env"], "MYNA_LAUNCHER": str(os.getpid())}
        outlives = bool(message.get("outlives"))
        lock = () if outlives else ((os.POSIX_SPAWN_DUP2, self.lock, WORKER_LOCK),)
        try:
            pid = os.posix_spawn(
                message["argv"][0],
                message["argv"],
                environment,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, output, 1),
                    (os.POSIX_SPAWN_DUP2, output, 2),
                    *lock,
                    (os.POSIX_SPAWN_DUP2, link, WORKER_SOCKET),
                ],
                setsid=True,  # a group to be ended with it; and a Ctrl-C at the terminal is mynad's to handle
            )
        except OSError as error:
            self.send({"spawned": message["spawn"], "pid": 0, "error": str(error)})
            return
        self.children[message["spawn"]] = pid
        if outlives:
            self.outliving.add(message["spawn"])
        self.send({"spawned": message["spawn"], "pid": pid})

    def reap(self) -> None:
        """Tell the exit code of each worker that ended, after ending whatever it started itself."""
        for tag, pid in list(self.children.items()):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            end_group(pid)  # before the pid is given back: it names the worker's own group until then
            _, status = os.waitpid(pid, 0)
            del self.children[tag]
            self.outliving.discard(tag)
            self.send({"exited": tag, "code": os.waitstatus_to_exitcode(status)})

    def send(self, message: dict[str, Any]) -> None:
        self.control.send(json.dumps(message).encode())


def main() -> None:
    """`python -m daemon.processes.launcher_program CONTROL-FD LOCK-FD`."""
    control, lock = map(int, sys.argv[1:3])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # mynad decides when; a terminal's Ctrl-C reaches the whole group
    # out of the way of the descriptors that workers get
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (control, lock)]
    for fd in (control, lock):
        os.close(fd)
    _Program(socket.socket(fileno=high[0]), high[1]).run()


if __name__ == "__main__":
    main()
