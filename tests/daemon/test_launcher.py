"""The launcher and the processes it starts: who dies with whom, and that starting works beside a busy gRPC."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.processes.launcher import Launcher
from tests.waits import ends

pytestmark = pytest.mark.integration
SLEEP = "/bin/sleep"
ROOT = Path(__file__).resolve().parents[2]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def run(home: Path, life: Callable[[Launcher], object]) -> None:
    launcher = Launcher(home)
    try:

        async def main() -> None:
            launcher.attach()
            await life(launcher)  # type: ignore[misc]

        asyncio.run(main())
    finally:
        launcher.close()


def test_a_child_tells_its_words_and_its_exit_code(tmp_path: Path) -> None:
    async def life(launcher: Launcher) -> None:
        child = await launcher.spawn(["/bin/sh", "-c", "echo out; echo err >&2; exit 7"])
        assert await child.output.read() == b"out\nerr\n"
        assert await child.exited == 7

    run(tmp_path, life)


def test_a_child_talks_over_its_socket(tmp_path: Path) -> None:
    async def life(launcher: Launcher) -> None:
        child = await launcher.spawn(["/bin/sh", "-c", "read line <&3; echo got $line >&3"])
        child.writer.write(b"hello\n")
        assert await child.reader.readline() == b"got hello\n"
        assert await child.exited == 0

    run(tmp_path, life)


@pytest.mark.parametrize("read_before", [True, False], ids=["read-before", "still-in-the-socket"])
def test_last_words_are_heard_though_the_dead_is_written_to(tmp_path: Path, read_before: bool) -> None:
    """A worker says at which file it is and dies while mynad acknowledges what it said before: the file is known all
    the same."""

    async def life(launcher: Launcher) -> None:
        child = await launcher.spawn(["/bin/sh", "-c", "echo one >&3; read line <&3; echo two >&3; echo three >&3"])
        assert await child.reader.readline() == b"one\n"
        gone = os.pidfd_open(child.pid)
        child.writer.write(b"unread\nnever read\n")
        if read_before:
            assert await child.exited == 0
        assert select.select([gone], [], [], 10.0)[0]
        os.close(gone)
        for _ in range(2):  # the second finds the connection lost
            child.writer.write(b"acknowledged\n")
        assert await child.reader.read() == b"two\nthree\n"

    run(tmp_path, life)


def test_a_child_has_no_descriptors_but_its_own(tmp_path: Path) -> None:
    async def life(launcher: Launcher) -> None:
        child = await launcher.spawn(["/bin/ls", "/proc/self/fd"])
        assert set((await child.output.read()).split()) == {
            b"0",
            b"1",
            b"2",
            b"3",
            b"4",
            b"5",
        }  # 5: ls reading the folder itself

    run(tmp_path, life)


def test_a_killed_child_tells_the_signal(tmp_path: Path) -> None:
    async def life(launcher: Launcher) -> None:
        child = await launcher.spawn([SLEEP, "1000"])
        child.kill(signal.SIGKILL)
        assert await child.exited == -signal.SIGKILL
        child.kill(signal.SIGKILL)  # once more harms nobody

    run(tmp_path, life)


def test_what_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    async def life(launcher: Launcher) -> None:
        with pytest.raises(OSError, match="nothing-there"):
            await launcher.spawn([str(tmp_path / "nothing-there")])
        assert await (await launcher.spawn(["/bin/true"])).exited == 0

    run(tmp_path, life)


def test_what_is_told_too_much_is_an_error_and_the_others_live_on(tmp_path: Path) -> None:
    async def life(launcher: Launcher) -> None:
        first, other = launcher.pid, await launcher.spawn([SLEEP, "1000"])
        with pytest.raises(OSError, match=r"take 66,0.. bytes, and 65,535 fit"):
            await launcher.spawn(["/bin/true"], {"TOLD": "x" * 66_000})
        assert await (await launcher.spawn(["/bin/true"], {"TOLD": "x" * 65_000})).exited == 0
        assert launcher.pid == first
        assert alive(other.pid)

    run(tmp_path, life)


def test_what_a_worker_started_dies_with_it(tmp_path: Path) -> None:
    async def life(launcher: Launcher) -> None:
        child = await launcher.spawn(["/bin/sh", "-c", f"{SLEEP} 1000 & echo $!"])
        grandchild = int(await child.output.readline())
        assert await child.exited == 0
        await asyncio.to_thread(ends, grandchild)

    run(tmp_path, life)


#: starts a process, tells its pid, and goes on
PARENT = ["/bin/sh", "-c", f"{SLEEP} 1000 & echo $!; wait"]


def test_what_a_worker_started_dies_with_it_when_it_is_killed(tmp_path: Path) -> None:
    async def life(launcher: Launcher) -> None:
        child = await launcher.spawn(PARENT)
        grandchild = int(await child.output.readline())
        child.kill(signal.SIGKILL)
        await asyncio.to_thread(ends, grandchild)

    run(tmp_path, life)


def test_what_a_worker_started_dies_at_the_launchers_end(tmp_path: Path) -> None:
    grandchildren = []

    async def life(launcher: Launcher) -> None:
        child = await launcher.spawn(PARENT)
        grandchildren.append(int(await child.output.readline()))

    run(tmp_path, life)
    ends(grandchildren[0])


def test_what_a_worker_started_dies_when_the_launcher_is_killed(tmp_path: Path) -> None:
    async def life(launcher: Launcher) -> None:
        child = await launcher.spawn(PARENT)
        grandchild = int(await child.output.readline())
        os.kill(launcher.pid, signal.SIGKILL)
        await asyncio.to_thread(ends, grandchild)

    run(tmp_path, life)


def test_a_killed_launcher_is_replaced_once_its_workers_are_gone(tmp_path: Path) -> None:
    async def life(launcher: Launcher) -> None:
        child = await launcher.spawn([sys.executable, str(ROOT / "tests/daemon/strange_worker.py")])
        await child.reader.readexactly(4)  # it has said Hello, so it has asked to die with the launcher
        first = launcher.pid
        replaced = asyncio.Event()
        launcher.on_restart = replaced.set
        os.kill(first, signal.SIGKILL)
        async with asyncio.timeout(20):
            assert await child.exited is None
            assert not alive(child.pid)
            await replaced.wait()
            assert launcher.pid != first
            assert await (await launcher.spawn(["/bin/true"])).exited == 0

    run(tmp_path, life)


def test_nothing_outlives_a_killed_mynad(tmp_path: Path) -> None:
    """A process that owns a launcher and workers gets SIGKILL: they and what they started are gone soon after, and the
    next launcher waits for that."""
    program = f"""
import asyncio, sys
from pathlib import Path
from daemon.processes.launcher import Launcher
from tests.waits import ends
launcher = Launcher(Path({str(tmp_path)!r}))
async def main():
    launcher.attach()
    child = await launcher.spawn([sys.executable, {str(ROOT / "tests/daemon/strange_worker.py")!r}])
    await child.reader.readexactly(4)
    parent = await launcher.spawn({PARENT!r})
    print(launcher.pid, child.pid, parent.pid, int(await parent.output.readline()), flush=True)
    await asyncio.sleep(1000)
asyncio.run(main())
"""
    mynad = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=ROOT)
    assert mynad.stdout is not None
    launcher, *workers = map(int, mynad.stdout.readline().split())
    assert alive(launcher)
    assert all(alive(worker) for worker in workers)
    mynad.kill()
    mynad.wait()
    second = Launcher(tmp_path)  # returns only when no worker of the first holds the lock any more
    try:
        assert not any(alive(worker) for worker in workers)
    finally:
        second.close()
    ends(launcher)


def test_two_hundred_starts_beside_a_busy_grpc(tmp_path: Path) -> None:
    """gRPC and fork do not mix; a launcher that was there first (and one that replaced it) does not care."""
    program = f"""
import os
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
import asyncio, signal
from pathlib import Path
from daemon.processes.launcher import Launcher
from tests.waits import ends
launcher = Launcher(Path({str(tmp_path)!r}))
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
async def main():
    launcher.attach()
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    address = "unix:{tmp_path}/s"
    server.add_insecure_port(address)
    await server.start()
    calls = 0
    async def load():
        nonlocal calls
        async with grpc.aio.insecure_channel(address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            while True:
                await stub.Check(health_pb2.HealthCheckRequest(), timeout=20)
                calls += 1
    loads = [asyncio.create_task(load()) for _ in range(4)]
    async def spawn():
        child = await launcher.spawn(["/bin/true"])
        code = await child.exited
        child.close()
        return code
    for half in range(2):
        for _ in range(10):
            assert await asyncio.gather(*(spawn() for _ in range(10))) == [0] * 10
        if half == 0:
            replaced = asyncio.Event()
            launcher.on_restart = replaced.set
            os.kill(launcher.pid, signal.SIGKILL)
            await replaced.wait()
    assert not any(load.done() for load in loads), "a call failed"
    for load in loads: load.cancel()
    await asyncio.wait(loads)
    await server.stop(0)
    print("calls", calls)
asyncio.run(main())
launcher.close()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[1]) > 100
