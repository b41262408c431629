"""`myna` in a process of its own, forked from one that has imported what every command imports of others: that is most
of what a command takes, and the tests run hundreds.

Run as a program, it listens at the socket that it is given and forks a command for each connection. Nothing of `tui`
is imported before the fork.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

#: what is imported before the first command is forked
OTHERS = (
    "grpc.aio",
    "typer.main",
    "pydantic",
    "rich.console",
    "rich.table",
    "google.protobuf.json_format",
    "proto.client",
)


class Forks:
    """The process that forks, from `up` to `down`."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._path, self._root = folder / "forks.sock", root
        self._process: subprocess.Popen[bytes] | None = None

    def up(self) -> None:
        command = [sys.executable, "-m", "tests.tui.forking", str(self._path)]
        self._process = subprocess.Popen(command, cwd=self._root, stdout=subprocess.PIPE, stdin=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"listens\n"

    def down(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def run(
        self, words: Sequence[str], environment: dict[str, str], input: bytes, timeout: float
    ) -> tuple[int, bytes, bytes]:
        """A command's exit code, and what it wrote to stdout and stderr. Raises subprocess.TimeoutExpired; then it was
        killed."""
        asked = json.dumps({"words": list(words), "environment": environment, "folder": str(self._root)}).encode()
        (in_read, in_write), (out_read, out_write), (err_read, err_write) = (os.pipe() for _ in range(3))
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(timeout)
            line.connect(str(self._path))
            given = [in_read, out_write, err_write]
            socket.send_fds(line, [struct.pack("!I", len(asked))], given)
            line.sendall(asked)
            for end in given:
                os.close(end)
            said: dict[int, bytes] = {}
            ends = (out_read, err_read)
            readers = [threading.Thread(target=_read_all, args=(end, said), daemon=True) for end in ends]
            for reader in readers:
                reader.start()
            with contextlib.suppress(BrokenPipeError), open(in_write, "wb") as stdin:
                stdin.write(input)
            (pid,) = struct.unpack("!i", _exactly(line, 4))
            try:
                (code,) = struct.unpack("!i", _exactly(line, 4))
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(["myna", *words], timeout) from None
            for reader in readers:
                reader.join(timeout)
        return code, said[out_read], said[err_read]


def _read_all(end: int, said: dict[int, bytes]) -> None:
    with open(end, "rb") as stream:
        said[end] = stream.read()


def _exactly(line: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = line.recv(size - len(found))
        if not more:
            raise ConnectionError("the process that forks has gone")
        found += more
    return found


def serve(path: str) -> None:
    """Fork a command for each connection, until whoever started this has gone: then stdin is at its end."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    for name in OTHERS:
        import_module(name)
    _some_command()  # typer imports parts of itself when it makes the first one
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(16)
        print("listens", flush=True)
        while sys.stdin not in select.select([server, sys.stdin], [], [])[0]:
            line, _ = server.accept()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if os.fork() == 0:
                server.close()
                _attend(line)
            line.close()


def _some_command() -> None:
    import typer.main

    some = typer.Typer()
    some.command()(lambda number=1: None)
    typer.main.get_command(some)


def _attend(line: socket.socket) -> None:
    """Fork the command, wait for its end, and tell. Does not return."""
    size, given, _, _ = socket.recv_fds(line, 4, 3)
    asked = json.loads(_exactly(line, struct.unpack("!I", size)[0]))
    pid = os.fork()
    if pid == 0:
        line.close()
        _become(given, asked)
    for end in given:
        os.close(end)
    line.sendall(struct.pack("!i", pid))
    _, status = os.waitpid(pid, 0)
    line.sendall(struct.pack("!i", os.waitstatus_to_exitcode(status)))
    os._exit(0)


def _become(given: list[int], asked: dict[str, Any]) -> None:
    """Be the command. Does not return."""
    for number, end in enumerate(given):
        os.dup2(end, number)
        os.close(end)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(str(asked["folder"]))
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        before = getattr(sys, name)
        stream = os.fdopen(number, mode, encoding=before.encoding, errors=before.errors, closefd=False)
        setattr(sys, name, stream)
    sys.argv = ["myna", *asked["words"]]
    code = 0
    try:
        runpy.run_module("tui.cli", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1 if ended.code else 0
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
