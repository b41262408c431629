"""The Datasets service: datasets, their clips, what people say of a clip, and files brought over the wire into the
inbox."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon import caller as callers
from daemon import names
from daemon.database.models import Clip, Dataset, DatasetClip, Recording
from daemon.database.store import Store
from daemon.errors import BadRequest, NotFound
from daemon.home import journal, speaker_file
from daemon.inbox.watcher import Inbox
from daemon.kinds.lifecycle import Lifecycle
from daemon.services import merging, quota_room
from daemon.services.errors import plain
from daemon.services.exports import Sending
from daemon.services.importing import Receiving
from daemon.services.upload import Upload
from daemon.settings import Settings
from daemon.state import calibration, datasets, incoming, own_speaker, paging, recordings, review, voices, wanted
from daemon.state.events import EventHub
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs

#: Bytes of a file in one part.
PART = 256 * 1024
#: Sentences to read that are told at once.
MOST_SENTENCES = 100


@plain
class DatasetsService(stubs.DatasetsServicer):
    """See the service in proto/myna.proto."""

    def __init__(
        self, home: Path, settings: Settings, store: Store, inbox: Inbox, lifecycle: Lifecycle, hub: EventHub
    ) -> None:
        self.home = home
        self.settings = settings
        self.store = store
        self.inbox = inbox
        self.jobs = Sending(home, store, lifecycle, hub)

    async def List(self, request: pb.ListDatasetsRequest, context: Any) -> pb.ListDatasetsResponse:
        size, after = paging.size(request.page.size), paging.number(request.page.token)

        def query(session: Session) -> pb.ListDatasetsResponse:
            rows, more = paging.cut(datasets.page(session, request.voice, after, size + 1), size, lambda row: row.id)
            return pb.ListDatasetsResponse(datasets=[datasets.message(row) for row in rows], next_token=more)

        answer: pb.ListDatasetsResponse = await self.store.read(query)
        return answer

    async def Get(self, request: pb.DatasetRequest, context: Any) -> pb.Dataset:
        def query(session: Session) -> pb.Dataset:
            return datasets.message(datasets.get(session, request.voice, request.number))

        answer: pb.Dataset = await self.store.read(query)
        return answer

    async def Wanted(self, request: pb.WantedRequest, context: Any) -> pb.WantedReply:
        answer: pb.WantedReply = await self.store.read(
            wanted.reply, request.voice, request.number, min(request.sentences, MOST_SENTENCES)
        )
        return answer

    async def Clips(self, request: pb.ClipsRequest, context: Any) -> pb.ClipsResponse:
        size, after = paging.size(request.page.size), paging.number(request.page.token)
        answer: pb.ClipsResponse = await self.store.read(_clips, request, size, after, self.home)
        return answer

    async def Review(self, request: pb.ReviewRequest, context: Any) -> pb.ReviewResponse:
        size, after = paging.size(request.page.size), paging.number(request.page.token)
        answer: pb.ReviewResponse = await self.store.read(review.reply, request.voice, size, after, self._told)
        return answer

    async def SetClip(self, request: pb.SetClipRequest, context: Any) -> pb.Clip:
        text = request.text if request.HasField("text") else None
        kept = request.kept if request.HasField("kept") else None
        undo = request.undo if request.HasField("undo") else None
        if undo is not None and (text is not None or kept is not None or request.accept):
            raise BadRequest("The request sets a change and undoes one at once.", "Send one of them.")
        if request.accept and (text is not None or kept is not None):
            raise BadRequest("The request changes a clip and accepts it as it is.", "Send one of them.")
        if text is None and kept is None and undo is None and not request.accept:
            raise BadRequest("The request changes nothing of the clip.", "Give its text, or whether it is kept.")
        if text is not None and not text.strip():
            raise BadRequest("A clip's text cannot be empty.", "To take a clip out, set kept to false.")

        def act(session: Session) -> pb.Clip:
            if undo is not None:
                clip = datasets.undo_clip(session, request.voice, request.sha256, undo)
            else:  # neither: it is accepted as it is
                clip = datasets.set_clip(session, request.voice, request.sha256, text, kept)
            session.flush()
            return self._told(clip, session.get_one(Recording, clip.recording))

        answer: pb.Clip = await self.store.write(act)
        if not request.accept:
            self._changed(request.voice)
        return answer

    async def ClipFile(self, request: pb.ClipRequest, context: Any) -> AsyncIterator[pb.FilePart]:
        path = self.home / await self.store.read(datasets.clip_path, request.voice, request.sha256)
        try:
            data = await asyncio.to_thread(path.read_bytes)  # a clip lasts seconds
        except OSError as error:
            raise NotFound(
                f"The clip's file {path} cannot be read: {error.strerror}.", "Bring it back from a copy."
            ) from None
        for start in range(0, max(len(data), 1), PART):
            first = start == 0
            yield pb.FilePart(
                data=data[start : start + PART], name=path.name if first else "", size=len(data) if first else 0
            )

    async def Recordings(self, request: pb.ListRecordingsRequest, context: Any) -> pb.ListRecordingsResponse:
        size, after = paging.size(request.page.size), paging.number(request.page.token)

        def query(session: Session) -> pb.ListRecordingsResponse:
            found = recordings.page(session, request.voice, after, size + 1, removed=request.removed)
            rows, more = paging.cut(found, size, lambda row: row.id)
            return pb.ListRecordingsResponse(
                recordings=[recordings.message(session, row) for row in rows], next_token=more
            )

        answer: pb.ListRecordingsResponse = await self.store.read(query)
        return answer

    async def Remove(self, request: pb.RecordingRequest, context: Any) -> pb.Recording:
        return await self._recording(recordings.remove, request)

    async def Restore(self, request: pb.RecordingRequest, context: Any) -> pb.Recording:
        return await self._recording(recordings.restore, request)

    async def Upload(self, request_iterator: AsyncIterator[pb.UploadPart], context: Any) -> pb.UploadResponse:
        upload, room = Upload(self.home, self.settings.min_free_disk), quota_room.UNLIMITED
        try:
            async for part in request_iterator:
                if part.voice:
                    await self._check_upload(part)
                    room = await quota_room.of_voice(self.store, self.home, part.voice)
                room.take(len(part.data))
                await asyncio.to_thread(upload.add, part)
            return pb.UploadResponse(names=upload.end())
        finally:
            upload.close()

    async def _check_upload(self, part: pb.UploadPart) -> None:
        """Raises as `voices.check_new` does, and BadRequest for a person's voice.toml: whose a voice is stands there,
        and so whoever may write into the inbox folder says it."""
        caller = callers.current()
        if not caller.everything and os.path.basename(names.clean(part.name)) == names.VOICE_TOML:
            hint = "Ask the owner of the workstation to change it."
            raise BadRequest(f"{caller.name} cannot send a voice.toml.", hint)

        def claim(session: Session) -> None:
            voices.check_new(session, names.check_voice(part.voice))
            recordings.claim(session, part.voice, self.settings)

        await (self.store.write(claim) if caller.name else self.store.read(voices.check_new, part.voice))

    async def Export(self, request: pb.ExportDatasetRequest, context: Any) -> AsyncIterator[pb.FilePart]:
        """As `Voices.Export`."""
        chosen = pb.DatasetExport(number=request.number, features=request.features)
        spec = pb.ExportSpec(voice=request.voice, format=request.format, dataset=chosen)
        async for part in self.jobs.send(spec, context, keep=request.keep):
            yield part

    async def Import(self, request_iterator: AsyncIterator[pb.FilePart], context: Any) -> pb.Dataset:
        """See `Receiving.take`."""
        voice, job = await Receiving(self.jobs, self.settings.min_free_disk).take(request_iterator)

        def query(session: Session) -> pb.Dataset:
            newest = datasets.last(session, voice)
            answer = datasets.message(newest) if newest is not None else pb.Dataset(voice=voice)
            if (version := incoming.of(session, job.id)) is not None:
                answer.version = version.number
            return answer

        answer: pb.Dataset = await self.store.read(query)
        answer.sentence = job.status.succeeded.sentence
        return answer

    async def Merge(self, request: pb.MergeRequest, context: Any) -> pb.MergeResponse:
        given = await self.store.read(merging.sources, request)  # nobody waits for that: datasets never change
        room = await quota_room.of_voice(self.store, self.home, names.check_voice(request.into))
        answer, entries = await self.store.write(merging.merge, request.into, given, room.use)
        await asyncio.to_thread(journal.add, self.home, entries)
        self._changed(request.into)
        result: pb.MergeResponse = answer
        return result

    async def Calibrate(self, request: pb.CalibrateRequest, context: Any) -> pb.Calibration:
        answer: pb.Calibration = await self.store.read(calibration.calibrate, request.voice, request.limits, self._told)
        return answer

    async def Speakers(self, request: pb.SpeakersRequest, context: Any) -> pb.SpeakersReply:
        answer: pb.SpeakersReply = await self.store.read(own_speaker.reply, request.voice, self._told)
        return answer

    async def ChooseSpeaker(self, request: pb.ChooseSpeakerRequest, context: Any) -> pb.SpeakersReply:
        own = b""
        if request.sha256:  # found before: whoever writes meanwhile need not wait for it
            own = await self.store.read(own_speaker.print_of, request.voice, request.sha256)
        choice = await self.store.write(own_speaker.choose, request.voice, own)
        await asyncio.to_thread(speaker_file.add, self.home, [choice])
        self._changed(request.voice)
        answer: pb.SpeakersReply = await self.store.read(own_speaker.reply, request.voice, self._told)
        return answer

    def _told(self, clip: Clip, recording: Recording) -> pb.Clip:
        return clip_message(clip, recording, clip.text, self.home)

    async def _recording(
        self, change: Callable[[Session, str, str], Recording], request: pb.RecordingRequest
    ) -> pb.Recording:
        def act(session: Session) -> tuple[pb.Recording, journal.Entry]:
            row = change(session, request.voice, request.sha256)
            session.flush()
            return recordings.message(session, row), journal.Entry.of(row)  # a row is whole in its transaction only

        answer, entry = await self.store.write(act)
        await asyncio.to_thread(journal.add, self.home, [entry])
        self._changed(request.voice)
        return answer

    def _changed(self, voice: str) -> None:
        """A new dataset is due."""
        self.inbox.nudge(voice)


#: What was measured of the text that a clip had when it was cut.
OF_TEXT = ("cer", "chars_per_second")


def clip_message(clip: Clip, recording: Recording, text: str, home: Path) -> pb.Clip:
    """A clip on the wire, with the text it has or had. What was measured of a text that a person put right is not told
    of the new one."""
    corrected = clip.text_source == recordings.PERSON
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
        quality={
            name: value for name, value in voices.numbers(clip.quality).items() if not (corrected and name in OF_TEXT)
        },
        path=str(home / clip.path) if clip.path else "",
        made_from=recording.made_from,
        measured=clip.measured,
        threshold=clip.threshold,
    )


def _clips(session: Session, request: pb.ClipsRequest, size: int, after: int, home: Path) -> pb.ClipsResponse:
    """A page of a dataset's clips, or (number 0) of all of a voice's, the dropped ones only if asked for."""
    voices.get(session, request.voice)
    query = (
        select(Clip, Recording)
        .join(Recording, Recording.id == Clip.recording)
        .where(Clip.voice == request.voice, Clip.id > after)
    )
    texts: dict[int, tuple[str, bool]] = {}
    if request.number:
        row: Dataset = datasets.get(session, request.voice, request.number)
        held = select(DatasetClip.clip, DatasetClip.text, DatasetClip.held_out)
        held = held.where(DatasetClip.dataset == row.id, DatasetClip.clip > after)
        if request.held_out_only:
            held = held.where(DatasetClip.held_out)
        contents = session.execute(held.order_by(DatasetClip.clip).limit(size + 1))
        texts = {clip: (text, is_held) for clip, text, is_held in contents}
        query = query.where(Clip.id.in_(texts))
    else:
        query = query.where(Recording.removed.is_(None), Clip.reason != recordings.SUPERSEDED)
        if not request.dropped:
            query = query.where(Clip.kept)
        if request.held_out_only:
            query = query.where(Clip.held_out)
    found = session.execute(query.order_by(Clip.id).limit(size + 1)).tuples().all()
    rows, more = paging.cut(found, size, lambda row: row[0].id)
    messages = []
    for clip, recording in rows:
        text, is_held = texts.get(clip.id, (clip.text, clip.held_out))
        message = clip_message(clip, recording, text, home)
        message.held_out = is_held
        messages.append(message)
    return pb.ClipsResponse(clips=messages, next_token=more)
