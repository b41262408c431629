"""The program that backs up and checks (`daemon.upkeep`), as mynad sees it: started by the launcher, told from line by
line, ended when whoever asked hangs up, and with mynad."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping

from google.protobuf import json_format
from google.protobuf.message import Message

from daemon.errors import MynaError, NotNow
from daemon.processes.launcher import Child, Launcher, LauncherDied
from daemon.processes.launcher_program import WORKER_SOCKET
from proto import myna_pb2 as pb

log = logging.getLogger("mynad.upkeep")

#: argv of the program
PROGRAM = (sys.executable, "-m", "daemon.upkeep")


class UpkeepProgram:
    """Runs it, once a request."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher

    async def steps(self, verb: str, request: Message) -> AsyncGenerator[pb.UpkeepStep, None]:
        """What it tells, the summary last. Raises MynaError as the program says, NotNow when it dies."""
        asked = json_format.MessageToJson(request, indent=None, preserving_proto_field_name=True)
        try:
            child = await self._launcher.spawn(
                (*PROGRAM, verb, asked, "--steps", str(WORKER_SOCKET)), self._environment()
            )
        except (LauncherDied, OSError) as error:
            raise NotNow(f"The program that does this could not be started: {error}.", "Ask for it again.") from None
        words = asyncio.create_task(_listen(child.output))
        try:
            ended = False
            while line := await child.reader.readline():
                step = json_format.Parse(line, pb.UpkeepStep())
                if step.HasField("refused"):
                    raise _error(step.refused)
                ended = ended or step.HasField("done")
                yield step
            code = await asyncio.shield(child.exited)
            if code != 0 and not ended:
                raise NotNow(f"The program that does this ended with {code}.", "log/mynad.log has its last words.")
        finally:
            await _end(child, words)

    def _environment(self) -> Mapping[str, str]:
        """Where it finds our code, also when it runs from a checkout."""
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        return {"PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))}


async def _listen(output: asyncio.StreamReader) -> None:
    while line := await output.readline():
        log.warning("%s", line.decode(errors="replace").rstrip()[:1_000])


async def _end(child: Child, words: asyncio.Task[None]) -> None:
    """It is gone, and all it had to say was heard, when this returns: what it held is free for the next one."""
    if not child.exited.done():
        child.kill(signal.SIGKILL)
        await asyncio.shield(child.exited)
    await asyncio.wait([words], timeout=1.0)
    words.cancel()
    child.close()


def _error(refused: pb.UpkeepError) -> MynaError:
    """The program's error as one of ours."""
    error = MynaError(refused.sentence, refused.hint)
    error.code = refused.code or MynaError.code
    return error
