"""The People service: who may use this Myna, and with which voices. What each call takes: `daemon.services.access`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from daemon.caller import current
from daemon.database.store import Store
from daemon.services.directory import Directory
from daemon.services.errors import plain
from daemon.state import paging, people, shown_voice, usage
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs

T = TypeVar("T")


@plain
class PeopleService(stubs.PeopleServicer):
    """See the service in proto/myna.proto."""

    def __init__(self, store: Store, directory: Directory) -> None:
        self.store = store
        self.directory = directory

    async def Add(self, request: pb.AddPersonRequest, context: Any) -> pb.Person:
        def act(session: Session) -> pb.Person:
            return people.message(session, people.add(session, request))

        return await self._change("People.Add", act, lambda person: person.name)

    async def List(self, request: pb.ListPeopleRequest, context: Any) -> pb.ListPeopleResponse:
        return pb.ListPeopleResponse(people=await self.store.read(people.every))

    async def CreateToken(self, request: pb.CreateTokenRequest, context: Any) -> pb.CreateTokenResponse:
        def act(session: Session) -> pb.CreateTokenResponse:
            token, row = people.new_token(session, request.name, request.expires_seconds)
            return pb.CreateTokenResponse(token=token, about=people.token_message(row))

        return await self._change("People.CreateToken", act, lambda _: request.name)

    async def Revoke(self, request: pb.RevokeRequest, context: Any) -> pb.Person:
        def act(session: Session) -> pb.Person:
            person = people.revoke(session, request.name, request.token)
            session.flush()
            return people.message(session, person)

        return await self._change("People.Revoke", act, lambda person: person.name)

    async def Acts(self, request: pb.ActsRequest, context: Any) -> pb.ActsResponse:
        size, before = paging.size(request.page.size), paging.number(request.page.token)

        def query(session: Session) -> pb.ActsResponse:
            rows, more = paging.cut(people.acts(session, request.person, before, size + 1), size, lambda row: row.id)
            return pb.ActsResponse(acts=[people.act_message(row) for row in rows], next_token=more)

        return await self.store.read(query)

    async def Share(self, request: pb.ShareRequest, context: Any) -> pb.VoiceShare:
        answer = await self.store.write(people.share, request.voice, request.person, list(request.may))
        self.directory.shared()
        self._note("People.Share", f"{request.voice}, {request.person}")
        return answer

    async def Give(self, request: pb.GiveRequest, context: Any) -> pb.Voice:
        def act(session: Session) -> pb.Voice:
            row = people.give(session, request.voice, request.person)
            session.flush()
            return shown_voice.message(session, row)

        answer = await self.store.write(act)
        self.directory.shared()
        self._note("People.Give", f"{request.voice}, {request.person}")
        return answer

    async def Usage(self, request: pb.UsageRequest, context: Any) -> pb.UsageResponse:
        return await self.store.read(usage.answer, request.name)

    async def _change(self, rpc: str, act: Callable[[Session], T], about: Callable[[T], str]) -> T:
        """Change people or tokens, in the rows and in memory. Who hangs up leaves it to its end: a person who is
        revoked in the rows is never let in by memory."""

        async def both() -> T:
            answer: T = await self.store.write(act)
            await self.directory.changed()
            self._note(rpc, about(answer))
            return answer

        return await asyncio.shield(asyncio.create_task(both()))

    def _note(self, rpc: str, about: str) -> None:
        """What the owner did; what others did, the doorkeeper writes down."""
        if current().owner:
            self.directory.note(current(), rpc, about, "OK")
