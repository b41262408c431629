"""What is told of voices, and which one a request means."""

from __future__ import annotations

from contextlib import aclosing

from wyoming.info import Attribution, Info, TtsProgram, TtsVoice
from wyoming.tts import SynthesizeVoice

from doors.known import Known
from doors.settings import Wyoming
from doors.voices import elsewhere, named, remote_voices
from proto import myna_pb2 as pb
from proto.client import AsyncClient
from proto.messages import speak_spec

MYNA = Attribution(name="Myna", url="http://localhost")


class NoVoice(LookupError):
    """There is none that could speak. Its text is a sentence for people."""


class Voices:
    """Of a mynad."""

    def __init__(self, mynad: AsyncClient, settings: Wyoming) -> None:
        self._mynad = mynad
        self._known = Known(mynad)
        self._settings = settings

    async def info(self) -> Info:
        """All voices, with their languages, and their other names. Raises ClientError."""
        found = {one.name: one for one in await self._all()}
        shown = [_shown(name, one) for name, one in found.items()]
        told = await self._known.info()
        shown += [_elsewhere(told, name, name) for name in remote_voices(told)]
        there = {engine.name for engine in told.engines if engine.remote.open}
        for other, meant in self._settings.voices.items():
            if (one := found.get(meant.partition("@")[0])) is not None:
                shown.append(_shown(other, one))
            elif elsewhere(meant) in there:
                shown.append(_elsewhere(told, meant, other))
        version = told.version
        program = TtsProgram(
            name="myna", attribution=MYNA, installed=True, description="Myna", version=version,
            voices=shown, supports_synthesize_streaming=True,
        )  # fmt: skip
        return Info(tts=[program])

    async def spec(self, wanted: SynthesizeVoice | None, text: str) -> pb.SpeakSpec:
        """What mynad is asked. Raises NoVoice, NoSuchName, ClientError."""
        language = ""
        name = wanted.name if wanted is not None and isinstance(wanted.name, str) else ""
        if not name and wanted is not None and isinstance(wanted.language, str):
            name, language = await self._of(wanted.language)
        if not name:
            name = self._settings.voice or await self._first()
        meant = named(name, self._settings.voices)
        return speak_spec(voice=meant.voice, version=meant.number, text=text, language=language)

    async def _of(self, language: str) -> tuple[str, str]:
        """(voice, language to speak): a voice of that language, else one whose engine speaks it."""
        wanted = language.partition("-")[0].partition("_")[0].lower()
        rows = await self._all()
        for one in sorted(rows, key=lambda row: row.name != self._settings.voice):
            if one.language.partition("-")[0] == wanted:
                return one.name, ""
        speaking = {engine.name for engine in (await self._known.info()).engines if wanted in engine.languages}
        for one in rows:
            if one.engine in speaking:
                return one.name, wanted
        raise NoVoice(f"No voice speaks {language[:20]!r}.")

    async def _first(self) -> str:
        rows = await self._all()
        if not rows:
            raise NoVoice("There is no voice yet.")
        return rows[0].name

    async def _all(self) -> list[pb.Voice]:
        async with aclosing(self._mynad.voices()) as found:  # type: ignore[type-var]
            return [one async for one in found]


def _elsewhere(told: pb.InfoResponse, voice: str, name: str) -> TtsVoice:
    """A voice of an engine elsewhere, which speaks all that its engine does, by a name of its own or another."""
    languages = next(list(one.languages) for one in told.engines if one.name == elsewhere(voice))
    return TtsVoice(name=name, attribution=MYNA, installed=True, description=name, version=None, languages=languages)


def _shown(name: str, voice: pb.Voice) -> TtsVoice:
    return TtsVoice(
        name=name, attribution=MYNA, installed=True, description=name, version=None, languages=[voice.language]
    )
