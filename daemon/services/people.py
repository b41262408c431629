"""The People service: who may use this Myna, and with which voices. What each call takes: `daemon.services.access`."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from daemon.caller import current
from daemon.database.store import Store
from daemon.services.directory import Directory
from daemon.services.errors import plain
from daemon.state import paging, people, shown_voice, usage
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs


@plain
class PeopleService(stubs.PeopleServicer):
    """See the service in proto/myna.proto."""

    def __init__(self, store: Store, directory: Directory) -> None:
        self.store = store
        self.directory = directory

    async def Add(self, request: pb.AddPersonRequest, context: Any) -> pb.Person:
        answer = await self.store.write(lambda session: people.message(session, people.add(session, request)))
        await self._changed("People.Add", request.name)
        return answer

    async def List(self, request: pb.ListPeopleRequest, context: Any) -> pb.ListPeopleResponse:
        return pb.ListPeopleResponse(people=await self.store.read(people.every))

    async def CreateToken(self, request: pb.CreateTokenRequest, context: Any) -> pb.CreateTokenResponse:
        def act(session: Session) -> pb.CreateTokenResponse:
            token, row = people.new_token(session, request.name, request.expires_seconds)
            return pb.CreateTokenResponse(token=token, about=people.token_message(row))

        answer = await self.store.write(act)
        await self._changed("People.CreateToken", request.name)
        return answer

    async def Revoke(self, request: pb.RevokeRequest, context: Any) -> pb.Person:
        def act(session: Session) -> pb.Person:
            person = people.revoke(session, request.name, request.token)
            session.flush()
            return people.message(session, person)

        answer = await self.store.write(act)
        await self._changed("People.Revoke", answer.name)
        return answer

    async def Acts(self, request: pb.ActsRequest, context: Any) -> pb.ActsResponse:
        size, before = paging.size(request.page.size), paging.number(request.page.token)

        def query(session: Session) -> pb.ActsResponse:
            rows, more = paging.cut(people.acts(session, request.person, before, size + 1), size, lambda row: row.id)
            return pb.ActsResponse(acts=[people.act_message(row) for row in rows], next_token=more)

        return await self.store.read(query)

    async def Share(self, request: pb.ShareRequest, context: Any) -> pb.VoiceShare:
        answer = await self.store.write(people.share, request.voice, request.person, list(request.may))
        self._note("People.Share", f"{request.voice}, {request.person}")
        return answer

    async def Give(self, request: pb.GiveRequest, context: Any) -> pb.Voice:
        def act(session: Session) -> pb.Voice:
            row = people.give(session, request.voice, request.person)
            session.flush()
            return shown_voice.message(session, row)

        answer = await self.store.write(act)
        self._note("People.Give", f"{request.voice}, {request.person}")
        return answer

    async def Usage(self, request: pb.UsageRequest, context: Any) -> pb.UsageResponse:
        return await self.store.read(usage.answer, request.name)

    async def _changed(self, rpc: str, about: str) -> None:
        await self.directory.changed()
        self._note(rpc, about)

    def _note(self, rpc: str, about: str) -> None:
        """What the owner did; what others did, the doorkeeper writes down."""
        if current().owner:
            self.directory.note(current(), rpc, about, "OK")
