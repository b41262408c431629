"""The Voices service: voices, their versions, and which one speaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from daemon.database.models import Voice
from daemon.database.store import Store
from daemon.home.purging import Purging
from daemon.home.voice_folders import VoiceFolders
from daemon.inbox import new_voice
from daemon.kinds.lifecycle import Lifecycle
from daemon.kinds.push import after_promotion
from daemon.services import consent, exports
from daemon.services.errors import plain
from daemon.services.importing import Receiving
from daemon.services.upload import not_written
from daemon.settings import Settings
from daemon.state import across, compare, consent_notes, listening, paging, ratings, shown_voice, sides, voices
from daemon.state.events import EventHub
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs


@plain
class VoicesService(stubs.VoicesServicer):
    """See the service in proto/myna.proto."""

    def __init__(
        self,
        home: Path,
        settings: Settings,
        store: Store,
        lifecycle: Lifecycle,
        hub: EventHub,
        folders: VoiceFolders,
        purging: Purging,
    ) -> None:
        self.home = home
        self.settings = settings
        self.store = store
        self.lifecycle = lifecycle
        self.hub = hub
        self.folders = folders
        self.purging = purging

    async def List(self, request: pb.ListVoicesRequest, context: Any) -> pb.ListVoicesResponse:
        size = paging.size(request.page.size)

        def query(session: Session) -> pb.ListVoicesResponse:
            found = voices.page(session, request.page.token, size + 1, deleted=request.deleted)
            rows, more = paging.cut(found, size, lambda row: row.name)
            messages = [shown_voice.message(session, row) for row in rows]
            return pb.ListVoicesResponse(voices=messages, next_token=more)

        answer: pb.ListVoicesResponse = await self.store.read(query)
        return answer

    async def Get(self, request: pb.VoiceRequest, context: Any) -> pb.Voice:
        def query(session: Session) -> pb.Voice:
            return shown_voice.message(session, voices.get(session, request.voice))

        answer: pb.Voice = await self.store.read(query)
        return answer

    async def Create(self, request: pb.CreateVoiceRequest, context: Any) -> pb.CreateVoiceResponse:
        plan = new_voice.plan(request, self.settings, self.home)
        if request.consent:
            consent_notes.checked(request.consent)  # before anything is made
        # who hangs up leaves it to its end
        made = await asyncio.shield(asyncio.create_task(self._create(plan)))
        if request.consent:
            wanted = pb.SetConsentRequest(voice=plan.name, text=request.consent)
            note = await consent.write(self.store, self.home, self.lifecycle, self.settings, wanted)
            made.voice.consent.CopyFrom(note)
            made.voice.consent_missing = False
        return made

    async def _create(self, plan: new_voice.Plan) -> pb.CreateVoiceResponse:
        toml = new_voice.toml_of(plan)
        async with self.folders.alone(plan.name):
            await self.store.read(new_voice.check_free, self.home, plan.name)
            try:
                await asyncio.to_thread(new_voice.write, self.home, plan.name, toml)
            except OSError as error:
                raise not_written(error) from None

            def act(session: Session) -> pb.CreateVoiceResponse:
                row = new_voice.add(session, plan, toml, self.settings)
                found = new_voice.told(session, plan, self.home)
                path = str(self.home / "inbox" / plan.name)
                return pb.CreateVoiceResponse(voice=self._message(session, row), path=path, findings=found)

            answer: pb.CreateVoiceResponse = await self.store.write(act)
            return answer

    async def DeleteVoice(self, request: pb.VoiceRequest, context: Any) -> pb.Voice:
        return await self.folders.delete(request.voice, self._message)

    async def RestoreVoice(self, request: pb.VoiceRequest, context: Any) -> pb.Voice:
        return await self.folders.restore(request.voice, self._message)

    async def RenameVoice(self, request: pb.RenameVoiceRequest, context: Any) -> pb.Voice:
        return await self.folders.rename(request.voice, request.name, self._message)

    async def SetConsent(self, request: pb.SetConsentRequest, context: Any) -> pb.ConsentNote:
        return await consent.write(self.store, self.home, self.lifecycle, self.settings, request)

    async def ConsentNotes(self, request: pb.VoiceRequest, context: Any) -> pb.ConsentNotesResponse:
        answer: pb.ConsentNotesResponse = await self.store.read(consent.told, request.voice)
        return answer

    async def Versions(self, request: pb.VersionsRequest, context: Any) -> pb.VersionsResponse:
        before, size = paging.number(request.page.token), paging.size(request.page.size)

        def query(session: Session) -> pb.VersionsResponse:
            voices.get(session, request.voice)
            if request.number:
                rows, more = [voices.version(session, request.voice, request.number)], ""
            else:
                rows, more = paging.cut(
                    voices.versions(session, request.voice, before, size + 1), size, lambda row: row.number
                )
            messages = [voices.version_message(row, self.home, report=request.report) for row in rows]
            return pb.VersionsResponse(versions=messages, next_token=more)

        answer: pb.VersionsResponse = await self.store.read(query)
        return answer

    async def Promote(self, request: pb.VersionRequest, context: Any) -> pb.Version:
        def act(session: Session) -> pb.Version:
            row = voices.promote(session, request.voice, request.version, voices.BY_PERSON)
            self._follow(session, request.voice)
            return voices.version_message(row, self.home)

        answer: pb.Version = await self.store.write(act)
        return answer

    async def Rollback(self, request: pb.VoiceRequest, context: Any) -> pb.Version:
        def act(session: Session) -> pb.Version:
            row = voices.rollback(session, request.voice)
            if row is None:
                return voices.base_message(voices.get(session, request.voice))
            return voices.version_message(row, self.home)

        answer: pb.Version = await self.store.write(act)
        return answer

    async def Delete(self, request: pb.VersionRequest, context: Any) -> pb.Version:
        def act(session: Session) -> pb.Version:
            return voices.version_message(voices.archive(session, request.voice, request.version), self.home)

        answer: pb.Version = await self.store.write(act)
        return answer

    async def Purge(self, request: pb.PurgeRequest, context: Any) -> pb.PurgeResponse:
        return await self.purging.purge(request)

    async def Compare(self, request: pb.CompareRequest, context: Any) -> pb.CompareResponse:
        def query(session: Session) -> pb.CompareResponse:
            one, other = sides.pair(session, request.voice, request.a, request.b, request.voice_b)
            if sides.apart(one, other):
                return across.versions(session, one, other, self.home)
            return compare.versions(session, request.voice, request.a, request.b, self.home)

        answer: pb.CompareResponse = await self.store.read(query)
        return answer

    async def Rate(self, request: pb.Rating, context: Any) -> pb.Rating:
        def act(session: Session) -> pb.Rating:
            return self._voted(session, request.voice, lambda: listening.rate(session, request))

        answer: pb.Rating = await self.store.write(act)
        return answer

    async def Unrate(self, request: pb.UnrateRequest, context: Any) -> pb.Rating:
        def act(session: Session) -> pb.Rating:
            return self._voted(session, request.voice, lambda: listening.unrate(session, request.voice, request.id))

        answer: pb.Rating = await self.store.write(act)
        return answer

    async def Ratings(self, request: pb.RatingsRequest, context: Any) -> pb.RatingsResponse:
        before, size = paging.number(request.page.token), paging.size(request.page.size)

        def query(session: Session) -> pb.RatingsResponse:
            found = ratings.page(session, request.voice, request.a, request.b, before, size + 1)
            rows, more = paging.cut(found, size, lambda row: row.id)
            return pb.RatingsResponse(
                ratings=[ratings.message(row, swap=request.a > request.b) for row in rows],
                next_token=more,
                tally=listening.tally(session, request.voice, request.a, request.b),
            )

        answer: pb.RatingsResponse = await self.store.read(query)
        return answer

    async def Undecided(self, request: pb.UndecidedRequest, context: Any) -> pb.UndecidedResponse:
        def query(session: Session) -> pb.UndecidedResponse:
            return pb.UndecidedResponse(versions=listening.waiting(session, request.voice, self.home))

        answer: pb.UndecidedResponse = await self.store.read(query)
        return answer

    async def Export(self, request: pb.ExportRequest, context: Any) -> AsyncIterator[pb.FilePart]:
        """Has a job write the file, sends it, and takes it away once it was sent whole, unless it is to be kept. Who
        hangs up leaves the job to its end: the file is under exports/ until the next export of the same takes its
        place."""
        spec = pb.ExportSpec(voice=request.voice, version=request.version, format=request.format)
        to = exports.Sending(self.home, self.store, self.lifecycle, self.hub)
        async for part in to.send(spec, context, keep=request.keep):
            yield part

    async def Import(self, request_iterator: AsyncIterator[pb.FilePart], context: Any) -> pb.Voice:
        """See `Receiving.take`."""
        to = exports.Sending(self.home, self.store, self.lifecycle, self.hub)
        voice, job = await Receiving(to, self.settings.min_free_disk).take(request_iterator)

        def query(session: Session) -> pb.Voice:
            return shown_voice.message(session, voices.get(session, voice))

        answer: pb.Voice = await self.store.read(query)
        answer.sentence = job.status.succeeded.sentence
        return answer

    def _voted(self, session: Session, voice: str, act: Callable[[], pb.Rating]) -> pb.Rating:
        """A rating given or taken back, which may have decided who speaks."""
        row = voices.get(session, voice)
        before, rated = row.promoted, act()
        if row.promoted != before:
            self._follow(session, voice)
        return rated

    def _follow(self, session: Session, voice: str) -> None:
        """Submit what follows from a promotion, in its transaction."""
        row = voices.get(session, voice)
        self.lifecycle.follow(session, after_promotion.follow_ups(session, row, self.settings))

    def _message(self, session: Session, row: Voice) -> pb.Voice:
        session.flush()
        return shown_voice.message(session, row)
