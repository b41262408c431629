"""`voice.toml` in a voice's inbox folder: its language and engine, when it trains by itself, and how.

language = "en"
engine = "glow"
auto_train = true
auto_train_min_seconds = 30
auto_push = "s3://bucket/voices"   # where each version goes that is promoted
reference = ["calm.wav"]   # recordings that the voice is taken from

[train]        # training options
steps = 2000
[promotion]    # when a version is better than the one before
[dataset]      # which clips are dropped
[budget]       # what the voice may cost a month
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from daemon import names
from daemon.budget_settings import BUDGET
from daemon.database.models import Voice
from daemon.database.store import settings_of
from daemon.errors import BadRequest, NotFound, NotNow
from daemon.inbox.folder import InboxFolder
from daemon.places import place
from daemon.places.allowed import AUTO_PUSH
from daemon.settings import SETTINGS
from daemon.state import budgets, cut_settings, datasets, judging, people, voices
from daemon.state.heard_language import AUTO, OPTION
from engines import registry
from engines.capabilities import Capability
from engines.errors import BadInput
from engines.judging.limits import Limits
from engines.metrics.rule import Rule
from engines.setting import Setting, checked, shown
from engines.training import settings
from proto import money, people_toml
from proto.people_toml import BadToml

if TYPE_CHECKING:
    from engines.base import EngineInfo

#: Keys beside the tables `train`, `promotion` and `dataset`.
KEYS: dict[str, Setting] = {
    "language": replace(
        SETTINGS["default_language"],
        what="ISO 639-1, one that the engine knows; `auto`: the one that Whisper hears, and until then as without it",
        form=f'a code, like "en" or "de", or "{AUTO}"',
        pattern=f"{AUTO}|{SETTINGS['default_language'].pattern}",
        follows="`default_language`",
    ),
    "engine": replace(SETTINGS["default_engine"], what="docs/engines.md has them", follows="`default_engine`"),
    "auto_train": SETTINGS["auto_train"],
    "auto_train_min_seconds": SETTINGS["auto_train_min_seconds"],
    "owner": Setting(
        "the person whose voice it is, as `myna people list` has them; empty: the workstation's owner's",
        kind=str,
        form="a person's name",
        follows="whoever made it, or was given it",
    ),
    AUTO_PUSH: Setting(
        "a place that each version is pushed to once it is promoted (docs/push.md)",
        kind=str,
        form='a URL like "s3://bucket/voices"',
    ),
    "reference": Setting("recordings that the voice is taken from; left out: the best ones", kind=str, count=0),
}
TABLES = ("train", "promotion", "dataset", "budget")


@dataclass(frozen=True)
class VoiceToml:
    """A checked voice.toml. None: it does not say."""

    language: str | None  #: None, too: it is to be heard
    engine: str | None
    owner: str | None  #: empty: the workstation's
    options: dict[str, Any]  #: the rest, as `Voice.options` holds it


def read(folder: InboxFolder) -> VoiceToml:
    """The voice.toml of a voice's inbox folder. Raises BadRequest as `parse` does; OSError if it cannot be read."""
    with folder.open(names.VOICE_TOML) as file:
        return parse(file.read(people_toml.LIMIT + 1))


def parse(data: bytes) -> VoiceToml:
    """Raises BadRequest with a sentence that names the key."""
    try:
        values = people_toml.loads(data)
    except BadToml as bad:
        raise BadRequest(f"voice.toml {bad.sentence}", bad.hint) from None
    try:
        tables = {key: values.pop(key) for key in TABLES if key in values}
        given = checked(KEYS, values, "voice")
    except BadInput as error:
        raise BadRequest(f"voice.toml: {error}", error.hint) from None
    if AUTO_PUSH in given:
        try:
            given[AUTO_PUSH] = str(place.parse(given[AUTO_PUSH]))
        except BadRequest as error:
            raise BadRequest(f"voice.toml: {AUTO_PUSH}: {error.sentence}", error.hint) from None
    for key, table in tables.items():
        if not isinstance(table, dict):
            raise BadRequest(
                f"voice.toml: {key} must be a table; {shown(table)} was given.",
                f"Write [{key}], and its settings below.",
            )
    language, engine, owner = (given.pop(key, None) for key in ("language", "engine", "owner"))
    if language == AUTO:
        given[OPTION] = AUTO
    return VoiceToml(
        None if language == AUTO else language,
        engine,
        owner,
        {key: list(value) if isinstance(value, tuple) else value for key, value in given.items()} | tables,
    )


def apply(session: Session, voice: Voice, given: VoiceToml) -> bool:
    """Let the voice have what its voice.toml says. True: another dataset is due, since the engine wants other clips,
    the voice has another language, or noise is to be taken out of them or left in, and the recordings are cut again, or
    since other limits keep other clips. Raises BadRequest, and changes nothing, when the voice's engine cannot do what
    is said."""
    if given.owner is not None and given.owner != (voice.owner or ""):
        _give(session, voice, given.owner)
    language, engine = given.language or voice.language, given.engine or voice.engine
    if (voice.language, voice.engine, voice.options) == (language, engine, given.options):
        return False
    _check(language, registry.ENGINES[engine], given.options)
    _check_budget(session, given.options)
    judged = voice.options.get("dataset", {}) != given.options.get("dataset", {})
    before, spoken = cut_settings.of_voice(voice), voices.language(voice.language)
    voice.language, voice.engine, voice.options = language, engine, given.options
    if given.options.get(OPTION) != AUTO:
        voice.heard_language = {}
    again = cut_settings.cut_again(session, voice, before) > 0
    if voices.language(language) != spoken:
        again = cut_settings.heard_anew(session, voice, spoken) > 0 or again
    if judged:
        judging.judge(session, voice.name)
        again = again or datasets.is_outdated(session, voice.name)
    voices.emit_voice(session, voice)
    return again


def _give(session: Session, voice: Voice, owner: str) -> None:
    try:
        people.give(session, voice.name, owner)
    except NotFound as error:
        raise BadRequest(f"voice.toml: {error.sentence}", error.hint) from None


def _check_budget(session: Session, options: dict[str, Any]) -> None:
    """A budget that could not be kept to is refused, and not left out of account."""
    limit = money.read(str(options.get("budget", {}).get("month", "")))
    if limit is not None:
        try:
            budgets.check(settings_of(session).cost, limit)
        except (BadRequest, NotNow) as error:
            raise BadRequest(f"voice.toml: {error.sentence}", error.hint) from None


def _check(language: str, engine: EngineInfo, options: dict[str, Any]) -> None:
    """What a worker would find hours later."""
    if voices.language(language) not in engine.languages:
        known = ", ".join(engine.languages)
        raise BadRequest(
            f"voice.toml: the engine {engine.name} does not know the language {language!r}.", f"It knows {known}."
        )
    try:
        if options.get("reference"):
            registry.require(engine, Capability.REFERENCES)
        if "train" in options or Capability.LEARNS in engine.capabilities:
            settings.overrides(options.get("train", {}), engine)
        Rule.from_json(options.get("promotion", {}))
        Limits.of(options.get("dataset", {}))
        checked(BUDGET, options.get("budget", {}), "budget")
    except BadInput as error:
        raise BadRequest(f"voice.toml: {error}", error.hint) from None
