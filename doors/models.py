"""What may stand for `model`: "myna", OpenAI's names for it, or an engine that speaks."""

from __future__ import annotations

from doors.known import Known
from doors.voices import elsewhere
from proto import myna_pb2 as pb
from proto.client import AsyncClient

#: Whatever speaks as the voice: ours, and what programs send that were written for OpenAI.
ANY = ("myna", "tts-1", "tts-1-hd", "gpt-4o-mini-tts")


def _speaks(engine: pb.EngineState) -> bool:
    """Whether it can be asked for: one elsewhere only where that is open."""
    return "speaks" in engine.capabilities and (engine.remote.open or not engine.HasField("remote"))


class NoSuchModel(ValueError):
    """Its text is a sentence for people."""


class OtherEngine(ValueError):
    """The voice does not speak by the engine that was asked for. Its text is a sentence for people."""


class Models:
    """Of a mynad. Engines are the same for whoever is let in, and are asked for by the door itself."""

    def __init__(self, mynad: AsyncClient) -> None:
        self._known = Known(mynad)

    async def all(self) -> list[str]:
        """Names, the usual one first. Raises ClientError."""
        info = await self._known.info()
        return [*ANY, *(engine.name for engine in info.engines if _speaks(engine))]

    async def info(self) -> pb.InfoResponse:
        """What mynad tells the door of itself, kept for a moment. Raises ClientError."""
        return await self._known.info()

    async def check(self, model: str, voice: str, mynad: AsyncClient) -> None:
        """Whether it can be meant for a voice, which mynad is asked for. Raises NoSuchModel, OtherEngine,
        ClientError."""
        if model in ANY or model.startswith("gpt-4o-mini-tts-"):
            return
        known = await self.all()
        if model not in known:
            raise NoSuchModel(f"There is no model {model[:40]!r}. There are: {', '.join(known)}.")
        engine = elsewhere(voice) or (await mynad.voice(voice)).engine
        if engine != model:
            raise OtherEngine(f"{voice} speaks by {engine}, not by {model}. Leave it to her: model is {ANY[0]!r}.")
