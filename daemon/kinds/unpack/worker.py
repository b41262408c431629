"""Taking a package in, in a worker of the CPU lane.

Everything is unpacked aside first. Only when each file has the size and SHA-256 that the manifest tells, and is what it
is said to be (sounds are decoded, weights are opened), the files are renamed into their places, and one report makes
all rows. Before that report nothing of the package can be seen, and a
worker that is killed begins anew.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO

from daemon import settings
from daemon.home import imports
from daemon.inbox.folder import BehindALink, InboxFolder, NotAFile
from daemon.inbox.refusals import refuse
from daemon.kinds.ingest.copying import Identity
from daemon.kinds.unpack.aside import Aside
from daemon.kinds.unpack.unpacking import Unpacking
from daemon.kinds.unpack.version_unpacking import VersionUnpacking
from daemon.names import printable
from daemon.package.archive import BadPackage, Reader
from daemon.package.formats import Content
from daemon.package.header import read_header
from daemon.worker.job import Channel
from engines.errors import BadInput
from engines.files import disk_full_is_a_sentence, make_folder
from proto import worker_pb2 as wire

#: Workers that may die of a package before it is refused.
DEATHS = 2


def run(plan: wire.UnpackPlan, channel: Channel) -> str:
    """Take the package in. Raises BadInput for one that is not taken (in the inbox, it lies in `.refused/` then), and
    DiskFull."""
    return _FromInbox(plan, channel).run() if plan.file else _sent(plan, channel)


def _sent(plan: wire.UnpackPlan, channel: Channel) -> str:
    """A package that came over the wire. It is deleted, whatever came of it."""
    path = Path(plan.path)
    try:
        with path.open("rb") as file:
            told = _unpack(file, plan, channel, b"package")
    except FileNotFoundError as error:
        raise BadInput("The package that was sent is not there any more.", "Send it again: `myna import FILE`.") from (
            error
        )
    except BadInput:
        path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)
    return told


class _FromInbox:
    """A package in a voice's inbox folder."""

    def __init__(self, plan: wire.UnpackPlan, channel: Channel) -> None:
        self.plan = plan
        self.channel = channel
        self.folder = InboxFolder(channel.home, plan.voice)

    def run(self) -> str:
        name = printable(self.plan.file)
        try:
            file = self.folder.open(self.plan.file)
        except FileNotFoundError:
            return f"{name} is not there any more."
        except (BehindALink, NotAFile):
            raise BadInput(f"{name} is no ordinary file, and links are not followed.", "Copy the file itself.") from (
                None
            )
        with file:
            identity = Identity.of(os.fstat(file.fileno()))
            try:
                told = _unpack(file, self.plan, self.channel, identity.key(self.plan.file))
            except BadInput as error:
                self._refuse(identity, error)
                raise
        if self._is_still(identity):
            self.folder.unlink(self.plan.file)
        return told

    def _refuse(self, identity: Identity, error: BadInput) -> None:
        """Move it to `.refused/`, unless it is another one by now."""
        if not self._is_still(identity):
            return
        report = wire.FileRefused(file=self.plan.file, sentence=str(error), hint=error.hint)
        with disk_full_is_a_sentence("a refused file's reason"):
            tell = lambda: self.channel.commit(wire.Report(refused=report))  # noqa: E731
            refuse(self.folder, self.plan.file, str(error), error.hint, tell)

    def _is_still(self, identity: Identity) -> bool:
        try:
            return Identity.of(self.folder.facts(self.plan.file)) == identity
        except OSError:
            return False


def _unpack(file: BinaryIO, plan: wire.UnpackPlan, channel: Channel, key: bytes) -> str:
    aside = imports.unpacked(channel.home, channel.job)
    shutil.rmtree(aside, ignore_errors=True)  # of an attempt that was killed
    if (deaths := channel.deaths.get(key, 0)) >= DEATHS:
        raise BadPackage(f"Unpacking it ended the worker {deaths} times.")
    channel.report(wire.Report(at=wire.At(what=key)))
    try:
        with disk_full_is_a_sentence("what is in the package"):
            make_folder(aside)
            min_free = settings.load(channel.home).min_free_disk
            way = Aside(Reader(file), os.fstat(file.fileno()).st_size, channel, aside, min_free)
            header = read_header(way.reader)
            if header.content is Content.VERSION:
                return VersionUnpacking(plan, channel, way).run(header)
            return Unpacking(plan, channel, way).run(header)
    finally:
        channel.report(wire.Report(at=wire.At()))
        shutil.rmtree(aside, ignore_errors=True)
