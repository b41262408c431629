"""What is known of each provider without asking it. Imports nothing heavy: the daemon asks.

From their own documentation: OpenAI's API reference (audio/speech) and pricing, ElevenLabs' API reference
(text-to-speech/stream) and model list, Microsoft's "Text to speech REST API".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from engines.base import EngineInfo
from engines.capabilities import Capability

#: Hz of the sound that each is asked for: 16-bit PCM
RATE: Final = 24_000


@dataclass(frozen=True)
class ListPrice:
    """What a provider's price list asks for characters."""

    per_million: float
    currency: str


@dataclass(frozen=True)
class Provider:
    """One that is asked for speech."""

    info: EngineInfo
    base_url: str  #: of its API; empty: it has none for everybody, and the owner names it
    model: str  #: usual one; empty: its voices are its models
    longest: int  #: characters of one request
    speeds: tuple[float, float]  #: slowest and fastest that it speaks
    terms: str  #: address of the terms under which it is sent texts
    voices: tuple[str, ...] = ()  #: that everybody has there
    seeds: bool = False  #: a request may carry one
    #: by model, where the provider's list has a price by characters; of others Myna knows none
    prices: Mapping[str, ListPrice] = field(default_factory=dict)
    wide: bool = False  #: characters of Chinese, Japanese and Korean writing count as two

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def credential(self) -> str:
        """Name of its key among the credentials of a systemd service."""
        return f"myna-{self.name}-key"

    def billed(self, text: str) -> int:
        """Characters that the provider counts."""
        return len(text) + (sum(map(_is_wide, text)) if self.wide else 0)


def _is_wide(character: str) -> bool:
    """Chinese characters (also in Japanese and Korean), which Microsoft counts twice."""
    return "\u3400" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff" or character >= "\U00020000"


_OPENAI_LANGUAGES = (
    "af ar hy az be bs bg ca zh hr cs da nl en et fi fr gl de el he hi hu is id it ja kn kk ko lv lt mk ms mr mi ne no "
    "fa pl pt ro ru sr sk sl es sw sv tl ta th tr uk ur vi cy"
)
_ELEVENLABS_LANGUAGES = (
    "en ja zh de hi fr ko pt it es id nl tr tl pl sv bg ro ar cs el fi hr ms sk da ta uk ru hu no vi"
)
_AZURE_LANGUAGES = (
    "af am ar as az bg bn bs ca cs cy da de el en es et eu fa fi fil fr ga gl gu he hi hr hu hy id is it iu ja jv ka "
    "kk km kn ko lo lt lv mk ml mn mr ms mt my nb ne nl no or pa pl ps pt ro ru si sk sl so sq sr su sv sw ta te th "
    "tr uk ur uz vi zh zu"
)


def _info(name: str, title: str, languages: str, terms: str) -> EngineInfo:
    return EngineInfo(
        name=name, title=title, package=f"engines.remote.{name}", capabilities=frozenset({Capability.SPEAKS}),
        languages=tuple(languages.split()), sample_rate=RATE, licence="", licence_url=terms,
    )  # fmt: skip


_OPENAI_TERMS = "https://openai.com/policies"
_ELEVENLABS_TERMS = "https://elevenlabs.io/terms-of-use"
_AZURE_TERMS = "https://www.microsoft.com/licensing/terms"

OPENAI = Provider(
    info=_info("openai", "OpenAI's speech API, and servers that answer as it does", _OPENAI_LANGUAGES, _OPENAI_TERMS),
    base_url="https://api.openai.com/v1",
    model="tts-1",
    longest=4_096,
    speeds=(0.25, 4.0),
    terms=_OPENAI_TERMS,
    voices=("alloy", "ash", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer"),
    prices={"tts-1": ListPrice(15.0, "USD"), "tts-1-hd": ListPrice(30.0, "USD")},
)
ELEVENLABS = Provider(
    info=_info("elevenlabs", "ElevenLabs", _ELEVENLABS_LANGUAGES, _ELEVENLABS_TERMS),
    base_url="https://api.elevenlabs.io",
    model="eleven_multilingual_v2",
    longest=5_000,
    speeds=(0.7, 1.2),
    terms=_ELEVENLABS_TERMS,
    seeds=True,
)
AZURE = Provider(
    info=_info("azure", "Microsoft Azure's Speech service", _AZURE_LANGUAGES, _AZURE_TERMS),
    base_url="",
    model="",
    longest=3_000,  # ten minutes of sound are the most that it answers with
    speeds=(0.5, 2.0),
    terms=_AZURE_TERMS,
    wide=True,
)
#: by name, in the order people see them
PROVIDERS: dict[str, Provider] = {one.name: one for one in (OPENAI, ELEVENLABS, AZURE)}
