"""Voices of engines elsewhere at the doors: listed where they are open, and asked of mynad by their own names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from wyoming.client import AsyncClient
from wyoming.info import Describe, Info

from proto import myna_pb2 as pb
from tests.doors.opened import Opened
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """OpenAI is switched on, ElevenLabs lacks its key, Azure is off."""
    made = Stage(Path(tmp_path_factory.mktemp("home")))
    openai = pb.RemoteEngine(enabled=True, has_key=True, open=True, voices=["openai:alloy"])
    closed = pb.RemoteEngine(enabled=True, voices=["elevenlabs:x"])
    for name, remote in (("openai", openai), ("elevenlabs", closed), ("azure", pb.RemoteEngine())):
        made.system.info.engines.append(
            pb.EngineState(name=name, capabilities=["speaks"], languages=["en", "fi"], remote=remote)
        )
    made.open()
    yield made
    made.close()


@pytest.fixture(scope="module")
def opened(stage: Stage) -> Iterator[Opened]:
    names = {"narrator": "openai:alloy"}
    listen = {"listen": "127.0.0.1:0", "voices": names}
    made = Opened(stage.home, http=listen, wyoming=listen)
    yield made
    made.close()


def test_the_http_door_lists_them_and_asks_for_them_by_name(opened: Opened, stage: Stage) -> None:
    with httpx.Client(base_url=opened.http, timeout=20, trust_env=False) as client:
        listed = client.get("/v1/audio/voices").json()["voices"]
        assert [one["id"] for one in listed] == ["anna", "openai:alloy", "narrator"]
        models = [one["id"] for one in client.get("/v1/models").json()["data"]]
        assert [name for name in ("openai", "elevenlabs", "azure") if name in models] == ["openai"]
        for model, voice in (("openai", "openai:alloy"), ("tts-1", "narrator"), ("myna", "azure:en-US-JennyNeural")):
            client.post("/v1/audio/speech", json={"model": model, "voice": voice, "input": "One."})
        other = client.post("/v1/audio/speech", json={"model": "openai", "voice": "azure:x", "input": "One."})
        assert (other.status_code, other.json()["error"]["param"]) == (400, "model")
    asked = [spec.voice for spec in stage.speech.asked]
    assert asked == ["openai:alloy", "openai:alloy", "azure:en-US-JennyNeural"]


def test_wyoming_tells_of_them_with_the_languages_of_their_engine(opened: Opened) -> None:
    async def ask() -> list[tuple[str, list[str]]]:
        async with AsyncClient.from_uri(f"tcp://{opened.wyoming}") as client:
            await client.write_event(Describe().event())
            event = await asyncio.wait_for(client.read_event(), 20)
            assert event is not None
            (program,) = Info.from_event(event).tts
            return [(one.name, one.languages) for one in program.voices]

    assert asyncio.run(ask()) == [
        ("anna", ["en"]),
        ("openai:alloy", ["en", "fi"]),
        ("narrator", ["en", "fi"]),
    ]
