"""A person's token at the HTTP door: theirs is there for them, and nothing of anybody else."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from placed import SECRETS, Place, placed
from starlette.routing import Route

from doors.http.app import application
from doors.settings import Http
from proto import myna_pb2 as pb
from proto.client_async import connect_async
from tests.doors.opened import Opened

pytestmark = pytest.mark.integration

TOKEN = "a-token-of-the-owner"
TOLD = {"listen": "127.0.0.1:0", "token": TOKEN, "voices": {"alloy": "quillon@1", "nova": "mine"}}


def speech(voice: str) -> dict[str, str]:
    return {"model": "myna", "input": "hello", "voice": voice, "response_format": "pcm"}


async def routes(home: Path) -> list[tuple[str, str]]:
    """(method, path) of every route of the door."""
    async with connect_async(home=home) as client:
        app = application(client, Http("127.0.0.1:0"))
        found = [route for route in app.routes if isinstance(route, Route)]
        return [
            (method, route.path.replace("{name:path}", "quillon"))
            for route in found
            for method in sorted(route.methods or {"POST"})
        ]


def test_no_route_gives_a_stranger_anything_of_the_owners(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        await place.mallory.create_voice("mine", "en")
        door = await asyncio.to_thread(Opened, place.living.daemon.home, http=TOLD)
        try:
            async with httpx.AsyncClient(base_url=door.http, timeout=20, trust_env=False) as client:
                hers, owners = ({"authorization": f"Bearer {token}"} for token in (place.token, TOKEN))
                for method, path in await routes(place.living.daemon.home):
                    for voice in ("quillon", "alloy", "quillon@1"):
                        body: Any = speech(voice) if method == "POST" else None
                        said = await client.request(method, path, json=body, headers=hers)
                        assert not [secret for secret in SECRETS if secret in said.text and secret not in voice + path]
                voices = (await client.get("/v1/audio/voices", headers=hers)).json()["voices"]
                assert [voice["id"] for voice in voices] == ["mine", "nova"]
                refused = await client.post("/v1/audio/speech", json=speech("alloy"), headers=hers)
                assert refused.status_code == 404
                assert "'alloy'" in refused.text

                listed = (await client.get("/v1/audio/voices", headers=owners)).json()["voices"]
                assert {"quillon", "mine", "alloy"} <= {voice["id"] for voice in listed}
                for wrong in (place.token + "x", "myna_" + "y" * 43, "anything"):
                    answer = await client.get("/v1/models", headers={"authorization": f"Bearer {wrong}"})
                    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
                await place.living.client.revoke("mallory")
                assert (await client.get("/v1/models", headers=hers)).status_code == 401
        finally:
            await asyncio.to_thread(door.close)
        assert not [line for line in door.said if place.token in line]

    placed(tmp_path / "home", life)


def test_a_person_speaks_at_the_door_with_what_is_shared(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        (place.living.daemon.home / "xylophage").touch()  # the owner has said all
        await place.living.client.share("quillon", "mallory", ["speak"])
        door = await asyncio.to_thread(Opened, place.living.daemon.home, http=TOLD)
        try:
            async with httpx.AsyncClient(base_url=door.http, timeout=60, trust_env=False) as client:
                hers = {"authorization": f"Bearer {place.token}"}
                answer = await client.post("/v1/audio/speech", json=speech("quillon"), headers=hers)
                assert answer.status_code == 200
                job = await place.living.client.job(int(answer.headers["myna-job"]))
                assert job.person == "mallory"
                await place.living.client.add_person("mallory", ["speak"], pb.Limits(minutes_a_day=0.0))
                over = await client.post("/v1/audio/speech", json=speech("quillon"), headers=hers)
                error = over.json()["error"]
                assert (over.status_code, error["type"], error["code"]) == (429, *["insufficient_quota"] * 2)
                assert error["message"].startswith("mallory has used 0.0 of 0 minutes of speech today. There are more")
                assert 0 < int(over.headers["retry-after"]) <= 25 * 3600
                await place.living.client.add_person("mallory", ["read"])
                assert (await client.post("/v1/audio/speech", json=speech("quillon"), headers=hers)).status_code == 403
        finally:
            await asyncio.to_thread(door.close)

    placed(tmp_path / "home", life)


def test_a_sound_file_is_heard_for_whoever_sends_it(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        door = await asyncio.to_thread(Opened, place.living.daemon.home, http=TOLD)
        await place.living.client.add_person("reader", ["read"])
        reader = (await place.living.client.create_token("reader")).token
        try:
            async with httpx.AsyncClient(base_url=door.http, timeout=20, trust_env=False) as client:

                async def ask(token: str) -> httpx.Response:
                    sent = {"file": ("a.wav", b"RIFF....")}
                    bearing = {"authorization": f"Bearer {token}"}
                    return await client.post("/v1/audio/transcriptions", files=sent, headers=bearing)

                assert (await ask(reader)).status_code == 403, "hearing takes the right to speak"
                assert (await ask(place.token)).json()["error"]["code"] == "not_ready", "there is no Whisper model here"
        finally:
            await asyncio.to_thread(door.close)

    placed(tmp_path / "home", life)


@pytest.mark.parametrize("path", ["/v1/audio/speech", "/v1/audio/transcriptions"])
def test_of_whoever_is_unknown_no_body_is_read(tmp_path: Path, path: str) -> None:
    def answer(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer myna_{'y' * 43}\r\n"
            body = "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 900\r\n\r\n"
            caller.sendall(f"{head}{body}".encode())
            return caller.recv(4_096)  # nothing of the body was sent

    async def life(place: Place) -> None:
        door = await asyncio.to_thread(Opened, place.living.daemon.home, http=TOLD)
        try:
            assert b" 401 " in await asyncio.to_thread(answer, door.port)
        finally:
            await asyncio.to_thread(door.close)

    placed(tmp_path / "home", life)
