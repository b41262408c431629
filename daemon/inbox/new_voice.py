"""A new voice before there is a recording of it: its inbox folder with a `voice.toml` for its language, and what a
person is told of that language.

The folder is made aside, and gets its name when it is whole: nothing is written over, and nobody sees half of it.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from daemon import names
from daemon.database.models import Voice, now
from daemon.database.store import caller_of
from daemon.errors import BadRequest, NotNow
from daemon.home import voice_folders
from daemon.inbox import voice_toml
from daemon.inbox.folder import InboxFolder, below_of, create_in
from daemon.settings import Settings
from daemon.state import engines, voices
from daemon.state.heard_language import AUTO
from engines import recognisers, registry
from engines.base import EngineInfo
from engines.capabilities import Capability
from engines.errors import BadInput
from engines.language import Support, support
from engines.metrics.rule import RULE
from engines.recognisers import Recogniser
from engines.setting import Setting
from engines.training import settings as training
from engines.training.settings import OPTIONS
from proto import findings
from proto import myna_pb2 as pb

#: What a folder is called until it is whole. Hidden, so that the inbox leaves it alone; swept when mynad starts.
ASIDE = b".new-"
#: Settings that a new voice.toml shows, with their defaults, so that they are found.
SHOWN_OF_VOICE = ("auto_train", "auto_train_min_seconds")
SHOWN_OF_RULE = ("first_similarity_gain", "wer_loss", "confidence")


@dataclass(frozen=True)
class Plan:
    """A voice to be made."""

    name: str
    language: str  #: as given: "pt-BR"; what it counts as where it is to be heard
    engine: EngineInfo | None  #: None: none speaks the language
    support: Support
    to_hear: bool = False  #: the language is told by what is recorded


def plan(asked: pb.CreateVoiceRequest, settings: Settings, home: Path) -> Plan:
    """What is asked for, made whole. Raises BadRequest for a name or a language that cannot be, and for an engine that
    does not speak the language; NotFound for one that there is not."""
    name = names.check_voice(asked.name)
    try:
        language = str(voice_toml.KEYS["language"].check("language", asked.language or settings.default_language))
    except BadInput as error:
        raise BadRequest(str(error), error.hint) from None
    to_hear = language == AUTO
    language = settings.default_language if to_hear else language
    there = support(language, home / "weights")
    if not asked.engine:
        usual = settings.default_engine
        chosen = usual if usual in there.engines else next(iter(there.engines), "")
        return Plan(name, language, registry.ENGINES[chosen] if chosen else None, there, to_hear)
    engine = engines.info(asked.engine, Capability.SPEAKS)
    if engine.name not in there.engines:
        others = f"{_listed(there.engines)} {_do(there.engines, 'speak')} it." if there.engines else _who_speaks_what()
        raise BadRequest(f"The engine {engine.name} does not speak {language!r}.", others)
    return Plan(name, language, engine, there, to_hear)


def check_free(session: Session, home: Path, name: str) -> None:
    """Raises NotNow if there is a voice of that name, be it deleted, or a folder that it would have."""
    voices.check_free(session, name)
    if (path := voice_folders.in_the_way(home, name)) is not None:
        raise NotNow(f"The folder {path} is there already.", "Move it away, or choose another name.")


def write(home: Path, name: str, toml: bytes) -> None:
    """Make the voice's inbox folder with this voice.toml in it, and with nothing else. Raises OSError, also if there is
    something of that name that is no empty folder."""
    with InboxFolder(home).at(make=True) as inbox:
        aside = ASIDE + secrets.token_hex(8).encode()
        os.mkdir(aside, dir_fd=inbox)
        try:
            folder = below_of(inbox, aside)
            try:
                _write_synced(folder, toml)
                os.rename(aside, os.fsencode(name), src_dir_fd=inbox, dst_dir_fd=inbox)
            except OSError:
                with suppress(FileNotFoundError):
                    os.unlink(names.VOICE_TOML, dir_fd=folder)
                raise
            finally:
                os.close(folder)
        except OSError:
            os.rmdir(aside, dir_fd=inbox)
            raise
        os.fsync(inbox)


def _write_synced(folder: int, toml: bytes) -> None:
    with create_in(folder, names.VOICE_TOML) as file:
        file.write(toml)
        file.flush()
        os.fsync(file.fileno())
    os.fsync(folder)


def add(session: Session, plan: Plan, toml: bytes, settings: Settings) -> Voice:
    """The voice's row, as its voice.toml says it: the inbox finds nothing to change."""
    given = voice_toml.parse(toml)
    row = Voice(
        name=plan.name,
        language=plan.language,
        engine=given.engine or settings.default_engine,
        options=given.options,
        created=now(),
        owner=caller_of(session).name or None,
    )
    session.add(row)
    voices.emit_voice(session, row)
    return row


# ------------------------------------------------------------------------------------------------------- the voice.toml


def toml_of(plan: Plan) -> bytes:
    """Its voice.toml: what holds for the language, and as comments what people may want to change."""
    speaks, there = plan.engine, plan.support
    lines = [
        f"# The voice {plan.name}. Change what you like: Myna reads this file again whenever it changes.",
        "# Lines behind a # show the usual values; docs/configuration.md has all keys.",
        f'language = "{AUTO if plan.to_hear else plan.language}"',
    ]
    if speaks is not None:
        lines += [f'engine = "{speaks.name}"', *_shown(voice_toml.KEYS, SHOWN_OF_VOICE)]
    else:
        lines += [
            f"# No engine speaks {there.code} yet. Name one here when there is one, and take auto_train away:",
            f'# engine = "{next(iter(registry.ENGINES))}"',
            "auto_train = false",
        ]
    lines += ["", "[train]", "# What is left out follows from the engine and the amount of data."]
    if speaks is not None and speaks.learning is not None:
        lines += [f"# {key} = {value}   # {OPTIONS[key].what}" for key, value in _training(speaks).items()]
    lines += ["", "[promotion]", "# When a version takes the place of the one before it."]
    lines += _shown(RULE, SHOWN_OF_RULE)
    if there.recogniser is None:
        lines += [f"# {RULE['without_wer'].what}: none here hears {there.code}", "without_wer = true"]
    return ("\n".join(lines) + "\n").encode()


def _training(engine: EngineInfo) -> dict[str, float]:
    """How a voice is trained first where its voice.toml says nothing."""
    usual = training.plan(engine, 1, 1, True, training.overrides({}, engine))
    shown: dict[str, float] = {"steps": usual.steps, "learning_rate": usual.learning_rate}
    if Capability.ADAPTS in engine.capabilities:
        shown["lora_rank"] = usual.lora.rank if usual.lora is not None else 0
    return shown


def _shown(known: dict[str, Setting], keys: tuple[str, ...]) -> list[str]:
    return [f"# {key} = {_value(known[key])}   # {known[key].what}" for key in keys]


def _value(setting: Setting) -> str:
    return str(setting.usual).lower() if isinstance(setting.usual, bool) else str(setting.usual)


# ------------------------------------------------------------------------------------------------- what people are told


def told(session: Session, plan: Plan, home: Path) -> list[pb.Finding]:
    """What is there for the language and what is missing, each with what to do."""
    found = [_to_hear(plan, home)] if plan.to_hear else []
    found += [_engine(session, plan, home), _numbers(plan.support)]
    found += [_package(plan.engine.name, plan.support)] if plan.engine is not None else []
    return [*found, _recogniser(plan.support, home), _further(plan.support)]


def _engine(session: Session, plan: Plan, home: Path) -> pb.Finding:
    if plan.engine is None:
        hint = f"{plan.name} collects recordings and does not train until `engine` in its voice.toml names one."
        return findings.problem("engine", f"No engine speaks {plan.support.code}. {_who_speaks_what()}", hint)
    state = engines.state(session, plan.engine, home)
    others = [name for name in plan.support.engines if name != plan.engine.name]
    also = f" ({_listed(tuple(others))} {_do(others, 'speak')} it, too.)" if others else ""
    sentence = f"{plan.engine.name} speaks {plan.support.code}. {state.sentence}{also}"
    return findings.ok("engine", sentence) if state.ready else findings.note("engine", sentence)


def _to_hear(plan: Plan, home: Path) -> pb.Finding:
    until = f"It counts as {plan.language} until enough was heard."
    if plan.support.recogniser is Recogniser.WHISPER:
        return findings.ok("language", f"Whisper tells the language by the recordings. {until}")
    sentence = f"Only Whisper tells the language by the recordings, and it is not here. {until}"
    return findings.note("language", sentence, recognisers.how_to_get(home / "weights"))


def _numbers(there: Support) -> pb.Finding:
    if there.numbers:
        return findings.ok("numbers", f"Numbers in texts of {there.code} are compared as words.")
    sentence = f"Numbers in texts of {there.code} are compared as digits: num2words has no words for them."
    return findings.note("numbers", sentence, "Write numbers as words in the transcripts.")


def _package(engine: str, there: Support) -> pb.Finding:
    needed = there.packages.get(engine)
    if needed is None:
        return findings.ok("text", f"{engine} reads texts of {there.code} without a further package.")
    if needed.here:
        return findings.ok("text", f"{engine} reads texts of {there.code} by the package {needed.name}.")
    sentence = f"{engine} reads texts of {there.code} by the package {needed.name}, which is not installed."
    return findings.note("text", sentence, 'Install it: pip install "myna-voice[languages]".')


def _recogniser(there: Support, home: Path) -> pb.Finding:
    get = recognisers.how_to_get(home / "weights")
    match there.recogniser:
        case Recogniser.WHISPER:
            return findings.ok("recogniser", f"Whisper hears {there.code}: recordings need no transcripts.")
        case Recogniser.POCKETSPHINX:
            sentence = f"PocketSphinx hears {there.code}, weakly: recordings are understood better with Whisper."
            return findings.ok("recogniser", f"{sentence} {get}")
    sentence = f"No recogniser here hears {there.code}: recordings need their text beside them, and versions are "
    sentence += "judged without word errors."
    return findings.note("recogniser", sentence, get)


def _further(there: Support) -> pb.Finding:
    name = "further texts"
    if there.further_texts:
        sentence = f"{there.further_texts} further texts of {there.code} are spoken where the held-out lines do not"
        return findings.ok(name, f"{sentence} decide.")
    sentence = f"There are no further texts of {there.code}: only the held-out lines decide which version is better."
    return findings.note(name, sentence, "Record more: about a tenth of the recordings is held out.")


def _who_speaks_what() -> str:
    each = (f"{info.name} speaks {' '.join(info.languages)}" for info in registry.having(Capability.SPEAKS))
    return f"{'; '.join(each)}."


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def _do(names: object, verb: str) -> str:
    """ "speaks" for one, "speak" for more."""
    return verb if isinstance(names, list | tuple) and len(names) > 1 else f"{verb}s"
