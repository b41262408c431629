"""The two sides of a comparison: a version, or the engine's base, of any voice."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from daemon.database.models import Version, Voice
from daemon.errors import BadRequest
from daemon.state import remote_voices, voices


@dataclass(frozen=True)
class Side:
    """Who speaks."""

    voice: Voice
    row: Version | None  #: None: the base
    engine: str

    @property
    def number(self) -> int:
        """0: the base."""
        return self.row.number if self.row is not None else 0

    @property
    def name(self) -> str:
        """ "anna@7", "anna@base"."""
        return voices.spelt(self.voice.name, self.number)

    @property
    def language(self) -> str:
        """Empty: any, as a voice elsewhere may speak."""
        return voices.language(self.voice.language)

    @property
    def elsewhere(self) -> bool:
        """It is a voice of an engine elsewhere."""
        return remote_voices.is_one(self.voice.name)


def pair(session: Session, voice: str, a: int, b: int, voice_b: str = "") -> tuple[Side, Side]:
    """Both sides; `voice_b`: whose version b is, empty: of `voice`. The base beside a version of the same voice is of
    that version's engine. Raises NotFound, BadRequest."""
    voice_b = voice_b or voice
    if voice == voice_b and a == b:
        raise BadRequest("A version cannot be compared with itself.", "Give two versions; 0 is the base.")
    one, other = _side(session, voice, a), _side(session, voice_b, b)
    if voice == voice_b and one.row is None:
        one = Side(one.voice, None, other.engine)
    if voice == voice_b and other.row is None:
        other = Side(other.voice, None, one.engine)
    return one, other


def apart(one: Side, other: Side) -> bool:
    """Whether they are of different voices or engines: then neither can take the other's place, and what they say alike
    is all that can be held against each other."""
    return one.voice.name != other.voice.name or one.engine != other.engine


def check_language(one: Side, other: Side) -> None:
    """Raises BadRequest for two that speak different languages."""
    if one.language != other.language and one.language and other.language:
        sentence = (
            f"{one.name} speaks {one.language} and {other.name} speaks {other.language}: they have no text in common."
        )
        raise BadRequest(sentence, "Compare voices of one language.")


def language(both: tuple[Side, Side], usual: str) -> str:
    """What both are to speak; `usual`: where either speaks any."""
    return both[0].language or both[1].language or voices.language(usual)


def _side(session: Session, voice: str, number: int) -> Side:
    owner = remote_voices.get(session, voice) if remote_voices.is_one(voice) else voices.get(session, voice)
    row = voices.version(session, voice, number) if number else None
    return Side(owner, row, row.engine if row is not None else owner.engine)
