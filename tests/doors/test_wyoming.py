"""The Wyoming door, by the package's own client and as Home Assistant drives it."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlparse

import pytest
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient, AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped, SynthesizeVoice

from proto import myna_pb2 as pb
from tests.doors.opened import Opened
from tests.tui.stage.rows import RATE
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration

WHOLE = int(0.75 * RATE) * 2  #: bytes of what the paper daemon says


def talk(opened: Opened, talk: Callable[[AsyncClient], Awaitable[None]]) -> None:
    """Run a conversation, which must not take long."""

    async def main() -> None:
        async with asyncio.timeout(20), AsyncClient.from_uri(_uri(opened)) as client:
            await talk(client)

    asyncio.run(main())


def _uri(opened: Opened) -> str:
    return opened.wyoming if "://" in opened.wyoming else f"tcp://{opened.wyoming}"


async def until(client: AsyncClient, last: type[AudioStop] | type[SynthesizeStopped] | type[Error]) -> list[Event]:
    """What comes, up to an event of a type."""
    came = []
    while (event := await client.read_event()) is not None:
        came.append(event)
        if last.is_type(event.type):
            return came
    raise AssertionError([one.type for one in came])


def sound(came: list[Event]) -> bytes:
    chunks = [AudioChunk.from_event(event) for event in came if AudioChunk.is_type(event.type)]
    assert {(one.rate, one.width, one.channels) for one in chunks} == {(RATE, 2, 1)}
    return b"".join(one.audio for one in chunks)


def test_what_there_is(opened: Opened) -> None:
    async def ask(client: AsyncClient) -> None:
        await client.write_event(Describe().event())
        event = await client.read_event()
        assert event is not None
        (program,) = Info.from_event(event).tts
        assert (program.name, program.installed, program.supports_synthesize_streaming) == ("myna", True, True)
        voices = [(one.name, one.languages, one.installed) for one in program.voices]
        assert voices == [("anna", ["en"], True), ("alloy", ["en"], True)]

    talk(opened, ask)


def test_who_asks_what_there_is_over_and_over_costs_mynad_little(opened: Opened, stage: Stage) -> None:
    before = stage.system.asked

    async def ask(client: AsyncClient) -> None:
        for _ in range(30):
            await client.write_event(Describe().event())
            assert await client.read_event() is not None

    talk(opened, ask)
    assert stage.system.asked - before <= 2


def test_a_ping_is_answered(opened: Opened) -> None:
    async def ask(client: AsyncClient) -> None:
        await client.write_event(Ping("there?").event())
        event = await client.read_event()
        assert event is not None
        assert Pong.from_event(event).text == "there?"

    talk(opened, ask)


def test_a_lone_text_is_spoken_and_another_on_the_same_connection(opened: Opened, stage: Stage) -> None:
    async def ask(client: AsyncClient) -> None:
        for voice in (
            None,
            SynthesizeVoice(name="anna@7"),
            SynthesizeVoice(name="alloy"),
            SynthesizeVoice(language="en"),
        ):
            await client.write_event(Synthesize("One. Two.", voice).event())
            came = await until(client, AudioStop)
            assert AudioStart.is_type(came[0].type)
            assert len(sound(came)) == WHOLE

    talk(opened, ask)
    assert [(one.voice, one.version) for one in stage.speech.asked[-4:]] == [("anna", n) for n in (0, 7, 7, 0)]


def test_a_language_of_another_engine_is_spoken_in_that_language(opened: Opened, stage: Stage) -> None:
    aino = pb.Voice(name="aino", language="sv", engine="xtts")
    stage.voices.rows.append(aino)

    async def ask(client: AsyncClient) -> None:
        await client.write_event(Synthesize("Yksi.", SynthesizeVoice(language="fi_FI")).event())
        await until(client, AudioStop)

    try:
        talk(opened, ask)
    finally:
        stage.voices.rows.remove(aino)
    assert (stage.speech.asked[-1].voice, stage.speech.asked[-1].language) == ("aino", "fi")


def test_pieces_are_spoken_before_all_of_them_came(opened: Opened, stage: Stage) -> None:
    async def ask(client: AsyncClient) -> None:
        before = len(stage.speech.asked)
        await client.write_event(SynthesizeStart(SynthesizeVoice(name="anna")).event())
        for piece in ("The bed light ", "is off. The kit", "chen lights"):
            await client.write_event(SynthesizeChunk(piece).event())
        first = await client.read_event()
        assert first is not None
        assert AudioStart.is_type(first.type), "and it has not heard how the text goes on"
        assert stage.speech.asked[-1].text == "The bed light is off. "
        for piece in (" are on, says Dr. ", "Smith. Anything else"):
            await client.write_event(SynthesizeChunk(piece).event())
        whole = "The bed light is off. The kitchen lights are on, says Dr. Smith. Anything else"
        await client.write_event(Synthesize(whole, SynthesizeVoice(name="anna")).event())
        await client.write_event(SynthesizeStop().event())
        came = await until(client, SynthesizeStopped)
        assert [one.type for one in came[-2:]] == ["audio-stop", "synthesize-stopped"]
        assert not any(AudioStart.is_type(one.type) for one in came), "it is one sound"
        assert "".join(one.text for one in stage.speech.asked[before:]) == whole, "once"

    talk(opened, ask)


def test_a_stream_without_pieces_speaks_the_plain_text(opened: Opened, stage: Stage) -> None:
    """home-assistant/core#178560: what comes between start and stop may only be the plain text."""

    async def ask(client: AsyncClient) -> None:
        await client.write_event(SynthesizeStart(SynthesizeVoice(name="anna")).event())
        await client.write_event(Synthesize("One. Two.", SynthesizeVoice(name="anna")).event())
        await client.write_event(SynthesizeStop().event())
        assert len(sound(await until(client, SynthesizeStopped))) == WHOLE
        await client.write_event(SynthesizeStart().event())
        await client.write_event(SynthesizeStop().event())
        assert [one.type for one in await until(client, SynthesizeStopped)] == ["synthesize-stopped"]

    talk(opened, ask)


def test_what_cannot_be_spoken_is_an_error_and_the_end(opened: Opened) -> None:
    async def ask(client: AsyncClient) -> None:
        await client.write_event(Synthesize("break").event())
        came = await until(client, Error)
        assert Error.from_event(came[-1]).text == "The engine stopped. Try again."
        assert await client.read_event() is None, "so that nobody waits for an audio-stop"

    talk(opened, ask)


def test_who_hangs_up_frees_the_engine(opened: Opened, stage: Stage) -> None:
    before = stage.speech.hung_up

    async def ask(client: AsyncClient) -> None:
        await client.write_event(Synthesize("slowly").event())
        assert await client.read_event() is not None

    talk(opened, ask)
    assert stage.speech.wait_hung_up(before + 1)


def test_a_unix_socket_is_its_users_own(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "wyoming.sock"
    made = Opened(stage.home, wyoming={"listen": f"unix:{path}"})
    try:
        assert path.stat().st_mode & 0o777 == 0o600

        async def ask(client: AsyncClient) -> None:
            await client.write_event(Synthesize("One. Two.").event())
            assert len(sound(await until(client, AudioStop))) == WHOLE

        talk(made, ask)
    finally:
        made.close()


@asynccontextmanager
async def connected(opened: Opened) -> AsyncIterator[AsyncTcpClient]:
    at = urlparse(_uri(opened))
    assert at.hostname is not None
    assert at.port is not None
    async with AsyncTcpClient(at.hostname, at.port) as client:
        yield client


def test_as_home_assistant_asks(opened: Opened) -> None:
    """home-assistant/core homeassistant/components/wyoming: data.py at 0173e56c2fcf (`load_wyoming_info`: describe, and
    a second's patience) and tts.py at 0a84c202c8d7 (`WyomingTtsProvider.async_get_tts_audio`: voices by language, a
    connection a text, a WAV of the chunks)."""

    async def main() -> None:
        async with connected(opened) as client, asyncio.timeout(1):
            await client.write_event(Describe().event())
            while True:
                event = await client.read_event()
                assert event is not None, "Connection closed unexpectedly"
                if Info.is_type(event.type):
                    info = Info.from_event(event)
                    break
        service = next(tts for tts in info.tts if tts.installed)
        voices = {language: voice.name for voice in service.voices if voice.installed for language in voice.languages}
        async with connected(opened) as client:
            await client.write_event(Synthesize(text="One. Two.", voice=SynthesizeVoice(name=voices["en"])).event())
            with io.BytesIO() as wav_io:
                writer: wave.Wave_write | None = None
                while True:
                    event = await client.read_event()
                    assert event is not None, "Connection lost"
                    if AudioStop.is_type(event.type):
                        break
                    if AudioChunk.is_type(event.type):
                        chunk = AudioChunk.from_event(event)
                        if writer is None:
                            writer = wave.open(wav_io, "wb")  # noqa: SIM115 - as it is there
                            writer.setframerate(chunk.rate)
                            writer.setsampwidth(chunk.width)
                            writer.setnchannels(chunk.channels)
                        writer.writeframes(chunk.audio)
                assert writer is not None
                writer.close()
                with wave.open(io.BytesIO(wav_io.getvalue())) as heard:
                    assert heard.getnframes() == WHOLE // 2

    asyncio.run(main())


def test_as_home_assistant_streams(opened: Opened, stage: Stage) -> None:
    """home-assistant/core homeassistant/components/wyoming/tts.py of 2025.7 and later (`async_stream_tts_audio`): one
    task (`_write_tts_message`) writes start, a chunk for each piece of the model's answer, the whole text once more and
    stop, while another (`_read_tts_audio`) makes a WAV header of audio-start and reads chunks until
    synthesize-stopped."""
    pieces = ["The bed ", "light is off. ", "The kitchen ", "lights are on", ". Anything else?"]

    async def write(client: AsyncTcpClient) -> None:
        voice = SynthesizeVoice(name="alloy")
        await client.write_event(SynthesizeStart(voice=voice).event())
        for piece in pieces:
            await client.write_event(SynthesizeChunk(text=piece).event())
        await client.write_event(Synthesize(text="".join(pieces), voice=voice).event())
        await client.write_event(SynthesizeStop().event())

    async def main() -> None:
        async with asyncio.timeout(20), connected(opened) as client:
            writing = asyncio.create_task(write(client))
            heard, begun = b"", False
            while True:
                event = await client.read_event()
                assert event is not None, "Connection lost"
                if begun and AudioChunk.is_type(event.type):
                    heard += AudioChunk.from_event(event).audio
                elif not begun and AudioStart.is_type(event.type):
                    begun = AudioStart.from_event(event).rate == RATE
                elif SynthesizeStopped.is_type(event.type):
                    break
            await writing
            assert len(heard) >= WHOLE

    before = len(stage.speech.asked)
    asyncio.run(main())
    assert "".join(one.text for one in stage.speech.asked[before:]) == "".join(pieces)
    assert {one.version for one in stage.speech.asked[before:]} == {7}
