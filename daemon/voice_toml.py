"""`voice.toml` in a voice's inbox folder: its language and engine, when it trains by itself, and how.

language = "en"
engine = "glow"
auto_train = true
auto_train_min_seconds = 30

[train]        # training options
steps = 2000
[promotion]    # when a version is better than the one before
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from daemon.errors import BadRequest
from daemon.models import Voice
from daemon.state import voices
from engines import registry

#: Bytes; nobody writes a longer one on purpose.
LIMIT = 100_000
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
_KEYS = ("language", "engine", "auto_train", "auto_train_min_seconds", "train", "promotion")
#: Training options that every engine has: what they must be, and how people say that.
_TRAIN: dict[str, tuple[Any, float, str]] = {
    "steps": (int, 1, "a whole number above 0"),
    "learning_rate": ((int, float), 1e-12, "a number above 0"),
    "batch_size": (int, 1, "a whole number above 0"),
    "lora_rank": (int, 0, "a whole number, 0 for none"),
    "seed": (int, 0, "a whole number"),
    "checkpoint_every": (int, 1, "a whole number of steps"),
    "eval_every": (int, 1, "a whole number of steps"),
    "patience": (int, 0, "a whole number"),
}


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
    if language is not None and engine is not None and language.split("-")[0] not in registry.ENGINES[engine].languages:
        known = ", ".join(registry.ENGINES[engine].languages)
        raise BadRequest(f"voice.toml: the engine {engine} does not know the language {language!r}.", f"It knows {known}.")
    options: dict[str, Any] = {key: values[key] for key in ("auto_train", "auto_train_min_seconds", "train", "promotion") if key in values}
    _checked(values, "auto_train", bool, "true or false")
    least = _checked(values, "auto_train_min_seconds", (int, float), "a number of seconds")
    if least is not None and least < 0:
        raise BadRequest("voice.toml sets auto_train_min_seconds below 0.", "Give a number of seconds.")
    _checked(values, "promotion", dict, "a table: [promotion]")
    _check_train(_checked(values, "train", dict, "a table: [train]") or {})
    return VoiceToml(language, engine, options)


def apply(session: Session, voice: Voice, given: VoiceToml) -> bool:
    """Let the voice have what its voice.toml says. True if that is anything new."""
    wanted = (given.language or voice.language, given.engine or voice.engine, given.options)
    if (voice.language, voice.engine, voice.options) == wanted:
        return False
    voice.language, voice.engine, voice.options = wanted
    voices.emit_voice(session, voice)
    return True


def _check_train(options: dict[str, Any]) -> None:
    for key, value in options.items():
        if key not in _TRAIN:
            if not isinstance(value, str | int | float | bool):
                raise BadRequest(f"voice.toml sets {key!r} in [train] to something that is no single value.", "Give a number or a text.")
            continue
        kind, least, what = _TRAIN[key]
        if isinstance(value, bool) or not isinstance(value, kind) or value < least:
            raise BadRequest(f"voice.toml sets {key!r} in [train] to {value!r}.", f"It must be {what}.")


def _checked(values: dict[str, Any], key: str, kind: type | tuple[type, ...], what: str) -> Any:
    value = values.get(key)
    if value is None or (isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool)):
        return value
    raise BadRequest(f"voice.toml sets {key!r} to {value!r}.", f"It must be {what}.")
