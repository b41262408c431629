"""The Datasets service: datasets, their clips, what people say of a clip, and files brought over the wire into the inbox."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon import names
from daemon.errors import BadRequest, DiskFull, Later, NotNow
from daemon.models import Clip, Dataset, DatasetClip, Recording
from daemon.services.errors import plain
from daemon.state import datasets, recordings, voices
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs

if TYPE_CHECKING:
    from daemon.main import Daemon

#: Rows of a page, if the caller names none, and at most.
PAGE, PAGE_LIMIT = 50, 1_000
#: What an uploaded file is called until it is whole. Hidden, so that the inbox leaves it alone; swept when mynad starts.
UPLOAD = ".upload-"


@plain
class DatasetsService(stubs.DatasetsServicer):
    """See the service in proto/myna.proto."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon

    async def List(self, request: pb.ListDatasetsRequest, context: Any) -> pb.ListDatasetsResponse:
        size, after = _page(request.page)

        def ask(session: Session) -> pb.ListDatasetsResponse:
            rows = datasets.page(session, request.voice, after, size + 1)
            more = str(rows[size - 1].id) if len(rows) > size else ""
            return pb.ListDatasetsResponse(datasets=[datasets.message(row) for row in rows[:size]], next_token=more)

        answer: pb.ListDatasetsResponse = await self.daemon.store.read(ask)
        return answer

    async def Get(self, request: pb.DatasetRequest, context: Any) -> pb.Dataset:
        def ask(session: Session) -> pb.Dataset:
            return datasets.message(datasets.get(session, request.voice, request.number))

        answer: pb.Dataset = await self.daemon.store.read(ask)
        return answer

    async def Clips(self, request: pb.ClipsRequest, context: Any) -> pb.ClipsResponse:
        size, after = _page(request.page)
        answer: pb.ClipsResponse = await self.daemon.store.read(_clips, request, size, after, self.daemon.home)
        return answer

    async def SetClip(self, request: pb.SetClipRequest, context: Any) -> pb.Clip:
        text = request.text if request.HasField("text") else None
        kept = request.kept if request.HasField("kept") else None
        if text is None and kept is None:
            raise BadRequest("Nothing is said of the clip.", "Give its text, or whether it is kept.")
        if text is not None and not text.strip():
            raise BadRequest("A clip's text cannot be empty.", "To take a clip out, set kept to false.")

        def act(session: Session) -> pb.Clip:
            clip = datasets.set_clip(session, request.voice, request.sha256, text, kept)
            session.flush()
            return clip_message(clip, session.get_one(Recording, clip.recording), clip.text, self.daemon.home)

        answer: pb.Clip = await self.daemon.store.write(act)
        if self.daemon.inbox is not None:
            self.daemon.inbox.nudge(request.voice)
        return answer

    async def Upload(self, request_iterator: AsyncIterator[pb.UploadPart], context: Any) -> pb.UploadResponse:
        upload = Upload(self.daemon.home, self.daemon.settings.min_free_disk)
        try:
            async for part in request_iterator:
                await asyncio.to_thread(upload.add, part)
            return pb.UploadResponse(names=upload.end())
        finally:
            upload.close()

    async def Export(self, request: pb.DatasetRequest, context: Any) -> AsyncIterator[pb.FilePart]:
        raise Later("Packages of datasets come with a later version of Myna.", "Until then, clips/ and recordings/ can be copied by hand.")
        yield  # a stream, by its kind

    async def Import(self, request_iterator: AsyncIterator[pb.FilePart], context: Any) -> pb.Dataset:
        raise Later("Packages of datasets come with a later version of Myna.", "Until then, add recordings: `myna add VOICE FILES…`.")


class Upload:
    """Files that come in parts, one after another, into inboxes. Each appears under its name when it is whole and synced."""

    def __init__(self, home: Path, min_free: int) -> None:
        self.home = home
        self.min_free = min_free
        self.names: list[str] = []
        self._file: BinaryIO | None = None
        self._aside = b""
        self._target = b""

    def add(self, part: pb.UploadPart) -> None:
        """Take a part. Raises BadRequest, DiskFull."""
        if self._file is None:
            self._begin(part)
        elif part.name or part.voice:
            raise BadRequest("A file began before the one before it had ended.", "Set `last` on the last part of each file.")
        assert self._file is not None
        if shutil.disk_usage(self.home).free - len(part.data) < self.min_free:
            raise DiskFull("The disk of the daemon's machine is full.", "Make room there, then add the files again.")
        try:
            self._file.write(part.data)
            if part.last:
                self._finish()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise NotNow(f"The file could not be written: {error.strerror}.", "See to the inbox folder, then add it again.") from None
            raise DiskFull("The disk of the daemon's machine is full.", "Make room there, then add the files again.") from None

    def end(self) -> list[str]:
        """The names that the files have in the inbox. Raises BadRequest if the last one is not whole."""
        if self._file is not None:
            raise BadRequest("The last file broke off; it is not taken.", "Set `last` on the last part of each file.")
        return self.names

    def close(self) -> None:
        """Throw away what is not whole."""
        if self._file is not None:
            self._file.close()
            self._file = None
            os.unlink(self._aside)

    def _begin(self, part: pb.UploadPart) -> None:
        folder = os.fsencode(self.home / "inbox" / names.check_voice(part.voice))
        relative = names.clean(part.name)
        self._target = os.path.join(folder, relative)
        os.makedirs(os.path.dirname(self._target), exist_ok=True)
        self._aside = os.path.join(os.path.dirname(self._target), UPLOAD.encode() + secrets.token_hex(8).encode())
        self._file = open(self._aside, "xb")  # noqa: SIM115  closed in _finish or close

    def _finish(self) -> None:
        assert self._file is not None
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        start, ending = os.path.splitext(self._target)
        target, number = self._target, 1
        while not _link(self._aside, target):  # never over another file, as a rename would
            number += 1
            target = start + b".%d" % number + ending
        os.unlink(self._aside)
        self.names.append(names.printable(os.path.basename(target)))


def _link(source: bytes, target: bytes) -> bool:
    """Give a file a second name, if that name is free. File systems without links get a copy."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        if os.path.lexists(target):
            return False
        shutil.copyfile(source, target)
    return True


def clip_message(clip: Clip, recording: Recording, text: str, home: Path) -> pb.Clip:
    """A clip on the wire, with the text it has or had."""
    return pb.Clip(
        sha256=clip.sha256,
        recording=recording.sha256,
        recording_name=recording.name,
        start=clip.start,
        end=clip.end,
        text=text,
        text_source=clip.text_source,
        trust=clip.trust,
        kept=clip.kept,
        reason=clip.reason,
        sentence=clip.sentence,
        held_out=clip.held_out,
        quality=voices.numbers(clip.quality),
        path=str(home / clip.path) if clip.path else "",
    )


def _clips(session: Session, request: pb.ClipsRequest, size: int, after: int, home: Path) -> pb.ClipsResponse:
    """A page of a dataset's clips, or (number 0) of all of a voice's, the dropped ones only if asked for."""
    voices.get(session, request.voice)
    query = select(Clip, Recording).join(Recording, Recording.id == Clip.recording).where(Clip.voice == request.voice, Clip.id > after)
    texts: dict[int, tuple[str, bool]] = {}
    if request.number:
        row: Dataset = datasets.get(session, request.voice, request.number)
        held = select(DatasetClip.clip, DatasetClip.text, DatasetClip.held_out)
        held = held.where(DatasetClip.dataset == row.id, DatasetClip.clip > after)
        if request.held_out_only:
            held = held.where(DatasetClip.held_out)
        found = session.execute(held.order_by(DatasetClip.clip).limit(size + 1))
        texts = {clip: (text, is_held) for clip, text, is_held in found}
        query = query.where(Clip.id.in_(texts))
    else:
        query = query.where(Recording.removed.is_(None), Clip.reason != recordings.SUPERSEDED)
        if not request.dropped:
            query = query.where(Clip.kept)
        if request.held_out_only:
            query = query.where(Clip.held_out)
    rows = [(clip, recording) for clip, recording in session.execute(query.order_by(Clip.id).limit(size + 1))]
    told = []
    for clip, recording in rows[:size]:
        text, is_held = texts.get(clip.id, (clip.text, clip.held_out))
        message = clip_message(clip, recording, text, home)
        message.held_out = is_held
        told.append(message)
    return pb.ClipsResponse(clips=told, next_token=str(rows[size - 1][0].id) if len(rows) > size else "")


def _page(page: pb.Page) -> tuple[int, int]:
    """(size, id to go on after)."""
    if page.token and not page.token.isdigit():
        raise BadRequest(f"{page.token!r} is no page token.", "Use the token of the last answer.")
    return min(page.size or PAGE, PAGE_LIMIT), int(page.token or 0)
