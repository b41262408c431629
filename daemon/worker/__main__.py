"""A worker: the process that does one job attempt (`python -m daemon.worker`), or speaks one request after another
(`--speech [ENGINE…]`, having these engines ready before the first).

The launcher starts it with a socket to mynad at descriptor 3. It asks at once to die with the launcher, says Hello,
gets a Start with the plan, runs `daemon.worker.job.<kind>.run`, and tells how it ended. What it prints goes to the
job's log; the socket carries everything else.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import socket
import sys
from collections.abc import Callable
from importlib import import_module

from daemon.processes.launcher_program import HUGE_PAGES, WORKER_SOCKET, die_with

#: what a job kind does: `run(plan, channel) -> sentence`
Run = Callable[..., str]


def load_job(kind: str) -> Run:
    """The `run` of a job kind: "train" → `daemon.kinds.train.worker.run`."""
    run: Run = import_module(f"daemon.kinds.{kind}.worker").run
    return run


def get_ready(engine: str) -> None:
    """Have what speaking with an engine takes in memory. A fault in it is told when somebody asks for speech."""
    try:
        import_module("daemon.kinds.speak.worker").get_ready(engine)
    except Exception as error:
        print(f"The engine {engine} is not ready to speak: {error!r}", file=sys.stderr, flush=True)


def settle() -> None:
    """Have what spoke be quicker next time, if it can. A fault in it is no request's."""
    try:
        if (speak := sys.modules.get("daemon.kinds.speak.worker")) is not None:
            speak.settle()
    except Exception as error:
        print(f"The voice did not settle: {error!r}", file=sys.stderr, flush=True)


def main(load: Callable[[str], Run] = load_job, ready: Callable[[str], None] = get_ready) -> None:
    """Serve mynad until it lets go. `load` and `ready` are where tests put their own kinds."""
    die_with(int(os.environ["MYNA_LAUNCHER"]))
    faulthandler.enable()  # a segfault's last words: the Python stack
    from daemon.worker.channel import WorkerSocket  # after die_with: nothing slow may come before it

    speech = "--speech" in sys.argv
    if speech:
        for name, value in HUGE_PAGES.items():
            os.environ.setdefault(name, value)
    else:
        with contextlib.suppress(OSError):
            os.nice(5)  # mynad and speech answer people; this can wait its turn
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("500")  # when memory runs out, an attempt is to die and not mynad
    worker_socket = WorkerSocket(socket.socket(fileno=WORKER_SOCKET))
    worker_socket.hello()
    for engine in sys.argv[sys.argv.index("--speech") + 1 :] if speech else ():
        ready(engine)
    while True:
        start, channel = worker_socket.next_job()
        kind = start.WhichOneof("plan") or ""
        try:
            sentence = load(kind)(getattr(start, kind), channel)
        except BaseException as error:  # SystemExit too: third-party code must not end us without a word
            channel.failed(error)
        else:
            channel.done(sentence)
        if not speech:
            break
        settle()
        gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    # no interpreter teardown: all files are closed and synced by now, and libraries like to crash in theirs
    os._exit(0)


if __name__ == "__main__":
    main()
