"""`voice.toml` in a voice's inbox folder: its language and engine, when it trains by itself, and how.

language = "en"
engine = "glow"
auto_train = true
auto_train_min_seconds = 30
reference = ["calm.wav"]   # recordings that the voice is taken from

[train]        # training options
steps = 2000
[promotion]    # when a version is better than the one before
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from daemon.errors import BadRequest
from daemon.models import Voice
from daemon.state import recordings, voices
from engines import capabilities, registry
from engines.capabilities import Capability
from engines.errors import BadInput
from engines.metrics import gate
from engines.training import settings

if TYPE_CHECKING:
    from engines.base import EngineInfo

#: Bytes; nobody writes a longer one on purpose.
LIMIT = 100_000
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
_KEYS = ("language", "engine", "auto_train", "auto_train_min_seconds", "reference", "train", "promotion")


@dataclass(frozen=True)
class VoiceToml:
    """A checked voice.toml. None: it does not say."""

    language: str | None
    engine: str | None
    options: dict[str, Any]  #: the rest, as `Voice.options` holds it


def parse(data: bytes) -> VoiceToml:
    """Raises BadRequest with a sentence that names the key."""
    if len(data) > LIMIT:
        raise BadRequest(f"voice.toml has {len(data)} bytes, which is too much.", f"At most {LIMIT} are read.")
    try:
        values = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise BadRequest("voice.toml is not UTF-8 text.", "Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise BadRequest(f"voice.toml is not valid TOML: {str(error).rstrip('.')}.", "Mend or remove it.") from None
    for key in values:
        if key not in _KEYS:
            raise BadRequest(f"voice.toml sets {key!r}, which is no option of a voice.", f"There are: {', '.join(_KEYS)}.")
    engine = _checked(values, "engine", str, 'a name, like "glow"')
    if engine is not None and engine not in registry.ENGINES:
        raise BadRequest(f"voice.toml names the engine {engine!r}, which there is not.", f"There are: {', '.join(registry.ENGINES)}.")
    language = _checked(values, "language", str, 'a code, like "en"')
    if language is not None and not _LANGUAGE.fullmatch(language):
        raise BadRequest(f"voice.toml sets the language to {language!r}.", 'Use an ISO 639-1 code, like "en" or "de".')
    options: dict[str, Any] = {key: values[key] for key in _KEYS[2:] if key in values}
    _checked(values, "auto_train", bool, "true or false")
    least = _checked(values, "auto_train_min_seconds", (int, float), "a number of seconds")
    if least is not None and least < 0:
        raise BadRequest("voice.toml sets auto_train_min_seconds below 0.", "Give a number of seconds.")
    reference = _checked(values, "reference", list, 'a list of recordings, like ["calm.wav"]')
    if reference is not None and not all(isinstance(name, str) and name for name in reference):
        raise BadRequest(f"voice.toml sets 'reference' to {reference!r}.", 'It must be a list of recordings, like ["calm.wav"].')
    _checked(values, "promotion", dict, "a table: [promotion]")
    _checked(values, "train", dict, "a table: [train]")
    return VoiceToml(language, engine, options)


def apply(session: Session, voice: Voice, given: VoiceToml) -> bool:
    """Let the voice have what its voice.toml says. True: its recordings are to be cut again, since the engine wants other clips. Raises
    BadRequest, and changes nothing, when the voice's engine cannot do what is said."""
    language, engine = given.language or voice.language, given.engine or voice.engine
    if (voice.language, voice.engine, voice.options) == (language, engine, given.options):
        return False
    _check(language, registry.ENGINES[engine], given.options)
    again = _clips(voice.engine) != _clips(engine) and recordings.cut_again(session, voice.name) > 0
    voice.language, voice.engine, voice.options = language, engine, given.options
    voices.emit_voice(session, voice)
    return again


def _check(language: str, engine: EngineInfo, options: dict[str, Any]) -> None:
    """What a worker would find hours later."""
    if voices.language(language) not in engine.languages:
        known = ", ".join(engine.languages)
        raise BadRequest(f"voice.toml: the engine {engine.name} does not know the language {language!r}.", f"It knows {known}.")
    try:
        if options.get("reference"):
            capabilities.require(engine, Capability.REFERENCES)
        if "train" in options or Capability.LEARNS in engine.capabilities:
            settings.overrides(options.get("train", {}), engine)
        gate.Rule.from_json(options.get("promotion", {}))
    except BadInput as error:
        raise BadRequest(f"voice.toml: {error}", error.hint) from None


def _clips(engine: str) -> tuple[object, ...]:
    """What an engine's clips must be."""
    info = registry.ENGINES.get(engine)
    return (info.sample_rate, info.clip_seconds) if info is not None else ()


def _checked(values: dict[str, Any], key: str, kind: type | tuple[type, ...], what: str) -> Any:
    value = values.get(key)
    if value is None or (isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool)):
        return value
    raise BadRequest(f"voice.toml sets {key!r} to {value!r}.", f"It must be {what}.")
